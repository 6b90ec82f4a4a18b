/** A broker within one process, for one context or for several that are given the same one. */

import {
  type Broker,
  type BrokerEvents,
  type BrokerHistory,
  type BrokerPublication,
  type BrokerPublish,
  type MemoryBound,
  type MemoryBrokerOptions,
} from "../api/topics/broker.ts";
import type { Position } from "../api/topics/topics.ts";
import type { Clock } from "../api/service.ts";
import { line, log, own } from "../base/log.ts";
import { checkMemoryBroker } from "./history_options.ts";
import { type Keeping, KeptByAge, publicationsOf } from "./kept_by_age.ts";
import { KnownIds } from "./known_ids.ts";
import { bytesOf } from "./presence/member.ts";
import { MemoryPresence, MemoryPresenceNode } from "./presence/memory_presence.ts";

/** What is to be taken. */
type Taken = Pick<BrokerPublication, "isBinary" | "sender" | "presence"> & {
  readonly history: boolean;
};

/** What is known of a topic, while it has subscribers or something is kept. */
interface Log extends Keeping {
  /** The offset of the last publication. */
  top: number;
  /** The offset of the last one that is not kept any more. */
  trimmed: number;
  readonly subscribers: Set<MemoryNode>;
}

/** How often in the life of a publication it is looked at what has had its time, if none is published. */
const LOOKS_A_LIFE = 8;
/** The longest that a timer may be. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Below so much of a bound the log tells again when it is reached. */
const QUIET_SHARE = 0.9;

/**
 * A broker in memory: what is published goes to all contexts of this worker that are given it, and to those of
 * others by {@linkcode shareBroker} and {@linkcode forkServiceLoop}; the latest of each topic are kept, if
 * `historySize` says so, and it knows which connections are in a topic. All is gone with the worker. What it keeps
 * is bounded in all as well, however many topics there are: past `historyTotalBytes` or `historyTopics` the oldest
 * publications of all topics go, which a subscriber that needs them is told as a gap.
 *
 * A text, or a message of `prepareMessage`, is kept as bytes. Offsets count all topics together, so that one topic
 * has holes between them.
 *
 * @category Topics
 * @throws {LwsError} `invalid-argument`, which names the option.
 *
 * @example A client that was away gets what it has missed
 * ```ts
 * import { createContext, handlers, memoryBroker, type Position } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   broker: memoryBroker({ historySize: 100, historyTtlMs: 60_000 }),
 *   protocols: [{
 *     name: "news",
 *     callback: handlers({
 *       // Of a client, its last position: `{"epoch":"…","offset":17}`, or `null`.
 *       async message(wsi, _user, message) {
 *         const since: Position | null = JSON.parse(String(message));
 *         const { recovered } = await wsi.subscribe("news", since ? { since } : {});
 *         if (!recovered) wsi.write("something was missed");
 *       },
 *     }),
 *   }],
 * });
 * ```
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new MemoryNode(new MemoryStore(checkMemoryBroker(options)));
}

/** What all ends of one broker have in common. */
class MemoryStore {
  readonly keepsHistory: boolean;
  readonly presence: MemoryPresence = new MemoryPresence((topic, presence, member, history) => {
    this.#take(topic, bytesOf(member), { isBinary: false, history, presence });
  });
  readonly #options: Required<MemoryBrokerOptions>;
  readonly #ids: KnownIds;
  readonly #logs = new Map<string, Log>();
  readonly #kept = new KeptByAge();
  /** The bounds that the log tells of already. */
  readonly #told = new Set<MemoryBound>();
  /** Those that have started, and not ended. */
  readonly #nodes = new Map<MemoryNode, Clock>();
  /** That of the one which has started last. */
  #clock: Clock | undefined;
  #timer: unknown;
  readonly #epoch = crypto.randomUUID();
  /** That of the last publication of any topic. */
  #offset = 0;
  /** The last one of those topics of which nothing is known any more. */
  #forgotten = 0;

  constructor(options: Required<MemoryBrokerOptions>) {
    this.#options = options;
    this.keepsHistory = options.historySize > 0;
    this.#ids = new KnownIds(options.idempotencyMs);
  }

