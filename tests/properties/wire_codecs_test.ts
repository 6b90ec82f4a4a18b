/** What the codecs of the elder versions send is what their readers give, however it is split. */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { type Failure, FAILURES } from "../../src/core/websocket/close.ts";
import { FIN } from "../../src/core/websocket/frame.ts";
import type { FrameLimits } from "../../src/core/websocket/frame_rules.ts";
import { FRESH_KEY, UNMASKED } from "../../src/core/websocket/send_queue.ts";
import type { WireCodec } from "../../src/core/websocket/wire/codec.ts";
import { draftCodec } from "../../src/core/websocket/wire/draft_codec.ts";
import { hixieCodec } from "../../src/core/websocket/wire/hixie_codec.ts";
import { concat, draftFrame } from "../support/frames.ts";
import { anyText, bytes, check, compressible, cutAt, cuts, fc, readSizes } from "./support.ts";

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;

const sha1 = (data: Uint8Array) => new Uint8Array(createHash("sha1").update(data).digest());
const connectionKey = new Uint8Array(20).map((_, i) => 7 * i + 3);
const encoder = new TextEncoder();

type Make = (isClient: boolean) => WireCodec;

const CODECS: Readonly<Record<string, Make>> = {
  "hixie-75": () => hixieCodec(75),
  "0": () => hixieCodec(76),
  "4": (isClient) => draftCodec(4, { isClient, sha1, connectionKey }),
  "4 as in C": (isClient) => draftCodec(4, { isClient, sha1, connectionKey, cCompatible: true }),
  "5": (isClient) => draftCodec(5, { isClient, sha1 }),
  "6": (isClient) => draftCodec(6, { isClient, sha1 }),
};

interface Setup extends Partial<FrameLimits> {
  readonly masked: boolean;
  readonly pieceSize: number;
  /** Ends a parse after every so many events. */
  readonly stopEvery?: number;
  /** The pace ends a parse at every so many questions. */
  readonly pauseEvery?: number;
}

type Event =
  | readonly ["data", string, {
    first: boolean;
    final: boolean;
    binary: boolean;
    remaining: number;
    rsv: number;
  }]
  | readonly ["control", number, string]
  | readonly ["fail", Failure];

/** Every event that the reads give; what a read leaves comes again in front of the next one. */
function parse(codec: WireCodec, reads: Iterable<Uint8Array>, setup: Setup): Event[] {
  const events: Event[] = [];
  let questions = 0;
  let isFailed = false;
  const note = (event: Event) => {
    if (isFailed) throw new Error(`an event after the failure: ${event}`);
    isFailed = event[0] === "fail";
    events.push(event);
    if (events.length % (setup.stopEvery ?? Infinity) === 0) reader.stop();
  };
  const reader = codec.reader({
    masked: setup.masked,
    pieceSize: setup.pieceSize,
    limits: {
      maxFramePayload: setup.maxFramePayload ?? 1_000_000,
      maxFragments: setup.maxFragments ?? 1000,
      maxEmptyFragments: setup.maxEmptyFragments ?? 100,
    },
    pace: { mayGoOn: () => ++questions % (setup.pauseEvery ?? Infinity) !== 0 },
    handler: {
      onData(piece) {
        const { isFirstPiece, isFinal, isBinary, remaining, reservedBits } = reader;
        const [first, final, binary, rsv] = [isFirstPiece, isFinal, isBinary, reservedBits];
        note(["data", piece.toHex(), { first, final, binary, remaining, rsv }]);
      },
      onControl: (opcode, payload) => note(["control", opcode, payload.toHex()]),
      onFail(failure) {
        assertEquals(Object.hasOwn(FAILURES, failure), true);
        note(["fail", failure]);
      },
    },
  });
  let rest: Uint8Array = new Uint8Array(0);
  for (const read of [...reads, new Uint8Array(0)]) {
    // Each read in a buffer of its own, with and without bytes in front, as transports do.
    const lead = events.length % 2;
    let given = new Uint8Array(lead + rest.length + read.length).subarray(lead);
    given.set(rest);
    given.set(read, rest.length);
    for (;;) {
      const [before, asked] = [events.length, questions];
      const kept = given.slice();
      const taken = reader.parse(given);
      if (!isFailed) assertEquals(given.subarray(taken), kept.subarray(taken), "untaken bytes");
      given = given.slice(taken);
      if (events.length === before && questions === asked) break;
    }
    rest = given;
  }
  reader.release();
  return events;
}

