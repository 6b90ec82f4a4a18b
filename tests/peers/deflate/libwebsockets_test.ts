/** Compressed conversations with Debian's libwebsockets programs, both ways. */

import { assert, assertEquals } from "@std/assert";
import { createContext, handlers, permessageDeflate, type Protocol } from "../../../mod.ts";
import { AGREEMENTS, paramsOf } from "./deflate.ts";
import { connectTo } from "../echo.ts";
import { LWS_CLIENT, LWS_SERVER, start, untilListening } from "../peer.ts";
import { tap } from "../wiretap.ts";
import { freePort } from "../../support/free_port.ts";
import { LOOPBACK } from "../../support/patience.ts";

const MIRROR = ["lws-mirror-protocol"];
const CIRCLE = /^c #[0-9a-f]{6} \d+ \d+ \d+;$/i;
/** Less than the mirror's packets may have, and compressed far shorter. */
const DRAWING = "d #ff0000 1 2 3 4;".repeat(200);

for (const [name, agreed] of Object.entries(AGREEMENTS)) {
  // It always asks for the first, and does not let us ask for a smaller window.
  if (!agreed.clientNoContextTakeover) continue;

  LWS_CLIENT.test(`libwebsockets-test-client and our server compress: ${name}`, async () => {
    const enough = Promise.withResolvers<void>();
    let circles = 0;
    const mirror: Protocol = {
      name: MIRROR[0]!,
      callback: handlers({
        message(wsi, _user, message) {
          if (!CIRCLE.test(String(message))) enough.reject(new Error(`no circle: ${message}`));
          if (++circles === 200) enough.resolve();
          // Version 4.1.6 soon falls silent when it is sent messages that are not compressed.
          wsi.write(DRAWING);
        },
        closed: (_wsi, _user, { code }) => enough.reject(new Error(`closed with ${code}`)),
      }),
    };
    const increment: Protocol = { name: "dumb-increment-protocol", callback: () => {} };
    await using server = createContext({
      ...LOOPBACK,
      extensions: [permessageDeflate({ ...agreed, threshold: 0 })],
      protocols: [increment, mirror],
    });
    await using wire = tap(server.port);
    await using _client = start(LWS_CLIENT.path, [
      "127.0.0.1",
      `--port=${wire.port}`,
      "--longlived",
    ]);
    await enough.promise;
    const connection = wire.connections.find(({ fromClient }) => fromClient.messages.length > 0)!;
    const { fromClient, fromServer } = connection;
    assertEquals(paramsOf(fromClient.extensions), ["client_no_context_takeover"]);
    assertEquals(paramsOf(fromServer.extensions), [
      "client_no_context_takeover",
      ...agreed.serverMaxWindowBits < 15 ? ["server_max_window_bits=9"] : [],
      ...agreed.serverNoContextTakeover ? ["server_no_context_takeover"] : [],
    ]);
    assert(fromClient.messages.every(({ isCompressed }) => isCompressed));
    assert(fromServer.messages.length >= 100);
    assert(fromServer.messages.every(({ isCompressed, bytes }) => isCompressed && bytes < 400));
  });
}

LWS_SERVER.test("our client offers libwebsockets-test-server to compress, and is declined", async () => {
  const port = freePort();
  await using _server = start(LWS_SERVER.path, ["-p", String(port)]);
  await untilListening(port);
  await using wire = tap(port);
  await using client = await connectTo(wire.port, MIRROR, [permessageDeflate({ threshold: 0 })]);
  for (const length of [1, 125, 126, DRAWING.length]) {
    client.wsi.write(DRAWING.slice(0, length));
    assertEquals(await client.receive(), DRAWING.slice(0, length));
  }
  client.wsi.close(3001, "done");
  const { code, wasClean } = await client.closed;
  assertEquals({ code, wasClean }, { code: 3001, wasClean: true });
  const { fromClient, fromServer } = wire.connections[0]!;
  paramsOf(fromClient.extensions);
  assertEquals(fromServer.extensions, undefined);
  assert(fromClient.messages.every(({ isCompressed }) => !isCompressed));
});
