/** Frames as our writers put them on the wire, read by our readers. */

import { FrameParser, type FrameParserOptions } from "../../../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../../../src/core/websocket/frame_rules.ts";
import { FRESH_KEY, TxQueue, UNMASKED, ZERO_KEY } from "../../../src/core/websocket/send_queue.ts";
import { codecOf } from "../../../src/core/websocket/wire/version_codec.ts";
import { WIRE_VERSIONS } from "../../../src/core/websocket/wire_version.ts";
import { digests } from "../../../src/context/digests.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { concat } from "../../support/frames.ts";
import { sameHoweverSplit } from "../splits.ts";
import { expectSame, type Target } from "../target.ts";
import { readFrames, toldOf } from "./frame_events.ts";
import { makePayload } from "./frames.ts";

const connectionKey = new Uint8Array(20).map((_, i) => 7 * i + 3);
const limits = { maxFramePayload: 1_000_000, maxFragments: 1000, maxEmptyFragments: 1000 };
const BINARY = 2;
const PING = 9;

const written: Target = {
  name: "frames-written",
  covers:
    "core/websocket/{send_queue,frame,mask}, core/websocket/wire: messages and pings as every version writes " +
    "them, on both sides, are what the other side reads",
  words: [],
  make(dice) {
    const parts = dice.times(1 + dice.small(6), () => {
      const payload = makePayload(dice, true);
      return concat(Uint8Array.of(dice.below(256), payload.length >> 8, payload.length), payload);
    });
    return concat(dice.bytes(2), ...parts);
  },
  check(input, dice) {
    const [which = 0, pieces = 0] = input;
    const version = WIRE_VERSIONS[which & 7]!;
    const isClient = (which & 8) !== 0;
    const isOld = version === 0 || version === "hixie-75";
    const setup = { digests, draft04Masking: "draft", connectionKey } as const;
    const codec = codecOf(version, { ...setup, isClient });
    const masks = codec?.masks ?? true;
    const masking = !isClient || !masks ? UNMASKED : (which & 16) !== 0 ? ZERO_KEY : FRESH_KEY;
    const queue = new TxQueue();
    const wire: Uint8Array[] = [];
    const sent: string[] = [];
    for (let at = 2; at + 3 <= input.length;) {
      const kind = input[at]!;
      const data = input.slice(at + 3, at + 3 + (input[at + 1]! << 8 | input[at + 2]!));
      at += 3 + data.length;
      const isPing = kind < 64 && !isOld && data.length <= 125;
      const opcode = isPing ? PING : isOld ? 1 : BINARY;
      const payload = isOld ? new TextEncoder().encode(new TextDecoder().decode(data)) : data;
      if (codec === undefined) queue.put(payload, payload.length, 0x80 | opcode, masking);
      else {
        try {
          const safe = masking === ZERO_KEY ? FRESH_KEY : masking;
          wire.push(codec.encode(0x80 | opcode, payload, payload.length, safe));
        } catch (error) {
          if (error instanceof LwsError) continue;
          throw error;
        }
      }
      sent.push(`${isPing ? "ping" : isOld ? "text" : "binary"} ${payload.toHex()}`);
    }
    while (queue.hasQueued) {
      wire.push(queue.next().slice());
      queue.written();
    }
    const options = {
      masked: isClient && masks,
      pieceSize: [65_536, 1, 7, 100][pieces & 3]!,
      limits,
    };
    const make = (given: FrameParserOptions) =>
      codecOf(version, { ...setup, isClient: !isClient })?.reader(given) ??
        new FrameParser(new FrameRules(given), given.handler);
    const read = sameHoweverSplit(
      concat(...wire),
      dice,
      (reads) => readFrames(make, { options, stopEvery: Infinity, pauseEvery: Infinity }, reads),
      (events) => isOld ? events.wholes.join("\n") : toldOf(events),
    );
    expectSame(
      "what is read",
      `${read.failure} ${read.wholes.join("\n")}`,
      `undefined ${sent.join("\n")}`,
    );
    return `${version} ${isClient} ${Math.min(sent.length, 5)}`;
  },
};

export const WRITTEN_TARGETS: readonly Target[] = [written];
