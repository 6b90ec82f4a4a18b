/** Which server has a topic. */

import type { RedisServer } from "./server.ts";

/** The servers of one broker. Implemented by Shards and Cluster. */
export interface Route {
  readonly servers: Iterable<RedisServer>;
  /** Resolves when there are servers, and rejects with what is in the way. */
  start(): Promise<void>;
  /** @throws {LwsError} `broker-unavailable` */
  serverOf(topic: string): RedisServer;
  /** Does what is to be done at the server that has the topic, be it another one than at first. */
  ask<Result>(topic: string, work: (server: RedisServer) => Promise<Result>): Promise<Result>;
  /** Names what fails as one. */
  partOf(topic: string): string;
  /** Where the leases are of those that are in the topic: one of `homes`. */
  homeOf(topic: string): string;
  readonly homes: readonly string[];
  askHome<Result>(home: string, work: (server: RedisServer) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}
