/** The limits of topics, and where a creation struct has them. */

import type { Broker } from "./broker.ts";

/**
 * What bounds the topics of a context: the members of {@linkcode TopicInfo.topics}. All are whole numbers up
 * to `Infinity`. What is past one is refused with `topic-limit`, but for {@linkcode maxUnsent}.
 *
 * @category Topics
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [{ name: "chat", callback: handlers({}) }],
 *   topics: { maxPerConnection: 8, maxPublication: 4096 },
 * });
 * ```
 */
export interface TopicLimits {
  /**
   * Unsent bytes of a connection, whatever wrote them, above which the next publication for it closes it in
   * place of being sent, with 1013 and the cause `"unsent"`; its subscriptions end there. Where the broker keeps
   * history it is told by `topicLagging` and stays, and is sent from there what it has not got as it
   * reads on. So one that reads slowly holds little memory, and no other waits for it. Above
   * `maxUnsentBytes`, which a publication is subject to like any write, it is without an effect.
   * Default: `1048576`.
   */
  readonly maxUnsent: number;
  /** Topics that one connection subscribes to, from 1. Default: `128`. */
  readonly maxPerConnection: number;
  /** Topics with a subscriber, in all, from 1. Default: `1000000`. */
  readonly maxTopics: number;
  /** Bytes of payload of a publication; of a text those of its UTF-8. Default: `65536`. */
  readonly maxPublication: number;
  /**
   * Publications that are with the broker and not confirmed, from 1; one more is refused with
   * `broker-unavailable`. This and those below mean something beside the option `broker` alone.
   * Default: `10000`.
   */
  readonly maxPending: number;
  /**
   * How long a topic without subscribers is kept subscribed at the broker, in milliseconds: for those that
   * come back soon. Default: `5000`.
   */
  readonly lingerMs: number;
  /**
   * How long a topic may be silent before the broker is asked whether something was missed, in milliseconds
   * from 1, give or take a fifth; `Infinity` never asks. Default: `25000`.
   */
  readonly positionCheckMs: number;
  /** How long a call may wait for the broker, in milliseconds from 1. Default: `5000`. */
  readonly brokerTimeoutMs: number;
  /**
   * Connections in a topic, by `context.presence`, that are listed, from 1. With the option `broker` it is also as
   * many as this context follows: of a topic with more the reason `presence` tells nothing, and what is
   * counted are connections, and not keys. Default: `1000`.
   */
  readonly maxMembers: number;
  /** Bytes of the `info` of a connection in a topic, as JSON, from 4. Default: `1024`. */
  readonly maxMemberInfo: number;
}

/**
 * The defaults of {@linkcode TopicLimits}.
 *
 * @category Topics
 */
export const DEFAULT_TOPIC_LIMITS: TopicLimits = {
  maxUnsent: 1024 * 1024,
  maxPerConnection: 128,
  maxTopics: 1_000_000,
  maxPublication: 64 * 1024,
  maxPending: 10_000,
  lingerMs: 5_000,
  positionCheckMs: 25_000,
  brokerTimeoutMs: 5_000,
  maxMembers: 1_000,
  maxMemberInfo: 1_024,
};

/**
 * Members of the creation struct for topics.
 *
 * @category Topics
 */
export interface TopicInfo {
  /** What bounds topics, as far as it is not to be the default. */
  readonly topics?: Partial<TopicLimits>;
  /**
   * What carries publications, to other contexts as well, and may keep them: `memoryBroker({ historySize })`
   * lets clients that were away catch up by `subscribe(topic, { since })`. One that is given to several
   * contexts joins their topics. It is closed with the context.
   *
   * Default: none: publications go straight to the subscribers of this context, and none is kept.
   */
  readonly broker?: Broker;
}
