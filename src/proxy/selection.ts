/** Which HTTP proxy, if any, a connection goes through. */

import { parseLength } from "../core/http/syntax.ts";
import { type Authority, parseAuthority } from "../core/http/target.ts";
import { type IpRange, isInRange, parseIp, parseIpLiteral, parseIpRange } from "./ip_address.ts";

/** A proxy, checked. */
export interface ProxySettings {
  /** A host name or an IP address, without brackets; one of a link has its zone. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** `user:password`, decoded. */
  readonly credentials: string | undefined;
}

/** Why a text names no proxy; never repeats the text, which may have a password in it. */
export class ProxySettingsError extends Error {
  override readonly name = "ProxySettingsError";
}

/**
 * The most bytes that user and password may have in UTF-8, with the colon between. The header field
 * that carries them is a third longer, and a proxy takes some 8 KiB of head or more.
 */
export const LONGEST_CREDENTIALS = 4096;

const URL_PORT = 80;

/**
 * Reads a proxy: `host:port`, `user:password@host:port`, or the URL form `http://host`, in which user
 * and password are percent-encoded, and the port is 80 unless it says otherwise. IPv6 addresses are
 * in brackets, but where they are all there is; they may have a zone.
 *
 * @param defaultPort the port where the text has none, in either form
 * @throws {ProxySettingsError} when the text is something else; the message says what is wrong.
 */
export function parseProxy(text: string, defaultPort?: number): ProxySettings {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) return readProxy(text, defaultPort, (encoded) => encoded);
  checkScheme(scheme.toLowerCase());
  const authority = rest!.endsWith("/") ? rest!.slice(0, -1) : rest!;
  if (/[/?#]/.test(authority.slice(authority.lastIndexOf("@") + 1))) {
    throw new ProxySettingsError("a proxy's URL has no path and no query");
  }
  return readProxy(authority, defaultPort ?? URL_PORT, decodePercent);
}

// deno-lint-ignore no-control-regex -- what is looked for is just that
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * A variable's value; `undefined` when it isn't set, `null` when the program may not look.
 */
export type ReadVariable = (name: string) => string | undefined | null;

/** What the environment says about proxies. */
export interface EnvironmentProxies {
  /** `null` where the variable is set to nothing, `undefined` where it isn't set. */
  readonly http: ProxySettings | null | undefined;
  /** Likewise. */
  readonly https: ProxySettings | null | undefined;
  readonly noProxy: NoProxy;
}

/**
 * Reads `http_proxy`, `https_proxy` and `no_proxy`, and in capitals what isn't set in small letters;
 * a variable that is set to nothing counts as said: no proxy.
 *
 * `HTTP_PROXY` counts only where `REQUEST_METHOD` may be read and isn't set: a CGI program gets the
 * request's header field `Proxy` under that name, which any client can send.
 *
 * @throws {ProxySettingsError} when a variable names no proxy; the message says which variable.
 */
export function readEnvironmentProxies(read: ReadVariable): EnvironmentProxies {
  const isCgi = read("REQUEST_METHOD") !== undefined;
  const proxy = (name: string, capitals: string | undefined) => {
    const isOwn = typeof read(name) === "string" || capitals === undefined;
    const text = read(isOwn ? name : capitals) ?? undefined;
    if (text === undefined || text === "") return text === undefined ? undefined : null;
    try {
      return parseProxy(text);
    } catch (error) {
      if (!(error instanceof ProxySettingsError)) throw error;
      throw new ProxySettingsError(`${isOwn ? name : capitals}: ${error.message}`);
    }
  };
  return {
    http: proxy("http_proxy", isCgi ? undefined : "HTTP_PROXY"),
    https: proxy("https_proxy", "HTTPS_PROXY"),
    noProxy: readNoProxy(read("no_proxy") ?? read("NO_PROXY") ?? ""),
  };
}

/** Where a proxy may be named; the first place that names one counts. */
export interface ProxySources {
  /** `setProxy`. */
  readonly set?: ProxySettings | undefined;
  /** The creation struct. */
  readonly info?: ProxySettings | undefined;
  readonly environment?: EnvironmentProxies | undefined;
}

/** Where a connection is to end. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  /** Whether TLS goes through the tunnel. */
  readonly isSecure: boolean;
}

/**
 * The proxy for a target, or `undefined` for none. A proxy that the program names is for every host,
 * as in libwebsockets; `no_proxy` speaks of the environment's alone. For TLS `https_proxy` counts, and
 * where that isn't set `http_proxy`, which in libwebsockets is for `ws` and `wss` alike.
 */
export function chooseProxy(target: ProxyTarget, sources: ProxySources): ProxySettings | undefined {
  const named = sources.set ?? sources.info;
  const { environment } = sources;
  if (named !== undefined || environment === undefined) return named;
  if (environment.noProxy(target.host, target.port)) return undefined;
  const { http, https } = environment;
  return (target.isSecure && https !== undefined ? https : http) ?? undefined;
}

interface Entry {
  /** A name with all below it, or `undefined` where `range` is the entry. */
  readonly name: string | undefined;
  readonly range: IpRange | undefined;
  /** `undefined` for every port. */
  readonly port: number | undefined;
}

