/** How a context hears what becomes of its clients. */

import type { CloseInfo } from "../../api/reasons.ts";

/** A client that never was established. */
export interface ClientFailure {
  /** As `clientConnectionError` has it. */
  readonly text: string;
}

/** How a client's connection has ended. */
export type ClientEnd = CloseInfo | ClientFailure;

/** What hears of the clients of a context. Implemented by Clients. */
export interface ClientWatch {
  /** It has had its last reason but `wsiDestroy`. */
  ended(connection: object, end: ClientEnd): void;
}
