/** Extensions that users write as the C library's struct of a name and a callback. */

import type { Context } from "../api/context.ts";
import {
  type AcceptedExtension,
  type CallbackExtension,
  ExtensionFailure,
  type ExtensionReason,
  type ExtensionReasonData,
  type ExtensionSession,
  type ExtensionStruct,
} from "../api/extension.ts";
import type { Wsi } from "../api/wsi.ts";
import { disregard, isPromised } from "../base/callback_results.ts";
import { didYouMean } from "../base/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { behind } from "../base/face.ts";
import { isLogged, line, log, own, thrown } from "../base/log.ts";
import { isToken } from "../core/http/syntax.ts";
import { type ExtensionOffer, formatExtension } from "../core/websocket/extension_header.ts";
import { CallbackSession } from "./callback_session.ts";
import type { ExtendedConnection } from "./pipeline.ts";

/**
 * Makes an extension for a context's `extensions` of a name and a callback. It may change the payload of
 * messages (`payloadTx`, `payloadRx`), the bytes of the connection (`packetTxPresend`,
 * `packetRxPreparse`), or only look on. Both ends must list it; it sets no reserved bit.
 *
 * Payload is shown as it is written and as it comes, in pieces that need not be the same at both ends. In
 * a list it goes in front of `deflateFrame`, and in front of other compression to see plain payload, or
 * behind it to see compressed one. Messages on its connections are bounded by `maxMessageSize`.
 *
 * @category Extensions
 * @typeParam User The type of the per-session data.
 * @throws {LwsError} `invalid-argument`, which names every member that is wrong.
 *
 * @example
 * ```ts
 * import { callbackExtension, createContext, handlers } from "@x/lws";
 *
 * const mirror = callbackExtension({
 *   name: "x-flipped-bits",
 *   callback(_context, _extension, _wsi, reason, _user, data) {
 *     if (reason !== "payloadTx" && reason !== "payloadRx") return;
 *     for (let i = 0; i < data.tokenLength; i++) data.token![i]! ^= 0xff;
 *   },
 * });
 *
 * await using context = createContext({
 *   port: 0,
 *   extensions: [mirror],
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({ message: (wsi, _user, message) => void wsi.write(message) }),
 *   }],
 * });
 * ```
 */
export function callbackExtension<User = unknown>(
  struct: ExtensionStruct<User>,
): CallbackExtension {
  const faults = faultsOfStruct(struct);
  if (faults.length > 0) {
    throw new LwsError(
      "invalid-argument",
      faults.map((fault) => `callbackExtension: ${fault}`).join("\n"),
    );
  }
  return new StructExtension(struct as ExtensionStruct);
}

const MEMBERS: ReadonlySet<string> = new Set([
  "name",
  "callback",
  "perSessionData",
  "perContextPrivateData",
]);

/** What is wrong with a struct, each with the member's name. */
export function faultsOfStruct(struct: unknown): readonly string[] {
  if (typeof struct !== "object" || struct === null) {
    return [`the struct is ${String(struct)}; allowed: an object with name and callback`];
  }
  const faults = Object.keys(struct)
    .filter((member) => !MEMBERS.has(member))
    .map((member) => `${member} is no member of an extension${didYouMean(member, MEMBERS)}`);
  const { name, callback, perSessionData } = struct as Partial<ExtensionStruct>;
  const complain = (member: string, value: unknown, allowed: string) => {
    const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
    faults.push(`${member} is ${shown}; allowed: ${allowed}`);
  };
  if (typeof name !== "string" || !isToken(name)) {
    complain("name", name, "a token of RFC 9110 section 5.6.2");
  }
  if (typeof callback !== "function") complain("callback", callback, "a function");
  const isSize = Number.isInteger(perSessionData) && (perSessionData as number) >= 0;
  if (perSessionData !== undefined && typeof perSessionData !== "function" && !isSize) {
    complain("perSessionData", perSessionData, "a function, or a number of bytes");
  }
  return faults;
}

/** A callback without the pairing of reasons and arguments, which the callers here keep. */
type LooseCallback = (...args: unknown[]) => number | void | PromiseLike<unknown>;

/** Reasons for which a negative number means no more than any other, as there is nothing to end. */
const HARMLESS: ReadonlySet<ExtensionReason> = new Set<ExtensionReason>([
  "serverContextConstruct",
  "clientContextConstruct",
  "serverContextDestruct",
  "clientContextDestruct",
  "checkOkToReallyClose",
  "checkOkToProposeExtension",
  "destroy",
  "destroyAnyWsiClosing",
]);

