/** python3-websockets, both ways. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { echoServer, echoThrough } from "./echo.ts";
import { output, peerTest, PYTHON } from "./peer.ts";

const script = (name: string) => fromFileUrl(new URL(`python/${name}`, import.meta.url));

peerTest("a client of python3-websockets talks to our server", PYTHON, async () => {
  const { context, closed: ended, url } = echoServer();
  await using _context = context;
  const printed = await output(PYTHON.path, [script("echo_client.py"), url]);
  assertStringIncludes(printed, "closed 3001");
  assertEquals(await ended, { code: 3001, reason: "done", wasClean: true });
});

peerTest("our client talks to a server of python3-websockets", PYTHON, async () => {
  const server = new Deno.Command(PYTHON.path, {
    args: [script("echo_server.py")],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    const reader = server.stdout.getReader();
    const port = Number(new TextDecoder().decode((await reader.read()).value));
    const { pongs, close } = await echoThrough(port);
    assertEquals(pongs, 2);
    assertEquals([close.code, close.wasClean], [3001, true]);
    await reader.cancel();
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
});
