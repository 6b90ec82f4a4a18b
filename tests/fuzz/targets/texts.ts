/** Header fields, targets, paths and URLs: texts of strangers that are read beside heads. */

import { redirectOf } from "../../../src/connection/client/redirect.ts";
import type { ClientTarget } from "../../../src/connection/client/route.ts";
import { acceptedCodings } from "../../../src/core/http/accept_encoding.ts";
import { allowsRange, judgeConditions } from "../../../src/core/http/caching/conditions.ts";
import {
  isEntityTag,
  listMatches,
  matchesStrongly,
  matchesWeakly,
} from "../../../src/core/http/caching/etag.ts";
import { parseHttpDate } from "../../../src/core/http/caching/http_date.ts";
import { MOST_RANGES, parseRanges } from "../../../src/core/http/caching/ranges.ts";
import { allCookies, findCookie } from "../../../src/core/http/cookies.ts";
import { HeaderFields } from "../../../src/core/http/fields.ts";
import { HttpSyntaxError, splitList } from "../../../src/core/http/syntax.ts";
import {
  decodeArguments,
  hasPlainSlashes,
  normalPath,
  parseAuthority,
  parseTarget,
  rawPathOf,
} from "../../../src/core/http/target.ts";
import { readWebSocketUrl } from "../../../src/core/http/websocket_url.ts";
import { acceptedFormat } from "../../../src/metrics/accept.ts";
import { forwardedAddress, readProxyTrust } from "../../../src/proxy/forwarded_for.ts";
import { parseIp, parseIpLiteral } from "../../../src/proxy/ip_address.ts";
import { compilePath } from "../../../src/web/paths.ts";
import type { Dice } from "../dice.ts";
import { expect, expectSame, latin1, type Target, textOf, wordsOf } from "../target.ts";
import { TARGETS } from "./http_text.ts";

const DATES = [
  "Sun, 06 Nov 1994 08:49:37 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov  6 08:49:37 1994",
  "Thu, 29 Feb 2024 23:59:60 GMT",
  "Mon, 31 Feb 2000 00:00:00 GMT",
  "Fri, 01 Jan 0000 00:00:00 GMT",
];
const RANGES = [
  "bytes=0-4",
  "bytes=-5",
  "bytes=5-",
  "bytes=0-0,2-3, 9-",
  "bytes=4-1",
  "bytes=,1-2",
  "Bytes=0-99999999999999999999",
];
const TAGS = ['"a"', 'W/"a"', '"a", "b"', "*", '"a,b"', '"', 'W/"', '"\\""', 'w/"a"'];
const CODINGS = [
  "gzip",
  "br;q=0.5, gzip",
  "*;q=0",
  "identity;q=0, *",
  "gzip;q=1.001",
  "x-gzip",
  ";q=1",
  "gzip;Q=0.5",
];
const ACCEPTS = [
  "text/plain",
  "application/openmetrics-text;version=1.0.0",
  "text/plain;q=0.1,*/*",
  'application/openmetrics-text; version="1.0.0"; q=0.3',
];
const COOKIES = ["a=b", "a=b; c=d", 'a="b"', "=x", "a", "a =b ;a=c", "\ta=1;;b=2", "__proto__=1"];
const FORWARDED = [
  "1.2.3.4",
  "1.2.3.4, 10.0.0.1",
  '"[::1]:80"',
  "[::1]:80",
  "unknown",
  "1.2.3.4:80,10.0.0.2",
  ",,",
  "::1",
];
const ALL = [DATES, RANGES, TAGS, CODINGS, ACCEPTS, COOKIES, FORWARDED];

const NOW = 1_700_000_000;
const LENGTHS = [0, 1, 10, 1000, 2 ** 40];
const VALIDATORS = { etag: '"a"', lastModified: 784_111_777 };
const trust = readProxyTrust(["10.0.0.0/8", "::1"]);

/** RFC 9110 section 14.1.2 by the book, with numbers of any size; which of the bytes are asked for. */
function asked(value: string, length: number): Set<number> | undefined {
  if (!/^bytes=/i.test(value)) return undefined;
  const specs = splitList(value.slice(6));
  if (specs.length === 0 || specs.length > MOST_RANGES) return undefined;
  const bytes = new Set<number>();
  for (const spec of specs) {
    const found = /^(\d*)-(\d*)$/.exec(spec);
    if (found === null || spec === "-") return undefined;
    const [, first = "", last = ""] = found;
    if (first !== "" && last !== "" && BigInt(first) > BigInt(last)) return undefined;
    if (first === "" && length === 0 && BigInt(last) > 0n) return undefined;
    for (let at = 0; at < length; at++) {
      const isIn = first === ""
        ? BigInt(at) >= BigInt(length) - BigInt(last)
        : BigInt(at) >= BigInt(first) && (last === "" || BigInt(at) <= BigInt(last));
      if (isIn) bytes.add(at);
    }
  }
  return bytes;
}

