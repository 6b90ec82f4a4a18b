/** Unmasking in place. */

import { mask } from "../../../src/core/websocket/mask.ts";
import { unmask } from "../floor/unmask.ts";
import type { Part } from "./part.ts";

const KEY = 0x3d21fa37;
/** Behind a short frame's header nothing is aligned. */
const START = 6;

function payload(length: number): Part {
  return {
    name: `unmask ${length} bytes`,
    batch: 1,
    prepare() {
      const ourBytes = new Uint8Array(START + length);
      const ourView = new DataView(ourBytes.buffer);
      const floorBytes = ourBytes.slice();
      const floorView = new DataView(floorBytes.buffer);
      const end = START + length;
      // Every other time masks again, so that the bytes tell an odd count from an even one.
      return {
        ours(times) {
          for (let i = 0; i < times; i++) mask(ourBytes, ourView, START, end, KEY, 0);
          return ourBytes[START]! + ourBytes[end - 1]!;
        },
        floor(times) {
          for (let i = 0; i < times; i++) unmask(floorBytes, floorView, START, end, KEY);
          return floorBytes[START]! + floorBytes[end - 1]!;
        },
      };
    },
  };
}

/** In the table's order. */
export const MASK_PARTS: readonly Part[] = [payload(125), payload(65_536)];
