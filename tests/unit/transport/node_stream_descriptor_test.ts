/** Sockets that a program is started with, as by systemd's socket activation. */

import { assertEquals, assertThrows } from "@std/assert";
import { listenOnDescriptor } from "../../../src/transport/node_stream.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { Child, isInstalled } from "../../support/child.ts";

const hasPython = isInstalled("python3");

/** Opens what `opening` says as `s`, makes it descriptor 3 and becomes the program. */
function heir(opening: string): Child {
  const code = `import os, socket, sys
${opening}
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[1], sys.argv[1:])`;
  return new Child(["python3", "-c", code], "inherited_listener.ts", []);
}

const readAll = (conn: Deno.Conn): Promise<string> => new Response(conn.readable).text();

function testHeir(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasPython, fn: body });
}

testHeir(
  "a TCP socket that was listening at the start is served, without any permission",
  async () => {
    await using child = heir(`s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(5)`);
    const { hostname, port } = JSON.parse(await child.line());
    assertEquals(hostname, "127.0.0.1");
    for (let i = 0; i < 2; i++) {
      const conn = await Deno.connect({ hostname, port });
      const { port: own } = conn.localAddr as Deno.NetAddr;
      assertEquals(JSON.parse(await readAll(conn)), { hostname: "127.0.0.1", port: own });
    }
  },
);

testHeir("a unix socket that was listening at the start is served", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  await using child = heir(`s = socket.socket(socket.AF_UNIX)
s.bind("${path}")
s.listen(5)`);
  assertEquals(JSON.parse(await child.line()), { hostname: "unix:", port: 0 });
  const conn = await Deno.connect({ transport: "unix", path });
  assertEquals(JSON.parse(await readAll(conn)), { hostname: "", port: 0 });
  await Deno.remove(folder, { recursive: true });
});

const REFUSAL = "can't listen on descriptor 3; it must be open, and a TCP or unix socket";

for (
  const [what, opening] of [
    ["a datagram socket", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"],
    ["a file", 's = open("/dev/null")'],
  ] as const
) {
  testHeir(`${what} in place of a listening socket is refused`, async () => {
    await using child = heir(opening);
    assertEquals(await child.line(), `LwsError: ${REFUSAL}`);
  });
}

testHeir("a socket that is bound and not listening yet is listened on", async () => {
  await using child = heir(`s = socket.socket()
s.bind(("127.0.0.1", 0))`);
  const { hostname, port } = JSON.parse(await child.line());
  const conn = await Deno.connect({ hostname, port });
  assertEquals(JSON.parse(await readAll(conn)).hostname, "127.0.0.1");
});

Deno.test("a descriptor that is not open is refused", () => {
  const error = assertThrows(() => listenOnDescriptor(999_999), LwsError, "descriptor 999999");
  assertEquals(error.code, "invalid-option");
});
