/** The end of one context of a broker of NATS. */

import type {
  Broker,
  BrokerEvents,
  BrokerHistory,
  BrokerPublish,
} from "../../api/topics/broker.ts";
import type { Clock } from "../../api/service.ts";
import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf } from "../../base/log.ts";
import { type Line, type LineHost, Lines } from "./server/connection.ts";
import { type FeedHost, LiveFeed } from "./feed.ts";
import { type Ends, readHistory, readTop, type Source } from "./history.ts";
import { JetStream, type StreamConfig, type StreamInfo } from "./streams/jetstream.ts";
import type { CheckedOptions } from "./options.ts";
import { NoAnswer } from "./server/requests.ts";
import { NatsPresence, type PresenceHost } from "./presence/presence.ts";
import { Publishing, type PublishingHost } from "./publishing.ts";
import { beginAnew, isRewound } from "./streams/rewound.ts";
import { Shard } from "./shard.ts";
import { checkJetStream, ensureStream, keptConfig } from "./streams/config.ts";
import { Layout, tokenOf } from "./subjects.ts";

/**
 * How long a server has to delete a stream, before it is made again: it says that it is gone before its files are, and
 * takes away those of the next one with them.
 */
const DELETION_MS = 1_000;
/** How often history is read whose messages go meanwhile, and a stream is asked about. */
const MOST_TRIES = 3;
const NO_POSITION: Position = { epoch: "", offset: 0 };

/** One context's. */
export class NatsNode implements Broker, LineHost, FeedHost, PublishingHost, PresenceHost {
  readonly keepsHistory: boolean;
  readonly #options: CheckedOptions;
  readonly #layout: Layout;
  readonly #shards: readonly Shard[];
  #events: BrokerEvents | undefined;
  #lines: Lines | undefined;
  #feed: LiveFeed | undefined;
  #clock: Clock | undefined;
  /** The ends of the pauses that are made now. */
  readonly #pauses = new Set<() => void>();
  readonly #publishing: Publishing;
  readonly presence: NatsPresence;
  /** The streams beside those of the shards that are known to be there. */
  #others: Map<string, Promise<unknown>> = new Map();

