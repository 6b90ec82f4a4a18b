/**
 * The URLs of WebSockets (RFC 6455 section 3), with `http:` for `ws:` and `https:` for `wss:` as in the WHATWG's
 * WebSockets Standard, and what of them goes where.
 */

import { base64Of } from "../../base/text/encodings.ts";
import { describeValue } from "../../base/check.ts";

const SCHEMES: Readonly<Record<string, "ws:" | "wss:">> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};

/**
 * Reads a URL; a text says what is wrong with one, and shows neither a password nor a query.
 *
 * @param base what a relative one is relative to
 */
export function readWebSocketUrl(text: string, base?: string): URL | string {
  const url = URL.parse(text, base);
  if (url === null) return `url is no URL: ${describeValue(text)}`;
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    return `url has the scheme "${url.protocol}"; allowed: ws:, wss:, http: and https:`;
  }
  if (url.href.includes("#")) return "url has a fragment, which no server gets to see";
  url.protocol = scheme;
  return url;
}

/** The parts of a URL that say where to connect. */
export interface UrlPlace {
  readonly address: string;
  /** 0 is none that can be connected to. */
  readonly port: number;
  readonly ssl: 0 | 1;
  /** With the query. */
  readonly path: string;
}

export function placeOf(url: URL): UrlPlace {
  const ssl = url.protocol === "wss:" ? 1 : 0;
  const standard = ssl === 0 ? 80 : 443;
  return {
    address: url.hostname,
    port: url.port === "" ? standard : Number(url.port),
    ssl,
    path: url.pathname + url.search,
  };
}

/** The `Authorization` (RFC 7617) of a URL's user and password; undefined without both. */
export function authorizationOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${base64Of(new TextEncoder().encode(credentials))}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an escape that is none, which the URL parser lets pass
  }
}
