/** Extensions of a name and a callback: every reason, what it may do, and what it may return. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type CallbackExtension,
  callbackExtension,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  type ExtensionCallbackArguments,
  type ExtensionReason,
  type ExtensionStruct,
  type ExtensionToken,
  handlers,
  LwsError,
  permessageDeflate,
  type Protocol,
  type Wsi,
} from "../../../mod.ts";
import { flip, flipped } from "../../support/extensions.ts";
import { frame, KEY } from "../../support/frames.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { serve, settle, type WebSocketPeer } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const NAME = "x-test";
const OFFER = { headers: [`Sec-WebSocket-Extensions: ${NAME}`] };

type Methods = Partial<
  {
    [R in ExtensionReason]: (
      data: Extract<ExtensionCallbackArguments<unknown>, { 3: R }>[5],
      wsi: Wsi,
      user: unknown,
    ) => number | void;
  }
>;

/** An extension that does what its methods say. */
function doing(methods: Methods, name = NAME): CallbackExtension {
  return callbackExtension({
    name,
    callback: (_context, _extension, wsi, reason, user, data) =>
      (methods[reason] as ((...args: unknown[]) => number | void) | undefined)?.(data, wsi, user),
  });
}

/** A protocol that writes down the codes of its closes, and hands out its last connection. */
function watched(more: Parameters<typeof handlers>[0] = {}) {
  const closes: number[] = [];
  const got: (string | Uint8Array)[] = [];
  const all: Wsi[] = [];
  const protocol = named("watched", {
    established: (wsi) => void all.push(wsi),
    message: (_wsi, _user, message) => void got.push(message),
    closed: (_wsi, _user, { code }) => void closes.push(code),
    ...more,
  });
  return { protocol, closes, got, all, wsi: () => all.at(-1)! };
}

const put = (token: ExtensionToken, bytes: Uint8Array | string | null) => {
  token.token = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
  token.tokenLength = token.token?.length ?? 0;
};
const textOf = (token: ExtensionToken) =>
  token.token === null ? null : decoder.decode(token.token.subarray(0, token.tokenLength));

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
    await using served = serve([recorder.protocol], {
      extensions: [doing({ anyWsiEstablished: fail })],
    });
    const socket = await served.open();
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
      await using served = serve([protocol], { extensions: [failing] });
      const socket = await served.open(OFFER);
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
    const rest = await socket.peer.readToEnd();
    assertEquals(rest, frame({ opcode: 1, payload: "last" }));
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
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
  assertEquals((await socket.peer.readToEnd()).length, 0);
  socket.peer.close();
  await settle();
  assertEquals(closes, [[1000, false]]);
});

// Payload.

Deno.test("payload goes out as the token says it after the call, and comes in likewise", async () => {
  const own = encoder.encode("own memory");
  const { protocol, wsi, got } = watched();
  let next: (token: ExtensionToken) => number | void = () => {};
  const extension = doing({ payloadTx: (data) => next(data), payloadRx: (data) => next(data) });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  const cases: readonly (readonly [(token: ExtensionToken) => number | void, string])[] = [
    [() => {}, "hello"],
    [(token) => void token.token!.fill(120), "xxxxx"],
    [(token) => void (token.tokenLength = 2), "he"],
    [(token) => put(token, own), "own memory"],
    [(token) => void ([token.token, token.tokenLength] = [own, 3]), "own"],
    [(token) => put(token, null), ""],
    [(token) => void (token.tokenLength = 0), ""],
  ];
  for (const [change, expected] of cases) {
    next = change;
    const data = encoder.encode("hello");
    assertEquals(wsi().write(data, "text"), 5);
    assertEquals(decoder.decode(data), "hello");
    const { fin, rsv, opcode, payload } = await socket.receive();
    assertEquals([fin, rsv, opcode, decoder.decode(payload)], [true, 0, 1, expected]);
    got.length = 0;
    socket.send({ opcode: 1, payload: "hello" });
    await settle();
    assertEquals(got, [expected]);
  }
  assertEquals(decoder.decode(own), "own memory");
});

