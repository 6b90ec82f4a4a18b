/** Compressed conversations with `npm:ws`, both ways. */

import { assertEquals, assertRejects } from "@std/assert";
import { WebSocket as WsClient, WebSocketServer } from "npm:ws@8.18.3";
import type { AddressInfo } from "node:net";
import { createContext, permessageDeflate, prepareMessage, type Wsi } from "../../../mod.ts";
import {
  AGREEMENTS,
  checkFragments,
  checkSaving,
  checkWire,
  DEFLATE_LENGTHS,
  paramsOf,
  PROBES,
} from "./deflate.ts";
import { assertSame, bytesOf, connectTo, echoServer, talkTo, textOf } from "../echo.ts";
import { tap } from "../wiretap.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { named } from "../../support/named.ts";

const decoder = new TextDecoder();

function receive(socket: WsClient): Promise<string | Uint8Array> {
  return new Promise((resolve) =>
    socket.once("message", (data: Uint8Array, isBinary: boolean) => {
      resolve(isBinary ? new Uint8Array(data) : decoder.decode(data));
    })
  );
}

for (const [name, agreed] of Object.entries(AGREEMENTS)) {
  Deno.test(`a client of npm:ws and our server compress: ${name}`, async () => {
    await using server = echoServer([permessageDeflate({ ...agreed, threshold: 0 })]);
    await using wire = tap(server.context.port);
    const socket = new WsClient(`ws://127.0.0.1:${wire.port}/`, {
      // What it leaves open, our server decides.
      perMessageDeflate: { threshold: 0 },
    });
    await new Promise((resolve) => socket.once("open", resolve));
    assertEquals(socket.extensions, "permessage-deflate");
    for (const length of DEFLATE_LENGTHS) {
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
    const fragments = receive(socket);
    socket.send("fragments");
    assertEquals(await fragments, "Hello");
    for (const message of PROBES) {
      const echoed = receive(socket);
      socket.send(message);
      assertSame(await echoed, message);
    }
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close(3001, "done");
    assertEquals(await closed, 3001);
    assertEquals(await server.nextClose(), {
      code: 3001,
      reason: "done",
      wasClean: true,
      cause: "peer",
    });
    assertEquals(server.pongs, ["one", "two"]);

    const [connection] = wire.connections;
    assertEquals(paramsOf(connection!.fromClient.extensions), ["client_max_window_bits"]);
    assertEquals(paramsOf(connection!.fromServer.extensions), [
      ...agreed.clientMaxWindowBits < 15 ? ["client_max_window_bits=9"] : [],
      ...agreed.clientNoContextTakeover ? ["client_no_context_takeover"] : [],
      ...agreed.serverMaxWindowBits < 15 ? ["server_max_window_bits=9"] : [],
      ...agreed.serverNoContextTakeover ? ["server_no_context_takeover"] : [],
    ]);
    for (const direction of [connection!.fromClient, connection!.fromServer]) {
      checkSaving(direction);
      checkFragments(direction);
    }
    checkWire(connection!, agreed);
  });

  Deno.test(`a client of npm:ws asks our server to compress: ${name}`, async () => {
    await using server = echoServer([permessageDeflate({
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      threshold: 0,
    })]);
    await using wire = tap(server.context.port);
    const socket = new WsClient(`ws://127.0.0.1:${wire.port}/`, {
      perMessageDeflate: { ...agreed, threshold: 0 },
    });
    await new Promise((resolve) => socket.once("open", resolve));
    for (const message of PROBES) {
      const echoed = receive(socket);
      socket.send(message);
      assertSame(await echoed, message);
    }
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close();
    await closed;
    await server.nextClose();
    checkWire(wire.connections[0]!, agreed);
  });

  Deno.test(`our client and a server of npm:ws compress: ${name}`, async () => {
    await using server = await wsServer({ threshold: 0 });
    await using wire = tap(server.port);
    await talkTo(wire.port, { sendsFragments: true }, {
      lengths: DEFLATE_LENGTHS,
      extensions: [permessageDeflate({ ...agreed, threshold: 0 })],
      last: PROBES,
    });
    assertEquals(server.extensions, ["permessage-deflate", "permessage-deflate"]);
    const [connection] = wire.connections;
    for (const direction of [connection!.fromClient, connection!.fromServer]) {
      checkSaving(direction);
      checkFragments(direction);
    }
    checkWire(connection!, agreed);
  });

  Deno.test(`a server of npm:ws tells our client how to compress: ${name}`, async () => {
    await using server = await wsServer({ ...agreed, threshold: 0 });
    await using wire = tap(server.port);
    await talkTo(wire.port, { sendsFragments: true }, {
      lengths: [0, 126],
      extensions: [permessageDeflate({
        serverNoContextTakeover: false,
        clientNoContextTakeover: false,
        threshold: 0,
      })],
      last: PROBES,
    });
    checkWire(wire.connections[0]!, agreed);
  });
}

Deno.test("our client talks plainly to a server of npm:ws that declines to compress", async () => {
  await using server = await wsServer(false);
  await using wire = tap(server.port);
  await talkTo(wire.port, { sendsFragments: true }, {
    lengths: [0, 126, 65_536],
    extensions: [permessageDeflate({ threshold: 0 })],
  });
  assertEquals(server.extensions, ["", ""]);
  const { fromClient, fromServer } = wire.connections[0]!;
  paramsOf(fromClient.extensions);
  assertEquals(fromServer.extensions, undefined);
  assertEquals(fromClient.messages.some(({ isCompressed }) => isCompressed), false);
});

Deno.test("a client of npm:ws that offers nothing is answered plainly", async () => {
  await using server = echoServer([permessageDeflate({ threshold: 0 })]);
  await using wire = tap(server.context.port);
  const socket = new WsClient(`ws://127.0.0.1:${wire.port}/`, { perMessageDeflate: false });
  await new Promise((resolve) => socket.once("open", resolve));
  const echoed = receive(socket);
  socket.send(textOf(65_536));
  assertSame(await echoed, textOf(65_536));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
  await server.nextClose();
  const { fromServer } = wire.connections[0]!;
  assertEquals(fromServer.extensions, undefined);
  assertEquals(fromServer.messages.map(({ isCompressed }) => isCompressed), [false]);
});

interface WsServer extends AsyncDisposable {
  readonly port: number;
  /** What was agreed to on each connection. */
  readonly extensions: string[];
}

async function wsServer(perMessageDeflate: object | false): Promise<WsServer> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  const extensions: string[] = [];
  server.on("connection", (socket: WsClient) => {
    extensions.push(socket.extensions);
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
  return {
    port: (server.address() as AddressInfo).port,
    extensions,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

Deno.test("clients of npm:ws understand what is broadcast between what is for them alone", async () => {
  const wsis: Wsi[] = [];
  await using server = createContext({
    ...LOOPBACK,
    extensions: [permessageDeflate({
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      threshold: 100,
    })],
    protocols: [named("broadcast", { established: (wsi) => void wsis.push(wsi) })],
  });
  await using wire = tap(server.port);
  const offers = [{ serverNoContextTakeover: true }, { serverMaxWindowBits: 9 }, {}, false];
  const sockets: WsClient[] = [];
  const received: string[][] = [];
  for (const perMessageDeflate of offers) {
    const socket = new WsClient(`ws://127.0.0.1:${wire.port}/`, { perMessageDeflate });
    await new Promise((resolve) => socket.once("open", resolve));
    const messages: string[] = [];
    socket.on("message", (data: Uint8Array) => messages.push(decoder.decode(data)));
    sockets.push(socket);
    received.push(messages);
  }
  const expected: string[] = [];
  for (let round = 0; round < 20; round++) {
    for (const [index, message] of [...PROBES, "short", textOf(10_000)].entries()) {
      const isBroadcast = (round + index) % 3 === 0;
      const prepared = prepareMessage(message);
      for (const wsi of wsis) wsi.write(isBroadcast ? prepared : message);
      expected.push(message);
    }
  }
  const closed = sockets.map((socket) =>
    new Promise<number>((resolve) => socket.once("close", resolve))
  );
  for (const wsi of wsis) wsi.close(3001, "done");
  assertEquals(await Promise.all(closed), [3001, 3001, 3001, 3001]);
  for (const messages of received) assertEquals(messages, expected);
  assertEquals(
    wire.connections.map(({ fromServer }) =>
      fromServer.messages.filter(({ isCompressed }) => isCompressed).length > 50
    ),
    [true, true, true, false],
  );
});

Deno.test("a client of npm:ws that asks our server for a window of 256 bytes is answered plainly", async () => {
  await using server = echoServer([permessageDeflate({ threshold: 0 })]);
  await using wire = tap(server.context.port);
  const socket = new WsClient(`ws://127.0.0.1:${wire.port}/`, {
    perMessageDeflate: { serverMaxWindowBits: 8 },
  });
  await new Promise((resolve) => socket.once("open", resolve));
  assertEquals(socket.extensions, "");
  const echoed = receive(socket);
  socket.send(textOf(10_000));
  assertSame(await echoed, textOf(10_000));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
  await server.nextClose();
});

Deno.test("our client fails when a server of npm:ws asks it for a window of 256 bytes", async () => {
  await using server = await wsServer({ clientMaxWindowBits: 8 });
  await assertRejects(
    () => connectTo(server.port, [], [permessageDeflate()]),
    Error,
    "client_max_window_bits is 8",
  );
});
