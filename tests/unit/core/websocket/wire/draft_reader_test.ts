import { assertEquals } from "@std/assert";
import type { Failure } from "../../../../../src/core/websocket/close.ts";
import type { FrameParserOptions } from "../../../../../src/core/websocket/frame_parser.ts";
import { connectionKeys, nonceKeys } from "../../../../../src/core/websocket/wire/draft_mask.ts";
import { DraftReader } from "../../../../../src/core/websocket/wire/draft_reader.ts";
import { concat, draftFrame, type DraftFrameOptions, KEY } from "../../../../support/frames.ts";
import { feed, type Heard, listen, type Setup, whole } from "./readers.ts";

const [CONTINUATION, CLOSE, PING, PONG, TEXT, BINARY] = [0, 1, 2, 3, 4, 5] as const;
/** What RFC 6455 calls them. */
const [RFC_CLOSE, RFC_PING, RFC_PONG] = [8, 9, 10] as const;

const reader = (options: FrameParserOptions) =>
  new DraftReader(options, nonceKeys, (payload) => payload);

/** What is heard of frames in reads of `step` bytes. */
function hear(frames: readonly DraftFrameOptions[], setup: Setup = {}, step?: number): Heard[] {
  const { reader: each, heard } = listen(reader, setup);
  const nonce = setup.masked === false ? {} : { nonce: KEY };
  feed(each, concat(...frames.map((frame) => draftFrame({ ...nonce, ...frame }))), step);
  return heard;
}

Deno.test("the examples of the drafts, and masked by hand: a text of a server, and the same of a client", () => {
  const server = Uint8Array.of(0x84, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f);
  const { reader: client, heard } = listen(reader, { masked: false });
  assertEquals(client.parse(server), server.length);
  assertEquals(heard, [whole("Hello")]);

  // The four bytes in front, then each byte of the frame above XORed with them, its header too.
  // deno-fmt-ignore
  const masked = Uint8Array.of(
    0x37, 0xfa, 0x21, 0x3d, 0xb3, 0xff, 0x69, 0x58, 0x5b, 0x96, 0x4e,
  );
  const { reader: ofServer, heard: byServer } = listen(reader);
  assertEquals(ofServer.parse(masked), masked.length);
  assertEquals(byServer, [whole("Hello")]);
});

Deno.test("fragmentation: a message in two fragments with a ping between them", () => {
  const frames = [
    { opcode: TEXT, fin: false, payload: "Hel" },
    { opcode: PING, payload: "?" },
    { opcode: CONTINUATION, payload: "lo" },
  ];
  for (const masked of [true, false]) {
    for (const step of [undefined, 1, 5]) {
      assertEquals(hear(frames, { masked }, step), [
        ["piece", "Hel", { remaining: 0, first: true, final: false }],
        ["control", RFC_PING, "?"],
        ["piece", "lo", { remaining: 0, first: false, final: true }],
      ]);
    }
  }
});

Deno.test("base framing: opcodes are those of the drafts, and no other is known", () => {
  assertEquals(hear([{ opcode: BINARY, payload: "b" }]), [whole("b", "binary")]);
  assertEquals(hear([{ opcode: PONG, payload: "p" }]), [["control", RFC_PONG, "p"]]);
  assertEquals(hear([{ opcode: CLOSE, payload: "c" }]), [["control", RFC_CLOSE, "c"]]);
  for (let opcode = 6; opcode < 16; opcode++) {
    assertEquals(hear([{ opcode, payload: "x" }]), [["fail", "unknownOpcode"]], `${opcode}`);
  }
});

for (const length of [0, 1, 125, 126, 65_535, 65_536, 70_000]) {
  Deno.test(`a frame of ${length} bytes comes whole or in pieces, however it is split`, () => {
    const payload = new Uint8Array(length).map((_, i) => i % 251);
    for (const step of [undefined, 1, 7, 1000]) {
      if (step === 1 && length > 200) continue;
      for (const pieceSize of [65_536, 4096]) {
        const heard = hear([{ opcode: BINARY, payload }], { pieceSize }, step);
        assertEquals(
          heard.map((each) => each[1]).join(""),
          new TextDecoder("latin1").decode(payload),
        );
        assertEquals(heard.length, Math.max(1, Math.ceil(length / pieceSize)));
      }
    }
  });
}

