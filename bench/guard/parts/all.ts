/** Every part that the guard watches. */

import { FRAME_PARSER_PARTS } from "./frame_parser.ts";
import { HANDSHAKE_PARTS } from "./handshake.ts";
import { MASK_PARTS } from "./mask.ts";
import type { Part } from "./part.ts";
import { TIMER_PARTS } from "./timers.ts";
import { UTF8_PARTS } from "./utf8.ts";

/** In the table's order. */
export const PARTS: readonly Part[] = [
  ...FRAME_PARSER_PARTS,
  ...MASK_PARTS,
  ...UTF8_PARTS,
  ...HANDSHAKE_PARTS,
  ...TIMER_PARTS,
];
