/** The streams of zlib, of the runtime and of node:zlib. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import type { Deflater, Inflater, ZlibCodec } from "../../../src/extensions/zlib_codec.ts";
import { InflateError } from "../../../src/extensions/zlib_codec.ts";
import { wholeZlibCodec } from "../../../src/extensions/zlib_whole.ts";
import {
  assertSame,
  bytes,
  concat,
  inflateAll,
  inflaterOf,
  makeRandom,
  MIB,
  native,
  randomBytes,
  TAIL,
  text,
  wholes,
} from "./zlib.ts";

const CODECS: [string, ZlibCodec][] = [["whole messages", wholeZlibCodec], ["native", native]];

/** What tests that run at the same time may take meanwhile. */
const RSS_NOISE = 320 * MIB;

type CodecTest = (
  open: {
    deflater: (windowBits?: number, level?: number, memLevel?: number) => Deflater;
    inflater: (windowBits?: number) => Inflater;
  },
  codec: ZlibCodec,
) => void;

/** For what a codec without state between calls can't do. */
function nativeCodec(name: string, test: CodecTest): void {
  eachCodec(name, test, [["native", native]]);
}

/** Runs for each codec, and closes the streams that the test opens. */
function eachCodec(name: string, test: CodecTest, codecs = CODECS): void {
  for (const [codecName, codec] of codecs) {
    Deno.test(`${codecName}: ${name}`, () => {
      const opened: { close(): void }[] = [];
      const keep = <Stream extends { close(): void }>(stream: Stream): Stream => {
        opened.push(stream);
        return stream;
      };
      try {
        test({
          deflater: (windowBits = 15, level = 6, memLevel = 8) =>
            keep(codec.deflater({ windowBits, level, memLevel })),
          inflater: (windowBits = 15) => keep(inflaterOf(codec, windowBits)),
        }, codec);
      } finally {
        for (const stream of opened) stream.close();
      }
    });
  }
}

/** What repeats itself at all distances, between bytes that don't. */
function patchwork(length: number, seed = 1): Uint8Array {
  const random = makeRandom(seed);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const run = 1 + random(40);
    const distance = 1 + random(Math.max(1, at));
    const end = Math.min(length, at + run);
    for (; at < end; at++) {
      bytes[at] = run < 8 || at < distance ? random(256) : bytes[at - distance]!;
    }
  }
  return bytes;
}

/** Bits in their order on the wire, lowest of a byte first, and two bytes of zeros. */
function bits(text: string): Uint8Array {
  const digits = text.replaceAll(" ", "");
  const packed = new Uint8Array((digits.length >>> 3) + 3);
  for (let at = 0; at < digits.length; at++) packed[at >>> 3]! |= Number(digits[at]) << (at & 7);
  return packed;
}

eachCodec("messages of any size come back as they were, at any level", ({ deflater, inflater }) => {
  // deno-fmt-ignore
  const lengths = [0, 1, 2, 3, 4, 5, 31, 127, 258, 259, 1023, 16_000, 16_383, 16_384, 16_385, 32_767, 32_768,
    32_769, 65_534, 65_535, 65_536, 70_000];
  for (const level of [-1, 0, 1, 6, 9]) {
    const one = deflater(15, level);
    const other = inflater();
    for (const length of lengths) {
      for (const message of [randomBytes(length), patchwork(length), new Uint8Array(length)]) {
        const deflated = one.deflate(message);
        assertEquals([...deflated.subarray(-4)], [...TAIL]);
        assertSame(inflateAll(other, deflated), message, `${length} bytes at level ${level}`);
      }
    }
  }
});

eachCodec("input in any pieces and output in any pieces make no difference", (open) => {
  const random = makeRandom(7);
  const inflater = open.inflater();
  for (let round = 0; round < 60; round++) {
    const message = patchwork(random(3000), round);
    const deflated = open.deflater(9 + round % 7, round % 10, 1 + round % 9).deflate(message);
    for (const limit of [1, 2, 9, 400]) {
      const size = () => 1 + random(limit);
      assertSame(inflateAll(inflater, deflated, size), message);
      assertSame(inflateAll(inflater, deflated, undefined, size), message);
      assertSame(inflateAll(inflater, deflated, size, size), message);
    }
  }
});

