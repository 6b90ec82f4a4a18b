/** The WebSocket client for tests, beside a server that keeps RFC 6455 and one that does not. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, LwsError, type Protocol } from "../../../mod.ts";
import { MemoryError, MemoryNetwork, MemoryPeer, serve } from "../../../src/testing/mod.ts";
import type { MemoryWebSocketOptions } from "../../../src/testing/mod.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { concat, frame } from "../../support/frames.ts";
import { acceptOf, readFrame, readHead } from "../../support/serve.ts";

const echo: Protocol = {
  name: "echo",
  callback: handlers({
    message(wsi, _user, message) {
      if (message === "bye") wsi.close(4000, "as you like");
      else wsi.write(message);
    },
  }),
};

Deno.test("messages of each kind and size go both ways", async () => {
  await using served = serve(echo);
  const socket = await served.dialWebSocket();
  const long = "long ".repeat(50_000);
  const bytes = Uint8Array.of(1, 2, 3);
  for (const message of ["short", "", long, bytes]) {
    socket.send(message);
    assertEquals(await socket.next(), message);
  }
  const [first, second] = [socket.next(), socket.next()];
  socket.send("a");
  socket.send("b");
  assertEquals([await first, await second], ["a", "b"]);
});

Deno.test("the handshake asks for path, subprotocols and headers, and shows what was answered", async () => {
  const asked: unknown[] = [];
  const callback = handlers({
    filterProtocolConnection(wsi) {
      asked.push(wsi.rawUri, wsi.hdrCopy("host"), wsi.hdrCopy("cookie"));
    },
  });
  await using served = serve([{ ...echo, callback }, { name: "chat", callback }]);
  const socket = await served.dialWebSocket({
    path: "/room?n=1",
    protocol: ["none", "chat"],
    headers: [["cookie", "a=b"], ["host", "example.com"]],
  });
  assertEquals(asked, ["/room?n=1", "example.com", "a=b"]);
  assertEquals(socket.protocol, "chat");
  assertEquals(socket.headers.get("upgrade"), "websocket");
  assertEquals((await served.dialWebSocket()).protocol, "");
});

Deno.test("a handshake that is refused rejects with the status", async () => {
  const callback = handlers({ filterProtocolConnection: () => -1 });
  await using served = serve({ name: "chat", callback });
  const error = await assertRejects(() => served.dialWebSocket(), MemoryError, "403 Forbidden");
  assertEquals([error.code, error.status], ["handshake-refused", 403]);
  await assertRejects(() => served.dialWebSocket({ path: "no path" }), TypeError);
  await assertRejects(
    () => served.network.dialWebSocket(served.port + 1),
    MemoryError,
    "listens",
  );
});

Deno.test("the closing handshake is begun by either side, and closed tells how", async () => {
  await using served = serve(echo);
  const own = await served.dialWebSocket();
  assertEquals(await own.close(1000, "done"), { code: 1000, reason: "done" });
  assertThrows(() => own.send("late"), Error, "after the close frame");
  const theirs = await served.dialWebSocket();
  theirs.send("bye");
  assertEquals(await theirs.closed, { code: 4000, reason: "as you like" });
  const error = await assertRejects(() => theirs.next(), MemoryError, "4000 (as you like)");
  assertEquals(error.code, "connection-ended");
  const empty = await served.dialWebSocket();
  assertEquals(await empty.close(), { code: 1005, reason: "" });
  assertThrows(() => empty.close(7), Error, "code");
});

Deno.test("what waits for a message when the connection breaks is rejected, and closed tells 1006", async () => {
  await using served = serve(echo);
  const socket = await served.dialWebSocket();
  const waits = socket.next();
  socket.peer.reset();
  await assertRejects(() => waits, MemoryError, "1006");
  assertEquals(await socket.closed, { code: 1006, reason: "" });
});

/** A WebSocket whose server is played byte by byte. */
async function played() {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "localhost", port: 80 });
  const dialled = network.dialWebSocket(80);
  const server = new MemoryPeer(await listener.accept() as MemoryTransport);
  const key = /^sec-websocket-key: (.*)\r$/im.exec(await readHead(server))![1]!;
  server.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  listener.close();
  return { server, socket: await dialled };
}

Deno.test("fragments are put together, in whatever pieces they come, and pings are answered", async () => {
  const { server, socket } = await played();
  server.transport.chop?.(1);
  const bytes = concat(
    frame({ opcode: 1, fin: false, payload: "hel" }),
    frame({ opcode: 9, payload: "?" }),
    frame({ opcode: 0, payload: "lo" }),
  );
  for (const byte of bytes) server.send(Uint8Array.of(byte));
  assertEquals(await socket.next(), "hello");
  const pong = await readFrame(server);
  assertEquals([pong.opcode, pong.masked, pong.payload.length], [10, true, 1]);
  server.close();
  await socket.closed;
});

Deno.test("a server that breaks the protocol is told so, and the message names the rule", async () => {
  const { server, socket } = await played();
  server.send(frame({ opcode: 1, payload: "masked", key: [1, 2, 3, 4] }));
  const error = await assertRejects(() => socket.next(), MemoryError);
  assertStringIncludes(error.message, "the server broke the protocol");
  const { opcode, payload } = await readFrame(server);
  assertEquals([opcode, payload[0]! << 8 | payload[1]!], [8, 1002]);
  server.close();
});

Deno.test("an answer that is no good handshake is refused", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "localhost", port: 80 });
  const dialled = network.dialWebSocket(80);
  const server = new MemoryPeer(await listener.accept() as MemoryTransport);
  await readHead(server);
  server.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  );
  await assertRejects(() => dialled, Error, "Sec-WebSocket-Accept");
  await server.readToEnd();
  server.close();
  listener.close();
});

Deno.test("what is no option of dialWebSocket is refused by its name, before anything is connected", async () => {
  await using served = serve({ name: "chat", callback: () => 0 });
  for (
    const [options, message] of [
      [
        { header: {} },
        "header is {…}; allowed: only path, protocol, headers; did you mean headers?",
      ],
      [{ subprotocol: "chat" }, 'subprotocol is "chat"; allowed: only'],
      [null, "options is null; allowed: an object"],
    ] as unknown as [MemoryWebSocketOptions, string][]
  ) {
    await assertRejects(() => served.dialWebSocket(options), LwsError, `dialWebSocket: ${message}`);
  }
  assertEquals(served.context.stats().http.ever, 0);
});
