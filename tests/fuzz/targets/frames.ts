/** Frames of every version of the protocol, as both sides read them. */

import { createHash } from "node:crypto";
import { decodeClose, FAILURES } from "../../../src/core/websocket/close.ts";
import { FrameParser, type FrameParserOptions } from "../../../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../../../src/core/websocket/frame_rules.ts";
import type { FrameReader } from "../../../src/core/websocket/wire/codec.ts";
import { codecOf } from "../../../src/core/websocket/wire/version_codec.ts";
import type { WireVersion } from "../../../src/core/websocket/wire_version.ts";
import { digests } from "../../../src/context/digests.ts";
import { concat, draftFrame, frame, type FrameOptions, KEY } from "../../support/frames.ts";
import type { Dice } from "../dice.ts";
import { receive } from "../oracles/ws.ts";
import { sameHoweverSplit } from "../splits.ts";
import { expectSame, type Target, utf8 } from "../target.ts";
import { classOf, type FrameEvents, readFrames, type ReadSetup, toldOf } from "./frame_events.ts";

/** Bytes in front of an input that say how the frames behind them are read. */
const SETUP_BYTES = 3;
const PIECE_SIZES = [65_536, 1, 3, 16, 125, 126, 1000, 65_536];
const MOST_PAYLOAD = 1_000_000;

interface FrameSetup extends ReadSetup {
  readonly masked: boolean;
  /** Neither limits nor bits of extensions, as the other library has none. */
  readonly isPlain: boolean;
  readonly wire: Uint8Array;
}

function setupOf(input: Uint8Array): FrameSetup {
  const [role = 0, limits = 0, stops = 0] = input;
  const isTight = (limits & 1) !== 0;
  const reservedBits = [0, 0, 0, 4, 7, 4, 2, 0][limits >> 1 & 7]!;
  const acceptsEither = (role & 0x10) !== 0;
  const masked = (role & 1) !== 0;
  return {
    masked,
    isPlain: !isTight && reservedBits === 0 && !acceptsEither,
    options: {
      masked,
      acceptsEither,
      pieceSize: PIECE_SIZES[role >> 1 & 7]!,
      limits: isTight
        ? { maxFramePayload: 100, maxFragments: 3, maxEmptyFragments: 1 }
        : { maxFramePayload: MOST_PAYLOAD, maxFragments: Infinity, maxEmptyFragments: Infinity },
      reservedBits,
      frameBits: (limits & 0x10) !== 0 ? reservedBits & 4 : 0,
      checksText: (limits & 0x20) === 0,
    },
    stopEvery: [Infinity, 1, 2, 3][stops & 3]!,
    pauseEvery: [Infinity, 1, 2, 5][stops >> 2 & 3]!,
    wire: input.subarray(SETUP_BYTES),
  };
}

/** Mostly none of the unusual ones. */
function makeSetup(dice: Dice, masked: boolean): Uint8Array {
  const role = (masked ? 1 : 0) | dice.below(8) << 1 | (dice.once(16) ? 0x10 : 0);
  return Uint8Array.of(
    role,
    dice.once(2) ? 0 : dice.below(64),
    dice.once(2) ? 0 : dice.below(16),
  );
}

const TEXTS = ["", "a", "Grüße", "\u07ff\u0800\uffff", "😀 \u{10ffff}", "\ufeffa", "\0"].map(utf8);
const BROKEN_TEXTS = [
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0xff],
  [0x80],
].map((bytes) => Uint8Array.from(bytes));

/** Text, now and then with a fault; or bytes. */
export function makePayload(dice: Dice, isText: boolean): Uint8Array {
  if (dice.once(6)) return new Uint8Array(dice.pick([0, 1, 125, 126, 127, 300])).fill(0x61);
  if (!isText) return dice.bytes(dice.small(90));
  const parts = dice.times(dice.small(6), () => dice.pick(dice.once(30) ? BROKEN_TEXTS : TEXTS));
  return concat(...parts);
}

const CLOSES = [[], [3, 232], [3, 233, 0x61], [3, 237], [11, 184], [3], [3, 232, 0xff], [15, 255]];

