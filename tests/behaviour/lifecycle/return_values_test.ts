/** What the numbers mean that callbacks return, raw and in `handlers`. */

import { assert, assertEquals } from "@std/assert";
import type { CallbackResult, Handlers, Protocol, Wsi } from "../../../mod.ts";
import { handlers } from "../../../mod.ts";
import { get, readRefusal, reply, request, statusOf } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readResponse, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

function withHandlers(methods: Handlers<unknown>, info = {}): Served {
  return serve([{ name: "x", callback: handlers(methods) }], info);
}

/** The lines about numbers that callbacks returned. */
function returned(log: { readonly lines: string[] }): string[] {
  return log.lines.filter((line) => line.includes(" returned "));
}

Deno.test("a length that a method returns closes nothing, with one line in the log a reason", async () => {
  using log = captureLog(["warn", "notice"]);
  const careless = (wsi: Wsi): never => wsi.write("welcome") as never;
  await using served = withHandlers({
    established: careless,
    message: (wsi, _user, message) => wsi.write(message) as never,
  });
  for (let i = 0; i < 2; i++) {
    const socket = await served.open();
    assertEquals(await socket.receiveText(), "welcome");
    // One byte makes it 1.
    for (const text of ["a", "longer", ""]) {
      socket.send({ opcode: 1, payload: text });
      assertEquals(await socket.receiveText(), text);
    }
  }
  assertEquals(returned(log), [
    "warn: handlers: established returned 7, which counts as 0; allowed: nothing, 0, −1",
    "warn: handlers: message returned 1, which counts as 0; allowed: nothing, 0, −1",
  ]);
});

Deno.test("a promise of −1 closes nothing where none is awaited, with one line in the log", async () => {
  using log = captureLog(["warn", "notice"]);
  await using served = withHandlers({
    established: async () => await Promise.resolve(0),
    async message(wsi, _user, message) {
      await Promise.resolve();
      wsi.write(message);
      return -1 as const;
    },
  });
  const socket = await served.open();
  for (const text of ["a", "b"]) {
    socket.send({ opcode: 1, payload: text });
    assertEquals(await socket.receiveText(), text);
  }
  await settle();
  assertEquals(returned(log), [
    "warn: handlers: message returned -1, which counts as 0; allowed: nothing or 0, as no promise " +
    "is awaited here",
  ]);
});

Deno.test("a client's methods are held to the same", async () => {
  using log = captureLog(["warn", "notice"]);
  const server = record("x", { established: (wsi) => void wsi.write("x") });
  await using served = serve([server.protocol]);
  const client = served.client([named("x", {
    clientEstablished: (wsi) => wsi.write("hello") as never,
    message: (wsi, _user, message) => wsi.write(message) as never,
  })]);
  client.clientConnect({ address: "server", port: 80 });
  await server.until("receive", 2);
  await settle();
  assertEquals(server.reasons.includes("closed"), false);
  assertEquals(returned(log).map((line) => /handlers: (\w+ returned \d+)/.exec(line)?.[1]), [
    "clientEstablished returned 5",
    "message returned 1",
  ]);
});

const ANYTHING: readonly unknown[] = [1, 2, -2, 0.5, NaN, true, "x", {}];

for (const value of ANYTHING) {
  Deno.test(`established of handlers may return ${String(value)} without an effect`, async () => {
    using _log = captureLog();
    await using served = withHandlers({ established: () => value as never });
    const socket = await served.open();
    socket.send({ opcode: 9, payload: "there?" });
    assertEquals(await socket.receiveText(), "there?");
  });
}

const CLOSING: readonly (keyof Handlers<unknown>)[] = [
  "established",
  "receive",
  "message",
  "receivePing",
  "receivePong",
  "serverWriteable",
  "broadcast",
  "user:mine",
];

for (const reason of CLOSING) {
  Deno.test(`−1 of ${reason} in handlers closes, and the log says so`, async () => {
    using log = captureLog(["warn", "notice"]);
    const causes: string[] = [];
    await using served = withHandlers({
      [reason as "receive"]: () => -1 as const,
      closed: (_wsi, _user, { cause }) => void causes.push(cause),
    });
    const socket = await served.open();
    socket.send({ opcode: 9 }, { opcode: 10 }, { opcode: 1, payload: "x" });
    served.context.callbackOnWritableAllProtocol("x");
    await settle();
    served.context.broadcast("x", "news");
    served.context.callbackAllProtocol("x", "user:mine");
    await socket.peer.readToEnd();
    await settle();
    assertEquals(causes, ["callback"]);
    assertEquals(returned(log), [`notice: connection 1: ${reason} returned -1, which closes it`]);
  });
}

for (const reason of ["wsiCreate", "serverNewClientInstantiated"] as const) {
  Deno.test(`−1 of ${reason} in handlers closes`, async () => {
    using log = captureLog(["notice"]);
    await using served = withHandlers({ [reason]: () => -1 as const });
    assertEquals((await (await served.dial()).readToEnd()).length, 0);
    assertEquals(returned(log), [`notice: connection 1: ${reason} returned -1, which closes it`]);
  });
}

