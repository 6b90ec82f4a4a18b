/** Masking, beside the byte loop of section 5.3 as it is written there. */

import { mask, newMaskingKey } from "../src/core/websocket/mask.ts";

const KEY = 0x3d21fa37;

for (const length of [16, 40, 70, 125, 192, 1024, 65_536]) {
  const bytes = new Uint8Array(length + 3);
  const view = new DataView(bytes.buffer);
  const group = `${length} bytes at an odd offset`;
  Deno.bench("mask", { group }, () => mask(bytes, view, 3, length + 3, KEY, 0));
  Deno.bench("byte by byte", { group, baseline: true }, () => {
    for (let i = 0; i < length; i++) bytes[i + 3]! ^= KEY >>> (i & 3) * 8;
  });
}

Deno.bench("a masking key", () => void newMaskingKey());
