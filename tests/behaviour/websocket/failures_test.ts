/** The table of failures: what is in it comes about, and what comes about is in it. */

import { assert, assertEquals } from "@std/assert";
import { inflateRawSync } from "node:zlib";
import type { Extension, ExtensionSession } from "../../../mod.ts";
import { deflateStream, ExtensionFailure } from "../../../mod.ts";
import { causeOf, type Failure, FAILURES, isCloseCode } from "../../../src/core/websocket/close.ts";
import type { Link, SetUpOptions, Side } from "../../conformance/sides.ts";
import { CLIENT, SERVER } from "../../conformance/sides.ts";
import { frame, type FrameOptions, KEY } from "../../support/frames.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readFrame, readHead, serve, settle } from "../../support/serve.ts";

/** One way to bring a failure about. */
interface Way {
  /** Left out: both. */
  readonly sides?: readonly Side[];
  readonly options?: SetUpOptions;
  /** What the peer sends. */
  readonly frames?: readonly FrameOptions[];
  /** What is done beside. */
  readonly act?: (link: Link) => void;
  /** The reason, where it is not the table's. */
  readonly detail?: string;
}

/** A length of 2 to the power of 63 in a frame that is masked as a client's. */
const PAST_ALL = Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const PAST_ALL_UNMASKED = Uint8Array.of(0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0);

type Elsewhere =
  | "brokenStream"
  | "extensionThrew"
  | "lagging"
  | "idle"
  | "livedLong"
  | "messageTimeout"
  | "inflatesTooMuch";

/** Two have tests of their own below, `lagging` those of slow subscribers, `inflatesTooMuch` those of compression, and the last three those of times. */
const WAYS: Record<Exclude<Failure, Elsewhere>, Way> = {
  reservedBit: { frames: [{ opcode: 1, rsv: 2 }] },
  unknownOpcode: { frames: [{ opcode: 11 }] },
  fragmentedControl: { frames: [{ opcode: 9, fin: false }] },
  longControl: { frames: [{ opcode: 9, payload: new Uint8Array(126) }] },
  nestedMessage: { frames: [{ opcode: 2, fin: false }, { opcode: 2 }] },
  nothingToContinue: { frames: [{ opcode: 0 }] },
  notMasked: { sides: [SERVER], act: ({ peer }) => peer.send(frame({ opcode: 1 })) },
  masked: { sides: [CLIENT], act: ({ peer }) => peer.send(frame({ opcode: 1, key: KEY })) },
  lengthNotMinimal: { frames: [{ opcode: 2, payload: "x", lengthBytes: 8 }] },
  lengthOutOfRange: {
    act: ({ peer, side }) => peer.send(side.masks ? PAST_ALL_UNMASKED : PAST_ALL),
  },
  closeCode: { frames: [{ opcode: 8, payload: Uint8Array.of(3) }] },
  closeReason: { frames: [{ opcode: 8, payload: Uint8Array.of(3, 0xe8, 0xff) }] },
  notUtf8: { frames: [{ opcode: 1, payload: Uint8Array.of(0xff) }] },
  cutText: { frames: [{ opcode: 1, payload: Uint8Array.of(0xe2, 0x82) }] },
  brokenMessage: {
    options: { deflate: "agreed" },
    frames: [{ opcode: 1, rsv: 4, payload: Uint8Array.of(7) }],
    detail: "invalid block type",
  },
  frameTooBig: {
    options: { limits: { maxFramePayload: 100 } },
    frames: [{ opcode: 2, payload: new Uint8Array(101) }],
  },
  messageTooBig: {
    options: { limits: { maxMessageSize: 100 } },
    frames: [{ opcode: 2, payload: new Uint8Array(101) }],
  },
  tooManyFragments: {
    options: { limits: { maxFragments: 2 } },
    frames: [
      { opcode: 2, fin: false, payload: "a" },
      { opcode: 0, fin: false, payload: "b" },
      { opcode: 0, payload: "c" },
    ],
  },
  tooManyEmptyFragments: {
    options: { limits: { maxEmptyFragments: 1 } },
    frames: [{ opcode: 2, fin: false }, { opcode: 0 }],
  },
  tooManyMessages: {
    options: { info: { maxMessagesPerSecond: 1, rateExcess: "close" } },
    frames: [{ opcode: 1 }, { opcode: 1 }],
  },
  tooManyBytes: {
    options: { info: { maxBytesPerSecond: 2, rateExcess: "close" } },
    frames: [{ opcode: 1, payload: "abc" }],
  },
  callbackThrew: {
    options: {
      on(_wsi, reason) {
        if (reason.endsWith("eceive")) throw new Error("thrown on purpose");
      },
    },
    frames: [{ opcode: 1, payload: "go" }],
  },
  contextLeaves: { act: ({ wsi }) => void wsi.context.destroy() },
};

