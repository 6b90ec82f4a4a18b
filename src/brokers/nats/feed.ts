/** What comes live, told in the count that it is of. */

import type { Msg, NatsConnection } from "npm:@nats-io/nats-core@^3.4";
import type { BrokerEvents } from "../../api/topics/broker.ts";
import type { Clock } from "../../api/service.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf } from "../../base/log.ts";
import { DEAD_MS, type Line } from "./server/connection.ts";
import { decodeLive, type LiveMessage, placed, placeless } from "./message.ts";
import { type Entry, isSuspicious, type Shard } from "./shard.ts";
import { type Layout, tokenOf } from "./subjects.ts";

/** The most that waits until it is known of which count it is. */
const MOST_HELD = 10_000;

/** What the feed needs. */
export interface FeedHost {
  /** Finds out of which count a stream is, and calls {@linkcode LiveFeed.checked}. Does not reject. */
  check(shard: Shard): Promise<void>;
}

/** The topics of a context. */
export class LiveFeed {
  readonly #layout: Layout;
  readonly #shards: readonly Shard[];
  readonly #events: BrokerEvents;
  readonly #clock: Clock;
  readonly #host: FeedHost;
  /** For how long nothing can have gone by its age. */
  readonly #youngMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Topics that the server lets nothing subscribe to. */
  readonly #refused = new Set<string>();
  #generation = 0;
  /** When the connection before this one was alive for certain. */
  #aliveAt = -Infinity;

  constructor(
    setup: {
      readonly layout: Layout;
      readonly shards: readonly Shard[];
      readonly events: BrokerEvents;
      readonly clock: Clock;
      readonly historyTtlMs: number;
    },
    host: FeedHost,
  ) {
    this.#layout = setup.layout;
    this.#shards = setup.shards;
    this.#events = setup.events;
    this.#clock = setup.clock;
    this.#youngMs = setup.historyTtlMs / 2;
    this.#host = host;
  }

  entry(topic: string): Entry | undefined {
    return this.#entries.get(topic);
  }

  /** The connection is gone, and all subscriptions with it. */
  lost(): void {
    this.#generation++;
    this.#aliveAt = this.#clock.now() - DEAD_MS;
    for (const entry of this.#entries.values()) {
      entry.subscription = undefined;
      entry.live = 0;
    }
    for (const shard of this.#shards) shard.renewed();
  }

  /**
   * Whether what is known of a topic is still true if none of it is kept: nothing can have come and gone since,
   * as it would have come live, or would still be kept.
   */
  knows({ offset, generation }: Entry): boolean {
    if (offset === 0) return false;
    if (generation === this.#generation) return true;
    return generation === this.#generation - 1 &&
      this.#clock.now() - this.#aliveAt < this.#youngMs;
  }

  /** Where a topic stands, by the stream's word. */
  standsAt(entry: Entry, offset: number): void {
    entry.offset = Math.max(entry.offset, offset);
    entry.generation = this.#generation;
  }

  /** @throws {LwsError} `permission-denied` if the server does not let it */
  async subscribe(topics: readonly string[], { connection }: Line): Promise<void> {
    for (const topic of topics) {
      this.#refused.delete(topic);
      const entry = this.#entries.get(topic) ?? this.#add(topic);
      if (entry.subscription === undefined) this.#listen(entry, connection);
    }
    await connection.flush();
    const refused = topics.filter((topic) => this.#refused.delete(topic));
    if (refused.length === 0) return;
    for (const topic of refused) this.#remove(topic);
    const subject = this.#layout.live(tokenOf(refused[0]!));
    throw new LwsError(
      "permission-denied",
      `natsBroker: the server lets nothing subscribe to ${subject}`,
    );
  }

  /** Apart, as what it closes over lives as long as the subscription. */
  #listen(entry: Entry, connection: NatsConnection): void {
    entry.subscription = connection.subscribe(this.#layout.live(entry.token), {
      callback: (error, message) => {
        if (error === null) this.#come(entry, message);
        else this.#refused.add(entry.topic);
      },
    });
  }

  #add(topic: string): Entry {
    const token = tokenOf(topic);
    const shard = this.#shards[this.#layout.shardOf(token)]!;
    const entry: Entry = {
      topic,
      token,
      shard,
      subscription: undefined,
      offset: 0,
      generation: -1,
      live: 0,
    };
    this.#entries.set(topic, entry);
    shard.entries.add(entry);
    return entry;
  }

  unsubscribe(topics: readonly string[]): void {
    for (const topic of topics) this.#remove(topic);
  }

  #remove(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry === undefined) return;
    this.#entries.delete(topic);
    entry.shard.entries.delete(entry);
    entry.subscription?.unsubscribe();
    entry.subscription = undefined;
  }

  #come(entry: Entry, received: Msg): void {
    const { shard } = entry;
    const { data } = received;
    const given = decodeLive(received);
    // Without a history nothing has a place, though other contexts may keep one.
    const message = shard.epoch === "" ? { ...given, stream: undefined } : given;
    if (shard.checking !== undefined) return this.#hold(entry, message, data);
    if (message.stream !== shard.stream) return this.#tell(entry, message, data);
    if (!isSuspicious(entry, message)) return this.#tell(entry, message, data);
    this.#host.check(shard);
    this.#hold(entry, message, data);
  }

  #hold(entry: Entry, message: LiveMessage, data: Uint8Array): void {
    const { shard } = entry;
    shard.held.push({ entry, message, data });
    if (shard.held.length <= MOST_HELD) return;
    log(
      "warn",
      () => line`stream ${shard.stream} of NATS does not answer, and ${MOST_HELD} messages wait`,
    );
    shard.held = [];
    this.#events.interrupted(topicsOf(shard));
  }

  #tell(entry: Entry, message: LiveMessage, data: Uint8Array): void {
    const { shard, topic } = entry;
    // It was unsubscribed from.
    if (entry.subscription === undefined) return;
    if (message.stream !== shard.stream) {
      return this.#events.publication(topic, placeless(message, data));
    }
    const { sequence, last } = message;
    const previous = this.#previousOf(entry, sequence, last);
    shard.live = sequence;
    entry.live = sequence;
    this.standsAt(entry, sequence);
    const place = { epoch: shard.epoch, offset: sequence, previous };
    const publication = placed(message, data, place);
    shard.heardOf(sequence, publication.data);
    this.#events.publication(topic, publication);
  }

  /** Where nothing is kept before a message, the stream does not know what was before it. */
  #previousOf(entry: Entry, sequence: number, last: number): number {
    const { offset } = entry;
    if (last >= offset || sequence <= offset) return last;
    return this.knows(entry) ? offset : sequence - 1;
  }

  /** It is known now of which count a stream is. */
  checked(shard: Shard, isOther: boolean): void {
    const { held } = shard;
    shard.held = [];
    if (isOther) {
      log("notice", () => line`stream ${shard.stream} of NATS has begun anew`);
      this.#events.interrupted(topicsOf(shard));
    }
    for (const { entry, message, data } of held) {
      // What was kept of another count is read again, as it is in the stream.
      if (isOther && message.stream === shard.stream) continue;
      try {
        this.#tell(entry, message, data);
      } catch (error) {
        log("err", () => line`${messageOf(error)}`);
      }
    }
  }

  close(): void {
    this.unsubscribe([...this.#entries.keys()]);
  }
}

function topicsOf({ entries }: Shard): string[] {
  return [...entries].map(({ topic }) => topic);
}
