/** Reads frames in any splits, and writes down all that is told of them. */

import { type Failure, FAILURES } from "../../../src/core/websocket/close.ts";
import type { FrameHandler, FrameParserOptions } from "../../../src/core/websocket/frame_parser.ts";
import type { FrameReader } from "../../../src/core/websocket/wire/codec.ts";
import { pump } from "../splits.ts";
import { expect, Violation } from "../target.ts";

/** How frames are read. */
export interface ReadSetup {
  readonly options: Omit<FrameParserOptions, "handler" | "pace">;
  /** The reader is stopped after every so many events, as by a program that wants no more for now. */
  readonly stopEvery: number;
  /** The time of a turn is over at every so many steps. */
  readonly pauseEvery: number;
}

/** What was told. */
export interface FrameEvents {
  /** Pieces of data and control frames, in their order, and the failure. */
  readonly all: readonly string[];
  /** The same with whole messages in place of pieces. */
  readonly wholes: readonly string[];
  /** What there is of a message that has not ended. */
  readonly open: string;
  readonly failure: Failure | undefined;
}

/** Whatever has to be the same however the bytes are split. */
export function toldOf({ all }: FrameEvents): string {
  return all.join("\n");
}

/** What of it is new, for the fuzzer to go on with: the failure, and the first kinds of events. */
export function classOf({ all, failure }: FrameEvents): string {
  const kinds = all.slice(0, 6).map((event) => event[0] === "c" ? event.slice(0, 2) : event[0]);
  return `${kinds.join("")} ${failure ?? ""}`;
}

const PING = 9;

/** Gives a reader these reads, and checks what it tells of each piece. */
export function readFrames(
  make: (options: FrameParserOptions) => FrameReader,
  { options, stopEvery, pauseEvery }: ReadSetup,
  reads: readonly Uint8Array[],
): FrameEvents {
  const all: string[] = [];
  const wholes: string[] = [];
  let failure: Failure | undefined;
  let open: string | undefined;
  let [questions, ended] = [0, false];
  const note = (event: string) => {
    if (failure !== undefined) throw new Violation(`an event after the failure: ${event}`);
    all.push(event);
    if (all.length % stopEvery === 0) reader.stop();
  };
  const handler: FrameHandler = {
    onData(piece) {
      const { isFirstPiece, isFinal, isBinary, reservedBits, remaining } = reader;
      expect("a piece is longer than pieceSize", piece.length <= options.pieceSize);
      expect("isFirstPiece is wrong", isFirstPiece === (open === undefined));
      const hex = piece.toHex();
      const facts = `${+isFirstPiece}${+isFinal}${+isBinary}${reservedBits} ${remaining}`;
      note(`d ${facts} ${hex}`);
      open = (open ?? "") + hex;
      if (!isFinal || remaining > 0) return;
      const kind = isBinary ? "binary" : "text";
      wholes.push(reservedBits > 0 ? `${kind} rsv${reservedBits} ${open}` : `${kind} ${open}`);
      open = undefined;
    },
    onControl(opcode, payload) {
      expect("a control frame is too long", payload.length <= 125);
      const event = `c${opcode.toString(16)} ${payload.toHex()}`;
      note(event);
      wholes.push(opcode < PING ? event : `${opcode === PING ? "ping" : "pong"}${event.slice(2)}`);
    },
    onFail(given) {
      expect(`no failure: ${given}`, Object.hasOwn(FAILURES, given));
      note(`f ${given}`);
      failure = given;
    },
  };
  const pace = { mayGoOn: () => ++questions % pauseEvery !== 0 };
  const reader = make({ ...options, handler, pace });
  pump(reads, (bytes) => {
    const [before, asked] = [all.length, questions];
    const kept = bytes.slice();
    const taken = reader.parse(bytes);
    if (failure !== undefined) {
      expect("bytes are left behind a failure", taken === bytes.length);
      ended = true;
    } else if (kept.toHex().slice(2 * taken) !== bytes.toHex().slice(2 * taken)) {
      throw new Violation("bytes that were not taken are changed");
    }
    return { taken, goesOn: !ended && (all.length > before || questions > asked) };
  });
  reader.release();
  return { all, wholes, open: open ?? "", failure };
}
