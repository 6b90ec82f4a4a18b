/** One server, or several of which each has a part of the topics for good. */

import { LwsError } from "../../base/errors.ts";
import { Keys } from "./keys.ts";
import { type Settings, shardName } from "./options.ts";
import { chooseByScore } from "./rendezvous.ts";
import type { Route } from "./route.ts";
import { RedisServer, type ServerHost } from "./server.ts";

/** How long `start` waits for other servers when one is there. */
const OTHERS_MS = 1_000;

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

  /** Resolves when all are there, or one and no other comes soon. */
  async start(): Promise<void> {
    const attempts = this.servers.map((server) => server.start());
    const all = Promise.allSettled(attempts);
    try {
      await Promise.any(attempts);
    } catch (error) {
      throw (error as AggregateError).errors[0];
    }
    const { clock } = this.#host;
    let timer: unknown;
    const soon = new Promise<void>((resolve) => timer = clock.setTimer(resolve, OTHERS_MS));
    await Promise.race([all, soon]);
    clock.clearTimer(timer);
    for (const server of this.servers) server.keepTrying();
  }

  serverOf(topic: string): RedisServer {
    const server = this.servers[this.#indexOf(topic)];
    if (server === undefined) throw new LwsError("broker-unavailable", "there is no server");
    return server;
  }

  async ask<Result>(
    topic: string,
    work: (server: RedisServer) => Promise<Result>,
  ): Promise<Result> {
    return await work(this.serverOf(topic));
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

  async askHome<Result>(
    home: string,
    work: (server: RedisServer) => Promise<Result>,
  ): Promise<Result> {
    return await work(this.servers[this.#names.indexOf(home)]!);
  }

  #indexOf(topic: string): number {
    return this.#names.length === 1 ? 0 : chooseByScore(this.#names, topic);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}
