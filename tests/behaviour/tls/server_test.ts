/** A server that speaks TLS: what goes through, what is held, what goes wrong. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import { permessageDeflate, type Wsi } from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { dialTls, openTls } from "../../support/tls_peer.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";
import { CA, CLIENT, echo, TLS, TRUST, TRUST_ONLY } from "./server.ts";

/** How exact the limits in time are. */
const TICK_MS = 100;

/** Waits for what takes some turns of the runtime, and nothing else. */
async function until(satisfied: () => boolean): Promise<void> {
  while (!satisfied()) await new Promise((resolve) => setImmediate(resolve));
}

function patternOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8));
}

/** What a failed comparison can print. */
function brief(message: Uint8Array | string): string {
  const kind = typeof message === "string" ? "text" : "binary";
  return `${kind} ${message.length} ${createHash("sha256").update(message).digest("hex")}`;
}

/** A protocol of a client that sends what it is given, one message after the other. */
function sender(messages: readonly (Uint8Array | string)[]) {
  const got: (Uint8Array | string)[] = [];
  const send = (wsi: Wsi, message: Uint8Array | string) =>
    void wsi.write(message, typeof message === "string" ? "text" : "binary");
  const done = Promise.withResolvers<void>();
  const protocol = named("echo", {
    clientEstablished: (wsi) => send(wsi, messages[0]!),
    message(wsi, _user, message) {
      got.push(message);
      if (got.length === messages.length) wsi.close(1000);
      else send(wsi, messages[got.length]!);
    },
    clientConnectionError: (_wsi, _user, why) => done.reject(new Error(why)),
    closed: () => done.resolve(),
  });
  return { protocol, got, done: done.promise };
}

// What goes through.

Deno.test("messages of every size come back over TLS, both ways large", async () => {
  await using served = serve([echo], TLS);
  const sizes = [0, 1, 125, 126, 16_383, 16_384, 16_385, 49_153, 65_536, 1_000_003];
  const { protocol, got, done } = sender(sizes.map(patternOf));
  served.client([protocol], TRUST_ONLY).clientConnect(CLIENT);
  await done;
  assertEquals(got.map(brief), sizes.map(patternOf).map(brief));
});

Deno.test("a fragmented message, and a control frame in between, come over TLS", async () => {
  const messages: unknown[] = [];
  await using served = serve([named("echo", {
    message(wsi, _user, message) {
      messages.push(message);
      wsi.write(message);
    },
  })], TLS);
  const socket = await openTls(served.network, CA);
  socket.send({ opcode: 1, payload: "one ", fin: false }, {
    opcode: 0,
    payload: "two ",
    fin: false,
  });
  socket.send({ opcode: 9, payload: "ping" }, { opcode: 0, payload: "three" });
  assertEquals((await socket.receive()).opcode, 10);
  assertEquals(await socket.receiveText(), "one two three");
  assertEquals(messages, ["one two three"]);
  socket.peer.close();
});

Deno.test("compression is agreed on and works over TLS", async () => {
  let agreed: readonly string[] = [];
  const extensions = [permessageDeflate({ threshold: 0 })];
  const seen = record("echo", (wsi, reason, _user, data) => {
    if (reason === "established") agreed = wsi.extensions;
    return echo.callback(wsi, reason as never, undefined, data as never);
  });
  await using served = serve([seen.protocol], { ...TLS, extensions });
  const messages = ["text ".repeat(10_000), patternOf(100_000), ""];
  const { protocol, got, done } = sender(messages);
  served.client([protocol], { ...TRUST_ONLY, extensions: [permessageDeflate({ threshold: 0 })] })
    .clientConnect(CLIENT);
  await done;
  assertEquals(got.map(brief), messages.map(brief));
  assertEquals(agreed, ["permessage-deflate"]);
});

Deno.test("https answers, keeps alive, and says when it doesn't", async () => {
  const kinds: number[] = [];
  const http = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    kinds.push(wsi.isSsl, Number(wsi.tls?.serverName === "localhost"));
    return reply(wsi, 200, `<p>${wsi.uri}`);
  });
  await using served = serve([http.protocol], TLS);
  const { peer } = await dialTls(served.network, CA);
  peer.send("GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertMatch((await readResponse(peer)).body, /one/);
  peer.send(
    "GET /two HTTP/1.1\r\nHost: localhost\r\n\r\n" +
      "GET /three HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assertMatch((await readResponse(peer)).body, /two/);
  assertMatch((await readResponse(peer)).body, /three/);
  assertEquals((await peer.readToEnd()).length, 0);
  assertEquals(kinds, [1, 1, 1, 1, 1, 1]);
  peer.close();
});