  begin(node: MemoryNode, clock: Clock): void {
    this.#stopTimer();
    this.#clock = clock;
    this.#nodes.set(node, clock);
    this.#expire();
  }

  end(node: MemoryNode): void {
    if (!this.#nodes.delete(node)) return;
    // Its clock may stand still from now on.
    this.#stopTimer();
    this.#clock = [...this.#nodes.values()].at(-1) ?? this.#clock;
    this.#arm();
  }

  #now(): number {
    return this.#clock?.now() ?? 0;
  }

  #stopTimer(): void {
    this.#clock?.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** Where none is published any more, what is kept must not be there for good. */
  #arm(): void {
    const { oldest } = this.#kept;
    const clock = this.#clock;
    if (this.#timer !== undefined || oldest === undefined || clock === undefined) return;
    if (oldest.end === Infinity || this.#nodes.size === 0) return;
    const least = this.#options.historyTtlMs / LOOKS_A_LIFE;
    const delay = Math.min(Math.max(oldest.end - clock.now(), least), LONGEST_TIMER_MS);
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      this.#expire();
    }, delay);
    clock.keepAlive?.(this.#timer, false);
  }

  /** Lets go what has had its time, of all topics: the oldest is the first of them, as all have the same time. */
  #expire(): void {
    const now = this.#now();
    for (let { oldest } = this.#kept; oldest !== undefined && oldest.end <= now;) {
      this.#dropOldest();
      ({ oldest } = this.#kept);
    }
    this.#arm();
  }

  #dropOldest(): void {
    const log = this.#kept.oldest!.of as Log;
    this.#dropFirst(log);
    this.#forget(log.topic, log);
  }

  #dropFirst(log: Log): void {
    log.trimmed = this.#kept.removeFirst(log).publication.offset;
  }

  enter(topic: string, node: MemoryNode): void {
    this.#logOf(topic).subscribers.add(node);
  }

  leave(topic: string, node: MemoryNode): void {
    const log = this.#logs.get(topic);
    if (log === undefined) return;
    log.subscribers.delete(node);
    this.#forget(topic, log);
  }

  #logOf(topic: string): Log {
    const known = this.#logs.get(topic);
    if (known !== undefined) return known;
    const top = this.#forgotten;
    const log: Log = {
      topic,
      first: undefined,
      last: undefined,
      count: 0,
      bytes: 0,
      top,
      trimmed: top,
      subscribers: new Set<MemoryNode>(),
    };
    this.#logs.set(topic, log);
    return log;
  }

  #forget(topic: string, log: Log): void {
    if (log.subscribers.size > 0 || log.count > 0) return;
    this.#logs.delete(topic);
    this.#forgotten = Math.max(this.#forgotten, log.top);
  }

  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    const { id } = options;
    const now = this.#now();
    const known = id === undefined ? undefined : this.#ids.find(topic, id, now);
    if (known !== undefined) return Promise.resolve(known);
    const position = this.#take(topic, data, options);
    if (id !== undefined) this.#ids.add(topic, id, position, now);
    return Promise.resolve(position);
  }

  #take(
    topic: string,
    data: Uint8Array,
    { isBinary, sender, presence, history }: Taken,
  ): Position {
    const own = {
      data: data.slice(),
      isBinary,
      ...(sender !== undefined && { sender }),
      ...(presence !== undefined && { presence }),
    };
    const log = this.#logOf(topic);
    const position = { epoch: this.#epoch, offset: log.top };
    if (!history && (this.keepsHistory || presence !== undefined)) {
      // It has no place among those that are kept.
      this.#tell(topic, log, { epoch: "", offset: 0, ...own });
      this.#forget(topic, log);
      return position;
    }
    const previous = log.top;
    position.offset = log.top = ++this.#offset;
    const publication = { ...position, previous, ...own };
    if (this.keepsHistory) this.#keep(log, publication);
    else log.trimmed = log.top;
    this.#tell(topic, log, publication);
    this.#forget(topic, log);
    return position;
  }

  #keep(log: Log, publication: BrokerPublication): void {
    const { historySize, historyBytes, historyTtlMs } = this.#options;
    this.#kept.add(log, publication, this.#now() + historyTtlMs);
    while (log.count > 0 && (log.count > historySize || log.bytes > historyBytes)) {
      this.#dropFirst(log);
    }
    this.#expire();
    this.#bound("historyTopics", "topics");
    this.#bound("historyTotalBytes", "bytes");
  }

  /** Lets the oldest of all topics go, for as long as there is more than may be. */
  #bound(name: MemoryBound, what: "topics" | "bytes"): void {
    const most = this.#options[name];
    const kept = this.#kept;
    if (kept[what] <= most) {
      if (kept[what] < most * QUIET_SHARE) this.#told.delete(name);
      return;
    }
    while (kept[what] > most) this.#dropOldest();
    for (const node of this.#nodes.keys()) {
      // Of several contexts one counts it.
      if (node.tellLimit(name)) break;
    }
    if (this.#told.has(name)) return;
    this.#told.add(name);
    log("warn", line`memoryBroker: ${own(name)} (${most}) is reached: the oldest publications go`);
  }

  #tell(topic: string, log: Log, publication: BrokerPublication): void {
    for (const node of [...log.subscribers]) node.tell(topic, publication);
  }

  history(topic: string, since: Position | undefined, limit: number): Promise<BrokerHistory> {
    const epoch = this.#epoch;
    this.#expire();
    const log = this.#logs.get(topic);
    const { top, trimmed } = log ?? { top: this.#forgotten, trimmed: this.#forgotten };
    const kept = log === undefined ? [] : publicationsOf(log);
    const isOfAll = since === undefined || (since.epoch === "" && since.offset === 0);
    const from = isOfAll ? 0 : since.epoch === epoch ? since.offset : -1;
    const complete = from >= trimmed && from <= this.#offset;
    if (since === undefined) {
      const publications = kept.slice(-limit);
      return Promise.resolve({
        epoch,
        top,
        complete: complete && publications.length === kept.length,
        publications,
      });
    }
    const publications = kept.filter(({ offset }) => offset > from).slice(0, limit);
    return Promise.resolve({ epoch, top, complete, publications });
  }

  tops(topics: readonly string[]): Promise<readonly Position[]> {
    return Promise.resolve(topics.map((topic) => ({
      epoch: this.#epoch,
      offset: this.#logs.get(topic)?.top ?? this.#forgotten,
    })));
  }
}

