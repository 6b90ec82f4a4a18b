/** The methods of an object by their reasons, and the callback that they make. */

import type { CallbackResult, Protocol } from "../../api/protocol.ts";
import { type CallbackArguments, isReason, type Reason, REASONS } from "../../api/reasons.ts";
import type { Wsi } from "../../api/wsi.ts";
import { setNames } from "../../base/log/callback_names.ts";
import { isPromised } from "../../base/callback_results.ts";
import { describeValue, isPlain, refuseArgument } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { LwsError } from "../../base/errors.ts";
import { behind } from "../../base/face.ts";
import { line, log, own } from "../../base/log.ts";
import type { Connection } from "../../connection/connection.ts";
import { METHOD_SYNONYMS } from "../options/synonyms.ts";
import type { VerdictReason } from "./method_types.ts";

/** A method without the pairing of reasons and data. */
export type AnyMethod = (wsi: Wsi, user: unknown, data: unknown) => unknown;

/** A name that stands for reasons. */
export interface Alias {
  /** It takes their place. */
  readonly reasons: readonly Reason[];
  /** Makes the method for the reasons of the one that was given. */
  readonly wrap?: (method: AnyMethod) => AnyMethod;
}

/** What an object of methods may have, and the call that is given it. */
export interface MethodRules {
  readonly call: string;
  /** The name of the call's parameter. */
  readonly parameter: string;
  readonly aliases: Readonly<Record<string, Alias>>;
  /** Members that are no methods of reasons. */
  readonly others: readonly string[];
  /** What a complaint says of a name that is none of them. */
  readonly complaint: string;
}

