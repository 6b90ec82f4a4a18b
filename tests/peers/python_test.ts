/** python3-websockets, both ways. */

import { assertEquals } from "@std/assert";
import { echoServer, talkTo } from "./echo.ts";
import { output, PYTHON, scriptPath, start } from "./peer.ts";

PYTHON.test("a client of python3-websockets talks to our server", async () => {
  await using server = echoServer();
  const printed = await output(PYTHON.path, [scriptPath("python/echo_client.py"), server.url]);
  assertEquals(printed, "closed 3001\nclosed 4001 bye\n");
  assertEquals(await server.nextClose(), {
    code: 3001,
    reason: "done",
    wasClean: true,
    cause: "peer",
  });
  assertEquals((await server.nextClose()).wasClean, true);
  assertEquals(server.pings, ["one", "two"]);
  assertEquals(server.pongs, ["one", "two"]);
});

PYTHON.test("our client talks to a server of python3-websockets", async () => {
  await using server = start(PYTHON.path, [scriptPath("python/echo_server.py")]);
  await talkTo(Number(await server.nextLine()), { sendsFragments: true });
  assertEquals(await server.nextLine(), "closed 3001 done");
});
