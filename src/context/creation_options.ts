/** What `createContext` is given, and the check of all of it at once. */

import {
  type CheckedOptions,
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  type ListenInfo,
  type ServicePolicy,
  type TrustProxy,
} from "../api/creation_info.ts";
import type { Extension, ExtensionStruct } from "../api/extension.ts";
import { type FileOps, pairStat } from "../api/file_ops.ts";
import { DEFAULT_LIMITS, type KeepAliveSettings, type Limits } from "../api/limits.ts";
import type { Network } from "../api/network.ts";
import type { ActiveProtocol, Protocol } from "../api/protocol.ts";
import type { Clock } from "../api/service.ts";
import type { TlsMembers } from "../api/tls.ts";
import { describeValue, isPlain } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { CheckedTokenLimits } from "../connection/http/header_reader.ts";
import { handlers } from "./handlers.ts";
import type { CheckedListenInfo } from "./listen.ts";
import {
  checkIdentity,
  checkKeepAlive,
  checkPlatformInfo,
  checkProxy,
  checkProxyPort,
  PLATFORM_FIELDS,
} from "./platform_options.ts";
import { HEADER_TOKENS, type HeaderToken, TOKEN_NAMES } from "../core/http/header_tokens.ts";
import {
  ANY_METHOD,
  COMMON_METHODS,
  isTakeable,
  LONGEST_METHOD,
  type Methods,
  onlyMethods,
} from "../core/http/methods.ts";
import { isToken } from "../core/http/syntax.ts";
import { callbackExtension, faultsOfStruct } from "../extensions/callback_extension.ts";
import { type CheckedMount, checkMounts } from "../files/mounts.ts";
import { type ProxyTrust, readProxyTrust } from "../proxy/forwarded_for.ts";
import { parseIpLiteral } from "../proxy/ip_address.ts";
import type { ProxySettings } from "../proxy/selection.ts";
import { systemClock } from "../service/clock.ts";
import { hostFileOps } from "../transport/host_files.ts";
import { hostFolder } from "../transport/host_folder.ts";
import type { Identity } from "../transport/machine.ts";
import { tcpNetwork } from "../transport/network.ts";

/** A creation struct with everything checked and filled in. */
export interface CheckedInfo {
  readonly listen: CheckedListenInfo;
  readonly tls: TlsMembers;
  readonly identity: Identity;
  readonly proxy: ProxySettings | undefined;
  /** The port where a proxy's text has none. */
  readonly proxyPort: number | undefined;
  readonly protocols: readonly Protocol[];
  readonly allowedOrigins: readonly string[] | undefined;
  readonly halfOpenHttp: boolean;
  readonly extensions: readonly Extension[];
  readonly broadcastSockets: boolean;
  readonly fileOps: FileOps;
  readonly mounts: readonly CheckedMount[];
  readonly compression: boolean;
  readonly user: unknown;
  readonly service: ServicePolicy;
  readonly signal: AbortSignal | undefined;
  readonly network: Network;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly tokenLimits: CheckedTokenLimits;
  readonly methods: Methods;
  readonly options: CheckedOptions;
  readonly keepAlive: KeepAliveSettings | undefined;
}

const DEFAULT_RX_BUFFER_SIZE = 64 * 1024;
const MAX_RX_BUFFER_SIZE = 1024 * 1024 * 1024;
/** The longest delay that the runtime's timers can wait. */
const MAX_DELAY_MS = 2 ** 31 - 1;

const OWN_OPTIONS: ReadonlySet<string> = new Set([
  "protocols",
  "mounts",
  "compression",
  "allowedOrigins",
  "halfOpenHttp",
  "extensions",
  "tokenLimits",
  "methods",
  "broadcastSockets",
  "fileOps",
  "user",
  "service",
  "signal",
  "network",
  "clock",
]);

