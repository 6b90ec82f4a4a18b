/** Promises of reasons in which nobody waits: they count as 0, and a rejection is a throw. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type {
  CallbackResult,
  CloseInfo,
  Extension,
  ExtensionReason,
  ExtensionSession,
  Handlers,
  Protocol,
  Reason,
  Wsi,
} from "../../../mod.ts";
import { callbackExtension, handlers, setLogLevel } from "../../../mod.ts";
import { get, statusOf } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import type { Served } from "../../support/serve.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";

const FAILURE = "no database";

async function rejected(): Promise<never> {
  await settle();
  throw new Error(FAILURE);
}

/** A protocol that answers one reason with `promise`, and what it says at the end. */
function answering(reason: Reason, promise: () => CallbackResult) {
  const ends: CloseInfo[] = [];
  const protocol: Protocol = {
    name: "x",
    callback(...[, why, , data]) {
      if (why === "closed") ends.push(data as CloseInfo);
      if (why === reason) return promise();
    },
  };
  return { protocol, ends };
}

/** Has every reason of an established WebSocket come. */
async function useAll(served: Served, protocol: string): Promise<void> {
  served.context.callbackOnWritableAllProtocol(protocol);
  await settle();
  served.context.broadcast(protocol, "news");
  served.context.callbackAllProtocol(protocol, "user:mine");
  await settle();
}

const SERVER: readonly Reason[] = [
  "wsiCreate",
  "serverNewClientInstantiated",
  "established",
  "receive",
  "receivePing",
  "receivePong",
  "serverWriteable",
  "broadcast",
  "user:mine",
];

for (const reason of SERVER) {
  for (const value of [-1, 1, undefined]) {
    Deno.test(`a promise of ${value} counts as 0 in ${reason}`, async () => {
      const { protocol, ends } = answering(reason, () => Promise.resolve(value));
      await using served = serve([protocol]);
      const socket = await served.open();
      socket.send({ opcode: 9 }, { opcode: 10 }, { opcode: 1, payload: "x" });
      await useAll(served, "x");
      assertEquals(ends, []);
      assertEquals((await socket.receive()).opcode, 10);
    });
  }

  for (const how of ["callback", "handlers"]) {
    Deno.test(`one of ${reason} that is rejected costs its connection, logged with its stack, by ${how}`, async () => {
      using log = captureLog();
      let calls = 0;
      const once = () => calls++ === 0 ? rejected() : undefined;
      const { protocol, ends } = answering(reason, once);
      const methods = {
        [reason as "receive"]: once,
        closed: (...[, , info]) => void ends.push(info),
      } as Handlers<
        unknown
      >;
      const callback = how === "handlers" ? handlers(methods) : protocol.callback;
      await using served = serve([{ name: "x", callback }]);
      const early = reason === "wsiCreate" || reason === "serverNewClientInstantiated";
      const peer = await served.dial(handshake());
      const head = await readHead(peer);
      assertEquals(statusOf(head), 101);
      const socket = new WebSocketPeer(peer, head);
      if (!early) {
        socket.send({ opcode: 9 }, { opcode: 10 }, { opcode: 1, payload: "x" });
        await useAll(served, "x");
        assertEquals((await socket.receive()).opcode, 10);
      }
      assertEquals(await socket.receiveClose(), { code: 1011, reason: "" });
      peer.close();
      await settle();
      assertEquals(ends.map(({ code, cause }) => [code, cause]), [[1011, "callback"]]);
      assertEquals(log.lines.length, 1);
      assertStringIncludes(log.lines[0]!, `x: ${reason} was rejected: Error: ${FAILURE}\n    at `);
      // And nobody else's.
      await served.open();
    });
  }
}

const CLIENT: readonly Reason[] = [
  "clientAppendHandshakeHeader",
  "clientFilterPreEstablish",
  "clientEstablished",
  "clientReceive",
  "clientReceivePing",
  "clientReceivePong",
  "clientWriteable",
];

for (const reason of CLIENT) {
  Deno.test(`a client's ${reason} that is rejected closes with 1011, and the log has its stack`, async () => {
    using log = captureLog();
    const server = record("x", (wsi, why, _user, _data) => {
      if (why !== "established") return;
      wsi.write("", "ping");
      wsi.write("", "pong");
      wsi.write("x");
    });
    await using served = serve([server.protocol]);
    const gate = Promise.withResolvers<never>();
    const { protocol, ends } = answering(reason, () => gate.promise);
    const client = served.client([protocol]);
    const wsi = client.clientConnect({ address: "server", port: 80 });
    await server.until("established");
    wsi.callbackOnWritable();
    await settle();
    assertEquals(ends, []);
    gate.reject(new Error(FAILURE));
    await server.until("closed");
    assertEquals(ends.map(({ code, cause }) => [code, cause]), [[1011, "callback"]]);
    assertStringIncludes(log.lines[0]!, `x: ${reason} was rejected: Error: ${FAILURE}\n    at `);
  });
}