eachCodec("the parts of a stream inflate as one", ({ deflater, inflater }) => {
  const message = patchwork(20_000);
  const one = deflater();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += 1999) {
    parts.push(one.deflate(message.subarray(at, at + 1999)).slice());
    parts.push(one.deflate(new Uint8Array(0)).slice());
  }
  assertSame(inflateAll(inflater(), concat(...parts)), message);
});

eachCodec("after a reset the output refers to nothing before it", ({ deflater, inflater }) => {
  const message = patchwork(5000);
  const one = deflater();
  const first = one.deflate(message).slice();
  one.reset();
  assertSame(one.deflate(message), first);
  assertSame(inflateAll(inflater(), first), message);
});

eachCodec("parts that are flushed without data are empty stored blocks", ({ deflater }) => {
  const one = deflater();
  for (let round = 0; round < 3; round++) {
    assertEquals([...one.deflate(new Uint8Array(0))], [...bytes("00 00 00 ff ff")]);
    one.deflate(text("Hello"));
    if (round === 1) one.reset();
  }
});

eachCodec("a view of a larger buffer is taken as what it shows", ({ deflater, inflater }) => {
  const message = patchwork(700);
  const padded = new Uint8Array(1000).fill(7);
  padded.set(message, 100);
  const deflated = deflater().deflate(padded.subarray(100, 800));
  padded.fill(9);
  padded.set(deflated, 3);
  const out = new Uint8Array(1000).fill(8);
  const one = inflater();
  one.push(padded.subarray(3, 3 + deflated.length));
  if (wholes.has(one)) one.pushTail();
  assertEquals(one.pull(out.subarray(50, 950)), 700);
  assertSame(out.subarray(50, 750), message);
  assert(out.subarray(0, 50).every((byte) => byte === 8));
  assert(out.subarray(950).every((byte) => byte === 8));
});

eachCodec("section 7.1.1: a second message is shorter by what the first one had", (open, codec) => {
  const message = randomBytes(500);
  const one = open.deflater();
  const first = one.deflate(message).slice();
  const second = one.deflate(message).slice();
  assertEquals(second.length < 50, codec.hasTakeover);
  const other = open.inflater();
  assertSame(inflateAll(other, first), message);
  assertSame(inflateAll(other, second), message);
  if (!codec.hasTakeover) return;
  assertThrows(() => inflateAll(open.inflater(), second), InflateError, "too far back");
  other.reset();
  assertThrows(() => inflateAll(other, second), InflateError, "too far back");
});

eachCodec("no reference goes further back than the window", ({ deflater, inflater }, codec) => {
  for (let windowBits = 9; windowBits <= 15; windowBits++) {
    const size = 1 << windowBits;
    const message = patchwork(3 * size, windowBits);
    const deflated = deflater(windowBits, 9).deflate(message).slice();
    // From byte to byte an inflater has nothing but its window.
    const all = inflateAll(inflater(windowBits), deflated, undefined, () => 1);
    assertSame(all, message, `${windowBits} bits`);

    const far = new Uint8Array(size + 100);
    far.set(randomBytes(50));
    far.set(randomBytes(50), size + 50);
    const wider = deflater(15, 9).deflate(far).slice();
    // At once, what came out before is there, however far back.
    if (windowBits === 15 || !codec.hasTakeover) continue;
    assertThrows(
      () => inflateAll(inflater(windowBits), wider, undefined, () => 1),
      InflateError,
      "too far back",
    );
  }
});

