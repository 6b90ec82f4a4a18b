/** Debian's libprotocol-websocket-perl, both ways, as far as it speaks the versions. */

import { assertEquals } from "@std/assert";
import { output, start } from "../peer.ts";
import { hear, refuse, talkTo } from "./conversation.ts";
import { oldScript, PERL } from "./programs.ts";

function client(port: number, version: number | string): Promise<string> {
  return output(PERL.path, [oldScript("perl/echo_client.pl"), `${port}`, `${version}`]);
}

for (const version of ["hixie-75", 0, 8, 13] as const) {
  PERL.test(`version ${version}: a client of Protocol::WebSocket talks to our server`, async () => {
    await hear(version, (port) => client(port, version));
  });
}

for (const version of ["hixie-75", 0, 8] as const) {
  PERL.test(`version ${version}: a client of Protocol::WebSocket is refused`, async () => {
    await refuse(version, (port) => client(port, version));
  });
}

for (const version of [0, 7, 8, 13] as const) {
  PERL.test(`version ${version}: our client talks to a server of Protocol::WebSocket`, async () => {
    await using server = start(PERL.path, [oldScript("perl/echo_server.pl")]);
    const port = Number(await server.nextLine());
    await talkTo(port, version, { choosesProtocol: true, sends: "fragments" });
    const closed = version === 0 ? "closed" : "closed 3001 done";
    assertEquals(await server.nextLine(), closed);
  });
}