Deno.test("a client whose handshake is under way when a promise is rejected fails, and says so", async () => {
  using _log = captureLog();
  const errors: unknown[] = [];
  await using served = serve([record("x").protocol]);
  served.network.hold();
  const client = served.client([{
    name: "x",
    callback(...[, reason, , data]) {
      if (reason === "clientAppendHandshakeHeader") return rejected();
      if (reason === "clientConnectionError") errors.push(data);
    },
  }]);
  const peer = served.network.listen({ hostname: "silent", port: 81 });
  client.clientConnect({ address: "silent", port: 81 });
  const accepted = peer.accept();
  served.network.release();
  await accepted;
  while (errors.length === 0) await settle();
  assertEquals(errors, ["a callback threw"]);
  peer.close();
});

/** Reasons behind or beside the life of a connection, where a rejection has nothing to end. */
const BESIDE: readonly Reason[] = [
  "protocolInit",
  "protocolDestroy",
  "closed",
  "closedHttp",
  "wsiDestroy",
];

for (const reason of BESIDE) {
  Deno.test(`a promise of ${reason} that is rejected is a line in the log and no more`, async () => {
    using log = captureLog();
    const { protocol } = answering(reason, rejected);
    {
      await using served = serve([protocol]);
      (await served.open()).peer.close();
      (await served.dial()).close();
      await settle();
    }
    await settle();
    await settle();
    assert(log.lines.length > 0);
    for (const line of log.lines) assertStringIncludes(line, `x: ${reason} was rejected: Error: `);
  });
}

Deno.test("httpFileCompletion that is rejected ends its connection", async () => {
  using _log = captureLog();
  const { protocol } = answering("httpFileCompletion", rejected);
  await using served = serve([{
    name: "x",
    callback(...args) {
      const [wsi, reason] = args;
      if (reason === "http") return wsi.serveHttpFile("/file");
      return protocol.callback(...args);
    },
  }], {
    fileOps: {
      open: () => ({ handle: 0, length: 0 }),
      close: () => {},
      seekCur: () => 0,
      read: () => 0,
      write: () => 0,
    } as never,
  });
  const peer = await served.dial(get("/"));
  assertEquals(statusOf(await readHead(peer)), 200);
  await peer.readToEnd();
});

Deno.test("a promise consents to an extension, and is no acceptance of it when it is rejected", async () => {
  using _log = captureLog();
  const extension = callbackExtension({ name: "x-look", callback() {} });
  const offer = { headers: ["Sec-WebSocket-Extensions: x-look"] };
  const { protocol } = answering("confirmExtensionOkay", () => Promise.resolve(1));
  await using served = serve([protocol], { extensions: [extension] });
  assertStringIncludes((await served.open(offer)).answer, "Sec-WebSocket-Extensions: x-look");
  const other = answering("confirmExtensionOkay", rejected);
  await using failing = serve([other.protocol], { extensions: [extension] });
  assertEquals((await (await failing.open(offer)).receiveClose()).code, 1011);
});

Deno.test("perSessionData may be a promise, which is user then; a rejection costs the connection", async () => {
  using log = captureLog();
  let fails = false;
  const users: string[] = [];
  await using served = serve([{
    name: "x",
    perSessionData: async () => {
      await settle();
      if (fails) throw new Error(FAILURE);
      return "loaded";
    },
    callback: handlers<Promise<string>>({
      async established(_wsi, user) {
        users.push(await user);
      },
    }),
  }]);
  await served.open();
  await settle();
  await settle();
  assertEquals(users, ["loaded"]);
  fails = true;
  assertEquals((await (await served.open()).receiveClose()).code, 1011);
  assert(
    log.lines[0]!.startsWith("err: x: perSessionData was rejected: Error: no database\n    at "),
  );
  assertEquals((await (await served.dial()).readToEnd()).length, 0);
});

const EXTENSION: readonly ExtensionReason[] = [
  "construct",
  "anyWsiEstablished",
  "payloadRx",
  "payloadTx",
  "packetTxPresend",
  "packetRxPreparse",
  "1hz",
];

for (const reason of EXTENSION) {
  Deno.test(`an extension's ${reason} that is rejected closes with 1011`, async () => {
    using log = captureLog();
    const extension = callbackExtension({
      name: "x-look",
      callback(...[, , , why]) {
        if (why === reason) return rejected() as never;
      },
    });
    const echo = record("x", (wsi, why, _user, data) => {
      if (why === "receive") wsi.write(data);
    });
    await using served = serve([echo.protocol], { extensions: [extension] });
    const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-look"] });
    socket.send({ opcode: 1, payload: "x" });
    await settle();
    served.clock.advance(1100);
    for (;;) {
      const { opcode, payload } = await socket.receive();
      if (opcode !== 8) continue;
      assertEquals([payload[0]! << 8 | payload[1]!], [1011]);
      break;
    }
    assertStringIncludes(log.lines[0]!, `x-look: ${reason} was rejected: Error: ${FAILURE}`);
  });
}

