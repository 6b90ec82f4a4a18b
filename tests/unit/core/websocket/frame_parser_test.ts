import { assert, assertEquals } from "@std/assert";
import { FAILURES } from "../../../../src/core/websocket/close.ts";
import { FrameParser } from "../../../../src/core/websocket/frame_parser.ts";
import { type FrameLimits, FrameRules } from "../../../../src/core/websocket/frame_rules.ts";
import { keep } from "../../../../src/base/spare_piece.ts";
import { concat, frame, type FrameOptions, KEY } from "../../../support/frames.ts";

const LIMITS: FrameLimits = { maxFramePayload: 1 << 24, maxFragments: 10, maxEmptyFragments: 3 };

interface Heard {
  kind: "data" | "control" | "fail";
  bytes: number[];
  opcode?: number;
  remaining?: number;
  isFinal?: boolean;
  isFirst?: boolean;
  isBinary?: boolean;
  code?: number;
}

interface Setup {
  masked?: boolean;
  pieceSize?: number;
  limits?: Partial<FrameLimits>;
  onEvent?: (parser: FrameParser) => void;
}

function listen(setup: Setup = {}) {
  const heard: Heard[] = [];
  const rules = new FrameRules({
    masked: setup.masked ?? true,
    pieceSize: setup.pieceSize ?? 65_536,
    limits: { ...LIMITS, ...setup.limits },
  });
  const parser: FrameParser = new FrameParser(rules, {
    onData(piece) {
      heard.push({
        kind: "data",
        bytes: [...piece],
        remaining: parser.remaining,
        isFinal: parser.isFinal,
        isFirst: parser.isFirstPiece,
        isBinary: parser.isBinary,
      });
      setup.onEvent?.(parser);
    },
    onControl(opcode, payload) {
      heard.push({ kind: "control", opcode, bytes: [...payload] });
      setup.onEvent?.(parser);
    },
    onFail(failure) {
      heard.push({ kind: "fail", code: FAILURES[failure][0], bytes: [] });
    },
  });
  return { parser, heard };
}

/** Feeds `bytes` in reads of `step` bytes, keeping the untaken rest in front, as a transport does. */
function feed(parser: FrameParser, bytes: Uint8Array, step = bytes.length): void {
  let rest: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < bytes.length; i += step) {
    const read = concat(rest, bytes.slice(i, i + step));
    rest = read.slice(parser.parse(read));
  }
}

function hear(frames: FrameOptions[], setup: Setup = {}, step?: number): Heard[] {
  const { parser, heard } = listen(setup);
  const key = setup.masked === false ? {} : { key: KEY };
  feed(parser, concat(...frames.map((each) => frame({ ...key, ...each }))), step);
  return heard;
}

const text = (heard: Heard[]) =>
  new TextDecoder().decode(
    new Uint8Array(heard.filter((each) => each.kind === "data").flatMap((each) => each.bytes)),
  );

Deno.test("RFC 6455 section 5.7: the examples are parsed as told there", () => {
  const { parser, heard } = listen();
  feed(parser, Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58));
  assertEquals(text(heard), "Hello");
  const client = listen({ masked: false });
  feed(client.parser, Uint8Array.of(0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f));
  assertEquals(text(client.heard), "Hello");
  assertEquals(client.heard.map((each) => each.isFinal), [false, true]);
  assertEquals(client.heard.map((each) => each.isFirst), [true, false]);
});

for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
  Deno.test(`a frame of ${length} bytes comes whole or in pieces, however it is split`, () => {
    const payload = new Uint8Array(length).map((_, i) => i % 251);
    for (const step of [undefined, 1, 7, 1000]) {
      if (step === 1 && length > 200) continue;
      const heard = hear([{ opcode: 2, payload }], {}, step);
      assertEquals(heard.flatMap((each) => each.bytes), [...payload]);
      assertEquals(heard.length, Math.max(1, Math.ceil(length / 65_536)));
      assert(heard.every((each) => each.isBinary && each.isFinal));
      assertEquals(heard.at(-1)!.remaining, 0);
    }
  });
}

