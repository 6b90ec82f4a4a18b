/** Deno's own WebSocket, WebSocketStream and server. */

import { assertEquals } from "@std/assert";
import { assertSame, bytesOf, echoServer, LENGTHS, talkTo, textOf } from "./echo.ts";

Deno.test("Deno's WebSocket talks to our server", async () => {
  await using server = echoServer();
  const socket = await connect(server.url);
  for (const length of LENGTHS) {
    for (const message of [textOf(length), bytesOf(length)]) {
      const echoed = receive(socket);
      socket.send(message);
      assertSame(await echoed, message);
    }
  }
  const fragments = receive(socket);
  socket.send("fragments");
  assertSame(await fragments, "Hello");
  const closed = closeOf(socket);
  socket.close(3001, "done");
  const { code, wasClean } = await closed;
  assertEquals({ code, wasClean }, { code: 3001, wasClean: true });
  assertEquals(await server.nextClose(), {
    code: 3001,
    reason: "done",
    wasClean: true,
    cause: "peer",
  });
  assertEquals(server.pongs, ["one", "two"]);
});

Deno.test("Deno's WebSocket hears our server's close code and reason", async () => {
  await using server = echoServer();
  const socket = await connect(server.url);
  const closed = closeOf(socket);
  socket.send("close 4001 bye");
  assertEquals(await closed, { code: 4001, reason: "bye", wasClean: true });
  assertEquals((await server.nextClose()).wasClean, true);
});

Deno.test("our client talks to Deno's server", async () => {
  const closes: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      const close = typeof data === "string" ? /^close (\d+) (.*)$/.exec(data) : null;
      if (close === null) socket.send(data);
      else socket.close(Number(close[1]), close[2]);
    };
    void closeOf(socket).then((close) => closes.push(close));
    return response;
  });
  try {
    await talkTo(server.addr.port, { sendsFragments: false });
  } finally {
    await server.shutdown();
  }
  assertEquals(closes[0], { code: 3001, reason: "done", wasClean: true });
});

// It is unstable, of `--unstable-net`, and leaves a timer of its own behind.
Deno.test("Deno's WebSocketStream talks to our server", {
  ignore: !("WebSocketStream" in globalThis),
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using server = echoServer();
  const stream = new WebSocketStream(server.url);
  const { readable, writable } = await stream.opened;
  const reader = readable.getReader();
  const writer = writable.getWriter();
  for (const length of LENGTHS) {
    for (const message of [textOf(length), bytesOf(length)]) {
      await writer.write(message);
      assertSame((await reader.read()).value, message);
    }
  }
  stream.close({ closeCode: 3001, reason: "done" });
  // An answer that comes at once is a failure for the runtime, which keeps the reason of it alone.
  reader.closed.catch(() => {});
  assertEquals(await stream.closed.then(({ reason }) => reason, ({ message }) => message), "done");
  assertEquals(await server.nextClose(), {
    code: 3001,
    reason: "done",
    wasClean: true,
    cause: "peer",
  });
});

Deno.test("Deno's WebSocketStream hears our server's close code and reason", {
  ignore: !("WebSocketStream" in globalThis),
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using server = echoServer();
  const stream = new WebSocketStream(server.url);
  const { writable } = await stream.opened;
  await writable.getWriter().write("close 4001 bye");
  const { closeCode, reason } = await stream.closed;
  assertEquals({ closeCode, reason }, { closeCode: 4001, reason: "bye" });
});

async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  return socket;
}

function receive(socket: WebSocket): Promise<string | Uint8Array> {
  return new Promise((resolve) =>
    socket.addEventListener("message", ({ data }) => {
      resolve(typeof data === "string" ? data : new Uint8Array(data));
    }, { once: true })
  );
}

function closeOf(socket: WebSocket): Promise<{ code: number; reason: string; wasClean: boolean }> {
  return new Promise((resolve) =>
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      resolve({ code, reason, wasClean });
    }, { once: true })
  );
}

/** What these tests use of it; its types come with `--unstable-net` only. */
interface WebSocketStream {
  readonly opened: Promise<{
    readonly readable: ReadableStream<string | Uint8Array>;
    readonly writable: WritableStream<string | Uint8Array>;
  }>;
  readonly closed: Promise<{ readonly closeCode: number; readonly reason: string }>;
  close(info: { closeCode: number; reason: string }): void;
}

declare const WebSocketStream: new (url: string) => WebSocketStream;