Deno.test("a positive number has it called again with a null token, for more of the same frame", async () => {
  const shown: (string | null)[] = [];
  let parts: string[] = [];
  const next = (token: ExtensionToken) => {
    shown.push(textOf(token));
    assertEquals(token.tokenLength, token.token?.length ?? 0);
    put(token, parts.shift() ?? null);
    return parts.length;
  };
  const { protocol, wsi, got } = watched();
  await using served = serve([protocol], {
    extensions: [doing({ payloadTx: next, payloadRx: next })],
  });
  const socket = await served.open(OFFER);
  for (
    const each of [["a"], ["a", "b"], ["", "", "c"], ["d", "", ""], ["e".repeat(200_000), "f"]]
  ) {
    const expected = each.join("");
    shown.length = 0;
    parts = [...each];
    wsi().write("shown");
    assertEquals(await socket.receiveText(), expected);
    parts = [...each];
    got.length = 0;
    socket.send({ opcode: 1, payload: "shown" });
    await settle();
    assertEquals(got, [expected]);
    const nulls = each.slice(1).map(() => null);
    assertEquals(shown, ["shown", ...nulls, "shown", ...nulls]);
  }
});

Deno.test("each part may come in the same memory as the one before", async () => {
  const memory = new Uint8Array(1);
  let part = 0;
  const next = (token: ExtensionToken) => {
    memory[0] = 97 + part++;
    put(token, memory);
    return part < 3 ? 1 : 0;
  };
  const { protocol, wsi, got } = watched();
  await using served = serve([protocol], {
    extensions: [doing({ payloadTx: next, payloadRx: next })],
  });
  const socket = await served.open(OFFER);
  wsi().write("x");
  assertEquals(await socket.receiveText(), "abc");
  part = 0;
  socket.send({ opcode: 1, payload: "x" });
  await settle();
  assertEquals(got, ["abc"]);
});

Deno.test("payload may be held back from one frame to the next", async () => {
  let held = "";
  const { protocol, got } = watched();
  const extension = doing({
    payloadRx(token) {
      held += textOf(token);
      put(token, held.endsWith(".") ? held : null);
      if (held.endsWith(".")) held = "";
    },
  });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  socket.send(
    { opcode: 1, fin: false, payload: "one " },
    { opcode: 9, payload: "p" },
    { opcode: 0, fin: false, payload: "two " },
    { opcode: 0, payload: "three." },
    { opcode: 1, payload: "four." },
  );
  await settle();
  assertEquals(got, ["one two three.", "four."]);
});

Deno.test("empty payload and control frames are not shown", async () => {
  const shown: string[] = [];
  const note = (name: string) => (token: ExtensionToken) => void shown.push(name + textOf(token));
  const { protocol, wsi, got } = watched();
  await using served = serve([protocol], {
    extensions: [doing({ payloadTx: note("out "), payloadRx: note("in ") })],
  });
  const socket = await served.open(OFFER);
  wsi().write("");
  wsi().write("p", "ping");
  wsi().write("x");
  socket.send(
    { opcode: 2, payload: "" },
    { opcode: 9, payload: "q" },
    { opcode: 10, payload: "r" },
    { opcode: 2, payload: "y" },
  );
  const opcodes = [];
  for (let i = 0; i < 4; i++) opcodes.push((await socket.receive()).opcode);
  assertEquals(opcodes, [1, 9, 1, 10]);
  assertEquals(shown, ["out x", "in y"]);
  assertEquals(got, [new Uint8Array(0), Uint8Array.of(121)]);
});

Deno.test("payloadRx can ask the connection where it is", async () => {
  const seen: [boolean, boolean, number, boolean][] = [];
  const extension = doing({
    payloadRx: (_data, wsi) =>
      void seen.push([
        wsi.isFirstFragment,
        wsi.isFinalFragment,
        wsi.remainingPacketPayload,
        wsi.frameIsBinary,
      ]),
  });
  const { protocol } = watched();
  await using served = serve([{ ...protocol, rxBufferSize: 2 }], { extensions: [extension] });
  const socket = await served.open(OFFER);
  socket.send({ opcode: 1, fin: false, payload: "abc" }, { opcode: 0, payload: "de" });
  await settle();
  assertEquals(seen, [
    [true, false, 1, false],
    [false, false, 0, false],
    [false, true, 0, false],
  ]);
});

