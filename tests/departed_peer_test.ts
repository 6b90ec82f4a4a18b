/** Peers that send no more while they are to be answered: who has gone, and who still gets it all. */

import { assert, assertEquals } from "@std/assert";
import { connect as connectTls } from "node:tls";
import { createContext, handlers, type Wsi } from "../mod.ts";
import { makeCertificates } from "./support/certificates.ts";
import { get, readPage, request, statusOf } from "./support/http.ts";
import { PATIENT } from "./support/patience.ts";
import { record } from "./support/recorder.ts";
import { readHead, serve, settle } from "./support/serve.ts";
import { thinking } from "./support/thinking.ts";

const ENDS = ["closedHttp", "wsiDestroy"];

Deno.test("an end while the program has not answered brings closedHttp at once", async () => {
  for (const service of ["automatic", "manual", "external"] as const) {
    const { protocol, reasons } = record("http");
    await using served = serve([protocol], { service });
    const peer = await served.dial();
    const go = async () => {
      for (let i = 0; i < 10; i++) {
        if (service !== "automatic") await served.context.service(0);
        await settle();
      }
    };
    peer.send(get("/"));
    await go();
    assert(reasons.includes("http"));
    peer.end();
    await go();
    assertEquals(reasons.slice(-2), ENDS);
    assertEquals((await peer.readToEnd()).length, 0);
  }
});

