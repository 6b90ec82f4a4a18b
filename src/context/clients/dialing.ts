/** A client that the program waits for by a promise. */

import type { RefusedHandshake } from "../../api/client/dial.ts";
import type { Wsi } from "../../api/wsi.ts";
import { LwsError, type LwsErrorCode } from "../../base/errors.ts";
import type { ClientEnd, ClientFailure } from "../../connection/client/watch.ts";
import type { Connection } from "../../connection/connection.ts";
import { closedError } from "../../connection/messages/end.ts";

/** What a dial is about, beside its connection. */
export interface DialCircumstances {
  readonly signal: AbortSignal | undefined;
  readonly context: { readonly isDestroyed: boolean };
}

/** One call of `dial`. */
export class Dialing {
  readonly promise: Promise<Wsi>;
  readonly #circumstances: DialCircumstances;
  #resolve!: (wsi: Wsi) => void;
  #reject!: (error: LwsError) => void;
  #isSettled = false;

  constructor(circumstances: DialCircumstances) {
    this.#circumstances = circumstances;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The handshake is done, and the callback is about to hear of it. */
  established(connection: Connection): void {
    connection.holdForDial(true);
    queueMicrotask(() => {
      // If the callback has ended it, that is told once it is gone.
      if (connection.isEstablished) this.#fulfil(connection);
    });
  }

  #fulfil(connection: Connection): void {
    this.#isSettled = true;
    this.#resolve(connection.wsi);
    // All that the program awaits of promises alone has run by then.
    setImmediate(() => connection.holdForDial(false));
  }

  /** There is no connection, and there will be none. */
  over(end: ClientEnd): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#reject("code" in end ? closedError("dial", end) : this.#errorOf(end));
  }

  #errorOf(failure: ClientFailure): LwsError {
    const { signal, context } = this.#circumstances;
    const { text, error } = failure;
    if (signal?.aborted) return errorOf("aborted", text, signal.reason);
    if (context.isDestroyed) return errorOf("destroyed", text, error);
    const { answer } = failure;
    if (answer !== undefined) return errorOf("handshake-refused", text, refusalOf(failure));
    // A TLS handshake that was cut short tells of a connection below, and here there was none yet.
    const isOfItsOwn = error instanceof LwsError && error.code !== "connection-closed";
    if (isOfItsOwn) return errorOf(error.code, text, error);
    const code = failure.wasAnswered ? "handshake-refused" : "connect-failed";
    return errorOf(code, text, error);
  }
}

function errorOf(code: LwsErrorCode, text: string, cause: unknown): LwsError {
  return new LwsError(code, `dial: ${text}`, cause === undefined ? {} : { cause });
}

function refusalOf({ answer, body }: ClientFailure): RefusedHandshake {
  const { status, fields } = answer!;
  return Object.freeze({ status, headers: new Headers([...fields.entries()]), body });
}

/** What an argument of `clientConnect` is refused with, as `dial` says it. */
export function asOfDial(error: unknown): unknown {
  if (!(error instanceof LwsError)) return error;
  const text = error.message.replace(/^clientConnect: /gm, "dial: ");
  return new LwsError(error.code, text, { cause: error.cause ?? error });
}