/** The reads of these sizes, round and round. */
function* inReads(wire: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let i = 0, at = 0; at < wire.length; at += sizes[i++ % sizes.length]!) {
    yield wire.subarray(at, at + sizes[i % sizes.length]!);
  }
}

/** Whole messages and control frames, and how it ended. */
function gathered(events: readonly Event[], size: number) {
  const wholes: unknown[] = [];
  let open: string | undefined;
  for (const event of events) {
    if (event[0] !== "data") {
      wholes.push(event);
      continue;
    }
    const [, data, { first, final, binary, remaining }] = event;
    assertEquals(first, open === undefined, "isFirstPiece");
    assertEquals(data.length <= 2 * size, true, "the length of a piece");
    if (remaining > 0) assertEquals(data.length, 2 * size, "only the last piece is shorter");
    open = (open ?? "") + data;
    if (!final || remaining > 0) continue;
    wholes.push(["message", binary, open]);
    open = undefined;
  }
  assertEquals(open, undefined, "no message is left open");
  return wholes;
}

// What is sent.

const pieceSize = fc.constantFrom(1, 3, 16, 125, 1000, 65_536);

const message = fc.record({
  isText: fc.boolean(),
  text: anyText(2000),
  binary: fc.oneof(
    { arbitrary: compressible(3000), weight: 12 },
    { arbitrary: fc.constantFrom(65_535, 65_536).map((size) => new Uint8Array(size)), weight: 1 },
  ),
  shares: cuts(4),
  ping: fc.option(bytes(125)),
});

const talk = fc.record({ messages: fc.array(message, { maxLength: 5 }), isClient: fc.boolean() });
type Talk = typeof talk extends fc.Arbitrary<infer Value> ? Value : never;

/** All that one end sends, and what the other should hear of it. */
function spoken(make: Make, { messages, isClient }: Talk) {
  const codec = make(isClient);
  const parts: Uint8Array[] = [];
  const expected: unknown[] = [];
  const send = (first: number, payload: Uint8Array) => {
    const masking = isClient && codec.masks ? FRESH_KEY : UNMASKED;
    parts.push(codec.encode(first, payload, payload.length, masking));
  };
  const hasBinary = codec.hasPing;
  for (const { isText, text, binary, shares, ping } of messages) {
    const kind = isText || !hasBinary ? TEXT : BINARY;
    const payload = kind === TEXT ? encoder.encode(text) : binary;
    const fragments = cutAt(payload, shares);
    const isPinged = ping !== null && codec.hasPing && fragments.length > 1;
    fragments.forEach((fragment, i) => {
      const fin = i === fragments.length - 1 ? FIN : 0;
      send((i === 0 ? kind : CONTINUATION) | fin, fragment);
      if (i === 0 && isPinged) send(FIN | 9, ping);
    });
    if (isPinged) expected.push(["control", 9, ping.toHex()]);
    expected.push(["message", kind === BINARY, payload.toHex()]);
  }
  if (codec.hasCloseFrame) {
    send(FIN | 8, Uint8Array.of(0x03, 0xe8));
    expected.push(["control", 8, codec.hasCloseCode ? "03e8" : ""]);
  }
  return { wire: concat(...parts), expected };
}

for (const [name, make] of Object.entries(CODECS)) {
  Deno.test(`version ${name}: what was sent is what is read, in order and under any split`, () => {
    const stops = fc.constantFrom(1, 2, Infinity);
    const given = fc.tuple(talk, pieceSize, readSizes, stops, stops);
    check({ seed: 21, numRuns: 40 }, given, ([said, size, sizes, stopEvery, pauseEvery]) => {
      const { wire, expected } = spoken(make, said);
      const setup = { masked: said.isClient, pieceSize: size };
      const once = parse(make(!said.isClient), [wire], setup);
      assertEquals(gathered(once, size), expected);
      const reads = inReads(wire, sizes);
      const split = parse(make(!said.isClient), reads, { ...setup, stopEvery, pauseEvery });
      assertEquals(split, once);
    });
  });
}

// Garbage.

/** `right` as a rule, and something else now and then. */
function mostly<Value>(right: Value, ...wrong: readonly Value[]): fc.Arbitrary<Value> {
  return fc.oneof(
    { arbitrary: fc.constant(right), weight: 20 },
    { arbitrary: fc.constantFrom(...wrong), weight: 1 },
  );
}