Deno.test("a 10,000-byte frame with pieces of 4,096 leaves 5,904, 1,808 and 0 at every split", () => {
  const payload = new Uint8Array(10_000).fill(1);
  for (const step of [undefined, 1, 13, 1460, 4096, 5000]) {
    const heard = hear([{ opcode: 2, payload }], { pieceSize: 4096 }, step);
    assertEquals(heard.map((each) => each.remaining), [5904, 1808, 0]);
    assertEquals(heard.map((each) => each.bytes.length), [4096, 4096, 1808]);
    assertEquals(heard.map((each) => each.isFirst), [true, false, false]);
    assert(heard.every((each) => each.bytes.every((byte) => byte === 1)));
  }
});

Deno.test("pieces whose length is no multiple of four are unmasked right", () => {
  const payload = new Uint8Array(100).map((_, i) => i);
  for (const pieceSize of [1, 3, 5, 33]) {
    for (const step of [undefined, 1, 2, 11]) {
      const heard = hear([{ opcode: 2, payload }], { pieceSize }, step);
      assertEquals(heard.flatMap((each) => each.bytes), [...payload]);
    }
  }
});

Deno.test("section 5.4: control frames may come between fragments", () => {
  for (const step of [undefined, 1, 2, 3]) {
    const heard = hear(
      [
        { opcode: 1, payload: "Hel", fin: false },
        { opcode: 9, payload: "ping" },
        { opcode: 0, payload: "l", fin: false },
        { opcode: 10 },
        { opcode: 0, payload: "o" },
      ],
      {},
      step,
    );
    assertEquals(heard.map((each) => each.kind), ["data", "control", "data", "control", "data"]);
    assertEquals(text(heard), "Hello");
    assertEquals(heard[1]!.opcode, 9);
    assertEquals(new TextDecoder().decode(new Uint8Array(heard[1]!.bytes)), "ping");
  }
});

function failsWith(name: string, code: number, frames: FrameOptions[], setup: Setup = {}): void {
  Deno.test(name, () => {
    for (const step of [undefined, 1]) {
      const heard = hear([...frames, { opcode: 1, payload: "after" }], setup, step);
      assertEquals(heard.filter((each) => each.kind === "fail").map((each) => each.code), [code]);
      assertEquals(heard.at(-1)!.kind, "fail", "nothing is parsed after a failure");
    }
  });
}

for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
  failsWith(`section 5.2: reserved bits ${rsv} fail with 1002`, 1002, [{ opcode: 1, rsv }]);
}
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  failsWith(`section 5.2: unknown opcode ${opcode} fails with 1002`, 1002, [{ opcode }]);
}
for (const opcode of [8, 9, 10]) {
  failsWith(`section 5.5: control frame ${opcode} of 126 bytes fails with 1002`, 1002, [
    { opcode, payload: new Uint8Array(126) },
  ]);
  failsWith(`section 5.5: fragmented control frame ${opcode} fails with 1002`, 1002, [
    { opcode, fin: false },
  ]);
}
failsWith("section 5.4: a continuation without a start fails with 1002", 1002, [{ opcode: 0 }]);
failsWith("section 5.4: a continuation after a whole message fails with 1002", 1002, [
  { opcode: 1, payload: "whole" },
  { opcode: 0, payload: "x" },
]);
failsWith("section 5.4: a message inside another fails with 1002", 1002, [
  { opcode: 1, fin: false },
  { opcode: 2 },
]);
failsWith("section 5.2: a 16-bit length below 126 fails with 1002", 1002, [
  { opcode: 2, payload: new Uint8Array(125), lengthBytes: 2 },
]);
failsWith("section 5.2: a 64-bit length below 65,536 fails with 1002", 1002, [
  { opcode: 2, payload: new Uint8Array(65_535), lengthBytes: 8 },
]);

