/** What callback extensions do to payloads and packets. */

import { assertEquals, assertMatch } from "@std/assert";
import { type ExtensionToken } from "../../../mod.ts";
import { flip, flipped } from "../../support/extensions.ts";
import { frame, KEY } from "../../support/frames.ts";
import { captureLog } from "../../support/recorder.ts";
import { openAlone, serve, settle } from "../../support/serve.ts";
import { doing, NAME, OFFER, put, textOf, watched } from "./callback_extension.ts";

const encoder = new TextEncoder();

const decoder = new TextDecoder();

// Payload.

Deno.test("payload goes out as the token says it after the call, and comes in likewise", async () => {
  const own = encoder.encode("own memory");
  const { protocol, wsi, got } = watched();
  let next: (token: ExtensionToken) => number | void = () => {};
  const extension = doing({ payloadTx: (data) => next(data), payloadRx: (data) => next(data) });
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
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
  await using socket = await openAlone([protocol], {
    extensions: [doing({ payloadTx: next, payloadRx: next })],
  }, OFFER);
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
  await using socket = await openAlone([protocol], {
    extensions: [doing({ payloadTx: next, payloadRx: next })],
  }, OFFER);
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
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
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
  await using socket = await openAlone([protocol], {
    extensions: [doing({ payloadTx: note("out "), payloadRx: note("in ") })],
  }, OFFER);
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
  assertEquals(seen, [[true, false, 1, false], [false, false, 0, false], [false, true, 0, false]]);
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
  await using socket = await openAlone([protocol], { extensions: [flip(NAME)] }, OFFER);
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
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
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
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
  assertEquals(wsi().write("hello"), 5);
  assertEquals(await socket.receiveText(), "Hello");
  const { opcode, payload } = await socket.receive();
  assertEquals([opcode, decoder.decode(payload)], [10, "more"]);
});

Deno.test("packetRxPreparse sees all bytes as they come, from the first one behind the handshake", async () => {
  const shown: Uint8Array[] = [];
  const { protocol, got } = watched();
  const extension = doing({ packetRxPreparse: (data) => void shown.push(data.token!.slice()) });
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
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
  await using socket = await openAlone([protocol], { extensions: [extension] }, OFFER);
  socket.send({ opcode: 1, payload: "one" });
  await settle();
  assertEquals(got, []);
  socket.send({ opcode: 1, payload: "two" });
  await settle();
  assertEquals(got, ["one", "two"]);
});
