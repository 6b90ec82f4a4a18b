/** RFC 6455 sections 6 and 10.4: messages sent, messages received, and their bounds. */

import { assert, assertEquals } from "@std/assert";
import { allocPadded, prepareMessage } from "../../mod.ts";
import { settle } from "../support/serve.ts";
import { assertSameBytes, patternOf } from "./payloads.ts";
import { ruleOfBoth } from "./rule.ts";
import { assertBreaks, type Offence } from "./sides.ts";

ruleOfBoth("6.1", "nothing is sent before the connection is open", async (side) => {
  const early: number[] = [];
  let isOpen = false;
  await using house = side.setUp({
    on(wsi, reason) {
      if (reason === "established" || reason === "clientEstablished") isOpen = true;
      // What comes first stands for the listener.
      if (isOpen || reason.startsWith("protocol")) return;
      for (const kind of ["text", "binary", "ping", "pong", "close"] as const) {
        early.push(wsi.write("", kind));
      }
    },
  });
  const link = await house.open();
  assert(early.length >= 10);
  assertEquals(new Set(early), new Set([-1]));
  await link.assertAlive();
});

ruleOfBoth("6.1", "nothing is sent once the connection is not open any more", async (side) => {
  await using house = side.setUp();
  const lost = await house.open();
  lost.peer.reset(new Error("lost"));
  const failed = await house.open();
  failed.send({ opcode: 3 });
  await settle();
  for (const { wsi } of [lost, failed]) {
    for (const kind of ["text", "binary", "continuation", "ping", "pong", "close"] as const) {
      assertEquals(wsi.write("", kind), -1);
    }
    assertEquals(wsi.close(1000), -1);
  }
  await failed.assertFailed(1002);
});

ruleOfBoth("6.1", "data goes out in a frame of its type, FIN on the last", async (side) => {
  await using link = await side.open();
  const { wsi } = link;
  const padded = allocPadded(3);
  padded.set([1, 2, 3]);
  wsi.write("text");
  wsi.write(new TextEncoder().encode("€"), "text");
  wsi.write("as bytes", "binary");
  wsi.write(padded, "binary");
  wsi.write(prepareMessage("prepared"));
  wsi.write(prepareMessage(Uint8Array.of(9)));
  wsi.write("first", "binary", { fin: false });
  wsi.write("last", "continuation", { fin: true });
  const sent = [];
  for (let i = 0; i < 8; i++) {
    const { fin, opcode, payload } = await link.receive();
    sent.push([fin, opcode, new TextDecoder().decode(payload)]);
  }
  assertEquals(sent, [
    [true, 1, "text"],
    [true, 1, "€"],
    [true, 2, "as bytes"],
    [true, 2, "\x01\x02\x03"],
    [true, 1, "prepared"],
    [true, 2, "\t"],
    [false, 2, "first"],
    [true, 0, "last"],
  ]);
});

ruleOfBoth(
  "6.1",
  "what is written is sent whole and in order, however it is read",
  async (side) => {
    await using house = side.setUp();
    for (const chop of [1, 100, 70_000]) {
      const link = await house.open();
      link.peer.transport.chop(chop);
      const lengths = chop === 1 ? [0, 1, 300, 2, 130, 5_000] : [70_000, 0, 1, 200_000, 125, 126];
      for (const length of lengths) link.wsi.write(patternOf(length), "binary");
      // A peer that stops in the middle loses nothing.
      link.peer.transport.stopReading();
      await settle();
      for (const length of lengths) link.wsi.write(patternOf(length), "binary");
      await settle();
      link.peer.transport.startReading();
      for (const length of [...lengths, ...lengths]) {
        assertSameBytes((await link.receive()).payload, patternOf(length));
      }
    }
  },
);

ruleOfBoth("6.1", "data is taken when it is written, and can't be changed after", async (side) => {
  await using link = await side.open();
  for (const length of [10, 1_000, 100_000]) {
    const data = patternOf(length);
    link.wsi.write(data, "binary");
    data.fill(0);
    assertSameBytes((await link.receive()).payload, patternOf(length));
  }
});

ruleOfBoth("6.2", "a data frame behind a message's end begins a new message", async (side) => {
  await using house = side.setUp();
  for (const chop of [Infinity, 1]) {
    const link = await house.open();
    link.chop(chop);
    link.send(
      { opcode: 1, payload: "one" },
      { opcode: 1, fin: false, payload: "t" },
      { opcode: 0, payload: "wo" },
      { opcode: 2, payload: Uint8Array.of(3) },
      { opcode: 2, fin: false },
      { opcode: 0 },
      { opcode: 1, payload: "five" },
    );
    const messages = await link.messages(5);
    assertEquals(messages, ["one", "two", Uint8Array.of(3), new Uint8Array(0), "five"]);
  }
});

