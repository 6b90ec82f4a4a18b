/** HAProxy, as the tests start it. */

import { type Front, front } from "./front.ts";
import { HAPROXY } from "./peer.ts";

/**
 * Starts HAProxy as one process.
 *
 * @param mode `http` or `tcp`
 * @param server the server behind it, with its options
 * @param more lines for `backend`
 */
export function haproxy(mode: string, server: string, more = ""): Promise<Front> {
  return front({
    program: HAPROXY,
    config: (port) =>
      `global
  maxconn 64
defaults
  mode ${mode}
  timeout connect 10m
  timeout client 10m
  timeout server 10m
frontend outside
  bind 127.0.0.1:${port}
  default_backend behind
backend behind
  ${more}
  server ours ${server}
`,
    args: (file) => ["-db", "-q", "-f", file],
  });
}
