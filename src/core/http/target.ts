/** Request targets (RFC 9112 section 3.2): the path that they name, its arguments, and authorities. */

import { consistsOf, HttpSyntaxError, isVisibleAscii, parseLength, tableOf } from "./syntax.ts";

/** What a request target says. */
export interface RequestTarget {
  /** Percent-decoded once, without dot segments and empty segments; `*` for `OPTIONS *`. */
  readonly path: string;
  /** The query as sent, without its `?`; empty without one. */
  readonly uriArgs: string;
  /** Of a target in absolute form: its scheme, in lower case, and its authority. */
  readonly absolute: { readonly scheme: string; readonly authority: Authority } | undefined;
}

/** Reads the target of a request that is no CONNECT; throws {@linkcode HttpSyntaxError} 400. */
export function parseTarget(method: string, target: string): RequestTarget {
  if (!isVisibleAscii(target)) throw new HttpSyntaxError(400, "a bad character in the target");
  // RFC 9110 section 7.1 has no fragment in a target; recipients that differ about one can be played off.
  if (target.includes("#")) throw new HttpSyntaxError(400, "a fragment in the target");
  if (target.startsWith("/")) return splitQuery(target, undefined);
  if (target === "*") {
    if (method !== "OPTIONS") throw new HttpSyntaxError(400, "the target * without OPTIONS");
    return { path: "*", uriArgs: "", absolute: undefined };
  }
  return parseAbsolute(target);
}

/**
 * The path that `text` names: percent-decoded once as UTF-8, `.` and `..` and empty segments taken
 * out, never above the root. It is decoded first, so that an encoded dot or slash counts as one; a
 * backslash is a character like others. Throws {@linkcode HttpSyntaxError} 400 for an escape that is
 * incomplete, no UTF-8, or a control character.
 */
export function decodePath(text: string): string {
  const decoded = text.includes("%") ? percentDecode(text) : text;
  return decoded.includes("//") || decoded.includes("/.") ? reduceSegments(decoded) : decoded;
}

/**
 * The path of a target as it was sent, without its query: of `http://host/a%2Fb?x` the `/a%2Fb`. The target is
 * one that {@linkcode parseTarget} takes.
 */
export function rawPathOf(target: string): string {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  if (path.startsWith("/") || path === "*") return path;
  const start = path.indexOf("/", path.indexOf("://") + 3);
  return start < 0 ? "/" : path.slice(start);
}

/** An argument of a query. */
export interface UriArgument {
  /** All of it, such as `x=1`. */
  readonly text: string;
  /** How much of it is its name: what was in front of the first `=` that was sent as such, or all. */
  readonly nameLength: number;
}

/**
 * The arguments of a query, each percent-decoded as UTF-8: what is between two `&`, so that an encoded one
 * is a character like others. `+` stays, as in libwebsockets; so does an escape that is incomplete, and
 * bytes that are no UTF-8 become U+FFFD.
 */
export function decodeArguments(query: string): UriArgument[] {
  return query.split("&").map((each) => {
    const equals = each.indexOf("=");
    if (equals < 0) {
      const text = decodeLeniently(each);
      return { text, nameLength: text.length };
    }
    const name = decodeLeniently(each.slice(0, equals));
    return { text: name + decodeLeniently(each.slice(equals)), nameLength: name.length };
  });
}

// Overlong forms and surrogates are invalid in it, and a leading U+FEFF must not vanish.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

const PERCENT = 0x25;

/** A host with its port. */
export interface Authority {
  /** In lower case; an IPv6 address keeps its brackets. */
  readonly host: string;
  /** `undefined` when none is given, or an empty one. */
  readonly port: number | undefined;
}

/** The ports that a URI need not name (RFC 9110 section 4.2, RFC 6455 section 3). */
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
  ["ws", 80],
  ["wss", 443],
]);