eachCodec("a window of 256 bytes inflates what keeps to it", ({ deflater, inflater }) => {
  const message = new Uint8Array(600).map((_, index) => index % 100);
  // zlib stays so far inside its window of 512 bytes.
  const deflated = deflater(9).deflate(message);
  assertSame(inflateAll(inflater(8), deflated, undefined, () => 1), message);
});

// Each of these examples is a message's payload, which the tail belongs to.
eachCodec("section 7.2.3.1: one block, in one frame or two", ({ inflater }) => {
  const one = inflater();
  const message = bytes("f2 48 cd c9 c9 07 00");
  assertSame(inflateAll(one, concat(message, TAIL)), text("Hello"));
  assertSame(inflateAll(one, concat(message, TAIL), () => 3), text("Hello"));
});

eachCodec("section 7.2.3.1: that is what deflating makes", ({ deflater }) => {
  assertSame(deflater().deflate(text("Hello")), bytes("f2 48 cd c9 c9 07 00 00 00 ff ff"));
});

nativeCodec("section 7.2.3.2: a message refers to the one before", ({ inflater }) => {
  const one = inflater();
  assertSame(inflateAll(one, concat(bytes("f2 48 cd c9 c9 07 00"), TAIL)), text("Hello"));
  assertSame(inflateAll(one, concat(bytes("f2 00 11 00 00"), TAIL)), text("Hello"));
});

eachCodec("section 7.2.3.2: that is what deflating makes", ({ deflater }, codec) => {
  if (!codec.hasTakeover) return;
  const one = deflater();
  one.deflate(text("Hello"));
  assertSame(one.deflate(text("Hello")), bytes("f2 00 11 00 00 00 00 ff ff"));
});

eachCodec("section 7.2.3.3: a stored block", ({ inflater }) => {
  const message = concat(bytes("00 05 00 fa ff 48 65 6c 6c 6f 00"), TAIL);
  assertSame(inflateAll(inflater(), message), text("Hello"));
  for (const size of [1, 2, 3]) {
    assertSame(inflateAll(inflater(), message, () => size, () => size), text("Hello"));
  }
});

nativeCodec("a message may end in a stored block itself", ({ inflater }) => {
  const one = inflater();
  for (let round = 0; round < 2; round++) {
    assertSame(inflateAll(one, concat(bytes("00 05 00 fa ff 48 65 6c 6c 6f"))), text("Hello"));
  }
});

eachCodec("section 7.2.3.4: messages that end in a final block", ({ inflater }) => {
  const message = concat(bytes("f3 48 cd c9 c9 07 00 00"), TAIL);
  for (const size of [1, 2, 5, 7, 8, 100]) {
    const one = inflater();
    for (let round = 0; round < 3; round++) {
      assertSame(inflateAll(one, message, () => size), text("Hello"));
      assertSame(inflateAll(one, message, () => size, () => 1), text("Hello"));
      // The output is full where the stream ends.
      assertSame(inflateAll(one, message, () => size, () => 5), text("Hello"));
    }
  }
});

nativeCodec("the tail right behind a final block is no error", ({ inflater }) => {
  const one = inflater();
  const message = bytes("f3 48 cd c9 c9 07 00");
  one.push(message);
  const out = new Uint8Array(100);
  assertEquals(one.pull(out), 5);
  one.push(TAIL);
  assertEquals(one.pull(out), 0);
  one.reset();
  assertSame(inflateAll(one, concat(message, TAIL)), text("Hello"));
});

eachCodec(
  "a tail behind a final block that was the last byte is no block, and what follows a new stream",
  ({ inflater, deflater }) => {
    const final = bytes("f3 48 cd c9 c9 07 00");
    const withByte = bytes("f3 48 cd c9 c9 07 00 00");
    const data = patchwork(3_000);
    const plain = deflater().deflate(data).slice(0, -4);
    // In the end the output is full, or has room; the final block comes alone, or behind others.
    for (
      const messages of [[final], [plain, final], [final, final], [withByte, final], [
        final,
        withByte,
      ]]
    ) {
      for (const pullSize of [1, 5, 7, 5_000]) {
        for (const pushSize of [1, 3, 5_000]) {
          const one = inflater();
          for (let round = 0; round < 3; round++) {
            for (const message of [...messages, plain]) {
              const out = inflateAll(one, message, () => pushSize, () => pullSize);
              one.pushTail();
              assertEquals(one.pull(new Uint8Array(10)), 0);
              assertSame(out, message === plain ? data : text("Hello"));
            }
          }
        }
      }
    }
  },
);

