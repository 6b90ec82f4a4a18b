/** What the tests of readers share: what they hear, and how they are fed. */

import { assertEquals } from "@std/assert";
import { type Failure, FAILURES } from "../../../../../src/core/websocket/close.ts";
import type { FrameParserOptions } from "../../../../../src/core/websocket/frame_parser.ts";
import type { FrameLimits } from "../../../../../src/core/websocket/frame_rules.ts";
import type { FrameReader } from "../../../../../src/core/websocket/wire/codec.ts";
import { concat } from "../../../../support/frames.ts";

/** A piece: its text, bytes of the frame behind it, and whether it is the first or of a final frame. */
export type Heard =
  | readonly ["piece", string, { remaining: number; first: boolean; final: boolean }]
  | readonly ["binary", string, { remaining: number; first: boolean; final: boolean }]
  | readonly ["control", number, string]
  | readonly ["fail", Failure];

export interface Setup {
  readonly masked?: boolean;
  readonly acceptsEither?: boolean;
  readonly pieceSize?: number;
  readonly limits?: Partial<FrameLimits>;
  readonly reservedBits?: number;
  readonly mayGoOn?: () => boolean;
  readonly onEvent?: (reader: FrameReader) => void;
}

export const LIMITS: FrameLimits = {
  maxFramePayload: 1 << 24,
  maxFragments: 10,
  maxEmptyFragments: 3,
};

const latin1 = new TextDecoder("latin1");

export function listen(make: (options: FrameParserOptions) => FrameReader, setup: Setup = {}) {
  const heard: Heard[] = [];
  const note = (event: Heard) => {
    heard.push(event);
    setup.onEvent?.(reader);
  };
  const reader: FrameReader = make({
    masked: setup.masked ?? true,
    acceptsEither: setup.acceptsEither ?? false,
    pieceSize: setup.pieceSize ?? 65_536,
    limits: { ...LIMITS, ...setup.limits },
    reservedBits: setup.reservedBits ?? 0,
    pace: setup.mayGoOn === undefined ? undefined : { mayGoOn: setup.mayGoOn },
    handler: {
      onData(piece) {
        const { remaining, isFirstPiece: first, isFinal: final, isBinary } = reader;
        note([isBinary ? "binary" : "piece", latin1.decode(piece), { remaining, first, final }]);
      },
      onControl: (opcode, payload) => note(["control", opcode, latin1.decode(payload)]),
      onFail(failure) {
        assertEquals(failure in FAILURES, true);
        note(["fail", failure]);
      },
    },
  });
  return { reader, heard };
}

/** Feeds `bytes` in reads of `step` bytes, and what is left untaken in front of the next read. */
export function feed(reader: FrameReader, bytes: Uint8Array, step = bytes.length): Uint8Array {
  let rest: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < bytes.length; i += step) {
    const read = concat(rest, bytes.subarray(i, i + step));
    const kept = read.slice();
    const taken = reader.parse(read);
    rest = read.slice(taken);
    assertEquals(rest, kept.slice(taken), "untaken bytes are as they came");
  }
  return rest;
}

/** A piece that is all of its message. */
export function whole(text: string, kind: "piece" | "binary" = "piece"): Heard {
  return [kind, text, { remaining: 0, first: true, final: true }];
}
