/** The limits of topics, and where a creation struct has them. */

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
   * place of being sent, with 1013 and the cause `"unsent"`; its subscriptions end there. So one that reads
   * slowly holds little memory, and no other waits for it. Above `maxUnsentBytes`, which a publication is
   * subject to like any write, it is without an effect. Default: `1048576`.
   */
  readonly maxUnsent: number;
  /** Topics that one connection subscribes to, from 1. Default: `128`. */
  readonly maxPerConnection: number;
  /** Topics with a subscriber, in all, from 1. Default: `1000000`. */
  readonly maxTopics: number;
  /** Bytes of payload of a publication; of a text those of its UTF-8. Default: `65536`. */
  readonly maxPublication: number;
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
};

/**
 * Members of the creation struct for topics.
 *
 * @category Topics
 */
export interface TopicInfo {
  /** What bounds topics, as far as it is not to be the default. */
  readonly topics?: Partial<TopicLimits>;
}
