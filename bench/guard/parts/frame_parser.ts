/** The frame parser on masked frames, as a server gets them. */

import type { Failure } from "../../../src/core/websocket/close.ts";
import { type FrameHandler, FrameParser } from "../../../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../../../src/core/websocket/frame_rules.ts";
import { DEFAULT_LIMITS } from "../../../src/api/limits.ts";
import { concat, frame, KEY } from "../../../tests/support/frames.ts";
import { FrameGatherer, readFrames } from "../floor/frames.ts";
import type { Part } from "./part.ts";

class Counter implements FrameHandler {
  total = 0;

  onData(piece: Uint8Array): void {
    this.total += piece.length;
  }

  onControl(): void {}

  onFail(failure: Failure): void {
    throw new Error(failure);
  }
}

/**
 * Parsing unmasks in place, so that the next parse of the same bytes masks the payload again: only
 * binary data doesn't mind.
 */
function binary(length: number): Uint8Array {
  return frame({ opcode: 2, payload: Uint8Array.from({ length }, (_, i) => i), key: KEY });
}

function parserFor(handler: FrameHandler): FrameParser {
  const rules = new FrameRules({ masked: true, pieceSize: 65_536, limits: DEFAULT_LIMITS });
  return new FrameParser(rules, handler);
}

function wholeFrames(batch: number, length: number): Part {
  return {
    name: `frame of ${length} bytes`,
    batch,
    prepare() {
      const bytes = concat(...Array.from({ length: batch }, () => binary(length)));
      const bareBytes = bytes.slice();
      const counter = new Counter();
      const parser = parserFor(counter);
      return {
        ours(times) {
          counter.total = 0;
          for (let i = 0; i < times; i++) parser.parse(bytes);
          return counter.total;
        },
        floor(times) {
          let total = 0;
          for (let i = 0; i < times; i++) total += readFrames(bareBytes);
          return total;
        },
      };
    },
  };
}

function splitFrame(length: number, step: number): Part {
  return {
    name: `frame of ${length} bytes, reads of ${step}`,
    batch: 1,
    prepare() {
      const bytes = binary(length);
      const counter = new Counter();
      const parser = parserFor(counter);
      const gatherer = new FrameGatherer();
      return {
        ours(times) {
          counter.total = 0;
          for (let i = 0; i < times; i++) {
            for (let at = 0; at < bytes.length; at += step) {
              parser.parse(bytes.subarray(at, at + step));
            }
          }
          return counter.total;
        },
        floor(times) {
          let total = 0;
          for (let i = 0; i < times; i++) {
            for (let at = 0; at < bytes.length; at += step) {
              total += gatherer.take(bytes.subarray(at, at + step));
            }
          }
          return total;
        },
      };
    },
  };
}

/** In the table's order. */
export const FRAME_PARSER_PARTS: readonly Part[] = [
  wholeFrames(64, 125),
  wholeFrames(4, 16_384),
  splitFrame(16_384, 4096),
];