/** The end of one context. */
class MemoryNode implements Broker {
  readonly keepsHistory: boolean;
  readonly presence: MemoryPresenceNode;
  readonly #store: MemoryStore;
  readonly #topics = new Set<string>();
  #events: BrokerEvents | undefined;
  #now: () => number = () => 0;

  constructor(store: MemoryStore) {
    this.#store = store;
    this.presence = new MemoryPresenceNode(store.presence, () => this.#now());
    this.keepsHistory = store.keepsHistory;
  }

  openNode(): Broker {
    return new MemoryNode(this.#store);
  }

  start(events: BrokerEvents, clock: Clock): Promise<void> {
    this.#events = events;
    this.#now = () => clock.now();
    this.#store.begin(this, clock);
    return Promise.resolve();
  }

  tell(topic: string, publication: BrokerPublication): void {
    this.#events?.publication(topic, publication);
  }

  /** Whether there is a context that counts it. */
  tellLimit(name: MemoryBound): boolean {
    this.#events?.limit?.(name);
    return this.#events?.limit !== undefined;
  }

  subscribe(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      this.#topics.add(topic);
      this.#store.enter(topic, this);
    }
    return Promise.resolve();
  }

  unsubscribe(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      if (this.#topics.delete(topic)) this.#store.leave(topic, this);
    }
    return Promise.resolve();
  }

  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    return this.#store.publish(topic, data, options);
  }

  history(topic: string, since: Position | undefined, limit: number): Promise<BrokerHistory> {
    return this.#store.history(topic, since, limit);
  }

  tops(topics: readonly string[]): Promise<readonly Position[]> {
    return this.#store.tops(topics);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#events = undefined;
    await this.unsubscribe([...this.#topics]);
    this.presence.close();
    this.#store.end(this);
  }
}
