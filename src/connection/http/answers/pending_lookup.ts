/** What stands where an answer will be, while a mount or the program is asked for it. */

import type { FileTransfer } from "../../../files/engine.ts";

/** An answer that the program was asked for. Implemented by FetchedAnswer. */
export interface PendingAnswer {
  /** Whether it is not there yet. */
  readonly isPending: boolean;
  /** The context is being destroyed. */
  hurry(): void;
  /** The peer gets none of it any more, or not all. */
  abandon(why: string): void;
}

/** A listing is being made; nothing is sent yet. */
export class Lookup implements FileTransfer {
  isAbandoned = false;

  onDrain(): void {
    // What left was another response's.
  }

  abandon(): void {
    this.isAbandoned = true;
  }
}
