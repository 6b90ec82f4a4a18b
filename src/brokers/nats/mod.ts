/**
 * Topics that contexts of many processes and machines share, by NATS and its JetStream.
 *
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { natsBroker } from "@x/lws/nats";
 *
 * await using context = createContext({
 *   port: 0,
 *   broker: natsBroker({ servers: ["nats-1:4222", "nats-2:4222"], historySize: 100 }),
 *   protocols: [{
 *     name: "chat",
 *     callback: handlers({
 *       established: (wsi) => void wsi.subscribe("room"),
 *     }),
 *   }],
 * });
 * ```
 *
 * @module
 */

import type { Broker } from "../../api/topics/broker.ts";
import { NatsNode } from "./broker.ts";
import { checkOptions, type NatsOptions } from "./options.ts";

export type { NatsOptions, NatsTls } from "./options.ts";

/**
 * A broker of [NATS](https://nats.io): the option `broker` of `createContext`. It can be given to several contexts; each
 * of them has a connection of its own.
 *
 * Without `historySize` a publication is one message of NATS, and comes at most once. With it, it is kept by a
 * stream of JetStream, which is made if it is missing, and changed if it has other limits. JetStream is
 * also needed for publications with an `id`, and for presence. Needed is nats-server 2.9 or newer; one before 2.10 is warned about.
 *
 * A topic of which nothing is kept any more, as all is older than `historyTtlMs`, has no end in NATS: only a context
 * that has been subscribed to it since knows that nothing was missed there, and a client that comes back to another one
 * is told that something may have been.
 *
 * What it makes in NATS, and which permissions a user needs there, is in `docs/guide/nats.md`.
 *
 * Needs `--allow-net` for each server, by the name that is given.
 *
 * @category Topics
 * @throws {LwsError} `invalid-argument`, which names the option. What the connection fails with is logged, and it
 *   is tried again: `broker-unavailable`; `permission-denied` without `--allow-net`; `unsupported` where the server is
 *   too old, or has no JetStream, or a stream can't be changed.
 *
 * @example Three servers keep the last hundred publications of each topic for an hour
 * ```ts
 * import { natsBroker } from "@x/lws/nats";
 *
 * const broker = natsBroker({
 *   servers: ["tls://nats-1", "tls://nats-2", "tls://nats-3"],
 *   token: "s3cr3t",
 *   replicas: 3,
 *   historySize: 100,
 *   historyTtlMs: 3_600_000,
 * });
 * ```
 */
export function natsBroker(options: NatsOptions): Broker {
  return new NatsNode(checkOptions(options));
}
