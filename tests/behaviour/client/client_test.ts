/** The client's side: the handshake it makes, what it accepts, and how it fails. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { ClientConnectInfo, Context, Wsi } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { frame, type FrameOptions } from "../../support/frames.ts";
import { record, type Recorder } from "../../support/recorder.ts";
import { playServer, readFrame, readHead, serve, settle, TARGET } from "../../support/serve.ts";
import { answerLines, headOf } from "../../conformance/sides.ts";

const keyOf = (request: string) => /^sec-websocket-key: (\S+)/im.exec(request)![1]!;

function accepting(request: string, ...lines: string[]): string {
  return headOf([...answerLines(request), ...lines]);
}

async function connectByHand(
  recorder: Recorder,
  info: Partial<ClientConnectInfo> = {},
  ...answer: string[]
) {
  const side = playServer([recorder.protocol]);
  const wsi = side.context.clientConnect({ ...TARGET, ...info });
  const peer = await side.accept();
  const request = await readHead(peer);
  peer.send(accepting(request, ...answer));
  return { ...side, wsi, peer, request };
}

Deno.test("section 4.1: the request has all that it must have, and nothing more", async () => {
  const recorder = record("chat");
  await using side = await connectByHand(recorder);
  const lines = side.request.split("\r\n");
  assertEquals(lines[0], "GET / HTTP/1.1");
  const fields = lines.slice(1).filter((line) => line !== "").map((line) =>
    line.toLowerCase().replace(/(sec-websocket-key: ).*/, "$1KEY")
  );
  assertEquals(fields.toSorted(), [
    "connection: upgrade",
    "host: server.example.com",
    "sec-websocket-key: KEY",
    "sec-websocket-version: 13",
    "upgrade: websocket",
  ]);
  assertEquals(Uint8Array.fromBase64(keyOf(side.request)).length, 16);
  await recorder.until("clientEstablished");
});

Deno.test("the request carries path, host, origin, protocols and headers as given", async () => {
  const appended = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientAppendHandshakeHeader") data.add("X-Late", "2");
  });
  await using side = await connectByHand(appended, {
    path: "/rooms?a=b",
    host: "example.com:81",
    origin: "https://example.com",
    protocol: "chat, talk",
    headers: [["X-Early", "1"]],
  });
  assert(side.request.startsWith("GET /rooms?a=b HTTP/1.1\r\n"));
  for (
    const line of [
      "host: example.com:81",
      "origin: https://example.com",
      "sec-websocket-protocol: chat, talk",
      "x-early: 1",
      "x-late: 2",
    ]
  ) assertStringIncludes(side.request.toLowerCase(), `\r\n${line}\r\n`);
});

Deno.test("two handshakes have different keys", async () => {
  const recorder = record("chat");
  await using side = playServer([recorder.protocol]);
  const keys = new Set<string>();
  for (let i = 0; i < 2; i++) {
    side.context.clientConnect(TARGET);
    keys.add(keyOf(await readHead(await side.accept())));
  }
  assertEquals(keys.size, 2);
});

Deno.test("frames of a client are masked, each with a key of its own (section 5.3)", async () => {
  const recorder = record("chat", (wsi, reason, _user, _data) => {
    if (reason !== "clientEstablished") return;
    wsi.write("hello");
    wsi.write(new Uint8Array(70_000).fill(5), "binary");
    wsi.write("p", "ping");
  });
  await using side = await connectByHand(recorder);
  const first = await readFrame(side.peer);
  assert(first.masked);
  assertEquals(new TextDecoder().decode(first.payload), "hello");
  const second = await readFrame(side.peer);
  assert(second.masked);
  assertEquals(second.payload, new Uint8Array(70_000).fill(5));
  assert((await readFrame(side.peer)).masked);
});

Deno.test("headers of the answer last until clientFilterPreEstablish, and no longer", async () => {
  const seen: unknown[] = [];
  const recorder = record("chat", (wsi, reason, _user, _data) => {
    if (reason === "clientFilterPreEstablish" || reason === "clientEstablished") {
      seen.push(
        wsi.hdrCopy("X-Answer"),
        wsi.hdrCopy("http status"),
        wsi.hdrTotalLength("x-answer"),
      );
    }
  });
  await using _side = await connectByHand(recorder, {}, "X-Answer: 42");
  await recorder.until("clientEstablished");
  assertEquals(seen, ["42", "101 Switching Protocols", 2, undefined, undefined, 0]);
});

Deno.test("userdata is user from the first callback on, before it is established", async () => {
  const users: unknown[] = [];
  const recorder = record("chat", (_wsi, reason, user, _data) => {
    if (reason.startsWith("client")) users.push(user);
  });
  const own = { mine: true };
  await using _side = await connectByHand(recorder, { userdata: own });
  await recorder.until("clientEstablished");
  assertEquals(users.length, 3);
  assert(users.every((user) => user === own));
});

