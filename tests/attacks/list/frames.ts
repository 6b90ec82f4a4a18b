/** Attacks by frames and compression. */

import { deflateRawSync } from "node:zlib";
import { concat, frame, KEY } from "../../support/frames.ts";
import { type Attack, type Crowd, DEFLATE, type Wire } from "../wire.ts";

/** What RFC 6455 forbids, each in a connection of its own. */
const FORBIDDEN: readonly Uint8Array[] = [
  frame({ opcode: 1, rsv: 4, payload: "x", key: KEY }),
  frame({ opcode: 3, payload: "x", key: KEY }),
  frame({ opcode: 11, key: KEY }),
  frame({ opcode: 9, fin: false, key: KEY }),
  frame({ opcode: 9, payload: new Uint8Array(126), key: KEY }),
  frame({ opcode: 1, payload: "unmasked" }),
  frame({ opcode: 0, payload: "x", key: KEY }),
  concat(...[1, 1].map((opcode) => frame({ opcode, fin: false, payload: "x", key: KEY }))),
  frame({ opcode: 2, lengthBytes: 8, length: 1n << 63n, key: KEY }),
  frame({ opcode: 2, lengthBytes: 8, length: 1n << 60n, key: KEY }),
  frame({ opcode: 2, lengthBytes: 8, payload: "x", key: KEY }),
  frame({ opcode: 8, payload: Uint8Array.of(3), key: KEY }),
  frame({ opcode: 8, payload: Uint8Array.of(3, 0xed), key: KEY }),
  frame({ opcode: 8, payload: Uint8Array.of(3, 0xe8, 0xff), key: KEY }),
  frame({ opcode: 1, payload: Uint8Array.of(0xf4, 0x90, 0x80, 0x80), key: KEY }),
  concat(frame({ opcode: 8, key: KEY }), frame({ opcode: 1, payload: "late", key: KEY })),
];

/** The same bytes to as many established connections, again and again. */
async function flood(crowd: Crowd, count: number, bytes: Uint8Array, changes = {}): Promise<void> {
  await Promise.all(Array.from({ length: count }, async () => {
    while (!crowd.isOver) {
      const wire = await crowd.upgrade(changes);
      while (!crowd.isOver && !wire.isGone) {
        await wire.send(bytes);
        crowd.done++;
        await crowd.pause(5);
      }
    }
  }));
}

/** As many established connections, which are held. */
async function hold(
  crowd: Crowd,
  count: number,
  act: (wire: Wire) => Promise<void>,
  changes = {},
): Promise<void> {
  await Promise.all(Array.from({ length: count }, async () => {
    const wire = await crowd.upgrade(changes);
    await act(wire);
    crowd.done++;
    await crowd.pause(60_000);
  }));
}

const masked = (opcode: number, payload: Uint8Array | string, more = {}) =>
  frame({ opcode, payload, key: KEY, ...more });
/** 16 MiB of zeros. */
const bomb = deflateRawSync(new Uint8Array(16 << 20));
/** What inflates to 1 MiB but for its end. */
const fragment = deflateRawSync(new Uint8Array((1 << 20) - 1));