/** Not the peer's fault: the log has other lines of these, or none. */
const OWN_ENDS: ReadonlySet<string> = new Set<Failure>(["callbackThrew", "contextLeaves"]);

for (const [failure, way] of Object.entries(WAYS) as [keyof typeof WAYS, Way][]) {
  for (const side of way.sides ?? [SERVER, CLIENT]) {
    Deno.test(`${failure} ends a ${side.name} connection as its line says`, async () => {
      using log = captureLog(["info"]);
      await using link = await side.open(way.options);
      if (way.frames !== undefined) link.send(...way.frames);
      way.act?.(link);
      const [code, reason] = FAILURES[failure];
      assertEquals(await link.receiveClose(), { code, reason: way.detail ?? reason });
      const said = log.lines.some((each) => each.endsWith(`: ${code} ${way.detail ?? reason}`));
      assertEquals(said, !OWN_ENDS.has(failure), log.lines.join());
      link.peer.close();
      await settle();
      assertEquals(link.heard.closes.map((info) => info.cause), [causeOf(failure)]);
    });
  }
}

/** A session that takes messages with RSV1, and can't go on with any. */
const FAILING: ExtensionSession = {
  unit: "message",
  reservedBits: 4,
  sharedKey: undefined,
  encode: () => undefined,
  encodeShared: () => undefined,
  sentShared() {},
  push() {
    throw new ExtensionFailure("on purpose");
  },
  read: () => 0,
  close() {},
};
const failing: Extension = {
  name: "failing",
  accept: () => ({ answer: "failing", session: FAILING }),
  offer: () => "failing",
  confirm: () => FAILING,
  close() {},
};

Deno.test("extensionThrew ends a connection as its line says, and tells the peer nothing", async () => {
  await using served = serve([record("x").protocol], { extensions: [failing] });
  const peer = await served.dial(handshake({ headers: ["Sec-WebSocket-Extensions: failing"] }));
  await readHead(peer);
  peer.send(frame({ opcode: 1, rsv: 4, payload: "x", key: KEY }));
  assertEquals(closeOf((await readFrame(peer)).payload), [...FAILURES.extensionThrew]);
});

Deno.test("brokenStream ends a connection with its code, and says what is broken", async () => {
  await using served = serve([record("x").protocol], { extensions: [deflateStream()] });
  const peer = await served.dial(
    handshake({ headers: ["Sec-WebSocket-Extensions: deflate-stream"] }),
  );
  await readHead(peer);
  peer.send(Uint8Array.of(7));
  const sent = inflateRawSync(await peer.readToEnd(), { finishFlush: 2 });
  assertEquals(closeOf(sent.subarray(2)), [FAILURES.brokenStream[0], "invalid block type"]);
});

function closeOf(payload: Uint8Array): [code: number, reason: string] {
  return [payload[0]! << 8 | payload[1]!, new TextDecoder().decode(payload.subarray(2))];
}

Deno.test("each failure has a code that may stand in a close frame, and a reason that fits", () => {
  for (const [failure, [code, reason]] of Object.entries(FAILURES)) {
    assert(isCloseCode(code) && code < 3000, failure);
    assert(new TextEncoder().encode(reason).length <= 123, failure);
  }
});