for (const reason of ["destroy", "checkOkToReallyClose", "destroyAnyWsiClosing"] as const) {
  Deno.test(`an extension's ${reason} that is rejected ends nothing else`, async () => {
    using log = captureLog();
    const extension = callbackExtension({
      name: "x-look",
      callback(...[, , , why]) {
        if (why === reason) return rejected() as never;
      },
    });
    let wsi: Wsi | undefined;
    const ends: CloseInfo[] = [];
    const recorder = record("x", (...[each, why, , data]) => {
      if (why === "established") wsi = each;
      if (why === "closed") ends.push(data as CloseInfo);
    });
    await using served = serve([recorder.protocol], { extensions: [extension] });
    const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-look"] });
    wsi!.close(1000);
    assertEquals((await socket.receiveClose()).code, 1000);
    await settle();
    await settle();
    // It waits for the answer to its close frame.
    socket.send({ opcode: 8, payload: Uint8Array.of(1000 >> 8, 1000 & 255) });
    await socket.peer.readToEnd();
    socket.peer.close();
    while (log.lines.length === 0 || ends.length === 0) await settle();
    assertEquals(ends.map(({ wasClean }) => wasClean), [true]);
    assertStringIncludes(log.lines[0]!, `x-look: ${reason} was rejected`);
  });
}

for (const where of ["begin", "anyEstablished", "eachSecond"] as const) {
  Deno.test(`an Extension's ${where} that is rejected closes with 1011`, async () => {
    using log = captureLog();
    const hook = (place: string) => place === where ? rejected() as never : undefined;
    const session: ExtensionSession = {
      unit: "message",
      reservedBits: 4,
      sharedKey: undefined,
      begin: () => hook("begin"),
      encode: () => undefined,
      encodeShared: () => undefined,
      sentShared() {},
      push() {},
      read: () => 0,
      eachSecond: () => hook("eachSecond"),
      close() {},
    };
    const extension: Extension = {
      name: "x-look",
      accept: () => ({ answer: "x-look", session }),
      offer: () => "x-look",
      confirm: () => session,
      anyEstablished: () => hook("anyEstablished"),
      close() {},
    };
    await using served = serve([record("x").protocol], { extensions: [extension] });
    const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-look"] });
    served.clock.advance(1100);
    assertEquals((await socket.receiveClose()).code, 1011);
    assertStringIncludes(log.lines[0]!, `extension was rejected: Error: ${FAILURE}\n    at `);
  });
}

Deno.test("what an Extension promises where there is nothing to end is a line in the log", async () => {
  using log = captureLog();
  const extension: Extension = {
    name: "x-look",
    accept: () => undefined,
    offer: () => "x-look",
    confirm: () => rejected() as never,
    contextConstruct: () => rejected() as never,
    contextDestruct: () => rejected() as never,
    anyClosing: () => rejected() as never,
    close: () => rejected() as never,
  };
  {
    await using served = serve([record("x").protocol], { extensions: [extension] });
    (await served.open()).peer.close();
    await settle();
  }
  while (log.lines.length < 4) await settle();
  for (const line of log.lines) assertStringIncludes(line, "of an extension was rejected: Error: ");
});

Deno.test("an emitter of the log that is async and fails is nobody's problem", async () => {
  setLogLevel(["err"], () => rejected() as never);
  const { protocol } = answering("receive", rejected);
  await using served = serve([protocol]);
  const socket = await served.open();
  socket.send({ opcode: 1, payload: "x" });
  assertEquals((await socket.receiveClose()).code, 1011);
  await settle();
  await settle();
  setLogLevel(["err", "warn"], () => {});
});

Deno.test("what can't be shown is told of, and what says once only that it is promised is heard", async () => {
  const shy = () => Promise.reject(Object.create(null));
  const onceOnly = () => {
    let asked = 0;
    return {
      get then() {
        if (asked++ > 0) throw new Error(FAILURE);
        return (resolve: (value: number) => void) => resolve(0);
      },
    } as never;
  };
  for (
    const [promise, words] of [[shy, "something that can't be shown"], [onceOnly, FAILURE]] as const
  ) {
    using log = captureLog(["err"]);
    const { protocol, ends } = answering("receive", promise);
    await using served = serve([protocol]);
    const socket = await served.open();
    socket.send({ opcode: 1, payload: "x" });
    assertEquals((await socket.receiveClose()).code, 1011);
    socket.peer.close();
    while (ends.length === 0) await settle();
    assertStringIncludes(log.lines.join("\n"), `x: receive was rejected: `);
    assertStringIncludes(log.lines.join("\n"), words);
  }
});