  constructor(options: CheckedOptions) {
    this.#options = options;
    this.keepsHistory = options.history.historySize > 0;
    const layout = this.#layout = new Layout(options.prefix, options.shards);
    this.#shards = Array.from(
      { length: options.shards },
      (_, i) => new Shard(i, layout.stream(i)),
    );
    this.#publishing = new Publishing(options, layout, this.#shards, this);
    this.presence = new NatsPresence(options, layout, this);
  }

  openNode(): Broker {
    return new NatsNode(this.#options);
  }

  async start(events: BrokerEvents, clock: Clock): Promise<void> {
    const { historyTtlMs } = this.#options.history;
    const setup = { layout: this.#layout, shards: this.#shards, events, clock, historyTtlMs };
    this.#events = events;
    this.#clock = clock;
    this.#feed = new LiveFeed(setup, this);
    const lines = new Lines(this.#options, this, clock);
    this.#lines = lines;
    try {
      await lines.open();
    } catch (error) {
      await lines.close();
      throw error;
    }
  }

  // The connection.

  async prepare({ connection, requests }: Line): Promise<void> {
    this.#others.clear();
    if (!this.keepsHistory) return;
    const api = new JetStream(requests);
    await checkJetStream(api, "a history needs");
    for (const shard of this.#shards) {
      const info = await this.#ensure(api, shard, shard.epoch === "");
      const isOld = !shard.identify(info) && await isRewound(api, shard, info);
      if (isOld) shard.identify(await beginAnew(api, info));
      connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.*.${shard.stream}`, {
        callback: (error) => {
          if (error === null) this.check(shard);
          else log("info", () => line`${messageOf(error)}`);
        },
      });
    }
  }

  #ensure(api: JetStream, { index }: Shard, adapts: boolean): Promise<StreamInfo> {
    return ensureStream(api, keptConfig(this.#options, this.#layout, index), adapts);
  }

  up(): void {
    this.#events?.state(true);
  }

  down(): void {
    this.#feed?.lost();
    this.#events?.state(false);
  }

  reconnect(): void {
    this.#lines?.renew();
  }

  get line(): Line {
    const lines = this.#lines;
    if (lines === undefined) {
      throw new LwsError("invalid-state", "natsBroker: it has not been started");
    }
    return lines.line;
  }

  get #api(): JetStream {
    return new JetStream(this.line.requests);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock!.setTimer(() => {
        this.#pauses.delete(end);
        resolve();
      }, ms);
      const end = () => {
        this.#clock!.clearTimer(timer);
        resolve();
      };
      this.#pauses.add(end);
    });
  }

  async ensure(config: StreamConfig, needs: string): Promise<JetStream> {
    const api = this.#api;
    let ensured = this.#others.get(config.name);
    if (ensured === undefined) {
      ensured = checkJetStream(api, needs).then(() => ensureStream(api, config, true));
      this.#others.set(config.name, ensured);
    }
    try {
      await ensured;
    } catch (error) {
      this.#others.delete(config.name);
      throw error;
    }
    return api;
  }

  now(): number {
    return this.#clock!.now();
  }

  forget(stream: string): void {
    this.#others.delete(stream);
  }

  tellPresence(
    topic: string,
    presence: "join" | "leave",
    data: Uint8Array,
    history: boolean,
  ): Promise<Position> {
    return this.#publishing.publish(topic, data, { isBinary: false, presence }, { history });
  }

  check(shard: Shard): Promise<void> {
    return shard.checking ??= this.#check(shard);
  }

  async #check(shard: Shard): Promise<void> {
    const lines = this.#lines!;
    const asked = lines.isUp ? lines.line : undefined;
    try {
      if (asked === undefined) return;
      const isOther = shard.identify(await this.#found(asked, shard));
      shard.checking = undefined;
      if (lines.isUp && lines.line === asked) this.#feed?.checked(shard, isOther);
    } catch (error) {
      log("warn", () => line`${messageOf(error)}`);
      // What is of no known count can't be told.
      if (lines.isUp && lines.line === asked) lines.renew();
    } finally {
      shard.checking = undefined;
    }
  }

  /** The stream, made again if it is gone. While one is being deleted a server may say anything. */
  async #found({ requests, connection }: Line, shard: Shard): Promise<StreamInfo> {
    const api = new JetStream(requests);
    for (let tries = 1;; tries++) {
      try {
        const info = await api.info(shard.stream);
        if (info !== undefined) return info;
        await this.pause(DELETION_MS);
        return await this.#ensure(api, shard, false);
      } catch (error) {
        if (tries === MOST_TRIES || connection.isClosed()) throw error;
        await this.pause(DELETION_MS);
      }
    }
  }

  // Topics.

  async subscribe(topics: readonly string[]): Promise<void> {
    await this.#feed!.subscribe(topics, this.line);
  }

  async unsubscribe(topics: readonly string[]): Promise<void> {
    this.#feed?.unsubscribe(topics);
    if (this.#lines?.isUp) await this.line.connection.flush();
  }

  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    // The library sends it later. What a Buffer calls a slice is no copy.
    const own = new Uint8Array(data);
    return this.#publishing.publish(topic, own, options, options);
  }

  #shardOf(token: string): Shard {
    return this.#shards[this.#layout.shardOf(token)]!;
  }

  // What is kept.

  async tops(topics: readonly string[]): Promise<readonly Position[]> {
    if (!this.keepsHistory) return topics.map(() => NO_POSITION);
    const tokens = topics.map(tokenOf);
    for (;;) {
      const shards = new Set(tokens.map((token) => this.#shardOf(token)));
      const checks = Promise.all([...shards].map((shard) => this.#isSame(shard)));
      const reads = topics.map((topic, i) => this.#top(topic, tokens[i]!));
      const [same, tops] = await Promise.all([checks, Promise.all(reads)]);
      if (same.every((each) => each)) return tops;
    }
  }

  /** Whether a stream is still the one that it was; if not, it is known now. */
  async #isSame(shard: Shard): Promise<boolean> {
    const { epoch } = shard;
    const info = await this.#api.info(shard.stream);
    if (info !== undefined && shard.isOf(info)) return true;
    await this.check(shard);
    return shard.epoch === epoch;
  }

  #source(topic: string, token: string): Source {
    const shard = this.#shardOf(token);
    const entry = this.#feed?.entry(topic);
    return {
      api: this.#api,
      shard,
      stream: shard.stream,
      subject: this.#layout.kept(shard.index, token),
      hasCopies: this.#options.replicas > 1,
      size: this.#options.history.historySize,
      known: entry !== undefined && this.#feed!.knows(entry) ? entry.offset : 0,
    };
  }

  async #top(topic: string, token: string): Promise<Position> {
    const source = this.#source(topic, token);
    const { shard, known } = source;
    const { epoch } = shard;
    const { top, end } = await this.#ends(source);
    const offset = top ?? (known > 0 ? known : end);
    const entry = this.#feed?.entry(topic);
    if (entry !== undefined && epoch === shard.epoch) this.#feed!.standsAt(entry, offset);
    return { epoch, offset };
  }

  async #ends(source: Source): Promise<Ends> {
    const top = await readTop(source);
    if (top !== undefined) return { top, end: top };
    const info = await source.api.info(source.stream);
    // Only now: what came before the end was asked for has gone by then.
    return { top: await readTop(source), end: info?.state.last_seq ?? 0 };
  }

  async history(
    topic: string,
    since: Position | undefined,
    limit: number,
  ): Promise<BrokerHistory> {
    if (!this.keepsHistory) {
      const complete = since === undefined || (since.epoch === "" && since.offset === 0);
      return { epoch: "", top: 0, complete, publications: [] };
    }
    const token = tokenOf(topic);
    for (let tries = 1;; tries++) {
      const source = this.#source(topic, token);
      const { shard } = source;
      const { epoch } = shard;
      const [isSame, ends] = await Promise.all([this.#isSame(shard), this.#ends(source)]);
      if (!isSame) continue;
      try {
        const answer = await readHistory(source, since, limit, ends);
        if (epoch === shard.epoch) return answer;
      } catch (error) {
        if (!(error instanceof NoAnswer) || tries === MOST_TRIES) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#events = undefined;
    this.#feed?.close();
    for (const end of this.#pauses) end();
    await this.#lines?.close();
  }
}
