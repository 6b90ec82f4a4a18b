/** What `createContext` is given, and the check of all of it at once. */

import { describeValue, isPlain } from "./arguments.ts";
import type { ProxySettings } from "./core/proxy_settings.ts";
import { isToken } from "./core/http_syntax.ts";
import {
  ANY_METHOD,
  COMMON_METHODS,
  isTakeable,
  LONGEST_METHOD,
  type Methods,
  onlyMethods,
} from "./core/methods.ts";
import { callbackExtension, faultsOfStruct } from "./callback_extension.ts";
import { LwsError } from "./errors.ts";
import type { ExtensionStruct } from "./extension_struct.ts";
import type { Extension } from "./extensions/extension.ts";
import { type FileOps, pairStat } from "./file_ops.ts";
import { type CheckedMount, checkMounts, type Mount } from "./files/mounts.ts";
import { handlers } from "./handlers.ts";
import { hostFileOps } from "./host_file_ops.ts";
import { hostFolder } from "./host_folder.ts";
import type { KeepAliveSettings } from "./keep_alive.ts";
import {
  type CheckedListenInfo,
  checkListenInfo,
  LISTEN_FIELDS,
  type ListenInfo,
} from "./listen_info.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { log } from "./log.ts";
import {
  type CheckedOptions,
  checkIdentity,
  checkKeepAlive,
  checkPlatformInfo,
  checkProxy,
  checkProxyPort,
  PLATFORM_FIELDS,
  type PlatformInfo,
} from "./platform_options.ts";
import type { ActiveProtocol, Protocol } from "./protocol.ts";
import { type Clock, systemClock } from "./service/clock.ts";
import { type CheckedTokenLimits, checkTokenLimits, type TokenLimits } from "./token_limits.ts";
import type { TlsMembers } from "./tls_members.ts";
import type { Identity } from "./transport/privileges.ts";
import { tcpNetwork } from "./transport/tcp.ts";
import type { Network } from "./transport/transport.ts";

/** Who runs the callbacks of a context; see {@linkcode ContextCreationInfo.service}. */
export type ServicePolicy = "automatic" | "manual" | "external";

