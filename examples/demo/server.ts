/** The demo's context: its page, and the library's classic protocols. */

import {
  type Context,
  type ContextCreationInfo,
  createContext,
  handlers,
  hostFileOps,
  type Protocol,
} from "@x/lws";
import { incrementProtocol } from "./increment.ts";
import { mirrorProtocol } from "./mirror.ts";
import { Presence } from "./presence.ts";
import { readingPage } from "./reading.ts";
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
    async http(wsi, _user, path) {
      if (wsi.method !== "GET" && wsi.method !== "HEAD") {
        const headers = [["allow", "GET, HEAD"], ...HEADERS] as const;
        return wsi.respond(405, "There is only something to read here.", headers);
      }
      const page = await readingPage(path);
      if (page !== undefined) {
        const headers = [["content-type", "text/html; charset=utf-8"], ...HEADERS] as const;
        return wsi.respond(200, page, headers);
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
      statusProtocol(presence),
    ],
    ...info,
  });
}