/**
 * Reads `host[:port]`; `undefined` when that is not what `text` is. Two characters that a registered
 * name could have by RFC 3986 are refused: the comma, since proxies join two `Host` headers with it,
 * and the percent sign, since no host of the DNS has one and an escape could hide anything.
 */
export function parseAuthority(text: string): Authority | undefined {
  const hostEnd = text.startsWith("[") ? text.indexOf("]") + 1 : portColon(text);
  const host = text.slice(0, hostEnd).toLowerCase();
  if (!isHost(host)) return undefined;
  if (hostEnd === text.length) return { host, port: undefined };
  if (text[hostEnd] !== ":") return undefined;
  if (hostEnd + 1 === text.length) return { host, port: undefined };
  const port = parseLength(text.slice(hostEnd + 1));
  return port < 0 || port > 65535 ? undefined : { host, port };
}

/** The port of `authority`, or the one that `scheme`, in lower case, implies. */
export function effectivePort(authority: Authority, scheme: string): number | undefined {
  return authority.port ?? DEFAULT_PORTS.get(scheme);
}

/** Whether both name the same host and port for `scheme`. */
export function isSameAuthority(a: Authority, b: Authority, scheme: string): boolean {
  return a.host === b.host && effectivePort(a, scheme) === effectivePort(b, scheme);
}

function parseAbsolute(target: string): RequestTarget {
  const schemeEnd = target.indexOf("://");
  const scheme = target.slice(0, Math.max(schemeEnd, 0)).toLowerCase();
  if (scheme !== "http" && scheme !== "https") {
    throw new HttpSyntaxError(400, "the target is neither a path nor an http URI");
  }
  const rest = target.slice(schemeEnd + 3);
  let end = 0;
  while (end < rest.length && rest[end] !== "/" && rest[end] !== "?") end++;
  // This refuses userinfo too, as RFC 9110 section 4.2.4 wants.
  const authority = parseAuthority(rest.slice(0, end));
  if (authority === undefined) throw new HttpSyntaxError(400, "a bad authority in the target");
  const path = rest.slice(end);
  const rooted = path.startsWith("/") ? path : "/" + path;
  return splitQuery(rooted, { scheme, authority });
}

function splitQuery(target: string, absolute: RequestTarget["absolute"]): RequestTarget {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: pathOf(target), uriArgs: "", absolute };
  // In C a NUL ends a text, so that a check sees less than what is used; no honest query has one.
  if (target.includes("%00", mark)) throw new HttpSyntaxError(400, "an encoded NUL in the query");
  return { path: pathOf(target.slice(0, mark)), uriArgs: target.slice(mark + 1), absolute };
}

/**
 * As {@linkcode decodePath}, of a path that is the same one as part of a URL (WHATWG URL section 4.4), whose segments
 * are taken out before any slash is decoded: what a filter allows is what a `Request` is then asked for.
 */
function pathOf(text: string): string {
  if (text.includes("\\")) throw new HttpSyntaxError(400, "a backslash in the path");
  const path = decodePath(text);
  // Only where segments were taken out is there a way to differ.
  if (path.length < text.length && HAS_SEGMENTS_TO_GO.test(text) && path !== pathInUrl(text)) {
    throw new HttpSyntaxError(400, "a path that can be read in two ways");
  }
  return path;
}

function percentDecode(text: string): string {
  const decoded = decodeUtf8(unescaped(text, true));
  for (let i = 0; i < decoded.length; i++) {
    const code = decoded.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
      throw new HttpSyntaxError(400, "an encoded control character in the path");
    }
  }
  return decoded;
}

function decodeLeniently(text: string): string {
  return text.includes("%") ? lenientDecoder.decode(unescaped(text, false)) : text;
}