const TAKES_ONE: Record<VerdictReason, true> = {
  filterNetworkConnection: true,
  filterHttpConnection: true,
  filterProtocolConnection: true,
  clientFilterPreEstablish: true,
  clientRetry: true,
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

/** A method, and the name that it was given by. */
interface Named {
  readonly name: string;
  readonly method: AnyMethod;
}

/**
 * Makes a callback of methods.
 *
 * @throws {LwsError} `invalid-argument`, which names every method that is wrong.
 */
export function callbackOf<User>(
  methods: unknown,
  rules: MethodRules,
): (...args: CallbackArguments<User>) => CallbackResult {
  const named = namedMethods(methods, rules);
  const table = new Map<string, AnyMethod>();
  for (const [reason, { method }] of named) table.set(reason, method);
  const hasHttp = table.has("http");
  if (!hasHttp) table.set("http", answerNotFound as AnyMethod);
  const warned = new Set<Reason>();

  const warn = (reason: Reason, result: unknown, counts: number, allowed: string): number => {
    if (warned.has(reason)) return counts;
    warned.add(reason);
    const name = named.get(reason)?.name ?? reason;
    log(
      "warn",
      () =>
        line`${own(rules.call)}: ${own(name)} returned ${
          describeValue(result)
        }, which counts as ${counts}; allowed: ${own(allowed)}`,
    );
    return counts;
  };

  const counted = (reason: Reason, result: unknown): number => {
    if (result === undefined || result === null) return 0;
    const takesOne = Object.hasOwn(TAKES_ONE, reason);
    if (result === -1 || result === 0 || (result === 1 && takesOne)) return result;
    // A method that returns `false` means no; it must not let the peer in. Nor must what `upgrade` has mistaken.
    const isNo = typeof result !== "number" || named.get(reason)?.name === "upgrade";
    const counts = isNo && takesOne ? 1 : 0;
    return warn(reason, result, counts, `nothing, 0, −1${takesOne ? " or 1" : ""}`);
  };

  const countedTooLate = (reason: Reason, result: unknown): number => {
    if (result === undefined || result === null || result === 0) return 0;
    // What `subscribe` and `publish` have told, which is no verdict.
    if (typeof result === "object" && "offset" in result && "epoch" in result) return 0;
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
  setNames(callback, named);
  namesOfMethods.set(callback, new Set([...named.values()].map(({ name }) => name)));
  return callback;
}

/** What methods a callback was made of, by the names that they were given by. */
const namesOfMethods = new WeakMap<object, ReadonlySet<string>>();

/** Whether a callback may answer HTTP requests otherwise than by 404, which is what one without a method does. */
export function answersHttp(callback: Protocol["callback"]): boolean {
  return namesOfMethods.get(callback)?.has("http") ?? true;
}

/** Whether a callback may refuse HTTP requests by their paths. */
export function filtersHttp(callback: Protocol["callback"]): boolean {
  return namesOfMethods.get(callback)?.has("filterHttpConnection") ?? true;
}

/** Whether a callback hears as if it had asked for it that what was unsent has fallen below `softUnsentBytes`. */
export function hearsDrain(callback: Protocol["callback"]): boolean {
  return namesOfMethods.get(callback)?.has("drain") ?? false;
}

/** Whether a callback may do something about members of topics that join and leave. */
export function hearsPresence(callback: Protocol["callback"]): boolean {
  return namesOfMethods.get(callback)?.has("presence") ?? true;
}

/** Methods of which a protocol that serves WebSockets has one. */
const OF_SERVED_WEBSOCKETS: readonly string[] = [
  "upgrade",
  "open",
  "message",
  "drain",
  "close",
  "filterProtocolConnection",
  "established",
  "receive",
  "receivePing",
  "receivePong",
  "serverWriteable",
  "closed",
  "broadcast",
];

/** Whether handshakes may be a protocol's own: one that is made of a `fetch`, and of none of these, is for HTTP alone. */
export function servesWebSockets({ fetch, callback }: Protocol): boolean {
  const names = fetch === undefined ? undefined : namesOfMethods.get(callback);
  return names === undefined || OF_SERVED_WEBSOCKETS.some((name) => names.has(name));
}

/** The methods by reason. @throws {LwsError} */
function namedMethods(methods: unknown, rules: MethodRules): Map<string, Named> {
  const { call, parameter, aliases, others } = rules;
  if (typeof methods !== "object" || methods === null) {
    refuseArgument(call, parameter, methods, "an object of methods named by reasons");
  }
  const faults: string[] = [];
  const named = new Map<string, Named>();
  for (const name of namesOf(methods, rules, faults)) {
    if (others.includes(name)) continue;
    const given = (methods as Record<string, unknown>)[name];
    if (given === undefined) continue;
    if (typeof given !== "function") {
      faults.push(`${name} is ${describeValue(given)}; allowed: a function`);
      continue;
    }
    const method = (given as AnyMethod).bind(methods);
    const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
    const called = { name, method: alias?.wrap?.(method) ?? method };
    for (const reason of alias?.reasons ?? [name]) {
      if (named.has(reason)) faults.push(faultOfTwo(aliases, named.get(reason)!.name, name));
      named.set(reason, called);
    }
  }
  if (faults.length > 0) {
    const unique = [...new Set(faults)];
    throw new LwsError("invalid-argument", unique.map((each) => `${call}: ${each}`).join("\n"));
  }
  return named;
}

/** What is wrong with two methods for one reason: one of them is its alias. */
function faultOfTwo(
  aliases: MethodRules["aliases"],
  first: string,
  second: string,
): string {
  const [alias, other] = Object.hasOwn(aliases, first) ? [first, second] : [second, first];
  const reasons = aliases[alias]!.reasons.join(" and ");
  return `${alias} takes the place of ${reasons}: it can't stand beside ${other}`;
}

/** The names of methods; those of a class's instance are inherited, and it may have others. */
function namesOf(methods: object, rules: MethodRules, faults: string[]): Set<string> {
  const names = new Set<string>();
  const known = [...Object.keys(rules.aliases), ...rules.others, ...REASONS];
  for (let each = methods; each !== null && each !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(each)) {
      const isKnown = isReason(name) || Object.hasOwn(rules.aliases, name) ||
        rules.others.includes(name);
      if (isKnown) names.add(name);
      else if (isPlain(methods)) {
        // `handlers` has no everyday names, which most of these are.
        const synonyms = known.includes(METHOD_SYNONYMS[name] ?? "") ? METHOD_SYNONYMS : {};
        faults.push(`${name} ${rules.complaint}${didYouMean(name, known, "", synonyms)}`);
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
