/** `context.dial`: an established connection by a promise, which misses nothing. */

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  type CloseInfo,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  handlers,
  LwsError,
  type Protocol,
  type RefusedHandshake,
  type ServicePolicy,
  type Wsi,
} from "../../../mod.ts";
import { concat, frame } from "../../support/frames.ts";
import { captureLog } from "../../support/recorder.ts";
import { acceptOf, playServer, readHead, serve, settle, TARGET } from "../../support/serve.ts";
import { all, pieceOf } from "../messages/loop.ts";

const NO_LISTEN = { port: CONTEXT_PORT_NO_LISTEN } as const;
const URL_OF_TARGET = `ws://${TARGET.address}/`;

/** The answer to a handshake. */
function answerTo(request: string, more = ""): Uint8Array {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(request)![1]!;
  return new TextEncoder().encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n${more}\r\n`,
  );
}

const GREETINGS = concat(
  frame({ opcode: 1, payload: "a" }),
  frame({ opcode: 1, payload: "b" }),
  frame({ opcode: 8, payload: Uint8Array.of(3, 232) }),
);

for (const service of ["automatic", "manual", "external"] as const satisfies ServicePolicy[]) {
  Deno.test(`${service}: what comes in one packet with the answer is there for a loop`, async () => {
    await using played = playServer([], { service });
    const { context } = played;
    const serving = (async () => {
      while (service !== "automatic" && await context.service(20) >= 0);
    })();
    const dialling = context.dial(URL_OF_TARGET);
    const server = await played.accept();
    server.send(concat(answerTo(await readHead(server)), GREETINGS));
    server.end();
    const wsi = await dialling;
    assertEquals(wsi.isClient, true);
    const heard = all(wsi.messages());
    await settle();
    server.close();
    assertEquals(await heard, ["a", "b"]);
    void context.destroy();
    await serving;
  });
}

Deno.test("it resolves behind clientEstablished, and the callback gets nothing for one macrotask", async () => {
  const order: string[] = [];
  const protocol: Protocol = {
    name: "chat",
    callback(wsi, reason, _user, data) {
      if (reason === "clientEstablished") order.push("established");
      if (reason === "clientReceive") order.push(pieceOf(wsi, data));
    },
  };
  await using played = playServer([protocol]);
  const dialling = played.context.dial(URL_OF_TARGET);
  const server = await played.accept();
  server.send(concat(answerTo(await readHead(server)), GREETINGS));
  await dialling;
  order.push("resolved");
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assertEquals(order, ["established", "resolved"]);
  await settle();
  assertEquals(order, ["established", "resolved", "[text:a]", "[text:b]"]);
  server.close();
});

Deno.test("over TCP, to a server that speaks and closes at once, nothing is missed", async () => {
  const callback = handlers({
    established(wsi) {
      for (let i = 0; i < 100; i++) wsi.write(`${i}`);
      wsi.close(1000);
    },
  });
  await using server = createContext({
    port: 0,
    iface: "127.0.0.1",
    protocols: [{ name: "count", callback }],
  });
  await using client = createContext(NO_LISTEN);
  for (let i = 0; i < 10; i++) {
    const wsi = await client.dial(`ws://127.0.0.1:${server.port}`);
    assertEquals((await all(wsi.messages())).length, 100);
  }
});

Deno.test("a context without protocols takes the subprotocol that the server chooses", async () => {
  const names = ["one", "two"];
  const callback = handlers({});
  await using served = serve(names.map((name) => ({ name, callback })));
  await using client = createContext({
    ...NO_LISTEN,
    network: served.network,
    clock: served.clock,
  });
  const two = await client.dial("ws://localhost", { protocol: ["none", "two"] });
  assertEquals(two.protocol.name, "two");
  const again = await client.dial("ws://localhost", { protocol: "two" });
  assertEquals(again.protocol, two.protocol);
  const none = await client.dial("ws://localhost");
  assertEquals(none.protocol.name, "websocket");
  assertEquals([...client.connections("two")].length, 2);
  await assertRejects(() => client.dial("ws://localhost", { protocol: "three" }), LwsError);
});

Deno.test("a context with protocols refuses a subprotocol that it has not", async () => {
  await using served = serve([{ name: "one", callback: handlers({}) }]);
  const client = served.client([{ name: "another", callback: handlers({}) }]);
  const dial = () => client.dial("ws://localhost", { protocol: "one" });
  const error = await assertRejects(dial, LwsError, "a protocol that the context has not");
  assertEquals(error.code, "handshake-refused");
});

Deno.test("a context that dials and has no protocols serves nothing that it is given", async () => {
  using _log = captureLog();
  await using context = createContext(NO_LISTEN);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, "any");
  const failed = new Promise((resolve) => socket.onerror = resolve);
  context.adopt(await listener.accept());
  await failed;
  assertEquals(Object.keys(context.stats().protocols), ["websocket"]);
});

Deno.test("a refusal rejects with the status, the fields and the body of the answer", async () => {
  const callback = handlers({
    filterProtocolConnection(wsi) {
      wsi.respond(401, "sign in", [["www-authenticate", "Bearer"]]);
      return -1;
    },
  });
  await using served = serve([{ name: "one", callback }]);
  const client = served.client([]);
  const error = await assertRejects(() => client.dial("ws://localhost"), LwsError, "dial: ");
  assertEquals(error.code, "handshake-refused");
  const { status, headers, body } = error.cause as RefusedHandshake;
  assertEquals([status, headers.get("www-authenticate"), body], [401, "Bearer", "sign in"]);
});