/** With what a context adds to it, as one that a context uses is a protocol as well. */
const PROTOCOL_MEMBERS: ReadonlySet<string> = new Set<keyof ActiveProtocol>([
  "name",
  "callback",
  "perSessionData",
  "rxBufferSize",
  "id",
  "user",
  "allowedOrigins",
  "owningServer",
  "protocolIndex",
  "broadcastSocketPort",
  "broadcastSocketUserFd",
  "broadcastToken",
]);

/** In place of the program's, where mounts alone are served. */
const NO_PROTOCOL: Protocol = {
  name: "http-only",
  callback: handlers({ filterProtocolConnection: () => -1 }),
};

const SERVICE_POLICIES: readonly ServicePolicy[] = ["automatic", "manual", "external"];

/** The smallest value of the limits that can't be 0. */
const SMALLEST_LIMIT: Partial<Record<keyof Limits, number>> = {
  maxHeaderBytes: 64,
  maxHeaderFields: 1,
  maxFragments: 1,
  maxConnections: 1,
  maxConnectionsPerAddress: 1,
  maxUnsentBytes: 1024,
};

/** The piece size of a protocol. */
export function rxBufferSizeOf(protocol: Protocol): number {
  return protocol.rxBufferSize || DEFAULT_RX_BUFFER_SIZE;
}

/**
 * Checks a creation struct.
 *
 * @throws {LwsError} `invalid-option`, which names every field that is wrong, its value and what is
 *   allowed.
 */
export function checkCreationInfo(info: ContextCreationInfo): CheckedInfo {
  if (typeof info !== "object" || info === null) {
    throw new LwsError(
      "invalid-option",
      `createContext: info is ${describeValue(info)}, no object`,
    );
  }
  const problems: string[] = [];
  const complain = (field: string, value: unknown, allowed: string) => {
    problems.push(`${field} is ${describeValue(value)}; allowed: ${allowed}`);
  };

  for (const field of Object.keys(info)) {
    if (OWN_OPTIONS.has(field) || PLATFORM_FIELDS.has(field) || LISTEN_FIELDS.has(field)) continue;
    if (Object.hasOwn(DEFAULT_LIMITS, field)) continue;
    problems.push(`${field} is no option of createContext`);
  }
  const listen = checkListenInfo(info, complain);
  checkOrigins("allowedOrigins", info.allowedOrigins, complain);
  const { compression = false } = info;
  if (typeof compression !== "boolean") complain("compression", compression, "true or false");
  const mounts = checkMounts(info.mounts, hostFolder, compression, problems, complain);
  const isForMounts = Array.isArray(info.mounts) && info.mounts.length > 0 &&
    (info.protocols === undefined || (info.protocols as unknown[] | null)?.length === 0);
  const protocols = isForMounts
    ? [NO_PROTOCOL]
    : checkProtocols(info.protocols, problems, complain);
  const extensions = checkExtensions(info.extensions, problems, complain);
  const { service = "automatic" } = info;
  if (!SERVICE_POLICIES.includes(service)) {
    complain("service", service, '"automatic", "manual" or "external"');
  }
  const { broadcastSockets = false } = info;
  if (typeof broadcastSockets !== "boolean") {
    complain("broadcastSockets", broadcastSockets, "true or false");
  }
  const { halfOpenHttp = false } = info;
  if (typeof halfOpenHttp !== "boolean") complain("halfOpenHttp", halfOpenHttp, "true or false");
  if (info.signal !== undefined && !(info.signal instanceof AbortSignal)) {
    complain("signal", info.signal, "an AbortSignal");
  }
  checkMethods("fileOps", info.fileOps, ["open", "close", "seekCur", "read", "write"], complain);
  if (info.fileOps?.stat !== undefined) checkMethods("fileOps", info.fileOps, ["stat"], complain);
  checkMethods("network", info.network, ["listen", "connect"], complain);
  checkMethods("clock", info.clock, ["now", "setTimer", "clearTimer"], complain);
  const reverse: unknown = info.network?.reverse;
  if (reverse !== undefined && typeof reverse !== "function") {
    complain("network.reverse", reverse, "a function");
  }
  const limits = checkLimits(info, complain);
  const tokenLimits = checkTokenLimits(info.tokenLimits, complain);
  const methods = checkRequestMethods(info.methods, complain);
  const options = checkPlatformInfo(info, complain);
  const keepAlive = checkKeepAlive(info, complain);
  const identity = checkIdentity(info, complain);
  const proxyPort = checkProxyPort(info, complain);
  const proxy = checkProxy(info, proxyPort, problems, complain);

  if (problems.length > 0) throw new LwsError("invalid-option", problems.join("\n"));
  for (const loop of ["libev", "libuv"] as const) {
    if (options[loop]) {
      log("notice", () => `options.${loop}: there is one event loop, the runtime's`);
    }
  }
  const fileOps = info.fileOps ?? hostFileOps();
  pairStat(fileOps);
  return {
    listen,
    tls: info,
    identity,
    proxy,
    proxyPort,
    protocols,
    mounts,
    compression,
    allowedOrigins: info.allowedOrigins,
    halfOpenHttp,
    extensions,
    broadcastSockets,
    fileOps,
    user: info.user,
    service,
    signal: info.signal,
    network: info.network ?? tcpNetwork,
    clock: info.clock ?? systemClock,
    limits,
    tokenLimits,
    methods,
    options,
    keepAlive,
  };
}

