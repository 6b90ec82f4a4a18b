/** Debian's libwebsockets programs, both ways. */

import { assert, assertEquals } from "@std/assert";
import { serveDemo } from "../../examples/demo/server.ts";
import { connectTo } from "./echo.ts";
import { LWS_CLIENT, LWS_SERVER, start, untilListening } from "./peer.ts";
import { freePort } from "../support/free_port.ts";
import { PATIENT } from "../support/patience.ts";

const INCREMENT = ["dumb-increment-protocol"];
const MIRROR = ["lws-mirror-protocol"];
const STATUS = ["lws-status"];

LWS_CLIENT.test("libwebsockets-test-client talks to the demo on both protocols", async () => {
  await using server = serveDemo(0, "127.0.0.1", PATIENT);
  await using mirror = await connectTo(server.port, MIRROR);
  await using status = await connectTo(server.port, STATUS);
  /** Reads the list of connections until it has those protocols and no more. */
  const untilConnected = async (...protocols: string[]) => {
    for (;;) {
      const { connections } = JSON.parse(await status.receive() as string);
      const names = connections.map(({ protocol }: { protocol: string }) => protocol).sort();
      if (names.join() === protocols.toSorted().join()) return;
    }
  };
  {
    await using _client = start(LWS_CLIENT.path, [
      "127.0.0.1",
      `--port=${server.port}`,
      "--longlived",
    ]);
    // It draws circles on one connection, and watches the counter on another.
    await untilConnected(...MIRROR, ...STATUS, ...MIRROR, ...INCREMENT);
    for (let i = 0; i < 20; i++) {
      const circle = await mirror.receive() as string;
      assert(/^c #[0-9a-f]{6} \d+ \d+ \d+;/i.test(circle), circle);
    }
  }
  // It was killed: its connections end without a closing handshake.
  await untilConnected(...MIRROR, ...STATUS);
});

LWS_SERVER.test("our client counts with libwebsockets-test-server, resets it, and is closed by it", async () => {
  const port = freePort();
  await using _server = start(LWS_SERVER.path, ["-p", String(port)]);
  await untilListening(port);
  await using client = await connectTo(port, INCREMENT);
  const first = Number(await client.receive());
  for (let step = 1; step <= 10; step++) {
    assertEquals(Number(await client.receive()), first + step);
  }
  client.wsi.write("reset\n");
  let count = Number(await client.receive());
  while (count > first + 10) count = Number(await client.receive());
  assert(count <= 1, `it began again with ${count}`);
  client.wsi.write("closeme\n");
  assertEquals(await client.closed, { code: 1001, reason: "seeya", wasClean: true, cause: "peer" });
});

LWS_SERVER.test("our client draws with libwebsockets-test-server, and closes", async () => {
  const port = freePort();
  await using _server = start(LWS_SERVER.path, ["-p", String(port)]);
  await untilListening(port);
  await using watcher = await connectTo(port, MIRROR);
  await using painter = await connectTo(port, MIRROR);
  for (const length of [1, 125, 126, 1_000, 4_000]) {
    const drawing = "d #ff0000 1 2 3 4;".repeat(300).slice(0, length);
    painter.wsi.write(drawing);
    for (const client of [painter, watcher]) assertEquals(await client.receive(), drawing);
  }
  painter.wsi.write("now", "ping");
  painter.wsi.write("last");
  assertEquals(await painter.receive(), "last");
  assertEquals(painter.pongs, ["now"]);
  painter.wsi.close(3001, "done");
  const { code, wasClean } = await painter.closed;
  assertEquals({ code, wasClean }, { code: 3001, wasClean: true });
});