Deno.test("a token that can't be is refused by name, and closes the connection with 1011", async () => {
  const wrong: ((token: ExtensionToken) => void)[] = [
    (token) => void (token.tokenLength = 6),
    (token) => void (token.tokenLength = -1),
    (token) => void (token.tokenLength = 1.5),
    (token) => void (token.tokenLength = NaN),
    (token) => void (token.token = null),
    (token) => void (token.token = "text" as never),
    (token) => void ([token.token, token.tokenLength] = [[] as never, 0]),
  ];
  for (const change of wrong) {
    using log = captureLog(["err", "warn"]);
    const { protocol, wsi } = watched();
    await using served = serve([protocol], { extensions: [doing({ payloadTx: change })] });
    const socket = await served.open(OFFER);
    assertEquals(wsi().write("hello"), -1);
    assertEquals((await socket.receiveClose()).code, 1011);
    assertMatch(
      log.lines.join(),
      /^err: x-test: payloadTx left a tokenLength of \S+; allowed: 0 to/,
    );
  }
});

Deno.test("1,000 calls in a row that ask for another and give nothing pass, 1,001 do not", async () => {
  using log = captureLog(["err", "warn"]);
  let wanted = 0;
  const idle = (token: ExtensionToken) => {
    put(token, null);
    return wanted-- > 0 ? 1 : 0;
  };
  const { protocol, wsi } = watched();
  await using served = serve([protocol], { extensions: [doing({ payloadTx: idle })] });
  const socket = await served.open(OFFER);
  wanted = 1000;
  assertEquals(wsi().write("x"), 1);
  assertEquals((await socket.receive()).payload.length, 0);
  wanted = 1001;
  assertEquals(wsi().write("x"), -1);
  assertEquals((await socket.receiveClose()).code, 1011);
  assertMatch(log.lines.join(), /payloadTx gave nothing in 1001 calls/);
});

Deno.test("calls that give something now and then are not too many", async () => {
  let calls = 0;
  const slow = (token: ExtensionToken) => {
    put(token, ++calls % 900 === 0 ? "x" : null);
    return calls < 3000 ? 1 : 0;
  };
  const { protocol, wsi } = watched();
  await using served = serve([protocol], { extensions: [doing({ payloadTx: slow })] });
  const socket = await served.open(OFFER);
  wsi().write("x");
  assertEquals(await socket.receiveText(), "xxx");
});

Deno.test("fragments are shown one by one, and stay fragments", async () => {
  const { protocol, wsi } = watched();
  await using served = serve([protocol], { extensions: [flip(NAME)] });
  const socket = await served.open(OFFER);
  wsi().write("one ", "text", { fin: false });
  wsi().write("two", "continuation");
  const [one, two] = [await socket.receive(), await socket.receive()];
  assertEquals([one.opcode, one.fin, two.opcode, two.fin], [1, false, 0, true]);
  assertEquals(
    decoder.decode(flipped(one.payload)) + decoder.decode(flipped(two.payload)),
    "one two",
  );
});

// Packets.

Deno.test("packetTxPresend sees whole frames of data, header and all, and no control frames", async () => {
  const shown: Uint8Array[] = [];
  const { protocol, wsi } = watched();
  const extension = doing({ packetTxPresend: (data) => void shown.push(data.token!.slice()) });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  wsi().write("hello");
  wsi().write("p", "ping");
  wsi().write(new Uint8Array(70_000), "binary");
  wsi().close(1000);
  const opcodes = [];
  for (let i = 0; i < 4; i++) opcodes.push((await socket.receive()).opcode);
  assertEquals(opcodes, [1, 9, 2, 8]);
  assertEquals(shown, [
    frame({ opcode: 1, payload: "hello" }),
    frame({ opcode: 2, payload: new Uint8Array(70_000) }),
  ]);
});

Deno.test("packetTxPresend may replace a packet and put more behind it", async () => {
  const { protocol, wsi } = watched();
  const more = [frame({ opcode: 10, payload: "more" })];
  const extension = doing({
    packetTxPresend(data) {
      if (data.token !== null) {
        data.token[2] = 72;
        return 1;
      }
      put(data, more.shift() ?? null);
      return more.length;
    },
  });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  assertEquals(wsi().write("hello"), 5);
  assertEquals(await socket.receiveText(), "Hello");
  const { opcode, payload } = await socket.receive();
  assertEquals([opcode, decoder.decode(payload)], [10, "more"]);
});

