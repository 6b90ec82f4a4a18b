/** The seam to what carries publications from context to context, and what it keeps of them. */

import type { Clock } from "../service.ts";
import type { BrokerPresence } from "./broker_presence.ts";
import type { Position } from "./topics.ts";

/**
 * What a broker keeps of publications. All are whole numbers up to `Infinity`; what is wrong is refused with
 * `invalid-argument`.
 *
 * @category Topics
 */
export interface HistoryOptions {
  /** Publications that are kept of each topic, the latest; 0 keeps none. Default: `0`. */
  readonly historySize?: number;
  /** How long a publication is kept, in milliseconds from 1. Default: `300000`. */
  readonly historyTtlMs?: number;
  /** Bytes of payload that are kept of each topic; the oldest go. Default: `1048576`. */
  readonly historyBytes?: number;
  /**
   * How long the `id` of a publication is known, in milliseconds from 0; in this process up to 131,072 of them, of
   * more the latest. Default: `60000`.
   */
  readonly idempotencyMs?: number;
}

/**
 * The defaults of {@linkcode HistoryOptions}.
 *
 * @category Topics
 */
export const DEFAULT_HISTORY: Required<HistoryOptions> = {
  historySize: 0,
  historyTtlMs: 300_000,
  historyBytes: 1024 * 1024,
  idempotencyMs: 60_000,
};

/**
 * What `memoryBroker` keeps of publications: beside the bounds of each topic those of all together, as peers may name
 * topics.
 *
 * @category Topics
 */
export interface MemoryBrokerOptions extends HistoryOptions {
  /**
   * Bytes of all that is kept, of whatever topics: payload, 1,024 for each publication, and 512 and twice the length
   * of its name for each topic; the oldest publications go. Default: `67108864`.
   */
  readonly historyTotalBytes?: number;
  /** Topics of which something is kept; past it the oldest publications of all go. Default: `100000`. */
  readonly historyTopics?: number;
}

/**
 * The bounds of {@linkcode MemoryBrokerOptions} over all topics, as `context.stats().limitsHit` names them, with
 * `broker.` in front.
 *
 * @category Topics
 */
export type MemoryBound = "historyTotalBytes" | "historyTopics";

/**
 * The defaults of {@linkcode MemoryBrokerOptions} that {@linkcode DEFAULT_HISTORY} has not.
 *
 * @category Topics
 */
export const DEFAULT_MEMORY_BOUNDS: Readonly<Record<MemoryBound, number>> = {
  historyTotalBytes: 64 * 1024 * 1024,
  historyTopics: 100_000,
};

/**
 * Choices of one publication, as a broker gets them.
 *
 * @category Topics
 */
export interface BrokerPublish {
  /** Whether the data is binary; else it is UTF-8. */
  readonly isBinary: boolean;
  /** Another one with the same id on the same topic is the same publication, and is not taken again. */
  readonly id?: string;
  /** Comes back with the publication as it is. */
  readonly sender?: string;
  /** Whether it is kept; only ever true where {@linkcode Broker.keepsHistory} is. */
  readonly history: boolean;
}

/**
 * A publication on its way from a broker.
 *
 * @category Topics
 */
export interface BrokerPublication extends Position {
  /**
   * Its place, from 1 on, in the order of the topic. 0 with an empty `epoch` for one that has no place, as it
   * was never to be kept: it can't be missed.
   */
  readonly offset: number;
  /** The offset of the topic's publication before it, where offsets have holes. Default: `offset - 1`. */
  readonly previous?: number;
  /** Nothing of it changes any more. */
  readonly data: Uint8Array;
  /** Whether that is binary; else it is UTF-8. */
  readonly isBinary: boolean;
  /** As {@linkcode BrokerPublish.sender}. */
  readonly sender?: string;
  /** What a {@linkcode BrokerPresence} published: its data is the {@linkcode PresenceMember}, as JSON. */
  readonly presence?: "join" | "leave";
}

