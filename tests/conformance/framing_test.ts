/** RFC 6455 sections 5.2, 5.7 and 5.8: the frame header, bit by bit. */

import { assertEquals } from "@std/assert";
import { concat, type FrameOptions } from "../support/frames.ts";
import { settle } from "../support/serve.ts";
import { assertSameBytes, patternOf } from "./payloads.ts";
import { rule, ruleOfBoth } from "./rule.ts";
import { assertBreaks, CLIENT, type Offence, SERVER, type Side } from "./sides.ts";

const DATA_OPCODES = [1, 2] as const;
const CONTROL_OPCODES = [8, 9, 10] as const;
const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as const;
const OPENING: FrameOptions = { opcode: 1, fin: false, payload: "a" };

// Reserved bits.

ruleOfBoth("5.2", "reserved bits in a data frame fail the connection with 1002", async (side) => {
  const offences: Offence[] = [];
  for (let rsv = 1; rsv <= 7; rsv++) {
    for (const opcode of DATA_OPCODES) {
      for (const fin of [true, false]) {
        offences.push([`${rsv} in opcode ${opcode}`, { opcode, rsv, fin, payload: "x" }]);
      }
      offences.push([`${rsv} in an empty frame`, { opcode, rsv }]);
      offences.push([`${rsv} in a long frame`, { opcode, rsv, payload: patternOf(300) }]);
    }
    for (const fin of [true, false]) {
      offences.push([`${rsv} in a continuation`, OPENING, { opcode: 0, rsv, fin, payload: "x" }]);
    }
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth(
  "5.2",
  "reserved bits in a control frame fail the connection with 1002",
  async (side) => {
    const offences: Offence[] = [];
    for (let rsv = 1; rsv <= 7; rsv++) {
      for (const opcode of CONTROL_OPCODES) {
        offences.push([`${rsv} in opcode ${opcode}`, { opcode, rsv }]);
        offences.push([`${rsv} in opcode ${opcode} inside a message`, OPENING, { opcode, rsv }]);
      }
    }
    await assertBreaks(side, 1002, offences);
  },
);

ruleOfBoth("5.2", "reserved bits are 0 in all that is sent", async (side) => {
  await using link = await side.open();
  link.wsi.write("text");
  link.wsi.write("fragment", "text", { fin: false });
  link.wsi.write("rest", "continuation");
  link.wsi.write(patternOf(70_000), "binary");
  link.wsi.write("ping", "ping");
  link.wsi.write("pong", "pong");
  link.wsi.close(1000);
  // That they are 0, `receive` asserts of every frame, in all of these tests.
  for (let i = 0; i < 7; i++) await link.receive();
});

// Opcodes.

ruleOfBoth("5.2", "an unknown opcode fails the connection with 1002", async (side) => {
  const offences: Offence[] = [];
  for (const opcode of RESERVED_OPCODES) {
    offences.push([`${opcode}, empty`, { opcode }]);
    offences.push([`${opcode}, with payload`, { opcode, payload: "x" }]);
    offences.push([`${opcode}, long`, { opcode, payload: patternOf(200) }]);
    offences.push([`${opcode}, not final`, { opcode, fin: false, payload: "x" }]);
    offences.push([`${opcode}, inside a message`, OPENING, { opcode, payload: "x" }]);
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("5.2", "each defined opcode has its meaning", async (side) => {
  await using link = await side.open();
  link.send(
    { opcode: 1, payload: "text" },
    { opcode: 2, payload: Uint8Array.of(1, 2) },
    { opcode: 10, payload: "pong" },
    { opcode: 9, payload: "ping" },
    { opcode: 1, fin: false, payload: "be" },
    { opcode: 0, payload: "gun" },
    { opcode: 8, payload: Uint8Array.of(3, 0xe9) },
  );
  assertEquals((await link.receive()).opcode, 10);
  assertEquals(await link.receiveClose(), link.said(1001));
  await link.assertClosed();
  const { messages, pings, pongs, closes } = link.heard;
  assertEquals(messages, ["text", Uint8Array.of(1, 2), "begun"]);
  assertEquals([pings, pongs, closes[0]?.code], [["ping"], ["pong"], link.said(1001).code]);
});

// Payload length.

/** A frame's first bytes, up to the end of its length, as a peer of `side` would send them. */
function headerOf(side: Side, first: number, lengthBytes: 2 | 8, length: number): Uint8Array {
  const header = [first, (side.masks ? 0 : 0x80) | (lengthBytes === 2 ? 126 : 127)];
  for (let i = lengthBytes - 1; i >= 0; i--) header.push(Math.floor(length / 256 ** i) & 0xff);
  return Uint8Array.from(header);
}

ruleOfBoth("5.2", "lengths of 7, 16 and 64 bits are read in network byte order", async (side) => {
  await using link = await side.open();
  const lengths = [0, 1, 124, 125, 126, 127, 128, 255, 256, 0x0102, 65_534, 65_535, 65_536, 66_051];
  for (const chop of [Infinity, 1000, 3, 1]) {
    link.chop(chop);
    for (const length of lengths) {
      if (chop < 1000 && length > 300) continue;
      link.send({ opcode: 2, payload: patternOf(length) });
      assertSameBytes((await link.messages(1))[0], patternOf(length));
      link.heard.messages.length = 0;
    }
  }
});

ruleOfBoth("5.2", "a length in more bytes than the fewest fails with 1002", async (side) => {
  const offences: Offence[] = [];
  const add = (opcode: number, fin: boolean, lengthBytes: 2 | 8, length: number) => {
    const payload = new Uint8Array(length);
    offences.push([`${length} in ${lengthBytes} bytes`, { opcode, fin, lengthBytes, payload }]);
  };
  for (const opcode of DATA_OPCODES) {
    for (const length of [0, 1, 2, 63, 124, 125]) add(opcode, true, 2, length);
    for (const length of [0, 1, 125, 126, 127, 255, 256, 65_535]) add(opcode, true, 8, length);
    add(opcode, false, 2, 125);
    add(opcode, false, 8, 126);
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("5.2", "no length in too many bytes is taken, by its header alone", async (side) => {
  await using house = side.setUp();
  const lengths: [2 | 8, number][] = [];
  for (let length = 0; length < 126; length++) lengths.push([2, length], [8, length]);
  for (let length = 126; length <= 65_535; length += 257) lengths.push([8, length]);
  for (const [lengthBytes, length] of lengths) {
    const link = await house.open();
    link.peer.send(headerOf(side, 0x82, lengthBytes, length));
    await link.assertFailed(1002, `${length} in ${lengthBytes} bytes`);
  }
});

ruleOfBoth("5.2", "a 64-bit length with its highest bit set fails with 1002", async (side) => {
  const lengths = [1n << 63n, 1n << 63n | 1n, 1n << 63n | 70_000n, (1n << 64n) - 1n];
  const offences: Offence[] = [];
  for (const length of lengths) {
    for (const opcode of DATA_OPCODES) {
      for (const fin of [true, false]) offences.push([`${length}`, { opcode, fin, length }]);
    }
    offences.push([`${length}`, OPENING, { opcode: 0, length }]);
  }
  await assertBreaks(side, 1002, offences);
  await assertBreaks(side, 1002, offences, { limits: { maxFramePayload: Infinity } });
});

ruleOfBoth("5.2", "a length that no number holds exactly fails with 1009", async (side) => {
  const lengths = [1n << 53n, (1n << 53n) + 1n, 1n << 62n, (1n << 63n) - 1n];
  const offences = lengths.map((length): Offence => [`${length}`, { opcode: 2, length }]);
  await assertBreaks(side, 1009, offences);
  const limits = { maxFramePayload: Number.MAX_SAFE_INTEGER };
  await assertBreaks(side, 1009, offences, { limits });
});

ruleOfBoth("5.2", "a length up to 2^53 - 1 is taken at its word", async (side) => {
  const limits = { maxFramePayload: Number.MAX_SAFE_INTEGER, maxMessageSize: Infinity };
  await using link = await side.open({ limits, rxBufferSize: 4096 });
  const length = Number.MAX_SAFE_INTEGER;
  link.send({ opcode: 2, length: BigInt(length) });
  link.peer.send(new Uint8Array(8192));
  await settle();
  assertEquals(link.heard.pieces.map((piece) => piece.remaining), [length - 4096, length - 8192]);
});

ruleOfBoth(
  "5.2",
  "the length of what is sent takes the fewest bytes that hold it",
  async (side) => {
    await using link = await side.open();
    const mask = side.masks ? 0x80 : 0;
    const headers: [length: number, header: number[]][] = [
      [0, [0x82, mask]],
      [1, [0x82, mask | 1]],
      [124, [0x82, mask | 124]],
      [125, [0x82, mask | 125]],
      [126, [0x82, mask | 126, 0, 126]],
      [127, [0x82, mask | 126, 0, 127]],
      [256, [0x82, mask | 126, 1, 0]],
      [65_535, [0x82, mask | 126, 255, 255]],
      [65_536, [0x82, mask | 127, 0, 0, 0, 0, 0, 1, 0, 0]],
      [65_537, [0x82, mask | 127, 0, 0, 0, 0, 0, 1, 0, 1]],
      [1_000_000, [0x82, mask | 127, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40]],
    ];
    for (const [length, header] of headers) {
      link.wsi.write(new Uint8Array(length), "binary");
      assertEquals([...await link.peer.readBytes(header.length)], header);
      await link.peer.readBytes(length + (side.masks ? 4 : 0));
    }
  },
);

// Whole headers.

ruleOfBoth("5.2", "frames are found at every split of their bytes over reads", async (side) => {
  const frames: FrameOptions[] = [
    { opcode: 1, fin: false, payload: "€" },
    { opcode: 9, payload: "ping" },
    { opcode: 0, payload: "😀" },
    { opcode: 2, payload: patternOf(130) },
    { opcode: 10 },
    { opcode: 1 },
  ];
  const expected = ["€😀", patternOf(130), ""];
  await using house = side.setUp();
  const { length } = (await house.open()).bytesOf(...frames);
  for (let cut = 0; cut <= length; cut++) {
    const link = await house.open();
    const bytes = link.bytesOf(...frames);
    link.peer.send(bytes.subarray(0, cut));
    await settle();
    link.peer.send(bytes.subarray(cut));
    assertEquals(await link.messages(3), expected, `cut at ${cut}`);
    assertEquals(link.heard.order.filter((each) => each !== "piece"), [
      "established",
      "ping",
      "message",
      "message",
      "pong",
      "message",
    ]);
  }
  for (const chop of [1, 2, 3, 5, 7]) {
    const link = await house.open();
    link.chop(chop);
    link.send(...frames);
    assertEquals(await link.messages(3), expected, `in reads of ${chop}`);
  }
});

ruleOfBoth("5.2", "frames in the packet of the handshake are not lost", async (side) => {
  await using house = side.setUp();
  const link = await house.open({ opcode: 1, payload: "early" }, { opcode: 9, payload: "bird" });
  assertEquals(await link.messages(1), ["early"]);
  assertEquals((await link.receive()).opcode, 10);
});

// The examples of section 5.7.

const HELLO = [0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_HELLO = [0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

rule("5.7", "the examples of unmasked frames are read by a client as told there", async () => {
  await using link = await CLIENT.open();
  link.peer.send(Uint8Array.of(0x81, 0x05, ...HELLO));
  link.peer.send(Uint8Array.of(0x01, 0x03, 0x48, 0x65, 0x6c));
  link.peer.send(Uint8Array.of(0x80, 0x02, 0x6c, 0x6f));
  link.peer.send(concat(Uint8Array.of(0x82, 0x7e, 1, 0), patternOf(256)));
  link.peer.send(concat(Uint8Array.of(0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0), patternOf(65_536)));
  const messages = await link.messages(4);
  assertEquals(messages.slice(0, 2), ["Hello", "Hello"]);
  assertSameBytes(messages[2], patternOf(256));
  assertSameBytes(messages[3], patternOf(65_536));
  link.peer.send(Uint8Array.of(0x89, 0x05, ...HELLO));
  const { opcode, payload } = await link.receive();
  assertEquals([opcode, ...payload], [10, ...HELLO]);
});

rule("5.7", "the examples of masked frames are read by a server as told there", async () => {
  await using link = await SERVER.open();
  link.peer.send(Uint8Array.of(0x81, ...MASKED_HELLO));
  link.peer.send(Uint8Array.of(0x8a, ...MASKED_HELLO));
  assertEquals(await link.messages(1), ["Hello"]);
  await settle();
  assertEquals(link.heard.pongs, ["Hello"]);
});

rule("5.7", "the examples of unmasked frames are what a server sends", async () => {
  await using link = await SERVER.open();
  link.wsi.write("Hello");
  link.wsi.write("Hel", "text", { fin: false });
  link.wsi.write("lo", "continuation");
  link.wsi.write("Hello", "ping");
  const expected = [
    ...[0x81, 0x05, ...HELLO],
    ...[0x01, 0x03, 0x48, 0x65, 0x6c],
    ...[0x80, 0x02, 0x6c, 0x6f],
    ...[0x89, 0x05, ...HELLO],
  ];
  assertEquals([...await link.peer.readBytes(expected.length)], expected);
});

// Extensibility.

/** "Hello" as permessage-deflate sends it (RFC 7692 section 7.2.3.1). */
const DEFLATED = Uint8Array.of(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00);

ruleOfBoth("5.8", "an extension that was not agreed on gives no bit a meaning", async (side) => {
  for (const options of [{}, { deflate: "listed" }] as const) {
    await assertBreaks(side, 1002, [
      ["deflated", { opcode: 1, rsv: 4, payload: DEFLATED }],
      ["another bit", { opcode: 1, rsv: 2, payload: "x" }],
    ], options);
    await using link = await side.open(options);
    // That its reserved bits are 0 `receiveText` asserts.
    link.wsi.write("compress me ".repeat(100));
    assertEquals(await link.receiveText(), "compress me ".repeat(100));
  }
});

ruleOfBoth("5.8", "an extension that was agreed on gives its own bit a meaning", async (side) => {
  await using link = await side.open({ deflate: "agreed" });
  link.send({ opcode: 1, rsv: 4, payload: DEFLATED }, { opcode: 1, payload: "plain" });
  assertEquals(await link.messages(2), ["Hello", "plain"]);
});

ruleOfBoth("5.2", "bits without a meaning fail beside an extension with 1002", async (side) => {
  const offences: Offence[] = [];
  for (let rsv = 1; rsv <= 7; rsv++) {
    if (rsv !== 4) {
      for (const opcode of DATA_OPCODES) {
        offences.push([`${rsv} in opcode ${opcode}`, { opcode, rsv, payload: DEFLATED }]);
      }
    }
    offences.push([`${rsv} in a continuation`, OPENING, { opcode: 0, rsv, payload: DEFLATED }]);
    for (const opcode of CONTROL_OPCODES) {
      offences.push([`${rsv} in opcode ${opcode}`, { opcode, rsv }]);
    }
  }
  await assertBreaks(side, 1002, offences, { deflate: "agreed" });
});