ruleOfBoth("6.2", "a message is received when its last fragment is, not before", async (side) => {
  await using link = await side.open();
  const bytes = link.bytesOf(
    { opcode: 1, fin: false, payload: "wh" },
    { opcode: 0, fin: false, payload: "ol" },
    { opcode: 0, payload: "e" },
  );
  link.peer.send(bytes.subarray(0, -1));
  await settle();
  assertEquals(link.heard.messages, []);
  link.peer.send(bytes.subarray(-1));
  assertEquals(await link.messages(1), ["whole"]);
});

ruleOfBoth(
  "6.2",
  "binary data of every byte and text of every kind arrive as sent",
  async (side) => {
    await using link = await side.open();
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const text = "NUL \0, CR LF \r\n, BOM \ufeff, ÿ, ﷐, 😀";
    link.send({ opcode: 2, payload: bytes }, { opcode: 1, payload: `\ufeff${text}` });
    assertEquals(await link.messages(2), [bytes, `\ufeff${text}`]);
  },
);

ruleOfBoth("6.2", "many frames in one read are all received", async (side) => {
  await using link = await side.open();
  const texts = Array.from({ length: 2_000 }, (_, i) => `message ${i}`);
  link.send(...texts.map((payload) => ({ opcode: 1, payload })));
  assertEquals(await link.messages(2_000), texts);
});

// Bounds.

ruleOfBoth("10.4", "a frame beyond maxFramePayload fails with 1009 by its header", async (side) => {
  const limits = { maxFramePayload: 1_000 };
  const offences: Offence[] = [1_001, 10_000, 65_536].flatMap((length) => [
    [`${length}`, { opcode: 2, payload: new Uint8Array(length) }],
    [`${length} in a continuation`, { opcode: 2, fin: false, payload: "x" }, {
      opcode: 0,
      payload: new Uint8Array(length),
    }],
  ]);
  await assertBreaks(side, 1009, offences, { limits });
  await using house = side.setUp({ limits });
  const atLimit = await house.open();
  atLimit.send({ opcode: 2, payload: patternOf(1_000) });
  assertSameBytes((await atLimit.messages(1))[0], patternOf(1_000));
  const beyond = await house.open();
  const keyLength = side.masks ? 0 : 4;
  const frame = beyond.bytesOf({ opcode: 2, payload: patternOf(1_001) });
  beyond.peer.send(frame.subarray(0, 4 + keyLength));
  await beyond.assertFailed(1009);
});

ruleOfBoth("10.4", "a message beyond maxMessageSize is refused with 1009", async (side) => {
  await using house = side.setUp({ limits: { maxMessageSize: 1_000 } });
  for (const parts of [[1_001], [1_000, 1], [500, 500, 1], [0, 1_001], [999, 0, 2]]) {
    const link = await house.open();
    link.send(...parts.map((length, i) => ({
      opcode: i === 0 ? 2 : 0,
      fin: i === parts.length - 1,
      payload: new Uint8Array(length),
    })));
    assertEquals((await link.receiveClose()).code, link.said(1009).code);
    assertEquals(link.heard.messages, []);
  }
  const link = await house.open();
  link.send({ opcode: 2, fin: false, payload: patternOf(999) }, { opcode: 0, payload: "x" });
  assertEquals((await link.messages(1)).length, 1);
  await link.assertAlive();
});

ruleOfBoth("10.4", "a message of too many fragments fails with 1008", async (side) => {
  const limits = { maxFragments: 10, maxEmptyFragments: 3 };
  const first = { opcode: 1, fin: false, payload: "x" };
  const next = { opcode: 0, fin: false, payload: "x" };
  const empty = { opcode: 0, fin: false };
  await assertBreaks(side, 1008, [
    ["eleven", first, ...Array(10).fill(next)],
    ["four empty ones", first, ...Array(4).fill(empty)],
    ["four empty ones, the first of them", { opcode: 2, fin: false }, ...Array(3).fill(empty)],
  ], { limits });
  await using link = await side.open({ limits });
  for (let i = 0; i < 3; i++) {
    link.send(first, ...Array(8).fill(next), { opcode: 0, payload: "x" });
    link.send(first, ...Array(3).fill(empty), { opcode: 0, payload: "x" });
  }
  assertEquals((await link.messages(6)).slice(0, 2), ["x".repeat(10), "xx"]);
});

ruleOfBoth(
  "10.7",
  "invalid data behind the handshake is answered with a close frame",
  async (side) => {
    await assertBreaks(side, 1002, [
      ["a text of another protocol", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
      ["noise", new Uint8Array(64).fill(0xfe)],
      ["a TLS hello", new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
    ]);
  },
);
