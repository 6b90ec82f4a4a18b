/** RFC 6455 sections 5.6 and 8.1: text is UTF-8, and fails at the first byte that is not. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "../support/frames.ts";
import { settle } from "../support/serve.ts";
import { ruleOfBoth } from "./rule.ts";
import { assertBreaks, type Side } from "./sides.ts";

type Range = readonly [from: number, to: number];
const ANY: Range = [0x80, 0xbf];

/** Table 3-7 of the Unicode standard: the well-formed sequences of more than one byte. */
const WELL_FORMED: readonly (readonly Range[])[] = [
  [[0xc2, 0xdf], ANY],
  [[0xe0, 0xe0], [0xa0, 0xbf], ANY],
  [[0xe1, 0xec], ANY, ANY],
  [[0xed, 0xed], [0x80, 0x9f], ANY],
  [[0xee, 0xef], ANY, ANY],
  [[0xf0, 0xf0], [0x90, 0xbf], ANY, ANY],
  [[0xf1, 0xf3], ANY, ANY, ANY],
  [[0xf4, 0xf4], [0x80, 0x8f], ANY, ANY],
];

/** Bytes that begin no character: continuations and overlong forms, what is above U+10FFFF. */
const NEVER_FIRST: readonly Range[] = [[0x80, 0xc1], [0xf5, 0xff]];

/** Text in front and behind, which makes the sequences' surroundings plain. */
const BEFORE = new TextEncoder().encode("before €");
const AFTER = new TextEncoder().encode("after");

/** Sequences that are ill-formed at their last byte, and not before. */
function* illFormed(): Generator<Uint8Array> {
  for (const [from, to] of NEVER_FIRST) {
    for (let byte = from; byte <= to; byte++) yield Uint8Array.of(byte);
  }
  for (const row of WELL_FORMED) {
    for (const firsts of [row.map(([from]) => from), row.map(([, to]) => to)]) {
      for (let at = 1; at < row.length; at++) {
        const [from, to] = row[at]!;
        const beside = new Set([from - 1, to + 1, 0x00, 0x41, 0x7f, 0xc0, 0xc2, 0xff]);
        for (const byte of beside) yield Uint8Array.of(...firsts.slice(0, at), byte);
      }
    }
  }
}

/** The lengths that first bytes ask for, also where there are no such characters (RFC 2279). */
const LENGTHS = [[0xfe, 1], [0xfc, 6], [0xf8, 5], [0xf0, 4], [0xe0, 3], [0xc0, 2], [0, 1]] as const;

/**
 * Ill-formed sequences with the continuations that their first bytes ask for: surrogates, overlong forms
 * and characters beyond the last one, with nothing else wrong in them.
 */
function* completed(): Generator<Uint8Array> {
  for (const bytes of illFormed()) {
    const [, length] = LENGTHS.find(([from]) => bytes[0]! >= from)!;
    const isBroken = bytes.length > 1 && (bytes.at(-1)! < 0x80 || bytes.at(-1)! > 0xbf);
    const missing = isBroken ? 0 : Math.max(0, length - bytes.length);
    yield concat(bytes, new Uint8Array(missing).fill(0x80));
  }
}

/** The beginnings of characters that are not whole. */
function* cutShort(): Generator<Uint8Array> {
  for (const row of WELL_FORMED) {
    for (let length = 1; length < row.length; length++) {
      yield Uint8Array.from(row.slice(0, length), ([from]) => from);
      yield Uint8Array.from(row.slice(0, length), ([, to]) => to);
    }
  }
}

/** The first and the last character of every row and of every plane's end, and a few known ones. */
const CHARACTERS = [
  ...[0x00, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd000, 0xd7ff, 0xe000],
  ...[0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1fffe, 0x1ffff, 0x3ffff, 0x40000],
  ...[0xfffff, 0x100000, 0x10fffe, 0x10ffff],
].map((code) => String.fromCodePoint(code));