export const FRAMES: readonly Attack[] = [
  {
    name: "forbidden-frames",
    what: "each kind of frame that RFC 6455 forbids",
    stoppedBy: "1002, 1007 or 1009, and the end",
    isShort: true,
    run: (crowd) =>
      crowd.again(FORBIDDEN.length, async (index) => {
        const wire = await crowd.upgrade();
        await wire.send(FORBIDDEN[index]!);
        await wire.untilGone();
      }),
  },
  {
    name: "pings",
    what: "pings, 1,000 a packet, whose pongs are read",
    stoppedBy: "a turn's budget",
    run: (crowd) => flood(crowd, 8, concat(...Array(1000).fill(masked(9, "?".repeat(125))))),
  },
  {
    name: "unread-pongs",
    what: "pings from 50 that read no pong",
    stoppedBy: "at most 4 KiB of unsent pongs",
    isShort: true,
    run: (crowd) =>
      hold(crowd, 50, async (wire) => {
        wire.stopReading();
        const pings = concat(...Array(500).fill(masked(9, "?".repeat(125))));
        while (!crowd.isOver && !wire.isGone) {
          await wire.send(pings);
          await crowd.pause(10);
        }
      }),
  },
  {
    name: "empty-fragments",
    what: "messages of fragments without payload",
    stoppedBy: "`maxEmptyFragments`: 1008",
    run: (crowd) =>
      flood(
        crowd,
        8,
        concat(masked(1, "", { fin: false }), ...Array(2000).fill(masked(0, "", { fin: false }))),
      ),
  },
  {
    name: "one-byte-fragments",
    what: "messages of a million fragments of one byte",
    stoppedBy: "`maxFragments`: 1008",
    run: (crowd) =>
      crowd.again(4, async () => {
        const wire = await crowd.upgrade();
        await wire.send(masked(2, "x", { fin: false }));
        const more = concat(...Array(10_000).fill(masked(0, "x", { fin: false })));
        while (!crowd.isOver && !wire.isGone) await wire.send(more);
        wire.destroy();
      }),
  },
  {
    name: "one-byte-pieces",
    what: "a message of 1 MiB whose bytes come one by one, on 100 connections",
    stoppedBy: "`messageTimeoutMs`",
    run: (crowd) =>
      hold(crowd, 100, async (wire) => {
        await wire.send(masked(2, "", { lengthBytes: 8, length: 1n << 20n }));
        while (!crowd.isOver && !wire.isGone) {
          await wire.send("x");
          await crowd.pause(20);
        }
      }),
  },
  {
    name: "half-messages",
    what: "300 that hold 1 MiB of a message each, and send no end",
    stoppedBy: "`maxBufferedBytes`, `messageTimeoutMs`",
    mostMemory: 600,
    run: (crowd) =>
      hold(
        crowd,
        300,
        (wire) => wire.send(masked(2, new Uint8Array((1 << 20) - 1), { fin: false })),
      ),
  },
  {
    name: "half-compressed",
    what: "300 that send a compressed fragment of 1 KiB, which holds 1 MiB, and no end",
    stoppedBy: "`maxBufferedBytes`, `messageTimeoutMs`",
    mostMemory: 600,
    isShort: true,
    run: (crowd) =>
      hold(crowd, 300, (wire) => wire.send(masked(2, fragment, { rsv: 4, fin: false })), DEFLATE),
  },
  {
    name: "bombs",
    what: "messages of 16 KiB that inflate to 16 MiB",
    stoppedBy: "`maxMessageSize`, which bounds the output while it inflates: 1009",
    isShort: true,
    run: (crowd) =>
      crowd.again(8, async () => {
        const wire = await crowd.upgrade(DEFLATE);
        await wire.send(masked(2, bomb, { rsv: 4 }));
        await wire.untilGone();
      }),
  },
  {
    name: "empty-blocks",
    what: "compressed messages of empty blocks without end",
    stoppedBy: "`maxFragments`, `maxMessageSize`",
    run: (crowd) =>
      flood(
        crowd,
        8,
        concat(
          masked(2, new Uint8Array(1000), { rsv: 4, fin: false }),
          ...Array(200).fill(masked(0, Uint8Array.of(0, 0, 0, 0xff, 0xff), { fin: false })),
        ),
        DEFLATE,
      ),
  },
  {
    name: "bad-compression",
    what: "bytes that don't inflate, and reserved bits where none may be",
    stoppedBy: "1002 or 1007",
    run: (crowd) =>
      crowd.again(8, async (index) => {
        const wire = await crowd.upgrade(index % 2 === 0 ? DEFLATE : {});
        await wire.send(masked(1, crypto.getRandomValues(new Uint8Array(100)), { rsv: 4 }));
        await wire.untilGone();
      }),
  },
  {
    name: "never-read",
    what: "50 that send 64 KiB again and again to an echo, and read nothing",
    stoppedBy: "`maxUnsentBytes`, `maxBufferedBytes`",
    mostMemory: 600,
    isShort: true,
    run: (crowd) =>
      hold(crowd, 50, async (wire) => {
        wire.stopReading();
        const message = masked(2, new Uint8Array(65_536));
        while (!crowd.isOver && !wire.isGone) {
          await wire.send(message);
          await crowd.pause(2);
        }
      }),
  },
  {
    name: "slow-subscribers",
    what: "200 subscribers of a topic that read nothing",
    stoppedBy: "`maxUnsentBytes`, and what a topic does with those that lag",
    mostMemory: 400,
    run: async (crowd) => {
      await Promise.all(Array.from({ length: 200 }, async () => {
        const wire = await crowd.upgrade({ "Sec-WebSocket-Protocol": "feed" });
        wire.stopReading();
        crowd.done++;
        await crowd.pause(60_000);
      }));
    },
  },
  {
    name: "no-close",
    what: "closes that are never answered to, and ends that never come",
    stoppedBy: "`closeTimeoutMs`",
    run: (crowd) =>
      crowd.again(32, async () => {
        const wire = await crowd.upgrade();
        await wire.frame(8, Uint8Array.of(3, 0xe8));
        await crowd.pause(200);
        wire.destroy();
      }),
  },
  {
    name: "throwing-callback",
    what: "messages whose callback throws",
    stoppedBy: "1011, its own connection, five lines of log a second",
    run: (crowd) =>
      crowd.again(16, async () => {
        const wire = await crowd.upgrade({ "Sec-WebSocket-Protocol": "throws" });
        await wire.frame(1, "x");
        await wire.untilGone();
      }),
  },
];