for (const result of [-1, 1] as const) {
  for (const reason of ["http", "httpBody", "httpBodyCompletion"] as const) {
    Deno.test(`${result} of ${reason} in handlers closes behind what was written`, async () => {
      using log = captureLog(["warn", "notice"]);
      await using served = withHandlers({
        http() {},
        [reason as "httpBody"]: (wsi: Wsi) => (wsi.returnHttpStatus(403), result),
      });
      const peer = await served.dial(request("POST", "/", "Content-Length: 1") + "x");
      assertEquals((await readRefusal(peer)).status, 403);
      assertEquals(returned(log), [
        `notice: connection 1: ${reason} returned ${result}, which closes it`,
      ]);
    });
  }

  Deno.test(`${result} of a filter in handlers refuses`, async () => {
    using log = captureLog(["warn", "notice"]);
    await using served = withHandlers({
      filterHttpConnection: () => result,
      filterProtocolConnection: () => result,
    });
    assertEquals((await readRefusal(await served.dial(get("/")))).status, 403);
    assertEquals((await readRefusal(await served.dial(handshake()))).status, 403);
    assertEquals(returned(log), [
      `notice: connection 1: filterHttpConnection returned ${result}, which closes it`,
      `notice: connection 2: filterProtocolConnection returned ${result}, which closes it`,
    ]);
  });
}

Deno.test("another number of a filter lets in, with a line in the log; what is no number refuses", async () => {
  using log = captureLog(["warn"]);
  let answer: unknown = 2;
  await using served = withHandlers({ filterProtocolConnection: () => answer as never });
  await served.open();
  answer = false;
  assertEquals((await readRefusal(await served.dial(handshake()))).status, 403);
  assertEquals(returned(log), [
    "warn: handlers: filterProtocolConnection returned 2, which counts as 0; " +
    "allowed: nothing, 0, −1 or 1",
  ]);
});

Deno.test("the 1 of a transaction that has ended is no line in the log", async () => {
  using log = captureLog(["warn", "notice"]);
  await using served = withHandlers({ http: (wsi) => reply(wsi) });
  const peer = await served.dial(get("/", "Connection: close"));
  assertEquals(statusOf((await readResponse(peer)).head), 200);
  await peer.readToEnd();
  assertEquals(log.lines, []);
});

/** What each number does in a raw callback: closes, or not. */
const RAW: readonly [reason: string, closing: readonly number[], harmless: readonly number[]][] = [
  ["established", [-1, 1, 7], [0]],
  ["receive", [-1, -7], [0, 1, 7]],
  ["receivePing", [-1], [0, 1]],
  ["serverWriteable", [-1, 1], [0]],
  ["broadcast", [], [-1, 1]],
  ["user:mine", [], [-1, 1]],
];

for (const [reason, closing, harmless] of RAW) {
  for (const result of [...closing, ...harmless]) {
    const closes = closing.includes(result);
    Deno.test(`${result} of ${reason} in a raw callback ${closes ? "closes" : "goes on"}`, async () => {
      using log = captureLog(["notice"]);
      const protocol: Protocol = {
        name: "x",
        callback: (...[, why]): CallbackResult => why === reason ? result : 0,
      };
      await using served = serve([protocol]);
      const socket = await served.open();
      socket.send({ opcode: 9 }, { opcode: 1, payload: "x" });
      served.context.callbackOnWritableAllProtocol("x");
      await settle();
      served.context.broadcast("x", "news");
      served.context.callbackAllProtocol("x", "user:mine");
      await settle();
      assertEquals(socket.peer.ended, closes);
      assertEquals(returned(log).length, closes ? 1 : 0);
      if (closes) assert(log.lines[0]!.includes(`${reason} returned ${result}, `), log.lines[0]);
    });
  }
}

Deno.test("the compiler tells what may be returned from a method", () => {
  handlers({
    // @ts-expect-error: a length is no verdict
    established: (wsi) => wsi.write("welcome"),
    // @ts-expect-error: nor is it in a message
    message: (wsi, _user, message) => wsi.write(message),
    // @ts-expect-error: 1 closes nothing here
    serverWriteable: () => 1,
    // @ts-expect-error: nor does it by a promise
    closed: async () => await Promise.resolve(1 as const),
    // @ts-expect-error: and only 1 does here
    filterHttpConnection: () => 2,
    // @ts-expect-error: no truth of its own
    filterProtocolConnection: async () => await Promise.resolve(true),
  });
  handlers({
    established(wsi) {
      wsi.write("welcome");
    },
    message: (wsi, _user, message) => void wsi.write(message),
    serverWriteable: () => -1,
    closed: async () => await Promise.resolve(),
    filterHttpConnection: () => 1,
    filterProtocolConnection: async (wsi) => await Promise.resolve(wsi.uri === "/" ? 0 : -1),
    http(wsi, _user, path) {
      if (path === "/file") return wsi.serveHttpFile("file");
      if (path === "/none") return wsi.returnHttpStatus(404);
      return wsi.httpTransactionCompleted();
    },
    async httpBody(wsi) {
      await Promise.resolve();
      if (wsi.uri === "/") return -1;
    },
  });
});