Deno.test("the server's choice among the offered protocols decides who is called", async () => {
  const first = record("first");
  const chat = record("chat");
  const talk = record("talk");
  await using served = serve([record("talk").protocol]);
  const client = served.client([first.protocol, chat.protocol, talk.protocol]);
  const wsi = client.clientConnect({ ...TARGET, protocol: ["chat", "talk"] });
  await talk.until("clientEstablished");
  assertEquals(wsi.protocol.name, "talk");
  assertEquals(chat.reasons, ["protocolInit"]);
});

Deno.test("an answer without a protocol falls back to the first one", async () => {
  const first = record("first");
  const side = playServer([first.protocol, record("chat").protocol]);
  await using _side = side;
  side.context.clientConnect({ ...TARGET, protocol: "chat" });
  const peer = await side.accept();
  peer.send(accepting(await readHead(peer)));
  await first.until("clientEstablished");
});

Deno.test("an answer whose status line has no blank behind the code is taken", async () => {
  const recorder = record("chat");
  await using side = playServer([recorder.protocol]);
  side.context.clientConnect(TARGET);
  const peer = await side.accept();
  peer.send(accepting(await readHead(peer)).replace("101 Switching Protocols", "101"));
  await recorder.until("clientEstablished");
});

// Failures.

async function failure(
  answer: (request: string, peer: MemoryPeer) => void,
  info: Partial<ClientConnectInfo> = {},
): Promise<string> {
  const errors: string[] = [];
  const recorder = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") errors.push(data);
  });
  await using side = playServer([recorder.protocol]);
  side.context.clientConnect({ ...TARGET, ...info });
  const peer = await side.accept();
  answer(await readHead(peer), peer);
  await recorder.until("wsiDestroy");
  assert(!recorder.reasons.includes("clientEstablished"));
  assert(!recorder.reasons.includes("closed"));
  assertEquals(errors.length, 1);
  return errors[0]!;
}

const REFUSALS: readonly [name: string, answer: (request: string) => string, text: RegExp][] = [
  ["another status", () => "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", /403 Forbidden/],
  ["a redirect", () => "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", /302 Found/],
  [
    "a wrong accept value",
    (request) => accepting(request).replace(/Accept: \S+/, "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    /Accept/,
  ],
  ["no accept value", (request) => accepting(request).replace(/Sec-\S+ \S+\r\n/, ""), /Accept/],
  ["no upgrade", (request) => accepting(request).replace("Upgrade: websocket\r\n", ""), /Upgrade/i],
  [
    "no connection",
    (request) => accepting(request).replace("Connection: Upgrade\r\n", ""),
    /Connection/i,
  ],
  [
    "a protocol that was not offered",
    (request) => accepting(request, "Sec-WebSocket-Protocol: other"),
    /a protocol that was not offered/,
  ],
  [
    "two protocols",
    (request) => accepting(request, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"),
    /rotocol/,
  ],
  [
    "an extension that was not offered",
    (request) => accepting(request, "Sec-WebSocket-Extensions: permessage-deflate"),
    /xtension/,
  ],
  ["no HTTP", () => "SSH-2.0-OpenSSH_9.2\r\n\r\n", /./],
];

for (const [name, answer, text] of REFUSALS) {
  Deno.test(`an answer with ${name} is a connection error that says so`, async () => {
    assertMatch(
      await failure((request, peer) => peer.send(answer(request)), { protocol: "chat" }),
      text,
    );
  });
}

Deno.test("a server that closes without an answer is a connection error that says so", async () => {
  assertMatch(await failure((_request, peer) => peer.close()), /closed the connection/);
});

Deno.test("a reset is a connection error that says so", async () => {
  assertMatch(
    await failure((_request, peer) => peer.reset(new Error("reset by peer"))),
    /reset by peer/,
  );
});

Deno.test("an endless answer is a connection error, by maxHeaderBytes", async () => {
  assertMatch(
    await failure((_request, peer) => peer.send(`HTTP/1.1 101 X\r\nX: ${"x".repeat(20_000)}`)),
    /./,
  );
});

Deno.test("a refused connect is a connection error that says so, never inside the call", async () => {
  const errors: string[] = [];
  const recorder = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") errors.push(data);
  });
  await using side = playServer([recorder.protocol]);
  const wsi = side.context.clientConnect({ address: "server", port: 81 });
  assertEquals(recorder.reasons, ["protocolInit"]);
  await recorder.until("wsiDestroy");
  assertMatch(errors[0]!, /can't connect to server port 81/);
  assertEquals(wsi.write("x"), -1);
});

Deno.test("a connect without an answer ends at clientTimeoutMs, and says so", async () => {
  const errors: string[] = [];
  const recorder = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") errors.push(data);
  });
  await using side = playServer([recorder.protocol], { clientTimeoutMs: 2_000 });
  side.network.hold();
  side.context.clientConnect(TARGET);
  side.clock.advance(1_900);
  await settle();
  assertEquals(errors, []);
  side.clock.advance(200);
  await recorder.until("wsiDestroy");
  assertMatch(errors[0]!, /timed out while connecting/);
});