Deno.test("packetRxPreparse sees all bytes as they come, from the first one behind the handshake", async () => {
  const shown: Uint8Array[] = [];
  const { protocol, got } = watched();
  const extension = doing({ packetRxPreparse: (data) => void shown.push(data.token!.slice()) });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  const bytes = frame({ opcode: 1, payload: "hello", key: KEY });
  socket.peer.send(bytes.subarray(0, 3));
  await settle();
  socket.peer.send(bytes.subarray(3));
  await settle();
  socket.send({ opcode: 9, payload: "p" });
  await settle();
  assertEquals(shown, [
    bytes.subarray(0, 3),
    bytes.subarray(3),
    frame({ opcode: 9, payload: "p", key: KEY }),
  ]);
  assertEquals(got, ["hello"]);
});

Deno.test("packetRxPreparse may take, hold back and add bytes", async () => {
  const queue: Uint8Array[] = [];
  const { protocol, got } = watched();
  const extension = doing({
    packetRxPreparse(data) {
      if (data.token !== null) queue.push(data.token.slice());
      // Nothing before the second piece; then one a call.
      put(data, queue.length >= 2 || data.token === null ? queue.shift() ?? null : null);
      return queue.length > 0 && data.token !== null ? 1 : 0;
    },
  });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  socket.send({ opcode: 1, payload: "one" });
  await settle();
  assertEquals(got, []);
  socket.send({ opcode: 1, payload: "two" });
  await settle();
  assertEquals(got, ["one", "two"]);
});

// Closing.

/** An extension that keeps connections open as long as it is told to, and counts the questions. */
function keeper(verdict: () => number | void) {
  const asked = { count: 0 };
  const extension = doing({
    checkOkToReallyClose() {
      asked.count++;
      return verdict();
    },
  });
  return { extension, asked };
}

Deno.test("checkOkToReallyClose keeps it open: wsi.close returns −1, and a return value does nothing", async () => {
  let mayClose = false;
  const { extension, asked } = keeper(() => mayClose ? 0 : 1);
  const { protocol, wsi, closes } = watched({ receivePing: () => -1, serverWriteable: () => -1 });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  assertEquals(wsi().close(1000), -1);
  assertEquals(wsi().write(Uint8Array.of(3, 232), "close"), -1);
  socket.send({ opcode: 9, payload: "p" });
  assertEquals((await socket.receive()).opcode, 10);
  wsi().callbackOnWritable();
  await settle();
  assertEquals([asked.count, closes], [4, []]);
  wsi().write("still open");
  assertEquals(await socket.receiveText(), "still open");
  mayClose = true;
  assertEquals(wsi().close(1000), 0);
  assertEquals((await socket.receiveClose()).code, 1000);
});

Deno.test("a return value that closes from established can be put off as well", async () => {
  const { extension } = keeper(() => 1);
  const { protocol, closes } = watched({ established: () => -1 });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  socket.send({ opcode: 9, payload: "p" });
  assertEquals((await socket.receive()).opcode, 10);
  assertEquals(closes, []);
});

for (const verdict of [0, undefined, -1, "throws"] as const) {
  Deno.test(`checkOkToReallyClose that ${verdict === "throws" ? verdict : `returns ${verdict}`} lets it close`, async () => {
    using _log = captureLog(["err", "warn"]);
    const { extension } = keeper(() => {
      if (verdict === "throws") throw new Error("no good");
      return verdict;
    });
    const { protocol, wsi } = watched();
    await using served = serve([protocol], { extensions: [extension] });
    const socket = await served.open(OFFER);
    assertEquals(wsi().close(1000), 0);
    assertEquals((await socket.receiveClose()).code, 1000);
  });
}

