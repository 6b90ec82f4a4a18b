/** Filters whose verdict is a promise: nothing goes on before that has settled. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { handlers, type Reason, type Wsi } from "../../../mod.ts";
import { get, readRefusal, reply, statusOf } from "../../support/http.ts";
import { withFiles } from "../../support/folder.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import {
  dialAlone,
  handshake,
  readFrame,
  readHead,
  readResponse,
  serve,
  settle,
} from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";
import { named } from "../../support/named.ts";

const answer = (wsi: Wsi) => {
  return reply(wsi, 200, wsi.uri);
};

const REQUESTS: readonly (readonly [Reason, string, number])[] = [
  ["filterNetworkConnection", get("/a"), 200],
  ["filterHttpConnection", get("/a"), 200],
  ["filterNetworkConnection", handshake(), 101],
  ["filterProtocolConnection", handshake(), 101],
];

for (const [reason, request, status] of REQUESTS) {
  Deno.test(`${reason} that thinks lets in (${status}) once it has decided, and nothing comes before`, async () => {
    const thinker = thinking(reason, { http: answer });
    await using peer = await dialAlone([thinker.protocol], request);
    await settle();
    assertEquals(thinker.pending(), 1);
    assertEquals(peer.received.length, 0);
    const before = thinker.reasons.length;
    await thinker.decide(0);
    assertEquals(statusOf(await readHead(peer)), status);
    assert(thinker.reasons.length > before);
    peer.close();
  });

  for (const result of [1, -1]) {
    Deno.test(`${reason} that decides ${result} in the end refuses a ${status}`, async () => {
      using log = captureLog(["notice"]);
      const thinker = thinking(reason, { http: answer });
      await using peer = await dialAlone([thinker.protocol], request);
      await settle();
      await thinker.decide(result);
      if (reason === "filterNetworkConnection") {
        assertEquals((await peer.readToEnd()).length, 0);
        assertEquals(thinker.reasons, []);
      } else {
        assertEquals((await readRefusal(peer)).status, 403);
        peer.close();
        await settle();
        assertEquals(thinker.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
      }
      assertEquals(log.lines, [
        `notice: connection 1: ${reason} returned ${result}, which closes it`,
      ]);
    });
  }

  Deno.test(`${reason} that is rejected refuses a ${status}, with its stack in the log`, async () => {
    using log = captureLog(["err", "notice"]);
    const thinker = thinking(reason, { http: answer });
    await using peer = await dialAlone([thinker.protocol], request);
    await settle();
    await thinker.fail(new Error("no database"));
    if (reason === "filterNetworkConnection") assertEquals((await peer.readToEnd()).length, 0);
    else assertEquals((await readRefusal(peer)).status, 500);
    assertEquals(log.lines.length, 1);
    assertStringIncludes(
      log.lines[0]!,
      `err: x: ${reason} was rejected: Error: no database\n    at `,
    );
  });

  Deno.test(`${reason} has a fresh headerTimeoutMs for its verdict on a ${status}`, async () => {
    using log = captureLog(["warn"]);
    const thinker = thinking(reason, { http: answer });
    await using served = serve([thinker.protocol], { headerTimeoutMs: 1000 });
    const peer = await served.dial();
    served.clock.advance(reason === "filterNetworkConnection" ? 0 : 900);
    peer.send(request);
    await settle();
    await served.pass(950);
    assertEquals([peer.received.length, peer.ended], [0, false]);
    served.clock.advance(100);
    if (reason === "filterNetworkConnection") assertEquals((await peer.readToEnd()).length, 0);
    else assertEquals((await readRefusal(peer)).status, 503);
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, `connection 1: ${reason} did not settle within`);
    // What comes too late counts no more.
    const before = [...thinker.reasons];
    await thinker.decide(0);
    peer.close();
    await settle();
    assertEquals(thinker.reasons.includes("established"), false);
    assertEquals(before.includes("http"), false);
  });

  for (const how of ["closes", "resets"] as const) {
    Deno.test(`a peer that ${how} while ${reason} thinks about a ${status} is noticed`, async () => {
      const thinker = thinking(reason, { http: answer });
      await using served = serve([thinker.protocol]);
      const peer = await served.dial(request);
      await settle();
      assertEquals(thinker.pending(), 1);
      if (how === "closes") peer.close();
      else peer.reset();
      await settle();
      if (reason !== "filterNetworkConnection") {
        assertEquals(thinker.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
        assertEquals(thinker.wsi().returnHttpStatus(200), 1);
        assertEquals(thinker.wsi().write("x"), -1);
      }
      const before = [...thinker.reasons];
      await thinker.decide(0);
      assertEquals(thinker.reasons, before);
      assertEquals(served.context.hangupOnClient(1), 0);
    });
  }

  Deno.test(`destroy ends a connection about which ${reason} thinks (${status})`, async () => {
    const thinker = thinking(reason, { http: answer });
    const served = serve([thinker.protocol]);
    const peer = await served.dial(request);
    await settle();
    assertEquals(thinker.pending(), 1);
    await served.context.destroy();
    assertEquals((await peer.readToEnd()).length, 0);
    await thinker.decide(0);
    assertEquals(thinker.reasons.includes("established"), false);
  });
}

Deno.test("filterHttpConnection and http may both think, one after the other", async () => {
  const thinker = thinking(["filterHttpConnection", "http"]);
  await using peer = await dialAlone([thinker.protocol], get("/a"));
  await settle();
  assertEquals(thinker.reasons.slice(-1), ["filterHttpConnection"]);
  await thinker.decide(0);
  assertEquals(thinker.reasons.slice(-1), ["http"]);
  assertEquals(thinker.wsi().hdrCopy("host"), "localhost");
  answer(thinker.wsi());
  await settle();
  await thinker.decide(0);
  assertEquals(statusOf((await readResponse(peer)).head), 200);
});

Deno.test("frames that came with the handshake are delivered behind established, all of them", async () => {
  const received: string[] = [];
  const decoder = new TextDecoder();
  const thinker = thinking("filterProtocolConnection", {
    receive: (_wsi, data) => void received.push(decoder.decode(data as Uint8Array)),
  });
  await using served = serve([thinker.protocol], { maxHeaderBytes: 256 });
  for (const [length, chop] of [[1, Infinity], [100, 1], [1000, Infinity], [1000, 7]] as const) {
    received.length = 0;
    thinker.reasons.length = 0;
    const peer = await served.dial();
    peer.transport.peer.chop(chop);
    const texts = Array.from({ length: 5 }, (_, i) => `${i}`.repeat(length));
    const frames = texts.map((payload) => frame({ opcode: 1, payload, key: KEY }));
    peer.send(concat(new TextEncoder().encode(handshake()), ...frames.slice(0, 3)));
    await settle();
    while (thinker.pending() === 0) await settle();
    for (const each of frames.slice(3)) peer.send(each);
    await settle();
    assertEquals(received, []);
    await thinker.decide(0);
    assertEquals(statusOf(await readHead(peer)), 101);
    while (received.join("").length < 5 * length) await settle();
    assertEquals(received.join(""), texts.join(""));
    assertEquals(thinker.reasons.indexOf("established") < thinker.reasons.indexOf("receive"), true);
    peer.close();
    await settle();
  }
});

Deno.test("beyond maxHeaderBytes nothing more is read until the filter has decided", async () => {
  let count = 0;
  const thinker = thinking("filterProtocolConnection", { receive: () => void count++ });
  await using peer = await dialAlone([thinker.protocol], handshake(), { maxHeaderBytes: 1024 });
  await settle();
  const one = frame({ opcode: 1, payload: "x".repeat(92), key: KEY });
  for (let i = 0; i < 100; i++) {
    peer.send(one);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const waiting = peer.transport.peer.undelivered;
  assert(waiting > 100 * one.length - 1024 - 2 * one.length, `${waiting} wait`);
  await thinker.decide(0);
  while (count < 100) await settle();
  peer.close();
});

Deno.test("an async function in handlers filters, with all that it may ask after it has waited", async () => {
  const seen: unknown[] = [];
  await using served = serve([{
    name: "x",
    perSessionData: () => ({ name: "" }),
    callback: handlers<{ name: string }>({
      async filterProtocolConnection(wsi, user, filter) {
        await settle();
        user.name = wsi.hdrCopy("x-token") ?? "";
        filter.add("X-Hello", user.name);
        return user.name === "good" ? 0 : -1;
      },
      established: (_wsi, user) => void seen.push(user.name),
    }),
  }]);
  const socket = await served.open({ headers: ["X-Token: good"] });
  assertStringIncludes(socket.answer, "\r\nX-Hello: good\r\n");
  const peer = await served.dial(handshake({ headers: ["X-Token: bad"] }));
  assertEquals((await readRefusal(peer)).status, 403);
  assertEquals(seen, ["good"]);
});

Deno.test("a filter may answer by itself before it refuses", async () => {
  await using served = serve([named("x", {
    async filterProtocolConnection(wsi) {
      await settle();
      wsi.returnHttpStatus(401);
      await settle();
      return -1 as const;
    },
  })]);
  assertEquals((await readRefusal(await served.dial(handshake()))).status, 401);
});

/** Answers with what takes a while to leave. */
async function* slowly() {
  for (const piece of ["all ", "there ", "is"]) {
    await settle();
    yield piece;
  }
}

