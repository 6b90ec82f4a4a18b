/** The frame parser's events depend on the bytes, and never on how they were split into reads. */

import { assertEquals } from "@std/assert";
import { FAILURES } from "../../src/core/websocket/close.ts";
import { FrameParser } from "../../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../../src/core/websocket/frame_rules.ts";
import { frame, type FrameOptions } from "../support/frames.ts";
import {
  anyText,
  bytes,
  check,
  compressible,
  concat,
  cutAt,
  cuts,
  fc,
  readSizes,
} from "./support.ts";

const PIECE_SIZES = [1, 3, 16, 125, 1000, 65_536];
const pieceSize = fc.constantFrom(...PIECE_SIZES);
const encoder = new TextEncoder();

interface Setup {
  readonly masked: boolean;
  readonly pieceSize: number;
  readonly reservedBits?: number;
  /** Ends a parse after every so many events, as a program does that wants no more for now. */
  readonly stopEvery?: number;
  readonly maxFramePayload?: number;
  readonly maxFragments?: number;
  readonly maxEmptyFragments?: number;
}

type Event =
  | readonly ["data", string, FrameState]
  | readonly ["control", number, string]
  | readonly ["fail", number, string];

interface FrameState {
  readonly first: boolean;
  readonly final: boolean;
  readonly binary: boolean;
  readonly rsv: number;
  readonly remaining: number;
}

const hex = (data: Uint8Array) => data.toHex();

/** Every event that the reads give; what a read leaves comes again in front of the next one. */
function parse(reads: Iterable<Uint8Array>, setup: Setup): Event[] {
  const events: Event[] = [];
  let isFailed = false;
  let rest = new Uint8Array(0);
  const note = (event: Event) => {
    if (isFailed) throw new Error(`an event after the failure: ${event}`);
    isFailed = event[0] === "fail";
    events.push(event);
    if (events.length % (setup.stopEvery ?? Infinity) === 0) parser.stop();
  };
  const rules = new FrameRules({
    masked: setup.masked,
    pieceSize: setup.pieceSize,
    reservedBits: setup.reservedBits ?? 0,
    limits: {
      maxFramePayload: setup.maxFramePayload ?? 1_000_000,
      maxFragments: setup.maxFragments ?? 1000,
      maxEmptyFragments: setup.maxEmptyFragments ?? 100,
    },
  });
  const parser = new FrameParser(rules, {
    onData(piece) {
      const { isFirstPiece, isFinal, isBinary, reservedBits, remaining } = parser;
      const [first, final, binary, rsv] = [isFirstPiece, isFinal, isBinary, reservedBits];
      note(["data", hex(piece), { first, final, binary, rsv, remaining }]);
    },
    onControl: (opcode, payload) => note(["control", opcode, hex(payload)]),
    onFail: (failure) => note(["fail", ...FAILURES[failure]]),
  });
  for (const read of [...reads, new Uint8Array(0)]) {
    // Each read in a buffer of its own, with and without bytes in front, as transports do.
    const lead = events.length % 2;
    let given = new Uint8Array(lead + rest.length + read.length).subarray(lead);
    given.set(rest);
    given.set(read, rest.length);
    for (;;) {
      const before = events.length;
      const kept = given.slice();
      const taken = parser.parse(given);
      if (!isFailed) assertEquals(given.subarray(taken), kept.subarray(taken), "untaken bytes");
      given = given.slice(taken);
      if (events.length === before) break;
    }
    rest = given;
  }
  parser.release();
  return events;
}

/** The reads of these sizes, round and round. */
function* inReads(whole: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield whole.subarray(at, at + size);
    at += size;
  }
}

/** Events without the pieces: whole messages, control frames, how it ended, and what is unfinished. */
function gathered(events: readonly Event[]) {
  const wholes: (readonly unknown[])[] = [];
  let open: string | undefined;
  for (const event of events) {
    if (event[0] !== "data") {
      wholes.push(event);
      continue;
    }
    const [, data, { first, final, binary, rsv, remaining }] = event;
    if (first !== (open === undefined)) throw new Error("isFirstPiece is wrong");
    open = (open ?? "") + data;
    if (!final || remaining > 0) continue;
    wholes.push(["message", binary, rsv, open]);
    open = undefined;
  }
  return { wholes, open: open ?? "" };
}

