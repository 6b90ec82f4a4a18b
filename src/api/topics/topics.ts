/** Topics as programs see them: names to which connections subscribe, and to which messages are published. */

import type { PreparedMessage } from "../write.ts";
import type { Wsi } from "../wsi.ts";

/**
 * A place among the publications of a context.
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
 * What `wsi.subscribe` resolves with: where the subscription begins.
 *
 * @category Topics
 */
export interface Subscription extends Position {
  /**
   * False if something may have been published after the `since` that was asked for, which is gone for
   * good. True without a `since`, too.
   */
  readonly recovered: boolean;
  /** How many messages were written to make up for what came after `since`; 0, as none are kept. */
  readonly count: number;
}

/**
 * Choices of one subscription.
 *
 * @category Topics
 */
export interface SubscribeOptions {
  /** Up to where the peer has all of the topic, so that {@linkcode Subscription.recovered} can tell of a gap. */
  readonly since?: Position;
}

/**
 * Choices of one publication.
 *
 * @category Topics
 */
export interface PublishOptions {
  /** A subscriber that is left out, as the one that a message came from. Default: none. */
  readonly except?: Wsi;
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
   * from now on, until {@linkcode unsubscribe} or until it begins to close. Harmless when repeated. In one
   * process it has happened when the call returns.
   *
   * @throws {LwsError} By a rejection: `invalid-argument` for what is no topic and no options; `invalid-state`
   *   when it is no established WebSocket; `topic-limit` past `maxPerConnection` or `maxTopics`.
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
  publish(topic: string, data: PublicationData): Promise<Position>;
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
   * `prepareMessage`, compressed once for all. In one process it has been written to each of them when the
   * call returns; `topics.maxUnsent` closes those that read too slowly. Without subscribers nothing is kept.
   *
   * @param data Taken before the call returns.
   * @throws {LwsError} By a rejection: `invalid-argument`, which names the argument; `topic-limit` past
   *   `maxPublication`; `destroyed` once all connections of a destroyed context have ended.
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
   * How many connections of this context subscribe to a topic.
   *
   * @throws {LwsError} `invalid-argument` for what is no topic.
   */
  subscriberCount(topic: string): number;
}
