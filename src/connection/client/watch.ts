/** How a context hears what becomes of its clients. */

import type { CloseInfo } from "../../api/reasons.ts";
import type { ResponseHead } from "../../core/http/head.ts";

/** A client that never was established. */
export interface ClientFailure {
  /** As `clientConnectionError` has it. */
  readonly text: string;
  /** The answer of a server or a proxy that refuses. */
  readonly answer: ResponseHead | undefined;
  /** The beginning of its body. */
  readonly body: string;
  /** Whether the server has answered anything, be it no good handshake. */
  readonly wasAnswered: boolean;
  /** What the way to the server has failed with, if it was that. */
  readonly error: unknown;
  /** Whether the program has ended it, or something of its own. */
  readonly isOwn: boolean;
}

/** How a client's connection has ended. */
export type ClientEnd = CloseInfo | ClientFailure;

/** What hears of the clients of a context, by their connections. Implemented by Clients. */
export interface ClientWatch {
  /** Its handshake is done. */
  established(connection: object): void;
  /** It has had its last reason but `wsiDestroy`. */
  ended(connection: object, end: ClientEnd): void;
  /** The program closes a connection that has ended, or is about to; whether that keeps it from another one. */
  cancel(connection: object): boolean;
}
