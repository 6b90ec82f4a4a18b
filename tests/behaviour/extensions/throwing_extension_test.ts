/** Extensions of users that throw where they should not, or say what can't be. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Extension, ExtensionSession, ServicePolicy } from "../../../mod.ts";
import { handlers, permessageDeflate } from "../../../mod.ts";
import { flip } from "../../support/extensions.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

/** An extension that changes nothing, and throws in one place. */
function throwing(where: string): Extension {
  const check = (place: string) => {
    if (place === where) throw new Error(`thrown in ${where}`);
  };
  let pushed: Uint8Array = new Uint8Array(0);
  const session: ExtensionSession = {
    unit: "message",
    reservedBits: 4,
    sharedKey: undefined,
    encode: () => (check("encode"), undefined),
    encodeShared: () => undefined,
    sentShared() {},
    push(piece) {
      check("push");
      pushed = piece;
    },
    read(target) {
      check("read");
      target.set(pushed);
      const { length } = pushed;
      pushed = pushed.subarray(length);
      return length;
    },
    close: () => check("session.close"),
  };
  return {
    name: "thrower",
    accept: () => (check("accept"), { answer: "thrower", session }),
    offer: () => "thrower",
    confirm: () => session,
    close: () => check("close"),
    contextConstruct: () => check("contextConstruct"),
    contextDestruct: () => check("contextDestruct"),
    anyClosing: () => check("anyClosing"),
  };
}

const PLACES = [
  "accept",
  "push",
  "read",
  "session.close",
  "close",
  "contextConstruct",
  "contextDestruct",
  "anyClosing",
];
const POLICIES: readonly ServicePolicy[] = ["automatic", "manual"];

for (const service of POLICIES) {
  for (const where of PLACES) {
    Deno.test(`${service}: an extension that throws in ${where} ends nothing but its connection`, async () => {
      using log = captureLog(["err", "info"]);
      const recorder = record("echo");
      const served = serve([recorder.protocol], { service, extensions: [throwing(where)] });
      const { context } = served;
      const pump = async () => {
        for (let i = 0; i < 10; i++) {
          if (service === "manual" && !context.isDestroyed) await context.service(0);
          await settle();
        }
      };
      const peer = await served.dial(handshake({ headers: ["Sec-WebSocket-Extensions: thrower"] }));
      await pump();
      const answer = await readHead(peer);
      assertEquals(answer.startsWith("HTTP/1.1 101"), true);
      const socket = new WebSocketPeer(peer, answer);
      socket.send({ opcode: 1, rsv: where === "accept" ? 0 : 4, payload: "x" });
      await pump();
      peer.close();
      await pump();
      assertEquals(recorder.reasons.filter((each) => each === "closed").length, 1);
      assertEquals(recorder.reasons.filter((each) => each === "wsiDestroy").length, 1);

      const next = await served.dial(handshake());
      await pump();
      assertEquals((await readHead(next)).startsWith("HTTP/1.1 101"), true, "it serves on");
      next.close();
      await pump();
      await served[Symbol.asyncDispose]();
      assertEquals(log.lines.some((line) => line.includes(`thrown in ${where}`)), true);
    });
  }
}

/** Decodes nothing, and says that it has decoded so much. */
function boasting(name: string, unit: "message" | "frame" | "stream", count: unknown): Extension {
  let isDue = false;
  const session: ExtensionSession = {
    unit,
    reservedBits: 0,
    sharedKey: undefined,
    encode: () => undefined,
    encodeShared: () => undefined,
    sentShared() {},
    push: () => void (isDue = true),
    read() {
      if (!isDue) return 0;
      isDue = false;
      return count as number;
    },
    close() {},
  };
  const accept = (offers: readonly { name: string }[]) =>
    offers.some((each) => each.name === name) ? { answer: name, session } : undefined;
  return { name, accept, offer: () => name, confirm: () => session, close() {} };
}

