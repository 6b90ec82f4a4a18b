import { assertEquals } from "@std/assert";
import { OPCODE_CLOSE } from "../../../../../src/core/websocket/frame.ts";
import { HixieReader } from "../../../../../src/core/websocket/wire/hixie_reader.ts";
import { feed, type Heard, listen, type Setup, whole } from "./readers.ts";

const encoder = new TextEncoder();

/** Bytes as they are told: numbers, and texts in UTF-8. */
function wire(...parts: readonly (number | string)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "number" ? [part] : [...encoder.encode(part)]),
  );
}

function hear(bytes: Uint8Array, setup: Setup = {}, step?: number, draft = 76): Heard[] {
  const { reader, heard } = listen((options) => new HixieReader(options, draft === 76), setup);
  const rest = feed(reader, bytes, step);
  if (setup.onEvent === undefined) assertEquals(rest.length, 0, "all is taken");
  return heard;
}

function piece(text: string, remaining: number, first: boolean): Heard {
  return ["piece", text, { remaining, first, final: true }];
}

const STEPS = [undefined, 1, 2, 5] as const;

Deno.test("data framing: a text is what stands between 0x00 and 0xff", () => {
  const bytes = wire(0, "Hello", 0xff, 0, 0xff, 0, "é", 0xff);
  for (const step of STEPS) {
    assertEquals(hear(bytes, {}, step), [whole("Hello"), whole(""), whole("\xc3\xa9")]);
  }
});

Deno.test("data framing: frames of other types are dropped, whatever is in them", () => {
  const bytes = wire(
    ...[0x01, "dropped", 0xff],
    ...[0x7f, 0x00, 0xff],
    ...[0x80, 0x00],
    ...[0x80, 0x03, 0x00, 0x61, 0xff],
    ...[0xff, 0x02, 0xff, 0x00],
    ...[0x90, 0x80, 0x80, 0x01, 0xff],
    ...[0, "a", 0xff],
  );
  for (const step of STEPS) assertEquals(hear(bytes, {}, step), [whole("a")]);
});

Deno.test("data framing: a length is told in sevens of bits", () => {
  const dropped = new Array<number>(300).fill(0xff);
  const bytes = wire(0x80, 0x82, 0x2c, ...dropped, 0, "a", 0xff);
  for (const step of STEPS) assertEquals(hear(bytes, {}, step), [whole("a")]);
});

Deno.test("closing: of hixie-76 0xff 0x00 is the close frame; hixie-75 drops it", () => {
  for (const step of STEPS) {
    for (const close of [[0xff, 0x00], [0xff, 0x80, 0x00]]) {
      const bytes = wire(0, "a", 0xff, ...close, 0, "b", 0xff);
      const all = [whole("a"), ["control", OPCODE_CLOSE, ""], whole("b")];
      assertEquals(hear(bytes, {}, step), all as Heard[]);
      assertEquals(hear(bytes, {}, step, 75), [whole("a"), whole("b")]);
    }
  }
});

Deno.test("what is left of a frame is 1 until its end has come, at every split", () => {
  const text = "abcdefghij";
  for (const step of [...STEPS, 3, 7]) {
    assertEquals(hear(wire(0, text, 0xff), { pieceSize: 4 }, step), [
      piece("abcd", 1, true),
      piece("efgh", 1, false),
      piece("ij", 0, false),
    ]);
    assertEquals(hear(wire(0, text, 0xff), { pieceSize: 5 }, step), [
      piece("abcde", 1, true),
      piece("fghij", 0, false),
    ], "the last piece is full");
    assertEquals(hear(wire(0, text, 0xff), { pieceSize: 10 }, step), [whole(text)]);
  }
});

Deno.test("a full piece waits for the byte behind it, which tells whether it is the last", () => {
  const { reader, heard } = listen((options) => new HixieReader(options, true), { pieceSize: 2 });
  assertEquals(reader.parse(wire(0, "ab")), 3);
  assertEquals([heard.length, reader.remaining], [0, 1]);
  assertEquals(reader.parse(wire("c")), 1);
  assertEquals(heard, [piece("ab", 1, true)]);
  assertEquals(reader.parse(wire("d")), 1);
  assertEquals(reader.parse(wire(0xff)), 1);
  assertEquals(heard.at(-1), piece("cd", 0, false));
});

Deno.test("between two frames nothing is left, in any of them something is", () => {
  for (const type of [0x00, 0x01, 0x80, 0xff]) {
    const { reader } = listen((options) => new HixieReader(options, true));
    assertEquals(reader.remaining, 0);
    reader.parse(wire(type));
    assertEquals(reader.remaining, 1, `${type}`);
    reader.parse(type >= 0x80 ? wire(0x01, 0x61) : wire(0x61, 0xff));
    assertEquals(reader.remaining, 0, `${type}`);
  }
});

