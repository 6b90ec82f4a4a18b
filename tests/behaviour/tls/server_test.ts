/** A server that speaks TLS: what goes through, what is held, what goes wrong. */

import { assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { permessageDeflate, type Wsi } from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, readResponse, settle } from "../../support/serve.ts";
import { dialTls, openTls } from "../../support/tls_peer.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";
import { CA, CLIENT, echo, TLS, TRUST, TRUST_ONLY } from "./server.ts";
import { overStacks } from "../../support/tls/stacks.ts";

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

overStacks("messages of every size come back over TLS, both ways large", async (stack) => {
  await using served = stack.serve([echo], TLS);
  const sizes = [0, 1, 125, 126, 16_383, 16_384, 16_385, 49_153, 65_536, 1_000_003];
  const { protocol, got, done } = sender(sizes.map(patternOf));
  served.client([protocol], TRUST_ONLY).clientConnect(CLIENT);
  await done;
  assertEquals(got.map(brief), sizes.map(patternOf).map(brief));
});

overStacks("a fragmented message, and a control frame in between, come over TLS", async (stack) => {
  const messages: unknown[] = [];
  await using served = stack.serve([named("echo", {
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

overStacks("compression is agreed on and works over TLS", async (stack) => {
  let agreed: readonly string[] = [];
  const extensions = [permessageDeflate({ threshold: 0 })];
  const seen = record("echo", (wsi, reason, _user, data) => {
    if (reason === "established") agreed = wsi.extensions;
    return echo.callback(wsi, reason as never, undefined, data as never);
  });
  await using served = stack.serve([seen.protocol], { ...TLS, extensions });
  const messages = ["text ".repeat(10_000), patternOf(100_000), ""];
  const { protocol, got, done } = sender(messages);
  served.client([protocol], { ...TRUST_ONLY, extensions: [permessageDeflate({ threshold: 0 })] })
    .clientConnect(CLIENT);
  await done;
  assertEquals(got.map(brief), messages.map(brief));
  assertEquals(agreed, ["permessage-deflate"]);
});

overStacks("https answers, keeps alive, and says when it doesn't", async (stack) => {
  const kinds: number[] = [];
  const http = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    kinds.push(wsi.isSsl, Number(wsi.tls?.serverName === "localhost"));
    return reply(wsi, 200, `<p>${wsi.uri}`);
  });
  await using served = stack.serve([http.protocol], TLS);
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

overStacks("files go over https whole, and a HEAD has none", async (stack) => {
  const path = await Deno.makeTempFile({ suffix: ".bin" });
  const content = patternOf(3_000_001);
  try {
    await Deno.writeFile(path, content);
    await using served = stack.serve([{
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

overStacks(
  "a page of the same https origin may connect, one of http, or of another host, may not",
  async (stack) => {
    using _log = captureLog([]);
    await using served = stack.serve([echo], { ...TLS, options: { allowNonSslOnSslPort: true } });
    const answerTo = async (origin: string, secure: boolean) => {
      const peer = secure
        ? (await dialTls(served.network, CA)).peer
        : await served.network.dial(80);
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
  },
);

// What goes wrong, and when.

overStacks(
  "the header timeout begins at accept, TLS included: silence, half a handshake, half a head",
  async (stack) => {
    using _log = captureLog([]);
    const recorder = record("echo");
    await using served = stack.serve([recorder.protocol], { ...TLS, headerTimeoutMs: 1_000 });
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
  },
);

for (const when of ["at once", "in the middle of", "right after"] as const) {
  for (const how of ["reset", "close", "destroy", "hangup", "timeout"] as const) {
    overStacks(
      `${how} ${when} a handshake ends the connection once, and nothing else`,
      async (stack) => {
        using _log = captureLog([]);
        let fd = 0;
        const recorder = record("echo", { wsiCreate: (wsi) => void (fd = wsi.socketFd) });
        await using served = stack.serve([recorder.protocol], { ...TLS, headerTimeoutMs: 1_000 });
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
      },
    );
  }
}

overStacks("connections in their handshake count for maxConnections", async (stack) => {
  using _log = captureLog([]);
  const recorder = record("echo");
  await using served = stack.serve([recorder.protocol], { ...TLS, maxConnections: 2 });
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

overStacks(
  "a silent peer on a port for both kinds is dropped in time, and one that ends at once is, too",
  async (stack) => {
    using _log = captureLog([]);
    const recorder = record("echo");
    await using served = stack.serve([recorder.protocol], {
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
  },
);

overStacks(
  "who speaks no TLS, or no certificate's language, is logged and costs nobody else",
  async (stack) => {
    using log = captureLog(["info"]);
    await using served = stack.serve([echo], {
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
  },
);
