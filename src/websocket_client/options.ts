/** What a WebSocket can be told beyond the standard, and what becomes of it for a context. */

import type { ClientConnectInfo } from "../api/client_info.ts";
import { CONTEXT_PORT_NO_LISTEN, type ContextCreationInfo } from "../api/creation_info.ts";
import { describeValue, isPlain } from "../base/check.ts";
import { nearestName } from "../base/text/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import type { PermessageDeflateOptions } from "../extensions/permessage_deflate_params.ts";
import type {
  WebSocketKeepAlive,
  WebSocketOptions,
  WebSocketTlsOptions,
} from "./websocket_options.ts";

const NAMES: Record<keyof WebSocketOptions, true> = {
  protocols: true,
  headers: true,
  origin: true,
  proxy: true,
  tls: true,
  perMessageDeflate: true,
  keepAlive: true,
  maxMessageSize: true,
  clientTimeoutMs: true,
  closeTimeoutMs: true,
  network: true,
  clock: true,
  signal: true,
};
const TLS_NAMES: Record<keyof WebSocketTlsOptions, true> = {
  ca: true,
  onlyCa: true,
  cert: true,
  key: true,
  passphrase: true,
  serverName: true,
  allowSelfSigned: true,
};
const KEEP_ALIVE_NAMES: Record<keyof WebSocketKeepAlive, true> = {
  time: true,
  probes: true,
  interval: true,
};

/** The option by which a program knows what the layer below calls otherwise. */
const OWN_NAMES: readonly (readonly [RegExp, string])[] = [
  [/\bsslCaFilepath\b/g, "tls.ca"],
  [/\bsslCertFilepath\b/g, "tls.cert"],
  [/\bsslPrivateKeyFilepath\b/g, "tls.key"],
  [/\bsslPrivateKeyPassword\b/g, "tls.passphrase"],
  [/\boptions\.disableOsCaCerts\b/g, "tls.onlyCa"],
  [/\bserverName\b/g, "tls.serverName"],
  [/\bhttpProxyAddress\b/g, "proxy"],
  [/\bkaTime\b/g, "keepAlive.time"],
  [/\bkaProbes\b/g, "keepAlive.probes"],
  [/\bkaInterval\b/g, "keepAlive.interval"],
  [/^(?:createContext|clientConnect|permessageDeflate): /, ""],
];

/** As large a message as the runtime's own WebSocket takes. */
const MAX_MESSAGE_SIZE = 64 * 1024 * 1024;

/** All that a context of clients is made of, but its protocols. */
export interface ContextSettings {
  readonly info: ContextCreationInfo;
  /** Undefined where nothing is compressed. */
  readonly deflate: PermessageDeflateOptions | undefined;
}

