/** The clients of a context that something goes on for beside their connection. */

import { Dialing } from "./dialing.ts";
import { type ClientHost, ClientSupervisor } from "./supervisor.ts";
import type { CheckedClient } from "../client_options.ts";
import type { Wsi } from "../../api/wsi.ts";
import type { ClientEnd, ClientWatch } from "../../connection/client/watch.ts";
import type { Connection } from "../../connection/connection.ts";

/** Those that have a signal, or connect again. */
export class Clients implements ClientWatch {
  readonly #context: ClientHost;
  /** By each connection that one has or had, as programs may have kept those. */
  readonly #supervisors = new WeakMap<object, ClientSupervisor>();
  readonly #waiting = new Set<ClientSupervisor>();

  constructor(context: ClientHost) {
    this.#context = context;
  }

  /** Begins to connect. */
  connect(client: CheckedClient, dialing?: Dialing): Connection {
    const { target, user, signal, retry } = client;
    const connection = this.#context.connect(target, user);
    if (signal !== undefined || retry !== undefined || dialing !== undefined) {
      const supervisor = new ClientSupervisor(this.#context, client, connection, {
        connected: (next) => this.#supervisors.set(next, supervisor),
        waits: (isWaiting) => {
          if (isWaiting) this.#waiting.add(supervisor);
          else this.#waiting.delete(supervisor);
        },
        established: (each) => {
          dialing?.established(each);
          return dialing !== undefined;
        },
        over: (end) => dialing?.over(end),
      });
      this.#supervisors.set(connection, supervisor);
    }
    return connection;
  }

  /** As {@linkcode connect}, with a promise of what comes of it. */
  dial(client: CheckedClient): Promise<Wsi> {
    const dialing = new Dialing({ signal: client.signal, context: this.#context });
    this.connect(client, dialing);
    return dialing.promise;
  }

  established(connection: object): void {
    this.#supervisors.get(connection)?.established();
  }

  ended(connection: object, end: ClientEnd): void {
    this.#supervisors.get(connection)?.ended(end);
  }

  cancel(connection: object): boolean {
    return this.#supervisors.get(connection)?.cancel() ?? false;
  }

  /** The context is destroyed: nothing waits any more. */
  stop(): void {
    for (const supervisor of this.#waiting) supervisor.cancel();
  }
}