Deno.test("files go over https whole, and a HEAD has none", async () => {
  const path = await Deno.makeTempFile({ suffix: ".bin" });
  const content = patternOf(3_000_001);
  try {
    await Deno.writeFile(path, content);
    await using served = serve([{
      name: "http",
      callback(wsi, reason, _user, _data) {
        if (reason === "http") return wsi.serveHttpFile(path, "application/octet-stream");
        if (reason === "httpFileCompletion") return wsi.httpTransactionCompleted();
      },
    }], TLS);
    const { peer } = await dialTls(served.network, CA);
    for (const method of ["GET", "HEAD", "GET"]) {
      peer.send(`${method} / HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      assertMatch(await readHead(peer), /^HTTP\/1\.1 200 .*\r\ncontent-length: 3000001\r\n/is);
      if (method === "GET") {
        assertEquals(brief(await peer.readBytes(content.length)), brief(content));
      }
    }
    peer.close();
    await peer.closed;
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a page of the same https origin may connect, one of http, or of another host, may not", async () => {
  using _log = captureLog([]);
  await using served = serve([echo], { ...TLS, options: { allowNonSslOnSslPort: true } });
  const answerTo = async (origin: string, secure: boolean) => {
    const peer = secure ? (await dialTls(served.network, CA)).peer : await served.network.dial(80);
    peer.send(handshake({ headers: [`Origin: ${origin}`] }));
    const [line] = (await readHead(peer)).split("\r\n");
    peer.close();
    return line!.slice(9, 12);
  };
  assertEquals(await answerTo("https://localhost", true), "101");
  assertEquals(await answerTo("https://localhost:443", true), "101");
  assertEquals(await answerTo("http://localhost", true), "403");
  assertEquals(await answerTo("https://localhost:444", true), "403");
  assertEquals(await answerTo("https://other.example", true), "403");
  assertEquals(await answerTo("http://localhost", false), "101");
  assertEquals(await answerTo("https://localhost", false), "403");
});

// What is held.

Deno.test("receiving that is off from the start holds what comes behind the handshake", async () => {
  let server: Wsi | undefined;
  const recorder = record("echo", (wsi, reason, _user, _data) => {
    if (reason !== "wsiCreate") return;
    server = wsi;
    wsi.rxFlowControl(false);
    // There is nothing to answer yet, and nobody to answer to.
    assertEquals([wsi.write("early", "http"), wsi.isSsl, wsi.tls], [-1, 0, undefined]);
  });
  await using served = serve([recorder.protocol], TLS);
  const { peer } = await dialTls(served.network, CA);
  peer.send(handshake());
  await until(() => server!.isSsl === 1);
  await settle();
  assertEquals(recorder.reasons.includes("filterProtocolConnection"), false);
  server!.rxFlowControl(true);
  assertStringIncludes(await readHead(peer), " 101 ");
  peer.close();
  await peer.closed;
});

Deno.test("addresses behind a PROXY header have their limit, at it and one past it", async () => {
  using _log = captureLog([]);
  const recorder = record("echo");
  await using served = serve([recorder.protocol], {
    ...TLS,
    proxyProtocol: true,
    maxConnectionsPerAddress: 2,
  });
  const from = (last: number) => ({
    ...CA,
    preface: `PROXY TCP4 203.0.113.${last} 198.51.100.1 50000 443\r\n`,
  });
  const sockets = [await openTls(served.network, from(1)), await openTls(served.network, from(1))];
  await assertRejects(() => openTls(served.network, from(1)), Error, "closed the connection");
  sockets.push(await openTls(served.network, from(2)));
  sockets[0]!.peer.close();
  await until(() => recorder.reasons.includes("closed"));
  sockets.push(await openTls(served.network, from(1)));
  for (const socket of sockets) socket.peer.close();
  await Promise.all(sockets.map((socket) => socket.peer.closed));
});

/** Hands over pieces as long as they are taken, and counts their bytes. */
function pump(wsi: Wsi, piece: Uint8Array, count: (bytes: number) => void): void {
  wsi.write(piece, "binary");
  count(piece.length);
  wsi.callbackOnWritable();
}

Deno.test("a server that stops receiving stops a TLS client within 2 MiB, and loses nothing", async () => {
  let handedOver = 0;
  let received = 0;
  let server: Wsi | undefined;
  await using served = serve([{
    name: "echo",
    callback(wsi, reason, _user, data) {
      if (reason === "established") {
        server = wsi;
        wsi.rxFlowControl(false);
      }
      if (reason === "receive") received += data.length;
    },
  }], TLS);
  let isOver = false;
  const piece = patternOf(64 * 1024);
  served.client([{
    name: "echo",
    callback(wsi, reason, _user, _data) {
      if (reason === "clientEstablished" || reason === "clientWriteable") {
        if (!isOver) pump(wsi, piece, (bytes) => handedOver += bytes);
      }
    },
  }], TRUST_ONLY).clientConnect(CLIENT);
  await until(() => handedOver > 0);
  for (let i = 0; i < 50; i++) await settle();
  const stopped = handedOver;
  assert(stopped < 2 * 1024 * 1024, `${stopped} bytes were handed over`);
  assertEquals(received, 0);
  server!.rxFlowControl(true);
  await until(() => received >= 8 * 1024 * 1024);
  isOver = true;
  await until(() => received === handedOver);
});

Deno.test("a client that stops receiving stops a TLS server within 2 MiB, and loses nothing", async () => {
  let handedOver = 0;
  let received = 0;
  let client: Wsi | undefined;
  let isOver = false;
  const piece = patternOf(64 * 1024);
  await using served = serve([{
    name: "echo",
    callback(wsi, reason, _user, _data) {
      if (reason === "established" || reason === "serverWriteable") {
        if (!isOver) pump(wsi, piece, (bytes) => handedOver += bytes);
      }
    },
  }], TLS);
  served.client([{
    name: "echo",
    callback(wsi, reason, _user, data) {
      if (reason === "clientEstablished") {
        client = wsi;
        wsi.rxFlowControl(false);
      }
      if (reason === "clientReceive") received += data.length;
    },
  }], TRUST_ONLY).clientConnect(CLIENT);
  await until(() => client !== undefined && handedOver > 0);
  for (let i = 0; i < 50; i++) await settle();
  assert(handedOver < 2 * 1024 * 1024, `${handedOver} bytes were handed over`);
  assertEquals(received, 0);
  client!.rxFlowControl(true);
  await until(() => received >= 8 * 1024 * 1024);
  isOver = true;
  await until(() => received === handedOver);
});

Deno.test("partialBuffered and maxUnsentBytes hold a writer over TLS, at the limit and one past it", async () => {
  using log = captureLog(["warn"]);
  const seen: unknown[] = [];
  const recorder = record("echo", (wsi, reason, _user, _data) => {
    if (reason !== "established") return;
    // Frames of more than 65,535 bytes have 10 bytes in front, smaller ones 4, the smallest 2; the
    // answer to the handshake lies unsent as well.
    const before = wsi.unsentBytes;
    seen.push(wsi.write(new Uint8Array(200_000 - before - 10), "binary"));
    seen.push([wsi.unsentBytes, wsi.partialBuffered]);
    seen.push(wsi.write("", "text"), wsi.partialBuffered);
    seen.push(wsi.write(new Uint8Array(300_000 - wsi.unsentBytes - 10), "binary"));
    seen.push(wsi.unsentBytes);
    seen.push(wsi.write("", "text"));
  });
  await using served = serve([recorder.protocol], {
    ...TLS,
    softUnsentBytes: 200_000,
    maxUnsentBytes: 300_000,
  });
  const { peer } = await dialTls(served.network, CA);
  peer.send(handshake());
  await recorder.until("wsiDestroy");
  assertEquals(seen.slice(1, 4).flat(), [200_000, false, 0, true]);
  assertEquals(seen.slice(5), [300_000, -1]);
  assertStringIncludes(log.lines.join("\n"), "maxUnsentBytes");
  peer.close();
  await peer.closed;
});

// What goes wrong, and when.

Deno.test("the header timeout begins at accept, TLS included: silence, half a handshake, half a head", async () => {
  using _log = captureLog([]);
  const recorder = record("echo");
  await using served = serve([recorder.protocol], { ...TLS, headerTimeoutMs: 1_000 });
  const silent = await served.dial();
  const half = await served.dial(new Uint8Array([22, 3, 1, 0, 200, 1, 0]));
  const headless = await dialTls(served.network, CA);
  headless.peer.send("GET / HTTP/1.1\r\nHost:");
  await until(() => recorder.reasons.filter((each) => each === "wsiCreate").length === 3);
  await settle();
  await served.pass(999);
  assertEquals(recorder.reasons.includes("wsiDestroy"), false);
  served.clock.advance(1 + TICK_MS);
  await silent.readToEnd();
  await half.readToEnd();
  assertMatch(new TextDecoder().decode(await headless.peer.readToEnd()), /^HTTP\/1\.1 408 /);
  for (const each of [silent, half, headless.peer]) each.close();
  await recorder.until("wsiDestroy", 3);
});

for (const when of ["at once", "in the middle of", "right after"] as const) {
  for (const how of ["reset", "close", "destroy", "hangup", "timeout"] as const) {
    Deno.test(`${how} ${when} a handshake ends the connection once, and nothing else`, async () => {
      using _log = captureLog([]);
      let fd = 0;
      const recorder = record("echo", { wsiCreate: (wsi) => void (fd = wsi.socketFd) });
      await using served = serve([recorder.protocol], { ...TLS, headerTimeoutMs: 1_000 });
      const transport = await served.network.connect(
        { hostname: "127.0.0.1", port: 80 },
        new AbortController().signal,
      );
      let peer: MemoryPeer | undefined;
      if (when === "right after") {
        transport.close();
        peer = (await dialTls(served.network, CA)).peer;
        await recorder.until("wsiDestroy");
        recorder.reasons.length = 0;
      } else {
        peer = new MemoryPeer(transport);
        await recorder.until("wsiCreate");
        if (when === "in the middle of") peer.send(new Uint8Array([22, 3, 1, 0, 200, 1, 0]));
      }
      if (how === "reset" && when !== "right after") peer.reset();
      else if (how === "reset" || how === "close") peer.close();
      else if (how === "destroy") void served.context.destroy();
      else if (how === "hangup") served.context.hangupOnClient(fd);
      else {
        await settle();
        served.clock.advance(1_000 + TICK_MS);
      }
      await recorder.until("wsiDestroy");
      const ends = ["closedHttp", "wsiDestroy"];
      await settle();
      assertEquals(recorder.reasons.filter((each) => ends.includes(each)), ends);
      if (how !== "reset" && how !== "close") peer.close();
      await peer.closed;
    });
  }
}

Deno.test("connections in their handshake count for maxConnections", async () => {
  using _log = captureLog([]);
  const recorder = record("echo");
  await using served = serve([recorder.protocol], { ...TLS, maxConnections: 2 });
  const silent = [await served.dial(), await served.dial()];
  await recorder.until("wsiCreate", 2);
  const third = dialTls(served.network, CA);
  await settle();
  assertEquals(recorder.reasons.filter((each) => each === "wsiCreate").length, 2);
  silent[0]!.close();
  const { peer } = await third;
  peer.close();
  silent[1]!.close();
  await Promise.all([peer.closed, ...silent.map((each) => each.closed)]);
});

Deno.test("a silent peer on a port for both kinds is dropped in time, and one that ends at once is, too", async () => {
  using _log = captureLog([]);
  const recorder = record("echo");
  await using served = serve([recorder.protocol], {
    ...TLS,
    headerTimeoutMs: 1_000,
    options: { allowNonSslOnSslPort: true },
  });
  const silent = await served.dial();
  const ended = await served.dial();
  ended.end();
  await recorder.until("wsiDestroy");
  served.clock.advance(1_000 + TICK_MS);
  await recorder.until("wsiDestroy", 2);
  await silent.readToEnd();
  silent.close();
  ended.close();
  await Promise.all([silent.closed, ended.closed]);
});

Deno.test("who speaks no TLS, or no certificate's language, is logged and costs nobody else", async () => {
  using log = captureLog(["info"]);
  await using served = serve([echo], {
    ...TLS,
    ...TRUST,
    options: { requireValidClientCert: true },
  });
  const plain = await served.dial("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await plain.readToEnd();
  plain.close();
  const { peer } = await dialTls(served.network, CA);
  await peer.readToEnd();
  peer.close();
  await peer.closed;
  const lines = log.lines.join("\n");
  assertMatch(lines, /connection 1: the TLS handshake failed/);
  assertMatch(lines, /connection 2: the client's certificate was refused: it showed none/);
});