Deno.test("an end behind the next request, which waits for the first, is noticed", async () => {
  const { protocol, reasons } = record("http");
  await using served = serve([protocol]);
  const peer = await served.dial();
  peer.send(get("/1"));
  await settle();
  peer.send(get("/2") + get("/3"));
  peer.end();
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

Deno.test("an end in the packet of the request is noticed when the program doesn't answer at once", async () => {
  const { protocol, reasons } = record("http");
  await using served = serve([protocol]);
  const peer = await served.dial();
  peer.send(request("POST", "/", "Content-Length: 3") + "abc");
  peer.end();
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

for (const reason of ["filterHttpConnection", "http", "httpBody", "httpBodyCompletion"] as const) {
  Deno.test(`an end while ${reason} is awaited brings closedHttp at once`, async () => {
    const thinker = thinking(reason);
    await using served = serve([thinker.protocol]);
    const peer = await served.dial();
    peer.send(request("POST", "/", "Content-Length: 3") + "abc" + get("/next"));
    await settle();
    assertEquals(thinker.pending(), 1);
    peer.end();
    await settle();
    assertEquals(thinker.reasons.slice(-2), ENDS);
    await thinker.decide(0);
    assertEquals(thinker.reasons.slice(-2), ENDS);
  });

  Deno.test(`with halfOpenHttp an end while ${reason} is awaited leaves the answer`, async () => {
    const thinker = thinking(reason);
    await using served = serve([thinker.protocol], { halfOpenHttp: true });
    const peer = await served.dial();
    peer.send(request("POST", "/", "Content-Length: 3") + "abc");
    await settle();
    peer.end();
    await settle();
    assertEquals(thinker.pending(), 1);
    thinker.wsi().returnHttpStatus(200, "here");
    thinker.wsi().httpTransactionCompleted();
    await thinker.decide(0);
    assertEquals(await readPage(peer), "here");
    assertEquals((await peer.readToEnd()).length, 0);
    assertEquals(thinker.reasons.slice(-2), ENDS);
  });
}

Deno.test("a body that is not whole ends with its peer, also with halfOpenHttp", async () => {
  for (const reason of ["http", "httpWriteable"] as const) {
    const thinker = thinking(reason, { http: (wsi) => void wsi.callbackOnWritable() });
    await using served = serve([thinker.protocol], { halfOpenHttp: true });
    const peer = await served.dial();
    peer.send(request("POST", "/", "Content-Length: 3") + "ab");
    peer.end();
    await settle();
    while (thinker.pending() > 0) await thinker.decide(0);
    assertEquals(thinker.reasons.slice(-2), ENDS);
  }
});

/** A stream that the test writes. */
function streaming() {
  let wsi!: Wsi;
  const recorder = record("http", (one, reason, _user, _data) => {
    wsi = one;
    if (reason !== "http") return;
    one.writeHttpHeaders(200, [["content-length", "1000000"]]);
    one.write("some", "http");
  });
  return { ...recorder, wsi: () => wsi };
}

Deno.test("an end while a stream is quiet brings closedHttp at once", async () => {
  const { protocol, reasons } = streaming();
  await using served = serve([protocol]);
  const peer = await served.dial();
  peer.send(get("/"));
  await readHead(peer);
  await settle();
  peer.end();
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

Deno.test("what a stream has unsent still leaves, and then it ends", async () => {
  const { protocol, reasons, wsi } = streaming();
  await using served = serve([protocol]);
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get("/"));
  await settle();
  wsi().write(new Uint8Array(500_000), "http");
  peer.end();
  await settle();
  assert(!reasons.includes("closedHttp"));
  peer.transport.startReading();
  await readHead(peer);
  assertEquals((await peer.readToEnd()).length, 500_004);
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

Deno.test("a stream that goes on by httpWriteable reaches who has only closed its sending half", async () => {
  const PARTS = 20;
  let left = PARTS;
  const recorder = record("http", (wsi, reason, _user, _data) => {
    if (reason === "http") {
      wsi.writeHttpHeaders(200, [["content-length", String(PARTS * 10_000)]]);
      wsi.callbackOnWritable();
    }
    if (reason !== "httpWriteable") return;
    wsi.write(new Uint8Array(10_000), --left > 0 ? "http" : "httpFinal");
    if (left > 0) wsi.callbackOnWritable();
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial();
  peer.send(get("/"));
  peer.end();
  await readHead(peer);
  assertEquals((await peer.readToEnd()).length, PARTS * 10_000);
});

Deno.test("a stream whose httpWriteable has nothing to say is a quiet one", async () => {
  const recorder = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    wsi.writeHttpHeaders(200, [["content-length", "10"]]);
    wsi.callbackOnWritable();
  });
  await using served = serve([recorder.protocol]);
  const peer = await served.dial();
  peer.send(get("/"));
  peer.end();
  await settle();
  assert(recorder.reasons.includes("httpWriteable"));
  assertEquals(recorder.reasons.slice(-2), ENDS);
});

Deno.test("files and the requests behind them reach who has only closed its sending half", async () => {
  const LENGTH = 300_000;
  const fileOps = {
    open: () => ({ handle: {}, length: LENGTH }),
    close() {},
    seekCur: () => 0,
    read: async (_wsi: Wsi, _handle: unknown, buffer: Uint8Array) => {
      await settle();
      return buffer.length;
    },
    write: () => 0,
  };
  await using served = serve([{
    name: "http",
    callback: handlers({ http: (wsi, _user, path) => void wsi.serveHttpFile(path) }),
  }], { fileOps });
  const peer = await served.dial();
  peer.send(get("/a") + get("/b") + get("/c"));
  peer.end();
  for (let i = 0; i < 3; i++) {
    assertEquals(statusOf(await readHead(peer)), 200);
    assertEquals((await peer.readBytes(LENGTH)).length, LENGTH);
  }
  assertEquals((await peer.readToEnd()).length, 0);
});

for (const halfOpenHttp of [false, true]) {
  Deno.test(`a stream of respond has closeTimeoutMs for each piece behind an end, halfOpenHttp ${halfOpenHttp}`, async () => {
    const TICK_MS = 16;
    let next!: PromiseWithResolvers<string>;
    let isCancelled = false;
    const source = {
      async *[Symbol.asyncIterator]() {
        try {
          for (;;) yield await (next = Promise.withResolvers()).promise;
        } finally {
          isCancelled = true;
        }
      },
    };
    const recorder = record("http", (wsi, reason, _user, _data) => {
      if (reason === "http") return wsi.respond(200, source);
    });
    await using served = serve([recorder.protocol], { halfOpenHttp, closeTimeoutMs: 1_000 });
    const peer = await served.dial();
    peer.send(get("/"));
    await readHead(peer);
    await settle();
    // As long as the peer has not ended, a stream may be quiet.
    served.clock.advance(10_000);
    await settle();
    peer.end();
    for (const piece of ["one", "two", "three"]) {
      await settle();
      served.clock.advance(900);
      await settle();
      next.resolve(piece);
      assertEquals((await peer.readBytes(5 + piece.length)).length, 5 + piece.length);
    }
    await settle();
    served.clock.advance(1_000 + TICK_MS);
    await settle();
    assertEquals(
      recorder.reasons.slice(-2),
      halfOpenHttp ? ["filterHttpConnection", "http"] : ENDS,
    );
    next.resolve("four");
    await settle();
    assertEquals(isCancelled, !halfOpenHttp);
    const rest = new TextDecoder().decode(await peer.readBytes(halfOpenHttp ? 9 : 0));
    assertEquals([rest, peer.ended], halfOpenHttp ? ["4\r\nfour\r\n", false] : ["", true]);
    if (!halfOpenHttp) assertEquals((await peer.readToEnd()).length, 0, "there is no last chunk");
  });
}

Deno.test("halfOpenHttp is refused by name when it is no boolean", () => {
  try {
    serve([{ name: "x", callback: handlers({}) }], { halfOpenHttp: 1 as never });
  } catch (error) {
    assert((error as Error).message.includes("halfOpenHttp is 1"));
    return;
  }
  assert(false, "it was taken");
});

Deno.test("over TLS the notice of the end, or a reset, is noticed while a promise is awaited", async () => {
  const { ca, localhost } = await makeCertificates();
  const folder = await Deno.makeTempDir();
  try {
    const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
    await Deno.writeTextFile(cert, localhost.cert);
    await Deno.writeTextFile(key, localhost.key);
    for (const how of ["end", "destroy"] as const) {
      const closed = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      await using context = createContext({
        port: 0,
        iface: "127.0.0.1",
        ...PATIENT,
        sslCertFilepath: cert,
        sslPrivateKeyFilepath: key,
        protocols: [{
          name: "http",
          callback: handlers({
            async http() {
              asked.resolve();
              await new Promise(() => {});
            },
            closedHttp: () => closed.resolve(),
          }),
        }],
      });
      const { port } = context;
      const socket = connectTls({ port, host: "127.0.0.1", ca: ca.cert, servername: "localhost" });
      socket.on("error", () => {});
      const gone = new Promise((resolve) => socket.on("close", resolve));
      await new Promise((resolve) => socket.on("secureConnect", () => resolve(undefined)));
      socket.write(get("/"));
      await asked.promise;
      socket[how]();
      await closed.promise;
      socket.destroy();
      await gone;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
