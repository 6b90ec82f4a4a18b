import { assertEquals, assertThrows } from "@std/assert";
import { base64Of, bytesOfBase64, hexOf } from "../../../../src/base/text/encodings.ts";

/** As in an engine that has no method for it. */
function without(method: "toBase64" | "toHex", bytes: Uint8Array): Uint8Array {
  return Object.defineProperty(bytes.slice(), method, { value: undefined });
}

function withoutFromBase64<T>(run: () => T): T {
  const { fromBase64 } = Uint8Array;
  Object.defineProperty(Uint8Array, "fromBase64", { value: undefined });
  try {
    return run();
  } finally {
    Object.defineProperty(Uint8Array, "fromBase64", { value: fromBase64 });
  }
}

Deno.test("RFC 4648 section 10's vectors, also where the engine has no method for it", () => {
  const vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
  for (const [length, expected] of vectors.entries()) {
    const bytes = new TextEncoder().encode("foobar".slice(0, length));
    assertEquals(base64Of(bytes), expected);
    assertEquals(base64Of(without("toBase64", bytes)), expected);
    assertEquals(bytesOfBase64(expected), bytes);
    assertEquals(withoutFromBase64(() => bytesOfBase64(expected)), bytes);
  }
});

Deno.test("every byte in hexadecimal and base64, and many of them, without the engine's methods", () => {
  const bytes = Uint8Array.from({ length: 200_000 }, (_, at) => at);
  assertEquals(hexOf(bytes.subarray(0, 17)), "000102030405060708090a0b0c0d0e0f10");
  assertEquals(hexOf(without("toHex", bytes)), bytes.toHex());
  assertEquals(base64Of(without("toBase64", bytes)), bytes.toBase64());
});

Deno.test("what is no base64 throws, with the engine's method and without", () => {
  for (const text of ["Zg=", "Z", "Zm9?"]) {
    assertThrows(() => bytesOfBase64(text));
    assertThrows(() => withoutFromBase64(() => bytesOfBase64(text)), Error, "", text);
  }
});
