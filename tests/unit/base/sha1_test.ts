import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { sha1 } from "../../../src/base/sha1.ts";

Deno.test("a digest is the runtime's, wherever a text ends in a block", () => {
  const text = Uint8Array.from({ length: 260 }, (_, i) => i * 7);
  for (let length = 0; length <= text.length; length++) {
    const bytes = text.subarray(0, length);
    const wanted = createHash("sha1").update(bytes).digest();
    assertEquals(sha1(bytes).toHex(), wanted.toString("hex"), `${length} bytes`);
  }
});