Deno.test("a 10,000-byte frame with pieces of 4,096 leaves 5,904, 1,808 and 0 at every split", () => {
  const payload = new Uint8Array(10_000).fill(0x61);
  for (const step of [undefined, 1, 13, 4096, 5000]) {
    const heard = hear([{ opcode: TEXT, payload }], { pieceSize: 4096 }, step);
    assertEquals(
      heard.map((
        each,
      ) => [(each[1] as string).length, (each[2] as { remaining: number }).remaining]),
      [[4096, 5904], [4096, 1808], [1808, 0]],
    );
  }
});

Deno.test("the drafts let a length take more bytes than it needs", () => {
  for (const lengthBytes of [2, 8] as const) {
    assertEquals(hear([{ opcode: TEXT, payload: "a", lengthBytes }], {}, 1), [whole("a")]);
  }
});

Deno.test("what is wrong with a header fails the connection, from the first bytes that say so on", () => {
  const cases: readonly [DraftFrameOptions, Failure][] = [
    [{ opcode: TEXT, rsv4: true, payload: "a" }, "reservedBit"],
    [{ opcode: PING, rsv4: true }, "reservedBit"],
    [{ opcode: TEXT, rsv: 1, payload: "a" }, "reservedBit"],
    [{ opcode: PING, fin: false, payload: "a" }, "fragmentedControl"],
    [{ opcode: PING, payload: "x".repeat(126) }, "longControl"],
    [{ opcode: CONTINUATION, payload: "x".repeat(126) }, "nothingToContinue"],
    [{ opcode: 9, payload: "x".repeat(70_000) }, "unknownOpcode"],
  ];
  for (const [frame, failure] of cases) {
    const { reader: each, heard } = listen(reader);
    const bytes = draftFrame({ nonce: KEY, ...frame }).slice(0, 6);
    assertEquals(each.parse(bytes), 6);
    assertEquals(heard, [["fail", failure]], failure);
    assertEquals(each.parse(Uint8Array.of(1, 2, 3)), 3, "nothing more is parsed");
    assertEquals(heard.length, 1);
  }
});

Deno.test("a length of 64 bits fails the connection, one beyond the limit does", () => {
  const { reader: each, heard } = listen(reader, { masked: false });
  each.parse(Uint8Array.of(0x84, 127, 0x80, 0, 0, 0, 0, 0, 0, 1));
  assertEquals(heard, [["fail", "lengthOutOfRange"]]);
  for (const maxFramePayload of [1000, Number.MAX_SAFE_INTEGER]) {
    const limits = { maxFramePayload };
    for (
      const length of [[0, 0x20, 0, 0, 0, 0, 0, 0], new Array<number>(8).fill(0xff).with(0, 0x7f)]
    ) {
      const { reader: other, heard: byOther } = listen(reader, { masked: false, limits });
      other.parse(Uint8Array.of(0x84, 127, ...length));
      assertEquals(byOther, [["fail", "frameTooBig"]]);
    }
  }
});

Deno.test("limits and texts are judged as those of RFC 6455", () => {
  const limits = { maxFramePayload: 3, maxFragments: 2, maxEmptyFragments: 1 };
  const part = { opcode: CONTINUATION, fin: false };
  assertEquals(hear([{ opcode: TEXT, payload: "abcd" }], { limits }), [["fail", "frameTooBig"]]);
  assertEquals(
    hear([{ opcode: TEXT, fin: false, payload: "a" }, part, part], { limits }).at(-1),
    ["fail", "tooManyFragments"],
  );
  assertEquals(
    hear([{ opcode: TEXT, fin: false }, part], { limits }).at(-1),
    ["fail", "tooManyEmptyFragments"],
  );
  const broken = Uint8Array.of(0x61, 0xff, 0x61);
  assertEquals(hear([{ opcode: TEXT, payload: broken }], {}, 1), [["fail", "notUtf8"]]);
  assertEquals(hear([{ opcode: TEXT, payload: broken.slice(1, 2) }]), [["fail", "notUtf8"]]);
  assertEquals(hear([{ opcode: TEXT, payload: Uint8Array.of(0xc3) }]), [["fail", "cutText"]]);
  assertEquals(hear([{ opcode: BINARY, payload: broken }]), [whole("a\xffa", "binary")]);
});