Deno.test("an answer that is no handshake, or no HTTP, is a refusal without a cause of the server's", async () => {
  for (
    const answer of [
      "HTTP/1.1 101 X\r\nUpgrade: none\r\n\r\n",
      "220 smtp.example.com ESMTP\r\n\r\n",
    ]
  ) {
    await using played = playServer([]);
    const dialling = played.context.dial(URL_OF_TARGET);
    const server = await played.accept();
    await readHead(server);
    server.send(answer);
    const error = await assertRejects(() => dialling, LwsError);
    assertEquals(error.code, "handshake-refused");
    server.close();
  }
});

Deno.test("no way to the server, and no answer in time, reject with connect-failed", async () => {
  await using played = playServer([]);
  const { context, pass } = played;
  const nowhere = () => context.dial("ws://localhost:81");
  assertEquals((await assertRejects(nowhere, LwsError, "can't connect")).code, "connect-failed");
  const failed = assertRejects(() => context.dial(URL_OF_TARGET), LwsError, "timed out");
  const server = await played.accept();
  await settle();
  await pass(6_000);
  assertEquals((await failed).code, "connect-failed");
  server.close();
});

Deno.test("its signal aborts the dial, and not what it has established", async () => {
  await using played = playServer([]);
  const { context } = played;
  const aborter = new AbortController();
  const { signal } = aborter;
  const dialling = context.dial(URL_OF_TARGET, { signal });
  const second = context.dial(URL_OF_TARGET, { signal });
  const server = await played.accept();
  server.send(answerTo(await readHead(server)));
  const wsi = await dialling;
  const reason = new Error("enough");
  aborter.abort(reason);
  const error = await assertRejects(() => second, LwsError, "signal has aborted");
  assertEquals([error.code, error.cause], ["aborted", reason]);
  await settle();
  assertEquals(wsi.close(1000), 0);
  const before = await assertRejects(
    () => context.dial(URL_OF_TARGET, { signal }),
    LwsError,
    "dial: ",
  );
  assertEquals(before.code, "aborted");
  server.close();
});

Deno.test("a TLS handshake that is cut short, or takes too long, is no connection", async () => {
  for (const ending of ["close", "reset", "silence"] as const) {
    await using played = playServer([], { clientTimeoutMs: 1_000 });
    const url = `wss://${TARGET.address}:${TARGET.port}`;
    const failing = assertRejects(() => played.context.dial(url), LwsError);
    const accepted = await played.accept();
    await accepted.readBytes(1);
    if (ending === "close") accepted.close();
    else if (ending === "reset") accepted.reset();
    else await played.pass(1_500);
    const error = await failing;
    assertEquals(error.code, "connect-failed", `${ending}: ${error.message}`);
    if (ending === "silence") accepted.close();
  }
});

Deno.test("a callback that ends it before it resolves, and a context that goes, reject", async () => {
  const callback = handlers({ clientEstablished: () => -1 as const });
  using _log = captureLog();
  await using served = serve([{ name: "one", callback: handlers({}) }]);
  const client = served.client([{ name: "one", callback }]);
  const error = await assertRejects(() => client.dial("ws://localhost"), LwsError);
  assertEquals(error.code, "connection-closed");
  assertEquals((error.cause as CloseInfo).cause, "callback");
  await using played = playServer([]);
  const dialling = played.context.dial(URL_OF_TARGET);
  const accepted = await played.accept();
  void played.context.destroy();
  assertEquals((await assertRejects(() => dialling, LwsError)).code, "destroyed");
  await assertRejects(
    () => played.context.dial(URL_OF_TARGET),
    LwsError,
    "dial: the context is destroyed",
  );
  accepted.close();
});

Deno.test("with retry it resolves with the first connection that comes about, and no other follows", async () => {
  await using played = playServer([]);
  const { context, pass } = played;
  const dialling = context.dial(URL_OF_TARGET, { retry: { delaysMs: [1000], jitter: 0 } });
  const first = await played.accept();
  await readHead(first);
  first.send("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
  await settle();
  await pass(1100);
  const second = await played.accept();
  second.send(answerTo(await readHead(second)));
  const wsi = await dialling;
  assertInstanceOf(wsi.messages(), Object);
  second.reset();
  await settle();
  await pass(60_000);
  assertEquals(context.stats().clients.now, 0);
  first.close();
});

Deno.test("with retry it rejects when that has ended, with the last failure", async () => {
  await using played = playServer([]);
  const { context, pass } = played;
  const dial = context.dial("ws://localhost:81", {
    retry: { delaysMs: [10], jitter: 0, attempts: 2 },
  });
  const failed = assertRejects(() => dial, LwsError, "can't connect");
  for (let i = 0; i < 3; i++) {
    await settle();
    await pass(1000);
  }
  assertEquals((await failed).code, "connect-failed");
  const aborter = new AbortController();
  const waits = context.dial("ws://localhost:81", { retry: true, signal: aborter.signal });
  await settle();
  aborter.abort();
  assertEquals((await assertRejects(() => waits, LwsError)).code, "aborted");
});

Deno.test("what it can't be given rejects, in its own name", async () => {
  await using context = createContext(NO_LISTEN);
  const codeOf = async (dial: Promise<Wsi>, text: string) =>
    (await assertRejects(() => dial, LwsError, text)).code;
  assertEquals(await codeOf(context.dial("ftp://x"), "dial: "), "invalid-argument");
  assertEquals(
    await codeOf(context.dial({ address: "x", port: 0 }), "dial: port is 0"),
    "invalid-argument",
  );
});