Deno.test("a handshake without an answer ends at clientTimeoutMs, and says so", async () => {
  const errors: string[] = [];
  const recorder = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") errors.push(data);
  });
  await using side = playServer([recorder.protocol], { clientTimeoutMs: 2_000 });
  side.context.clientConnect(TARGET);
  const peer = await side.accept();
  await readHead(peer);
  side.clock.advance(2_100);
  await recorder.until("wsiDestroy");
  assertMatch(errors[0]!, /timed out while waiting/);
  await peer.readToEnd();
});

for (const step of ["connecting", "handshake"]) {
  Deno.test(`close while ${step} is a connection error that says so`, async () => {
    const errors: string[] = [];
    const recorder = record("chat", (_wsi, reason, _user, data) => {
      if (reason === "clientConnectionError") errors.push(data);
    });
    await using side = playServer([recorder.protocol]);
    if (step === "connecting") side.network.hold();
    const wsi = side.context.clientConnect(TARGET);
    if (step === "handshake") await readHead(await side.accept());
    assertEquals(wsi.close(), 0);
    await recorder.until("wsiDestroy");
    assertMatch(errors[0]!, /closed before/);
  });
}

Deno.test("clientFilterPreEstablish refuses with a non-zero value, as a connection error", async () => {
  const errors: string[] = [];
  const recorder = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") errors.push(data);
    return reason === "clientFilterPreEstablish" ? 1 : 0;
  });
  await using _side = await connectByHand(recorder);
  await recorder.until("wsiDestroy");
  assertMatch(errors[0]!, /clientFilterPreEstablish/);
  assert(!recorder.reasons.includes("clientEstablished"));
});

// What a server may not send to a client.

const OFFENCES: readonly [string, number, FrameOptions][] = [
  ["a masked frame", 1002, { opcode: 1, payload: "x", key: [1, 2, 3, 4] }],
  ["a reserved bit", 1002, { opcode: 1, rsv: 1 }],
  ["an unknown opcode", 1002, { opcode: 11 }],
  ["invalid UTF-8", 1007, { opcode: 1, payload: Uint8Array.of(0x80) }],
  ["a bad close code", 1002, { opcode: 8, payload: Uint8Array.of(0x03, 0xee) }],
];

for (const [name, code, offence] of OFFENCES) {
  Deno.test(`a client fails ${name} with ${code}`, async () => {
    const recorder = record("chat");
    await using side = await connectByHand(recorder);
    side.peer.send(frame(offence));
    const close = await readFrame(side.peer);
    assertEquals([close.opcode, close.payload[0]! << 8 | close.payload[1]!], [8, code]);
    assert(close.masked);
    side.peer.close();
    await recorder.until("closed");
  });
}

const RETURNS: readonly [string, number][] = [
  ["clientEstablished", 1],
  ["clientReceive", 1],
  ["clientReceive", -1],
  ["clientReceivePong", 1],
  ["clientReceivePing", 1],
  ["clientWriteable", 1],
];

for (const [reason, value] of RETURNS) {
  Deno.test(`${value} from ${reason} closes the client, once what it wrote has left`, async () => {
    const recorder = record("chat", (wsi, each, _user, _data) => {
      if (each === "clientEstablished") wsi.callbackOnWritable();
      if (each !== reason) return;
      wsi.write("last words");
      return value;
    });
    await using side = await connectByHand(recorder);
    const opcode = reason === "clientReceivePong" ? 10 : reason === "clientReceivePing" ? 9 : 1;
    side.peer.send(frame({ opcode, payload: "x" }));
    let last = await readFrame(side.peer);
    if (last.opcode === 10) last = await readFrame(side.peer);
    assertEquals(new TextDecoder().decode(last.payload), "last words");
    await recorder.until("closed");
    assertEquals((await side.peer.readToEnd()).length, 0);
  });
}

Deno.test("frames in the same packet as the answer are not lost", async () => {
  const texts: string[] = [];
  const recorder = record("chat", (_wsi, reason, _user, data) => {
    if (reason === "clientReceive") texts.push(new TextDecoder().decode(data));
  });
  await using side = playServer([recorder.protocol]);
  side.context.clientConnect(TARGET);
  const peer = await side.accept();
  const answer = accepting(await readHead(peer));
  const { concat } = await import("../../support/frames.ts");
  peer.send(concat(new TextEncoder().encode(answer), frame({ opcode: 1, payload: "early" })));
  await recorder.until("clientReceive");
  assertEquals(texts, ["early"]);
});

