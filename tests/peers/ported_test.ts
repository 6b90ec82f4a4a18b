/** The programs of `examples/ported` and Debian's libwebsockets programs, both ways. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { freePort } from "../support/free_port.ts";
import { runProgram } from "../support/program.ts";
import { connectTo } from "./echo.ts";
import { LWS_CLIENT, LWS_SERVER, start, untilListening } from "./peer.ts";

const FOLDER = fromFileUrl(new URL("../../examples/ported", import.meta.url));

for (
  const [loop, args] of [["the library's loop", []], ["its own poll loop", ["--extpoll"]]] as const
) {
  LWS_CLIENT.test(`libwebsockets-test-client draws and counts with test_server.ts in ${loop}`, async () => {
    const server = runProgram(
      ["--allow-net", `--allow-read=${FOLDER}`],
      `${FOLDER}/test_server.ts`,
      ["--port", "0", "--interface", "127.0.0.1", ...args],
    );
    try {
      const port = Number(/listening on port (\d+)\n/.exec(await server.until("\n"))![1]);
      await using mirror = await connectTo(port, ["lws-mirror-protocol"]);
      {
        await using _client = start(LWS_CLIENT.path, [
          "127.0.0.1",
          `--port=${port}`,
          "--longlived",
        ]);
        for (let i = 0; i < 20; i++) {
          const circle = await mirror.receive() as string;
          assert(/^c #[0-9a-f]{6} \d+ \d+ \d+;/i.test(circle), circle);
        }
        // Its handshake for the counter was printed.
        await server.until("dumb-increment-protocol");
      }
      // It was killed; the others go on.
      mirror.wsi.write("last");
      let drawing = await mirror.receive();
      while (drawing !== "last") drawing = await mirror.receive();
      server.process.kill("SIGINT");
      assertEquals((await server.end()).code, 0);
    } finally {
      try {
        server.process.kill("SIGKILL");
      } catch { /* It has ended. */ }
    }
  });
}

// Of two pings that it reads at once libwebsockets answers one, as RFC 6455 section 5.5.3 allows: each
// connection has one on its way. Its mirror answers all.
const EACH_ONE = ["--replicate", "10", "--count", "1"];
const TEN_MIRRORED = ["--mirror", "--count", "10", "--interval", "1"];

for (const [size, options] of [[64, EACH_ONE], [125, EACH_ONE], [64, TEN_MIRRORED]] as const) {
  const what = [`${size} bytes`, ...options].join(" ");
  LWS_SERVER.test(`test_ping.ts gets all pings back from libwebsockets-test-server, ${what}`, async () => {
    const port = freePort();
    await using _server = start(LWS_SERVER.path, ["-p", String(port)]);
    await untilListening(port);
    const ping = runProgram(["--allow-net"], `${FOLDER}/test_ping.ts`, [
      "127.0.0.1",
      "--port",
      String(port),
      "--size",
      String(size),
      ...options,
    ]);
    const printed = await ping.until("rtt min/avg/max = ");
    assertEquals((await ping.end()).code, 0);
    assertMatch(printed, /^10 packets transmitted, 10 received, 0% packet loss/m);
  });
}

LWS_SERVER.test("test_fraggle.ts is refused by libwebsockets-test-server, which has no such protocol", async () => {
  const port = freePort();
  await using _server = start(LWS_SERVER.path, ["-p", String(port)]);
  await untilListening(port);
  const client = runProgram(["--allow-net"], `${FOLDER}/test_fraggle.ts`, [
    "--client",
    "127.0.0.1",
    "--port",
    String(port),
  ]);
  await client.until("client can't connect to server\n");
  assertEquals((await client.end()).code, 1);
});