for (const reason of ["filterHttpConnection", "filterProtocolConnection"] as const) {
  for (const thinks of [false, true]) {
    for (const result of [0, 1]) {
      const how = `${reason}, which ${thinks ? "thinks and " : ""}returns ${result}`;
      Deno.test(`a stream of ${how}, leaves whole, and nothing else answers`, () =>
        withFiles({ "index.html": "a mount's", "next": "next" }, async (folder) => {
          const recorder = record("http", (wsi, each, _user, data) => {
            if (each !== reason || data === "/next") return;
            const answer = () => (wsi.respond(200, slowly()), result);
            return thinks ? settle().then(answer) : answer();
          });
          await using served = serve([recorder.protocol], { mounts: [{ path: "/", folder }] });
          const peer = await served.dial();
          const isPlain = reason === "filterHttpConnection";
          peer.send(isPlain ? get("/", "Content-Length: 3") + "abc" : handshake());
          peer.send(get("/next", "Connection: close"));
          const text = new TextDecoder().decode(await peer.readToEnd());
          assertStringIncludes(text, "\r\n4\r\nall \r\n6\r\nthere \r\n2\r\nis\r\n0\r\n\r\n");
          const answers = text.match(/HTTP\/1\.1 200/g)!.length;
          assertEquals(answers, isPlain && result === 0 ? 2 : 1, text);
          for (const each of ["http", "httpBody", "httpBodyCompletion"]) {
            assertEquals(recorder.reasons.includes(each), false, each);
          }
        }));
    }
  }
}

