/** Codecs, and bytes to try them with. */

import { assert, assertEquals } from "@std/assert";
import { type Inflater, type ZlibCodec } from "../../../src/extensions/zlib_codec.ts";
import { nativeZlibCodec } from "../../../src/extensions/zlib.ts";
import { wholeZlibCodec } from "../../../src/extensions/zlib_whole.ts";

export const native = nativeZlibCodec()!;

export const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

export const MIB = 1024 * 1024;

/** Those that inflate messages at once, and give nothing before their tail. */
export const wholes = new WeakSet<Inflater>();

export function inflaterOf(codec: ZlibCodec, windowBits = 15): Inflater {
  const inflater = codec.inflater({ windowBits });
  if (!codec.hasTakeover) wholes.add(inflater);
  return inflater;
}

/** The same numbers at each run: 0 to `limit` − 1. */
export function makeRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

export function randomBytes(length: number, seed = 1): Uint8Array {
  const random = makeRandom(seed);
  return Uint8Array.from({ length }, () => random(256));
}

export function text(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.split(" "), (each) => parseInt(each, 16));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `assertEquals` without the minutes that it takes for long arrays. */
export function assertSame(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  if (actual.length === expected.length && at < 0) return;
  throw new Error(`${what}: ${actual.length} and ${expected.length} bytes, first other: ${at}`);
}

/** As {@linkcode inflateAll} for an inflater of whole messages: with or without its tail. */
export function inflateWhole(
  inflater: Inflater,
  data: Uint8Array,
  pushSize: () => number,
  pullSize: () => number,
): Uint8Array {
  const message = endsInTail(data) ? data.subarray(0, -TAIL.length) : data;
  for (let at = 0; at < message.length;) {
    const piece = message.slice(at, at + pushSize());
    at += piece.length;
    inflater.push(piece);
    piece.fill(0xdd);
    assertEquals(inflater.pull(new Uint8Array(10)), 0);
  }
  inflater.pushTail();
  const parts: Uint8Array[] = [];
  while (true) {
    const out = new Uint8Array(pullSize());
    const count = inflater.pull(out);
    parts.push(out.subarray(0, count));
    if (count < out.length) break;
  }
  assertEquals(inflater.rest.length, 0);
  return concat(...parts);
}

export function endsInTail(data: Uint8Array): boolean {
  const end = data.subarray(-TAIL.length);
  return end.length === TAIL.length && end.every((byte, index) => byte === TAIL[index]);
}

/** Pushes `data` in pieces and pulls all that comes, in pieces. */
export function inflateAll(
  inflater: Inflater,
  data: Uint8Array,
  pushSize = () => data.length,
  pullSize = () => 1000,
): Uint8Array {
  if (wholes.has(inflater)) return inflateWhole(inflater, data, pushSize, pullSize);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length;) {
    const piece = data.subarray(at, at + pushSize());
    at += piece.length;
    inflater.push(piece);
    while (true) {
      const out = new Uint8Array(pullSize());
      const count = inflater.pull(out);
      assert(count <= out.length);
      parts.push(out.subarray(0, count));
      if (count < out.length) break;
    }
    assertEquals(inflater.rest.length, 0);
  }
  return concat(...parts);
}

export function whole(most = 1000): Inflater {
  const inflater = inflaterOf(wholeZlibCodec);
  inflater.most = most;
  return inflater;
}
