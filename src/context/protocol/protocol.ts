/** Turns one flat object into a protocol. */

import type { UpgradeHandler } from "../../api/http/upgrade.ts";
import type { Protocol } from "../../api/protocol.ts";
import type { CloseInfo } from "../../api/reasons.ts";
import type { TlsInfo } from "../../api/tls.ts";
import type { Wsi } from "../../api/wsi.ts";
import { describeValue } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { gatherMessages } from "./messages.ts";
import { filterBy } from "./upgrade.ts";
import { applicationIn } from "../options/fetch.ts";
import { callbackOf, type MethodRules } from "./method_table.ts";
import type { HandlerResult, Handlers } from "./method_types.ts";

/**
 * The everyday names of reasons, of which an object has one or the other.
 *
 * @category Protocols
 */
export interface EverydayHandlers<User> {
  /**
   * A client asks for a WebSocket, and is not answered yet; on servers alone. The place of
   * `filterProtocolConnection`: it is awaited, for `headerTimeoutMs` at most, and the `user` is made before.
   */
  readonly upgrade?: UpgradeHandler<User>;
  /**
   * A connection is established: the place of `established`, and on clients of `clientEstablished`.
   *
   * @param tls What is known of its TLS on a server, if it has any.
   */
  readonly open?: (
    wsi: Wsi<User>,
    user: User,
    tls: TlsInfo | undefined,
  ) => HandlerResult<"established">;
  /** A connection that was established has ended, on servers and clients: the place of `closed`. */
  readonly close?: (wsi: Wsi<User>, user: User, info: CloseInfo) => HandlerResult<"closed">;
  /**
   * There is room to go on writing: the place of `serverWriteable`, and on clients of `clientWriteable`. It comes by
   * itself, once each time, when `wsi.partialBuffered` has been true and is so no more, as what was unsent has
   * fallen to `softUnsentBytes`; and when nothing is unsent, where `wsi.callbackOnWritable` has asked for that.
   * Never from inside a write, and with `service: "manual"` and `"external"` in service.
   */
  readonly drain?: (wsi: Wsi<User>, user: User) => HandlerResult<"serverWriteable">;
}

/**
 * What {@linkcode protocol} is given: what a {@linkcode Protocol} has, but the callback, and in its place a method
 * for each reason that matters, by its name or by its everyday name.
 *
 * @category Protocols
 */
export type ProtocolDefinition<User> =
  & Omit<Protocol<User>, "callback" | "perSessionData">
  & {
    /** As {@linkcode Protocol.perSessionData}; what it returns is the type of each method's `user`. */
    readonly perSessionData?: () => User;
  }
  & EverydayHandlers<User>
  & Handlers<User>;

/** What of a definition the protocol has as it is. */
const MEMBERS: Readonly<Record<Exclude<keyof Protocol, "callback">, true>> = {
  name: true,
  path: true,
  perSessionData: true,
  rxBufferSize: true,
  id: true,
  user: true,
  allowedOrigins: true,
  fetch: true,
  encode: true,
};

const ALIASES: MethodRules["aliases"] = {
  upgrade: { reasons: ["filterProtocolConnection"], wrap: filterBy },
  open: { reasons: ["established", "clientEstablished"] },
  message: { reasons: ["receive", "clientReceive"], wrap: gatherMessages },
  drain: { reasons: ["serverWriteable", "clientWriteable"] },
  close: { reasons: ["closed"] },
};

function rulesOf(call: string, own: readonly string[]): MethodRules {
  const others = [...Object.keys(MEMBERS), ...own];
  const allowed = [...Object.keys(ALIASES), ...others].join(", ");
  const complaint = `is no member; allowed: ${allowed}, and the names of ReasonData`;
  return { call, parameter: "definition", aliases: ALIASES, others, complaint };
}