Deno.test("section 5.1: a server fails an unmasked frame, a client a masked one, with 1002", () => {
  const server = listen({ masked: true });
  feed(server.parser, frame({ opcode: 1, payload: "x" }));
  assertEquals(server.heard.map((each) => each.code), [1002]);
  const client = listen({ masked: false });
  feed(client.parser, frame({ opcode: 1, payload: "x", key: KEY }));
  assertEquals(client.heard.map((each) => each.code), [1002]);
});

Deno.test("section 5.2: a length with its top bit fails with 1002, one above the limit with 1009", () => {
  const header = [0x82, 0xff];
  const top = listen();
  feed(top.parser, Uint8Array.of(...header, 0x80, 0, 0, 0, 0, 0, 0, 0));
  assertEquals(top.heard.map((each) => each.code), [1002]);
  const huge = listen();
  feed(huge.parser, Uint8Array.of(...header, 0x7f, 255, 255, 255, 255, 255, 255, 255));
  assertEquals(huge.heard.map((each) => each.code), [1009]);
});

Deno.test("a frame at maxFramePayload passes, one byte more fails with 1009 by its header alone", () => {
  const limits = { maxFramePayload: 200 };
  assertEquals(
    hear([{ opcode: 2, payload: new Uint8Array(200) }], { limits }).map((each) => each.kind),
    ["data"],
  );
  const { parser, heard } = listen({ limits });
  feed(parser, frame({ opcode: 2, payload: new Uint8Array(201), key: KEY }).slice(0, 4));
  assertEquals(heard.map((each) => each.code), [1009]);
});

Deno.test("maxFragments frames pass, one more fails with 1008", () => {
  const fragments = (count: number): FrameOptions[] =>
    Array.from({ length: count }, (_, i) => ({
      opcode: i === 0 ? 2 : 0,
      payload: "x",
      fin: i === count - 1,
    }));
  assert(hear(fragments(10)).every((each) => each.kind === "data"));
  assertEquals(hear(fragments(11)).at(-1)!.code, 1008);
  assert(
    hear([...fragments(10), ...fragments(10)]).every((each) => each.kind === "data"),
    "each message has a count of its own",
  );
});

Deno.test("maxEmptyFragments frames without payload pass, one more fails with 1008", () => {
  const empty: FrameOptions = { opcode: 0, fin: false };
  const start: FrameOptions = { opcode: 1, payload: "x", fin: false };
  assert(hear([start, empty, empty, empty]).every((each) => each.kind === "data"));
  assertEquals(hear([start, empty, empty, empty, empty]).at(-1)!.code, 1008);
});

Deno.test("section 8.1: invalid text fails with 1007 at its first bad byte, across fragments too", () => {
  const bad: FrameOptions[][] = [
    [{ opcode: 1, payload: Uint8Array.of(0x61, 0xff) }],
    [{ opcode: 1, payload: Uint8Array.of(0xe2, 0x82), fin: false }, {
      opcode: 0,
      payload: Uint8Array.of(0x28),
    }],
    [{ opcode: 1, payload: Uint8Array.of(0xe2, 0x82) }],
    [{ opcode: 1, payload: Uint8Array.of(0xf0, 0x9f), fin: false }, { opcode: 0 }],
  ];
  for (const frames of bad) {
    for (const step of [undefined, 1, 3]) {
      assertEquals(hear(frames, {}, step).at(-1)!.code, 1007);
    }
  }
  const { parser, heard } = listen();
  const whole = frame({
    opcode: 1,
    payload: concat(Uint8Array.of(0xc0), new Uint8Array(90)),
    key: KEY,
  });
  feed(parser, whole.slice(0, 7));
  assertEquals(heard.map((each) => each.code), [1007], "before the frame is whole");
});