function checkRanges(value: string): string {
  for (const length of LENGTHS) {
    const ranges = parseRanges(value, length);
    if (length <= 10) {
      const bytes = ranges?.flatMap(({ first, last }) =>
        Array.from({ length: last - first + 1 }, (_, i) => first + i)
      );
      const expected = asked(value, length);
      expectSame(
        `the ranges of ${length} bytes`,
        `${bytes?.toSorted((a, b) => a - b)}`,
        `${expected && [...expected].toSorted((a, b) => a - b)}`,
      );
    }
    for (const { first, last } of ranges ?? []) {
      expect("a range outside", first >= 0 && first <= last && last < length);
      expect(
        "a range that is no number",
        Number.isSafeInteger(first) && Number.isSafeInteger(last),
      );
    }
  }
  return `${parseRanges(value, 1000)?.length}`;
}

const DAYS = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

function checkDate(text: string): string {
  const seconds = parseHttpDate(text, NOW);
  if (seconds === undefined) return "none";
  expect("no whole number", Number.isSafeInteger(seconds));
  const isLeap = text.includes(":60");
  const year = Number(/ (\d{4}) /.exec(text)?.[1]);
  // `Date` takes years below 100 for others, and knows no leap second.
  if (DAYS.test(text) && !isLeap && year >= 100) {
    expectSame("the date", `${seconds * 1000}`, `${Date.parse(text)}`);
  }
  return "date";
}

function checkCookies(text: string): string {
  const lines = text.split("\n");
  const all = allCookies(lines);
  for (const [name, value] of all) {
    expectSame(`the cookie ${name}`, `${findCookie(lines, name)}`, value);
    expect("a separator in a cookie", !/[;\n]/.test(name + value));
  }
  return `${Math.min(all.size, 4)}`;
}

const fields: Target = {
  name: "fields",
  covers:
    "core/http/caching/{ranges,http_date,etag,conditions}, core/http/{accept_encoding,cookies,syntax}, " +
    "metrics/accept, proxy/{forwarded_for,ip_address}: values of header fields; ranges against the RFC's rule byte by " +
    "byte, dates against Date, a cookie against all of them",
  words: wordsOf(
    "bytes=",
    "-",
    ",",
    ";",
    "=",
    '"',
    "W/",
    "q=",
    "GMT",
    ":",
    " ",
    "*",
    "0",
    "9007199254740993",
    "\t",
    "::",
    "[",
    "]",
    "\n",
  ),
  make(dice) {
    const first = dice.pick(dice.pick(ALL));
    return latin1(
      dice.once(4) ? `${first}${dice.pick([", ", ",", "; "])}${dice.pick(dice.pick(ALL))}` : first,
    );
  },
  check(input) {
    const text = textOf(input);
    const field = () => text;
    judgeConditions(field, VALIDATORS, NOW);
    allowsRange(text, VALIDATORS, NOW);
    if (isEntityTag(text)) {
      expect("a tag matches itself", listMatches(text, text, matchesWeakly));
      expect(
        "a weak tag matches",
        listMatches(text, text, matchesStrongly) !== text.startsWith("W/"),
      );
    }
    const { codings, acceptsIdentity } = acceptedCodings(text, ["br", "gzip"]);
    expect("a coding twice", new Set(codings).size === codings.length);
    const format = acceptedFormat(text);
    const address = forwardedAddress("10.0.0.9", text, trust);
    expect(`${address} is no address`, parseIp(address) !== undefined);
    const literal = parseIpLiteral(text);
    expect(
      "a literal that is none",
      literal === undefined || parseIp(literal.address) !== undefined,
    );
    return [
      checkRanges(text),
      checkDate(text),
      checkCookies(text),
      codings,
      acceptsIdentity,
      format,
      address === "10.0.0.9",
    ].join(" ");
  },
};

const PATTERNS = ["/a/:b", "/*", "/a/b", "/:x{-:y}?/(\\d+)", "/a", "/%C3%A4/:p", "/"].map((text) =>
  compilePath(text)
);

