/** The service policy "external": the program's own loop is told what to watch, and drives all. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type {
  CloseInfo,
  Context,
  ContextCreationInfo,
  PollFd,
  Protocol,
  Wsi,
} from "../../../mod.ts";
import { LwsError, POLLHUP, POLLIN, POLLOUT } from "../../../mod.ts";
import { sharedLoop } from "../../../examples/shared_loop.ts";
import type { Served } from "../../support/serve.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";

/** A program around a poll array, with a log of what it was told. */
function host(answer: (...args: Parameters<Protocol["callback"]>) => number | void = () => {}) {
  const table: PollFd[] = [];
  const told: string[] = [];
  const protocol: Protocol = {
    name: "echo",
    callback(...args) {
      const [, reason, , data] = args;
      switch (reason) {
        case "lockPoll":
        case "unlockPoll":
          told.push(`${reason} ${data.fd} ${data.isTableChange ? 1 : 0}`);
          break;
        case "addPollFd":
          told.push(`${reason} ${data.fd} ${data.events}`);
          table.push({ fd: data.fd, events: data.events, revents: 0 });
          break;
        case "changeModePollFd":
          told.push(`${reason} ${data.fd} ${data.prevEvents}>${data.events}`);
          table.find(({ fd }) => fd === data.fd)!.events = data.events;
          break;
        case "delPollFd":
          told.push(`${reason} ${data.fd}`);
          table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
          break;
        default:
          told.push(reason);
      }
      return answer(...args);
    },
  };
  return {
    table,
    told,
    protocol,
    entry: (fd: number) => table.find((each) => each.fd === fd)!,
    serve: (info: Partial<ContextCreationInfo> = {}) =>
      serve([protocol], { service: "external", ...info }),
    /** Rounds of the loop until nothing is ready any more. */
    async run(context: Context, mayServe: (entry: PollFd) => boolean = () => true) {
      for (;;) {
        await settle();
        if (await context.poll(table, 0) <= 0) return;
        const ready = table.filter((each) => each.revents !== 0 && mayServe(each));
        if (ready.length === 0) return;
        for (const each of ready) context.serviceFd(each);
      }
    },
    /** A WebSocket, and the peer that it is. */
    async open(served: Served) {
      const peer = await served.dial(handshake());
      await this.run(served.context);
      return { peer, socket: new WebSocketPeer(peer, await readHead(peer)) };
    },
  };
}

const LISTENER = 0;
const FIRST = 1;

Deno.test("the host is told of every descriptor, between lock and unlock, in the C library's order", async () => {
  const loop = host();
  const served = loop.serve();
  const { context } = served;
  assertEquals(loop.told.splice(0), [
    "lockPoll 0 1",
    "addPollFd 0 1",
    "unlockPoll 0 1",
    "protocolInit",
  ]);
  const peer = await served.network.dial(80);
  await loop.run(context);
  assertEquals(loop.told.splice(0), [
    "getThreadId",
    "filterNetworkConnection",
    "wsiCreate",
    "serverNewClientInstantiated",
    "lockPoll 1 1",
    "addPollFd 1 1",
    "unlockPoll 1 1",
  ]);
  peer.send(handshake());
  await loop.run(context);
  assertEquals(loop.told.splice(0), [
    "filterProtocolConnection",
    "established",
    "lockPoll 1 0",
    "changeModePollFd 1 1>5",
    "unlockPoll 1 0",
    "lockPoll 1 0",
    "changeModePollFd 1 5>1",
    "unlockPoll 1 0",
  ]);
  await readHead(peer);
  peer.close();
  await loop.run(context);
  assertEquals(loop.told.splice(0), [
    "lockPoll 1 1",
    "delPollFd 1",
    "unlockPoll 1 1",
    "closed",
    "wsiDestroy",
  ]);
  await served[Symbol.asyncDispose]();
  assertEquals(loop.told, ["lockPoll 0 1", "delPollFd 0", "unlockPoll 0 1", "protocolDestroy"]);
  assertEquals(loop.table, []);
});

