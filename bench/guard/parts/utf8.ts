/** The UTF-8 check. */

import { isUtf8 } from "../../../src/core/websocket/utf8.ts";
import { isAscii as bareIsAscii, isUtf8 as bareIsUtf8 } from "../floor/utf8.ts";
import type { Part } from "./part.ts";

const ASCII = "plain text, ";
/** Of two, three and four bytes, between ASCII. */
const MIXED = "déjà vu 漢字 😀 ";

function text(
  kind: string,
  sample: string,
  length: number,
  bareCheck: (bytes: Uint8Array) => boolean,
): Part {
  return {
    name: `UTF-8 check of ${length} bytes, ${kind}`,
    batch: 1,
    prepare() {
      const encoded = new TextEncoder().encode(sample.repeat(length));
      let end = length;
      // Back to the end of a character, by three bytes at most.
      while ((encoded[end]! & 0xc0) === 0x80) end--;
      const bytes = encoded.slice(0, end);
      return {
        ours(times) {
          let good = 0;
          for (let i = 0; i < times; i++) if (isUtf8(bytes)) good++;
          return good;
        },
        floor(times) {
          let good = 0;
          for (let i = 0; i < times; i++) if (bareCheck(bytes)) good++;
          return good;
        },
      };
    },
  };
}

/** In the table's order. */
export const UTF8_PARTS: readonly Part[] = [
  text("ASCII", ASCII, 125, bareIsAscii),
  text("mixed", MIXED, 125, bareIsUtf8),
  text("ASCII", ASCII, 4096, bareIsAscii),
];
