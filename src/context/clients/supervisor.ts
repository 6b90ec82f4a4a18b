/** What goes on for a client beside its connection. */

import { ClientHandshake } from "../../connection/client/handshake.ts";
import type { Connection } from "../../connection/connection.ts";

const CLOSE_NORMAL = 1000;

/** Ends a client when its signal aborts. */
export class ClientSupervisor {
  readonly #connection: Connection;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#abort();

  constructor(connection: Connection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The client is over. */
  stop(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #abort(): void {
    const { phase } = this.#connection;
    if (phase instanceof ClientHandshake) phase.giveUp("signal has aborted");
    else this.#connection.close("self", CLOSE_NORMAL, "");
  }
}