for (
  const [address, connected, host] of [
    ["::1", "::1", "[::1]:81"],
    ["[::1]", "::1", "[::1]:81"],
    [new URL("ws://[2001:DB8::1]/").hostname, "2001:db8::1", "[2001:db8::1]:81"],
    ["fe80::1%eth0", "fe80::1%eth0", "[fe80::1]:81"],
    ["[fe80::1%25eth0]", "fe80::1%eth0", "[fe80::1]:81"],
    ["192.0.2.1", "192.0.2.1", "192.0.2.1:81"],
  ] as const
) {
  Deno.test(`address ${address} connects to ${connected}, and Host is ${host}`, async () => {
    const network = new MemoryNetwork();
    const listener = network.listen({ hostname: "server", port: 81 });
    const asked: string[] = [];
    const recorder = record("chat");
    const context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      protocols: [recorder.protocol],
      network: {
        listen: (target) => network.listen(target),
        connect(target, signal) {
          asked.push(target.hostname);
          return network.connect(target, signal);
        },
      },
    });
    context.clientConnect({ address, port: 81 });
    const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
    const request = await readHead(peer);
    assertEquals(asked, [connected]);
    assertStringIncludes(request, `\r\nHost: ${host}\r\n`);
    peer.send(accepting(request));
    await recorder.until("clientEstablished");
    peer.close();
    await context.destroy();
    listener.close();
  });
}

Deno.test("a host that is an IPv6 address gets brackets, and loses its zone", async () => {
  for (const given of ["fe80::1%eth0", "[fe80::1%25eth0]", "[fe80::1]"]) {
    await using side = playServer([record("chat").protocol]);
    side.context.clientConnect({ ...TARGET, host: given });
    assertStringIncludes(await readHead(await side.accept()), "\r\nHost: [fe80::1]\r\n");
    side.context.clientConnect({ ...TARGET, host: `[fe80::1%eth0]:90` });
    assertStringIncludes(await readHead(await side.accept()), "\r\nHost: [fe80::1]:90\r\n");
  }
});

Deno.test("wrong arguments of clientConnect are refused by name", async () => {
  await using side = playServer([record("chat").protocol]);
  const wrong: [string, Partial<ClientConnectInfo>][] = [
    ["address", { address: "" }],
    ["address", { address: "[::1" }],
    ["address", { address: "[192.0.2.1]" }],
    ["address", { address: "::g" }],
    ["address", { address: "server:80" }],
    ["address", { address: "fe80::1%" }],
    ["address", { address: "a%eth0" }],
    ["address", { address: "a b", host: "a" }],
    ["address", { address: "bücher.example" }],
    ["host", { host: 5 as unknown as string }],
    ["host", { host: "[::1", address: "::1" }],
    ["port", { port: 0 }],
    ["port", { port: 65_536 }],
    ["port", { port: 1.5 }],
    ["path", { path: "x" }],
    ["path", { path: "/a b" }],
    ["path", { path: "/a\r\nX: y" }],
    ["path", { path: "/a#b" }],
    ["host", { host: "a\r\nb" }],
    ["origin", { origin: "a b" }],
    ["protocol", { protocol: "a b" }],
    ["protocol", { protocol: ["a", "a"] }],
    ["headers", { headers: [["a b", "c"]] }],
    ["headers", { headers: [["a", "b\r\nc: d"]] }],
    ["headers", { headers: [["Sec-WebSocket-Key", "x"]] }],
  ];
  for (const [field, info] of wrong) {
    const error = assertThrows(
      () => side.context.clientConnect({ ...TARGET, ...info }),
      LwsError,
      `clientConnect: ${field}`,
    );
    assertEquals(error.code, "invalid-argument");
  }
});

Deno.test("a context that listens can connect to itself", async () => {
  const recorder = record("self", (wsi, reason, _user, _data) => {
    if (reason === "clientEstablished") wsi.write("to myself");
    if (reason === "receive") wsi.close(1000, "heard");
  });
  await using served = serve([recorder.protocol]);
  const wsi: Wsi = served.context.clientConnect(TARGET);
  assert(wsi.isClient);
  const context: Context = wsi.context;
  assertEquals(context, served.context);
  await recorder.until("closed", 2);
});

Deno.test("destroy while connecting is a connection error, and the context ends", async () => {
  const recorder = record("chat");
  const side = playServer([recorder.protocol]);
  side.network.hold();
  side.context.clientConnect(TARGET);
  await side[Symbol.asyncDispose]();
  assertEquals(recorder.reasons.slice(1), [
    "clientConnectionError",
    "wsiDestroy",
    "protocolDestroy",
  ]);
});
