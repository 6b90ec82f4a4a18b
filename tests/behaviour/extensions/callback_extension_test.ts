/** Extensions of a name and a callback: their life, and what can't be one. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { ExtensionReason, ExtensionStruct, Wsi } from "../../../mod.ts";
import {
  callbackExtension,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  LwsError,
  permessageDeflate,
} from "../../../mod.ts";
import { flip } from "../../support/extensions.ts";
import { frame } from "../../support/frames.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { openAlone, serve, settle } from "../../support/serve.ts";
import { doing, type Methods, NAME, OFFER, watched } from "./callback_extension.ts";

// Life.

Deno.test("the reasons come in the order of the C library, on servers and on clients", async () => {
  const log: string[] = [];
  const noting = (side: string) =>
    callbackExtension({
      name: NAME,
      callback: (_context, extension, _wsi, reason, _user, _data) => {
        assertEquals(extension.name, NAME);
        log.push(`${side} ${reason}`);
      },
    });
  const told = (side: string) =>
    record(side, (...[, reason]) => void log.push(`${side}: ${reason}`));
  const both = [told("server"), told("client")] as const;
  {
    await using served = serve([both[0].protocol], { extensions: [noting("server")] });
    const client = served.client([both[1].protocol], { extensions: [noting("client")] });
    assertEquals(log, [
      "server: protocolInit",
      "server serverContextConstruct",
      "client: protocolInit",
      "client clientContextConstruct",
    ]);
    log.length = 0;
    const wsi = client.clientConnect({ address: "memory", port: 80 });
    await both[1].until("clientEstablished");
    wsi.write("message");
    await both[0].until("receive");
    wsi.close(1000);
    await both[1].until("wsiDestroy");
    await settle();
  }
  const skipped = ["wsiCreate", "serverNewClientInstantiated", "filterNetworkConnection"];
  const of = (side: string) =>
    log.filter((line) => line.startsWith(side) && !skipped.some((each) => line.endsWith(each)));
  assertEquals(of("client"), [
    "client checkOkToProposeExtension",
    "client: clientConfirmExtensionSupported",
    "client: clientAppendHandshakeHeader",
    "client clientConstruct",
    "client: clientFilterPreEstablish",
    "client anyWsiEstablished",
    "client: clientEstablished",
    "client payloadTx",
    "client packetTxPresend",
    "client checkOkToReallyClose",
    "client flushPendingTx",
    "client packetRxPreparse",
    "client: closed",
    "client destroy",
    "client destroyAnyWsiClosing",
    "client: wsiDestroy",
    "client clientContextDestruct",
    "client: protocolDestroy",
  ]);
  assertEquals(of("server"), [
    "server: filterProtocolConnection",
    "server: confirmExtensionOkay",
    "server construct",
    "server anyWsiEstablished",
    "server: established",
    "server packetRxPreparse",
    "server payloadRx",
    "server: receive",
    "server packetRxPreparse",
    "server flushPendingTx",
    "server: closed",
    "server destroy",
    "server destroyAnyWsiClosing",
    "server: wsiDestroy",
    "server serverContextDestruct",
    "server: protocolDestroy",
  ]);
});

Deno.test("user is made for each connection, stays the same, and is there until destroy", async () => {
  let made = 0;
  const seen: [ExtensionReason, unknown][] = [];
  const { protocol, wsi } = watched();
  await using served = serve([protocol], {
    extensions: [callbackExtension<{ number: number }>({
      name: NAME,
      perSessionData: () => ({ number: ++made }),
      callback: (_context, _extension, _wsi, reason, user, _data) =>
        void seen.push([reason, user?.number]),
    })],
  });
  for (const number of [1, 2]) {
    seen.length = 0;
    const socket = await served.open(OFFER);
    wsi().write("a");
    await socket.receive();
    socket.peer.close();
    await settle();
    assertEquals(seen, [
      ["construct", number],
      ["anyWsiEstablished", undefined],
      ["payloadTx", number],
      ["packetTxPresend", number],
      ["flushPendingTx", number],
      ["destroy", number],
      ["destroyAnyWsiClosing", undefined],
    ]);
  }
});

Deno.test("a number of perSessionData gives a zeroed ArrayBuffer, none gives undefined", async () => {
  for (const perSessionData of [0, 7, undefined]) {
    let user: unknown;
    const struct: ExtensionStruct = {
      name: NAME,
      ...(perSessionData === undefined ? {} : { perSessionData }),
      callback: (_context, _extension, _wsi, reason, given, _data) => {
        if (reason === "construct") user = given;
      },
    };
    await using served = serve([watched().protocol], { extensions: [struct] });
    await served.open(OFFER);
    const expected = perSessionData === undefined ? undefined : new ArrayBuffer(perSessionData);
    assertEquals(user, expected);
  }
});

Deno.test("perContextPrivateData is read and written by all connections", async () => {
  const counting = callbackExtension({
    name: NAME,
    perContextPrivateData: 10,
    callback(_context, extension, _wsi, reason, _user, _data) {
      if (reason === "construct") (extension.perContextPrivateData as number)++;
    },
  });
  await using served = serve([watched().protocol], { extensions: [counting] });
  assertEquals(counting.perContextPrivateData, 10);
  await served.open(OFFER);
  await served.open(OFFER);
  await served.open();
  assertEquals(counting.perContextPrivateData, 12);
  assertEquals(callbackExtension({ name: NAME, callback() {} }).perContextPrivateData, undefined);
});

Deno.test("the any… reasons come for connections that use no extension, and no other ones do", async () => {
  const seen: string[] = [];
  const { protocol, wsi } = watched();
  await using served = serve([protocol], {
    extensions: [callbackExtension({
      name: NAME,
      callback: (context, _extension, each, reason, user, _data) => {
        if (each === undefined) return;
        assert(context === served.context);
        seen.push(`${reason} ${each === wsi()} ${user}`);
      },
    })],
  });
  const socket = await served.open();
  wsi().write("a");
  await socket.receive();
  served.clock.advance(5000);
  socket.peer.close();
  await settle();
  // Nobody knows it yet when it is established.
  assertEquals(seen, ["anyWsiEstablished false undefined", "destroyAnyWsiClosing true undefined"]);
});

for (const how of ["returns −1", "throws"]) {
  const fail = () => {
    if (how === "throws") throw new Error("no good");
    return -1;
  };

  Deno.test(`a construct that ${how} refuses the handshake, and its destroy comes`, async () => {
    using log = captureLog(["err", "warn"]);
    let destroyed = 0;
    const construct = { construct: fail, clientConstruct: fail, destroy: () => void destroyed++ };
    const { protocol, all } = watched();
    await using served = serve([protocol], { extensions: [doing(construct)] });
    let answer = "";
    await served.open(OFFER).catch((error) => answer = String(error));
    assertMatch(answer, /500/);
    assertEquals([all.length, destroyed], [0, 1]);
    assertEquals((await served.open()).answer.slice(0, 12), "HTTP/1.1 101");

    await using other = serve([protocol], { extensions: [doing({})] });
    const recorder = record("client");
    const client = other.client([recorder.protocol], { extensions: [doing(construct)] });
    client.clientConnect({ address: "memory", port: 80 });
    await recorder.until("clientConnectionError");
    assertEquals(destroyed, 2);
    assertEquals(recorder.reasons.includes("clientEstablished"), false);
    assertEquals(log.lines.length, 2);
    assertMatch(
      log.lines[0]!,
      how === "throws" ? /err: x-test: construct threw/ : /construct.*−?1/,
    );
    assertMatch(log.lines[1]!, /clientConstruct/);
  });

  Deno.test(`an anyWsiEstablished that ${how} closes that connection with 1011`, async () => {
    using log = captureLog(["err", "warn"]);
    const recorder = record("p");
    await using socket = await openAlone([recorder.protocol], {
      extensions: [doing({ anyWsiEstablished: fail })],
    });
    assertEquals((await socket.receiveClose()).code, 1011);
    socket.peer.close();
    await recorder.until("closed");
    assertEquals(recorder.reasons.includes("established"), false);
    assertEquals(log.lines.length, 1);
  });

  Deno.test(`a 1hz that ${how} closes that connection with 1011`, async () => {
    using log = captureLog(["err", "warn"]);
    const { protocol, closes } = watched();
    await using served = serve([protocol], { extensions: [doing({ "1hz": fail })] });
    const socket = await served.open(OFFER);
    const bystander = await served.open();
    served.clock.advance(1016);
    assertEquals((await socket.receiveClose()).code, 1011);
    socket.peer.close();
    await settle();
    assertEquals(closes, [1011]);
    assertEquals(log.lines.length, 1);
    bystander.send({ opcode: 9, payload: "p" });
    assertEquals((await bystander.receive()).opcode, 10);
  });

  const DATA = ["payloadTx", "payloadRx", "packetTxPresend", "packetRxPreparse"] as const;
  for (const reason of DATA) {
    Deno.test(`a ${reason} that ${how} closes that connection with 1011, and is logged once`, async () => {
      using log = captureLog(["err", "warn"]);
      const { protocol, closes, got, wsi } = watched();
      let calls = 0;
      const failing = doing({
        [reason]: () => {
          calls++;
          return fail();
        },
      });
      await using socket = await openAlone([protocol], { extensions: [failing] }, OFFER);
      if (reason.includes("Tx") || reason.includes("TxPre")) {
        assertEquals(wsi().write("out"), -1);
        assertEquals(wsi().write("out"), -1);
      } else socket.send({ opcode: 1, payload: "in" });
      assertEquals(await socket.receiveClose(), { code: 1011, reason: "" });
      socket.peer.close();
      await settle();
      assertEquals([closes, got, calls], [[1011], [], 1]);
      assertEquals(log.lines.length, 1);
      assertMatch(
        log.lines[0]!,
        how === "throws" ? /^err: x-test: .* threw: Error: no good/ : /^warn: x-test: .*-1/,
      );
      assertStringIncludes(log.lines[0]!, reason);
    });
  }

  Deno.test(`a flushPendingTx that ${how} ends the connection without a close frame`, async () => {
    using log = captureLog(["err", "warn"]);
    const { protocol, wsi } = watched();
    await using served = serve([protocol], { extensions: [doing({ flushPendingTx: fail })] });
    const socket = await served.open(OFFER);
    wsi().write("last");
    wsi().close(1000);
    assertEquals(await socket.peer.readToEnd(), frame({ opcode: 1, payload: "last" }));
    assertEquals(log.lines.length, 1);
  });
}

Deno.test("what throws where there is nothing to end is logged, and never more", async () => {
  using log = captureLog(["err", "warn"]);
  const reasons = [
    "serverContextConstruct",
    "serverContextDestruct",
    "clientContextConstruct",
    "clientContextDestruct",
    "destroy",
    "destroyAnyWsiClosing",
  ] as const;
  const fail = () => {
    throw new Error("no good");
  };
  const failing = () =>
    doing(Object.fromEntries(reasons.map((reason) => [reason, fail])) as Methods);
  const { protocol, closes } = watched();
  {
    await using served = serve([protocol], { extensions: [failing()] });
    const client = served.client([watched().protocol], { extensions: [failing()] });
    await client.destroy();
    const socket = await served.open(OFFER);
    socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
    assertEquals((await socket.receiveClose()).code, 1000);
    socket.peer.close();
    await settle();
  }
  assertEquals(closes, [1000]);
  assertEquals(
    log.lines.map((line) => /: (\w+) threw/.exec(line)?.[1]).sort(),
    [...reasons].sort(),
  );
});

Deno.test("a perSessionData that throws refuses that handshake, without construct and destroy", async () => {
  using log = captureLog(["err", "warn"]);
  const seen: string[] = [];
  await using served = serve([watched().protocol], {
    extensions: [callbackExtension({
      name: NAME,
      perSessionData() {
        throw new Error("no memory");
      },
      callback: (_context, _extension, _wsi, reason, _user, _data) => void seen.push(reason),
    })],
  });
  let answer = "";
  await served.open(OFFER).catch((error) => answer = String(error));
  assertStringIncludes(answer, "500");
  assertEquals(seen, ["serverContextConstruct"]);
  assertMatch(log.lines.join(), /^err: x-test: perSessionData threw: Error: no memory/);
});

Deno.test("a flushPendingTx that fails takes the answer to a close frame away, which is not clean then", async () => {
  using _log = captureLog(["err", "warn"]);
  const closes: [number, boolean][] = [];
  const { protocol } = watched({
    closed: (_wsi, _user, { code, wasClean }) => void closes.push([code, wasClean]),
  });
  const extension = doing({ flushPendingTx: () => -1 });
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
  socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
  assertEquals((await socket.peer.readToEnd()).length, 0);
  socket.peer.close();
  await settle();
  assertEquals(closes, [[1000, false]]);
});

// Once a second.

Deno.test("1hz comes once a second for each connection that uses it, and can write", async () => {
  const counts = new Map<Wsi, number>();
  const { protocol, all } = watched();
  const extension = doing({
    "1hz": (_data, wsi) => {
      counts.set(wsi, (counts.get(wsi) ?? 0) + 1);
      wsi.write("tick");
    },
  });
  await using served = serve([protocol], { extensions: [extension, permessageDeflate()] });
  const first = await served.open(OFFER);
  await served.open();
  await served.open({ headers: ["Sec-WebSocket-Extensions: permessage-deflate"] });
  served.clock.advance(999);
  assertEquals(counts.size, 0);
  // Each comes at most one tick of 16 ms late.
  served.clock.advance(2101);
  assertEquals([...counts.values()], [3]);
  for (let i = 0; i < 3; i++) assertEquals(await first.receiveText(), "tick");
  const second = await served.open(OFFER);
  served.clock.advance(1016);
  assertEquals([counts.get(all[0]!), counts.get(all[3]!)], [4, 1]);
  second.peer.close();
  await settle();
  served.clock.advance(5000);
  assertEquals([counts.get(all[0]!), counts.get(all[3]!)], [9, 1]);
});

Deno.test("no timer is left of a connection that has gone", async () => {
  const { protocol, closes } = watched();
  await using served = serve([protocol], { extensions: [doing({})] });
  const socket = await served.open(OFFER);
  assertEquals(served.clock.pending, 1);
  socket.peer.close();
  await settle();
  assertEquals([closes, served.clock.pending], [[1006], 0]);
});

// What can't be one.

Deno.test("wrong members are refused by name, all at once", () => {
  const refused = (struct: unknown, ...parts: string[]) => {
    const error = assertThrows(() => callbackExtension(struct as ExtensionStruct), LwsError);
    assertEquals(error.code, "invalid-argument");
    for (const part of parts) assertStringIncludes(error.message, part);
    const inList = assertThrows(
      () =>
        createContext({
          port: CONTEXT_PORT_NO_LISTEN,
          protocols: [watched().protocol],
          extensions: [flip(), struct as ExtensionStruct],
        }),
      LwsError,
    );
    assertEquals(inList.code, "invalid-option");
    assertStringIncludes(inList.message, "extensions[1]");
    for (const part of parts) assertStringIncludes(inList.message, part);
  };
  const callback = () => {};
  refused({ name: "", callback }, 'name is ""');
  refused({ name: "a b", callback }, 'name is "a b"');
  refused({ name: 5, callback }, "name is 5");
  refused({ callback }, "name is undefined");
  refused({ name: "x", callback: 5 }, "callback is 5");
  for (const perSessionData of [-1, 1.5, NaN, "4", null]) {
    refused({ name: "x", callback, perSessionData }, "perSessionData is");
  }
  refused({ name: "x", callback, perSessionDataSize: 4 }, "perSessionDataSize is no member");
  refused(
    { name: ",", callback: {}, perSessionData: {}, x: 1 },
    "name",
    "callback",
    "perSes",
    "x is",
  );
  assertThrows(() => callbackExtension(null as never), LwsError, "null");
  assertThrows(() => callbackExtension({ name: "x" } as never), LwsError, "callback is undefined");
});

Deno.test("a list may hold structs, and ends at the first one whose callback is null", async () => {
  const { protocol, wsi } = watched();
  const struct = (name: string) => ({ name, callback: () => {} });
  const end = { name: null, callback: null } as unknown as ExtensionStruct;
  await using served = serve([protocol], {
    extensions: [struct("x-1"), flip("x-2"), end, struct("x-3")],
  });
  await served.open({ headers: ["Sec-WebSocket-Extensions: x-3, x-2, x-1"] });
  assertEquals(wsi().extensions, ["x-1", "x-2"]);
  await using none = serve([protocol], { extensions: null });
  await none.open({ headers: ["Sec-WebSocket-Extensions: x-1"] });
  assertEquals(wsi().extensions, []);
  assertThrows(
    () => serve([protocol], { extensions: [struct("x-1"), flip("x-1")] }),
    LwsError,
    "used once",
  );
});