/** A predicate: whether a host is connected to directly. */
export type NoProxy = (host: string, port: number) => boolean;

/**
 * Reads a list with commas or blanks between. An entry is
 *
 * - `*`, every host;
 * - `example.com`, `.example.com` or `*.example.com`: that name and all below it;
 * - an address, `10.1.2.3` or `::1`, or a range, `10.0.0.0/8`: hosts that are given as an address
 *   (names aren't looked up for that);
 * - any of these, IPv6 in brackets, with a port behind a colon: that port alone.
 *
 * What is none of them names no host, and is passed over: the list is shared with other programs, and
 * each knows forms of its own.
 */
export function readNoProxy(list: string): NoProxy {
  const entries: Entry[] = [];
  for (const text of list.split(/[\s,]+/)) {
    if (text === "*") return () => true;
    const entry = readEntry(text.toLowerCase());
    if (entry !== undefined) entries.push(entry);
  }
  return (host, port) => {
    const name = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const address = parseIp(name);
    return entries.some((entry) =>
      (entry.port === undefined || entry.port === port) &&
      (entry.range === undefined
        ? address === undefined && isBelow(name, entry.name!)
        : address !== undefined && isInRange(address, entry.range))
    );
  };
}

function checkScheme(scheme: string): void {
  if (scheme === "http") return;
  if (scheme === "https") {
    throw new ProxySettingsError(
      "TLS to the proxy itself is not supported; give an http:// proxy (what a wss connection sends " +
        "through it is encrypted all the same)",
    );
  }
  throw new ProxySettingsError(`a ${scheme}:// proxy is not supported; give an http:// one`);
}

function readProxy(
  text: string,
  defaultPort: number | undefined,
  decode: (encoded: string) => string,
): ProxySettings {
  // Passwords have "@" now and then, hosts never.
  const at = text.lastIndexOf("@");
  const credentials = at < 0 ? undefined : readCredentials(text.slice(0, at), decode);
  const host = text.slice(at + 1);
  const authority = parseProxyAuthority(host);
  if (authority === undefined) {
    throw new ProxySettingsError("a proxy is given as host:port, user:password@host:port or a URL");
  }
  const port = authority.port ?? defaultPort;
  if (port === undefined) throw new ProxySettingsError("the proxy's port is missing");
  if (port === 0) throw new ProxySettingsError("the proxy's port is 0");
  if (authority.host[0] !== "[") return { host: authority.host, port, credentials };
  const ip = parseIpLiteral(authority.host);
  if (ip === undefined) throw new ProxySettingsError("the proxy's address is no IPv6 address");
  return { host: ip.host, port, credentials };
}

/** As {@linkcode parseAuthority}, which knows neither IPv6 without brackets nor zones. */
function parseProxyAuthority(text: string): Authority | undefined {
  const whole = parseIpLiteral(text);
  if (whole?.isIpv6) return { host: `[${whole.host}]`, port: undefined };
  const zoned = /^\[[^\]]*%[^\]]*\]/.exec(text)?.[0];
  if (zoned === undefined) return parseAuthority(text);
  const authority = parseAuthority(`[::]${text.slice(zoned.length)}`);
  return authority && { host: zoned, port: authority.port };
}

/** RFC 7617 section 2: no colon in a user's name, and no control characters. */
function readCredentials(text: string, decode: (encoded: string) => string): string {
  const colon = text.indexOf(":");
  const user = decode(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? "" : decode(text.slice(colon + 1));
  const credentials = `${user}:${password}`;
  if (user.includes(":")) throw new ProxySettingsError("the proxy's user name has a colon");
  if (CONTROL.test(credentials)) {
    throw new ProxySettingsError("the proxy's user name or password has a control character");
  }
  if (!credentials.isWellFormed()) {
    throw new ProxySettingsError("the proxy's user name or password has half a character");
  }
  if (new TextEncoder().encode(credentials).length > LONGEST_CREDENTIALS) {
    throw new ProxySettingsError(
      `the proxy's user name and password have more than ${LONGEST_CREDENTIALS} bytes`,
    );
  }
  return credentials;
}

function decodePercent(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new ProxySettingsError("the proxy's user name or password has a broken percent escape");
  }
}

function readEntry(text: string): Entry | undefined {
  const range = parseIpRange(text);
  if (range !== undefined) return { name: undefined, range, port: undefined };
  const [, host = "", portText] = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? undefined : parseLength(portText);
  if (host === "" || (port ?? 1) === 0 || (port ?? 1) > 65_535) return undefined;
  if (host[0] === "[") {
    const bracketed = parseIpRange(host.slice(1, -1));
    return bracketed && { name: undefined, range: bracketed, port };
  }
  const unbracketed = parseIpRange(host);
  if (unbracketed !== undefined) return { name: undefined, range: unbracketed, port };
  const name = host.replace(/^\*?\./, "").replace(/\.$/, "");
  if (name === "" || /[*/]/.test(name)) return undefined;
  return { name, range: undefined, port };
}

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}
