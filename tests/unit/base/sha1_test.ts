/** SHA-1 against FIPS 180-4's examples, and against the runtime's own. */

import { assertEquals } from "@std/assert";
import { sha1 } from "../../../src/base/sha1.ts";

const encoder = new TextEncoder();

Deno.test("the examples of FIPS 180-4", () => {
  const examples = [
    ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ],
    ["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
  ] as const;
  for (const [text, digest] of examples) {
    assertEquals(sha1(encoder.encode(text)).toHex(), digest, text.slice(0, 60));
  }
});

Deno.test("each length up to four blocks, as the runtime hashes it", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(256));
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(0, length);
    const expected = new Uint8Array(await crypto.subtle.digest("SHA-1", part));
    assertEquals(sha1(part), expected, `${length} bytes`);
  }
});

Deno.test("the digest goes into what is given for it, and nowhere else", () => {
  const into = new Uint8Array(22).fill(7);
  const view = into.subarray(1, 21);
  assertEquals(sha1(encoder.encode("abc"), view) === view, true);
  assertEquals(into.toHex(), "07a9993e364706816aba3e25717850c26c9cd0d89d07");
  const one = sha1(encoder.encode("one"));
  const before = one.toHex();
  sha1(encoder.encode("two"));
  assertEquals(one.toHex(), before, "each call without one makes its own");
});

Deno.test("a part of a buffer is hashed, and what is around it is not", () => {
  const bytes = encoder.encode("xxabcxx");
  assertEquals(sha1(bytes.subarray(2, 5)), sha1(encoder.encode("abc")));
});