Deno.test("contract 6: serviceFd zeroes revents of its own, leaves a foreign one, and null only runs timeouts", async () => {
  let wsi: Wsi | undefined;
  const loop = host((one, reason, _user, _data) => {
    if (reason === "established") wsi = one;
  });
  await using served = loop.serve();
  const { context, clock } = served;
  const peer = await served.network.dial(80);
  await settle();

  const foreign: PollFd = { fd: 1_000, events: POLLIN, revents: POLLIN };
  assertEquals(context.serviceFd(foreign), 0);
  assertEquals(foreign.revents, POLLIN, "a foreign one is left");
  const own: PollFd = { fd: LISTENER, events: POLLIN, revents: POLLIN };
  assertEquals(context.serviceFd(own), 0);
  assertEquals(own.revents, 0);
  assertEquals(loop.told.includes("wsiCreate"), true);
  const spurious: PollFd = { fd: FIRST, events: POLLIN | POLLOUT, revents: POLLIN | POLLOUT };
  assertEquals(context.serviceFd(spurious), 0);
  assertEquals(spurious.revents, 0, "its own, though nothing was ready");

  peer.send(handshake());
  await loop.run(context);
  wsi!.setTimeout("userReason", 10);
  new WebSocketPeer(peer, await readHead(peer)).send({ opcode: 1, payload: "x" });
  await settle();
  clock.advance(12_000);
  loop.told.length = 0;
  assertEquals(context.serviceFd(null), 0);
  assertEquals(loop.told, [], "no data by null, and no verdict before it is told");
  const readable: PollFd = { fd: FIRST, events: POLLIN, revents: POLLIN };
  assertEquals(context.serviceFd(readable), 0);
  assertEquals(loop.told, ["receive"]);
  clock.advance(100);
  loop.told.length = 0;
  assertEquals(context.serviceFd(null), 0);
  await settle();
  const gone = loop.entry(FIRST);
  gone.revents = POLLHUP;
  assertEquals(context.serviceFd(gone), 1, "the connection is gone");
  assertEquals(gone.revents, 0);
  assertEquals(loop.told.includes("closed"), true);
  assertEquals(loop.told.includes("receive"), false);
});

Deno.test("interest gates reading: what the host doesn't serve is not read", async () => {
  const loop = host();
  await using served = loop.serve();
  const { context } = served;
  const { peer, socket } = await loop.open(served);
  const payload = new Uint8Array(60_000);
  for (let i = 0; i < 50; i++) socket.send({ opcode: 2, payload });
  await loop.run(context, ({ fd }) => fd !== FIRST);
  assertEquals(loop.told.includes("receive"), false);
  // One read is held; the rest waits in the peer, as a full socket buffer makes it.
  assertEquals(peer.transport.peer.undelivered > 0, true);

  // Without POLLIN in its events poll doesn't report it either.
  loop.entry(FIRST).events = 0;
  assertEquals(await context.poll(loop.table, 0), 0);
  loop.entry(FIRST).events = POLLIN;
  await loop.run(context);
  assertEquals(loop.told.filter((each) => each === "receive").length >= 50, true);
});

Deno.test("interest gates writing: nothing leaves before the host serves POLLOUT", async () => {
  let wsi: Wsi | undefined;
  const loop = host((one, reason, _user, _data) => {
    if (reason === "established") wsi = one;
  });
  await using served = loop.serve();
  const { context } = served;
  const { peer, socket } = await loop.open(served);
  const before = peer.received.length;

  loop.told.length = 0;
  wsi!.write("hello");
  assertEquals(loop.told, ["lockPoll 1 0", "changeModePollFd 1 1>5", "unlockPoll 1 0"]);
  await settle();
  assertEquals(peer.received.length, before);
  const entry = loop.entry(FIRST);
  entry.revents = POLLIN;
  context.serviceFd(entry);
  await settle();
  assertEquals(peer.received.length, before, "POLLIN is not POLLOUT");
  entry.revents = POLLOUT;
  context.serviceFd(entry);
  assertEquals(await socket.receiveText(), "hello");
  await loop.run(context);
  assertEquals(entry.events, POLLIN);
});

