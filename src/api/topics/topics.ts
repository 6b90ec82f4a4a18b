/** Topics as programs see them: names to which connections subscribe, and to which messages are published. */

import type { PreparedMessage } from "../write.ts";
import type { PresentConnection } from "./presence.ts";
import type { Wsi } from "../wsi.ts";

/**
 * A place among the publications of a topic.
 *
 * @category Topics
 */
export interface Position {
  /** Says which count it is of: another one, as after a restart, is another text. */
  readonly epoch: string;
  /** It only grows. Between two publications of a topic there may be holes. */
  readonly offset: number;
}

/**
 * Something that was published.
 *
 * @category Topics
 */
export interface Publication extends Position {
  /** What it was published to. */
  readonly topic: string;
  /** The payload, of a text its UTF-8. Read it only, and during the call that gives it. */
  readonly data: Uint8Array;
  /** Whether it was published as bytes, or as a binary message. */
  readonly isBinary: boolean;
  /**
   * Whether the position is its own. False for what was published with `history: false` where the broker keeps
   * history: the position is that of the publication before it.
   */
  readonly hasPlace: boolean;
  /** Set if it tells of a connection that has joined the topic, or has other `info`, or has left it. */
  readonly presence?: "join" | "leave";
  /** The connection, beside {@linkcode presence}; the `data` has the same. */
  readonly member?: PresentConnection;
}

/**
 * What `context.history` resolves with.
 *
 * @category Topics
 */
export interface TopicHistory {
  /** The epoch of the topic now. */
  readonly epoch: string;
  /** The offset of its last publication, be it kept or not. */
  readonly top: number;
  /**
   * Whether nothing is missing between `since` and the last one in here, or `top` if none is. Without a
   * `since`, whether all is in here that was ever published.
   */
  readonly complete: boolean;
  /** The oldest first. Their data is the program's own. */
  readonly publications: readonly Publication[];
}

/**
 * Choices of `context.history`.
 *
 * @category Topics
 */
export interface HistoryQuery {
  /** Behind which publications are asked for. Default: none, and the latest are. */
  readonly since?: Position;
  /** How many at most, from 1 to 1,000: the first behind `since`, else the last. Default: `1000`. */
  readonly limit?: number;
}

/**
 * Publications that a connection has missed: the `data` of `topicGap`.
 *
 * @category Topics
 */
export interface TopicGap {
  /** Of which topic they were. */
  readonly topic: string;
  /** Behind which the publications go on. */
  readonly position: Position;
  /**
   * `"epoch"`: the broker has begun anew and has lost what it had, or some of it; `"trimmed"`: what came while
   * the broker could not be heard is not kept any more, or never was; `"overflow"`: the connection read so
   * slowly that what it waited for is not kept any more.
   */
  readonly cause: "epoch" | "trimmed" | "overflow";
}

/**
 * A connection that reads too slowly for a topic: the `data` of `topicLagging`.
 *
 * @category Topics
 */
export interface TopicLag {
  /** Whose publications wait for it. */
  readonly topic: string;
  /** The last publication that it was sent. */
  readonly position: Position;
  /** How much further the topic's offset is. */
  readonly behind: number;
}

/**
 * Where a subscription begins: what {@linkcode SubscribeOptions.begin} is given.
 *
 * @category Topics
 */
export interface SubscriptionStart extends Position {
  /**
   * False if something may have been published after the `since` that was asked for, which is gone for
   * good. True without a `since`, too. A gap behind messages that were written to make up for it is told by
   * `topicGap`, behind those.
   */
  readonly recovered: boolean;
}

/**
 * What `wsi.subscribe` resolves with: where the subscription begins.
 *
 * @category Topics
 */
export interface Subscription extends SubscriptionStart {
  /**
   * How many messages were written to make up for what came after `since`, before this was told; 0 where the
   * broker keeps none. A connection that can't take all at once gets the rest as it reads.
   */
  readonly count: number;
}

/**
 * Choices of one subscription.
 *
 * @category Topics
 */
export interface SubscribeOptions {
  /**
   * Up to where the peer has all of the topic: what followed, and is kept, is sent before what comes live, and
   * {@linkcode Subscription.recovered} tells of a gap. Default: none, and it begins now.
   */
  readonly since?: Position;
  /**
   * Called once, unless the promise rejects before or the connection subscribes already, with where the subscription
   * begins, right before the first message of the topic is written, and before the promise resolves: the place to
   * answer the peer from, as it hears of a gap in front of what follows it then. A gap that is found later is told by
   * `topicGap`. What it throws, or a promise of it rejects with, is logged, and closes the connection. Default: nothing is
   * done.
   */
  readonly begin?: (start: SubscriptionStart) => void;
}

/**
 * Choices of one publication.
 *
 * @category Topics
 */
export interface PublishOptions {
  /**
   * Names it: of several publications of a topic with the same id within `idempotencyMs`, 60 seconds, the
   * first is taken, and the others resolve with its position. So one that was rejected can be repeated. 1 to
   * 255 characters, without halves of surrogate pairs. Default: none.
   */
  readonly id?: string;
  /** A subscriber of this context that is left out, as the one that a message came from. Default: none. */
  readonly except?: Wsi;
  /**
   * False has it sent to those that subscribe now, and not kept. True is refused where the broker keeps none.
   * Default: whether the broker keeps history.
   */
  readonly history?: boolean;
  /** Rejects it with `aborted`; what is with the broker by then may happen all the same. Default: none. */
  readonly signal?: AbortSignal;
}

