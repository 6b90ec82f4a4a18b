import { assertEquals } from "@std/assert";
import {
  checkUtf8,
  isUtf8,
  UTF8_ACCEPT,
  UTF8_REJECT,
} from "../../../../src/core/websocket/utf8.ts";

/** The platform's own decoder as the judge. */
function isWellFormed(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("every sequence of one, two and three bytes is judged as the platform judges it", () => {
  for (let a = 0; a < 256; a++) {
    assertEquals(isUtf8(Uint8Array.of(a)), isWellFormed(Uint8Array.of(a)));
    for (let b = 0; b < 256; b++) {
      const two = Uint8Array.of(a, b);
      if (isUtf8(two) !== isWellFormed(two)) throw new Error(`${a} ${b}`);
    }
  }
  for (let a = 0xe0; a < 0xf8; a++) {
    for (let b = 0x70; b < 0xd0; b++) {
      for (const c of [0x7f, 0x80, 0xbf, 0xc0]) {
        const three = Uint8Array.of(a, b, c);
        if (isUtf8(three) !== isWellFormed(three)) throw new Error(`${three}`);
        for (const d of [0x7f, 0x80, 0xbf, 0xc0]) {
          const four = Uint8Array.of(a, b, c, d);
          if (isUtf8(four) !== isWellFormed(four)) throw new Error(`${four}`);
        }
      }
    }
  }
});

Deno.test("the state carries over any split", () => {
  const bytes = new TextEncoder().encode("abcdefgh κόσμε € 😀 and then some more plain ASCII text");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const middle = checkUtf8(bytes, 0, cut, UTF8_ACCEPT);
    assertEquals(checkUtf8(bytes, cut, bytes.length, middle), UTF8_ACCEPT);
  }
});

Deno.test("a bad byte is found at once, behind any run of ASCII", () => {
  for (let before = 0; before < 40; before++) {
    const bytes = new Uint8Array(before + 1).fill(0x61);
    bytes[before] = 0xff;
    assertEquals(checkUtf8(bytes, 0, bytes.length, UTF8_ACCEPT), UTF8_REJECT);
    assertEquals(checkUtf8(bytes, 0, before, UTF8_ACCEPT), UTF8_ACCEPT);
  }
});