/** How a context is made (`struct lws_context_creation_info`), limits included. */
export interface ContextCreationInfo extends Partial<Limits>, ListenInfo, PlatformInfo {
  /**
   * The protocols, the first of which gets all of HTTP. The list ends at the first entry whose
   * callback is null, if there is one. With {@linkcode mounts} it may be left out or empty: then there are
   * no WebSockets, which are refused with 403, and what no mount has is answered 404.
   */
  readonly protocols?: readonly Protocol[];
  /**
   * Folders that are served without a callback, to GET and HEAD, behind `filterHttpConnection` and before
   * `http`. Of several whose paths a request is below, the longest one counts. It answers with a file, or
   * with the index of a folder; a folder without a slash at its end is redirected to it with 301. Types go by the
   * ending of the name, and each file has an `ETag`, a date and ranges, as with `wsi.serveHttpFile`;
   * `httpFileCompletion` follows. A request that it has nothing for goes on to the first protocol's `http`, as all
   * do with other methods. Where `handlers` without `http` are, or no protocol, those are answered
   * 404 and 405.
   *
   * There is nothing for paths with `..`, an encoded slash or a backslash, in whatever form, for names that
   * begin with a dot, for symbolic links that lead out of the folder, and for what is no regular file. Needs
   * `--allow-read` for the folders.
   *
   * @example
   * ```ts
   * import { createContext } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   mounts: [{ path: "/", folder: "examples/demo/public" }],
   * });
   * ```
   *
   * @default none
   */
  readonly mounts?: readonly Mount[];
  /**
   * Whether files of text types, from 1 KiB on, are compressed on the way to clients that accept it, with gzip or,
   * for those that want it more, Brotli: what {@linkcode mounts} and `wsi.serveHttpFile` send, but no range of
   * it, and nothing with a `Cache-Control` of `no-transform`. Up to 64 are at a time, as each takes memory
   * while it is sent; others leave as they are. What is sent often costs less with
   * {@linkcode Mount.precompressed}. Other answers are the program's own: compressing a secret together with what
   * a client has sent gives it away (BREACH).
   *
   * @default {false}
   */
  readonly compression?: boolean;
  /**
   * Origins other than the server's own from which browsers may connect, such as
   * `"https://example.com"`; `"*"` allows all.
   *
   * @default none
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Whether a client that closes its sending half still gets what has not been answered yet. A client
   * that has gone looks the same, so that by default a request whose program is not done with it, or
   * whose answer has come to rest, ends there with `closedHttp`; what is on its way is still sent.
   *
   * @default {false}
   */
  readonly halfOpenHttp?: boolean;
  /**
   * The extensions that servers accept and clients offer, such as {@linkcode permessageDeflate} or the
   * structs of {@linkcode callbackExtension}. A connection uses all that both sides have and that go
   * together; a server that sends applies the first one first. Of several that compress it uses one,
   * so list the most wanted first. The list ends at the first struct whose callback is null, if there
   * is one.
   *
   * @default none
   */
  readonly extensions?: readonly (Extension | ExtensionStruct)[] | null;
  /**
   * How many characters of which headers the program gets to see, by token. A longer value is cut
   * there, with a "warn" line in the log, and the connection goes on; 0 empties the header. It counts
   * for what programs read: `hdrCopy`, `hdrCopyFragment`, `hdrValues`, `hdrTotalLength`, `hdrSnapshot`,
   * `rawUri`, `cookie`, `uriArg` and `uriArgs`; the library itself sees whole values, and so are `wsi.uri`
   * and the `data` of `http`.
   *
   * @default none is limited
   */
  readonly tokenLimits?: TokenLimits | null;
  /**
   * The methods of requests that reach the program; any other one is answered 501, before a callback hears
   * of it. A list has all of them, so that it may also be shorter than the default; names are
   * case-sensitive tokens of at most 32 characters. `"GET"` has to be among them, as WebSockets begin with
   * it. With `"any"` the program itself answers what it doesn't know, as with 405 or 501.
   *
   * CONNECT never gets through, since behind its answer a tunnel would begin: with `"any"` it is 501, in a
   * list it is refused. The target `*` is for OPTIONS alone (RFC 9112 section 3.2.4). Methods outside the
   * default have no token such as `"get uri"`: `wsi.method` and `wsi.uri` say what was asked for. A body
   * comes to `httpBody`, whatever the method.
   *
   * @default {["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]}
   */
  readonly methods?: "any" | readonly string[];
  /**
   * Whether other processes may broadcast, with {@linkcode connectBroadcast}: every protocol gets a
   * listener on 127.0.0.1 with a port and a token of its own, which the context's `protocols` tell.
   * Who does not say the token within `headerTimeoutMs` is dropped, and so is who sends a message above
   * `maxMessageSize`.
   *
   * @default {false}
   */
  readonly broadcastSockets?: boolean;
  /** How `serveHttpFile` gets at files. @default {hostFileOps()} */
  readonly fileOps?: FileOps;
  /** Free for the program; `context.user` gives it back. */
  readonly user?: unknown;
  /**
   * Who runs the callbacks, and when. `"automatic"`: the runtime, as soon as there is something.
   * `"manual"`: only calls of `context.service`. `"external"`: the same, and the program's own event
   * loop is told what to watch by `addPollFd` and its like; bytes, too, leave only when it says so. What
   * proxies are told and say in front of a connection's own bytes comes and goes by itself.
   *
   * @default {"automatic"}
   */
  readonly service?: ServicePolicy;
  /** Destroys the context when it aborts. */
  readonly signal?: AbortSignal;
  /** The network; tests use the one of `@x/lws/testing`. @default the operating system's TCP */
  readonly network?: Network;
  /** The clock; tests use the one of `@x/lws/testing`. @default the runtime's */
  readonly clock?: Clock;
}

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
