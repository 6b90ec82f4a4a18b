/** `npm:ws`, both ways. */

import { assertEquals } from "@std/assert";
import { WebSocket as WsClient, WebSocketServer } from "npm:ws@8.18.3";
import type { AddressInfo } from "node:net";
import { assertSame, bytesOf, echoServer, LENGTHS, talkTo, textOf } from "./echo.ts";

const MAX = 64 * 1024 * 1024;
const decoder = new TextDecoder();

async function connect(url: string): Promise<WsClient> {
  const socket = new WsClient(url, { maxPayload: MAX });
  await new Promise((resolve) => socket.once("open", resolve));
  return socket;
}

function receive(socket: WsClient): Promise<string | Uint8Array> {
  return new Promise((resolve) =>
    socket.once("message", (data: Uint8Array, isBinary: boolean) => {
      resolve(isBinary ? new Uint8Array(data) : decoder.decode(data));
    })
  );
}

function closeOf(socket: WsClient): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) =>
    socket.once("close", (code: number, reason: Uint8Array) => {
      resolve({ code, reason: decoder.decode(reason) });
    })
  );
}

Deno.test("a client of npm:ws talks to our server", async () => {
  await using server = echoServer();
  const socket = await connect(server.url);
  for (const length of LENGTHS) {
    for (const message of [textOf(length), bytesOf(length)]) {
      const echoed = receive(socket);
      socket.send(message);
      assertSame(await echoed, message);
    }
  }

  const pongs: string[] = [];
  socket.on("pong", (data: Uint8Array) => pongs.push(decoder.decode(data)));
  const hello = receive(socket);
  socket.send("Hel", { fin: false });
  socket.ping("one");
  socket.send("l", { fin: false });
  socket.ping("two");
  socket.send("o", { fin: true });
  assertEquals(await hello, "Hello");
  assertEquals(pongs, ["one", "two"]);
  assertEquals(server.pings, ["one", "two"]);

  const fragments = receive(socket);
  socket.send("fragments");
  assertEquals(await fragments, "Hello");

  const closed = closeOf(socket);
  socket.close(3001, "done");
  assertEquals((await closed).code, 3001);
  assertEquals(await server.nextClose(), {
    code: 3001,
    reason: "done",
    wasClean: true,
    cause: "peer",
  });
  assertEquals(server.pongs, ["one", "two"]);
});

Deno.test("a client of npm:ws hears our server's close code and reason", async () => {
  await using server = echoServer();
  const socket = await connect(server.url);
  const closed = closeOf(socket);
  socket.send("close 4001 bye");
  assertEquals(await closed, { code: 4001, reason: "bye" });
  assertEquals((await server.nextClose()).wasClean, true);
});

Deno.test("our client talks to a server of npm:ws", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: MAX });
  const closes: { code: number; reason: string }[] = [];
  server.on("connection", (socket: WsClient) => {
    void closeOf(socket).then((close) => closes.push(close));
    socket.on("message", (data: Uint8Array, isBinary: boolean) => {
      const text = data.length < 100 && !isBinary ? decoder.decode(data) : "";
      const close = /^close (\d+) (.*)$/.exec(text);
      if (close !== null) return socket.close(Number(close[1]), close[2]);
      if (text !== "fragments") return socket.send(data, { binary: isBinary });
      socket.send("Hel", { fin: false });
      socket.ping("one");
      socket.send("l", { fin: false });
      socket.ping("two");
      socket.send("o", { fin: true });
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await talkTo(port, { sendsFragments: true });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  assertEquals(closes[0], { code: 3001, reason: "done" });
  assertEquals(closes[1]!.code, 4001);
});