const OTHERS: readonly (readonly [
  string,
  number,
  (socket: WebSocketPeer, served: ReturnType<typeof serve>, wsi: Wsi) => void,
])[] = [
  ["the peer closes", 1000, (socket) => socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) })],
  ["the peer breaks the protocol", 1002, (socket) => socket.send({ opcode: 3 })],
  [
    "a message is too big for the handler",
    1009,
    (socket) => socket.send({ opcode: 2, fin: false, payload: new Uint8Array(2000) }),
  ],
  ["a callback throws", 1011, (socket) => socket.send({ opcode: 10 })],
  ["the context is destroyed", 1001, (_socket, served) => void served.context.destroy()],
];
for (const [what, code, act] of OTHERS) {
  Deno.test(`nobody is asked when ${what}`, async () => {
    using _log = captureLog(["err", "warn"]);
    const { extension, asked } = keeper(() => 1);
    const { protocol, wsi, closes } = watched({
      receivePong() {
        throw new Error("a fault of the program's");
      },
    });
    await using served = serve([protocol], { extensions: [extension], maxMessageSize: 1000 });
    const socket = await served.open(OFFER);
    act(socket, served, wsi());
    assertEquals((await socket.receiveClose()).code, code);
    socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
    socket.peer.close();
    await settle();
    assertEquals([closes.length, asked.count], [1, 0]);
  });
}

Deno.test("the message handler's own bound closes whatever an extension says", async () => {
  const { extension, asked } = keeper(() => 1);
  const { protocol } = watched();
  await using served = serve([{ ...protocol, rxBufferSize: 100 }], {
    extensions: [extension],
    maxMessageSize: 1000,
  });
  const socket = await served.open(OFFER);
  // The frame announces more than the handler takes, and is refused before it is there.
  const long = frame({ opcode: 2, payload: new Uint8Array(1001), key: KEY });
  socket.peer.send(long.subarray(0, 200));
  assertEquals((await socket.receiveClose()).code, 1009);
  assertEquals(asked.count, 0);
});

Deno.test("a timeout cuts the connection, whatever an extension says", async () => {
  const { extension, asked } = keeper(() => 1);
  const { protocol, wsi, closes } = watched();
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  wsi().setTimeout("userReason", 2);
  served.clock.advance(2500);
  await socket.peer.readToEnd();
  socket.peer.close();
  await settle();
  assertEquals([closes, asked.count], [[1006], 0]);
});

Deno.test("one of several extensions is enough to keep a connection open", async () => {
  const { protocol, wsi } = watched();
  await using served = serve([protocol], {
    extensions: [
      doing({ checkOkToReallyClose: () => 0 }, "x-1"),
      doing({ checkOkToReallyClose: () => 1 }, "x-2"),
    ],
  });
  await served.open({ headers: ["Sec-WebSocket-Extensions: x-1"] });
  assertEquals(wsi().close(), 0);
  await served.open({ headers: ["Sec-WebSocket-Extensions: x-1, x-2"] });
  assertEquals(wsi().close(), -1);
});

// Before our last words.

function flushing(parts: readonly string[]) {
  const shown: (string | null)[] = [];
  const extension = doing({
    flushPendingTx(data) {
      shown.push(textOf(data));
      assertEquals(data.tokenLength, 0);
      put(data, parts[shown.length - 1] ?? null);
      return shown.length < parts.length ? 1 : 0;
    },
  });
  return { extension, shown };
}

const ENDS: readonly (readonly [
  string,
  (wsi: Wsi, socket: WebSocketPeer) => void,
  Uint8Array,
])[] = [
  [
    "our close frame",
    (wsi) => void wsi.close(1000),
    frame({
      opcode: 8,
      payload: Uint8Array.of(3, 232),
    }),
  ],
  [
    "our answer to the peer's",
    (_wsi, socket) => socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) }),
    frame({
      opcode: 8,
      payload: Uint8Array.of(3, 232),
    }),
  ],
  [
    "the close frame of a failure",
    (_wsi, socket) => socket.send({ opcode: 8, payload: "x" }),
    frame({
      opcode: 8,
      payload: new Uint8Array([3, 234, ...encoder.encode("malformed close frame")]),
    }),
  ],
  [
    "our end without one",
    (_wsi, socket) => socket.send({ opcode: 1, payload: "x" }),
    new Uint8Array(0),
  ],
  ["our end after the peer's", (_wsi, socket) => socket.peer.end(), new Uint8Array(0)],
];
for (const [what, act, last] of ENDS) {
  for (const parts of [[], ["one"], ["one", "two"], ["one", "", "three"]]) {
    Deno.test(`flushPendingTx puts ${parts.length} parts in front of ${what}, once`, async () => {
      const { extension, shown } = flushing(parts);
      const { protocol, wsi } = watched({ message: () => -1 });
      await using served = serve([protocol], { extensions: [extension] });
      const socket = await served.open(OFFER);
      wsi().write("before");
      await socket.receive();
      act(wsi(), socket);
      const expected = new Uint8Array([...encoder.encode(parts.join("")), ...last]);
      if (expected.length > 0) assertEquals(await socket.peer.readBytes(expected.length), expected);
      if (what === "our close frame") {
        socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
      }
      assertEquals(await socket.peer.readToEnd(), new Uint8Array(0));
      assertEquals(shown, new Array(Math.max(1, parts.length)).fill(null));
    });
  }
}

