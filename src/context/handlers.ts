/** Turns an object of methods into a protocol's callback. */

import type { CallbackResult, Protocol } from "../api/protocol.ts";
import {
  type CallbackArguments,
  isReason,
  type Reason,
  type ReasonData,
  REASONS,
  type UserOf,
  type UserReason,
} from "../api/reasons.ts";
import type { Wsi } from "../api/wsi.ts";
import { isPromised } from "../base/callback_results.ts";
import { describeValue, isPlain, refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { behind } from "../base/face.ts";
import { log } from "../base/log.ts";
import type { Connection } from "../connection/connection.ts";
import { MessageGatherer } from "../connection/messages/gathering.ts";

/**
 * Reasons in which 1 counts in {@linkcode handlers}: it says no, or closes once what was written has left.
 * They are the filters, whatever else asks for a yes, and those of HTTP, in which
 * `httpTransactionCompleted` gives a 1 to be returned.
 *
 * @category Protocols
 */
export type VerdictReason =
  | "filterNetworkConnection"
  | "filterHttpConnection"
  | "filterProtocolConnection"
  | "clientFilterPreEstablish"
  | "confirmExtensionOkay"
  | "clientConfirmExtensionSupported"
  | "opensslPerformClientCertVerification"
  | "opensslContextRequiresPrivateKey"
  | "http"
  | "httpBody"
  | "httpBodyCompletion"
  | "httpWriteable"
  | "httpFileCompletion";

/**
 * What the method for a reason may return: nothing or 0 to go on, −1 to close the connection, and 1 in
 * filters and the reasons of HTTP. Where a promise is awaited its value counts as if it was returned;
 * elsewhere a promise counts as 0, with a `warn` line in the log if it was of anything else. See
 * {@linkcode Protocol.callback}.
 *
 * An async method whose only result is a number needs `return -1 as const`, as the compiler takes it for any
 * number otherwise; beside another `return`, or none at its end, it sees the −1.
 *
 * @category Protocols
 */
export type HandlerResult<R extends Reason | "message"> = R extends VerdictReason
  ? void | 0 | -1 | 1 | Promise<void | 0 | -1 | 1>
  : void | 0 | -1 | Promise<void | 0 | -1>;

/**
 * One method a reason, each with the reason's name; see {@linkcode ReasonData}. A reason without a
 * method is left alone, but for `http`: without it every request is answered 404.
 *
 * A method returns nothing or 0, or −1 to close the connection whatever the reason. 1 counts in filters
 * and in the reasons of HTTP alone, where `return wsi.httpTransactionCompleted()` gives one; elsewhere it is
 * ignored as any other value is, with a `warn` line in the log. A length that a
 * `(wsi) => wsi.write("welcome")` returns is such a value, and the compiler says so.
 *
 * @category Protocols
 */
export type Handlers<User> =
  & {
    readonly [R in keyof ReasonData]?: (
      wsi: Wsi<User>,
      user: UserOf<R, User>,
      data: ReasonData[R],
    ) => HandlerResult<R>;
  }
  & {
    /**
     * Whole messages, on servers and clients: a string for text, a `Uint8Array` of its own for
     * binary. Messages above `maxMessageSize` close the connection with 1009. Takes the place of
     * `receive` and `clientReceive`. −1 closes.
     */
    readonly message?: (
      wsi: Wsi<User>,
      user: User,
      message: string | Uint8Array,
    ) => HandlerResult<"message">;
    /** Reasons of the program's own, by `context.callbackAllProtocol`. */
    readonly [reason: `user:${string}`]: (
      wsi: Wsi<User>,
      user: User,
      data: undefined,
    ) => HandlerResult<UserReason>;
  };

type AnyHandler = (wsi: unknown, user: unknown, data: unknown) => unknown;

const TAKES_ONE: Record<VerdictReason, true> = {
  filterNetworkConnection: true,
  filterHttpConnection: true,
  filterProtocolConnection: true,
  clientFilterPreEstablish: true,
  confirmExtensionOkay: true,
  clientConfirmExtensionSupported: true,
  opensslPerformClientCertVerification: true,
  opensslContextRequiresPrivateKey: true,
  http: true,
  httpBody: true,
  httpBodyCompletion: true,
  httpWriteable: true,
  httpFileCompletion: true,
};

/** Reasons in which a promise is awaited; see {@linkcode Protocol.callback}. */
const AWAITED: ReadonlySet<Reason> = new Set<Reason>([
  "filterNetworkConnection",
  "filterHttpConnection",
  "filterProtocolConnection",
  "http",
  "httpBody",
  "httpBodyCompletion",
  "httpWriteable",
]);

/** Reasons of connections in which a raw callback's number is of no consequence, as in C. */
const WITHOUT_RESULT: ReadonlySet<Reason> = new Set<Reason>([
  "wsiCreate",
  "serverNewClientInstantiated",
  "httpFileCompletion",
  "clientAppendHandshakeHeader",
  "broadcast",
]);

/**
 * Makes a callback of methods named by their reasons. The method `message` gets whole messages.
 *
 * @category Protocols
 * @typeParam User The type of the per-session data: `handlers<{ seen: number }>({…})`.
 * @param methods An object of methods, or an instance of a class that has them.
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
 *
 * @throws {LwsError} `invalid-argument`, which names every method that is wrong.
 */
export function handlers<User = unknown>(
  methods: Handlers<User> | Pick<Handlers<User>, keyof ReasonData | "message">,
): (...args: CallbackArguments<User>) => CallbackResult {
  const table = tableOf(methods);
  const hasHttp = table.has("http");
  if (!hasHttp) table.set("http", answerNotFound as AnyHandler);
  const message = table.get("message");
  if (message !== undefined) {
    const gather = gatherMessages(message) as AnyHandler;
    table.set("receive", gather);
    table.set("clientReceive", gather);
  }
  const warned = new Set<Reason>();

  const warn = (reason: Reason, result: unknown, counts: number, allowed: string): number => {
    if (warned.has(reason)) return counts;
    warned.add(reason);
    const isMessage = message !== undefined && table.get(reason) === table.get("receive");
    log(
      "warn",
      () =>
        `handlers: ${isMessage ? "message" : reason} returned ${describeValue(result)}, ` +
        `which counts as ${counts}; allowed: ${allowed}`,
    );
    return counts;
  };

  const counted = (reason: Reason, result: unknown): number => {
    if (result === undefined || result === null) return 0;
    const takesOne = Object.hasOwn(TAKES_ONE, reason);
    if (result === -1 || result === 0 || (result === 1 && takesOne)) return result;
    // A method that returns `false` means no; it must not let the peer in.
    const counts = typeof result !== "number" && takesOne ? 1 : 0;
    return warn(reason, result, counts, `nothing, 0, −1${takesOne ? " or 1" : ""}`);
  };

  const countedTooLate = (reason: Reason, result: unknown): number => {
    if (result === undefined || result === null || result === 0) return 0;
    return warn(reason, result, 0, "nothing or 0, as no promise is awaited here");
  };

  /** Apart from the callback below, in which its closure would cost every call. */
  const countedLater = (reason: Reason, promised: PromiseLike<unknown>): Promise<number> => {
    const count = AWAITED.has(reason) ? counted : countedTooLate;
    return Promise.resolve(promised).then((value) => count(reason, value));
  };

  const callback: (...args: CallbackArguments<User>) => CallbackResult = (
    wsi,
    reason,
    user,
    data,
  ) => {
    const result = table.get(reason)?.(wsi, user, data);
    if (result === undefined || result === 0) return;
    if (isPromised(result)) return countedLater(reason, result);
    const verdict = counted(reason, result);
    if (verdict === -1 && (WITHOUT_RESULT.has(reason) || reason.startsWith("user:"))) {
      behind<Connection>(wsi).dropFor(reason, verdict);
    }
    return verdict;
  };
  if (!hasHttp) withoutHttp.add(callback);
  return callback;
}

/** Callbacks that answer every request 404, since they were given no method for it. */
const withoutHttp = new WeakSet<object>();

/** Whether a callback may answer HTTP requests otherwise than by 404. */
export function answersHttp(callback: Protocol["callback"]): boolean {
  return !withoutHttp.has(callback);
}

/** The methods by reason, and `message`. @throws {LwsError} */
function tableOf(methods: unknown): Map<string, AnyHandler> {
  if (typeof methods !== "object" || methods === null) {
    refuseArgument("handlers", "methods", methods, "an object of methods named by reasons");
  }
  const faults: string[] = [];
  const table = new Map<string, AnyHandler>();
  for (const name of namesOf(methods, faults)) {
    const method = (methods as Record<string, unknown>)[name];
    if (method === undefined) continue;
    if (typeof method === "function") table.set(name, (method as AnyHandler).bind(methods));
    else faults.push(`${name} is ${describeValue(method)}; allowed: a function`);
  }
  if (table.has("message") && (table.has("receive") || table.has("clientReceive"))) {
    faults.push("message takes the place of receive and clientReceive");
  }
  if (faults.length > 0) {
    throw new LwsError("invalid-argument", faults.map((each) => `handlers: ${each}`).join("\n"));
  }
  return table;
}

/** The names of methods for reasons; those of a class's instance are inherited, and it may have others. */
function namesOf(methods: object, faults: string[]): Set<string> {
  const names = new Set<string>();
  for (let each = methods; each !== null && each !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(each)) {
      if (name === "message" || isReason(name)) names.add(name);
      else if (isPlain(methods)) {
        const hint = didYouMean(name, ["message", ...REASONS]);
        faults.push(`${name} is no reason; allowed: message, and the names of ReasonData${hint}`);
      }
    }
    each = Object.getPrototypeOf(each);
  }
  return names;
}

function answerNotFound(wsi: Wsi): 0 | 1 {
  wsi.returnHttpStatus(404);
  return wsi.httpTransactionCompleted();
}

function gatherMessages<User>(
  onMessage: AnyHandler,
): (wsi: Wsi<User>, user: User, piece: Uint8Array) => unknown {
  const gatherer = new MessageGatherer();
  return (wsi, user, piece) => {
    const message = gatherer.take(wsi, piece);
    return message === undefined ? undefined : onMessage(wsi, user, message);
  };
}
