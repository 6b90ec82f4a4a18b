/** A TLS handshake that is under way. */

import { LwsError } from "../base/errors.ts";
import type { TransportDuplex } from "./transport_duplex.ts";
import type { TlsTransport } from "./transport.ts";

/** A TLS handshake that is under way. How long it may take is its owner's concern. */
export interface TlsHandshake {
  /**
   * Fulfils when the peer is one to talk to; rejects with a {@linkcode LwsError} when it isn't, or
   * when the connection was lost or closed. Then all is closed. Need not be listened to.
   */
  readonly done: Promise<TlsTransport>;
  /** Gives up and closes the connection below. Harmless when repeated, and once it is done. */
  close(): void;
}

const LOST = "the peer closed the connection in the TLS handshake, or it was lost";

/** The handshake as the two sides drive it. */
export class PendingHandshake implements TlsHandshake {
  readonly done: Promise<TlsTransport>;
  readonly #duplex: TransportDuplex;
  readonly #resolve: (transport: TlsTransport) => void;
  readonly #reject: (error: LwsError) => void;
  #isOver = false;

  constructor(duplex: TransportDuplex) {
    this.#duplex = duplex;
    const { promise, resolve, reject } = Promise.withResolvers<TlsTransport>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    promise.catch(() => {});
    // `node:tls` closes what it can't make sense of, and says so a moment later.
    const lost = (cause?: unknown) =>
      setImmediate(() => this.fail(new LwsError("connection-closed", LOST, { cause })));
    duplex.whenGone = lost;
    duplex.whenEnded = lost;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  succeed(transport: TlsTransport): void {
    this.#isOver = true;
    this.#resolve(transport);
  }

  fail(error: LwsError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reject(error);
    this.#duplex.destroy();
    // Time enough for an alert to leave, and no more, if the peer doesn't read.
    setImmediate(() => this.#duplex.abort());
  }

  close(): void {
    if (this.#isOver) return;
    this.fail(new LwsError("connection-closed", "the TLS handshake was given up"));
    this.#duplex.abort();
  }
}

/** A failure of `node:tls` as an {@linkcode LwsError}. */
export function handshakeFailed(cause: unknown): LwsError {
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (code === "ECONNRESET") return new LwsError("connection-closed", LOST, { cause });
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LwsError("tls-handshake-failed", `the TLS handshake failed: ${why}`, { cause });
}
