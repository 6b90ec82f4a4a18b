/** The frames of the drafts hixie-75 and hixie-76, which is also hybi-00 and version 0; the writing half. */

import { LwsError } from "../../../base/errors.ts";
import {
  FIN,
  OPCODE_BITS,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from "../frame.ts";
import type { FrameParserOptions } from "../frame_parser.ts";
import type { FrameReader, WireCodec } from "./codec.ts";
import { HixieReader } from "./hixie_reader.ts";

/** In front of a text, and behind it. */
const TEXT_BEGINS = 0x00;
const TEXT_ENDS = 0xff;

const CLOSE_FRAME = /* @__PURE__ */ Uint8Array.of(0xff, 0x00);

export function hixieCodec(draft: 75 | 76): WireCodec {
  return new HixieCodec(draft);
}

class HixieCodec implements WireCodec {
  readonly version: 0 | "hixie-75";
  readonly masks = false;
  readonly hasPing = false;
  readonly hasCloseCode = false;
  readonly hasCloseFrame: boolean;
  /** Whether a text has begun that has not ended: what are fragments elsewhere is one frame here. */
  #isInside = false;

  constructor(draft: 75 | 76) {
    this.version = draft === 75 ? "hixie-75" : 0;
    this.hasCloseFrame = draft === 76;
  }

  /** Inside a text the first byte of a close frame would end it, and the peer would take it for whole. */
  get mayClose(): boolean {
    return !this.#isInside;
  }

  reader(options: FrameParserOptions): FrameReader {
    return new HixieReader(options, this.hasCloseFrame);
  }

  encode(first: number, payload: Uint8Array, length: number): Uint8Array {
    const opcode = first & OPCODE_BITS;
    if (opcode === OPCODE_CLOSE) return CLOSE_FRAME;
    if (opcode !== OPCODE_TEXT && opcode !== OPCODE_CONTINUATION) {
      throw new LwsError(
        "unsupported",
        `write: version ${this.version} of the protocol has no ${nameOf(opcode)}, only text`,
      );
    }
    const start = opcode === OPCODE_TEXT ? 1 : 0;
    const isLast = (first & FIN) !== 0;
    const frame = new Uint8Array(start + length + (isLast ? 1 : 0));
    if (start > 0) frame[0] = TEXT_BEGINS;
    frame.set(payload, start);
    if (frame.indexOf(TEXT_ENDS) >= 0) {
      throw new LwsError(
        "invalid-argument",
        "write: data has the byte 0xff, which is in no text, and ends a frame of version " +
          `${this.version} of the protocol`,
      );
    }
    if (isLast) frame[start + length] = TEXT_ENDS;
    this.#isInside = !isLast;
    return frame;
  }
}

function nameOf(opcode: number): string {
  if (opcode === OPCODE_PING) return "ping";
  return opcode === OPCODE_PONG ? "pong" : "binary message";
}
