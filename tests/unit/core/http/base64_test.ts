import { assertEquals } from "@std/assert";
import { base64Of } from "../../../../src/core/http/base64.ts";

Deno.test("RFC 4648 section 10's vectors, also where the engine has no method for it", () => {
  const vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
  for (const [length, expected] of vectors.entries()) {
    const bytes = new TextEncoder().encode("foobar".slice(0, length));
    assertEquals(base64Of(bytes), expected);
    Object.defineProperty(bytes, "toBase64", { value: undefined });
    assertEquals(base64Of(bytes), expected);
  }
});