Deno.test("rxFlowControl takes POLLIN out of what is watched, and puts it back", async () => {
  let wsi: Wsi | undefined;
  const loop = host((one, reason, _user, _data) => {
    if (reason === "established") wsi = one;
  });
  await using served = loop.serve();
  const peer = await served.dial(handshake());
  await loop.run(served.context);
  wsi!.rxFlowControl(false);
  assertEquals(loop.entry(FIRST).events, 0);
  wsi!.rxFlowControl(false);
  wsi!.rxFlowControl(true);
  assertEquals(loop.entry(FIRST).events, POLLIN);
  peer.close();
});

Deno.test("contract 3: partialBuffered is false when a writeable callback begins, and may be true after any write", async () => {
  const seen: boolean[] = [];
  const loop = host((wsi, reason, _user, _data) => {
    if (reason === "established") wsi.callbackOnWritable();
    if (reason !== "serverWriteable") return;
    seen.push(wsi.partialBuffered);
    wsi.write(new Uint8Array(1_000), "binary");
    seen.push(wsi.partialBuffered);
    if (seen.length < 6) wsi.callbackOnWritable();
  });
  await using served = loop.serve({ softUnsentBytes: 500 });
  const peer = await served.dial(handshake());
  await loop.run(served.context);
  assertEquals(seen, [false, true, false, true, false, true]);
  peer.close();
});

Deno.test("addPollFd that fails for the listener fails the creation", () => {
  const loop = host((_wsi, reason, _user, _data) => reason === "addPollFd" ? 1 : 0);
  assertEquals(assertThrows(() => loop.serve(), LwsError, "addPollFd").code, "listen-failed");
});

for (const failing of ["addPollFd", "changeModePollFd", "lockPoll", "unlockPoll"]) {
  Deno.test(`${failing} that fails costs the connection, and only that`, async () => {
    const loop = host((wsi, reason, _user, data) => {
      const isFirst = (data as { fd?: number } | undefined)?.fd === FIRST;
      return wsi.socketFd === FIRST && isFirst && reason === failing ? -1 : 0;
    });
    await using served = loop.serve();
    const { context } = served;
    const bad = await served.dial(handshake());
    await loop.run(context);
    await context.service(0);
    await loop.run(context);
    assertEquals(loop.told.includes("closed") || loop.told.includes("closedHttp"), true);
    // What was added is taken back, when it was only the lock that failed.
    if (failing === "unlockPoll") assertEquals(loop.told.includes(`delPollFd ${FIRST}`), true);
    const good = await served.dial(handshake());
    await loop.run(context);
    assertEquals((await readHead(good)).startsWith("HTTP/1.1 101"), true);
    bad.close();
    good.close();
  });
}

Deno.test("a WebSocket that the program can't watch any more is closed by the callback", async () => {
  let wsi: Wsi | undefined;
  const causes: string[] = [];
  const loop = host((each, reason, _user, data) => {
    if (reason === "established") wsi = each;
    if (reason === "closed") causes.push((data as CloseInfo).cause);
    return reason === "changeModePollFd" && each === wsi ? 1 : 0;
  });
  await using served = loop.serve();
  const peer = await served.dial(handshake());
  await loop.run(served.context);
  wsi!.rxFlowControl(false);
  await loop.run(served.context);
  assertEquals(causes, ["callback"]);
  peer.close();
});

Deno.test("a client that can't be watched ends with clientConnectionError", async () => {
  const loop = host((_wsi, reason, _user, _data) => reason === "addPollFd" ? 1 : 0);
  await using served = serve([{ name: "echo", callback() {} }]);
  const client = served.client([loop.protocol], { service: "external" });
  client.clientConnect({ address: "localhost", port: 80 });
  assertEquals(loop.told.includes("clientConnectionError"), false);
  await settle();
  assertEquals(loop.told.at(-2), "clientConnectionError");
});

Deno.test("a client is watched for POLLOUT while it connects, then for POLLIN", async () => {
  await using served = serve([{ name: "echo", callback() {} }]);
  const loop = host();
  const client = served.client([loop.protocol], { service: "external" });
  client.clientConnect({ address: "localhost", port: 80 });
  assertEquals(loop.entry(FIRST).events, POLLOUT);
  await settle();
  assertEquals(await client.poll(loop.table, 0), 1);
  assertEquals(loop.entry(FIRST).revents, POLLOUT);
  await loop.run(client);
  assertEquals(loop.told.includes("clientEstablished"), true);
  assertEquals(loop.entry(FIRST).events, POLLIN);
});