/** What the options come to. */
export interface CheckedOptions {
  readonly settings: ContextSettings;
  readonly connect: Pick<ClientConnectInfo, "origin" | "serverName"> & {
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly allowsSelfSigned: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks the second argument of the constructor, but for its protocols.
 *
 * @throws {LwsError} `invalid-option`, which names the option
 */
export function checkOptions(options: WebSocketOptions): CheckedOptions {
  checkNames(options, NAMES, "");
  const { tls = {}, perMessageDeflate = true, keepAlive = true, signal } = options;
  if (typeof tls !== "object" || tls === null) refuse("tls", tls, "an object");
  checkNames(tls, TLS_NAMES, "tls.");
  for (const name of ["onlyCa", "allowSelfSigned"] as const) {
    const value: unknown = tls[name] ?? false;
    if (typeof value !== "boolean") refuse(`tls.${name}`, value, "true or false");
  }
  const isDeflate = typeof perMessageDeflate === "boolean" ||
    (typeof perMessageDeflate === "object" && perMessageDeflate !== null);
  if (!isDeflate) refuse("perMessageDeflate", perMessageDeflate, "true, false or an object");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    refuse("signal", signal, "an AbortSignal");
  }
  const deflate = perMessageDeflate === true ? {} : perMessageDeflate || undefined;
  const { maxMessageSize = MAX_MESSAGE_SIZE } = options;
  const info: ContextCreationInfo = {
    port: CONTEXT_PORT_NO_LISTEN,
    maxMessageSize,
    maxFramePayload: maxMessageSize,
    // A program is told by `bufferedAmount` what waits, and by nothing else.
    maxUnsentBytes: Infinity,
    ...given(options, ["clientTimeoutMs", "closeTimeoutMs", "network", "clock"]),
    ...keepAliveOf(keepAlive),
    ...options.proxy === undefined ? {} : { httpProxyAddress: options.proxy },
    ...tls.ca === undefined ? {} : { sslCaFilepath: tls.ca },
    ...tls.cert === undefined ? {} : { sslCertFilepath: tls.cert },
    ...tls.key === undefined ? {} : { sslPrivateKeyFilepath: tls.key },
    ...tls.passphrase === undefined ? {} : { sslPrivateKeyPassword: tls.passphrase },
    ...tls.onlyCa === true ? { options: { disableOsCaCerts: true } } : {},
  };
  return {
    settings: { info, deflate },
    connect: {
      headers: headersOf(options.headers),
      ...given(options, ["origin"]),
      ...given(tls, ["serverName"]),
    },
    allowsSelfSigned: tls.allowSelfSigned === true,
    signal,
  };
}

/** The complaint of a layer below, in the names of these options. */
export function inOwnNames(error: unknown): unknown {
  const isComplaint = error instanceof LwsError &&
    (error.code === "invalid-option" || error.code === "invalid-argument");
  if (!isComplaint) return error;
  // Of a wrong `maxMessageSize` it complains twice.
  const complaints = error.message.split("\n").filter((line) => !/^maxFramePayload\b/.test(line));
  const lines = complaints.map((line) => {
    for (const [theirs, ours] of OWN_NAMES) line = line.replace(theirs, ours);
    return `WebSocket: ${line}`;
  });
  return new LwsError("invalid-option", lines.join("\n"), { cause: error });
}

function keepAliveOf(
  keepAlive: boolean | WebSocketKeepAlive,
): Pick<ContextCreationInfo, "kaTime" | "kaProbes" | "kaInterval"> {
  if (keepAlive === true) return {};
  if (keepAlive === false) return { kaTime: 0 };
  if (typeof keepAlive !== "object" || keepAlive === null) {
    refuse("keepAlive", keepAlive, "true, false or an object");
  }
  checkNames(keepAlive, KEEP_ALIVE_NAMES, "keepAlive.");
  const { time, probes, interval } = keepAlive;
  return {
    ...time === undefined ? {} : { kaTime: time },
    ...probes === undefined ? {} : { kaProbes: probes },
    ...interval === undefined ? {} : { kaInterval: interval },
  };
}

/** Fields as pairs. What is wrong with one of them the handshake says. */
function headersOf(headers: WebSocketOptions["headers"]): (readonly [string, string])[] {
  if (headers === undefined) return [];
  if (typeof headers !== "object" || headers === null) {
    refuse("headers", headers, "a Headers, an object, or pairs of a name and a value");
  }
  if (Symbol.iterator in headers) return [...headers as Iterable<[string, string]>];
  if (!isPlain(headers)) {
    refuse("headers", headers, "a Headers, an object, or pairs of a name and a value");
  }
  return Object.entries(headers);
}

/** Those of the members that are there. */
function given<Struct extends object, Name extends keyof Struct>(
  struct: Struct,
  names: readonly Name[],
): Partial<Pick<Struct, Name>> {
  const picked: Partial<Pick<Struct, Name>> = {};
  for (const name of names) if (struct[name] !== undefined) picked[name] = struct[name];
  return picked;
}

function checkNames(struct: object, names: Record<string, true>, prefix: string): void {
  for (const name of Object.keys(struct)) {
    if (Object.hasOwn(names, name)) continue;
    const similar = nearestName(name, Object.keys(names));
    const hint = similar === undefined
      ? `allowed: ${Object.keys(names).join(", ")}`
      : `did you mean ${prefix}${similar}?`;
    throw new LwsError("invalid-option", `WebSocket: ${prefix}${name} is no option; ${hint}`);
  }
}

function refuse(name: string, value: unknown, allowed: string): never {
  const text = `WebSocket: ${name} is ${describeValue(value)}; allowed: ${allowed}`;
  throw new LwsError("invalid-option", text);
}
