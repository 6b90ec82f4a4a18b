/** Broadcast sockets and those who connect to them, on the memory network. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type {
  Broadcaster,
  BroadcastTarget,
  Context,
  LwsErrorCode,
  Network,
  Protocol,
} from "../../../mod.ts";
import { connectBroadcast, createContext, handlers, LwsError } from "../../../mod.ts";
import { BroadcastSocket } from "../../../src/remote/broadcast_socket.ts";
import { LENGTH_BYTES, writeLength } from "../../../src/remote/broadcast_format.ts";
import { DEFAULT_LIMITS } from "../../../src/api/limits.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { TimerWheel } from "../../../src/service/timer_wheel.ts";
import { concat } from "../../support/frames.ts";
import { captureLog } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const decoder = new TextDecoder();

/** A protocol that notes what was broadcast to its connections. */
function news(name = "news") {
  const heard: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const protocol: Protocol = {
    name,
    callback: handlers({
      broadcast(wsi, _user, data) {
        heard.push(`${wsi.socketFd} ${decoder.decode(data)}`);
        for (const each of waiting) if (heard.length >= each.count) each.resolve();
      },
    }),
  };
  const until = (count: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ count, resolve });
    if (heard.length >= count) resolve();
    return promise;
  };
  return { protocol, heard, until };
}

function socketOf(context: Context, index = 0): { port: number; token: string } {
  const { broadcastSocketPort, broadcastToken } = context.protocols[index]!;
  return { port: broadcastSocketPort, token: broadcastToken };
}

function message(content: string): Uint8Array {
  const payload = new TextEncoder().encode(content);
  const bytes = new Uint8Array(LENGTH_BYTES + payload.length);
  writeLength(bytes, 0, payload.length);
  bytes.set(payload, LENGTH_BYTES);
  return bytes;
}

async function rejection(work: Promise<unknown>, code: LwsErrorCode): Promise<string> {
  const error = await assertRejects(() => work, LwsError);
  assertEquals(error.code, code, error.message);
  return error.message;
}

Deno.test("messages from a broadcast socket come in order, with their boundaries, empty ones too", async () => {
  const { protocol, heard, until } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  const { network } = served;
  await served.open();
  await served.open();
  await using sender = await connectBroadcast({ ...socketOf(served.context), network });
  const contents = ["one", "", "é", "", "x".repeat(200_000), "last"];
  const all = contents.map((content) => sender.broadcast(content));
  await Promise.all(all);
  await until(contents.length * 2);
  assertEquals(heard, contents.flatMap((content) => [`1 ${content}`, `2 ${content}`]));
});

Deno.test("every protocol has a port and a token of its own", async () => {
  const [one, two] = [news("one"), news("two")];
  await using served = serve([one.protocol, two.protocol], { broadcastSockets: true });
  const { network, context } = served;
  await served.open();
  await served.open({ protocol: "two" });
  const [first, second] = [socketOf(context), socketOf(context, 1)];
  assert(first.port !== second.port && first.token !== second.token);
  await using sender = await connectBroadcast({ ...second, network });
  await sender.broadcast("x");
  await two.until(1);
  assertEquals([one.heard, two.heard], [[], ["2 x"]]);
  using _log = captureLog();
  await rejection(
    connectBroadcast({ port: first.port, token: second.token, network }),
    "handshake-refused",
  );
});

Deno.test("a token is not printed with its protocol", async () => {
  await using served = serve([news().protocol], { broadcastSockets: true });
  const { token, port } = socketOf(served.context);
  const printed = Deno.inspect(served.context.protocols) + JSON.stringify(served.context.protocols);
  assertEquals([printed.includes(token), printed.includes(String(port))], [false, true]);
});

Deno.test("close lets all leave that was given before", async () => {
  const { protocol, heard, until } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  await served.open();
  const sender = await connectBroadcast({ ...socketOf(served.context), network: served.network });
  const given = [sender.broadcast("a".repeat(300_000)), sender.broadcast("b")];
  await sender.close();
  await Promise.all(given);
  await until(2);
  assertEquals(heard, [`1 ${"a".repeat(300_000)}`, "1 b"]);
  await rejection(sender.broadcast("c"), "connection-closed");
  await sender.close();
});

Deno.test("what is given is taken at once", async () => {
  const { protocol, heard, until } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  await served.open();
  await using sender = await connectBroadcast({
    ...socketOf(served.context),
    network: served.network,
  });
  const bytes = new TextEncoder().encode("mine");
  const given = [sender.broadcast(bytes), sender.broadcast(bytes)];
  bytes.fill(0x78);
  await Promise.all(given);
  await until(2);
  assertEquals(heard, ["1 mine", "1 mine"]);
});