// What is sent.

const maskingKey = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));

const control: fc.Arbitrary<FrameOptions> = fc.record({
  opcode: fc.constantFrom(8, 9, 10),
  payload: fc.oneof(bytes(10), fc.constantFrom(124, 125).map((size) => new Uint8Array(size))),
});

interface SentMessage {
  readonly opcode: 1 | 2;
  readonly rsv: number;
  readonly payload: Uint8Array;
  readonly shares: readonly number[];
  readonly between: readonly FrameOptions[];
}

const message: fc.Arbitrary<SentMessage> = fc.oneof(
  fc.record({
    opcode: fc.constant(1 as const),
    rsv: fc.constant(0),
    payload: anyText(2000).map((text) => encoder.encode(text)),
    shares: cuts(4),
    between: fc.array(control, { maxLength: 2 }),
  }),
  fc.record({
    opcode: fc.constantFrom(1 as const, 2 as const),
    rsv: fc.constant(4),
    payload: compressible(3000),
    shares: cuts(4),
    between: fc.array(control, { maxLength: 2 }),
  }),
  fc.record({
    opcode: fc.constant(2 as const),
    rsv: fc.constant(0),
    payload: fc.oneof(
      { arbitrary: compressible(3000), weight: 12 },
      {
        arbitrary: fc.constantFrom(65_535, 65_536, 70_000).map((size) =>
          new Uint8Array(size).fill(7)
        ),
        weight: 1,
      },
    ),
    shares: cuts(4),
    between: fc.array(control, { maxLength: 2 }),
  }),
);

function framesOf({ opcode, rsv, payload, shares, between }: SentMessage): FrameOptions[] {
  const parts = cutAt(payload, shares);
  return parts.flatMap((part, i) => [
    {
      opcode: i === 0 ? opcode : 0,
      rsv: i === 0 ? rsv : 0,
      fin: i === parts.length - 1,
      payload: part,
    },
    ...(i === 0 && parts.length > 1 ? between : []),
  ]);
}

const sequence = fc.record({
  messages: fc.array(message, { maxLength: 5 }),
  masked: fc.boolean(),
  keys: fc.array(maskingKey, { minLength: 1, maxLength: 3 }),
});

type Key = NonNullable<FrameOptions["key"]>;

function wireOf(frames: readonly FrameOptions[], masked: boolean, keys: readonly Key[]) {
  return concat(
    ...frames.map((each, i) => frame(masked ? { ...each, key: keys[i % keys.length]! } : each)),
  );
}

/** `right` as a rule, and something else now and then. */
function mostly<Value>(right: Value, ...wrong: readonly Value[]): fc.Arbitrary<Value> {
  return fc.oneof(
    { arbitrary: fc.constant(right), weight: 20 },
    { arbitrary: fc.constantFrom(...wrong), weight: 1 },
  );
}

/** Frames of which some are wrong, with bytes behind that are no frames. */
const garbage = fc.tuple(
  fc.array(
    fc.record({
      fin: fc.boolean(),
      rsv: mostly(0, 4, 1, 7),
      opcode: fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2, 2, 9, 10, 3),
      payload: fc.oneof(bytes(8), anyText(300).map((text) => encoder.encode(text)), bytes(140)),
      lengthBytes: mostly<0 | 2 | 8 | undefined>(undefined, 2, 8),
      isMasked: mostly(true, false),
      key: maskingKey,
    }),
    { maxLength: 8 },
  ),
  bytes(30),
  fc.option(fc.tuple(fc.nat(1000), fc.nat(255)), { freq: 3 }),
  fc.boolean(),
).map(([frames, behind, mutation, masked]) => {
  const wire = concat(
    ...frames.map(({ isMasked, key, lengthBytes, ...each }) => {
      const fits = lengthBytes === undefined ? {} : { lengthBytes };
      // Control frames are whole, so that what follows is looked at.
      const fin = each.fin || each.opcode > 2;
      return frame({ ...each, fin, ...fits, ...(isMasked === masked ? { key } : {}) });
    }),
    behind,
  );
  if (mutation !== null && wire.length > 0) {
    wire[Math.floor(mutation[0] * (wire.length - 1) / 1000)]! ^= mutation[1];
  }
  return { wire, masked };
});

