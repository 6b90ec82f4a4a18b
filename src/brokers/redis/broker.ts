/** A context's end of Redis: topics and what is published to them. */

import type { Clock } from "../../api/service.ts";
import type {
  Broker,
  BrokerEvents,
  BrokerHistory,
  BrokerPublish,
} from "../../api/topics/broker.ts";
import type { BrokerPresence } from "../../api/topics/broker_presence.ts";
import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { Cluster } from "./cluster/cluster.ts";
import { readFrom, readHistory } from "./history.ts";
import { decodeMessage, encodeContent } from "./message.ts";
import type { Settings } from "./options.ts";
import { type PresenceHost, RedisPresence } from "./presence/presence.ts";
import type { Commands } from "./commands.ts";
import type { Route } from "./route.ts";
import { makeScripts, type Scripts } from "./scripts.ts";
import type { RedisServer, ServerHost } from "./server/redis_server.ts";
import { Shards } from "./shards.ts";

/** The epoch of all counts, where a server that starts anew goes on with them. */
const ONE_EPOCH = "k";
/** As much of a run's id as makes it another one. */
const EPOCH_LENGTH = 10;

const NO_PLACE: Position = { epoch: "", offset: 0 };

/** One node of it. */
export class RedisBroker implements Broker, ServerHost, PresenceHost {
  readonly keepsHistory: boolean;
  readonly presence: BrokerPresence = new RedisPresence(this);
  readonly isCluster: boolean;
  readonly trustsRestarts: boolean;
  readonly route: Route;
  readonly #settings: Settings;
  #scripts: Scripts | undefined;
  #events: BrokerEvents | undefined;
  #clock: Clock | undefined;
  /** Whether `start` has resolved, and what the context was told last. */
  #hasStarted = false;
  #isUp = false;
  #isClosed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.keepsHistory = settings.history.historySize > 0;
    this.trustsRestarts = settings.restartKeepsEpoch;
    this.isCluster = settings.isCluster;
    this.route = settings.isCluster ? new Cluster(settings, this) : new Shards(settings, this);
  }

  openNode(): Broker {
    return new RedisBroker(this.#settings);
  }

  async start(events: BrokerEvents, clock: Clock): Promise<void> {
    this.#events = events;
    this.#clock = clock;
    this.#scripts ??= await makeScripts(this.#settings.history, this.isCluster);
    await this.route.start();
    if (this.#isClosed) throw new LwsError("destroyed", "the broker is closed");
    this.#hasStarted = this.#isUp = true;
  }

  // What a server tells.

  get clock(): Clock {
    return this.#clock!;
  }

  get scripts(): Scripts {
    return this.#scripts!;
  }

  onMessage({ keys }: RedisServer, channel: string, message: Uint8Array): void {
    const publication = decodeMessage(message);
    if (publication === undefined) return;
    // Without a history nothing has a place, though other contexts may keep one.
    const told = this.keepsHistory ? publication : { ...publication, ...NO_PLACE };
    this.#events?.publication(keys.topicOf(channel), told);
  }

  onLost(server: RedisServer): void {
    if (!this.#hasStarted) return;
    const servers = [...this.route.servers];
    if (servers.some(({ isBack }) => isBack)) return this.onInterrupted(server, server.channels);
    this.#isUp = false;
    // The context subscribes to all anew.
    for (const each of servers) each.forgetChannels();
    this.#events?.state(false);
  }

  onBack(server: RedisServer): void {
    if (!this.#hasStarted) return;
    if (this.#isUp) return this.onInterrupted(server, server.channels);
    this.#isUp = true;
    this.#events?.state(true);
  }

  onInterrupted({ keys }: RedisServer, channels: readonly string[]): void {
    const topics = channels.map((channel) => keys.topicOf(channel));
    if (topics.length > 0) this.#events?.interrupted(topics);
  }

  epochOf({ runId }: Commands): string {
    return this.trustsRestarts ? ONE_EPOCH : runId.slice(0, EPOCH_LENGTH);
  }

  // What the context asks.

  partOf(topic: string): string {
    return this.route.partOf(topic);
  }

  async subscribe(topics: readonly string[]): Promise<void> {
    const calls = [...this.#byServer(topics)].map(([server, some]) => {
      return server.subscribe(some.map((topic) => server.keys.channel(topic)));
    });
    await Promise.all(calls);
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    const calls = [...this.#byServer(topics)].map(([server, some]) => {
      return server.unsubscribe(some.map((topic) => server.keys.channel(topic)));
    });
    await Promise.all(calls);
  }

  #byServer(topics: readonly string[]): Map<RedisServer, string[]> {
    return Map.groupBy(topics, (topic) => this.route.serverOf(topic));
  }

  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    const body = encodeContent({ ...options, data });
    const { id, history } = options;
    const isNamed = id !== undefined && this.#settings.history.idempotencyMs > 0;
    if (!history && !isNamed) {
      return this.route.ask(topic, (server) => {
        return server.call([this.#command, server.keys.channel(topic), body]).then(() => NO_PLACE);
      });
    }
    const { publish, publishOnce } = this.scripts;
    return this.route.ask(topic, async (server) => {
      const { keys } = server;
      const channel = keys.channel(topic);
      const result = isNamed ? [keys.result(topic, id)] : [];
      if (!history) {
        await server.run(publishOnce, result, [channel, body]);
        return NO_PLACE;
      }
      const epoch = this.epochOf(server);
      const names = [keys.meta(topic), keys.stream(topic), ...result];
      const facts = [channel, epoch, body, String(data.length)];
      const answer = await server.run(publish, names, facts);
      return typeof answer === "number" ? { epoch, offset: answer } : positionOf(answer as string);
    });
  }

  get #command(): string {
    return this.isCluster ? "SPUBLISH" : "PUBLISH";
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
    return await this.route.ask(topic, async (server) => {
      const { keys } = server;
      const epoch = this.epochOf(server);
      const answer = await server.run(
        this.scripts.history,
        [keys.meta(topic), keys.stream(topic)],
        [epoch, String(readFrom(since, epoch)), String(limit)],
        true,
      );
      return readHistory(answer, epoch, since);
    });
  }

  async tops(topics: readonly string[]): Promise<readonly Position[]> {
    if (!this.keepsHistory) return topics.map(() => NO_PLACE);
    const found = new Map<string, Position>();
    const calls = [...this.route.groupsOf(topics)].map((group) => {
      return this.route.ask(group[0]!, async (server) => {
        const epoch = this.epochOf(server);
        const metas = group.map((topic) => server.keys.meta(topic));
        const offsets = await server.run(this.scripts.tops, metas, [epoch]) as readonly number[];
        for (const [i, topic] of group.entries()) found.set(topic, { epoch, offset: offsets[i]! });
      });
    });
    await Promise.all(calls);
    return topics.map((topic) => found.get(topic)!);
  }

  reconnect(): void {
    for (const server of this.route.servers) server.renewFeed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#events = undefined;
    await this.route.close();
  }
}

/** What is known of an id. */
function positionOf(result: string): Position {
  const [offset = "0", epoch = ""] = result.split(" ");
  return { epoch, offset: Number(offset) };
}
