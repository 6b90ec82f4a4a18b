/** `context.stats`: each count goes up by what it counts, and by nothing else. */

import { assert, assertEquals } from "@std/assert";
import type { ContextCreationInfo, Protocol, Stats, Wsi } from "../../../mod.ts";
import { permessageDeflate, prepareMessage } from "../../../mod.ts";
import { readPage, reply, request } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, serve, settle, TARGET } from "../../support/serve.ts";

const NOTHING = { messages: 0, payloadBytes: 0, wireBytes: 0 };

/** Those of a context that has only been made. */
const FIRST: Omit<Stats, "protocols"> = {
  servers: { now: 0, ever: 0 },
  clients: { now: 0, ever: 0 },
  received: NOTHING,
  sent: NOTHING,
  closesByCode: {},
  closesByCause: {},
  unsentBytes: 0,
  probesMissed: 0,
  http: { now: 0, ever: 0 },
  connecting: 0,
  turnedAway: {},
  handshakesRefused: {},
  clientsFailed: {},
  clientRetries: 0,
  limitsHit: {},
  bufferedBytes: 0,
  requestsWaiting: 0,
  timers: 0,
  loopLagMs: 0,
};

const QUIET: Partial<ContextCreationInfo> = { kaTime: 0 };

function isFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozen);
}

function gathering(name: string): { protocol: Protocol; all: Wsi[] } {
  const all: Wsi[] = [];
  const keep = (wsi: Wsi) => void all.push(wsi);
  return {
    all,
    protocol: named(name, { established: keep, clientEstablished: keep, http: reply }),
  };
}

Deno.test("a context that was only made has counted nothing, for each protocol by its name", async () => {
  const names = ["chat", "__proto__", "constructor"];
  await using served = serve(names.map((name) => gathering(name).protocol));
  const { protocols, ...rest } = served.context.stats();
  assertEquals(rest, FIRST);
  assertEquals(Object.keys(protocols), names);
  assertEquals(protocols["__proto__"]!.servers, { now: 0, ever: 0 });
});

Deno.test("what stats returns is one moment, frozen in all its parts", async () => {
  await using served = serve([gathering("chat").protocol]);
  const before = served.context.stats();
  await (await served.open()).peer.close();
  await settle();
  const after = served.context.stats();
  assert(isFrozen(before) && isFrozen(after));
  assertEquals([before.servers.ever, after.servers.ever], [0, 1]);
  assertEquals(after.protocols.chat!.closesByCause, { peer: 1 });
});

Deno.test("connections are counted by kind, now and ever", async () => {
  const [http, chat] = [gathering("http"), gathering("chat")];
  await using served = serve([http.protocol, chat.protocol], QUIET);
  const client = gathering("client");
  const clients = served.client([client.protocol], QUIET);
  const peer = await served.dial(request("GET", "/"));
  await readPage(peer);
  await served.open();
  const socket = await served.open({ protocol: "chat" });
  clients.clientConnect({ address: "memory", port: 80 });
  assertEquals(clients.stats().connecting, 1);
  await settle();

  const stats = served.context.stats();
  assertEquals(stats.http, { now: 1, ever: 4 });
  assertEquals([stats.servers, stats.clients], [{ now: 3, ever: 3 }, { now: 0, ever: 0 }]);
  assertEquals(stats.protocols.http!.servers, { now: 2, ever: 2 });
  assertEquals(stats.protocols.chat!.servers, { now: 1, ever: 1 });
  const others = clients.stats();
  assertEquals([others.clients, others.servers], [{ now: 1, ever: 1 }, { now: 0, ever: 0 }]);
  assertEquals([others.http, others.connecting], [{ now: 0, ever: 0 }, 0]);

  peer.close();
  socket.peer.close();
  client.all[0]!.close();
  await settle();
  const later = served.context.stats();
  assertEquals([later.http, later.servers], [{ now: 0, ever: 4 }, { now: 1, ever: 3 }]);
  assertEquals(later.protocols.chat!.servers, { now: 0, ever: 1 });
  assertEquals(clients.stats().clients, { now: 0, ever: 1 });
});