/**
 * What a broker has kept of a topic.
 *
 * @category Topics
 */
export interface BrokerHistory {
  /** The topic's epoch now. */
  readonly epoch: string;
  /** The offset of its last publication, if that is in here or not. */
  readonly top: number;
  /** Whether nothing that followed `since` is missing up to the last one in here, or up to `top` if none is. */
  readonly complete: boolean;
  /** In the order of their offsets. */
  readonly publications: readonly BrokerPublication[];
}

/**
 * What a broker tells a context; any of it at any time between `start` and the end.
 *
 * @category Topics
 */
export interface BrokerEvents {
  /** A publication of a topic that was subscribed to; of others it is ignored. */
  publication(topic: string, publication: BrokerPublication): void;
  /**
   * The live feed may have missed something, of these topics or of all, and goes on now: the context asks
   * for what there is.
   */
  interrupted(topics?: readonly string[]): void;
  /**
   * Whether the broker is there. It counts as there once `start` has resolved. After false and true the
   * context subscribes to all its topics anew.
   */
  state(isUp: boolean): void;
  /** A bound of what is kept was hit, for the count in `context.stats().limitsHit`. */
  limit?(name: MemoryBound): void;
}

/**
 * Carries publications from context to context: the option `broker` of {@linkcode createContext}. Its methods
 * reject when they can't be done; the context tries again, or rejects the call of the program behind it
 * with `broker-unavailable`. `brokerContract` of `@x/lws/testing` tests one.
 *
 * A topic that has no publications has the epoch that its first one will have and the offset 0 or,
 * where that epoch is not known, an empty one.
 *
 * @category Topics
 * @example
 * ```ts
 * import { createContext, handlers, memoryBroker } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   broker: memoryBroker({ historySize: 100 }),
 *   protocols: [{ name: "chat", callback: handlers({}) }],
 * });
 * const { epoch, offset } = await context.publish("weather", "It rains.");
 * await context.publish("weather", "The sun shines.");
 * const { publications } = await context.history("weather", { since: { epoch, offset } });
 * if (publications.length !== 1) throw new Error("one has followed");
 * ```
 */
export interface Broker extends AsyncDisposable {
  /** Whether publications are kept, unless they say `history: false`. */
  readonly keepsHistory: boolean;
  /** Which connections are in a topic. Without it `context.presence` is refused. */
  readonly presence?: BrokerPresence;
  /**
   * Names the part of the broker that a topic is of, where parts can fail by themselves: of several topics the
   * context asks part by part. Default: all are of one.
   */
  partOf?(topic: string): string;
  /**
   * Another end of the same broker, for each context that is given this one. A broker without it serves
   * one context.
   */
  openNode?(): Broker;
  /**
   * Begins, once, before any other call; again, if it has rejected.
   *
   * @param clock The context's time.
   */
  start(events: BrokerEvents, clock: Clock): Promise<void>;
  /**
   * Has what is published to these topics come; of one that is subscribed to already it still comes once.
   * Up to 1,000 at once.
   */
  subscribe(topics: readonly string[]): Promise<void>;
  /** The end of that. A later `subscribe` to one of them counts, even if it overtakes this. */
  unsubscribe(topics: readonly string[]): Promise<void>;
  /** Resolves once the broker has it. The data is taken before the call returns. */
  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position>;
  /**
   * What is kept behind `since`, the oldest first, and of that the first `limit`; without `since` the last
   * `limit` of all that is kept. Behind a `since` of another epoch it is all that is kept, and not complete; behind
   * one with an empty epoch and offset 0, all from the topic's first publication. It is read after all
   * that had come live when it was called.
   */
  history(topic: string, since: Position | undefined, limit: number): Promise<BrokerHistory>;
  /** The position of the last publication of each, in the order of `topics`. Up to 1,000 at once. */
  tops(topics: readonly string[]): Promise<readonly Position[]>;
  /** The live feed seems up and brings nothing: it had better be made anew. Default: nothing is done. */
  reconnect?(): void;
}
