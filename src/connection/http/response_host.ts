/** What an answer needs of the session that it is a part of. */

import type { ExchangeTimer } from "./exchange_timer.ts";
import type { RequestBody } from "./request_body.ts";

/** The session whose request is answered. Implemented by HttpSession. */
export interface ResponseHost {
  readonly callbacks: { defer(work: () => void): void };
  readonly timer: ExchangeTimer;
  readonly body: RequestBody | undefined;
  /** Whether a client that has closed its sending half waits for what has not been answered yet. */
  readonly halfOpen: boolean;
  /** Whole seconds that the answer says the connection is kept for; undefined where it doesn't. */
  readonly keepAliveSeconds: number | undefined;
  /** Whether the answer before it was completed without the program's doing. */
  readonly isCompletionOwed: boolean;
  /** The program says that the response is whole. */
  onComplete(): void;
  /** A page was written, and `completeIfWhole` may follow. */
  onAnswer(): void;
}
