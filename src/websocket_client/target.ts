/** Where a WebSocket connects: its URL, and the subprotocols that it asks for. */

import { isToken } from "../core/http/syntax.ts";
import { readWebSocketUrl } from "../core/http/websocket_url.ts";

/**
 * Reads a URL by the first steps of the constructor.
 *
 * @throws {DOMException} `SyntaxError` when it is none, has another scheme, or a fragment
 */
export function parseUrl(text: string): URL {
  const url = readWebSocketUrl(text, globalThis.location?.href);
  if (typeof url === "string") refuse(url);
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
      refuse("a subprotocol is no token of RFC 9110 section 5.6.2");
    }
    const name = protocol.toLowerCase();
    if (seen.has(name)) refuse("a subprotocol comes twice");
    seen.add(name);
  }
}

function refuse(why: string): never {
  throw new DOMException(`WebSocket: ${why}`, "SyntaxError");
}

/** Fields with an authorization, unless they have one. */
export function withAuthorization(
  fields: readonly (readonly [string, string])[],
  authorization: string | undefined,
): readonly (readonly [string, string])[] {
  const isGiven = fields.some((each) => `${each?.[0]}`.toLowerCase() === "authorization");
  if (authorization === undefined || isGiven) return fields;
  return [...fields, ["authorization", authorization]];
}