type Complain = (field: string, value: unknown, allowed: string) => void;

function checkProtocols(
  given: readonly Protocol[] | undefined,
  problems: string[],
  complain: Complain,
): readonly Protocol[] {
  if (!Array.isArray(given)) {
    complain("protocols", given, "an array of protocols");
    return [];
  }
  // Lists from C end with an entry without a callback.
  const end = given.findIndex((each) => each?.callback === null || each?.callback === undefined);
  const protocols: readonly Protocol[] = end === -1 ? given : given.slice(0, end);
  // The last one may be no end at all, but a protocol whose callback is misspelt.
  given.slice(0, end === -1 ? given.length : end + 1).forEach((each: unknown, index) => {
    if (typeof each !== "object" || each === null || !isPlain(each)) return;
    for (const member of Object.keys(each)) {
      if (PROTOCOL_MEMBERS.has(member)) continue;
      problems.push(`protocols[${index}].${member} is no member of a protocol`);
    }
  });
  if (protocols.length === 0) complain("protocols", given, "at least one with a callback");
  const names = new Set<string>();
  protocols.forEach((protocol, index) => {
    const field = `protocols[${index}]`;
    if (typeof protocol.callback !== "function") {
      complain(`${field}.callback`, protocol.callback, "a function");
    }
    if (typeof protocol.name !== "string" || !isToken(protocol.name)) {
      complain(`${field}.name`, protocol.name, "a token of RFC 9110 section 5.6.2");
    }
    if (names.has(protocol.name)) complain(`${field}.name`, protocol.name, "a name used once");
    names.add(protocol.name);
    const { rxBufferSize = 0, perSessionData } = protocol;
    if (!Number.isInteger(rxBufferSize) || rxBufferSize < 0 || rxBufferSize > MAX_RX_BUFFER_SIZE) {
      complain(`${field}.rxBufferSize`, rxBufferSize, `an integer from 0 to ${MAX_RX_BUFFER_SIZE}`);
    }
    const isSize = Number.isInteger(perSessionData) && (perSessionData as number) >= 0;
    if (perSessionData !== undefined && typeof perSessionData !== "function" && !isSize) {
      complain(`${field}.perSessionData`, perSessionData, "a function, or a number of bytes");
    }
    checkOrigins(`${field}.allowedOrigins`, protocol.allowedOrigins, complain);
  });
  return protocols;
}