Deno.test("messages and their bytes are counted each way, once a message and not its control frames", async () => {
  const [http, chat] = [gathering("http"), gathering("chat")];
  await using served = serve([http.protocol, chat.protocol], QUIET);
  const socket = await served.open({ protocol: "chat" });
  const wsi = chat.all[0]!;
  const begun = served.context.stats();
  assertEquals([begun.sent.messages, begun.received.messages], [0, 0]);
  socket.send(
    { opcode: 1, payload: "12345" },
    { opcode: 2, fin: false, payload: "123" },
    { opcode: 9, payload: "ping" },
    { opcode: 0, fin: false, payload: "" },
    { opcode: 0, payload: "" },
    { opcode: 1, payload: "" },
  );
  await settle();
  const received = served.context.stats().protocols.chat!.received;
  assertEquals([received.messages, received.payloadBytes], [3, 8]);
  // Six frames with six bytes of header each, and what they carry.
  const wire = received.wireBytes - begun.protocols.chat!.received.wireBytes;
  assertEquals(wire, 6 * 6 + 5 + 3 + 4);

  await socket.receive();
  const pong = served.context.stats().protocols.chat!.sent;
  assertEquals([pong.messages, pong.payloadBytes], [0, 0]);
  wsi.write("äöü");
  wsi.write(new Uint8Array(200));
  wsi.write(prepareMessage("12"));
  wsi.write("be", "text", { fin: false });
  assertEquals(served.context.stats().sent.messages, 3);
  wsi.write("gun", "continuation");
  wsi.write("", "ping");
  wsi.subscribe("t");
  await served.context.publish("t", "x");
  await settle();
  const sent = served.context.stats().protocols.chat!.sent;
  assertEquals([sent.messages, sent.payloadBytes], [5, 6 + 200 + 2 + 5 + 1]);
  const frames = (2 + 6) + (4 + 200) + (2 + 2) + (2 + 2) + (2 + 3) + 2 + (2 + 1);
  assertEquals(sent.wireBytes - pong.wireBytes, frames);

  const { protocols, ...sum } = served.context.stats();
  assertEquals(sum.sent.messages, 5);
  assertEquals(protocols.http!.sent.messages + protocols.http!.received.messages, 0);
  // What is refused by −1 or thrown is none.
  wsi.close();
  assertEquals(wsi.write("too late"), -1);
  assertEquals(served.context.stats().sent.messages, 5);
});

Deno.test("HTTP's bytes are the first protocol's, and no messages", async () => {
  const [http, chat] = [gathering("http"), gathering("chat")];
  await using served = serve([http.protocol, chat.protocol], QUIET);
  const sent = request("GET", "/");
  await readPage(await served.dial(sent));
  const { protocols } = served.context.stats();
  assertEquals(protocols.http!.received, { messages: 0, payloadBytes: 0, wireBytes: sent.length });
  assert(protocols.http!.sent.wireBytes > 0 && protocols.http!.sent.messages === 0);
  assertEquals([protocols.chat!.received, protocols.chat!.sent], [NOTHING, NOTHING]);
});

Deno.test("with compression payload is what the program has, and wire what went over it", async () => {
  const extensions = [permessageDeflate({ threshold: 0 })];
  const [server, client] = [gathering("x"), gathering("x")];
  await using served = serve([server.protocol], { ...QUIET, extensions });
  const clients = served.client([client.protocol], { ...QUIET, extensions });
  clients.clientConnect({ address: "memory", port: 80 });
  await settle();
  const before = served.context.stats();
  client.all[0]!.write("again and ".repeat(1000));
  server.all[0]!.write("again and ".repeat(1000));
  await settle();
  const [ours, theirs] = [served.context.stats(), clients.stats()];
  for (const tally of [ours.received, theirs.sent, ours.sent, theirs.received]) {
    assertEquals([tally.messages, tally.payloadBytes], [1, 10_000]);
  }
  assert(ours.received.wireBytes - before.received.wireBytes < 200);
  assert(ours.sent.wireBytes - before.sent.wireBytes < 200);
});

Deno.test("closes are counted by the code and the cause that closed had", async () => {
  const chat = gathering("chat");
  await using served = serve([chat.protocol, gathering("other").protocol], QUIET);
  const sockets = [];
  for (let i = 0; i < 4; i++) sockets.push(await served.open());
  assertEquals(served.context.stats().closesByCode, {});
  sockets[0]!.send({ opcode: 8, payload: Uint8Array.of(0x0b, 0xb8) });
  sockets[1]!.peer.reset();
  sockets[2]!.send({ opcode: 3 });
  chat.all[3]!.close(1000);
  sockets[3]!.send({ opcode: 8, payload: Uint8Array.of(0x03, 0xe8) });
  await settle();
  for (const { peer } of sockets) peer.close();
  await settle();
  const stats = served.context.stats();
  assertEquals(stats.closesByCode, { 1000: 1, 1002: 1, 1006: 1, 3000: 1 });
  assertEquals(stats.closesByCause, { peer: 1, protocol: 1, reset: 1, self: 1 });
  assertEquals(stats.protocols.other!.closesByCode, {});
  assertEquals(stats.limitsHit, {});
});

Deno.test("unsent bytes are those that wait now", async () => {
  const chat = gathering("chat");
  await using served = serve([gathering("http").protocol, chat.protocol], QUIET);
  const socket = await served.open({ protocol: "chat" });
  socket.peer.transport.stopReading();
  chat.all[0]!.write(new Uint8Array(100_000));
  const { unsentBytes, protocols } = served.context.stats();
  assertEquals([unsentBytes, protocols.http!.unsentBytes], [chat.all[0]!.unsentBytes, 0]);
  assert(unsentBytes >= 100_000);
  served.context.hangupOnClient(chat.all[0]!.socketFd);
  await settle();
  assertEquals(served.context.stats().unsentBytes, 0);
});