/** A {@linkcode CallbackExtension} and its calls. */
export class StructExtension implements CallbackExtension {
  readonly name: string;
  perContextPrivateData: unknown;
  readonly #struct: ExtensionStruct;

  constructor(struct: ExtensionStruct) {
    this.name = struct.name;
    this.perContextPrivateData = struct.perContextPrivateData;
    this.#struct = struct;
  }

  // How it is negotiated. It knows no parameters, so that an offer with some is not one of it.

  accept(offers: readonly ExtensionOffer[]): AcceptedExtension | undefined {
    if (!offers.some(({ name, params }) => name === this.name && params.length === 0)) {
      return undefined;
    }
    return { answer: this.offer(), session: new CallbackSession(this) };
  }

  offer(): string {
    return formatExtension({ name: this.name, params: [] });
  }

  confirm(answer: ExtensionOffer): ExtensionSession {
    if (answer.params.length === 0) return new CallbackSession(this);
    throw new Error(`the server's answer to ${this.name} has parameters`);
  }

  close(): void {}

  // What it hears of contexts and of all connections.

  contextConstruct(context: Context): void {
    const listens = context.port >= 0;
    const reason = listens ? "serverContextConstruct" : "clientContextConstruct";
    this.call(context, undefined, reason, undefined, undefined);
  }

  contextDestruct(context: Context): void {
    const listens = context.port >= 0;
    const reason = listens ? "serverContextDestruct" : "clientContextDestruct";
    this.call(context, undefined, reason, undefined, undefined);
  }

  mayPropose(wsi: Wsi, name: string): boolean {
    return this.call(wsi.context, wsi, "checkOkToProposeExtension", undefined, name) === 0;
  }

  anyEstablished(wsi: Wsi): void {
    this.demand(wsi, "anyWsiEstablished", undefined, undefined);
  }

  anyClosing(wsi: Wsi): void {
    this.call(wsi.context, wsi, "destroyAnyWsiClosing", undefined, undefined);
  }

  // For it and its sessions.

  /** @throws {ExtensionFailure} when the program's function does, which is logged. */
  makeUser(wsi: Wsi): unknown {
    const { perSessionData } = this.#struct;
    if (typeof perSessionData === "number") return new ArrayBuffer(perSessionData);
    try {
      const user = perSessionData?.();
      disregard(
        user,
        `${this.name}: perSessionData`,
        () => behind<ExtendedConnection>(wsi).hasFailed(),
      );
      return user;
    } catch (error) {
      log("err", () => line`${own(this.name)}: perSessionData threw: ${thrown(error)}`);
      throw new ExtensionFailure(`${this.name}: perSessionData threw`);
    }
  }

  /** Calls the callback. Returns its number, 0 for nothing, and −1 when it threw, which is logged. */
  call<R extends ExtensionReason>(
    context: Context,
    wsi: Wsi | undefined,
    reason: R,
    user: unknown,
    data: ExtensionReasonData[R],
  ): number {
    const struct = this.#struct;
    try {
      const callback = struct.callback as unknown as LooseCallback;
      const returned = callback.call(struct, context, this, wsi, reason, user, data);
      if (isPromised(returned)) {
        disregard(returned, `${this.name}: ${reason}`, () => {
          if (wsi !== undefined && !HARMLESS.has(reason)) {
            behind<ExtendedConnection>(wsi).hasFailed();
          }
        });
        return 0;
      }
      const result = returned ?? 0;
      if (result < 0 && !HARMLESS.has(reason) && isLogged("warn")) {
        log(
          "warn",
          line`${own(this.name)}: ${own(reason)} returned ${result}, which ends the connection`,
        );
      }
      return result;
    } catch (error) {
      // No closure, which would cost every call an allocation.
      if (isLogged("err")) {
        log("err", line`${own(this.name)}: ${own(reason)} threw: ${thrown(error)}`);
      }
      return -1;
    }
  }

  /**
   * As {@linkcode call}, where a negative number ends the connection.
   *
   * @throws {ExtensionFailure} for one.
   */
  demand<R extends ExtensionReason>(
    wsi: Wsi,
    reason: R,
    user: unknown,
    data: ExtensionReasonData[R],
  ): number {
    const result = this.call(wsi.context, wsi, reason, user, data);
    if (result < 0) throw new ExtensionFailure(`${this.name}: ${reason} failed`);
    return result;
  }
}
