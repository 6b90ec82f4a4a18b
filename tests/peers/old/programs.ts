/** Foreign programs that speak versions of the protocol before RFC 6455. */

import { program, scriptPath } from "../peer.ts";

export const PERL = program(
  "libprotocol-websocket-perl",
  "/usr/bin/perl",
  "-MProtocol::WebSocket::Frame",
  "-e1",
);
/** With both of its libraries. */
export const RUBY = program(
  "ruby-websocket and ruby-em-websocket",
  "/usr/bin/ruby",
  "-rwebsocket",
  "-rem-websocket",
  "-e1",
);

/** The path of a script in this folder. */
export function oldScript(name: string): string {
  return scriptPath(`old/${name}`);
}