Deno.test("pollNow tells in no time what had come by the last turn, and refuses what poll refuses", async () => {
  const loop = host();
  await using served = loop.serve();
  const { context } = served;
  assertEquals(context.pollNow(loop.table), 0);
  const peer = await served.network.dial(80);
  await settle();
  assertEquals(context.pollNow(loop.table), 1);
  assertEquals(loop.entry(LISTENER).revents, POLLIN);
  assertEquals(context.pollNow(loop.table), 1, "it is ready until it is served");
  const error = assertThrows(() => context.pollNow([null as never]), LwsError);
  assertStringIncludes(error.message, "pollNow: pollFds");
  peer.close();
  void context.destroy();
  assertEquals(context.pollNow(loop.table), -1);
});

Deno.test("poll waits for its own, for a foreign one that cancelService announces, and for its time", async () => {
  const loop = host();
  await using served = loop.serve();
  const { context, clock } = served;
  const foreign: PollFd = { fd: -1, events: POLLIN, revents: 0 };
  loop.table.push(foreign);

  const timed = context.poll(loop.table, 500);
  await settle();
  clock.advance(500);
  assertEquals(await timed, 0);

  const announced = context.poll(loop.table, Infinity);
  await settle();
  foreign.revents = POLLIN;
  context.cancelService();
  assertEquals(await announced, 1);
  assertEquals(await context.poll(loop.table, Infinity), 1, "it is ready until it is served");
  foreign.revents = 0;

  const own = context.poll(loop.table, Infinity);
  await settle();
  const peer = await served.network.dial(80);
  assertEquals(await own, 1);
  assertEquals(loop.entry(LISTENER).revents, POLLIN);
  peer.close();
});

Deno.test("poll returns early when timeouts are due, so that serviceFd can run them", async () => {
  const loop = host();
  await using served = loop.serve({ headerTimeoutMs: 1_000 });
  const { context, clock } = served;
  const peer = await served.network.dial(80);
  await loop.run(context);
  const waiting = context.poll(loop.table, Infinity);
  await settle();
  clock.advance(1_100);
  assertEquals(await waiting, 0);
  assertEquals(loop.told.includes("closedHttp"), false);
  context.serviceFd(null);
  await loop.run(context);
  assertEquals(loop.told.includes("closedHttp"), true);
  peer.close();
});

Deno.test("a waiting poll is woken by every event of a descriptor, on a clock that stands still", async () => {
  const loop = host((wsi, reason, _user, data) => {
    if (reason === "receive") wsi.write(data as Uint8Array);
  });
  await using served = loop.serve();
  const { context } = served;
  const peer = await served.dial(handshake());
  let isOver = false;
  const running = (async () => {
    while (!isOver && await context.poll(loop.table, Infinity) >= 0) {
      for (const each of [...loop.table]) if (each.revents !== 0) context.serviceFd(each);
    }
  })();
  const socket = new WebSocketPeer(peer, await readHead(peer));
  for (let i = 0; i < 10; i++) {
    socket.send({ opcode: 1, payload: `round ${i}` });
    assertEquals(await socket.receiveText(), `round ${i}`);
  }
  isOver = true;
  context.cancelService();
  peer.close();
  await running;
});

Deno.test("poll tells of a timeout that is due once, and waits again until serviceFd has run it", async () => {
  const loop = host();
  await using served = loop.serve({ headerTimeoutMs: 1_000 });
  const { context, clock } = served;
  const peer = await served.network.dial(80);
  await loop.run(context);
  clock.advance(1_100);
  assertEquals(await context.poll(loop.table, Infinity), 0);
  let isBack = false;
  const waiting = context.poll(loop.table, 500).then(() => isBack = true);
  await settle();
  assertEquals(isBack, false, "no second time for the same one");
  clock.advance(500);
  await waiting;
  context.serviceFd(null);
  await loop.run(context);
  assertEquals(loop.told.includes("closedHttp"), true);
  peer.close();
});