/** The bytes of a text; a bad escape is refused, or stays as it is. */
function unescaped(text: string, refusesBad: boolean): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code === PERCENT) {
      const high = hexDigit(text.charCodeAt(i + 1));
      const low = hexDigit(text.charCodeAt(i + 2));
      if (high >= 0 && low >= 0) {
        code = high << 4 | low;
        i += 2;
      } else if (refusesBad) {
        throw new HttpSyntaxError(400, "a bad percent escape in the path");
      }
    }
    bytes[length++] = code;
  }
  return bytes.subarray(0, length);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new HttpSyntaxError(400, "the path is not UTF-8");
  }
}

const HAS_SEGMENTS_TO_GO = /(?:\/|%2f)(?:\.|%2e|\/|%2f)/i;
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/** The path as a URL has it, decoded then, and without empty segments. */
function pathInUrl(text: string): string {
  return percentDecode(withoutDotSegments(text)).replace(/\/{2,}/g, "/");
}

/**
 * A path without dot segments, before anything in it is decoded, as a URL has it (WHATWG URL section 4.4). The
 * runtime's own URL is not enough: that of Node 22 leaves all behind a segment that begins with a dot, as in
 * `/a/.b/../c`.
 */
function withoutDotSegments(path: string): string {
  if (!DOT_SEGMENT.test(path)) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split("/");
  for (const [i, segment] of segments.entries()) {
    const plain = segment.replace(/%2e/gi, ".");
    if (plain === "..") kept.pop();
    if (plain !== ".." && plain !== ".") kept.push(segment);
    else if (i === segments.length - 1) kept.push("");
  }
  return "/" + kept.join("/");
}

/**
 * The path of a target, as it was sent, as its URL has it: without dot segments, and with escapes as RFC 3986 section
 * 6.2.2 wants them, upper case and of no character that needs none.
 *
 * @param isFiltered Gives it the one form that goes with what {@linkcode decodePath} makes of it: what a URL may have
 *   as it is isn't escaped. Slashes stay that are encoded or follow each other.
 */
export function normalPath(rawPath: string, isFiltered = false): string {
  const path = withoutDotSegments(rawPath);
  if (!isFiltered) return normalEscapes(path, UNRESERVED);
  // Engines differ in whether that one is escaped.
  return normalEscapes(path, PLAIN_IN_URL).replaceAll("^", "%5E");
}

/** Whether each slash of a path, as it was sent, parts two segments for {@linkcode decodePath} and in a URL. */
export function hasPlainSlashes(rawPath: string): boolean {
  return !/\/\/|%2f/i.test(withoutDotSegments(rawPath));
}

/** RFC 3986 section 2.3. */
const UNRESERVED = /[A-Za-z0-9\-._~]/;
/** What the parser of URLs leaves in a path as it is (WHATWG URL section 4.4), but slashes and the percent sign. */
const PLAIN_IN_URL = /[A-Za-z0-9\-._~!$&'()*+,:;=@[\]|]/;

function normalEscapes(path: string, plain: RegExp): string {
  if (!path.includes("%")) return path;
  return path.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    return plain.test(character) ? character : escape.toUpperCase();
  });
}

/** RFC 3986 section 5.2.4, and empty segments go too. */
function reduceSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const last = segments[segments.length - 1];
  const isFolder = last === "" || last === "." || last === "..";
  return "/" + kept.join("/") + (isFolder && kept.length > 0 ? "/" : "");
}

/** The value of a hexadecimal digit's character code; −1 for any other, and for NaN. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

// RFC 3986 section 3.2.2: unreserved and sub-delims but the comma, in lower case.
const NAME_BYTES = /* @__PURE__ */ tableOf("0123456789abcdefghijklmnopqrstuvwxyz-._~!$&'()*+;=");
const ADDRESS_BYTES = /* @__PURE__ */ tableOf("0123456789abcdef:.");

function portColon(text: string): number {
  const colon = text.indexOf(":");
  return colon < 0 ? text.length : colon;
}

function isHost(host: string): boolean {
  if (host.length === 0) return false;
  if (host[0] !== "[") return consistsOf(NAME_BYTES, host);
  return host.length > 2 && consistsOf(ADDRESS_BYTES, host.slice(1, -1));
}
