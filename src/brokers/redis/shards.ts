/** One server, or several of which each has a part of the topics for good. */

import { LwsError } from "../../base/errors.ts";
import { Keys } from "./keys.ts";
import { type Settings, shardName } from "./options.ts";
import { chooseByScore } from "./rendezvous.ts";
import { begin, type Route } from "./route.ts";
import type { Commands } from "./commands.ts";
import { RedisServer, type ServerHost } from "./server/redis_server.ts";

/** They, by their names. */
export class Shards implements Route {
  readonly servers: readonly RedisServer[];
  readonly #names: readonly string[];
  readonly #host: ServerHost;

  constructor({ targets, prefix }: Settings, host: ServerHost) {
    this.#host = host;
    this.#names = targets.map(shardName);
    this.servers = targets.map((target) => {
      return new RedisServer(target, new Keys(prefix, target.database), host);
    });
  }

  async start(): Promise<void> {
    await begin(this.servers, this.#host.clock);
  }

  serverOf(topic: string): RedisServer {
    const server = this.servers[this.#indexOf(topic)];
    if (server === undefined) throw new LwsError("broker-unavailable", "there is no server");
    return server;
  }

  ask<Result>(topic: string, work: (at: Commands) => Promise<Result>): Promise<Result> {
    try {
      return work(this.serverOf(topic));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  groupsOf(topics: readonly string[]): Iterable<readonly string[]> {
    return Map.groupBy(topics, (topic) => this.#indexOf(topic)).values();
  }

  partOf(topic: string): string {
    return this.#names[this.#indexOf(topic)]!;
  }

  // Each has the leases for its own topics, so that none depends on another.

  get homes(): readonly string[] {
    return this.#names;
  }

  homeOf(topic: string): string {
    return this.partOf(topic);
  }

  async askHome<Result>(home: string, work: (at: Commands) => Promise<Result>): Promise<Result> {
    return await work(this.servers[this.#names.indexOf(home)]!);
  }

  #indexOf(topic: string): number {
    return this.#names.length === 1 ? 0 : chooseByScore(this.#names, topic);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}