Deno.test("where a filter has begun an answer, the program goes on with it, and no mount", () =>
  withFiles({ "index.html": "a mount's" }, async (folder) => {
    await using served = serve([named("x", {
      filterHttpConnection: (wsi) => void wsi.writeHttpHeaders(200, [["content-length", "2"]]),
      http: (wsi) => void wsi.write("ok", "httpFinal"),
    })], { mounts: [{ path: "/", folder }] });
    const peer = await served.dial(get("/") + get("/"));
    for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "ok");
  }));

Deno.test("what a refused handshake had is put back: the first protocol's user hears of the end", async () => {
  const users: unknown[] = [];
  const promise = Promise.withResolvers<number>();
  const protocol = (name: string) => ({
    name,
    perSessionData: () => name,
    callback(...[, reason, user]: [unknown, string, unknown, unknown]) {
      if (reason === "closedHttp" || reason === "wsiDestroy") users.push(user);
      if (reason === "filterProtocolConnection") return promise.promise;
    },
  });
  await using served = serve([protocol("http"), protocol("chat")]);
  const peer = await served.dial(handshake({ protocol: "chat" }));
  await settle();
  peer.close();
  await settle();
  assertEquals(users, ["http", "http"]);
  promise.resolve(0);
});

Deno.test("who waits for filterNetworkConnection counts, and has an address", async () => {
  const thinker = thinking("filterNetworkConnection");
  await using served = serve([thinker.protocol], { maxConnections: 1 });
  const first = await served.dial();
  const second = await served.dial();
  await settle();
  assertEquals(thinker.pending(), 1);
  assert(served.context.peerAddresses(1).ip !== "");
  first.close();
  await settle();
  // Its place is free, whatever its filter still thinks.
  assertEquals(thinker.pending(), 2);
  await thinker.decide(0);
  await thinker.decide(0);
  second.send(handshake());
  assertStringIncludes(await readHead(second), "101");
  second.send(frame({ opcode: 9, payload: "p", key: KEY }));
  assertEquals((await readFrame(second)).opcode, 10);
});