Deno.test("a broadcaster's wrong data is refused, and costs nothing else", async () => {
  const { protocol, until } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  await served.open();
  await using sender = await connectBroadcast({
    ...socketOf(served.context),
    network: served.network,
  });
  for (const wrong of [1, null, {}, { length: 1 }]) {
    const text = await rejection(sender.broadcast(wrong as unknown as string), "invalid-argument");
    assert(text.startsWith("broadcast: data is "), text);
  }
  await sender.broadcast("fine");
  await until(1);
});

Deno.test("a message of maxMessageSize is taken, one past it drops its connection and is logged", async () => {
  using log = captureLog();
  const { protocol, heard, until } = news();
  await using served = serve([protocol], { broadcastSockets: true, maxMessageSize: 10 });
  const { network } = served;
  const socket = await served.open();
  const good = await connectBroadcast({ ...socketOf(served.context), network });
  const bad = await connectBroadcast({ ...socketOf(served.context), network });
  await good.broadcast("0123456789");
  await until(1);
  await bad.broadcast("0123456789a");
  await settle();
  await rejection(bad.broadcast("x"), "connection-closed");
  assertEquals(log.lines.length, 1);
  assert(log.lines[0]!.startsWith('warn: broadcast socket of "news": 127.0.0.1 port '));
  assert(log.lines[0]!.endsWith("sent a message of 11 bytes, maxMessageSize is 10"));
  await good.broadcast("still");
  await until(2);
  assertEquals(heard, ["1 0123456789", "1 still"]);
  socket.send({ opcode: 9 });
  assertEquals((await socket.receive()).opcode, 10);
  await good.close();
  await bad.close();
});

Deno.test("strangers are dropped and logged, and cost their own connection only", async () => {
  using log = captureLog();
  const { protocol, heard, until } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  const { context, network, clock } = served;
  await served.open();
  const { port, token } = socketOf(context);
  const friend = await connectBroadcast({ port, token, network });

  const wrong = await network.dial(port);
  wrong.send(token.slice(0, 63) + (token.endsWith("0") ? "1" : "0"));
  wrong.send(message("no"));
  assertEquals((await wrong.readToEnd()).length, 0);
  const leaver = await network.dial(port);
  leaver.send(token.slice(0, 63));
  leaver.end();
  assertEquals((await leaver.readToEnd()).length, 0);
  const silent = await network.dial(port);
  silent.send(token.slice(0, 63));
  await settle();
  clock.advance(DEFAULT_LIMITS.headerTimeoutMs - 20);
  await settle();
  assertEquals([silent.ended, log.lines.length], [false, 2]);
  clock.advance(40);
  await silent.readToEnd();

  assertEquals(log.lines.map((line) => /port \d+ (.*)$/.exec(line)![1]), [
    "said a wrong token",
    "left without the token",
    "did not say the token in time, headerTimeoutMs is 5000",
  ]);
  assert(log.lines.every((line) => line.startsWith('warn: broadcast socket of "news": ')));
  assert(!log.lines.join().includes(token.slice(0, 8)));
  await friend.broadcast("still here");
  await until(1);
  assertEquals(heard, ["1 still here"]);
  await friend.close();
});

Deno.test("token and messages may come byte by byte, and messages together with the token", async () => {
  const { protocol, heard } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  await served.open();
  const { port, token } = socketOf(served.context);
  for (const size of [1, 63, 64, 65, 1000]) {
    const peer = await served.network.dial(port);
    peer.transport.peer.chop(size);
    peer.send(concat(new TextEncoder().encode(token), message("a"), message("bc")));
    assertEquals(await peer.readBytes(1), new Uint8Array([6]));
    await settle();
    for (let i = 0; i < 200; i++) await Promise.resolve();
    assertEquals(heard.splice(0), ["1 a", "1 bc"], `in pieces of ${size}`);
    peer.close();
  }
});

Deno.test("a destroyed context closes its broadcast sockets and their connections", async () => {
  const { protocol } = news();
  const served = serve([protocol], { broadcastSockets: true });
  const { context, network } = served;
  const target = { ...socketOf(context), network };
  const sender = await connectBroadcast(target);
  const silent = await network.dial(target.port);
  await settle();
  await served[Symbol.asyncDispose]();
  await silent.readToEnd();
  await rejection(sender.broadcast("x"), "connection-closed");
  await rejection(connectBroadcast(target), "connect-failed");
  assertEquals(served.clock.pending, 0);
});

Deno.test("a callback that destroys the context in a broadcast from elsewhere ends the rest", async () => {
  let count = 0;
  const protocol = named("p", {
    broadcast(wsi) {
      count++;
      void wsi.context.destroy();
    },
  });
  await using served = serve([protocol], { broadcastSockets: true });
  await served.open();
  const { port, token } = socketOf(served.context);
  const peer = await served.network.dial(port);
  peer.send(concat(new TextEncoder().encode(token), message("a"), message("b")));
  await peer.readToEnd();
  assertEquals(count, 1);
});