const payload = fc.oneof(bytes(8), anyText(300).map((text) => encoder.encode(text)), bytes(140));

const draftGarbage = fc.array(
  fc.record({
    fin: fc.boolean(),
    rsv: mostly(0, 4, 1, 7),
    rsv4: mostly(false, true),
    opcode: fc.constantFrom(0, 0, 0, 0, 4, 4, 4, 5, 5, 1, 2, 3, 6, 9),
    payload,
    lengthBytes: mostly<0 | 2 | 8 | undefined>(undefined, 2, 8),
    nonce: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)),
  }),
  { maxLength: 8 },
);
type DraftGarbage = typeof draftGarbage extends fc.Arbitrary<infer Value> ? Value : never;

const hixieGarbage = fc.array(
  fc.oneof(
    fc.tuple(mostly(0, 1, 0x7f), payload).map(([type, data]) =>
      concat(Uint8Array.of(type), data, Uint8Array.of(0xff))
    ),
    fc.tuple(fc.constantFrom(0x80, 0xff, 0x93), bytes(100), fc.nat(2)).map(([type, data, zeros]) =>
      concat(
        Uint8Array.of(type, ...new Array<number>(zeros).fill(0x80)),
        Uint8Array.of(data.length),
        data,
      )
    ),
  ),
  { maxLength: 8 },
);

const setups = fc.record({
  pieceSize,
  stopEvery: fc.constantFrom(1, 2, 3, Infinity),
  pauseEvery: fc.constantFrom(1, 2, 5, Infinity),
  maxFramePayload: fc.constantFrom(1, 100, 1_000_000),
  maxFragments: fc.constantFrom(2, 1000),
  maxEmptyFragments: fc.constantFrom(0, 1, 100),
});

const behind = fc.tuple(bytes(30), fc.option(fc.tuple(fc.nat(1000), fc.nat(255)), { freq: 3 }));

/** Bytes behind what was made, and one of all of them changed. */
function spoiled(wire: Uint8Array, [more, change]: readonly [Uint8Array, [number, number] | null]) {
  const whole = concat(wire, more);
  if (change !== null && whole.length > 0) {
    whole[Math.floor(change[0] * (whole.length - 1) / 1000)]! ^= change[1];
  }
  return whole;
}

/** The key of a frame as the draft has it, where the codec in hand has any. */
function keyOf(name: string, nonce: readonly number[]): ArrayLike<number> {
  if (name === "4 as in C") return connectionKey;
  return name === "4" ? sha1(concat(Uint8Array.from(nonce), connectionKey)) : nonce;
}

function draftWire(name: string, frames: DraftGarbage, masked: boolean): Uint8Array {
  return concat(...frames.map(({ nonce, lengthBytes, ...each }) => {
    const fits = lengthBytes === undefined ? {} : { lengthBytes };
    const mask = masked ? { nonce, key: keyOf(name, nonce) } : {};
    // Control frames are whole, so that what follows is looked at.
    const fin = each.fin || (each.opcode > 0 && each.opcode < 4);
    return draftFrame({ ...each, ...fits, ...mask, fin });
  }));
}

for (const [name, make] of Object.entries(CODECS)) {
  Deno.test(`version ${name}: garbage in any reads gives the events of one read`, () => {
    const made = make(false).hasPing
      ? fc.tuple(draftGarbage, fc.boolean()).map(([frames, masked]) => ({
        wire: draftWire(name, frames, masked),
        masked,
      }))
      : hixieGarbage.map((frames) => ({ wire: concat(...frames), masked: true }));
    const noise = fc.record({ wire: bytes(200), masked: fc.boolean() });
    const given = fc.tuple(
      fc.oneof({ arbitrary: made, weight: 4 }, { arbitrary: noise, weight: 1 }),
      behind,
      setups,
      readSizes,
    );
    check({ seed: 22, numRuns: 800 }, given, ([{ wire, masked }, more, setup, sizes]) => {
      const bytesOfAll = spoiled(wire, more);
      const { stopEvery: _, pauseEvery: __, ...unstopped } = setup;
      const once = parse(make(!masked), [bytesOfAll], { ...unstopped, masked });
      assertEquals(parse(make(!masked), inReads(bytesOfAll, sizes), { ...setup, masked }), once);
    });
  });
}