Deno.test("a probe is missed when it was not answered by the time of the next one, or of the end", async () => {
  const chat = gathering("chat");
  await using served = serve([chat.protocol], { kaTime: 60, kaProbes: 2, kaInterval: 10 });
  const socket = await served.open();
  const missed = () => served.context.stats().probesMissed;
  // In steps, so that what is sent leaves in its time.
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 5) await served.pass(5_000);
  };
  await pass(60);
  assertEquals((await socket.receive()).opcode, 9);
  socket.send({ opcode: 1, payload: "alive" });
  await settle();
  await pass(20);
  assertEquals(missed(), 0, "it was answered");
  await pass(45);
  assertEquals((await socket.receive()).opcode, 9);
  assertEquals(missed(), 0, "it has its time");
  await pass(10);
  assertEquals(missed(), 1);
  await pass(10);
  assertEquals(missed(), 2);
  assertEquals(served.context.stats().closesByCause, { keepAlive: 1 });
});

Deno.test("timers are those that are armed", async () => {
  await using served = serve([gathering("chat").protocol], QUIET);
  assertEquals(served.context.stats().timers, 0);
  const peer = await served.dial();
  await settle();
  assertEquals(served.context.stats().timers, 1);
  peer.close();
  await settle();
  assertEquals(served.context.stats().timers, 0);
});

const ORIGIN = "Origin: https://elsewhere.example";

Deno.test("handshakes that a server refuses are counted by their causes, and requests are none", async () => {
  using _log = captureLog([]);
  let isThrowing = false;
  const protocols: Protocol[] = [
    named("http", { http: reply, filterProtocolConnection: () => 1 }),
    {
      ...named("chat", {}),
      perSessionData() {
        if (isThrowing) throw new Error("on purpose");
        return {};
      },
    },
  ];
  await using served = serve(protocols, QUIET);
  const refused = async (sent: string) => {
    const peer = await served.dial(sent);
    await peer.readToEnd();
    peer.close();
    return served.context.stats().handshakesRefused;
  };
  assertEquals(await refused(handshake({ protocol: "chess" })), { subprotocol: 1 });
  const foreign = handshake({ protocol: "chat", headers: [ORIGIN] });
  assertEquals(await refused(foreign), { subprotocol: 1, origin: 1 });
  const old = handshake().replace("Version: 13", "Version: 9");
  assertEquals(await refused(old), { subprotocol: 1, origin: 1, version: 1 });
  const broken = handshake().replace("Key: dGhl", "Key: d");
  await refused(broken);
  await refused(handshake());
  isThrowing = true;
  const all = { subprotocol: 1, origin: 1, version: 1, malformed: 1, filter: 1, fault: 1 };
  assertEquals(await refused(handshake({ protocol: "chat" })), all);
  isThrowing = false;
  await served.open({ protocol: "chat" });
  assertEquals(await refused(request("GET", "/", "Connection: close")), all);
  assertEquals(served.context.stats().servers.ever, 1);
});

Deno.test("clients that are never established are counted by what became of them", async () => {
  using _log = captureLog([]);
  await using served = serve([named("x", { filterProtocolConnection: () => 1 })], QUIET);
  const client = record("x");
  const clients = served.client([client.protocol], { ...QUIET, clientTimeoutMs: 1_000 });
  clients.clientConnect({ address: "memory", port: 80 });
  await client.until("clientConnectionError");
  assertEquals(clients.stats().clientsFailed, { refused: 1 });
  clients.clientConnect({ address: "nobody", port: 99 });
  await client.until("clientConnectionError", 2);
  assertEquals(clients.stats().clientsFailed, { refused: 1, failed: 1 });
  using listener = {
    it: served.network.listen({ hostname: TARGET.address, port: 81 }),
    [Symbol.dispose]() {
      this.it.close();
    },
  };
  clients.clientConnect({ address: TARGET.address, port: 81 });
  void listener;
  await settle();
  await served.pass(2_000);
  assertEquals(clients.stats().clientsFailed, { refused: 1, failed: 1, timeout: 1 });
  assertEquals(clients.stats().limitsHit, { clientTimeoutMs: 1 });
  assertEquals(clients.stats().clients, { now: 0, ever: 0 });
});

Deno.test("a context that is destroyed keeps what it has counted", async () => {
  const served = serve([gathering("x").protocol], QUIET);
  (await served.open()).peer.close();
  await settle();
  await served[Symbol.asyncDispose]();
  const { servers, closesByCause } = served.context.stats();
  assertEquals([servers, closesByCause], [{ now: 0, ever: 1 }, { peer: 1 }]);
});
