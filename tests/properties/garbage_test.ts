/**
 * Frames of every kind with faults in them, and noise, over connections of every version: nothing throws, one
 * connection ends at most, and what is heard of it is the same however the bytes are split.
 */

import { assertEquals } from "@std/assert";
import { type Dialect, DIALECTS } from "../conformance/dialects.ts";
import { clientOf, type House, type Link, serverOf, type Side } from "../conformance/sides.ts";
import { concat, type FrameOptions } from "../support/frames.ts";
import { captureLog } from "../support/recorder.ts";
import { settle } from "../support/serve.ts";
import { anyText, bytes, checkAsync, fc } from "./support.ts";

const encoder = new TextEncoder();

/** `right` as a rule, and something else now and then. */
function mostly<Value>(right: Value, ...wrong: readonly Value[]): fc.Arbitrary<Value> {
  return fc.oneof(
    { arbitrary: fc.constant(right), weight: 15 },
    { arbitrary: fc.constantFrom(...wrong), weight: 1 },
  );
}

const payload = fc.oneof(
  bytes(8),
  anyText(300).map((text) => encoder.encode(text)),
  fc.constantFrom(126, 200).map((length) => new Uint8Array(length).fill(0x61)),
);

/** Frames that follow each other as they may, more often than not. */
const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(1, 1, 1, 1, 2, 2, 8, 9, 9, 10, 3),
    fin: fc.boolean(),
    rsv: mostly(0, 1, 4, 7),
    lengthBytes: mostly<0 | 2 | 8 | undefined>(undefined, 2, 8),
    payload,
    isMisplaced: mostly(false, true),
  }),
  { maxLength: 7 },
).map((all) => {
  let isOpen = false;
  return all.map(({ opcode, fin, lengthBytes, isMisplaced, ...each }): FrameOptions => {
    const isData = opcode < 8;
    const continues = isData && isOpen !== isMisplaced;
    if (isData) isOpen = !fin;
    return {
      ...each,
      opcode: continues ? 0 : opcode,
      fin: fin || !isData,
      ...lengthBytes === undefined ? {} : { lengthBytes },
    };
  });
});

/** Of the two oldest versions: texts, close frames, and frames that are dropped. */
const oldFrames = fc.array(
  fc.oneof(
    payload.map((data) => concat(Uint8Array.of(0), data, Uint8Array.of(0xff))),
    fc.tuple(fc.constantFrom(1, 0x7f), bytes(9)).map(([type, data]) =>
      concat(Uint8Array.of(type), data, Uint8Array.of(0xff))
    ),
    fc.tuple(fc.constantFrom(0x80, 0xff), fc.nat(3), bytes(100)).map(([type, zeros, data]) =>
      concat(
        Uint8Array.of(type, ...new Array<number>(zeros).fill(0x80), data.length),
        data,
      )
    ),
    fc.constant(Uint8Array.of(0xff, 0)),
  ),
  { maxLength: 6 },
);

interface Faults {
  /** Noise behind the frames. */
  readonly behind: Uint8Array;
  /** A byte that is changed: its place, as a share of the whole, and the bits that are. */
  readonly change: readonly [number, number] | null;
}

const faults: fc.Arbitrary<Faults> = fc.record({
  behind: fc.oneof(fc.constant(new Uint8Array(0)), bytes(20)),
  change: fc.option(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 255 }))),
});

function spoiled(whole: Uint8Array, { behind, change }: Faults): Uint8Array {
  const all = concat(whole, behind);
  if (change !== null && all.length > 0) {
    all[Math.floor(change[0] * (all.length - 1) / 1000)]! ^= change[1];
  }
  return all;
}

/** Where the first read ends, as a share of the whole, and the size of those behind it. */
const split = fc.tuple(fc.nat(1000), fc.constantFrom(1, 2, 3, 7, 100, 5000));

/** All that a connection's callbacks are told of these bytes and of the end behind them. */
async function heardOf(
  house: House,
  bytesFor: (link: Link) => Uint8Array,
  [first, size]: readonly [number, number] = [1000, 5000],
) {
  const link = await house.open();
  const sent = bytesFor(link);
  const cut = Math.floor(first * sent.length / 1000);
  link.chop(size);
  link.peer.send(sent.subarray(0, cut));
  await settle();
  if (cut < sent.length) link.peer.send(sent.subarray(cut));
  link.peer.end();
  await settle();
  link.peer.close();
  await settle();
  const { messages, pieces, pings, pongs, closes, order } = link.heard;
  assertEquals(closes.length, 1, "closed comes once");
  return { messages, pieces, pings, pongs, closes, order };
}

const LIMITS = { maxFramePayload: 250, maxMessageSize: 300, maxFragments: 4, maxEmptyFragments: 2 };

function testOf(side: Side): void {
  const { version, hasAllKinds } = side.dialect;
  Deno.test(`version ${version}, ${side.name}: faults cost one connection, whatever the reads`, async () => {
    using _log = captureLog();
    await using house = side.setUp({ limits: LIMITS, rxBufferSize: 64 });
    const bystander = await house.open();
    const sent = hasAllKinds
      ? frames.map((all) => (link: Link) => link.bytesOf(...all))
      : oldFrames.map((all) => () => concat(...all));
    const options = { seed: 41, numRuns: 120 };
    await checkAsync(options, fc.tuple(sent, faults, split), async ([wire, wrong, reads]) => {
      const bytesFor = (link: Link) => spoiled(wire(link), wrong);
      const once = await heardOf(house, bytesFor);
      const again = await heardOf(house, bytesFor, reads);
      // What a server's masks of version 4 make of a fault is another thing on each connection.
      const isAlike = version !== 4 || side.name === "client" ||
        (wrong.behind.length === 0 && wrong.change === null);
      if (isAlike) assertEquals(again, once);
      await bystander.assertAlive();
    });
  });
}

const sidesOf = (dialect: Dialect) => [
  serverOf(dialect),
  ...dialect.version === "hixie-75" ? [] : [clientOf(dialect)],
];

for (const dialect of DIALECTS) for (const side of sidesOf(dialect)) testOf(side);
