/** The server's side of `lws.resume.v1`, as a protocol. */

import type { Protocol } from "../api/protocol.ts";
import type { CloseInfo } from "../api/reasons.ts";
import type { Publication, TopicGap } from "../api/topics/topics.ts";
import type { Wsi } from "../api/wsi.ts";
import { isPlain, refuseArgument } from "../base/check.ts";
import { isWhole } from "../base/option_rules.ts";
import { type ProtocolDefinition, protocolFor } from "../context/protocol/protocol.ts";
import type { HandlerResult } from "../context/protocol/method_types.ts";
import { Session, type SessionRules } from "./session.ts";
import { publicationOf } from "./wire.ts";

/** The subprotocol. */
const NAME = "lws.resume.v1";

/**
 * What of a resumable protocol is its own.
 *
 * @category Server
 */
export interface ResumableMembers<User> {
  /**
   * Whether a connection may subscribe to a topic: asked each time that it wants to, as after each reconnect. A
   * promise is awaited meanwhile. What it throws is logged, and counts as false, as anything but `true` does.
   */
  readonly authorize: (
    wsi: Wsi<User>,
    user: User,
    topic: string,
  ) => boolean | Promise<boolean>;
  /**
   * What a client has sent by `send`: the value of its JSON, or bytes of their own. Without this method it closes the
   * connection with 1003. What it publishes is up to it: clients can't publish by themselves.
   */
  readonly message?: (wsi: Wsi<User>, user: User, data: unknown) => HandlerResult<"message">;
  /** The subprotocol's name, for those that speak it. Default: `"lws.resume.v1"`. */
  readonly name?: string;
  /**
   * Topics that one connection may ask for at a time, from 1; one more is refused with `topic-limit`. The limit
   * `maxPerConnection` of topics holds besides. Default: `128`.
   */
  readonly maxTopics?: number;
  /**
   * Over how long clients are to spread that ask for all anew, in milliseconds from 0, where the same gap may be
   * told to all of them. Connections of all contexts, divided by what the application's database takes a second,
   * make the number. Default: `5000`.
   */
  readonly gapSpreadMs?: number;
}

/**
 * What {@linkcode resumable} is given: its own members, and what `protocol` takes beside them, as `perSessionData`,
 * `path`, `upgrade`, `open` and `close`.
 *
 * @category Server
 */
export type ResumableDefinition<User> =
  & ResumableMembers<User>
  & Omit<
    ProtocolDefinition<User>,
    keyof ResumableMembers<unknown> | "encode" | "receive" | "clientReceive"
  >;

/** What `protocol` does not know. */
const OWN = ["authorize", "maxTopics", "gapSpreadMs"];

/**
 * Makes a protocol whose clients subscribe to topics, and go on where they were when they come back: those of
 * {@linkcode resumeClient}, or any that speak `lws.resume.v1`, as `docs/guide/resume.md` has it. What is missed by one
 * that was away is in the history of the option `broker`.
 *
 * A malformed message closes its connection with 1007, a second subscription to a topic with 1008, and data that is
 * not taken with 1003.
 *
 * @category Server
 * @typeParam User The type of the per-session data.
 * @param definition A plain object.
 * @returns A frozen object for the `protocols` of `createContext`.
 * @throws {LwsError} `invalid-argument`, which names the member.
 *
 * @example
 * ```ts
 * import { createContext, memoryBroker } from "@x/lws";
 * import { resumable } from "@x/lws/resume";
 *
 * const rooms = resumable({
 *   perSessionData: () => ({ nick: "guest" }),
 *   authorize: (_wsi, _user, topic) => topic.startsWith("room/"),
 *   async message(wsi, { nick }, data) {
 *     await wsi.context.publish("room/1", `${nick}: ${data}`);
 *   },
 * });
 *
 * await using context = createContext({
 *   port: 0,
 *   broker: memoryBroker({ historySize: 100 }),
 *   protocols: [rooms],
 * });
 * ```
 */
export function resumable<User = undefined>(
  definition: Omit<ResumableDefinition<User>, `user:${string}`>,
): Protocol<User>;
/**
 * The same with methods for the program's own reasons, as `"user:refresh"`.
 *
 * @category Server
 */
export function resumable<User = undefined>(definition: ResumableDefinition<User>): Protocol<User>;
export function resumable<User>(
  definition: Omit<ResumableDefinition<User>, `user:${string}`>,
): Protocol<User> {
  const given = boundMembers(definition);
  const rules = rulesOf<User>(given);
  const { gapSpreadMs: _spread, maxTopics: _most, authorize: _authorize, ...rest } = given;
  const made = protocolFor("resumable", { ...rest, ...methodsOf(rules, given) }, OWN);
  return made as Protocol<User>;
}

type Members = Readonly<Record<string, unknown>>;

/** A copy, whose methods have the definition as their `this`. @throws {LwsError} */
function boundMembers(definition: unknown): Members {
  if (typeof definition !== "object" || definition === null || !isPlain(definition)) {
    refuseArgument("resumable", "definition", definition, "a plain object with authorize");
  }
  const bound = Object.entries(definition).map((
    [name, value],
  ) => [name, typeof value === "function" ? value.bind(definition) : value]);
  return Object.fromEntries(bound);
}

/** @throws {LwsError} */
function rulesOf<User>(given: Members): SessionRules<User> {
  const { name = NAME, authorize, message, maxTopics = 128, gapSpreadMs = 5_000 } = given;
  const refuse = (member: string, allowed: string): never =>
    refuseArgument("resumable", member, given[member], allowed);
  if (typeof authorize !== "function") refuse("authorize", "a function");
  if (message !== undefined && typeof message !== "function") refuse("message", "a function");
  if (!isWhole(maxTopics, 1, Infinity)) refuse("maxTopics", "a whole number from 1, or Infinity");
  if (!isWhole(gapSpreadMs, 0, Number.MAX_SAFE_INTEGER)) {
    refuse("gapSpreadMs", "a whole number of milliseconds from 0");
  }
  for (const taken of ["encode", "receive", "clientReceive"]) {
    if (given[taken] !== undefined) refuse(taken, "nothing, as the subprotocol has its own");
  }
  return { name, authorize, message, maxTopics, gapSpreadMs } as SessionRules<User>;
}

/** The methods of the protocol, which call those of the definition. */
function methodsOf<User>(rules: SessionRules<User>, given: Members): Members & { name: string } {
  const sessions = new WeakMap<Wsi<User>, Session<User>>();
  const sessionOf = (wsi: Wsi<User>): Session<User> => {
    const known = sessions.get(wsi) ?? new Session(rules, wsi);
    sessions.set(wsi, known);
    return known;
  };
  const own = given as {
    topicGap?: (wsi: Wsi<User>, user: User, gap: TopicGap) => unknown;
    close?: (wsi: Wsi<User>, user: User, info: CloseInfo) => unknown;
    closed?: (wsi: Wsi<User>, user: User, info: CloseInfo) => unknown;
  };
  // `protocol` refuses both at once.
  const end = own.closed === undefined ? "close" : "closed";
  return {
    name: rules.name,
    encode: (publication: Publication) => publicationOf(publication),
    message: (wsi: Wsi<User>, user: User, message: string | Uint8Array) =>
      sessionOf(wsi).take(user, message),
    topicGap(wsi: Wsi<User>, user: User, gap: TopicGap) {
      sessions.get(wsi)?.tellGap(gap);
      return own.topicGap?.(wsi, user, gap);
    },
    [end](wsi: Wsi<User>, user: User, info: CloseInfo) {
      sessions.get(wsi)?.end();
      return own[end]?.(wsi, user, info);
    },
  };
}
