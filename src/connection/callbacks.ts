/** The program's callbacks: the one place that calls them, and takes what they return or throw. */

import type { Protocol } from "../api/protocol.ts";
import type { ConsentReason, Reason, ReasonData } from "../api/reasons.ts";
import type { ClientCertificateTrial, TlsInfo } from "../api/tls.ts";
import type { Wsi } from "../api/wsi.ts";
import { nameOf } from "../base/log/callback_names.ts";
import {
  disregard,
  disregardPromise,
  isBlocking,
  noteClosing,
  promiseOrNumber,
  THREW,
} from "../base/callback_results.ts";
import { LwsError } from "../base/errors.ts";
import { line, log, own, thrown } from "../base/log.ts";

/** The connection that a callback is for. Implemented by Connection. */
export interface Caller {
  /** What the callback is given. */
  readonly wsi: Wsi;
  readonly socketFd: number;
  user: unknown;
  readonly isOpen: boolean;
  /** What hears of a callback that threw. */
  readonly phase: { onThrow(): void } | undefined;
  /** Called when the program's work for the connection has failed outside of a callback, as by a promise. */
  hasFailed(): void;
}

/** The protocol that is called. Implemented by ProtocolEntry. */
export interface Called {
  readonly protocol: Protocol;
}

/** A protocol's callback without the pairing of reasons and data, which the callers here keep. */
type LooseCallback = (
  this: Protocol,
  wsi: Wsi,
  reason: Reason,
  user: unknown,
  data: unknown,
) => unknown;

/** Reasons in which one that throws says no, and ends nothing else. */
const HARMLESS: ReadonlySet<Reason> = new Set<Reason>([
  "confirmExtensionOkay",
  "clientConfirmExtensionSupported",
  "opensslPerformClientCertVerification",
]);

/**
 * Calls a protocol's callback. Returns its number, 0 for nothing, a promise for the caller to await, and
 * {@linkcode THREW} when it threw, which is logged.
 */
export function ask<R extends keyof ReasonData>(
  caller: Caller,
  { protocol }: Called,
  reason: R,
  data: ReasonData[R],
  user: unknown = caller.user,
): number | PromiseLike<unknown> {
  try {
    const result = (protocol.callback as LooseCallback).call(
      protocol,
      caller.wsi,
      reason,
      user,
      data,
    );
    if (result === undefined) return 0;
    return typeof result === "number" ? result : promiseOrNumber(result);
  } catch (error) {
    return hasThrown(caller, protocol, reason, error);
  }
}

/** As {@linkcode ask}, for reasons in which a promise is awaited: where it can't be, it counts as a throw. */
export function askAwaited<R extends keyof ReasonData>(
  caller: Caller,
  called: Called,
  reason: R,
  data: ReasonData[R],
  user: unknown = caller.user,
): number | PromiseLike<unknown> {
  const result = ask(caller, called, reason, data, user);
  if (typeof result === "number" || !isBlocking()) return result;
  disregard(result, `${called.protocol.name}: ${nameOf(called.protocol, reason)}`);
  const error = new LwsError(
    "invalid-state",
    "it returned a promise, which can't settle while serviceSync blocks the thread",
  );
  return hasThrown(caller, called.protocol, reason, error);
}

/** As {@linkcode ask}, for reasons in which a promise is not awaited but counts as 0. */
export function call<R extends keyof ReasonData>(
  caller: Caller,
  called: Called,
  reason: R,
  data: ReasonData[R],
  user: unknown = caller.user,
): number {
  const result = ask(caller, called, reason, data, user);
  return typeof result === "number" ? result : unawaited(caller, called.protocol, reason, result);
}

/** As {@linkcode call}, for reasons that only the program knows as well. */
export function callAny(caller: Caller, called: Called, reason: Reason): number {
  return call(caller, called, reason as "established", undefined);
}

/** Apart from {@linkcode call}, in which its closure would cost every call. */
function unawaited(
  caller: Caller,
  protocol: Protocol,
  reason: Reason,
  promised: PromiseLike<unknown>,
): number {
  disregardPromise(
    promised,
    `${protocol.name}: ${nameOf(protocol, reason)}`,
    () => caller.hasFailed(),
  );
  return 0;
}

function hasThrown(caller: Caller, protocol: Protocol, reason: Reason, error: unknown): number {
  logThrown(protocol.name, nameOf(protocol, reason), error);
  if (caller.isOpen && !HARMLESS.has(reason)) caller.phase?.onThrow();
  return THREW;
}

/** Apart, as a closure in there would cost every call of a callback an allocation. */
function logThrown(protocol: string, what: string, error: unknown): void {
  log("err", () => line`${own(protocol)}: ${own(what)} threw: ${thrown(error)}`);
}

/** Tells that what a callback returned closes the connection. */
export function noteReturn(
  { socketFd, entry }: { readonly socketFd: number; readonly entry: Called },
  reason: Reason,
  result: number,
): void {
  noteClosing(socketFd, nameOf(entry.protocol, reason), result);
}

/** Makes the per-session data of a protocol; false when its factory threw, which is logged. */
export function makeUser(caller: Caller, { protocol }: Called): boolean {
  if (protocol.perSessionData !== undefined) return makeData(caller, protocol);
  caller.user = undefined;
  return true;
}

/** Apart from {@linkcode makeUser}, in which its closure would cost every connection. */
function makeData(caller: Caller, { name, perSessionData }: Protocol): boolean {
  try {
    if (typeof perSessionData === "number") caller.user = new ArrayBuffer(perSessionData);
    else caller.user = perSessionData?.();
    disregard(caller.user, `${name}: perSessionData`, () => caller.hasFailed());
    return true;
  } catch (error) {
    logThrown(name, "perSessionData", error);
    return false;
  }
}

/**
 * The program's verdict on a client's certificate; undefined for none. To let in a client that is not
 * trusted takes a call of `accept`: the 0 that a callback returns for reasons it doesn't know must not.
 */
export function judges(
  caller: Caller,
  first: Called,
  info: TlsInfo,
  pointers: Pick<ClientCertificateTrial, "ssl" | "x509StoreCtx"> | undefined,
): boolean | undefined {
  let isAccepted = false;
  const trial: ClientCertificateTrial = {
    info,
    isTrusted: info.authorized,
    accept: () => void (isAccepted = true),
    get ssl() {
      return pointers?.ssl;
    },
    get x509StoreCtx() {
      return pointers?.x509StoreCtx;
    },
  };
  const reason = "opensslPerformClientCertVerification";
  const verdict = call(caller, first, reason, trial);
  if (verdict === 0) return isAccepted ? true : undefined;
  noteClosing(caller.socketFd, nameOf(first.protocol, reason), verdict);
  return false;
}

/** Asks the first protocol about an extension; one that throws says no, and ends nothing else. */
export function consents(
  caller: Caller,
  first: Called,
  reason: ConsentReason,
  name: string,
  user: unknown = caller.user,
): boolean {
  return call(caller, first, reason, name, user) === 0;
}
