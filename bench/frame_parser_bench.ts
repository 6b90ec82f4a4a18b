/** The frame parser: 16 B to 1 MiB, one and many frames a read, split reads. */

import { FrameParser } from "../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../src/core/websocket/frame_rules.ts";
import { DEFAULT_LIMITS } from "../src/api/limits.ts";
import { concat, frame, KEY } from "../tests/support/frames.ts";

let delivered = 0;

function parser(masked = true): FrameParser {
  const rules = new FrameRules({ masked, pieceSize: 65_536, limits: DEFAULT_LIMITS });
  return new FrameParser(rules, {
    onData: (piece) => void (delivered += piece.length),
    onControl: () => {},
    onFail: (failure) => {
      throw new Error(failure);
    },
  });
}

function binary(length: number): Uint8Array {
  return frame({ opcode: 2, payload: new Uint8Array(length), key: KEY });
}

for (const length of [16, 125, 4096, 65_536, 1_048_576]) {
  const reader = parser();
  const bytes = binary(length);
  Deno.bench(`one frame of ${length} bytes a read`, { group: "one frame" }, () => {
    reader.parse(bytes);
  });
}

for (const length of [16, 125, 1024]) {
  const reader = parser();
  const bytes = concat(...Array.from({ length: 64 }, () => binary(length)));
  Deno.bench(`64 frames of ${length} bytes in one read`, { group: "many frames" }, () => {
    reader.parse(bytes);
  });
}

for (const step of [1460, 16_384]) {
  const reader = parser();
  const bytes = binary(65_530);
  Deno.bench(`one frame of 65,530 bytes in reads of ${step}`, { group: "split reads" }, () => {
    // The header is whole in the first read, so that every read is taken whole.
    for (let i = 0; i < bytes.length; i += step) reader.parse(bytes.subarray(i, i + step));
  });
}

// Unmasked, as masked text would be unmasked only every other time.
const text = parser(false);
const message = frame({ opcode: 1, payload: "x".repeat(1024) });
const utf8 = parser(false);
const russian = frame({ opcode: 1, payload: "ж".repeat(512) });
Deno.bench("1 KiB of ASCII text", { group: "text" }, () => void text.parse(message));
Deno.bench("1 KiB of Cyrillic text", { group: "text" }, () => void utf8.parse(russian));
