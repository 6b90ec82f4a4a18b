/** Creation, validation, servicing of many connections, and the end of a context. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Context, ContextCreationInfo, Network, Protocol, Wsi } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";

const echo = named("echo", {
  http: (wsi, _user, path) => reply(wsi, 200, path),
  message: (wsi, _user, message) => void wsi.write(message),
});

const WRONG: readonly [field: string, info: Record<string, unknown>][] = [
  ["port", { port: 65_536 }],
  ["port", { port: 1.5 }],
  ["port", { port: -2 }],
  ["port", { port: undefined }],
  ["iface", { iface: "" }],
  ["protocols", { protocols: [] }],
  ["protocols", { protocols: {} }],
  ["protocols[0].name", { protocols: [{ ...echo, name: "a b" }] }],
  ["protocols[1].name", { protocols: [echo, echo] }],
  ["protocols[0].callback", { protocols: [{ ...echo, callback: 1 }] }],
  ["protocols[0].recieve", { protocols: [{ ...echo, recieve() {} }] }],
  ["protocols[1].calback", { protocols: [echo, { name: "chat", calback() {} }] }],
  ["protocols[0].rxBufferSize", { protocols: [{ ...echo, rxBufferSize: -1 }] }],
  ["protocols[0].perSessionData", { protocols: [{ ...echo, perSessionData: "x" }] }],
  ["protocols[0].allowedOrigins", { protocols: [{ ...echo, allowedOrigins: ["x"] }] }],
  ["allowedOrigins", { allowedOrigins: ["https://a.example/path"] }],
  ["allowedOrigins", { allowedOrigins: "*" }],
  ["fileOps", { fileOps: {} }],
  ["network", { network: {} }],
  ["clock", { clock: 1 }],
  ["signal", { signal: {} }],
  ["maxHeaderBytes", { maxHeaderBytes: 63 }],
  ["maxHeaderFields", { maxHeaderFields: 0 }],
  ["headerTimeoutMs", { headerTimeoutMs: Infinity }],
  ["maxFramePayload", { maxFramePayload: -1 }],
  ["maxMessageSize", { maxMessageSize: "1" }],
  ["maxConnections", { maxConnections: 0 }],
  ["sslCertFilepath", { sslCertFilepath: "/x" }],
  ["versions is", { versions: 13 }],
  ["versions is", { versions: [] }],
  ["versions[1] is 9", { versions: [13, 9] }],
  ['versions[0] is "13"', { versions: ["13"] }],
  ["versions[2] is 8", { versions: [8, 13, 8] }],
  ["draft04Masking", { draft04Masking: "c" }],
  ["prot", { prot: 1 }],
];

for (const [field, info] of WRONG) {
  Deno.test(`a wrong ${field} (${JSON.stringify(info)}) is refused by name`, () => {
    const error = assertThrows(
      () => createContext({ port: 0, protocols: [echo], ...info } as ContextCreationInfo),
      LwsError,
      field,
    );
    assertEquals(error.code, "invalid-option");
  });
}

Deno.test("everything that is wrong is named at once, with its value", () => {
  const error = assertThrows(
    () => createContext({ port: -7, protocols: [], maxFragments: 0 }),
    LwsError,
  );
  for (const part of ["port is -7", "protocols", "maxFragments is 0"]) {
    assertStringIncludes(error.message, part);
  }
});

Deno.test("a protocol may be an instance of a class, with members of its own, or another context's", async () => {
  class Chat implements Protocol {
    readonly name = "chat";
    readonly guests = new Set<unknown>();
    callback() {}
  }
  await using first = serve([new Chat(), echo]);
  await using second = serve(first.context.protocols);
  assertEquals(second.context.protocols.map(({ name }) => name), ["chat", "echo"]);
});

Deno.test("a list of protocols ends at an entry without a callback", async () => {
  const list = [echo, { name: null, callback: null }, { name: "beyond" }] as unknown as Protocol[];
  await using served = serve(list);
  assertEquals(served.context.protocols.map(({ name }) => name), ["echo"]);
});

Deno.test("port 0 takes a free port, CONTEXT_PORT_NO_LISTEN none", async () => {
  await using context = createContext({ ...LOOPBACK, protocols: [echo] });
  assert(context.port > 0);
  await using client = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    protocols: [echo],
  });
  assertEquals(client.port, -1);
});

Deno.test("a port in use is an error that says so", async () => {
  for (const network of [undefined, new MemoryNetwork()]) {
    const info = { iface: "127.0.0.1", protocols: [echo], ...(network ? { network } : {}) };
    await using context = createContext({ port: 0, ...info });
    const error = assertThrows(() => createContext({ port: context.port, ...info }), LwsError);
    assertEquals(error.code, "address-in-use");
    assertStringIncludes(error.message, String(context.port));
    assert(error.cause !== undefined);
  }
});

Deno.test("an address that is not ours is an error that says so", () => {
  const error = assertThrows(
    () => createContext({ port: 0, iface: "192.0.2.1", protocols: [echo] }),
    LwsError,
  );
  assertEquals(error.code, "listen-failed");
});

Deno.test("over real TCP, fetch and WebSocket are served on one port", async () => {
  await using context = createContext({ ...LOOPBACK, protocols: [echo] });
  const response = await fetch(`http://127.0.0.1:${context.port}/page`);
  assertEquals(response.status, 200);
  assertStringIncludes(await response.text(), "/page");
  const socket = new WebSocket(`ws://127.0.0.1:${context.port}/`, "echo");
  await new Promise((resolve) => socket.onopen = resolve);
  assertEquals(socket.protocol, "echo");
  const message = new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
  socket.send("hello");
  assertEquals((await message).data, "hello");
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  const gone = context.destroy();
  assertEquals((await closed).code, 1001);
  await gone;
});

Deno.test("adopt serves a connection that somebody else accepted", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    protocols: [echo],
  });
  const socket = new WebSocket(`ws://127.0.0.1:${listener.addr.port}/`);
  assertEquals(context.adopt(await listener.accept())!.peerAddresses.ip, "127.0.0.1");
  await new Promise((resolve) => socket.onopen = resolve);
  const message = new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
  socket.send("adopted");
  assertEquals((await message).data, "adopted");
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("a signal destroys the context, and one that has aborted before makes none", async () => {
  const aborter = new AbortController();
  const context = createContext({ port: 0, protocols: [echo], signal: aborter.signal });
  aborter.abort();
  await context.closed;
  assert(context.isDestroyed);
  const error = assertThrows(
    () => createContext({ port: 0, protocols: [echo], signal: aborter.signal }),
    LwsError,
  );
  assertEquals(error.code, "aborted");
});

Deno.test("destroy is idempotent, and calls after it say so", async () => {
  const context = createContext({ port: 0, protocols: [echo] });
  assertEquals(context.destroy(), context.destroy());
  await context.closed;
  const error = assertThrows(
    () => context.clientConnect({ address: "127.0.0.1", port: 1 }),
    LwsError,
  );
  assertEquals(error.code, "destroyed");
  assertThrows(() => context.adopt({} as never), LwsError, "adopt");
});

Deno.test("destroy lets a response that was written leave, and cuts who waits", async () => {
  await using served = serve([named("x", {
    http(wsi) {
      wsi.returnHttpStatus(200, "last");
      void wsi.context.destroy();
    },
  })]);
  const idle = await served.dial();
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertStringIncludes((await readResponse(peer)).body, "last");
  await peer.readToEnd();
  assertEquals((await idle.readToEnd()).length, 0);
  await served.context.closed;
});

Deno.test("filterNetworkConnection sees the peer's address, and refuses without a word", async () => {
  const seen: string[] = [];
  const recorder = record("x", (wsi, reason, _user, data) => {
    if (reason !== "filterNetworkConnection") return;
    seen.push(wsi.context.peerAddresses(data).ip);
    return 1;
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await peer.readToEnd()).length, 0);
  assertEquals(seen, ["127.0.0.1"]);
  assertEquals(recorder.reasons, ["protocolInit", "filterNetworkConnection"]);
  assertEquals(served.context.peerAddresses(999), { name: "", ip: "", port: 0 });
});

Deno.test("calls for all connections of a protocol reach them, and no others", async () => {
  const http = record("http");
  const chat = record("chat");
  await using served = serve([http.protocol, chat.protocol]);
  for (let i = 0; i < 3; i++) await served.open({ protocol: "chat" });
  await served.open();
  assertEquals(served.context.callbackOnWritableAllProtocol(chat.protocol), 0);
  assert(!chat.reasons.includes("serverWriteable"), "never inside the call");
  await chat.until("serverWriteable", 3);
  await settle();
  assertEquals(served.context.callbackAllProtocol("chat", "user:tick"), 0);
  assertEquals(chat.reasons.filter((each) => each === "user:tick").length, 3);
  assertEquals(chat.reasons.filter((each) => each === "serverWriteable").length, 3);
  assert(!http.reasons.includes("user:tick") && !http.reasons.includes("serverWriteable"));
  const error = assertThrows(
    () => served.context.callbackAllProtocol("none", "user:tick"),
    LwsError,
    "none",
  );
  assertEquals(error.code, "invalid-argument");
});

Deno.test("destroy inside filterNetworkConnection lets nobody in", async () => {
  const recorder = record("http", { filterNetworkConnection: (wsi) => void wsi.context.destroy() });
  const served = serve([recorder.protocol]);
  assertEquals((await (await served.dial()).readToEnd()).length, 0);
  await served.context.closed;
  assertEquals(recorder.reasons.includes("wsiCreate"), false);
});

Deno.test("rxFlowAllowAllProtocol resumes whoever was stopped, of its protocol alone", async () => {
  const stop = (...[wsi, reason]: Parameters<Protocol["callback"]>) => {
    if (reason === "established") wsi.rxFlowControl(false);
  };
  const http = record("http", stop);
  const chat = record("chat", stop);
  await using served = serve([http.protocol, chat.protocol]);
  const sockets = [
    await served.open({ protocol: "chat" }),
    await served.open({ protocol: "chat" }),
  ];
  sockets.push(await served.open());
  for (const each of sockets) each.send({ opcode: 1, payload: "held" });
  await settle();
  served.context.rxFlowAllowAllProtocol("chat");
  assert(!chat.reasons.includes("receive"), "never inside the call");
  await chat.until("receive", 2);
  await settle();
  assert(!http.reasons.includes("receive"));
});

Deno.test("perSessionData as a number is a zeroed buffer of its own for each connection", async () => {
  const users: unknown[] = [];
  await using served = serve([{
    name: "x",
    perSessionData: 16,
    callback(_wsi, reason, user, _data) {
      if (reason === "established") users.push(user);
    },
  }]);
  await served.open();
  await served.open();
  assertEquals(users, [new ArrayBuffer(16), new ArrayBuffer(16)]);
  assert(users[0] !== users[1]);
});

Deno.test("perSessionData that throws refuses the connection, with a log line", async () => {
  using log = captureLog();
  const broken: Protocol = {
    ...echo,
    name: "broken",
    perSessionData() {
      throw new Error("no memory");
    },
  };
  await using peer = await dialAlone([echo, broken]);
  const { handshake, readHead } = await import("../../support/serve.ts");
  peer.send(handshake({ protocol: "broken" }));
  assertEquals((await readHead(peer)).split(" ")[1], "500");
  await using other = serve([broken]);
  assertEquals((await (await other.dial()).readToEnd()).length, 0);
  assertEquals(log.lines.filter((line) => line.includes("no memory")).length, 2);
});

Deno.test("accepting goes on after it failed, with a log line", async () => {
  using log = captureLog();
  const memory = new MemoryNetwork();
  let failures = 1;
  const network: Network = {
    connect: (target, signal) => memory.connect(target, signal),
    listen(target) {
      const listener = memory.listen(target);
      return {
        address: listener.address,
        close: () => listener.close(),
        accept: () =>
          failures-- > 0 ? Promise.reject(new Error("too many open files")) : listener.accept(),
      };
    },
  };
  await using served = serve([echo], { network });
  await settle();
  served.clock.advance(200);
  const peer = await memory.dial(80);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readResponse(peer);
  peer.close();
  assertStringIncludes(log.lines.join(), "too many open files");
});

Deno.test("a connection knows its context, and the context what it was given", async () => {
  const given = { anything: true };
  let wsi: Wsi | undefined;
  const recorder = record("x", { established: (each) => void (wsi = each) });
  await using served = serve([recorder.protocol], { user: given });
  await served.open();
  const context: Context = wsi!.context;
  assert(context === served.context);
  assert(context.user === given);
  assert(wsi!.protocol === context.protocols[0]);
  assertEquals([wsi!.isSsl, wsi!.isClient], [0, false]);
  assertEquals(context.peerAddresses(wsi!.socketFd), wsi!.peerAddresses);
});

Deno.test("names that every object has are no options", () => {
  for (const name of ["toString", "constructor", "hasOwnProperty"]) {
    const error = assertThrows(
      () =>
        createContext({
          port: CONTEXT_PORT_NO_LISTEN,
          protocols: [record("x").protocol],
          [name]: 1,
        }),
      LwsError,
      `${name} is no option`,
    );
    assertEquals(error.code, "invalid-option");
  }
});

Deno.test("destroy in protocolInit still sets all protocols up before it tears them down", async () => {
  const all: string[] = [];
  const first = record("first", (wsi, reason, _user, _data) => {
    if (reason === "protocolInit") void wsi.context.destroy();
  }, all);
  const second = record("second", undefined, all);
  const context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    protocols: [first.protocol, second.protocol],
  });
  assert(context.isDestroyed);
  await context.closed;
  assertEquals(all, [
    "first: protocolInit",
    "second: protocolInit",
    "first: protocolDestroy",
    "second: protocolDestroy",
  ]);
});

const TOO_LATE: readonly (readonly [step: string, Partial<ContextCreationInfo>, Protocol])[] = [
  ["TLS", { sslCertFilepath: "-----BEGIN CERTIFICATE-----" }, record("x").protocol],
  [
    "the poll array",
    { service: "external", broadcastSockets: true },
    record("x", (_wsi, reason, _user, _data) => reason === "addPollFd" ? 1 : 0).protocol,
  ],
];

for (const [step, info, protocol] of TOO_LATE) {
  Deno.test(`a context that fails at ${step} leaves nothing that listens`, async () => {
    const network = new MemoryNetwork();
    const where = { port: 80, network };
    assertThrows(() => createContext({ ...where, ...info, protocols: [protocol] }), LwsError);
    await using context = createContext({ ...where, protocols: [record("x").protocol] });
    assertEquals(context.port, 80);
  });
}
