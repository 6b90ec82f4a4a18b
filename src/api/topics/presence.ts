/** Presence as programs see it: which connections are in a topic, of all contexts of its broker. */

import type { Wsi } from "../wsi.ts";

/**
 * Choices of `context.presence.join`.
 *
 * @category Topics
 */
export interface PresenceOptions {
  /**
   * What several connections of one user have in common, as the user's id: together they are one entry, which
   * comes with the first of them and goes with the last. 1 to 255 bytes of UTF-8 without control characters.
   * Default: as before, and at first an id of the connection.
   */
  readonly key?: string;
  /**
   * What the others are to know of it, as `{ nick: "Ada" }`: whatever `JSON.stringify` takes, of up to
   * `maxMemberInfo` bytes. Default: as before, and at first `null`.
   */
  readonly info?: unknown;
}

/**
 * All connections in a topic that have a key in common.
 *
 * @category Topics
 */
export interface PresenceEntry {
  /** As {@linkcode PresenceOptions.key}. */
  readonly key: string;
  /** What its connections gave as `info`; if they differ, that of the one that joined last. */
  readonly info: unknown;
  /** How many there are; 0 of one that has left. */
  readonly connections: number;
}

/**
 * Choices of `context.presence.list`.
 *
 * @category Topics
 */
export interface PresenceQuery {
  /** How many at most, from 1 to `maxMembers`. Default: `maxMembers`. */
  readonly limit?: number;
}

/**
 * What has changed in a topic: the `data` of `presence`. All connections are given the same object: read it
 * only.
 *
 * @category Topics
 */
export interface PresenceChange {
  /** Where that was. */
  readonly topic: string;
  /** Keys of which the first connection has joined. */
  readonly joins: readonly PresenceEntry[];
  /** Keys that have other `info`. */
  readonly updates: readonly PresenceEntry[];
  /** Keys of which the last connection has left, with the `info` that they had. */
  readonly leaves: readonly PresenceEntry[];
}

/**
 * A connection that has joined or left: {@linkcode Publication.member}.
 *
 * @category Topics
 */
export interface PresentConnection {
  /** Of this connection alone, among those of all contexts. */
  readonly id: string;
  /** As {@linkcode PresenceOptions.key}. */
  readonly key: string;
  /** As {@linkcode PresenceOptions.info}. */
  readonly info: unknown;
}

/**
 * Which connections are in a topic: {@linkcode Context.presence}. A connection is in there from `join` until
 * `leave`, or until it begins to close, be it a subscriber or not; one of a context that has ended without a
 * word for at most 20 seconds more. With the option `broker` those of all its contexts count.
 *
 * Subscribers hear of changes by the reason `presence`, or by what `encode` of their protocol makes of them.
 *
 * @category Topics
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [{
 *     name: "chat",
 *     callback: handlers({
 *       async message(wsi, _user, nick) {
 *         const { presence } = wsi.context;
 *         await wsi.subscribe("room/1");
 *         await presence.join(wsi, "room/1", { key: String(nick), info: { since: Date.now() } });
 *         wsi.write(JSON.stringify({ here: await presence.list("room/1") }));
 *       },
 *       presence: (wsi, _user, { joins, leaves }) => void wsi.write(JSON.stringify({ joins, leaves })),
 *     }),
 *   }],
 * });
 * if (await context.presence.count("room/1") !== 0) throw new Error("none has come");
 * ```
 */
export interface Presence {
  /**
   * Has a connection, an established WebSocket of a server or a client of this context, be in a topic. Repeated
   * it changes `key` and `info`. Resolves when the broker has it, and is listed from then on.
   *
   * @throws {LwsError} By a rejection: `invalid-argument`, which names the argument; `invalid-state` when it is
   *   no established WebSocket; `topic-limit` past `maxMemberInfo`, or past `maxPerConnection` topics that
   *   it is in; `broker-unavailable` when the broker has not answered within `brokerTimeoutMs`, and it is as
   *   it was before then; `connection-closed` when it ended, or left, meanwhile; `unsupported` when the broker
   *   has no presence.
   */
  join(wsi: Wsi, topic: string, options?: PresenceOptions): Promise<void>;
  /**
   * The end of that, at once for this context; harmless if it is not in there. Resolves when the broker has it.
   *
   * @throws {LwsError} By a rejection: `invalid-argument`, which names the argument; `broker-unavailable` when the
   *   broker has not answered within `brokerTimeoutMs`: it is told as soon as it is there again.
   */
  leave(wsi: Wsi, topic: string): Promise<void>;
  /**
   * What is in a topic, by keys, in no order. Past `maxMembers` connections it is of so many of them.
   *
   * @throws {LwsError} By a rejection: `invalid-argument`, which names the argument; `broker-unavailable` when the
   *   broker has not answered within `brokerTimeoutMs`; `destroyed`; `unsupported`.
   */
  list(topic: string, options?: PresenceQuery): Promise<PresenceEntry[]>;
  /**
   * How many keys are in a topic. With a broker and past `maxMembers` connections, how many connections are.
   *
   * @throws {LwsError} By a rejection, as {@linkcode Presence.list}.
   */
  count(topic: string): Promise<number>;
}