for (const unit of ["message", "frame", "stream"] as const) {
  Deno.test(`a ${unit} of which an extension says it decoded what it can't have fails with 1011`, async () => {
    for (const count of [-1, 1.5, NaN, Infinity, 70_000, "7", 7n, undefined]) {
      using log = captureLog();
      const extensions = [boasting("x-boast", unit, count)];
      await using served = serve([record("echo").protocol], { extensions });
      const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-boast"] });
      socket.send({ opcode: 1, payload: "x" });
      assertEquals((await socket.receiveClose()).code, 1011, String(count));
      assertEquals(log.lines.length, 1);
      assertStringIncludes(log.lines[0]!, "read of an extension returned ");
      socket.peer.close();
    }
  });
}

Deno.test("an extension that decodes less than it says hands on no bytes of other connections", async () => {
  const heard: Uint8Array[] = [];
  const callback = handlers({
    message: (_wsi, _user, message) => void heard.push(message as Uint8Array),
  });
  const protocols = [{ name: "echo", callback }];
  const extensions = () => [permessageDeflate({ threshold: 0 }), flip()];
  await using served = serve(protocols, {
    extensions: [...extensions(), boasting("x-boast", "message", 9_000)],
  });
  const told = Promise.withResolvers<void>();
  const secret = new TextEncoder().encode("secret ".repeat(9_000));
  served.client([named("echo", {
    clientEstablished(wsi) {
      for (let i = 0; i < 8; i++) wsi.write(secret);
      told.resolve();
    },
  })], { extensions: extensions() }).clientConnect({ address: "memory", port: 80 });
  await told.promise;
  while (heard.length < 8) await settle();
  heard.length = 0;
  for (const names of ["x-boast", `x-boast, ${flip().name}`]) {
    const socket = await served.open({ headers: [`Sec-WebSocket-Extensions: ${names}`] });
    socket.send({ opcode: 2, payload: "x" });
    await settle();
    socket.peer.close();
  }
  assertEquals(heard, [new Uint8Array(9_000), new Uint8Array(9_000).fill(0xff)]);
});

/** What can be thrown and is hard to speak of, with words that the log has of it. */
const THROWN: readonly [words: string, what: () => unknown][] = [
  ["null", () => null],
  ["undefined", () => undefined],
  ["Symbol(x)", () => Symbol("x")],
  ["something that can't be shown", () => Object.create(null)],
  ["something that can't be shown", () =>
    Object.defineProperties(new Error(), {
      message: { get: () => assertEquals("is asked", "") },
      stack: { get: () => assertEquals("is asked", "") },
    })],
];

const CLIENT_PLACES = ["mayPropose", "offer", "confirm", "begin"] as const;

for (const where of CLIENT_PLACES) {
  Deno.test(`whatever ${where} of an extension throws, a client's handshake fails and nothing else does`, async () => {
    for (const [words, what] of THROWN) {
      const check = (place: string) => {
        if (place === where) throw what();
      };
      const extension = throwing("nowhere");
      const session = { ...extension.confirm({ name: "thrower", params: [] }) };
      const mine: Extension = {
        ...extension,
        mayPropose: () => (check("mayPropose"), true),
        offer: () => (check("offer"), "thrower"),
        confirm: () => (check("confirm"), { ...session, begin: () => check("begin") }),
      };
      const errors: unknown[] = [];
      const client = record("echo", (...[, reason, , data]) => {
        if (reason === "clientConnectionError") errors.push(data);
      });
      await using served = serve([record("echo").protocol], { extensions: [throwing("nowhere")] });
      const context = served.client([client.protocol], { extensions: [mine] });
      context.clientConnect({ address: "memory", port: 80 });
      await client.until("wsiDestroy");
      assertEquals(errors.length, 1);
      assertStringIncludes(String(errors[0]), words);
    }
  });
}