Deno.test("an extension that closes in flushPendingTx, or in the question before, closes once", async () => {
  const { protocol, wsi } = watched();
  const extension = doing({ flushPendingTx: (_data, wsi) => void wsi.close(3001) });
  await using served = serve([protocol], { extensions: [extension] });
  const socket = await served.open(OFFER);
  wsi().close(3000);
  assertEquals((await socket.receiveClose()).code, 3001);
  socket.send({ opcode: 8, payload: Uint8Array.of(11, 185) });
  assertEquals((await socket.peer.readToEnd()).length, 0);
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

// What is proposed and agreed to.

/** The offer of a client that lists these, as its server reads it. */
async function offered(
  extensions: readonly CallbackExtension[],
  answer: (reason: string, data: unknown) => number | void = () => {},
): Promise<string | undefined> {
  let offer: string | undefined;
  await using served = serve([
    named("p", {
      filterProtocolConnection: (wsi) => void (offer = wsi.hdrCopy("sec-websocket-extensions")),
    }),
  ], { extensions: [flip("x-1"), flip("x-2"), flip("x-3")] });
  const recorder = record("client", (_wsi, reason, _user, data) => answer(reason, data));
  const client = served.client([recorder.protocol], { extensions });
  client.clientConnect({ address: "memory", port: 80 });
  await Promise.race([
    recorder.until("clientEstablished"),
    recorder.until("clientConnectionError"),
  ]);
  assertEquals(recorder.reasons.includes("clientConnectionError"), false);
  return offer;
}

Deno.test("checkOkToProposeExtension: every listed extension may keep any name from being offered", async () => {
  using _log = captureLog(["err", "warn"]);
  const asked: string[] = [];
  const extensions = (verdict: (by: string, name: string) => number | void) =>
    ["x-1", "x-2", "x-3"].map((by) =>
      doing({
        checkOkToProposeExtension(name) {
          asked.push(`${by}: ${name}`);
          return verdict(by, name);
        },
      }, by)
    );
  assertEquals(await offered(extensions(() => 0)), "x-1, x-2, x-3");
  assertEquals(asked.length, 9);
  assertEquals(asked.slice(0, 3), ["x-1: x-1", "x-2: x-1", "x-3: x-1"]);
  assertEquals(
    await offered(extensions((by, name) => by === "x-3" && name === "x-1" ? 1 : 0)),
    "x-2, x-3",
  );
  assertEquals(
    await offered(extensions((by, name) => by === name && by === "x-2" ? -1 : 0)),
    "x-1, x-3",
  );
  assertEquals(
    await offered(extensions((by) => {
      if (by === "x-1") throw new Error("no good");
    })),
    undefined,
  );
});

Deno.test("clientConfirmExtensionSupported: the first protocol leaves out what it returns non-zero for", async () => {
  using log = captureLog(["err", "warn"]);
  const extensions = () => [flip("x-1"), flip("x-2")];
  const saying = (verdict: (name: unknown) => number | void) => (reason: string, name: unknown) =>
    reason === "clientConfirmExtensionSupported" ? verdict(name) : undefined;
  assertEquals(await offered(extensions(), saying(() => 0)), "x-1, x-2");
  assertEquals(await offered(extensions(), saying((name) => name === "x-1" ? 1 : 0)), "x-2");
  assertEquals(await offered(extensions(), saying(() => -1)), undefined);
  assertEquals(log.lines, []);
  const throwing = saying((name) => {
    if (name === "x-2") throw new Error("no good");
  });
  assertEquals(await offered(extensions(), throwing), "x-1");
  assertMatch(
    log.lines.join(),
    /^err: client: clientConfirmExtensionSupported threw: Error: no good/,
  );
});

Deno.test("confirmExtensionOkay: the first protocol has its user, and refuses by non-zero or a throw", async () => {
  using log = captureLog(["err", "warn"]);
  const seen: [string, unknown, unknown][] = [];
  let verdict: (name: string) => number | void = () => {};
  const first: Protocol<{ of: string }> = {
    name: "first",
    perSessionData: () => ({ of: "first" }),
    callback(wsi, reason, user, data) {
      if (reason === "established") seen.push(["established", wsi.extensions.join(), user.of]);
      if (reason !== "confirmExtensionOkay") return;
      seen.push([reason, data, user.of]);
      return verdict(data);
    },
  };
  const second: Protocol<{ of: string }> = {
    name: "second",
    perSessionData: () => ({ of: "second" }),
    callback(wsi, reason, user, _data) {
      assert(reason !== "confirmExtensionOkay");
      if (reason === "established") seen.push(["established", wsi.extensions.join(), user.of]);
    },
  };
  await using served = serve([first, second], {
    extensions: [flip("x-1"), flip("x-2"), flip("x-3")],
  });
  const headers = ["Sec-WebSocket-Extensions: x-2, x-1"];
  await served.open({ headers, protocol: "second" });
  assertEquals(seen, [
    ["confirmExtensionOkay", "x-1", "first"],
    ["confirmExtensionOkay", "x-2", "first"],
    ["established", "x-1,x-2", "second"],
  ]);
  verdict = (name) => name === "x-1" ? 1 : 0;
  await served.open({ headers });
  assertEquals(seen.at(-1), ["established", "x-2", "first"]);
  verdict = (name) => name === "x-2" ? -1 : 0;
  await served.open({ headers });
  assertEquals(seen.at(-1), ["established", "x-1", "first"]);
  verdict = () => 1;
  const { answer } = await served.open({ headers });
  assertEquals(answer.toLowerCase().includes("sec-websocket-extensions"), false);
  assertEquals(log.lines, []);
  verdict = (name) => {
    if (name === "x-1") throw new Error("no good");
  };
  await served.open({ headers });
  assertEquals(seen.at(-1), ["established", "x-2", "first"]);
  assertMatch(log.lines.join(), /^err: first: confirmExtensionOkay threw: Error: no good/);
});

Deno.test("confirmExtensionOkay is not asked about what does not go with one before", async () => {
  const asked: string[] = [];
  const callback = handlers({ confirmExtensionOkay: (_wsi, _user, name) => void asked.push(name) });
  const { deflateFrame } = await import("../../../mod.ts");
  await using served = serve([{ name: "p", callback }], {
    extensions: [permessageDeflate(), deflateFrame(), flip()],
  });
  await served.open({
    headers: ["Sec-WebSocket-Extensions: x-other, deflate-frame, permessage-deflate"],
  });
  assertEquals(asked, ["permessage-deflate"]);
});

Deno.test("a program that answers in confirmExtensionOkay refuses the handshake by that", async () => {
  const callback = handlers({
    confirmExtensionOkay(wsi) {
      wsi.returnHttpStatus(409);
    },
  });
  const constructed: string[] = [];
  const extension = doing({
    construct: () => void constructed.push("construct"),
    destroy: () => void constructed.push("destroy"),
  });
  await using served = serve([{ name: "p", callback }], { extensions: [extension] });
  let answer = "";
  await served.open(OFFER).catch((error) => answer = String(error));
  assertStringIncludes(answer, "409");
  assertEquals(constructed, []);
});

Deno.test("parameters are not understood: an offer with some is declined, such an answer fails", async () => {
  await using served = serve([watched().protocol], { extensions: [flip(NAME)] });
  const offer = (value: string) => served.open({ headers: [`Sec-WebSocket-Extensions: ${value}`] });
  const answerTo = async (value: string) =>
    /^sec-websocket-extensions: (.*)\r$/im.exec((await offer(value)).answer)?.[1];
  assertEquals(await answerTo(`${NAME}; a`), undefined);
  assertEquals(await answerTo(`${NAME}; a=1, ${NAME}`), NAME);
  const extension = flip(NAME);
  assertThrows(
    () => extension.confirm({ name: NAME, params: [{ name: "a", value: "1" }] }),
    Error,
    "parameters",
  );
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