eachCodec("what follows a final block is another stream", ({ inflater }) => {
  const one = inflater();
  const final = bytes("f3 48 cd c9 c9 07 00");
  const message = concat(final, final, bytes("f2 48 cd c9 c9 07 00"), TAIL);
  assertSame(inflateAll(one, message), text("HelloHelloHello"));
  assertSame(inflateAll(one, message, () => 1, () => 1), text("HelloHelloHello"));
  // It refers to nothing before it.
  const second = concat(final, bytes("f2 00 11 00 00"), TAIL);
  for (const size of [1, 2, 5, 100]) {
    assertThrows(() => inflateAll(inflater(), second, undefined, () => size), InflateError, "back");
  }
});

nativeCodec("many empty streams in a row are used up", ({ inflater }) => {
  const data = new Uint8Array(2000).fill(0x03);
  for (let at = 1; at < data.length; at += 2) data[at] = 0x00;
  assertEquals(inflateAll(inflater(), data).length, 0);
});

eachCodec("section 7.2.3.5: two blocks in one message", ({ inflater }) => {
  const message = concat(bytes("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"), TAIL);
  for (const size of [1, 3, 8, 100]) {
    assertSame(inflateAll(inflater(), message, () => size), text("Hello"));
  }
});

eachCodec("section 7.2.3.6: an empty message", ({ inflater }) => {
  const one = inflater();
  for (let round = 0; round < 3; round++) {
    assertEquals(inflateAll(one, concat(bytes("00"), TAIL)).length, 0);
  }
  assertSame(inflateAll(one, concat(bytes("f2 48 cd c9 c9 07 00"), TAIL)), text("Hello"));
});

eachCodec("data that is no stream is refused until a reset", ({ inflater }) => {
  const faults: [Uint8Array, string][] = [
    [bits("0 11"), "invalid block type"],
    [bytes("00 05 00 05 00"), "invalid stored block lengths"],
    [bits("0 10 0000001 10000"), "invalid distance too far back"],
    [bits("0 10 0000001 11110"), "invalid distance code"],
    [bits("0 10 11000110"), "invalid literal/length code"],
    [bits("0 01 01111 00000 0000"), "too many length or distance symbols"],
    [bits("0 01 00000 01111 0000"), "too many length or distance symbols"],
    [bits("0 01 00000 00000 0000 100 100 100 000"), "invalid code lengths set"],
    [bits("0 01 00000 00000 0000 100 100 000 000 0 00"), "invalid bit length repeat"],
    [bits("0 01 00000 00000 0000 000 000 100 100 11111111 11111111"), "invalid bit length repeat"],
    [bits("0 01 00000 00000 0000 000 000 100 100 11111111 11011011"), "missing end-of-block"],
  ];
  const good = concat(bytes("f2 48 cd c9 c9 07 00"), TAIL);
  for (const [fault, message] of faults) {
    for (const size of [1, 100]) {
      const one = inflater();
      assertThrows(() => inflateAll(one, fault, () => size), InflateError, message);
      assertThrows(() => one.pull(new Uint8Array(10)), InflateError);
      one.reset();
      assertEquals(one.rest.length, 0);
      assertSame(inflateAll(one, good), text("Hello"));
    }
  }
});

nativeCodec("a stream that breaks off gives what there is", ({ deflater, inflater }) => {
  const message = patchwork(5000);
  const deflated = deflater().deflate(message);
  const one = inflater();
  for (const length of [0, 1, 2, 50, 1000, deflated.length - 5]) {
    const cut = inflateAll(one, deflated.subarray(0, length));
    assertSame(cut, message.subarray(0, cut.length));
    assert(cut.length > 0 || length < 50);
    one.reset();
  }
});

