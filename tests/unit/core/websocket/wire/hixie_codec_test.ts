import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../../src/base/errors.ts";
import { encodeClose } from "../../../../../src/core/websocket/close.ts";
import {
  FIN,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from "../../../../../src/core/websocket/frame.ts";
import type { WireCodec } from "../../../../../src/core/websocket/wire/codec.ts";
import { hixieCodec } from "../../../../../src/core/websocket/wire/hixie_codec.ts";
import { UNMASKED } from "../../../../../src/core/websocket/send_queue.ts";

const encoder = new TextEncoder();

function encode(codec: WireCodec, first: number, payload: Uint8Array | string = "") {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  return codec.encode(first, bytes, bytes.length, UNMASKED).toHex();
}

Deno.test("data framing: a text stands between 0x00 and 0xff", () => {
  for (const draft of [75, 76] as const) {
    const codec = hixieCodec(draft);
    assertEquals(encode(codec, OPCODE_TEXT | FIN, "Hello"), "0048656c6c6fff");
    assertEquals(encode(codec, OPCODE_TEXT | FIN), "00ff");
    assertEquals(encode(codec, OPCODE_TEXT | FIN, "é"), "00c3a9ff");
  }
  assertEquals([hixieCodec(75).version, hixieCodec(76).version], ["hixie-75", 0]);
});

Deno.test("fragments are one frame, and no close frame may stand inside it", () => {
  const codec = hixieCodec(76);
  assertEquals(codec.mayClose, true);
  assertEquals(encode(codec, OPCODE_TEXT, "Hel"), "0048656c");
  assertEquals(codec.mayClose, false);
  assertEquals(encode(codec, OPCODE_CONTINUATION), "");
  assertEquals(codec.mayClose, false);
  assertEquals(encode(codec, OPCODE_CONTINUATION | FIN, "lo"), "6c6fff");
  assertEquals(codec.mayClose, true);
});

Deno.test("closing: the close frame of hixie-76 has no code; hixie-75 has none", () => {
  const codec = hixieCodec(76);
  assertEquals([codec.hasCloseFrame, codec.hasCloseCode, codec.mayClose], [true, false, true]);
  assertEquals(encode(codec, OPCODE_CLOSE | FIN, encodeClose(1000, "bye")), "ff00");
  const elder = hixieCodec(75);
  assertEquals([elder.hasCloseFrame, elder.hasCloseCode, elder.mayClose], [false, false, true]);
});

Deno.test("what the version has not is refused by name, and changes nothing", () => {
  const kinds = [[OPCODE_BINARY, "binary message"], [OPCODE_PING, "ping"], [OPCODE_PONG, "pong"]];
  for (const draft of [75, 76] as const) {
    const codec = hixieCodec(draft);
    const version = draft === 75 ? "hixie-75" : "0";
    assertEquals(codec.hasPing, false);
    for (const [opcode, name] of kinds as [number, string][]) {
      const error = assertThrows(() => encode(codec, opcode | FIN, "a"), LwsError);
      assertEquals(error.code, "unsupported");
      assertEquals(
        error.message,
        `write: version ${version} of the protocol has no ${name}, only text`,
      );
    }
    for (const bytes of [[0xff], [0x61, 0xff], [0xff, 0x61]]) {
      for (const first of [OPCODE_TEXT, OPCODE_TEXT | FIN]) {
        const error = assertThrows(() => encode(codec, first, Uint8Array.from(bytes)), LwsError);
        assertEquals(error.code, "invalid-argument");
      }
    }
    assertEquals(encode(codec, OPCODE_TEXT, "a"), "0061");
    assertThrows(() => encode(codec, OPCODE_CONTINUATION | FIN, Uint8Array.of(0xff)), LwsError);
    assertEquals(codec.mayClose, false, "the text goes on");
    assertEquals(encode(codec, OPCODE_CONTINUATION | FIN, "b"), "62ff");
  }
});

Deno.test("the length is the engine's word", () => {
  const bytes = Object.defineProperty(encoder.encode("abc"), "length", { value: 1 });
  const frame = hixieCodec(76).encode(OPCODE_TEXT | FIN, bytes, 3, UNMASKED);
  assertEquals(frame.toHex(), "00616263ff");
});
