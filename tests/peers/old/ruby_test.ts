/** Debian's ruby-websocket, both ways, and the server of its ruby-em-websocket. */

import { assertEquals } from "@std/assert";
import { output, start } from "../peer.ts";
import { hear, refuse, talkTo, VERSIONS } from "./conversation.ts";
import { oldScript, RUBY } from "./programs.ts";

function client(port: number, version: number | string): Promise<string> {
  return output(RUBY.path, [oldScript("ruby/echo_client.rb"), `${port}`, `${version}`]);
}

// Of drafts 04 to 06 it has all but the masks, which are those of conversation.rb, or em-websocket's.
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

// Not version 0: it strips white space off the eight bytes behind the request, before it hashes them.
for (const version of [4, 5, 6, 7, 8, 13] as const) {
  RUBY.test(`version ${version}: our client talks to a server of ruby-websocket`, async () => {
    await using server = start(RUBY.path, [oldScript("ruby/echo_server.rb")]);
    const port = Number(await server.nextLine());
    await talkTo(port, version, { choosesProtocol: true, sends: "fragments" });
    const said = version === 4 ? "" : version === 5 ? " C" : " 3001 done";
    assertEquals(await server.nextLine(), `closed${said}`);
  });
}

for (const version of [0, 5, 6, 7, 8, 13] as const) {
  RUBY.test(`version ${version}: our client talks to a server of em-websocket`, async () => {
    await using server = start(RUBY.path, [oldScript("ruby/em_server.rb")]);
    const port = Number(await server.nextLine());
    await talkTo(port, version, {
      choosesProtocol: version === 0,
      sends: "pings",
      // Of versions 5 and 6 it drops a message of more frames, as it takes the second for its first.
      ...version === 5 || version === 6 ? { fragments: 2 } : {},
      // Asked to close, it ends the connection without a close frame.
      ...version === 0
        ? { ending: { code: 1006, reason: "", wasClean: false, cause: "peer" } }
        : {},
    });
    if (version !== 0) {
      assertEquals(await server.nextLine(), "pong one");
      assertEquals(await server.nextLine(), "pong two");
    }
    // Of version 0 it knows no end but one of the connection.
    const said = version === 0 ? "1006" : version === 5 ? "1005" : "3001 done";
    assertEquals(await server.nextLine(), `closed ${said}`);
  });
}
