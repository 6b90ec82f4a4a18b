/** The demo's context: its page, and the library's classic protocols. */

import {
  type Context,
  type ContextCreationInfo,
  createContext,
  handlers,
  hostFileOps,
  type Protocol,
} from "../../mod.ts";
import config from "../../deno.json" with { type: "json" };
import { incrementProtocol } from "./increment.ts";
import { mirrorProtocol } from "./mirror.ts";
import { Presence } from "./presence.ts";
import { statusProtocol } from "./status.ts";

/** The page loads nothing from other origins. */
const HEADERS = [
  ["content-security-policy", "default-src 'self'"],
  ["x-content-type-options", "nosniff"],
  ["cache-control", "no-cache"],
] as const;

const pages: Protocol = {
  name: "http-only",
  callback: handlers({
    http(wsi, _user, path) {
      if (wsi.method !== "GET" && wsi.method !== "HEAD") {
        const headers = [["allow", "GET, HEAD"], ...HEADERS] as const;
        return wsi.respond(405, "There is only something to read here.", headers);
      }
      return wsi.serveHttpFile(path === "/" ? "/index.html" : path, undefined, HEADERS);
    },
  }),
};

/** Serves the demo; `info` has more for the context. */
export function serveDemo(
  port: number,
  hostname: string,
  info: Partial<ContextCreationInfo> = {},
): Context {
  const presence = new Presence();
  return createContext({
    port,
    iface: hostname,
    fileOps: hostFileOps(new URL("./public/", import.meta.url)),
    protocols: [
      pages,
      incrementProtocol(presence),
      mirrorProtocol(presence),
      statusProtocol(presence, config.version),
    ],
    ...info,
  });
}