nativeCodec("what isn't used up stays, and nothing may be pushed on it", ({ inflater }) => {
  const one = inflater();
  const block = bytes("00 05 00 fa ff 48 65 6c 6c 6f");
  one.push(block);
  assertEquals(one.pull(new Uint8Array(0)), 0);
  assertEquals(one.rest, block);
  assertEquals(one.pull(new Uint8Array(2)), 2);
  assertEquals(one.rest.buffer, block.buffer);
  assertThrows(() => one.push(TAIL), Error, "not used up");
  assertEquals(one.pull(new Uint8Array(10)), 3);
  assertEquals(one.rest.length, 0);
  one.push(block);
  one.reset();
  assertEquals(one.rest.length, 0);
});

nativeCodec("what is kept stays, whatever becomes of the bytes that were pushed", (open) => {
  const message = randomBytes(1000);
  const deflated = open.deflater().deflate(message).slice();
  for (const used of [0, 1, 500, 1000]) {
    const one = open.inflater();
    const lent = deflated.slice();
    const out = new Uint8Array(1001);
    one.push(lent);
    if (used > 0) assertEquals(one.pull(out.subarray(0, used)), used);
    one.keep();
    lent.fill(0xdd);
    assertEquals(one.pull(out.subarray(used)), 1000 - used);
    assertEquals(out.subarray(0, 1000), message);
    assertEquals(one.rest.length, 0);
  }
});

Deno.test("a tail that is kept is still told from a block", () => {
  const one = native.inflater({ windowBits: 15 });
  one.push(bytes("4b 04 00"));
  assertEquals(one.pull(new Uint8Array(2)), 1);
  one.pushTail();
  one.keep();
  assertEquals(one.pull(new Uint8Array(2)), 0);
  one.push(bytes("4b 04 00"));
  assertEquals(one.pull(new Uint8Array(2)), 1);
  one.close();
});

eachCodec("the output of one call is overwritten by the next, and a large one freed", (open) => {
  const one = open.deflater();
  const other = open.deflater();
  const first = one.deflate(randomBytes(2 * MIB));
  assert(first.length >= 2 * MIB);
  first.fill(1);
  const second = other.deflate(text("Hello"));
  assertSame(inflateAll(open.inflater(), second), text("Hello"));
  assert(second.buffer.byteLength <= 64 * 1024);
});

nativeCodec("what is inflated costs no memory but the output", ({ deflater, inflater }, codec) => {
  const one = deflater(15, 1);
  const zeros = new Uint8Array(MIB);
  one.deflate(zeros);
  // It refers to nothing but zeros, so that it can follow itself.
  const repeated = one.deflate(zeros).slice();
  one.reset();
  const first = one.deflate(zeros).slice();
  const repeats = codec === native ? 1023 : 383;
  const other = inflater();
  const out = new Uint8Array(64 * 1024);
  const before = Deno.memoryUsage().rss;
  let total = 0;
  for (let round = 0; round <= repeats; round++) {
    other.push(round === 0 ? first : repeated);
    let count;
    do {
      count = other.pull(out);
      total += count;
    } while (count === out.length);
  }
  assertEquals(total, (repeats + 1) * MIB);
  assert(Deno.memoryUsage().rss - before < RSS_NOISE);
});

nativeCodec("one push of a few bytes that stand for much is bounded by the output", (open) => {
  const one = open.deflater(15, 9);
  const deflated = one.deflate(new Uint8Array(16 * MIB)).slice();
  const other = open.inflater();
  other.push(deflated);
  const out = new Uint8Array(1000);
  for (let round = 0; round < 100; round++) assertEquals(other.pull(out), 1000);
  assert(other.rest.length > deflated.length - 1000);
  // The rest is never inflated.
  other.reset();
  assertEquals(other.rest.length, 0);
});

