/**
 * Topics over Redis: what is published reaches the subscribers of all contexts, in any process on any machine,
 * and the latest of it is kept, if `historySize` says so.
 *
 * @example
 * ```ts ignore
 * import { createContext, handlers } from "jsr:@x/lws";
 * import { redisBroker } from "jsr:@x/lws/redis";
 *
 * await using context = createContext({
 *   port: 7681,
 *   broker: redisBroker({ url: "redis://127.0.0.1", historySize: 100 }),
 *   protocols: [{
 *     name: "chat",
 *     callback: handlers({
 *       established: (wsi) => void wsi.subscribe("room/1"),
 *       message: (wsi, _user, message) => void wsi.publish("room/1", message),
 *     }),
 *   }],
 * });
 * ```
 *
 * @module
 */

import type { Broker } from "../../api/topics/broker.ts";
import { RedisBroker } from "./broker.ts";
import { checkOptions, type RedisBrokerOptions } from "./options.ts";

export type { RedisBrokerOptions, RedisTls } from "./options.ts";

/**
 * A broker over Redis 7.0 or newer, or Valkey 7.2 or newer: the option `broker` of `createContext`.
 *
 * Each context has two connections to each server, which are made with the first use of a topic and made anew
 * when they end. What is published while a server can't be reached is rejected with `broker-unavailable` and not
 * kept; repeated with the same `id` it happens once. What subscribers miss meanwhile is made up for from
 * what is kept, or they are told of a gap.
 *
 * A list of servers shares the topics out among them; one that is away keeps its own topics waiting, and no other.
 * A Redis Cluster is told by `cluster: true`.
 *
 * Topics are kept apart from all else by their `prefix`. The server's `maxmemory-policy` had better be `noeviction`
 * or `volatile-ttl`: of what it evicts, subscribers are told as of a gap.
 *
 * It needs `--allow-net` for each server, and no other permission.
 *
 * @category Topics
 * @throws {LwsError} `invalid-argument`, which names the option. What uses it later rejects with `broker-unavailable`,
 *   whose `cause` says why, as `permission-denied`, or `unsupported` for a server that is too old.
 *
 * @example
 * ```ts
 * import { LwsError } from "@x/lws";
 * import { redisBroker } from "@x/lws/redis";
 *
 * const broker = redisBroker({
 *   url: "rediss://redis.example:6380",
 *   username: "chat",
 *   password: "secret",
 *   historySize: 100,
 *   historyTtlMs: 60_000,
 * });
 * if (!broker.keepsHistory) throw new Error("it keeps a hundred");
 * try {
 *   redisBroker({ url: "http://redis.example" });
 * } catch (error) {
 *   if (!(error instanceof LwsError) || error.code !== "invalid-argument") throw error;
 * }
 * ```
 */
export function redisBroker(options: RedisBrokerOptions): Broker {
  return new RedisBroker(checkOptions(options));
}