Deno.test("section 8.1: a character may be split over fragments and over pieces", () => {
  const euro = new TextEncoder().encode("a€b😀c");
  for (let cut = 0; cut <= euro.length; cut++) {
    const heard = hear([
      { opcode: 1, payload: euro.slice(0, cut), fin: false },
      { opcode: 0, payload: euro.slice(cut) },
    ], { pieceSize: 2 });
    assertEquals(text(heard), "a€b😀c");
  }
});

Deno.test("binary messages are not checked for UTF-8, nor those after a text", () => {
  const heard = hear([
    { opcode: 1, payload: "ok" },
    { opcode: 2, payload: Uint8Array.of(0xff, 0xc0), fin: false },
    { opcode: 0, payload: Uint8Array.of(0xff) },
  ]);
  assertEquals(heard.map((each) => each.kind), ["data", "data", "data"]);
});

Deno.test("stop ends parsing after the frame in hand, and the rest comes later", () => {
  const { parser, heard } = listen({ onEvent: (each) => each.stop() });
  const bytes = concat(
    frame({ opcode: 1, payload: "one", key: KEY }),
    frame({ opcode: 9, payload: "two", key: KEY }),
    frame({ opcode: 1, payload: "three", key: KEY }),
  );
  let rest = bytes;
  for (let turn = 1; turn <= 3; turn++) {
    rest = rest.slice(parser.parse(rest));
    assertEquals(heard.length, turn);
  }
  assertEquals(rest.length, 0);
});

Deno.test("a long frame that is announced but not sent takes no more memory than what came", () => {
  const { parser, heard } = listen({ pieceSize: 1 << 24 });
  const start = frame({ opcode: 2, payload: new Uint8Array(1 << 23), key: KEY }).slice(0, 100);
  assertEquals(parser.parse(start), start.length);
  assertEquals(heard, []);
});

/** What comes of two messages in reads of 1,000 bytes, of which the callback does something with each. */
function assembled(onPiece: (piece: Uint8Array, parser: FrameParser) => Uint8Array): Uint8Array[] {
  const got: Uint8Array[] = [];
  const rules = new FrameRules({ masked: true, pieceSize: 65_536, limits: LIMITS });
  const parser: FrameParser = new FrameParser(rules, {
    onData: (piece) => void got.push(onPiece(piece, parser)),
    onControl() {},
    onFail() {},
  });
  for (const value of [1, 2]) {
    const payload = new Uint8Array(5_000).fill(value);
    feed(parser, frame({ opcode: 2, payload, key: KEY }), 1_000);
  }
  return got;
}

const EACH = [1, 2].map((value) => new Uint8Array(5_000).fill(value));

Deno.test("a piece that was gathered from several reads may be kept without a copy, whatever ends in its callback", () => {
  const whole = assembled((piece) => {
    const kept = keep(piece);
    assertEquals(kept === piece, true);
    return kept;
  });
  assertEquals(whole, EACH);
  const ended = assembled((piece, parser) => {
    const kept = keep(piece);
    parser.release();
    return kept;
  });
  assertEquals(ended, EACH);
});

Deno.test("it may be kept once, by whom it is delivered to: all others get a copy", () => {
  const pieces: Uint8Array[] = [];
  const copies = assembled((piece) => {
    pieces.push(piece);
    keep(piece);
    const copy = keep(piece);
    assertEquals(copy.buffer === piece.buffer, false);
    return copy;
  });
  assertEquals([copies, pieces], [EACH, EACH]);
  const late: Uint8Array[] = [];
  assembled((piece) => (late.push(piece), piece));
  assertEquals(late[0]!.length, 0, "what nobody keeps is freed behind its callback");
});

Deno.test("what is delivered elsewhere in the middle of it leaves it to the collector", () => {
  const outer: Uint8Array[] = [];
  assembled((piece) => {
    const inner = assembled((each) => each.slice());
    assertEquals(inner, EACH);
    assertEquals(keep(piece) === piece, false);
    outer.push(piece);
    return piece;
  });
  assertEquals(outer, EACH);
});
