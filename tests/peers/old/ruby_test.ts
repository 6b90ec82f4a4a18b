/** Debian's ruby-websocket, both ways, and the server of its ruby-em-websocket. */

import { assertEquals } from "@std/assert";
import { output, start } from "../peer.ts";
import { hear, refuse, talkTo, VERSIONS } from "./conversation.ts";
import { oldScript, RUBY } from "./programs.ts";

function client(port: number, version: number | string): Promise<string> {
  return output(RUBY.path, [oldScript("ruby/echo_client.rb"), `${port}`, `${version}`]);
}

for (const version of VERSIONS) {
  RUBY.test(`version ${version}: a client of ruby-websocket talks to our server`, async () => {
    await hear(version, (port) => client(port, version));
  });
}

for (const version of VERSIONS.filter((version) => version !== 13)) {
  RUBY.test(`version ${version}: a client of ruby-websocket is refused`, async () => {
    await refuse(version, (port) => client(port, version));
  });
}

for (const version of [7, 8, 13] as const) {
  RUBY.test(`version ${version}: our client talks to a server of ruby-websocket`, async () => {
    await using server = start(RUBY.path, [oldScript("ruby/echo_server.rb")]);
    const port = Number(await server.nextLine());
    await talkTo(port, version, { choosesProtocol: true, sends: "fragments" });
    assertEquals(await server.nextLine(), "closed 3001 done");
  });
}

for (const version of [7, 8, 13] as const) {
  RUBY.test(`version ${version}: our client talks to a server of em-websocket`, async () => {
    await using server = start(RUBY.path, [oldScript("ruby/em_server.rb")]);
    const port = Number(await server.nextLine());
    await talkTo(port, version, { choosesProtocol: false, sends: "pings" });
    assertEquals(await server.nextLine(), "pong one");
    assertEquals(await server.nextLine(), "pong two");
    assertEquals(await server.nextLine(), "closed 3001 done");
  });
}
