/** Masking (RFC 6455 section 5.3) as a function: its own inverse, and the same in any parts. */

import { assertEquals } from "@std/assert";
import { mask } from "../../src/core/websocket/mask.ts";
import { check, cutAt, cuts, fc } from "./support.ts";

const payload = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 300 }));
const key = fc.integer({ min: -0x8000_0000, max: 0xffff_ffff });
/** Bytes in front of the payload and behind it, which must stay as they are. */
const room = fc.nat(9);

/** The payload somewhere in a buffer of its own. */
function placed(data: Uint8Array, before: number, after: number) {
  const buffer = new Uint8Array(before + data.length + after).fill(0xa5);
  buffer.set(data, before);
  return buffer;
}

function viewOf(buffer: Uint8Array): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Byte by byte, as the RFC says it. */
function plainlyMasked(data: Uint8Array, masking: number, phase: number): Uint8Array {
  return data.map((byte, i) => byte ^ (masking >>> 8 * ((i + phase) % 4)));
}

Deno.test("masking twice is the identity, and once is what the RFC says", () => {
  const given = fc.tuple(payload, key, fc.nat(3), room, room);
  check({ seed: 51, numRuns: 800 }, given, ([data, masking, phase, before, after]) => {
    const buffer = placed(data, before, after);
    const view = viewOf(buffer);
    mask(buffer, view, before, before + data.length, masking, phase);
    assertEquals(buffer, placed(plainlyMasked(data, masking, phase), before, after));
    mask(buffer, view, before, before + data.length, masking, phase);
    assertEquals(buffer, placed(data, before, after));
  });
});

Deno.test("masking in any parts equals masking in one", () => {
  const given = fc.tuple(payload, key, fc.nat(3), room, cuts(6));
  check({ seed: 52, numRuns: 800 }, given, ([data, masking, phase, before, shares]) => {
    const buffer = placed(data, before, 0);
    const view = viewOf(buffer);
    let at = before;
    for (const { length } of cutAt(data, shares)) {
      mask(buffer, view, at, at + length, masking, phase + at - before & 3);
      at += length;
    }
    assertEquals(buffer.subarray(before), plainlyMasked(data, masking, phase));
  });
});