Deno.test("a text that is no UTF-8 fails at its first wrong byte, one that ends early at its end", () => {
  for (const step of STEPS) {
    for (const pieceSize of [1, 2, 100]) {
      const setup = { pieceSize };
      const last = (bytes: Uint8Array) => hear(bytes, setup, step).at(-1);
      assertEquals(last(wire(0, "a", 0xc3, 0x28, 0xff)), ["fail", "notUtf8"]);
      assertEquals(last(wire(0, "a", 0xc3, 0xff)), ["fail", "cutText"]);
      assertEquals(last(wire(0, "ab", 0x80)), ["fail", "notUtf8"], "before the end has come");
    }
  }
  const { reader, heard } = listen((options) => new HixieReader(options, true));
  reader.parse(wire(0, 0x80));
  assertEquals(reader.parse(wire(0, "b", 0xff)), 3, "nothing more is parsed");
  assertEquals(heard, [["fail", "notUtf8"]]);
});

Deno.test("frames longer than the limit fail, of every type and at every split", () => {
  const setup = { limits: { maxFramePayload: 4 } };
  for (const step of STEPS) {
    assertEquals(hear(wire(0, "abcd", 0xff), setup, step), [whole("abcd")]);
    assertEquals(hear(wire(0, "abcde"), setup, step), [["fail", "frameTooBig"]]);
    assertEquals(hear(wire(1, "abcd", 0xff), setup, step), []);
    assertEquals(hear(wire(1, "abcde"), setup, step), [["fail", "frameTooBig"]]);
    assertEquals(hear(wire(0x80, 4, "abcd"), setup, step), []);
    assertEquals(hear(wire(0x80, 5), setup, step), [["fail", "frameTooBig"]]);
    assertEquals(hear(wire(0x80, ...new Array(20).fill(0xff)), setup, step), [[
      "fail",
      "frameTooBig",
    ]]);
    for (const pieceSize of [1, 2, 3]) {
      const heard = hear(wire(0, "abcde", 0xff), { ...setup, pieceSize }, step);
      assertEquals(heard.at(-1), ["fail", "frameTooBig"]);
      const text = heard.slice(0, -1).map((each) => each[1]).join("");
      assertEquals(text, "abcd".slice(0, Math.floor(3 / pieceSize) * pieceSize));
    }
  }
});

Deno.test("an empty text is an empty frame of a message", () => {
  const limits = { maxEmptyFragments: 0 };
  assertEquals(hear(wire(0, 0xff), { limits }), [["fail", "tooManyEmptyFragments"]]);
  assertEquals(hear(wire(0, "a", 0xff), { limits }, 1), [whole("a")]);
});

Deno.test("stop and the pace leave what is behind untaken", () => {
  const bytes = wire(0, "abcde", 0xff, 0x80, 0x01, 0xff, 0, 0xff, 0xff, 0x00);
  const expected = hear(bytes, { pieceSize: 2 });
  assertEquals(expected.length, 5);
  const setups: readonly Setup[] = [
    { onEvent: (each) => each.stop() },
    { mayGoOn: () => false },
  ];
  for (const setup of setups) {
    const { reader, heard } = listen((options) => new HixieReader(options, true), {
      pieceSize: 2,
      ...setup,
    });
    let rest = bytes.slice();
    for (let calls = 0; rest.length > 0; calls++) {
      assertEquals(calls < 20, true, "it goes on");
      const before = heard.length;
      rest = rest.slice(reader.parse(rest));
      assertEquals(heard.length - before <= 1, true, "one event a call");
    }
    assertEquals(heard, expected);
  }
});

Deno.test("texts in one read come in place, gathered ones from a buffer that is freed", () => {
  const places: ArrayBufferLike[] = [];
  const bytes = wire(0, "abc", 0xff);
  const reader = new HixieReader({
    masked: false,
    pieceSize: 10_000,
    limits: { maxFramePayload: 10_000, maxFragments: 1, maxEmptyFragments: 1 },
    handler: {
      onData: (each) => void places.push(each.buffer),
      onControl: () => {},
      onFail: () => {},
    },
  }, true);
  reader.parse(bytes);
  assertEquals(places[0] === bytes.buffer, true);
  const first = wire(0, "a".repeat(5000));
  reader.parse(first);
  const second = wire("c", 0xff);
  reader.parse(second);
  assertEquals(places[1] !== second.buffer && places[1] !== first.buffer, true);
  assertEquals(places[1]!.byteLength, 0, "what is worth it is freed");
});
