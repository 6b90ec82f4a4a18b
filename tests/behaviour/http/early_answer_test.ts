/** Answers that are complete before their request's body is: what is read away, and what closes. */

import { assert, assertEquals } from "@std/assert";
import { type Wsi } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import {
  fieldOf,
  get,
  readPage,
  readRefusal,
  reply,
  request,
  statusOf,
} from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";
import { named } from "../../support/named.ts";

const DRAINED = 1_000;

/** Answers every request at once, whatever body it has. */
function early() {
  return record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    return reply(wsi, wsi.method === "GET" ? 200 : 401, wsi.uri);
  });
}

const chunks = (...lengths: readonly number[]) =>
  lengths.map((length) => `${length.toString(16)}\r\n${"x".repeat(length)}\r\n`).join("");

/** Bodies of so many bytes beyond their first three, as they are framed. */
const BODIES: Record<string, (more: number) => { head: string; first: string; rest: string }> = {
  "by length": (more) => ({
    head: request("POST", "/early", `Content-Length: ${3 + more}`),
    first: "abc",
    rest: "x".repeat(more),
  }),
  "in chunks": (more) => ({
    head: request("POST", "/early", "Transfer-Encoding: chunked"),
    first: "3\r\nabc\r\n",
    // The last chunk takes five bytes, and this one's frame seven.
    rest: `${(more - 12).toString(16).padStart(3, "0")}\r\n${"x".repeat(more - 12)}\r\n0\r\n\r\n`,
  }),
};

for (const [framing, make] of Object.entries(BODIES)) {
  for (const isOnePacket of [true, false]) {
    const how = `${framing}, ${isOnePacket ? "in one packet" : "behind its head"}`;

    Deno.test(`maxDrainBytes beside what came are read away, and the connection stays: ${how}`, async () => {
      const { protocol, reasons } = early();
      await using peer = await dialAlone([protocol], undefined, { maxDrainBytes: DRAINED });
      const { head, first, rest } = make(DRAINED);
      if (isOnePacket) peer.send(head + first + rest + get("/next"));
      else {
        peer.send(head + first);
        await settle();
        peer.send(rest + get("/next"));
      }
      const answer = await readResponse(peer);
      assertEquals(statusOf(answer.head), 401);
      assertEquals(fieldOf(answer.head, "connection"), undefined);
      assertEquals(await readPage(peer), "/next");
      assert(!reasons.includes("httpBody") && !reasons.includes("httpBodyCompletion"));
    });
  }
}

Deno.test("a length of more than maxDrainBytes beside what came is answered with connection: close", async () => {
  const { protocol } = early();
  await using peer = await dialAlone([protocol], undefined, { maxDrainBytes: DRAINED });
  const { head, first, rest } = BODIES["by length"]!(DRAINED + 1);
  peer.send(head + first);
  const refusal = readRefusal(peer);
  await settle();
  // All of it is taken, so that nothing resets the connection.
  peer.send(rest + "x".repeat(100_000));
  const { status, head: answer } = await refusal;
  assertEquals([status, fieldOf(answer, "connection")], [401, "close"]);
  await settle();
  assertEquals(peer.transport.peer.undelivered, 0);
});

Deno.test("what came with the head doesn't count against maxDrainBytes", async () => {
  const { protocol } = early();
  await using served = serve([protocol], { maxDrainBytes: 0 });
  const peer = await served.dial(
    request("POST", "/early", "Content-Length: 50000") + "x".repeat(50_000) + get("/next"),
  );
  assertEquals(fieldOf((await readResponse(peer)).head, "connection"), undefined);
  assertEquals(await readPage(peer), "/next");
});

Deno.test("chunks past maxDrainBytes end the connection behind the answer, without a reset", async () => {
  const { protocol, until } = early();
  await using served = serve([protocol], { maxDrainBytes: DRAINED });
  const peer = await served.dial(
    request("POST", "/early", "Transfer-Encoding: chunked") + chunks(3),
  );
  assertEquals(statusOf((await readResponse(peer)).head), 401);
  await settle();
  peer.send(chunks(DRAINED - 10));
  await settle();
  assert(!peer.ended);
  peer.send(chunks(10));
  assertEquals((await peer.readToEnd()).length, 0);
  assert(peer.ended);
  // Input is discarded for a while, and bounded by time.
  peer.send(chunks(50_000));
  await settle();
  assertEquals(peer.transport.peer.undelivered, 0);
  served.clock.advance(5_100);
  await until("wsiDestroy");
});