const setups = fc.record({
  pieceSize,
  reservedBits: fc.constantFrom(0, 4),
  stopEvery: fc.constantFrom(1, 2, 3, Infinity),
  maxFramePayload: fc.constantFrom(100, 1_000_000),
  maxFragments: fc.constantFrom(2, 1000),
  maxEmptyFragments: fc.constantFrom(0, 1, 100),
});

Deno.test("frames: what was sent is what is parsed, in pieces of any size", () => {
  check({ seed: 11, numRuns: 200 }, sequence, pieceSize, ({ messages, masked, keys }, size) => {
    const wire = wireOf(messages.flatMap(framesOf), masked, keys);
    const events = parse([wire], { masked, pieceSize: size, reservedBits: 4 });
    const expected = messages.flatMap((each) => [
      ...(each.shares.length > 0 ? each.between : []).map(({ opcode, payload }) => [
        "control",
        opcode,
        hex(payload as Uint8Array),
      ]),
      ["message", each.opcode === 2, each.rsv, hex(each.payload)],
    ]);
    assertEquals(gathered(events), { wholes: expected, open: "" });
    for (const event of events) {
      if (event[0] === "data" && event[1].length > 2 * size) throw new Error("too long a piece");
    }
  });
});

Deno.test("frames: the events of any reads are those of one read", () => {
  const given = fc.tuple(sequence, pieceSize, readSizes, fc.constantFrom(1, 2, Infinity));
  check(
    { seed: 12, numRuns: 250 },
    given,
    ([{ messages, masked, keys }, size, sizes, stopEvery]) => {
      const wire = wireOf(messages.flatMap(framesOf), masked, keys);
      const setup = { masked, pieceSize: size, reservedBits: 4 };
      const once = parse([wire], setup);
      assertEquals(parse(inReads(wire, sizes), { ...setup, stopEvery }), once);
    },
  );
});

Deno.test("garbage: the events of any reads are those of one read, the failure included", () => {
  const given = fc.tuple(garbage, setups, readSizes);
  check({ seed: 13, numRuns: 3000 }, given, ([{ wire, masked }, setup, sizes]) => {
    const once = parse([wire], { ...setup, masked, stopEvery: Infinity });
    assertEquals(parse(inReads(wire, sizes), { ...setup, masked }), once);
  });
});

Deno.test("garbage: whole messages and the failure are the same in pieces of any size", () => {
  const given = fc.tuple(garbage, setups, pieceSize, readSizes);
  check({ seed: 14, numRuns: 2000 }, given, ([{ wire, masked }, setup, other, sizes]) => {
    const one = gathered(parse([wire], { ...setup, masked }));
    const two = gathered(parse(inReads(wire, sizes), { ...setup, masked, pieceSize: other }));
    assertEquals(two.wholes, one.wholes);
    // Of a message that never ends, larger pieces deliver less.
    const [short, long] = [one.open, two.open].sort((a, b) => a.length - b.length);
    assertEquals(long!.startsWith(short!), true, "unfinished messages differ");
  });
});

Deno.test("garbage: random bytes give the same events in any reads", () => {
  const given = fc.tuple(bytes(200), fc.boolean(), setups, readSizes);
  check({ seed: 15, numRuns: 800 }, given, ([wire, masked, setup, sizes]) => {
    const once = parse([wire], { ...setup, masked, stopEvery: Infinity });
    assertEquals(parse(inReads(wire, sizes), { ...setup, masked }), once);
  });
});
