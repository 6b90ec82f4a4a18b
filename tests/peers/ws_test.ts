/** `npm:ws`, both ways. */

import { assertEquals } from "@std/assert";
import { WebSocket as WsClient, WebSocketServer } from "npm:ws@8.18.3";
import type { AddressInfo } from "node:net";
import { echoServer, echoThrough, LENGTHS } from "./echo.ts";

const MAX = 64 * 1024 * 1024;

Deno.test("a client of npm:ws talks to our server", async () => {
  const { context, closed: ended, url } = echoServer();
  await using _context = context;
  const socket = new WsClient(url, { perMessageDeflate: false, maxPayload: MAX });
  await new Promise((resolve) => socket.once("open", resolve));
  const echoed = (send: () => void): Promise<{ length: number; isBinary: boolean }> =>
    new Promise((resolve) => {
      socket.once("message", (data: Uint8Array, isBinary: boolean) => {
        resolve({ length: data.length, isBinary });
      });
      send();
    });
  for (const length of LENGTHS) {
    const text = "a".repeat(length);
    assertEquals(await echoed(() => socket.send(text)), { length, isBinary: false });
    const bytes = new Uint8Array(length);
    assertEquals(await echoed(() => socket.send(bytes)), { length, isBinary: true });
  }
  const pong = new Promise<string>((resolve) =>
    socket.once("pong", (data: Uint8Array) => resolve(new TextDecoder().decode(data)))
  );
  assertEquals(
    await echoed(() => {
      socket.send("Hel", { fin: false });
      socket.ping("between");
      socket.send("lo", { fin: true });
    }),
    { length: 5, isBinary: false },
  );
  assertEquals(await pong, "between");
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  socket.close(3001, "done");
  assertEquals(await closed, 3001);
  assertEquals(await ended, { code: 3001, reason: "done", wasClean: true });
});

Deno.test("our client talks to a server of npm:ws", async () => {
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    perMessageDeflate: false,
    maxPayload: MAX,
  });
  await new Promise((resolve) => server.once("listening", resolve));
  server.on("connection", (socket: WsClient) => {
    socket.on("message", (data: Uint8Array, isBinary: boolean) => {
      socket.send(data, { binary: isBinary });
    });
  });
  const { port } = server.address() as AddressInfo;
  const { pongs, close } = await echoThrough(port);
  assertEquals(pongs, 2);
  assertEquals([close.code, close.wasClean], [3001, true]);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