Deno.test("broken chunks behind a complete answer end the connection without another answer", async () => {
  const { protocol } = early();
  await using served = serve([protocol]);
  const peer = await served.dial(request("POST", "/early", "Transfer-Encoding: chunked"));
  await readResponse(peer);
  peer.send("zz\r\n");
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("a body that halts while it is read away ends the connection after contentTimeoutMs", async () => {
  const { protocol } = early();
  await using served = serve([protocol], { contentTimeoutMs: 5_000 });
  const peer = await served.dial(request("POST", "/early", "Content-Length: 9") + "abc");
  await readResponse(peer);
  await settle();
  await served.pass(4_999);
  assert(!peer.ended);
  served.clock.advance(17);
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("an answer in httpBody reads the rest away, and pieces come no more", async () => {
  const { protocol, reasons } = record("http", (wsi, reason, _user, _data) => {
    if (reason === "http" && wsi.method === "GET" || reason === "httpBody") {
      return reply(wsi, 200, wsi.uri);
    }
  });
  for (const framing of Object.values(BODIES)) {
    await using peer = await dialAlone([protocol]);
    const { head, first, rest } = framing(500);
    peer.send(head + first + rest + get("/next"));
    assertEquals(await readPage(peer), "/early");
    assertEquals(await readPage(peer), "/next");
  }
  assertEquals(reasons.filter((reason) => reason === "httpBody").length, 2);
});

for (const way of ["at once", "late"]) {
  Deno.test(`an answer to the last piece, ${way}, is all: no httpBodyCompletion, and the next has its time`, async () => {
    const { protocol, reasons } = record("http", (wsi, reason, _user, _data) => {
      if (reason === "httpBodyCompletion") return -1;
      if (reason !== "httpBody") return;
      if (way === "at once") return wsi.respond(200, wsi.uri);
      return Promise.resolve().then(() => wsi.respond(200, wsi.uri));
    });
    for (const framing of ["Content-Length: 3", "Transfer-Encoding: chunked"]) {
      await using served = serve([protocol], { keepAliveTimeoutMs: 1_000 });
      const peer = await served.dial();
      const body = framing.startsWith("C") ? "abc" : "3\r\nabc\r\n0\r\n\r\n";
      for (const path of ["/1", "/2"]) {
        peer.send(request("POST", path, framing) + body);
        assertEquals((await readResponse(peer)).body, path);
      }
      await settle();
      served.clock.advance(1_017);
      assertEquals((await peer.readToEnd()).length, 0);
      assertEquals(peer.ended, true, framing);
    }
    assert(!reasons.includes("httpBodyCompletion"), reasons.join());
  });
}

Deno.test("a program that had stopped the body answers, and the next request is served", async () => {
  let wsi!: Wsi;
  await using served = serve([named("http", {
    http(one) {
      wsi = one;
      if (one.method === "POST") one.rxFlowControl(false);
      else return answer(one);
    },
  })]);
  const answer = (one: Wsi) => {
    return reply(one, 200, one.uri);
  };
  const peer = await served.dial(request("POST", "/early", "Content-Length: 9") + "abc");
  await settle();
  peer.send("defghi" + get("/next"));
  await settle();
  answer(wsi);
  assertEquals(await readPage(peer), "/early");
  assertEquals(await readPage(peer), "/next");
});

Deno.test("a promise of http that answers has the rest read away", async () => {
  const thinker = thinking("http");
  await using served = serve([thinker.protocol]);
  const peer = await served.dial(request("POST", "/early", "Content-Length: 9") + "abc");
  await settle();
  peer.send("defghi" + get("/next"));
  await settle();
  for (const path of ["/early", "/next"]) {
    thinker.wsi().returnHttpStatus(200, path);
    thinker.wsi().httpTransactionCompleted();
    await thinker.decide(0);
    assertEquals(await readPage(peer), path);
  }
  assert(!thinker.reasons.includes("httpBody"));
});

Deno.test("an early answer is served by hand as it is by itself", async () => {
  for (const service of ["manual", "external"] as const) {
    const { protocol } = early();
    await using served = serve([protocol], { service, maxDrainBytes: DRAINED });
    const peer = await served.dial();
    const { head, first, rest } = BODIES["in chunks"]!(DRAINED);
    peer.send(head + first);
    await serviced(served.context);
    peer.send(rest + get("/next"));
    await serviced(served.context);
    assertEquals(statusOf((await readResponse(peer)).head), 401);
    assertEquals(await readPage(peer), "/next");
  }
});

async function serviced(context: { service(ms: number): Promise<number> }): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await context.service(0);
    await settle();
  }
}

// 100-continue.

const EXPECTS = ["Expect: 100-continue", "Content-Length: 3"];
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

Deno.test("the answer to who waits for 100 Continue says close, as the body may never come", async () => {
  const { protocol } = early();
  await using peer = await dialAlone([protocol], request("POST", "/early", ...EXPECTS));
  const { status, head } = await readRefusal(peer);
  assertEquals([status, fieldOf(head, "connection")], [401, "close"]);
});

Deno.test("who has Expect and didn't wait keeps the connection, and gets no 100", async () => {
  const { protocol } = early();
  await using served = serve([protocol]);
  const peer = await served.dial(request("POST", "/early", ...EXPECTS) + "abc" + get("/next"));
  const { head } = await readResponse(peer);
  assertEquals([statusOf(head), fieldOf(head, "connection")], [401, undefined]);
  assertEquals(await readPage(peer), "/next");
});

/** Takes bodies, and answers when they are whole. */
function taking(onHttp: (wsi: Wsi) => void) {
  let wsi!: Wsi;
  const protocol = named("http", {
    http(one) {
      wsi = one;
      onHttp(one);
    },
    httpBodyCompletion: (one) => reply(one, 200, "thanks"),
  });
  return { protocol, wsi: () => wsi };
}

async function expectThanks(peer: MemoryPeer): Promise<void> {
  assertEquals(await readHead(peer), CONTINUE);
  peer.send("abc");
  assertEquals(await readPage(peer), "thanks");
}

Deno.test("100 Continue comes once the program has let the request pass, also without httpBody", async () => {
  const { protocol } = taking(() => {});
  await using peer = await dialAlone([protocol]);
  for (let i = 0; i < 2; i++) {
    peer.send(request("POST", "/", ...EXPECTS));
    await expectThanks(peer);
  }
});

Deno.test("a body that came unasked for gets no 100 Continue", async () => {
  const { protocol } = taking(() => {});
  await using peer = await dialAlone([protocol], request("POST", "/", ...EXPECTS) + "a");
  await settle();
  assertEquals(peer.received.length, 0);
  peer.send("bc");
  assertEquals(await readPage(peer), "thanks");
});

Deno.test("100 Continue waits for rxFlowControl(true) of a program that looks first", async () => {
  const { protocol, wsi } = taking((one) => void one.rxFlowControl(false));
  await using served = serve([protocol]);
  const peer = await served.dial(request("POST", "/", ...EXPECTS));
  await settle();
  await served.pass(3_600_000);
  assertEquals([peer.received.length, peer.ended], [0, false]);
  wsi().rxFlowControl(true);
  await expectThanks(peer);
});

Deno.test("stopping and going on inside http doesn't bring 100 Continue before http has returned", async () => {
  const { protocol } = taking((wsi) => {
    wsi.rxFlowControl(false);
    wsi.rxFlowControl(true);
    wsi.returnHttpStatus(401);
    wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol], request("POST", "/", ...EXPECTS));
  assertEquals((await readRefusal(peer)).status, 401);
});

Deno.test("a program that looked first and refuses sends no 100 Continue, and says close", async () => {
  const { protocol, wsi } = taking((one) => void one.rxFlowControl(false));
  await using peer = await dialAlone([protocol], request("POST", "/", ...EXPECTS));
  await settle();
  wsi().returnHttpStatus(413);
  wsi().httpTransactionCompleted();
  const { status, head } = await readRefusal(peer);
  assertEquals([status, fieldOf(head, "connection")], [413, "close"]);
});

for (const reason of ["filterHttpConnection", "http"] as const) {
  Deno.test(`100 Continue waits for the promise of ${reason}`, async () => {
    const thinker = thinking(reason, { httpBodyCompletion: (wsi) => reply(wsi, 200, "thanks") });
    await using peer = await dialAlone([thinker.protocol], request("POST", "/", ...EXPECTS));
    await settle();
    assertEquals(peer.received.length, 0);
    await thinker.decide(0);
    await expectThanks(peer);
  });
}

Deno.test("a length above maxBodySize gets 413 in place of 100 Continue", async () => {
  using _log = captureLog([]);
  const { protocol } = taking(() => {});
  await using served = serve([protocol], { maxBodySize: 2 });
  const { status, head } = await readRefusal(await served.dial(request("POST", "/", ...EXPECTS)));
  assertEquals([status, fieldOf(head, "connection")], [413, "close"]);
});