/**
 * Makes a protocol of one flat object, whose `user` has the type that `perSessionData` returns.
 *
 * Beside `upgrade`, `open`, `message`, `drain` and `close` it may have a method for each reason, by the reason's name; what
 * methods return counts as {@linkcode HandlerResult} says. An instance of a class with such members will do as well.
 *
 * @category Protocols
 * @typeParam User The type of the per-session data.
 * @returns A frozen object for the `protocols` of `createContext`, which checks its name and its path.
 * @throws {LwsError} `invalid-argument`, which names every member that is wrong, as one of another name, or a
 *   method beside its everyday name.
 *
 * @example
 * ```ts
 * import { createContext, protocol } from "@x/lws";
 *
 * const chat = protocol({
 *   name: "chat",
 *   path: "/chat/:room",
 *   perSessionData: () => ({ room: "", lines: 0 }),
 *   open(wsi, user) {
 *     user.room = wsi.pathParams.room!;
 *     void wsi.subscribe(user.room);
 *   },
 *   message(wsi, user, text) {
 *     user.lines++;
 *     void wsi.publish(user.room, text);
 *   },
 *   close: (_wsi, user, { code }) => console.log(`${user.lines} lines, ${code}`),
 * });
 *
 * await using context = createContext({ port: 0, protocols: [chat] });
 * ```
 *
 * @example What is sent as fast as the peer reads it
 * ```ts
 * import { protocol } from "@x/lws";
 *
 * const numbers = protocol({
 *   name: "numbers",
 *   perSessionData: () => ({ next: 0 }),
 *   open: (wsi, user) => count(wsi, user),
 *   drain: (wsi, user) => count(wsi, user),
 * });
 *
 * function count(wsi: { write(text: string): number; partialBuffered: boolean }, user: { next: number }) {
 *   while (user.next < 1_000_000 && !wsi.partialBuffered) wsi.write(`${user.next++}`);
 * }
 * ```
 *
 * @example A login that is looked up
 * ```ts
 * import { protocol } from "@x/lws";
 *
 * const sessions = new Map([["s3cret", "alice"]]);
 *
 * const chat = protocol({
 *   name: "chat",
 *   perSessionData: () => ({ nick: "" }),
 *   async upgrade(request, handshake) {
 *     const nick = await Promise.resolve(sessions.get(request.cookies.get("session") ?? ""));
 *     if (nick === undefined) return new Response("Log in first.", { status: 403 });
 *     handshake.user.nick = nick;
 *     handshake.accept({ headers: { "x-nick": nick } });
 *   },
 *   open: (wsi, user) => void wsi.write(`hello, ${user.nick}`),
 * });
 * ```
 */
export function protocol<User = undefined>(
  definition: Omit<ProtocolDefinition<User>, `user:${string}`>,
): Protocol<User>;
/**
 * The same with methods for the program's own reasons, as `"user:refresh"`.
 *
 * @category Protocols
 */
export function protocol<User = undefined>(definition: ProtocolDefinition<User>): Protocol<User>;
/**
 * The same with a number of bytes as `perSessionData`, so that the user is a zeroed `ArrayBuffer`.
 *
 * @category Protocols
 */
export function protocol(
  definition: Omit<ProtocolDefinition<ArrayBuffer>, "perSessionData"> & {
    readonly perSessionData: number;
  },
): Protocol<ArrayBuffer>;
export function protocol(definition: Omit<Protocol, "callback">): Protocol {
  return protocolFor("protocol", definition);
}

/**
 * The same for a call of another name.
 *
 * @param own Members of the definition that are that call's alone.
 * @throws {LwsError} `invalid-argument`
 */
export function protocolFor(
  call: string,
  definition: Omit<Protocol, "callback">,
  own: readonly string[] = [],
): Protocol {
  const given = (definition as Partial<Protocol> | null | undefined)?.callback;
  if (given !== undefined) {
    throw new LwsError(
      "invalid-argument",
      `${call}: callback is ${describeValue(given)}; an object with one is a protocol already, ` +
        "and methods have the names of their reasons",
    );
  }
  const callback = callbackOf(definition, rulesOf(call, own));
  const made: Record<string, unknown> = {};
  for (const name of Object.keys(MEMBERS)) {
    const value: unknown = definition[name as keyof typeof MEMBERS];
    if (value === undefined) continue;
    // An application is left as it is, for the check that refuses it to know it.
    const isOwn = name !== "fetch" || applicationIn(value) === undefined;
    made[name] = typeof value === "function" && isOwn ? value.bind(definition) : value;
  }
  return Object.freeze({ ...made, callback }) as Protocol;
}