const CLIENT_TARGET = {
  redirects: 3,
  redirected: 0,
  ssl: 1,
  host: "a.example:444",
  address: "a.example",
  port: 444,
  path: "/x?y",
  headers: [["Authorization", "secret"], ["X", "y"]],
} as unknown as ClientTarget;

const targets: Target = {
  name: "targets",
  covers:
    "core/http/{target,websocket_url}, web/paths, connection/client/redirect: targets of requests, their paths " +
    "and arguments, patterns of routes, and where answers send a client; authorities against URL",
  words: wordsOf(
    "//",
    "/../",
    "/./",
    "%2e",
    "%2F",
    "%00",
    "%c3%a4",
    "%6C",
    "^",
    "%",
    "?",
    "#",
    "http://",
    "https://",
    "ws://",
    "@",
    ":",
    "[::1]",
    "\\",
    "&",
    "=",
    "*",
  ),
  make: (dice) =>
    latin1(dice.once(3) ? `${dice.pick(TARGETS)}${dice.pick(TARGETS)}` : makeUrl(dice)),
  check(input) {
    const text = textOf(input);
    const result = [checkTarget(text), checkAuthority(text)];
    for (const pattern of PATTERNS) {
      const params = pattern.match(text);
      if (params !== undefined) result.push(`${Object.keys(params)}`);
      for (const name in params) expect("a group of the prototype", Object.hasOwn(params, name));
    }
    const url = readWebSocketUrl(text);
    const head = new HeaderFields();
    head.add("location", text);
    const next = redirectOf(CLIENT_TARGET, {
      status: 302,
      reason: "",
      minorVersion: 1,
      fields: head,
    });
    if (typeof next === "object") {
      expect("a redirect to plain", next.ssl !== 0);
      expect(
        "a path that can't be sent",
        /^\/[\x21-\x7e]*$/.test(next.path) && !next.path.includes("#"),
      );
      const isSame = next.host === CLIENT_TARGET.host;
      expect(
        "credentials leave",
        isSame || !next.headers.some(([name]) => /authorization/i.test(name)),
      );
      expect("a port out of range", next.port > 0 && next.port <= 65_535);
    }
    result.push(typeof url, typeof next === "string" ? next : "follows");
    return result.join(" ");
  },
};

function makeUrl(dice: Dice): string {
  const scheme = dice.pick(["http", "https", "ws", "wss", "HTTP", "x"]);
  const user = dice.once(6) ? "u:p@" : "";
  const host = dice.pick([
    "a.example:444",
    "b",
    "[::1]:80",
    "1.2.3.4",
    "0x7f.1",
    "",
    "a:99999",
    "%41",
    "ä",
  ]);
  return `${scheme}://${user}${host}${dice.once(3) ? "" : dice.pick(TARGETS)}`;
}

function checkTarget(text: string): string {
  for (const argument of decodeArguments(text)) {
    expect("a name longer than its argument", argument.nameLength <= argument.text.length);
  }
  let path: string;
  try {
    ({ path } = parseTarget("GET", text));
  } catch (error) {
    if (error instanceof HttpSyntaxError) return error.message;
    throw error;
  }
  expect(`${path} is no path`, path.startsWith("/") && !path.includes("//"));
  expect(`${path} has dots`, !/\/\.{1,2}(\/|$)/.test(path));
  // deno-lint-ignore no-control-regex -- none of them may be there
  expect("a control character", !/[\0-\x1f\x7f]/.test(path) && path.isWellFormed());
  const raw = rawPathOf(text);
  expect("the raw path", raw.startsWith("/"));
  if (hasPlainSlashes(raw)) {
    const escaped = path.split("/").map(encodeURIComponent).join("/");
    expectSame("the path in the URL", pathnameOf(raw), pathnameOf(escaped));
  }
  return "path";
}

const pathnameOf = (raw: string) => new URL(`http://h${normalPath(raw, true)}`).pathname;

/** Where both take a host they take the same one, and the same port. */
function checkAuthority(text: string): string {
  const authority = parseAuthority(text);
  if (authority === undefined) return "none";
  const { host, port } = authority;
  const url = URL.parse(`ws://${text}/`);
  if (url === null) return "host";
  // Numbers of IPv4 in other forms, and IPv6 as it was written, are names here.
  if (/^[a-z][a-z-]*$/.test(host)) {
    expectSame("the host, for URL", host, url.hostname);
    expectSame("the port, for URL", `${port ?? 80}`, url.port === "" ? "80" : url.port);
  }
  return "host for URL";
}

export const TEXT_TARGETS: readonly Target[] = [fields, targets];
