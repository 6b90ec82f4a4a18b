/** Node's own WebSocket, which is undici's. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { echoServer } from "./echo.ts";
import { NODE, output, scriptPath } from "./peer.ts";

NODE.test("Node's own WebSocket talks to our server", async () => {
  await using server = echoServer();
  const printed = await output(NODE.path, [
    "--no-warnings",
    // On by itself from Node 22.
    "--experimental-websocket",
    scriptPath("node/echo_client.mjs"),
    server.url,
  ]);
  assertStringIncludes(printed, "closed 3001 ");
  assertStringIncludes(printed, "closed 4001 bye true");
  assertEquals(await server.nextClose(), {
    code: 3001,
    reason: "done",
    wasClean: true,
    cause: "peer",
  });
  assertEquals((await server.nextClose()).wasClean, true);
  assertEquals(server.pongs, ["one", "two"]);
});