Deno.test("a protocolInit that destroys the context leaves no broadcast socket behind", async () => {
  const network = new MemoryNetwork();
  const protocol = named("p", { protocolInit: (wsi) => void wsi.context.destroy() });
  const context = createContext({
    port: 80,
    network,
    protocols: [protocol],
    broadcastSockets: true,
  });
  await context.closed;
  await rejection(connectBroadcast({ ...socketOf(context), network }), "connect-failed");
});

Deno.test("messages that wait for their delivery hold back those behind them", async () => {
  const network = new MemoryNetwork();
  const wheel = new TimerWheel(new FakeClock());
  const due: (() => void)[] = [];
  const heard: string[] = [];
  const socket = new BroadcastSocket("p", network, new FakeClock(), {
    context: {
      limits: DEFAULT_LIMITS,
      broadcast: (_name, bytes) => heard.push(decoder.decode(bytes as Uint8Array)),
    },
    wheel,
    deliver: (work) => void due.push(work),
  });
  socket.open();
  const sender = await connectBroadcast({ port: socket.port, token: socket.token, network });
  const contents = ["first", "", "second ".repeat(20_000), "third"];
  const given = contents.map((content) => sender.broadcast(content));
  const closed = sender.close();
  for (let i = 0; i < contents.length; i++) {
    while (due.length === 0) await settle();
    assertEquals([due.length, heard.length], [1, i]);
    due.shift()!();
  }
  assertEquals(heard, contents);
  await Promise.all(given);
  await closed;
  socket.close();
});

Deno.test("a socket that is closed by what it delivers delivers no more of the read", async () => {
  const network = new MemoryNetwork();
  const heard: string[] = [];
  const socket: BroadcastSocket = new BroadcastSocket("p", network, new FakeClock(), {
    context: {
      limits: DEFAULT_LIMITS,
      broadcast(_name, bytes) {
        socket.close();
        return heard.push(decoder.decode(bytes as Uint8Array));
      },
    },
    wheel: new TimerWheel(new FakeClock()),
    deliver: (work) => work(),
  });
  socket.open();
  const peer = await network.dial(socket.port);
  peer.send(concat(new TextEncoder().encode(socket.token), message("a"), message("b")));
  await peer.readToEnd();
  assertEquals(heard, ["a"]);
});

Deno.test("accepting goes on after it failed", async () => {
  using log = captureLog();
  const memory = new MemoryNetwork();
  let failures = 1;
  const network: Network = {
    connect: (target, signal) => memory.connect(target, signal),
    listen(target) {
      const listener = memory.listen(target);
      if (target.port !== 0) return listener;
      return {
        address: listener.address,
        close: () => listener.close(),
        accept: () => failures-- > 0 ? Promise.reject(new Error("none left")) : listener.accept(),
      };
    },
  };
  const { protocol } = news();
  await using served = serve([protocol], { network, broadcastSockets: true });
  await settle();
  served.clock.advance(200);
  await using _sender = await connectBroadcast({ ...socketOf(served.context), network });
  assertEquals(log.lines.length, 1);
  assert(log.lines[0]!.startsWith('err: broadcast socket of "news": accept failed'));
});

Deno.test("a broadcast socket that can't be had refuses the context and frees what it took", async () => {
  const memory = new MemoryNetwork();
  const network: Network = {
    connect: (target, signal) => memory.connect(target, signal),
    listen(target) {
      if (target.port === 0) throw new Error("no more");
      return memory.listen(target);
    },
  };
  const { protocol } = news();
  const error = assertThrows(
    () => createContext({ port: 80, network, broadcastSockets: true, protocols: [protocol] }),
    LwsError,
  );
  assertEquals([error.code, error.message], [
    "listen-failed",
    "can't listen on 127.0.0.1 port 0: no more",
  ]);
  await using _context = createContext({ port: 80, network: memory, protocols: [protocol] });
});

Deno.test("broadcastSockets is true or false", () => {
  for (const wrong of [1, "yes", null]) {
    const error = assertThrows(
      () =>
        createContext({
          port: 80,
          network: new MemoryNetwork(),
          protocols: [news().protocol],
          broadcastSockets: wrong as unknown as boolean,
        }),
      LwsError,
    );
    assert(error.message.startsWith("broadcastSockets is "), error.message);
  }
});