Deno.test("RSV1 to RSV3 are an extension's where there is one", () => {
  const { reader: each, heard } = listen(reader, { reservedBits: 4 });
  each.parse(draftFrame({ opcode: BINARY, rsv: 4, nonce: KEY }));
  assertEquals(heard.length, 1);
  assertEquals(each.reservedBits, 4);
});

Deno.test("an incomplete header or control frame is left untaken, and as it came", () => {
  const ping = draftFrame({ opcode: PING, payload: "ping", nonce: KEY });
  for (let cut = 0; cut < ping.length; cut++) {
    const { reader: each, heard } = listen(reader);
    const bytes = ping.slice(0, cut);
    assertEquals(each.parse(bytes), 0, `${cut}`);
    assertEquals(bytes, ping.slice(0, cut));
    each.parse(ping.slice());
    assertEquals(heard, [["control", RFC_PING, "ping"]]);
  }
});

Deno.test("stop and the pace leave what is behind untaken; nothing is unmasked twice", () => {
  const frames = [
    { opcode: TEXT, payload: "abcdefgh" },
    { opcode: PING, payload: "?" },
    { opcode: TEXT },
    { opcode: TEXT, payload: "z" },
  ];
  const bytes = concat(...frames.map((each) => draftFrame({ nonce: KEY, ...each })));
  const expected = hear(frames, { pieceSize: 3 });
  assertEquals(expected.length, 6);
  const setups: readonly Setup[] = [
    { onEvent: (each) => each.stop() },
    { mayGoOn: () => false },
  ];
  for (const setup of setups) {
    const { reader: each, heard } = listen(reader, { pieceSize: 3, ...setup });
    let rest = bytes.slice();
    for (let calls = 0; rest.length > 0; calls++) {
      assertEquals(calls < 20, true, "it goes on");
      const before = heard.length;
      rest = rest.slice(each.parse(rest));
      assertEquals(heard.length - before <= 1, true, "one event a call");
    }
    assertEquals(heard, expected);
  }
});

Deno.test("the payload of a close frame is what the version makes of it", () => {
  const { reader: each, heard } = listen((options) =>
    new DraftReader(options, nonceKeys, (payload) => payload.subarray(1))
  );
  each.parse(draftFrame({ opcode: CLOSE, payload: "Sxy", nonce: KEY }));
  each.parse(draftFrame({ opcode: PONG, payload: "Sxy", nonce: KEY }));
  assertEquals(heard, [["control", RFC_CLOSE, "xy"], ["control", RFC_PONG, "Sxy"]]);
});

Deno.test("a key of twenty bytes goes on from header to payload, over reads and pieces", () => {
  const key = new Uint8Array(20).map((_, i) => 0x80 ^ i * 13);
  const payload = "0123456789".repeat(9);
  const bytes = concat(
    draftFrame({ opcode: TEXT, payload, nonce: KEY, key }),
    draftFrame({ opcode: TEXT, payload: payload.repeat(2), nonce: KEY, key }),
  );
  for (const step of [1, 7, 1000]) {
    const { reader: each, heard } = listen(
      (options) => new DraftReader(options, connectionKeys(key), (close) => close),
      { pieceSize: 11 },
    );
    feed(each, bytes, step);
    assertEquals(heard.map((event) => event[1]).join(""), payload.repeat(3));
  }
});

Deno.test("callbacks that read other connections find their own frame unchanged", () => {
  const other = listen(reader).reader;
  const seen: string[] = [];
  const each = new DraftReader(
    {
      masked: true,
      pieceSize: 100,
      limits: { maxFramePayload: 100, maxFragments: 10, maxEmptyFragments: 10 },
      handler: {
        onData: () => {},
        onControl(_opcode, payload) {
          other.parse(draftFrame({ opcode: PING, payload: "another", nonce: KEY }));
          seen.push(new TextDecoder().decode(payload));
        },
        onFail: () => {},
      },
    },
    nonceKeys,
    (payload) => payload,
  );
  each.parse(draftFrame({ opcode: PING, payload: "its own", nonce: KEY }));
  each.parse(draftFrame({ opcode: CLOSE, payload: "its own", nonce: KEY }));
  assertEquals(seen, ["its own", "its own"]);
});