/** Things to wait for that keep no rules. */
const UNRULY: readonly (readonly [string, () => unknown, boolean])[] = [
  ["a thenable of the program's own", () => ({ then: (f: (n: number) => void) => f(0) }), true],
  ["one that answers twice", () => ({
    then(f: (n: number) => void, g: (error: unknown) => void) {
      f(0);
      f(1);
      g(new Error("late"));
    },
  }), true],
  ["one whose then throws", () => ({
    then() {
      throw new Error("no then");
    },
  }), false],
  ["a function with then", () => Object.assign(() => {}, { then: (f: () => void) => f() }), true],
  ["a promise of a promise", () => Promise.resolve(Promise.resolve(0)), true],
  ["a promise of a text", () => Promise.resolve("yes"), false],
  ["a promise of true", () => Promise.resolve(true), false],
];

for (const [what, make, isIn] of UNRULY) {
  for (const how of ["callback", "handlers"]) {
    Deno.test(`a filter may return ${what}, and is ${isIn ? "in" : "out"}, by ${how}`, async () => {
      using _log = captureLog();
      const filter = () => make() as Promise<number>;
      await using served = serve([{
        name: "x",
        callback: how === "handlers"
          ? handlers({ filterProtocolConnection: filter as () => Promise<0> })
          : (...[, reason]) => reason === "filterProtocolConnection" ? filter() : 0,
      }]);
      const peer = await served.dial(handshake());
      assertEquals(statusOf(await readHead(peer)) === 101, isIn);
      peer.close();
    });
  }
}

Deno.test("the time of a filter ends with it", async () => {
  const thinker = thinking(["filterNetworkConnection", "filterHttpConnection"]);
  await using served = serve([thinker.protocol], { headerTimeoutMs: 1000, maxConnections: 3 });
  const peer = await served.dial();
  await settle();
  await thinker.decide(0);
  peer.send(get("/"));
  await settle();
  await thinker.decide(0);
  await served.pass(100_000);
  answer(thinker.wsi());
  assertEquals(statusOf((await readResponse(peer)).head), 200);
  // There is room for two more, and who is in counts once.
  const others = [await served.dial(), await served.dial(), await served.dial()];
  await settle();
  assertEquals(thinker.pending(), 2);
  peer.close();
  await settle();
  assertEquals(thinker.pending(), 3);
  for (const other of others) other.close();
});

Deno.test("the time of a filter that has answered goes on", async () => {
  using _log = captureLog([]);
  const thinker = thinking("filterProtocolConnection");
  await using served = serve([thinker.protocol], { headerTimeoutMs: 1000 });
  const peer = await served.dial(handshake());
  await settle();
  thinker.wsi().returnHttpStatus(401);
  assertEquals(statusOf((await readResponse(peer)).head), 401);
  await served.pass(900);
  assertEquals(peer.ended, false);
  served.clock.advance(200);
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("what is decided behind the end brings nothing back", async () => {
  const thinker = thinking(["filterProtocolConnection", "filterHttpConnection"]);
  await using served = serve([thinker.protocol]);
  for (const head of [handshake(), get("/")]) {
    const peer = await served.dial(head);
    await settle();
    peer.close();
    await settle();
    await thinker.decide(0);
    const before = [...thinker.reasons];
    served.context.callbackAllProtocol("x", "user:anybody");
    assertEquals(thinker.reasons, before);
  }
});

Deno.test("a filter that closes by itself is not answered behind the end of the stream", async () => {
  await using served = serve([named("x", {
    filterHttpConnection(wsi) {
      wsi.close();
      assertEquals(wsi.returnHttpStatus(200), 1);
      assertEquals(wsi.serveHttpFile("x"), -1);
      assertEquals(wsi.writeHttpHeaders(200, []), -1);
      assertEquals(wsi.httpTransactionCompleted(), 1);
      return -1;
    },
  })]);
  assertEquals((await (await served.dial(get("/"))).readToEnd()).length, 0);
});

Deno.test("before HTTP, too, no more is read than maxHeaderBytes while a filter thinks", async () => {
  const thinker = thinking("filterNetworkConnection", { http: answer });
  await using peer = await dialAlone([thinker.protocol], undefined, { maxHeaderBytes: 1024 });
  const request = get("/", `X-Long: ${"x".repeat(400)}`);
  for (let i = 0; i < 50; i++) {
    peer.send(request);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const waiting = peer.transport.peer.undelivered;
  assert(waiting > 50 * request.length - 1024 - 2 * request.length, `${waiting} wait`);
  await thinker.decide(0);
  for (let i = 0; i < 50; i++) assertEquals(statusOf((await readResponse(peer)).head), 200);
});