const TOKEN = "0123456789abcdef".repeat(4);
const WRONG: readonly [field: string, target: Record<string, unknown>][] = [
  ["port", { port: 0 }],
  ["port", { port: 65_536 }],
  ["port", { port: 1.5 }],
  ["port", { port: undefined }],
  ["token", { token: "" }],
  ["token", { token: TOKEN.slice(1) }],
  ["token", { token: undefined }],
  ["hostname", { hostname: "" }],
  ["hostname", { hostname: null }],
  ["network", { network: null }],
  ["network", { network: {} }],
  ["clock", { clock: {} }],
  ["signal", { signal: {} }],
];

for (const [field, wrong] of WRONG) {
  Deno.test(`connectBroadcast refuses a wrong ${field}: ${JSON.stringify(wrong)}`, async () => {
    const network = new MemoryNetwork();
    const target = { port: 1, token: TOKEN, network, ...wrong } as BroadcastTarget;
    const text = await rejection(connectBroadcast(target), "invalid-argument");
    assert(text.startsWith(`connectBroadcast: ${field} is `), text);
  });
}

Deno.test("connectBroadcast refuses by name what can't be shown, and what is no member", async () => {
  const shy = Object.create(null);
  for (const field of ["port", "hostname", "network", "clock"]) {
    for (const wrong of [shy, 5n, Symbol("x"), { toJSON: () => assert(false, "it is asked") }]) {
      const target = { port: 1, token: TOKEN, network: new MemoryNetwork(), [field]: wrong };
      const text = await rejection(connectBroadcast(target as never), "invalid-argument");
      assert(text.startsWith(`connectBroadcast: ${field} is `), text);
    }
  }
  const target = { port: 1, token: TOKEN, hostnam: "example.com" };
  const text = await rejection(connectBroadcast(target as never), "invalid-argument");
  assert(text.startsWith("connectBroadcast: there is no hostnam; allowed: port, "), text);
});

Deno.test("connectBroadcast says that nobody listens, and that the other is no broadcast socket", async () => {
  const network = new MemoryNetwork();
  assertEquals(
    await rejection(connectBroadcast({ port: 1, token: TOKEN, network }), "connect-failed"),
    "can't connect to 127.0.0.1 port 1: nobody listens on port 1",
  );
  const listener = network.listen({ hostname: "127.0.0.1", port: 2 });
  const connecting = connectBroadcast({ port: 2, token: TOKEN, network });
  const other = await listener.accept();
  other.start({ onBytes: (bytes) => bytes.length, onDrain() {}, onEnd() {}, onClose() {} });
  other.write(new TextEncoder().encode("HTTP/1.1 400"));
  assertEquals(
    await rejection(connecting, "handshake-refused"),
    "127.0.0.1 port 2 is no broadcast socket",
  );
  other.close();
  listener.close();
});

Deno.test("a signal ends connecting, before and during it", async () => {
  const network = new MemoryNetwork();
  const target = { port: 1, token: TOKEN, network };
  await rejection(connectBroadcast({ ...target, signal: AbortSignal.abort() }), "aborted");
  const aborter = new AbortController();
  network.hold();
  const held = connectBroadcast({ ...target, signal: aborter.signal });
  aborter.abort();
  await rejection(held, "aborted");
  network.release();

  const listener = network.listen({ hostname: "127.0.0.1", port: 1 });
  const later = new AbortController();
  const unanswered = connectBroadcast({ ...target, signal: later.signal });
  const peer = await listener.accept();
  later.abort();
  await rejection(unanswered, "aborted");
  peer.close();
  listener.close();
});

Deno.test("whoever answers nothing for 5 seconds is not waited for", async () => {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const listener = network.listen({ hostname: "127.0.0.1", port: 1 });
  const connecting = connectBroadcast({ port: 1, token: TOKEN, network, clock });
  const peer = await listener.accept();
  clock.advance(4_999);
  assertEquals(clock.pending, 1);
  clock.advance(1);
  assertEquals(await rejection(connecting, "connect-failed"), "nobody answers on 127.0.0.1 port 1");
  peer.close();
  listener.close();
});

Deno.test("broadcasts that had not left reject when the context goes", async () => {
  const { protocol } = news();
  await using served = serve([protocol], { broadcastSockets: true });
  const { context, network } = served;
  const { port, token } = socketOf(context);
  let socketSide: { stopReading(): void } | undefined;
  const slow: Network = {
    listen: (target) => network.listen(target),
    async connect(target, signal) {
      const transport = await network.connect(target, signal);
      socketSide = transport.peer;
      return transport;
    },
  };
  const sender: Broadcaster = await connectBroadcast({ port, token, network: slow });
  socketSide!.stopReading();
  const given = Promise.allSettled([sender.broadcast("x".repeat(500_000)), sender.broadcast("y")]);
  await context.destroy();
  for (const each of await given) {
    assert(each.status === "rejected" && each.reason.code === "connection-closed");
  }
  await sender.close();
});
