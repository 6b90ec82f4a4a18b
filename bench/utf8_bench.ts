/** The UTF-8 check, beside `isUtf8` of `node:buffer` and the fatal decoder, which can't be resumed. */

import { isUtf8 as nativeIsUtf8 } from "node:buffer";
import { isUtf8 } from "../src/core/websocket/utf8.ts";

const fatal = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

for (const [name, text] of [["ASCII", "plain te"], ["mixed", "déjà vu "], ["CJK", "漢字仮名"]]) {
  for (const length of [16, 125, 4096]) {
    const bytes = encoder.encode(text!.repeat(length)).subarray(0, length);
    const group = `${length} bytes of ${name}`;
    Deno.bench("resumable table", { group, baseline: true }, () => void isUtf8(bytes));
    Deno.bench("node:buffer isUtf8", { group }, () => void nativeIsUtf8(bytes));
    if (name === "ASCII") {
      Deno.bench("fatal TextDecoder", { group }, () => void fatal.decode(bytes));
    }
  }
}