eachCodec("thousands of streams that are closed leave no memory behind", (_open, codec) => {
  const message = patchwork(2000);
  const out = new Uint8Array(3000);
  const use = (times: number) => {
    for (let round = 0; round < times; round++) {
      const deflater = codec.deflater({ windowBits: 15, level: 1, memLevel: 8 });
      const inflater = inflaterOf(codec);
      inflater.push(deflater.deflate(message));
      if (wholes.has(inflater)) inflater.pushTail();
      assertEquals(inflater.pull(out), message.length);
      deflater.close();
      inflater.close();
    }
  };
  use(200);
  const before = Deno.memoryUsage().rss;
  use(2000);
  // Left open they would take 540 MiB.
  assert(Deno.memoryUsage().rss - before < RSS_NOISE);
});

eachCodec("a closed stream says so, and is closed once only", ({ deflater, inflater }) => {
  const one = deflater();
  one.deflate(text("Hello"));
  one.close();
  one.close();
  assertThrows(() => one.deflate(text("Hello")), Error, "the deflater is closed");
  assertThrows(() => one.deflate(new Uint8Array(0)), Error, "the deflater is closed");
  assertThrows(() => one.reset(), Error, "the deflater is closed");
  const other = inflater();
  other.push(TAIL);
  other.close();
  other.close();
  assertEquals(other.rest.length, 0);
  assertThrows(() => other.push(TAIL), Error, "the inflater is closed");
  assertThrows(() => other.pull(new Uint8Array(1)), Error, "the inflater is closed");
  assertThrows(() => other.reset(), Error, "the inflater is closed");
});

eachCodec("options out of range are refused by name", (_open, codec) => {
  const good = { windowBits: 15, level: 6, memLevel: 8 };
  for (const windowBits of [8, 16, 9.5, NaN]) {
    assertThrows(
      () => codec.deflater({ ...good, windowBits }),
      RangeError,
      `windowBits is ${windowBits}; it must be a whole number from 9 to 15`,
    );
  }
  for (const level of [-2, 10]) {
    assertThrows(() => codec.deflater({ ...good, level }), RangeError, `level is ${level}`);
  }
  for (const memLevel of [0, 10]) {
    assertThrows(() => codec.deflater({ ...good, memLevel }), RangeError, `memLevel is`);
  }
  for (const windowBits of [7, 16]) {
    assertThrows(() => codec.inflater({ windowBits }), RangeError, "from 8 to 15");
  }
  for (const windowBits of [8, 9, 15]) codec.inflater({ windowBits }).close();
});

Deno.test("both codecs judge broken streams alike", () => {
  const random = makeRandom(3);
  for (let round = 0; round < 800; round++) {
    const options = { level: random(10), memLevel: 1 + random(9), windowBits: 9 + random(7) };
    const strategy = random(5);
    const message = patchwork(random(1500), round);
    const deflated = Uint8Array.from(deflateRawSync(message, { ...options, strategy }));
    for (let faults = random(4); faults > 0; faults--) {
      deflated[random(Math.min(deflated.length, round % 2 === 0 ? 60 : 2000))]! ^= 1 << random(8);
    }
    const size = round % 3 === 0 ? () => 1 : () => 4000;
    const results = [native, wholeZlibCodec].map((codec) => {
      const inflater = inflaterOf(codec);
      try {
        const inflated = inflateAll(inflater, deflated, size, size);
        if (codec !== native) return inflated;
        inflater.pushTail();
        const out = new Uint8Array(10_000);
        return concat(inflated, out.subarray(0, inflater.pull(out)));
      } catch (error) {
        if (!(error instanceof InflateError)) throw error;
        return undefined;
      } finally {
        inflater.close();
      }
    });
    assertEquals(results[0] === undefined, results[1] === undefined, `round ${round}`);
    if (results[0] !== undefined) assertSame(results[1]!, results[0], `round ${round}`);
  }
});
