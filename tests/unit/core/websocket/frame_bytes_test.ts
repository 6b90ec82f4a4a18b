import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../src/base/errors.ts";
import { frameBytes, type FrameBytesOptions } from "../../../../src/core/websocket/frame_bytes.ts";
import { frame } from "../../../support/frames.ts";

Deno.test("a frame is as section 5.2 has it, of every length of length", () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const payload = new Uint8Array(length).map((_, index) => index * 7);
    const before = payload.slice();
    const options = { fin: length !== 1, reservedBits: length === 125 ? 5 : 0 };
    const open = frameBytes(2, payload, { masked: false, ...options });
    const expected = { opcode: 2, payload, fin: options.fin, rsv: options.reservedBits };
    assertEquals(open, frame(expected));
    const masked = frameBytes(2, payload, { masked: true, ...options });
    const at = masked.length - length - 4;
    const [a, b, c, d] = masked.subarray(at, at + 4);
    assertEquals(masked, frame({ ...expected, key: [a!, b!, c!, d!] }));
    assertEquals(payload, before);
  }
});

Deno.test("each masked frame has a key of its own", () => {
  const payload = new Uint8Array(8);
  assertNotEquals(
    frameBytes(1, payload, { masked: true }),
    frameBytes(1, payload, { masked: true }),
  );
});

Deno.test("what can't be a frame is refused by name; what is at the limit isn't", () => {
  const refused = (opcode: number, length: number, more: Partial<FrameBytesOptions>) =>
    assertThrows(
      () => frameBytes(opcode, new Uint8Array(length), { masked: false, ...more }),
      LwsError,
    ).message;
  assertEquals(frameBytes(9, new Uint8Array(125), { masked: false }).length, 127);
  assertEquals(frameBytes(15, new Uint8Array(0), { masked: false, reservedBits: 7 })[0], 0xff);
  const whole = "frameBytes: a control frame has at most 125 bytes, and is whole";
  assertEquals(refused(9, 126, {}), whole);
  assertEquals(refused(8, 0, { fin: false }), whole);
  assertEquals(refused(16, 0, {}), "frameBytes: opcode must be 0 to 15, not 16");
  assertEquals(refused(-1, 0, {}), "frameBytes: opcode must be 0 to 15, not -1");
  assertEquals(
    refused(1, 0, { reservedBits: 8 }),
    "frameBytes: reservedBits must be 0 to 7, not 8",
  );
});
