/** The clients of a context that something goes on for beside their connection. */

import { ClientSupervisor } from "./supervisor.ts";
import type { CheckedClient } from "../client_options.ts";
import type { ClientEnd, ClientWatch } from "../../connection/client/watch.ts";
import type { ClientTarget } from "../../connection/client/route.ts";
import type { Connection } from "../../connection/connection.ts";

/** What makes connections. Implemented by ServingContext. */
export interface Connecting {
  connect(target: ClientTarget, user: unknown): Connection;
}

/** Those that are watched, by the connection that each has now. */
export class Clients implements ClientWatch {
  readonly #context: Connecting;
  readonly #watched = new Map<object, ClientSupervisor>();

  constructor(context: Connecting) {
    this.#context = context;
  }

  /** Begins to connect. */
  connect({ target, user, signal }: CheckedClient): Connection {
    const connection = this.#context.connect(target, user);
    if (signal === undefined) return connection;
    this.#watched.set(connection, new ClientSupervisor(connection, signal));
    return connection;
  }

  ended(connection: object, _end: ClientEnd): void {
    this.#watched.get(connection)?.stop();
    this.#watched.delete(connection);
  }
}