function checkOrigins(field: string, origins: unknown, complain: Complain): void {
  if (origins === undefined) return;
  if (!Array.isArray(origins)) return complain(field, origins, "an array of origins");
  for (const origin of origins) {
    if (origin === "*") continue;
    const url = typeof origin === "string" ? URL.parse(origin) : null;
    const isOrigin = url !== null && url.host !== "" && url.pathname.length <= 1 &&
      url.search === "" && url.hash === "" && !origin.endsWith("/");
    if (!isOrigin) complain(field, origin, '"*", or an origin such as "https://example.com"');
  }
}

function checkExtensions(
  given: unknown,
  problems: string[],
  complain: Complain,
): readonly Extension[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) {
    complain("extensions", given, "an array of extensions");
    return [];
  }
  const extensions: Extension[] = [];
  const names = new Set<unknown>();
  for (const [index, entry] of given.entries()) {
    const field = `extensions[${index}]`;
    const name = (entry as Partial<Extension> | null)?.name;
    if (isStruct(entry)) {
      // Lists from C end with an entry without a callback.
      if (entry.callback === null || entry.callback === undefined) break;
      const faults = faultsOfStruct(entry);
      problems.push(...faults.map((fault) => `${field}.${fault}`));
      if (faults.length === 0) extensions.push(callbackExtension(entry));
    } else {
      checkMethods(field, entry, ["accept", "offer", "confirm", "close"], complain);
      if (typeof name !== "string" || !isToken(name)) complain(`${field}.name`, name, "a token");
      extensions.push(entry);
    }
    if (names.has(name)) complain(`${field}.name`, name, "a name used once");
    names.add(name);
  }
  return extensions;
}

function checkRequestMethods(given: unknown, complain: Complain): Methods {
  if (given === undefined) return COMMON_METHODS;
  if (given === "any") return ANY_METHOD;
  if (!Array.isArray(given)) {
    complain("methods", given, '"any", or an array of methods');
    return COMMON_METHODS;
  }
  const names: string[] = [];
  for (const [index, method] of given.entries()) {
    if (typeof method === "string" && isTakeable(method)) names.push(method);
    else {
      const allowed = `a token of at most ${LONGEST_METHOD} characters, but for CONNECT and PRI`;
      complain(`methods[${index}]`, method, allowed);
    }
  }
  if (!names.includes("GET")) complain("methods", given, 'an array with "GET"');
  return onlyMethods(names);
}

/** Whether an entry of `extensions` is a struct, and not the extension that one became. */
function isStruct(entry: unknown): entry is ExtensionStruct {
  return typeof entry === "object" && entry !== null && "callback" in entry && !("accept" in entry);
}

function checkMethods(
  field: string,
  value: unknown,
  names: readonly string[],
  complain: Complain,
): void {
  if (value === undefined) return;
  const missing = names.filter((name) =>
    typeof (value as Record<string, unknown> | null)?.[name] !== "function"
  );
  if (missing.length > 0) complain(field, value, `an object with ${missing.join(", ")}`);
}

function checkLimits(info: ContextCreationInfo, complain: Complain): Limits {
  const limits: Record<string, number> = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    const value = info[name];
    if (value === undefined) continue;
    const smallest = SMALLEST_LIMIT[name] ?? 0;
    const largest = name.endsWith("Ms") ? MAX_DELAY_MS : Infinity;
    const isWhole = Number.isInteger(value) || value === Infinity;
    if (!isWhole || value < smallest || value > largest) {
      complain(name, value, `a whole number from ${smallest} to ${largest}`);
    }
    limits[name] = value;
  }
  return limits as unknown as Limits;
}

/** The members, for the check of unknown ones. */
export const LISTEN_FIELDS: ReadonlySet<string> = new Set<keyof ListenInfo>([
  "port",
  "iface",
  "socketPath",
  "socketMode",
  "listenFd",
  "listener",
  "proxyProtocol",
  "trustProxy",
]);