/** Those that are in a text at all, which in the oldest versions ends at the byte 0xff. */
function insideText(side: Side, sequences: Iterable<Uint8Array>): Uint8Array[] {
  return [...sequences].filter((bytes) => side.dialect.trailer === 0 || !bytes.includes(0xff));
}

const hex = (bytes: Uint8Array) => bytes.toHex();

ruleOfBoth("5.6", "text is delivered as the characters that it encodes", async (side) => {
  await using link = await side.open();
  for (const character of CHARACTERS) {
    for (const text of [character, `a${character}`, `${character}${character}b`]) {
      link.send({ opcode: 1, payload: text });
      assertEquals(await link.messages(1), [text], text.codePointAt(0)!.toString(16));
      link.heard.messages.length = 0;
    }
  }
});

ruleOfBoth("5.6", "a frame may end inside a character when the message does not", async (side) => {
  await using link = await side.open();
  const bytes = new TextEncoder().encode(CHARACTERS.join(""));
  const text = CHARACTERS.join("");
  for (let cut = 0; cut <= bytes.length; cut++) {
    link.send(
      { opcode: 1, fin: false, payload: bytes.subarray(0, cut) },
      { opcode: 9 },
      { opcode: 0, payload: bytes.subarray(cut) },
    );
  }
  link.send(...[...bytes].map((byte, i) => ({
    opcode: i === 0 ? 1 : 0,
    fin: i === bytes.length - 1,
    payload: Uint8Array.of(byte),
  })));
  assertEquals(new Set(await link.messages(bytes.length + 2)), new Set([text]));
});

ruleOfBoth("5.6", "reads may end inside a character", async (side) => {
  await using house = side.setUp();
  const text = CHARACTERS.join("").repeat(3);
  for (const chop of [1, 2, 3, 5, 7, 13]) {
    const link = await house.open();
    link.chop(chop);
    link.send({ opcode: 1, payload: text });
    assertEquals(await link.messages(1), [text]);
  }
});

ruleOfBoth("5.6", "pieces of a frame may end inside a character", async (side) => {
  const text = CHARACTERS.join("");
  for (const rxBufferSize of [1, 2, 3, 5, 64]) {
    await using link = await side.open({ rxBufferSize });
    link.send({ opcode: 1, payload: text }, { opcode: 1, payload: text });
    assertEquals(await link.messages(2), [text, text]);
  }
});

ruleOfBoth("5.6", "binary messages may have any bytes, text after them as before", async (side) => {
  await using link = await side.open();
  for (const bytes of [...illFormed(), ...cutShort()]) {
    link.send(
      { opcode: 2, payload: bytes },
      { opcode: 2, fin: false, payload: bytes },
      { opcode: 0, payload: bytes },
      { opcode: 1, payload: "€" },
    );
    assertEquals(await link.messages(3), [bytes, concat(bytes, bytes), "€"]);
    link.heard.messages.length = 0;
  }
});

ruleOfBoth("5.6", "text from a string is UTF-8, even from half a surrogate pair", async (side) => {
  await using link = await side.open();
  for (const text of ["€", "\ud83d\ude00", "\ud83d", "a\ude00b", "\ufeff", "x".repeat(20_000)]) {
    link.wsi.write(text);
    const { opcode, payload } = await link.receive();
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    assertEquals([opcode, decoder.decode(payload)], [1, text.toWellFormed()]);
  }
});

ruleOfBoth("8.1", "every ill-formed class of text fails the connection with 1007", async (side) => {
  const texts = insideText(side, completed()).map((bytes) => concat(BEFORE, bytes, AFTER));
  const judge = new TextDecoder("utf-8", { fatal: true });
  for (const text of texts) assertThrows(() => judge.decode(text), TypeError);
  await assertBreaks(side, 1007, texts.map((payload) => [hex(payload), { opcode: 1, payload }]));
});