/**
 * What can be published: as {@linkcode Wsi.write} takes it, a string as text and bytes as binary.
 *
 * @category Topics
 */
export type PublicationData = string | ArrayBufferView | ArrayBufferLike | PreparedMessage;

/**
 * The topics of one connection: members of {@linkcode Wsi}.
 *
 * A topic is a name of 1 to 255 bytes of UTF-8 without control characters, and is there while it has
 * subscribers. All protocols of a context have their topics in common. A subscriber is sent what is published as whole
 * messages, at most once, in the order of publication; no callback is called for it. One that is inside of a
 * fragmented message of the program's gets what is published meanwhile behind its last fragment. One whose
 * version of the protocol can't carry a message, as binary in version 0 and hixie-75, is left out, with a
 * `warn` line in the log for the first one.
 *
 * What the promises of these calls reject with, the log has as a `warn` line; a rejection that the program
 * does not look at ends nothing.
 *
 * @category Topics
 */
export interface TopicMember {
  /**
   * Has this connection, an established WebSocket of a server or a client, sent what is published to a topic
   * from now on, until {@linkcode unsubscribe} or until it begins to close. Harmless when repeated. Without the
   * option `broker` it has happened when the call returns.
   *
   * @throws {LwsError} By a rejection: `invalid-argument` for what is no topic and no options; `invalid-state`
   *   when it is no established WebSocket; `topic-limit` past `maxPerConnection` or `maxTopics`;
   *   `broker-unavailable` when the broker has not answered within `brokerTimeoutMs`, and the connection is
   *   no subscriber then; `connection-closed` when it ended, or unsubscribed, meanwhile.
   *
   * @example
   * ```ts
   * import { handlers, type Wsi } from "@x/lws";
   *
   * const callback = handlers({
   *   established: (wsi) => void wsi.subscribe("room/1"),
   *   message: (wsi, _user, message) => void wsi.publish("room/1", message),
   * });
   * ```
   */
  subscribe(topic: string, options?: SubscribeOptions): Promise<Subscription>;
  /**
   * Ends a subscription at once.
   *
   * @returns Whether there was one.
   * @throws {LwsError} `invalid-argument` for what is no topic.
   */
  unsubscribe(topic: string): boolean;
  /**
   * As `context.publish` to all but this connection, which need be no subscriber, nor open any more.
   *
   * @throws {LwsError} By a rejection, as `context.publish`.
   */
  publish(
    topic: string,
    data: PublicationData,
    options?: Omit<PublishOptions, "except">,
  ): Promise<Position>;
  /** A copy of the topics that it subscribes to, in the order of subscription; empty once it begins to close. */
  readonly topics: readonly string[];
}

/**
 * Publishing: members of {@linkcode Context}.
 *
 * @category Topics
 */
export interface TopicPublisher {
  /**
   * Sends a message to all subscribers of a topic, of any protocol. It is framed and, as with
   * `prepareMessage`, compressed once for all. Without the option `broker` it has been
   * written to each of them when the call returns. Resolves when the broker has it, which sends it to the
   * subscribers of all contexts.
   *
   * @param data Taken before the call returns.
   * @throws {LwsError} By a rejection: `invalid-argument`, which names the argument; `topic-limit` past
   *   `maxPublication`; `broker-unavailable` past `maxPending`, or when the broker has not answered within
   *   `brokerTimeoutMs`: it may have happened, and repeated with the same `id` it happens once; `aborted`;
   *   `destroyed` once all connections of a destroyed context have ended.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   protocols: [{
   *     name: "news",
   *     callback: handlers({ established: (wsi) => void wsi.subscribe("weather") }),
   *   }],
   * });
   * await context.publish("weather", "It rains.");
   * ```
   */
  publish(topic: string, data: PublicationData, options?: PublishOptions): Promise<Position>;
  /**
   * What is kept of a topic, the oldest first: nothing unless the option `broker` has a `historySize`.
   *
   * @throws {LwsError} By a rejection: `invalid-argument`, which names the argument; `broker-unavailable` when
   *   the broker has not answered within `brokerTimeoutMs`; `destroyed`.
   *
   * @example
   * ```ts
   * import { createContext, handlers, memoryBroker } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   protocols: [{ name: "chat", callback: handlers({}) }],
   *   broker: memoryBroker({ historySize: 100 }),
   * });
   * for (const line of ["one", "two", "three"]) await context.publish("room/1", line);
   * const { publications } = await context.history("room/1", { limit: 2 });
   * const lines = publications.map(({ data }) => new TextDecoder().decode(data));
   * if (lines.join() !== "two,three") throw new Error("the last two");
   * ```
   */
  history(topic: string, options?: HistoryQuery): Promise<TopicHistory>;
  /**
   * How many connections of this context subscribe to a topic.
   *
   * @throws {LwsError} `invalid-argument` for what is no topic.
   */
  subscriberCount(topic: string): number;
}
