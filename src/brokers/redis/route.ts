/** Which server has a topic. */

import type { Clock } from "../../api/service.ts";
import type { Commands } from "./commands.ts";
import type { RedisServer } from "./server/redis_server.ts";

/** The servers of one broker. Implemented by Shards and Cluster. */
export interface Route {
  readonly servers: Iterable<RedisServer>;
  /** Resolves when there are servers, and rejects with what is in the way. */
  start(): Promise<void>;
  /** @throws {LwsError} `broker-unavailable` */
  serverOf(topic: string): RedisServer;
  /** Does what is to be done where the topic is, be that elsewhere than at first. */
  ask<Result>(topic: string, work: (at: Commands) => Promise<Result>): Promise<Result>;
  /** Topics by what one command may be about. */
  groupsOf(topics: readonly string[]): Iterable<readonly string[]>;
  /** Names what fails as one. */
  partOf(topic: string): string;
  /** Where the leases are of those that are in the topic: one of `homes`. */
  homeOf(topic: string): string;
  readonly homes: readonly string[];
  askHome<Result>(home: string, work: (at: Commands) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** How long is waited for other servers when one is there. */
const OTHERS_MS = 1_000;

/** Begins with servers: resolves when all are there, or one and no other comes soon. */
export async function begin(servers: readonly RedisServer[], clock: Clock): Promise<void> {
  const attempts = servers.map((server) => server.start());
  const all = Promise.allSettled(attempts);
  try {
    await Promise.any(attempts);
  } catch (error) {
    throw (error as AggregateError).errors[0];
  }
  let timer: unknown;
  const soon = new Promise<void>((resolve) => timer = clock.setTimer(resolve, OTHERS_MS));
  await Promise.race([all, soon]);
  clock.clearTimer(timer);
  for (const server of servers) server.keepTrying();
}
