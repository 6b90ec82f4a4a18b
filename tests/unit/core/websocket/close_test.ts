import { assertEquals } from "@std/assert";
import { decodeClose, encodeClose, isCloseCode } from "../../../../src/core/websocket/close.ts";

Deno.test("section 7.4: of all 65,536 codes only these may stand in a close frame", () => {
  for (let code = 0; code < 65_536; code++) {
    const expected = [1000, 1001, 1002, 1003].includes(code) ||
      (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    if (isCloseCode(code) !== expected) throw new Error(`${code}`);
    const decoded = decodeClose(Uint8Array.of(code >> 8, code & 255));
    assertEquals(decoded, expected ? { code, reason: "" } : "closeCode");
  }
});

Deno.test("section 5.5.1: an empty payload has no status, one byte is malformed", () => {
  assertEquals(decodeClose(new Uint8Array(0)), { code: 1005, reason: "" });
  assertEquals(decodeClose(Uint8Array.of(3)), "closeCode");
});

Deno.test("section 5.5.1: the reason is UTF-8", () => {
  assertEquals(decodeClose(encodeClose(1000, "bye €")), { code: 1000, reason: "bye €" });
  assertEquals(decodeClose(encodeClose(1000, "\ufeffx")), { code: 1000, reason: "\ufeffx" });
  assertEquals(decodeClose(Uint8Array.of(3, 0xe8, 0xff)), "closeReason");
  assertEquals(decodeClose(Uint8Array.of(3, 0xe8, 0xe2, 0x82)), "closeReason");
  assertEquals(encodeClose().length, 0);
});
