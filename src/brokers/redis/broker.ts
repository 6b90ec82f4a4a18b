/** A context's end of Redis: topics and what is published to them, over one server or several. */

import type { Clock } from "../../api/service.ts";
import type {
  Broker,
  BrokerEvents,
  BrokerHistory,
  BrokerPublish,
} from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { readFrom, readHistory } from "./history.ts";
import { Keys } from "./keys.ts";
import { decodeMessage, encodeContent } from "./message.ts";
import { type Settings, shardName } from "./options.ts";
import { chooseByScore } from "./rendezvous.ts";
import { makeScripts, type Script, type Scripts } from "./scripts.ts";
import { RedisServer, type ServerHost } from "./server.ts";

/** The epoch of all counts, where a server that starts anew goes on with them. */
const ONE_EPOCH = "k";
/** As much of a run's id as makes it another one. */
const EPOCH_LENGTH = 10;
/** How long `start` waits for other servers when one is there. */
const OTHERS_MS = 1_000;

const NO_PLACE: Position = { epoch: "", offset: 0 };

/** One node of it. */
export class RedisBroker implements Broker, ServerHost {
  readonly keepsHistory: boolean;
  readonly isCluster = false;
  readonly #settings: Settings;
  readonly #names: readonly string[];
  #servers: readonly RedisServer[] = [];
  #scripts: Scripts | undefined;
  #events: BrokerEvents | undefined;
  #clock: Clock | undefined;
  /** Whether `start` has resolved, and what the context was told last. */
  #hasStarted = false;
  #isUp = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.keepsHistory = settings.history.historySize > 0;
    this.#names = settings.targets.map(shardName);
  }

  openNode(): Broker {
    return new RedisBroker(this.#settings);
  }

  async start(events: BrokerEvents, clock: Clock): Promise<void> {
    this.#events = events;
    this.#clock = clock;
    this.#scripts ??= await makeScripts(this.#settings.history, this.isCluster);
    if (this.#servers.length === 0) {
      const { targets, prefix } = this.#settings;
      this.#servers = targets.map((target) => {
        return new RedisServer(target, new Keys(prefix, target.database), this);
      });
    }
    await this.#connectAll(clock);
    // It may have been closed meanwhile.
    if (this.#events === undefined) throw new LwsError("destroyed", "the broker is closed");
    this.#hasStarted = this.#isUp = true;
    for (const server of this.#servers) server.keepTrying();
  }

  /** Resolves when all are there, or one and no other comes soon. */
  async #connectAll(clock: Clock): Promise<void> {
    const attempts = this.#servers.map((server) => server.start());
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
  }

  // What a server tells.

  get clock(): Clock {
    return this.#clock!;
  }

  get scripts(): readonly Script[] {
    return Object.values(this.#scripts!);
  }

  onMessage({ keys }: RedisServer, channel: string, message: Uint8Array): void {
    const publication = decodeMessage(message);
    if (publication !== undefined) this.#events?.publication(keys.topicOf(channel), publication);
  }

  onLost(server: RedisServer): void {
    if (!this.#hasStarted) return;
    if (this.#servers.some(({ isBack }) => isBack)) return this.#interrupted(server);
    this.#isUp = false;
    for (const each of this.#servers) each.forgetChannels();
    this.#events?.state(false);
  }

  onBack(server: RedisServer): void {
    if (!this.#hasStarted) return;
    if (this.#isUp) return this.#interrupted(server);
    this.#isUp = true;
    this.#events?.state(true);
  }

  #interrupted({ channels, keys }: RedisServer): void {
    const topics = channels.map((channel) => keys.topicOf(channel));
    if (topics.length > 0) this.#events?.interrupted(topics);
  }

  // What the context asks.

  partOf(topic: string): string {
    return this.#names[this.#indexOf(topic)]!;
  }

  #indexOf(topic: string): number {
    return this.#names.length === 1 ? 0 : chooseByScore(this.#names, topic);
  }

  #serverOf(topic: string): RedisServer {
    const server = this.#servers[this.#indexOf(topic)];
    if (server === undefined) throw new LwsError("broker-unavailable", "it has not started");
    return server;
  }

  #epochOf(server: RedisServer): string {
    const { runId } = server;
    return this.#settings.restartKeepsEpoch ? ONE_EPOCH : runId.slice(0, EPOCH_LENGTH);
  }

  async subscribe(topics: readonly string[]): Promise<void> {
    const subscribe = (server: RedisServer, channels: readonly string[]) =>
      server.subscribe(channels);
    await this.#onChannels(topics, subscribe);
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    const unsubscribe = (server: RedisServer, channels: readonly string[]) =>
      server.unsubscribe(channels);
    await this.#onChannels(topics, unsubscribe);
  }

  async #onChannels(
    topics: readonly string[],
    work: (server: RedisServer, channels: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const calls = [...this.#byServer(topics)].map(([server, indices]) => {
      return work(server, indices.map((i) => server.keys.channel(topics[i]!)));
    });
    await Promise.all(calls);
  }

  /** The indices of topics, by where these are. */
  #byServer(topics: readonly string[]): Map<RedisServer, number[]> {
    const found = new Map<RedisServer, number[]>();
    for (const [i, topic] of topics.entries()) {
      const server = this.#serverOf(topic);
      const indices = found.get(server);
      if (indices === undefined) found.set(server, [i]);
      else indices.push(i);
    }
    return found;
  }

  async publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    const body = encodeContent({ data, ...options });
    const server = this.#serverOf(topic);
    const { keys } = server;
    const channel = keys.channel(topic);
    const id = this.#settings.history.idempotencyMs > 0 ? options.id : undefined;
    const result = id === undefined ? [] : [keys.result(topic, id)];
    if (!options.history) {
      if (id === undefined) await server.call(["PUBLISH", channel, body]);
      else await server.run(this.#scripts!.publishOnce, [channel, ...result], [body]);
      return NO_PLACE;
    }
    const epoch = this.#epochOf(server);
    const answer = await server.run(
      this.#scripts!.publish,
      [keys.meta(topic), keys.stream(topic), channel, ...result],
      [epoch, body, String(data.length)],
    );
    return typeof answer === "number" ? { epoch, offset: answer } : positionOf(answer as string);
  }

  async history(
    topic: string,
    since: Position | undefined,
    limit: number,
  ): Promise<BrokerHistory> {
    // Nothing has a place.
    if (!this.keepsHistory) {
      return { epoch: "", top: 0, complete: since?.offset === 0, publications: [] };
    }
    const server = this.#serverOf(topic);
    const { keys } = server;
    const epoch = this.#epochOf(server);
    const answer = await server.run(
      this.#scripts!.history,
      [keys.meta(topic), keys.stream(topic)],
      [epoch, String(readFrom(since, epoch)), String(limit)],
      true,
    );
    return readHistory(answer, epoch, since);
  }

  async tops(topics: readonly string[]): Promise<readonly Position[]> {
    if (!this.keepsHistory) return topics.map(() => NO_PLACE);
    const tops: Position[] = new Array(topics.length);
    const work = [...this.#byServer(topics)].map(async ([server, indices]) => {
      const epoch = this.#epochOf(server);
      const metas = indices.map((i) => server.keys.meta(topics[i]!));
      const offsets = await server.run(this.#scripts!.tops, metas, [epoch]) as readonly number[];
      for (const [at, i] of indices.entries()) tops[i] = { epoch, offset: offsets[at]! };
    });
    await Promise.all(work);
    return tops;
  }

  reconnect(): void {
    for (const server of this.#servers) server.renewFeed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#events = undefined;
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}

/** What is known of an id. */
function positionOf(result: string): Position {
  const [offset = "0", epoch = ""] = result.split(" ");
  return { epoch, offset: Number(offset) };
}