/** Frames that follow each other as they may, more often than not. */
export function makeFrames(dice: Dice): FrameOptions[] {
  let isOpen = false;
  return dice.times(1 + dice.small(8), () => {
    const isData = !dice.once(3);
    const opcode = isData ? dice.pick([1, 2]) : dice.pick([8, 9, 9, 10, dice.below(16)]);
    const fin = !isData || dice.once(2);
    const continues = isData && isOpen !== dice.once(25);
    if (isData) isOpen = !fin;
    const payload = isData
      ? makePayload(dice, opcode === 1)
      : opcode === 8
      ? Uint8Array.from(dice.pick(CLOSES))
      : dice.bytes(dice.once(5) ? dice.pick([124, 125, 126]) : dice.small(20));
    return {
      opcode: continues ? 0 : opcode,
      fin: fin !== dice.once(40),
      rsv: dice.once(12) ? dice.below(8) : 0,
      payload,
      ...(dice.once(25) && { lengthBytes: dice.pick([2, 8] as const) }),
      ...(dice.once(40) && { length: BigInt(dice.pick([0, 1, 126, 65_535, 65_536, 2 ** 31])) }),
      ...(dice.once(90) && { length: dice.pick([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) }),
    };
  });
}

const frames13: Target = {
  name: "frames-13",
  covers:
    "core/websocket/{frame_parser,frame_rules,mask,utf8,close}: RFC 6455 and drafts 07 and 08, " +
    "both roles, with and without reserved bits and limits; against Receiver of npm:ws",
  words: [
    ...[0x81, 0x01, 0x80, 0x00, 0x82, 0x88, 0x89, 0x8a, 0xc1].flatMap((first) =>
      [0, 1, 0x7e, 0x7f, 0x80, 0x85, 0xfe, 0xff].map((second) => Uint8Array.of(first, second))
    ),
    ...BROKEN_TEXTS,
  ],
  make(dice) {
    const masked = dice.once(2);
    const key = masked !== dice.once(50) ? { key: dice.once(4) ? [0, 0, 0, 0] as const : KEY } : {};
    return concat(
      makeSetup(dice, masked),
      ...makeFrames(dice).map((each) => frame({ ...each, ...key })),
    );
  },
  check(input, dice) {
    const setup = setupOf(input);
    const make = (options: FrameParserOptions) => {
      const parser = new FrameParser(new FrameRules(options), options.handler);
      return parser;
    };
    const told = sameHoweverSplit(
      setup.wire,
      dice,
      (reads) => readFrames(make, setup, reads),
      toldOf,
    );
    if (setup.isPlain && setup.options.checksText) compareWithWs(setup, told);
    return classOf(told);
  },
};

/**
 * RFC 6455 decides where both differ, as it does in these:
 *
 * - Section 8.1 lets a text fail as soon as it is none, and not only at its end.
 * - Section 5.2 wants lengths in the fewest bytes, and the top bit of the longest ones to be 0: 1002. The other
 *   library takes the first, and answers the second with 1009.
 * - A close frame of one byte fails there as soon as its header is read.
 */
function compareWithWs({ masked, wire }: FrameSetup, told: FrameEvents): void {
  const { failure } = told;
  if (failure === "lengthNotMinimal" || failure === "lengthOutOfRange") return;
  const ours: string[] = [];
  let code: number | undefined = failure && FAILURES[failure][0];
  for (const event of told.wholes) {
    if (!event.startsWith("c8")) {
      ours.push(event);
      continue;
    }
    const status = decodeClose(Uint8Array.fromHex(event.slice(3)));
    code = typeof status === "string" ? FAILURES[status][0] : undefined;
    if (typeof status !== "string") {
      ours.push(`close ${status.code} ${utf8(status.reason).toHex()}`);
    }
    break;
  }
  const theirs = receive(wire, { isServer: masked, maxPayload: MOST_PAYLOAD });
  if (theirs instanceof Promise) throw new Error("nothing is inflated here");
  const events = theirs.events.join("\n");
  if (failure === "notUtf8" && code === 1007) {
    const isData = (event: string) => /^(text|binary) /.test(event);
    expectSame(
      "messages in front of a text that is none, for npm:ws",
      ours.filter(isData).join("\n"),
      theirs.events.filter(isData).join("\n"),
    );
    return;
  }
  expectSame("what npm:ws hears", ours.join("\n"), events);
  const isShortClose = code === undefined && /payload length 1$/.test(theirs.message);
  // There a limit counts what is announced of a whole message.
  const isTotal = code === undefined && theirs.failure === 1009;
  if (!isShortClose && !isTotal) {
    expectSame("why npm:ws fails", String(code), String(theirs.failure));
  }
}

const sha1 = (data: Uint8Array) => new Uint8Array(createHash("sha1").update(data).digest());
const connectionKey = new Uint8Array(20).map((_, i) => 7 * i + 3);

/** Readers of elder versions, by the two bits of an input's first byte above the setup. */
function elderReader(version: WireVersion, isC: boolean, isClient: boolean) {
  return (options: FrameParserOptions): FrameReader =>
    codecOf(version, {
      isClient,
      digests: { ...digests, sha1 },
      draft04Masking: isC ? "libwebsockets" : "draft",
      connectionKey: version === 4 ? connectionKey : undefined,
    })!.reader(options);
}

const DRAFTS = [[4, false], [4, true], [5, false], [6, false]] as const;
/** Of RFC 6455 as the drafts have them. */
const DRAFT_OPCODES: Readonly<Record<number, number>> = { 0: 0, 8: 1, 9: 2, 10: 3, 1: 4, 2: 5 };

/** A nonce in front of a frame, and what that is masked with. */
function maskOf(kind: number, nonce: readonly [number, number, number, number]) {
  const [version, isC] = DRAFTS[kind]!;
  if (version !== 4) return { nonce };
  return { nonce, key: isC ? connectionKey : sha1(concat(Uint8Array.from(nonce), connectionKey)) };
}

const framesDrafts: Target = {
  name: "frames-drafts",
  covers:
    "core/websocket/wire/{draft_reader,draft_codec,draft_mask}: drafts 04 (masked as in the draft, " +
    "and as in C), 05 and 06, both roles",
  words: [[4, 5], [0x84, 0x7e], [0x81, 0], [0x82, 1], [0x83, 0x7f], [0, 0, 0, 0]].map((bytes) =>
    Uint8Array.from(bytes)
  ),
  make(dice) {
    const masked = dice.once(2);
    const kind = dice.below(4);
    const setup = makeSetup(dice, masked);
    setup[0] = setup[0]! | kind << 6;
    return concat(
      setup,
      ...makeFrames(dice).map(({ opcode, ...each }) =>
        draftFrame({
          ...each,
          opcode: DRAFT_OPCODES[opcode] ?? opcode,
          rsv4: dice.once(50),
          ...(masked && maskOf(kind, dice.once(4) ? [0, 0, 0, 0] : KEY)),
        })
      ),
    );
  },
  check(input, dice) {
    const setup = setupOf(input);
    const kind = (input[0] ?? 0) >> 6;
    const [version, isC] = DRAFTS[kind]!;
    const make = elderReader(version, isC, !setup.masked);
    const told = sameHoweverSplit(
      setup.wire,
      dice,
      (reads) => readFrames(make, setup, reads),
      toldOf,
    );
    return `${version} ${classOf(told)}`;
  },
};

const framesHixie: Target = {
  name: "frames-hixie",
  covers: "core/websocket/wire/{hixie_reader,hixie_codec}: versions hixie-75 and 0 (hixie-76)",
  words: [[0xff, 0], [0, 0xff], [0x80, 0x80], [0xff, 0x80, 0], ...BROKEN_TEXTS].map((bytes) =>
    Uint8Array.from(bytes)
  ),
  make(dice) {
    return concat(
      makeSetup(dice, dice.once(2)),
      ...dice.times(1 + dice.small(8), () => {
        const payload = makePayload(dice, !dice.once(20));
        const kind = dice.below(8);
        if (kind < 5) return concat(Uint8Array.of(0), payload, Uint8Array.of(0xff));
        if (kind === 5) return Uint8Array.of(0xff, ...dice.times(dice.small(3), () => 0x80), 0);
        if (kind === 6) return Uint8Array.of(1 + dice.below(127), ...payload, 0xff);
        return Uint8Array.of(0x80 | dice.below(128), payload.length & 0x7f, ...payload);
      }),
    );
  },
  check(input, dice) {
    const setup = setupOf(input);
    const is75 = ((input[0] ?? 0) & 0x40) !== 0;
    const make = elderReader(is75 ? "hixie-75" : 0, false, !setup.masked);
    const told = sameHoweverSplit(
      setup.wire,
      dice,
      (reads) => readFrames(make, setup, reads),
      // Where a piece ends is told by the byte behind it, whenever that comes.
      ({ wholes, open, failure }) => `${wholes.join("\n")}\n${open}\n${failure}`,
    );
    return classOf(told);
  },
};

export const FRAME_TARGETS: readonly Target[] = [frames13, framesDrafts, framesHixie];