ruleOfBoth("8.1", "text that ends inside a character fails with 1007", async (side) => {
  await assertBreaks(
    side,
    1007,
    [...cutShort()].flatMap((bytes) => {
      const payload = concat(BEFORE, bytes);
      const opening = { opcode: 1, fin: false, payload };
      return [
        [`${hex(bytes)} at the end`, { opcode: 1, payload }],
        [`${hex(bytes)} alone`, { opcode: 1, payload: bytes }],
        [`${hex(bytes)} and an empty last fragment`, opening, { opcode: 0 }],
        [`${hex(bytes)} in the last fragment`, { ...opening, payload: BEFORE }, {
          opcode: 0,
          payload: bytes,
        }],
      ] as const;
    }),
  );
});

ruleOfBoth("8.1", "ill-formed text fails at every split over fragments", async (side) => {
  await using house = side.setUp();
  for (const bytes of completed()) {
    const text = concat(BEFORE, bytes, AFTER);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const link = await house.open();
      link.send(
        { opcode: 1, fin: false, payload: text.subarray(0, BEFORE.length + cut) },
        { opcode: 10, payload: "between" },
        { opcode: 0, fin: false, payload: text.subarray(BEFORE.length + cut) },
      );
      await link.assertFailed(1007, `${hex(bytes)} cut at ${cut}`);
      assertEquals(link.heard.messages, []);
    }
  }
});

ruleOfBoth("8.1", "ill-formed text fails at every split over reads", async (side) => {
  await using house = side.setUp();
  const { trailer } = side.dialect;
  for (const bytes of insideText(side, completed())) {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const link = await house.open();
      const frame = link.bytesOf({ opcode: 1, payload: concat(BEFORE, bytes, AFTER) });
      const end = frame.length - trailer - AFTER.length - bytes.length + cut;
      link.peer.send(frame.subarray(0, end));
      await settle();
      link.peer.send(frame.subarray(end));
      await link.assertFailed(1007, `${hex(bytes)} cut at ${cut}`);
      assertEquals(link.heard.messages, []);
    }
  }
});

/** Frames that are announced whole and sent up to the bad byte. */
const ANNOUNCED = [
  { opcode: 1, fin: true, length: 100 },
  { opcode: 1, fin: false, length: 1_000 },
  { opcode: 0, fin: true, length: 70_000 },
] as const;

ruleOfBoth("8.1", "text fails at its first bad byte, before its frame is whole", async (side) => {
  await using house = side.setUp();
  const { trailer } = side.dialect;
  for (const { opcode, fin, length } of ANNOUNCED) {
    for (const bytes of insideText(side, illFormed())) {
      const link = await house.open();
      if (opcode === 0) link.send({ opcode: 1, fin: false, payload: BEFORE });
      const rest = new Uint8Array(length - BEFORE.length - bytes.length).fill(0x61);
      const frame = link.bytesOf({ opcode, fin, payload: concat(BEFORE, bytes, rest) });
      const bad = frame.length - (fin ? trailer : 0) - rest.length - 1;
      link.peer.send(frame.subarray(0, bad));
      await settle();
      assert(!link.peer.ended, `${hex(bytes)} failed before its bad byte`);
      link.peer.send(frame.subarray(bad, bad + 1));
      await link.assertFailed(1007, hex(bytes));
    }
  }
});

ruleOfBoth("8.1", "text fails in the fragment that is bad, not in the last one", async (side) => {
  await using house = side.setUp();
  for (const bytes of insideText(side, illFormed())) {
    const link = await house.open();
    link.send({ opcode: 1, fin: false, payload: concat(BEFORE, bytes) });
    await link.assertFailed(1007, hex(bytes));
  }
});

ruleOfBoth("8.1", "a close reason that is not UTF-8 fails with 1007", async (side) => {
  const code = Uint8Array.of(3, 0xe8);
  await assertBreaks(
    side,
    1007,
    [...illFormed(), ...cutShort()].flatMap((bytes) => [
      [hex(bytes), { opcode: 8, payload: concat(code, bytes) }],
      [`${hex(bytes)} behind text`, { opcode: 8, payload: concat(code, BEFORE, bytes) }],
    ]),
  );
});
