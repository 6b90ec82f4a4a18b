/** A broker within one process, for one context or for several that are given the same one. */

import {
  type Broker,
  type BrokerEvents,
  type BrokerHistory,
  type BrokerPublication,
  type BrokerPublish,
  type HistoryOptions,
} from "../api/topics/broker.ts";
import type { Position } from "../api/topics/topics.ts";
import type { Clock } from "../api/service.ts";
import { checkHistory } from "./history_options.ts";
import { KnownIds } from "./known_ids.ts";
import { bytesOf } from "./presence/member.ts";
import { MemoryPresence, MemoryPresenceNode } from "./presence/memory_presence.ts";

/** What is to be taken. */
type Taken = Pick<BrokerPublication, "isBinary" | "sender" | "presence"> & {
  readonly history: boolean;
};

interface Kept extends BrokerPublication {
  readonly previous: number;
  /** From when on it is not kept any more. */
  readonly end: number;
}

/** What is known of a topic, while it has subscribers or something is kept. */
interface Log {
  /** The offset of the last publication. */
  top: number;
  /** The offset of the last one that is not kept any more. */
  trimmed: number;
  readonly kept: Kept[];
  bytes: number;
  readonly subscribers: Set<MemoryNode>;
}

/**
 * A broker in memory: what is published goes to all contexts of this worker that are given it, and to those of
 * others by {@linkcode shareBroker} and {@linkcode forkServiceLoop}; the latest of each topic are kept, if
 * `historySize` says so, and it knows which connections are in a topic. All is gone with the worker.
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
export function memoryBroker(options: HistoryOptions = {}): Broker {
  return new MemoryNode(new MemoryStore(checkHistory("memoryBroker", options)));
}

/** What all ends of one broker have in common. */
class MemoryStore {
  readonly keepsHistory: boolean;
  readonly presence: MemoryPresence = new MemoryPresence((topic, presence, member, history) => {
    this.#take(topic, bytesOf(member), { isBinary: false, history, presence });
  });
  readonly #options: Required<HistoryOptions>;
  readonly #ids: KnownIds;
  /** By the time of their last publication, where anything is kept. */
  readonly #logs = new Map<string, Log>();
  readonly #epoch = crypto.randomUUID();
  /** That of the last publication of any topic. */
  #offset = 0;
  /** The last one of those topics of which nothing is known any more. */
  #forgotten = 0;
  #now: () => number = () => 0;

  constructor(options: Required<HistoryOptions>) {
    this.#options = options;
    this.keepsHistory = options.historySize > 0;
    this.#ids = new KnownIds(options.idempotencyMs);
  }

  begin(clock: Clock): void {
    this.#now = () => clock.now();
  }

  enter(topic: string, node: MemoryNode): void {
    this.#logOf(topic).subscribers.add(node);
  }

  leave(topic: string, node: MemoryNode): void {
    const log = this.#logs.get(topic);
    if (log === undefined) return;
    log.subscribers.delete(node);
    this.#trim(log);
    this.#forget(topic, log);
  }

  #logOf(topic: string): Log {
    const known = this.#logs.get(topic);
    if (known !== undefined) return known;
    const top = this.#forgotten;
    const log = { top, trimmed: top, kept: [], bytes: 0, subscribers: new Set<MemoryNode>() };
    this.#logs.set(topic, log);
    return log;
  }

  #forget(topic: string, log: Log): void {
    if (log.subscribers.size > 0 || log.kept.length > 0) return;
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
    if (this.keepsHistory) this.#keep(topic, log, publication);
    else log.trimmed = log.top;
    this.#tell(topic, log, publication);
    this.#forget(topic, log);
    return position;
  }

  #keep(topic: string, log: Log, publication: BrokerPublication & { previous: number }): void {
    log.kept.push({ ...publication, end: this.#now() + this.#options.historyTtlMs });
    log.bytes += publication.data.length;
    this.#trim(log);
    this.#logs.delete(topic);
    this.#logs.set(topic, log);
    this.#sweep();
  }

  /** Topics that are published to no more must not be kept for good: each publication looks at two. */
  #sweep(): void {
    let left = 2;
    for (const [topic, log] of this.#logs) {
      if (left-- === 0) return;
      this.#trim(log);
      const isAlive = log.subscribers.size > 0;
      if (isAlive || log.kept.length > 0) {
        if (!isAlive) return;
        // Behind the others, so that these are looked at.
        this.#logs.delete(topic);
        this.#logs.set(topic, log);
      } else this.#forget(topic, log);
    }
  }

  #trim(log: Log): void {
    const { historySize, historyBytes } = this.#options;
    const now = this.#now();
    const { kept } = log;
    let count = 0;
    while (
      count < kept.length &&
      (kept.length - count > historySize || log.bytes > historyBytes || kept[count]!.end <= now)
    ) {
      log.bytes -= kept[count]!.data.length;
      log.trimmed = kept[count]!.offset;
      count++;
    }
    if (count > 0) kept.splice(0, count);
  }

  #tell(topic: string, log: Log, publication: BrokerPublication): void {
    for (const node of [...log.subscribers]) node.tell(topic, publication);
  }

  history(topic: string, since: Position | undefined, limit: number): Promise<BrokerHistory> {
    const log = this.#logs.get(topic);
    const epoch = this.#epoch;
    if (log !== undefined) this.#trim(log);
    const { top, trimmed, kept } = log ??
      { top: this.#forgotten, trimmed: this.#forgotten, kept: [] };
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
    this.#store.begin(clock);
    return Promise.resolve();
  }

  tell(topic: string, publication: BrokerPublication): void {
    this.#events?.publication(topic, publication);
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
  }
}
