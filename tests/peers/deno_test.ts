/** Deno's own WebSocket, WebSocketStream and server. */

import { assertEquals } from "@std/assert";
import { echoServer, echoThrough, LENGTHS } from "./echo.ts";

Deno.test("Deno's WebSocket talks to our server", async () => {
  const { context, closed: ended, url } = echoServer();
  await using _context = context;
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.onopen = resolve);
  const echoed = (data: string | Uint8Array<ArrayBuffer>): Promise<string | ArrayBuffer> =>
    new Promise((resolve) => {
      socket.onmessage = (event) => resolve(event.data);
      socket.send(data);
    });
  for (const length of LENGTHS) {
    const text = "a".repeat(length);
    assertEquals(await echoed(text) === text, true);
    assertEquals((await echoed(new Uint8Array(length)) as ArrayBuffer).byteLength, length);
  }
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.close(3001, "done");
  const { code, reason, wasClean } = await closed;
  assertEquals({ code, reason, wasClean }, { code: 3001, reason: "", wasClean: true });
  assertEquals(await ended, { code: 3001, reason: "done", wasClean: true });
});

Deno.test("our client talks to Deno's server", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => socket.send(event.data);
    return response;
  });
  const { pongs, close } = await echoThrough(server.addr.port);
  assertEquals(pongs, 2);
  assertEquals([close.code, close.wasClean], [3001, true]);
  await server.shutdown();
});

// Deno's WebSocketStream leaves a timer of its own behind.
Deno.test("Deno's WebSocketStream talks to our server", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const { context, url } = echoServer();
  await using _context = context;
  // deno-lint-ignore no-explicit-any -- unstable, and without types in this check
  const stream = new (globalThis as any).WebSocketStream(url);
  const { readable, writable } = await stream.opened;
  const reader = readable.getReader();
  const writer = writable.getWriter();
  await writer.write("hello");
  assertEquals((await reader.read()).value, "hello");
  await writer.write(new Uint8Array(70_000));
  assertEquals((await reader.read()).value.length, 70_000);
  stream.close({ closeCode: 3001, reason: "done" });
  assertEquals((await stream.closed).closeCode, 3001);
});