/** Checks and completes the members. */
export function checkListenInfo(info: ListenInfo, complain: Complain): CheckedListenInfo {
  const { socketPath, socketMode, listenFd, listener, proxyProtocol = false } = info;
  const others = { socketPath, listenFd, listener };
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const port = info.port ?? (given.length > 0 ? 0 : info.port);
  const isPort = Number.isInteger(port) && port! >= CONTEXT_PORT_NO_LISTEN && port! <= 65_535;
  if (!isPort) complain("port", port, "an integer from 0 to 65535, or CONTEXT_PORT_NO_LISTEN");
  for (const [index, [field, value]] of given.entries()) {
    if (index > 0) complain(field, value, `nothing beside ${given[0]![0]}`);
    else if (isPort && port !== 0) complain("port", port, `0 beside ${field}`);
  }
  const iface = info.iface ?? undefined;
  if (iface !== undefined && (typeof iface !== "string" || iface === "")) {
    complain("iface", iface, "an IP address, a host name or the name of an interface");
  } else if (iface !== undefined && given.length > 0) {
    complain("iface", iface, `nothing beside ${given[0]![0]}`);
  }
  if (socketPath !== undefined && (typeof socketPath !== "string" || socketPath === "")) {
    complain("socketPath", socketPath, "a path");
  }
  const isMode = Number.isInteger(socketMode) && socketMode! >= 0 && socketMode! <= 0o777;
  if (socketMode !== undefined && (!isMode || socketPath === undefined)) {
    complain("socketMode", socketMode, "0 to 0o777, beside socketPath");
  }
  if (listenFd !== undefined && (!Number.isInteger(listenFd) || listenFd < 0)) {
    complain("listenFd", listenFd, "a descriptor, from 0 on");
  }
  const methods = ["accept", "close"] as const;
  if (listener !== undefined && methods.some((each) => typeof listener?.[each] !== "function")) {
    complain("listener", listener, "an object with accept, close");
  }
  if (typeof proxyProtocol !== "boolean") complain("proxyProtocol", proxyProtocol, "true or false");
  return {
    port: port ?? CONTEXT_PORT_NO_LISTEN,
    iface: typeof iface === "string" ? parseIpLiteral(iface)?.host ?? iface : undefined,
    path: socketPath,
    mode: socketMode,
    fd: listenFd,
    listener,
    proxyProtocol,
    proxyTrust: checkTrust(info.trustProxy, complain),
  };
}

function checkTrust(trust: TrustProxy | undefined, complain: Complain): ProxyTrust | undefined {
  if (trust === undefined || trust === false) return undefined;
  const allowed = "a boolean, a number of proxies, or a list of addresses and ranges";
  const isKnown = trust === true || typeof trust === "number" ||
    (Array.isArray(trust) && trust.every((each) => typeof each === "string"));
  if (!isKnown) {
    complain("trustProxy", trust, allowed);
    return undefined;
  }
  try {
    return readProxyTrust(trust);
  } catch (error) {
    complain("trustProxy", trust, `${allowed} (${(error as Error).message})`);
    return undefined;
  }
}

/** Checks the creation option. */
export function checkTokenLimits(given: unknown, complain: Complain): CheckedTokenLimits {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== "object" || Array.isArray(given)) {
    complain("tokenLimits", given, "an object of numbers by header token");
    return undefined;
  }
  const limits = new Map<string, number>();
  for (const [name, value] of Object.entries(given)) {
    const field = `tokenLimits[${JSON.stringify(name)}]`;
    if (!TOKEN_NAMES.has(name as HeaderToken)) {
      complain(field, value, `names out of HEADER_TOKENS, such as "${HEADER_TOKENS[69]}"`);
    } else if (value === undefined) continue;
    else if (!Number.isSafeInteger(value) || value < 0) {
      complain(field, value, "a whole number from 0 on");
    }
    limits.set(name, value);
  }
  return limits.size === 0 ? undefined : limits;
}
