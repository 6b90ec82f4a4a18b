/** Where the answer to a handshake sends a client (RFC 9110 section 15.4, RFC 6455 section 4.1). */

import type { ClientTarget } from "./route.ts";
import type { ResponseHead } from "../../core/http/head.ts";
import { placeOf, readWebSocketUrl } from "../../core/http/websocket_url.ts";
import { parseIpLiteral } from "../../proxy/ip_address.ts";

/** Those whose `Location` is to be asked in place of this one. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What is for one server only, and goes to no other origin. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
]);

type Field = readonly [string, string];

/** What an answer asks for next; a text says why it is not followed. Undefined where it is no redirect. */
export function redirectOf(
  target: ClientTarget,
  { status, fields }: ResponseHead,
): ClientTarget | string | undefined {
  const { redirects, redirected, ssl, host, path } = target;
  const location = fields.get("location");
  if (redirects === 0 || !REDIRECTS.has(status) || location === undefined) return undefined;
  if (fields.count("location") > 1) return "it has more than one Location";
  if (redirected >= redirects) return `more than ${redirects} redirects are not followed`;
  // Host says which resource was asked for, whatever the way there (RFC 9110 section 7.1).
  const base = readWebSocketUrl(`${ssl === 0 ? "ws" : "wss"}://${host}${path}`);
  const url = readWebSocketUrl(location.replace(/#.*$/, ""), String(base));
  if (typeof base === "string" || typeof url === "string") return "its Location is no URL for that";
  if (url.protocol === "ws:" && ssl !== 0) return "a redirect from wss to ws is not followed";
  const next = { ...target, redirected: redirected + 1, path: placeOf(url).path };
  return url.origin === base.origin ? next : elsewhere(next, url);
}

/** A target at another origin. What was given for the first one alone is not for this one. */
function elsewhere(target: ClientTarget, url: URL): ClientTarget | string {
  if (target.socketPath !== undefined) return "a redirect away from a unix socket is not followed";
  const { address, port, ssl } = placeOf(url);
  if (port === 0) return "its Location has port 0";
  const literal = parseIpLiteral(address);
  return {
    ...target,
    address: literal?.host ?? address,
    port,
    ssl,
    host: url.host,
    serverName: literal?.address ?? address,
    headers: withoutCredentials(target.headers),
    hasLeftOrigin: true,
  };
}

/** The fields for a target, with those that the program adds to each request. */
export function fieldsFor(
  { headers, hasLeftOrigin }: ClientTarget,
  added: readonly Field[],
): readonly Field[] {
  return [...headers, ...(hasLeftOrigin ? withoutCredentials(added) : added)];
}

function withoutCredentials(fields: readonly Field[]): readonly Field[] {
  return fields.filter(([name]) => !CREDENTIALS.has(name.toLowerCase()));
}
