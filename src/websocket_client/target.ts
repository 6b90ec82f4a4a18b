/** Where a WebSocket connects: its URL, and the subprotocols that it asks for. */

import type { ClientConnectInfo } from "../api/client_info.ts";
import { isToken } from "../core/http/syntax.ts";

const SCHEMES: Readonly<Record<string, string>> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};

/**
 * Reads a URL by the first steps of the constructor.
 *
 * @throws {DOMException} `SyntaxError` when it is none, has another scheme, or a fragment
 */
export function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text, globalThis.location?.href);
  } catch (cause) {
    throw new DOMException(`WebSocket: url: ${(cause as Error).message}`, "SyntaxError");
  }
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    refuse(`url has the scheme "${url.protocol}"; allowed: ws:, wss:, http: and https:`);
  }
  if (url.href.includes("#")) refuse("url has a fragment, which no server gets to see");
  url.protocol = scheme;
  return url;
}

/**
 * Checks subprotocols.
 *
 * @throws {DOMException} `SyntaxError` when one is no token, or comes twice in whatever case
 */
export function checkProtocols(protocols: readonly string[]): void {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (!isToken(protocol)) {
      refuse(`the subprotocol ${JSON.stringify(protocol)} is no token of RFC 9110 section 5.6.2`);
    }
    const name = protocol.toLowerCase();
    if (seen.has(name)) refuse(`the subprotocol "${protocol}" comes twice`);
    seen.add(name);
  }
}

function refuse(why: string): never {
  throw new DOMException(`WebSocket: ${why}`, "SyntaxError");
}

/** The part of a connect that the URL says; port 0 is none that can be connected to. */
export function connectInfoOf(
  url: URL,
): Pick<ClientConnectInfo, "ssl" | "path"> & { readonly address: string; readonly port: number } {
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
  return `Basic ${new TextEncoder().encode(credentials).toBase64()}`;
}

/** Fields with an authorization, unless they have one. */
export function withAuthorization(
  headers: Iterable<readonly [string, string]> = [],
  authorization: string | undefined,
): (readonly [string, string])[] {
  const fields = [...headers];
  const isGiven = fields.some((each) => `${each?.[0]}`.toLowerCase() === "authorization");
  if (authorization === undefined || isGiven) return fields;
  return [...fields, ["authorization", authorization]];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an escape that is none, which the URL parser lets pass
  }
}
