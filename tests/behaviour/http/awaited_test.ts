/** HTTP reasons that are answered by promises: what they keep waiting, and what they must not. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type FileOps, type Reason, type Wsi } from "../../../mod.ts";
import {
  fieldOf,
  get,
  readPage,
  readRefusal,
  reply,
  request,
  statusOf,
  textOfPage,
} from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";
import { named } from "../../support/named.ts";

const HOUR_MS = 3_600_000;

const page = (wsi: Wsi, text = wsi.uri): 0 | 1 => reply(wsi, 200, text);

/** A request for which each reason comes, and what the others do meanwhile. */
const REASONS: readonly Reason[] = ["http", "httpBody", "httpBodyCompletion", "httpWriteable"];
const POST = request("POST", "/a", "Content-Length: 3") + "abc";
const ASKS = { httpBodyCompletion: (wsi: Wsi) => void wsi.callbackOnWritable() };

for (const reason of REASONS) {
  const others = reason === "httpWriteable" ? ASKS : {};

  Deno.test(`${reason} is awaited: no timer judges the peer, and its number counts`, async () => {
    const thinker = thinking(reason, others);
    await using served = serve([thinker.protocol]);
    const peer = await served.dial(POST);
    await settle();
    assertEquals(thinker.pending(), 1);
    await served.pass(HOUR_MS);
    assertEquals([peer.received.length, peer.ended], [0, false]);
    assertEquals(thinker.reasons.at(-1), reason);
    page(thinker.wsi(), "done");
    assertEquals(await readPage(peer), "done");
    await thinker.decide(-1);
    assertEquals((await peer.readToEnd()).length, 0);
  });

  Deno.test(`${reason} that is rejected is answered 500, with its stack in the log`, async () => {
    using log = captureLog();
    const thinker = thinking(reason, others);
    await using peer = await dialAlone([thinker.protocol], POST);
    await settle();
    await thinker.fail(new Error("no database"));
    assertEquals((await readRefusal(peer)).status, 500);
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, `x: ${reason} was rejected: Error: no database\n    at `);
  });

  for (const how of ["closes", "resets"] as const) {
    Deno.test(`a peer that ${how} while ${reason} thinks is noticed`, async () => {
      const thinker = thinking(reason, others);
      await using peer = await dialAlone([thinker.protocol], POST);
      await settle();
      assertEquals(thinker.pending(), 1);
      if (how === "closes") peer.close();
      else peer.reset();
      await settle();
      assertEquals(thinker.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
      const wsi = thinker.wsi();
      assertEquals([wsi.write("x", "http"), wsi.returnHttpStatus(200)], [-1, 1]);
      const before = [...thinker.reasons];
      await thinker.decide(0);
      assertEquals(thinker.reasons, before);
    });
  }

  Deno.test(`destroy ends while ${reason} never settles`, async () => {
    const thinker = thinking(reason, others);
    const served = serve([thinker.protocol]);
    const peer = await served.dial(POST);
    await settle();
    assertEquals(thinker.pending(), 1);
    await served.context.destroy();
    assertEquals((await peer.readToEnd()).length, 0);
  });

  Deno.test(`a program that closes while ${reason} thinks has closed`, async () => {
    const thinker = thinking(reason, others);
    await using peer = await dialAlone([thinker.protocol], POST);
    await settle();
    thinker.wsi().close();
    assertEquals((await peer.readToEnd()).length, 0);
    peer.close();
    await thinker.decide(0);
    assertEquals(thinker.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
  });
}

Deno.test("requests behind one that is awaited are answered after it, in order", async () => {
  const thinker = thinking("http");
  await using served = serve([thinker.protocol], { maxHeaderBytes: 4096 });
  const peer = await served.dial(get("/1") + get("/2"));
  await settle();
  peer.send(get("/3"));
  await settle();
  for (const path of ["/1", "/2", "/3"]) {
    assertEquals([thinker.pending(), thinker.wsi().uri], [1, path]);
    page(thinker.wsi());
    // Completed, but not over before the promise.
    await settle();
    assertEquals(thinker.pending(), 1);
    await thinker.decide();
    assertEquals(await readPage(peer), path);
  }
});

Deno.test("an async http answers, and the connection serves the next request", async () => {
  await using peer = await dialAlone([named("x", {
    async http(wsi, _user, path) {
      await settle();
      wsi.returnHttpStatus(200, `${path} ${wsi.method} ${wsi.hdrCopy("host")}`);
      await settle();
      return wsi.httpTransactionCompleted();
    },
  })]);
  for (const path of ["/a", "/b"]) {
    peer.send(get(path));
    assertEquals(await readPage(peer), `${path} GET localhost`);
  }
  peer.send(request("HEAD", "/c"));
  assertEquals(statusOf(await readHead(peer)), 200);
  peer.send("GET /d HTTP/1.0\r\n\r\n");
  assertEquals(textOfPage((await readResponse(peer)).body), "/d GET undefined");
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("a transaction that is answered later than its promise goes on as ever", async () => {
  const thinker = thinking("http");
  await using peer = await dialAlone([thinker.protocol], get("/1") + get("/2"));
  await settle();
  await thinker.decide();
  assertEquals(thinker.pending(), 0);
  page(thinker.wsi());
  assertEquals(await readPage(peer), "/1");
  assertEquals(thinker.pending(), 1);
});

for (const framing of ["length", "chunked"]) {
  Deno.test(`pieces of a body come in order, one after the other, and last (${framing})`, async () => {
    const pieces: Uint8Array[] = [];
    const thinker = thinking(["httpBody", "httpBodyCompletion"], {
      httpBody: (_wsi, data) => void pieces.push(data as Uint8Array),
      httpBodyCompletion: (wsi) => void page(wsi),
    });
    await using peer = await dialAlone([thinker.protocol], undefined, { maxHeaderBytes: 300 });
    const texts = ["first ", "second ".repeat(30), "third"];
    const body = texts.join("");
    if (framing === "length") {
      peer.send(request("POST", "/p", `Content-Length: ${body.length}`) + texts[0]);
    } else {
      const [first, ...others] = texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
      peer.send(request("POST", "/p", "Transfer-Encoding: chunked") + first);
      peer.send(others.join("") + "0\r\n\r\n");
    }
    await settle();
    if (framing === "length") peer.send(body.slice(texts[0]!.length) + get("/next"));
    await settle();
    assertEquals(pieces.length, 1);
    const shown = () => pieces.map((each) => new TextDecoder().decode(each));
    assertEquals(shown(), [texts[0]!]);
    while (thinker.reasons.at(-1) !== "httpBodyCompletion") await thinker.decide();
    assertEquals(shown().join(""), body);
    if (framing === "chunked") assertEquals(shown(), [texts[0], texts[1]! + texts[2]]);
    await thinker.decide();
    assertEquals(await readPage(peer), "/p");
  });
}

Deno.test("the time for a body's next piece begins when the last one was decided on", async () => {
  const thinker = thinking("httpBody");
  await using served = serve([thinker.protocol], { contentTimeoutMs: 1000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 10") + "abc");
  await settle();
  served.clock.advance(HOUR_MS);
  thinker.wsi().rxFlowControl(false);
  thinker.wsi().rxFlowControl(true);
  await served.pass(HOUR_MS);
  await thinker.decide();
  await served.pass(900);
  assertEquals(peer.ended, false);
  served.clock.advance(200);
  await peer.readToEnd();
});

Deno.test("a peer that owes a body is under its time again once httpWriteable was decided on", async () => {
  const thinker = thinking("httpWriteable", { http: (wsi) => void wsi.callbackOnWritable() });
  await using served = serve([thinker.protocol], { contentTimeoutMs: 1000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 10") + "abc");
  await settle();
  assertEquals(thinker.pending(), 1);
  await served.pass(HOUR_MS);
  assertEquals(peer.ended, false);
  await thinker.decide();
  served.clock.advance(1100);
  await peer.readToEnd();
});

Deno.test("a body that comes early doesn't stop the time of the filter", async () => {
  using _log = captureLog([]);
  const thinker = thinking("filterHttpConnection");
  await using served = serve([thinker.protocol], { maxHeaderBytes: 256, headerTimeoutMs: 1000 });
  const peer = await served.dial(request("POST", "/", "Content-Length: 1000") + "x".repeat(1000));
  await settle();
  thinker.wsi().rxFlowControl(false);
  served.clock.advance(1100);
  assertEquals((await readRefusal(peer)).status, 503);
});

Deno.test("100 Continue comes once http has decided, and not behind its answer", async () => {
  const thinker = thinking("http", { httpBodyCompletion: (wsi) => page(wsi) });
  await using peer = await dialAlone([thinker.protocol]);
  const head = request("POST", "/", "Content-Length: 1", "Expect: 100-continue");
  peer.send(head);
  await settle();
  assertEquals(peer.received.length, 0);
  await thinker.decide();
  assertEquals(await readHead(peer), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("x");
  assertEquals(await readPage(peer), "/");
  peer.send(head);
  await settle();
  thinker.wsi().returnHttpStatus(403);
  await thinker.decide(1);
  assertEquals((await readRefusal(peer)).status, 403);
});

Deno.test("a writeable callback that was asked for meanwhile comes afterwards", async () => {
  const thinker = thinking("http", { httpWriteable: (wsi) => page(wsi) });
  await using peer = await dialAlone([thinker.protocol], get("/"));
  await settle();
  thinker.wsi().callbackOnWritable();
  await settle();
  assertEquals(thinker.reasons.at(-1), "http");
  await thinker.decide();
  assertEquals(thinker.reasons.at(-1), "httpWriteable");
  assertEquals(await readPage(peer), "/");
});

/** One file, in memory. */
const oneFile: FileOps = {
  open: (_wsi, path) => {
    if (path !== "/file") throw new Deno.errors.NotFound(path);
    return { handle: { left: 5 }, length: 5 };
  },
  close: () => {},
  seekCur: () => 0,
  read(_wsi, handle, buffer) {
    const file = handle as { left: number };
    const count = Math.min(file.left, buffer.length);
    buffer.fill(65, 0, count);
    file.left -= count;
    return count;
  },
  write: () => 0,
} as FileOps;

for (const path of ["/file", "/none"]) {
  Deno.test(`serveHttpFile in an async http serves ${path}, whose completion comes behind it`, async () => {
    const thinker = thinking("http", {
      http: (wsi, data) => void wsi.serveHttpFile(data as string),
    });
    await using served = serve([thinker.protocol], { fileOps: oneFile });
    const peer = await served.dial(get(path) + get("/file"));
    const { head, body } = await readResponse(peer);
    assertEquals(statusOf(head), path === "/file" ? 200 : 404);
    if (path === "/file") assertEquals(body, "AAAAA");
    await settle();
    await served.pass(HOUR_MS);
    assertEquals([thinker.pending(), thinker.reasons.includes("httpFileCompletion")], [1, false]);
    assertEquals(peer.ended, false);
    await thinker.decide(0);
    assertEquals(thinker.reasons.includes("httpFileCompletion"), path === "/file");
    assertEquals((await readResponse(peer)).body, "AAAAA");
  });
}

Deno.test("a file that has left whole before http decides to close is told of, and the end comes", async () => {
  const thinker = thinking("http", { http: (wsi, data) => void wsi.serveHttpFile(data as string) });
  await using peer = await dialAlone([thinker.protocol], get("/file"), { fileOps: oneFile });
  assertEquals((await readResponse(peer)).body, "AAAAA");
  await settle();
  await thinker.decide(-1);
  assert(thinker.reasons.includes("httpFileCompletion"));
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("a response that nobody reads is under its timeout, whatever http still thinks", async () => {
  const thinker = thinking("http", {
    http: (wsi) => {
      wsi.writeHttpHeaders(200, []);
      wsi.write(new Uint8Array(200_000), "http");
    },
  });
  await using served = serve([thinker.protocol], { sendTimeoutMs: 1000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get("/"));
  await settle();
  await served.pass(1100);
  assertEquals(thinker.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
});

Deno.test("answers of async callbacks keep their connection and their field lines", async () => {
  const thinker = thinking("http");
  await using served = serve([thinker.protocol]);
  const peers = [await served.dial(), await served.dial()];
  for (const [i, peer] of peers.entries()) peer.send(get(`/${i}`, "Connection: close"));
  await settle();
  assertEquals(thinker.pending(), 2);
  page(thinker.wsi());
  await thinker.decide(1);
  await thinker.decide(1);
  const { head } = await readResponse(peers[1]!);
  assertEquals(fieldOf(head, "connection"), "close");
  assertEquals((await peers[0]!.readToEnd()).length, 0);
});

Deno.test("a transaction that is completed while its callback thinks ends with that", async () => {
  const thinker = thinking("http");
  await using served = serve([thinker.protocol], { keepAliveTimeoutMs: 1000 });
  const peer = await served.dial(get("/1"));
  await settle();
  const wsi = thinker.wsi();
  page(wsi);
  assertEquals(await readPage(peer), "/1");
  assertEquals([wsi.method, wsi.hdrCopy("host")], ["GET", "localhost"]);
  await served.pass(HOUR_MS);
  await thinker.decide();
  assertEquals([wsi.method, wsi.hdrCopy("host")], ["", undefined]);
  peer.send(get("/2"));
  await settle();
  assertEquals(thinker.pending(), 1);
});

for (const reason of ["filterHttpConnection", "http", "httpBody", "httpWriteable"] as const) {
  Deno.test(`who closes in ${reason}, and thinks on, gives the peer no more time to leave`, async () => {
    const thinker = thinking(reason, {
      http: (wsi) => void wsi.callbackOnWritable(),
      [reason]: (wsi: Wsi) => void wsi.close(),
    });
    await using served = serve([thinker.protocol], { closeTimeoutMs: 1_000 });
    const peer = await served.dial(request("POST", "/", "Content-Length: 9") + "abc");
    await settle();
    assertEquals([peer.ended, thinker.reasons.includes("closedHttp")], [true, false]);
    await served.pass(1_017);
    assertEquals(thinker.reasons.includes("closedHttp"), true);
    await thinker.decide(0);
  });
}
