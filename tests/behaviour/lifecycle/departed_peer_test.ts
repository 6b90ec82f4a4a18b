/** Peers that send no more while they are to be answered: who has gone, and who still gets it all. */

import { assert, assertEquals } from "@std/assert";
import { connect as connectTls } from "node:tls";
import { type ContextCreationInfo, createContext, handlers, type Wsi } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { get, readPage, request, statusOf } from "../../support/http.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { record } from "../../support/recorder.ts";
import { dialAlone, readHead, serve, settle } from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";
import { named } from "../../support/named.ts";
import { temporaryFolder } from "../../support/folder.ts";

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
  await using peer = await dialAlone([protocol], get("/1"));
  await settle();
  peer.send(get("/2") + get("/3"));
  peer.end();
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

Deno.test("an end in the packet of the request is noticed when the program doesn't answer at once", async () => {
  const { protocol, reasons } = record("http");
  await using peer = await dialAlone([protocol], request("POST", "/", "Content-Length: 3") + "abc");
  peer.end();
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

for (const reason of ["filterHttpConnection", "http", "httpBody", "httpBodyCompletion"] as const) {
  Deno.test(`an end while ${reason} is awaited brings closedHttp at once`, async () => {
    const thinker = thinking(reason);
    await using served = serve([thinker.protocol]);
    const peer = await served.dial(
      request("POST", "/", "Content-Length: 3") + "abc" + get("/next"),
    );
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
    const peer = await served.dial(request("POST", "/", "Content-Length: 3") + "abc");
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
    (await served.dial(request("POST", "/", "Content-Length: 3") + "ab")).end();
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
  await using peer = await dialAlone([protocol], get("/"));
  await readHead(peer);
  await settle();
  peer.end();
  await settle();
  assertEquals(reasons.slice(-2), ENDS);
});

Deno.test("what a stream has unsent still leaves, and then it ends", async () => {
  const { protocol, reasons, wsi } = streaming();
  await using peer = await dialAlone([protocol]);
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
  await using peer = await dialAlone([recorder.protocol], get("/"));
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
  await using peer = await dialAlone([recorder.protocol], get("/"));
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
  await using served = serve([
    named("http", { http: (wsi, _user, path) => void wsi.serveHttpFile(path) }),
  ], { fileOps });
  const peer = await served.dial(get("/a") + get("/b") + get("/c"));
  peer.end();
  for (let i = 0; i < 3; i++) {
    assertEquals(statusOf(await readHead(peer)), 200);
    assertEquals((await peer.readBytes(LENGTH)).length, LENGTH);
  }
  assertEquals((await peer.readToEnd()).length, 0);
});

/** A stream that gives a piece whenever the test says so. */
function sourced(info: Partial<ContextCreationInfo> = {}) {
  const source = new TransformStream<Uint8Array, Uint8Array>();
  const writer = source.writable.getWriter();
  const recorder = record("http", { http: (wsi) => void wsi.respond(200, source.readable) });
  return { ...recorder, writer, served: serve([recorder.protocol], info) };
}

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`a stream whose source is quiet for a second ends with its peer: ${service}`, async () => {
    for (const isEarly of [true, false]) {
      const { writer, reasons, served: made } = sourced({ service });
      await using served = made;
      const peer = await served.dial();
      const go = async () => {
        for (let i = 0; i < 10; i++) {
          if (service !== "automatic") await served.context.service(0);
          await settle();
        }
      };
      peer.send(get("/"));
      if (isEarly) peer.end();
      await go();
      const cancelled = writer.closed.catch(() => "cancelled");
      for (const piece of ["a", "b"]) {
        served.clock.advance(900);
        await go();
        void writer.write(new TextEncoder().encode(piece));
        await go();
      }
      served.clock.advance(900);
      await go();
      if (!isEarly) {
        served.clock.advance(5000);
        await go();
      }
      assert(!reasons.includes("closedHttp"));
      if (isEarly) served.clock.advance(200);
      else peer.end();
      await go();
      // An end after so long is told of by the next tick.
      served.clock.advance(20);
      await go();
      assertEquals(reasons.slice(-2), ENDS);
      const text = new TextDecoder().decode(await peer.readToEnd());
      assert(text.endsWith("1\r\na\r\n1\r\nb\r\n"), text);
      assertEquals(await cancelled, "cancelled");
    }
  });
}

Deno.test("with halfOpenHttp a quiet source keeps its peer, and so does one that has not ended", async () => {
  for (const halfOpenHttp of [true, false]) {
    const { writer, reasons, served: made } = sourced({ halfOpenHttp });
    await using served = made;
    const peer = await served.dial(get("/"));
    if (halfOpenHttp) peer.end();
    await settle();
    await served.pass(50_000);
    assert(!reasons.includes("closedHttp"));
    await writer.close();
    await settle();
    assert((await readHead(peer)).includes("chunked"));
    assertEquals(await peer.readBytes(5), new TextEncoder().encode("0\r\n\r\n"));
  }
});

Deno.test("a quiet source's answer to HTTP/1.0 doesn't look whole when its peer has ended", async () => {
  const { served: made, reasons } = sourced();
  await using served = made;
  const peer = await served.dial("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
  await readHead(peer);
  peer.end();
  await settle();
  await served.pass(1100);
  assertEquals(reasons.slice(-2), ENDS);
  await peer.readToEnd();
  assertEquals([peer.ended, String(await peer.closed).includes("reset")], [false, true]);
});

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
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  await Deno.writeTextFile(cert, localhost.cert);
  await Deno.writeTextFile(key, localhost.key);
  for (const how of ["end", "destroy"] as const) {
    const closed = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await using context = createContext({
      ...LOOPBACK,
      sslCertFilepath: cert,
      sslPrivateKeyFilepath: key,
      protocols: [named("http", {
        async http() {
          asked.resolve();
          await new Promise(() => {});
        },
        closedHttp: () => closed.resolve(),
      })],
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
});

Deno.test("the end of a peer is noticed behind much that it sent after a request that closes", async () => {
  const { protocol, until } = record("http", { http: () => -1 });
  await using peer = await dialAlone([protocol], get("/") + "x".repeat(20_000));
  peer.end();
  await until("closedHttp");
});
