import { assertEquals } from "@std/assert";
import { headerLength, writeHeader } from "../../../../src/core/websocket/frame.ts";
import { frame } from "../../../support/frames.ts";

Deno.test("section 5.2: headers are written with the shortest length that fits", () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 70_000]) {
    for (const masked of [false, true]) {
      const expected = frame({
        opcode: 2,
        payload: new Uint8Array(length),
        ...(masked ? { key: [0, 0, 0, 0] as const } : {}),
      });
      const size = headerLength(length, masked);
      const written = new Uint8Array(size + 2);
      assertEquals(writeHeader(written, 1, 0x82, length, masked), size + 1);
      assertEquals(written.slice(1, size + 1), expected.slice(0, size));
      assertEquals(expected.length, size + length);
    }
  }
});

Deno.test("section 5.2: lengths above 32 bits are written whole", () => {
  const written = new Uint8Array(10);
  writeHeader(written, 0, 0x82, 2 ** 40 + 3, false);
  assertEquals([...written], [0x82, 127, 0, 0, 1, 0, 0, 0, 0, 3]);
});