Deno.test("whatever an extension throws, the log has a word of it, and a server's connection ends alone", async () => {
  for (const place of ["begin", "read"] as const) {
    for (const [words, what] of [...THROWN, ["é".repeat(100), () => new Error("é".repeat(100))]]) {
      using log = captureLog(["info"]);
      const extension = boasting("x-boast", "message", 0);
      const { session } = extension.accept([{ name: "x-boast", params: [] }])!;
      const fault = () => {
        throw (what as () => unknown)();
      };
      const accept = () => ({ answer: "x-boast", session: { ...session, [place]: fault } });
      const extensions = [{ ...extension, accept }];
      await using served = serve([record("echo").protocol], { extensions });
      const headers = ["Sec-WebSocket-Extensions: x-boast"];
      if (place === "begin") {
        const peer = await served.dial(handshake({ headers }));
        assertEquals((await readHead(peer)).slice(0, 12), "HTTP/1.1 500");
      } else {
        const socket = await served.open({ headers });
        socket.send({ opcode: 1, payload: "x" });
        const { code, reason } = await socket.receiveClose();
        assertEquals(code, 1007);
        // A close frame has room for 123 bytes.
        assertEquals((words as string).startsWith(reason), true, reason);
      }
      assertStringIncludes(log.lines.join("\n"), (words as string).replaceAll(/é+/g, "\\u00e9"));
    }
  }
});

/** What is no answer to an offer, or no session. */
const NO_ANSWERS: readonly [named: string, answer: (session: ExtensionSession) => unknown][] = [
  ["answer is undefined", () => true],
  ["answer is undefined", (session) => Promise.resolve({ answer: "x-boast", session })],
  ["answer is undefined", () => Promise.reject(new Error("rejected, and told of"))],
  ["answer is 5", (session) => ({ answer: 5, session })],
  ['answer is "x-boast\\r\\nX: y"', (session) => ({ answer: "x-boast\r\nX: y", session })],
  ["session is null", () => ({ answer: "x-boast", session: null })],
  ["session has no encode, ", () => ({ answer: "x-boast", session: {} })],
  ['unit is "all"', (session) => ({ answer: "x-boast", session: { ...session, unit: "all" } })],
  [
    "reservedBits is 8",
    (session) => ({ answer: "x-boast", session: { ...session, reservedBits: 8 } }),
  ],
];

Deno.test("an extension that accepts with what is none is not used, and the log names the member", async () => {
  const extension = boasting("x-boast", "message", 0);
  const session = extension.confirm({ name: "x-boast", params: [] });
  let answer: unknown;
  const extensions = [{ ...extension, accept: () => answer as never }];
  await using served = serve([record("echo").protocol], { extensions });
  for (const [named, answerWith] of NO_ANSWERS) {
    using log = captureLog();
    answer = answerWith(session);
    const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-boast"] });
    assertEquals(/Sec-WebSocket-Extensions/i.test(socket.answer), false, named);
    assertStringIncludes(log.lines.join("\n"), named);
    socket.peer.close();
    await settle();
  }
});

Deno.test("an extension that confirms with what is no session fails the client's handshake", async () => {
  const rejected = () => Promise.reject(new Error("told of"));
  for (const make of [() => undefined, () => null, () => 5, () => ({}), rejected]) {
    using _log = captureLog();
    const extension = throwing("nowhere");
    const client = record("echo");
    await using served = serve([record("echo").protocol], { extensions: [extension] });
    const extensions = [{ ...extension, confirm: () => make() as never }];
    served.client([client.protocol], { extensions }).clientConnect({ address: "memory", port: 80 });
    await client.until("wsiDestroy");
    assertEquals(client.reasons.includes("clientConnectionError"), true);
  }
});

Deno.test("an extension whose mayClose throws keeps no connection open", async () => {
  using log = captureLog();
  const extension = boasting("x-boast", "message", 0);
  const session = {
    ...extension.confirm({ name: "x-boast", params: [] }),
    mayClose() {
      throw new Error("undecided");
    },
  };
  const extensions = [{ ...extension, accept: () => ({ answer: "x-boast", session }) }];
  const { protocol, until } = record(
    "echo",
    (wsi, reason, _user, data) => {
      if (reason === "established" && wsi.uri === "/close") assertEquals(wsi.close(1000), 0);
      if (reason === "receivePing" && data.length === 1) return -1;
    },
  );
  await using served = serve([protocol], { extensions });
  const headers = ["Sec-WebSocket-Extensions: x-boast"];
  const closed = await served.open({ path: "/close", headers });
  assertEquals((await closed.receiveClose()).code, 1000);
  closed.peer.close();
  (await served.open({ headers })).send({ opcode: 9, payload: "x" });
  await until("closed", 2);
  assertEquals(log.lines.filter((line) => line.includes("Error: undecided")).length, 2);
});
