/** Turns an object of methods into a protocol's callback. */

import { CLOSE_MESSAGE_TOO_BIG } from "./core/close.ts";
import {
  type CallbackArguments,
  isReason,
  type Reason,
  type ReasonData,
  type UserOf,
} from "./reasons.ts";
import type { Connection } from "./connection.ts";
import type { Wsi } from "./wsi.ts";

/**
 * One method a reason, each with the reason's name; see {@linkcode ReasonData}. A reason without a
 * method is left alone, but for `http`: without it every request is answered 404.
 */
export type Handlers<User> =
  & {
    readonly [R in keyof ReasonData]?: (
      wsi: Wsi<User>,
      user: UserOf<R, User>,
      data: ReasonData[R],
    ) => number | void;
  }
  & {
    /**
     * Whole messages, on servers and clients: a string for text, a `Uint8Array` of its own for
     * binary. Messages above `maxMessageSize` close the connection with 1009. Takes the place of
     * `receive` and `clientReceive`. Negative closes.
     */
    readonly message?: (
      wsi: Wsi<User>,
      user: User,
      message: string | Uint8Array,
    ) => number | void;
    /** Reasons of the program's own, by `context.callbackAllProtocol`. */
    readonly [reason: `user:${string}`]: (
      wsi: Wsi<User>,
      user: User,
      data: undefined,
    ) => number | void;
  };

type AnyHandler = (wsi: unknown, user: unknown, data: unknown) => number | void;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The pieces of a message that came in several. */
interface Gathering {
  bytes: Uint8Array;
  length: number;
}

/**
 * Makes a callback of methods named by their reasons. The method `message` gets whole messages.
 *
 * @typeParam User The type of the per-session data.
 *
 * @example
 * ```ts
 * import { handlers, type Protocol } from "@x/lws";
 *
 * const echo: Protocol = {
 *   name: "echo",
 *   callback: handlers({
 *     message(wsi, _user, message) {
 *       wsi.write(message, typeof message === "string" ? "text" : "binary");
 *     },
 *   }),
 * };
 * ```
 */
export function handlers<User = unknown>(
  methods: Handlers<User>,
): (...args: CallbackArguments<User>) => number | void {
  const { message } = methods;
  if (message !== undefined && (methods.receive ?? methods.clientReceive) !== undefined) {
    throw new TypeError("handlers: message takes the place of receive and clientReceive");
  }
  const table = new Map<Reason, AnyHandler>();
  for (const [reason, method] of Object.entries(methods)) {
    if (reason === "message" || method === undefined) continue;
    if (!isReason(reason)) throw new TypeError(`handlers: "${reason}" is no reason`);
    if (typeof method !== "function") throw new TypeError(`handlers: ${reason} is no function`);
    table.set(reason, (method as AnyHandler).bind(methods));
  }
  if (!table.has("http")) table.set("http", answerNotFound as AnyHandler);
  if (message !== undefined) {
    const gather = gatherMessages(message.bind(methods));
    table.set("receive", gather as AnyHandler);
    table.set("clientReceive", gather as AnyHandler);
  }
  return (wsi, reason, user, data) => table.get(reason)?.(wsi, user, data);
}

function answerNotFound(wsi: Wsi): number {
  wsi.returnHttpStatus(404);
  return wsi.httpTransactionCompleted();
}

function gatherMessages<User>(
  onMessage: (wsi: Wsi<User>, user: User, message: string | Uint8Array) => number | void,
): (wsi: Wsi<User>, user: User, piece: Uint8Array) => number | void {
  const gatherings = new WeakMap<Wsi<User>, Gathering>();

  return (wsi, user, piece) => {
    const { maxMessageSize } = wsi.context.limits;
    const isLast = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    const isFirst = wsi.isFirstFragment;
    const gathering = isFirst ? undefined : gatherings.get(wsi);
    const before = gathering?.length ?? 0;
    // Refused by what the frame announces, before it is gathered.
    if (before + piece.length + wsi.remainingPacketPayload > maxMessageSize) {
      gatherings.delete(wsi);
      // What fails the connection is no close of the program's, which an extension may put off.
      const connection = wsi as Connection & Wsi<User>;
      connection.closeFor("limit", CLOSE_MESSAGE_TOO_BIG, "message too big");
      return;
    }
    if (isFirst && isLast) {
      return onMessage(wsi, user, wsi.frameIsBinary ? piece.slice() : decoder.decode(piece));
    }

    const grown = gathering ?? { bytes: new Uint8Array(piece.length * 2), length: 0 };
    append(grown, piece);
    if (!isLast) {
      if (gathering === undefined) gatherings.set(wsi, grown);
      return;
    }
    gatherings.delete(wsi);
    const whole = grown.bytes.subarray(0, grown.length);
    return onMessage(wsi, user, wsi.frameIsBinary ? whole.slice() : decoder.decode(whole));
  };
}

function append(gathering: Gathering, piece: Uint8Array): void {
  const length = gathering.length + piece.length;
  if (length > gathering.bytes.length) {
    const grown = new Uint8Array(Math.max(length, gathering.bytes.length * 2));
    grown.set(gathering.bytes.subarray(0, gathering.length));
    gathering.bytes = grown;
  }
  gathering.bytes.set(piece, gathering.length);
  gathering.length = length;
}