Deno.test("a destroy inside addPollFd leaves nothing in the host's table", async () => {
  for (const when of ["lockPoll", "addPollFd", "unlockPoll"]) {
    let isArmed = false;
    const loop = host((wsi, reason, _user, _data) => {
      if (isArmed && reason === when) {
        isArmed = false;
        void wsi.context.destroy();
      }
    });
    const served = loop.serve();
    await served.network.dial(80);
    await settle();
    isArmed = true;
    await served.context.service(0);
    await served[Symbol.asyncDispose]();
    assertEquals(loop.table, [], when);
  }
});

Deno.test("serviceFd inside a callback of the same connection does nothing but zero revents", async () => {
  const results: unknown[] = [];
  const loop = host((wsi, reason, _user, _data) => {
    if (reason !== "receive") return;
    const entry = { fd: wsi.socketFd, events: POLLIN, revents: POLLIN };
    results.push(wsi.context.serviceFd(entry), entry.revents);
  });
  await using served = loop.serve();
  const { socket } = await loop.open(served);
  socket.send({ opcode: 1, payload: "a" }, { opcode: 1, payload: "b" });
  await loop.run(served.context);
  assertEquals(results, [0, 0, 0, 0]);
});

Deno.test("a peer that ends while our last words wait to leave is not waited for again", async () => {
  const loop = host();
  await using served = loop.serve();
  const { context } = served;
  const { peer, socket } = await loop.open(served);
  socket.send({ opcode: 8, payload: new Uint8Array([3, 232]) });
  peer.end();
  const entry = loop.entry(FIRST);
  for (let reads = 0; reads < 3; reads++) {
    await settle();
    entry.revents = POLLIN;
    context.serviceFd(entry);
  }
  assertEquals(loop.told.includes("closed"), false, "the answer has not left");
  await loop.run(context);
  assertEquals((await socket.receiveClose()).code, 1000);
  assertEquals(loop.told.includes("closed"), true);
});

/** Round trips of one plain connection; the number made so far is in `count`. */
async function plainRounds(port: number, rounds: number, count: { done: number }) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(64);
  for (let i = 0; i < rounds; i++) {
    await conn.write(new TextEncoder().encode("plain bytes"));
    for (let got = 0; got < 11;) got += await conn.read(buffer) ?? 11;
    count.done++;
  }
  conn.close();
}

/** The same of a WebSocket. */
async function socketRounds(port: number, rounds: number, count: { done: number }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, "echo");
  const closed = new Promise((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onopen = resolve);
  for (let i = 0; i < rounds; i++) {
    const answer = new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
    socket.send(`message ${i}`);
    assertEquals((await answer).data, `message ${i}`);
    count.done++;
  }
  socket.close();
  await closed;
}

Deno.test("one loop serves WebSockets and a plain socket under load, and starves neither", async () => {
  const ending = new AbortController();
  const ready = Promise.withResolvers<[number, number]>();
  const served = sharedLoop(
    { port: 0, plainPort: 0, signal: ending.signal },
    (...ports) => ready.resolve(ports),
  );
  const [port, plainPort] = await ready.promise;
  const refused = await fetch(`http://127.0.0.1:${port}/`);
  assertEquals([refused.status, refused.headers.get("upgrade")], [426, "websocket"]);
  assertEquals(await refused.text(), "This port speaks WebSocket.");
  const sockets = { done: 0 };
  const plain = { done: 0 };
  const rounds = 100;
  const all = [
    ...Array.from({ length: 20 }, () => socketRounds(port, rounds, sockets)),
    ...Array.from({ length: 20 }, () => plainRounds(plainPort, rounds, plain)),
  ];
  // Whoever is done first, the others have come a good part of the way.
  await Promise.any([Promise.all(all.slice(0, 20)), Promise.all(all.slice(20))]);
  const shares = [sockets.done, plain.done].map((done) => done / (20 * rounds));
  await Promise.all(all);
  ending.abort();
  await served;
  assert(Math.min(...shares) > 0.2, `shares ${shares}`);
  assertEquals([sockets.done, plain.done], [2_000, 2_000]);
});
