/** Clients of ours through a real HTTP proxy. */

import { assertEquals, assertRejects } from "@std/assert";
import { assertSame, bytesOf, connectTo, echoServer } from "./echo.ts";
import { type Front, front } from "./front.ts";
import { TINYPROXY } from "./peer.ts";

/** Starts tinyproxy, which opens tunnels to that port alone. */
function tinyproxy(connectPort: number, more = ""): Promise<Front> {
  return front({
    program: TINYPROXY,
    config: (port, folder) =>
      `Port ${port}
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 60
MaxClients 16
LogFile "${folder}/log"
PidFile "${folder}/pid"
ConnectPort ${connectPort}
${more}
`,
    args: (file) => ["-d", "-c", file],
  });
}

TINYPROXY.test("our client goes through tinyproxy, with credentials and without", async () => {
  for (const credentials of ["", "me:secret@"]) {
    await using server = echoServer();
    const { port } = server.context;
    await using proxy = await tinyproxy(port, credentials === "" ? "" : "BasicAuth me secret");
    const httpProxyAddress = `http://${credentials}127.0.0.1:${proxy.port}`;
    await using client = await connectTo(port, [], [], { httpProxyAddress });
    for (const message of ["hello", bytesOf(100_000)]) {
      client.wsi.write(message, typeof message === "string" ? "text" : "binary");
      assertSame(await client.receive(), message);
    }
    client.wsi.close(3001, "done");
    assertEquals((await client.closed).code, 3001);
  }
});

TINYPROXY.test("tinyproxy's refusals are told with their status", async () => {
  await using server = echoServer();
  const { port } = server.context;
  const through = (proxy: Front, credentials = "") =>
    connectTo(port, [], [], { httpProxyAddress: `${credentials}127.0.0.1:${proxy.port}` });
  {
    await using proxy = await tinyproxy(port, "BasicAuth me secret");
    await assertRejects(() => through(proxy), Error, "the proxy answered 407");
    await assertRejects(() => through(proxy, "me:wrong@"), Error, "the proxy answered 401");
  }
  // A port that it opens no tunnels to.
  await using proxy = await tinyproxy(1);
  await assertRejects(() => through(proxy), Error, "the proxy answered 403");
});
