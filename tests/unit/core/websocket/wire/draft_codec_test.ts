import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
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
import { FRESH_KEY, UNMASKED, ZERO_KEY } from "../../../../../src/core/websocket/send_queue.ts";
import type { WireCodec } from "../../../../../src/core/websocket/wire/codec.ts";
import { draftCodec, type DraftSetup } from "../../../../../src/core/websocket/wire/draft_codec.ts";
import { draftFrame } from "../../../../support/frames.ts";
import { listen, whole } from "./readers.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const connectionKey = new Uint8Array(20).map((_, i) => 200 - i);
const encoder = new TextEncoder();

function codec(version: 4 | 5 | 6, isClient: boolean, setup: Partial<DraftSetup> = {}): WireCodec {
  return draftCodec(version, { isClient, sha1, connectionKey, ...setup });
}

function encode(each: WireCodec, first: number, payload: Uint8Array | string = "") {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const frame = each.encode(first, bytes, bytes.length, UNMASKED);
  return frame.toHex();
}

Deno.test("base framing: what a server sends has the drafts' opcodes, and no mask", () => {
  for (const version of [4, 5, 6] as const) {
    const server = codec(version, false);
    assertEquals(encode(server, OPCODE_TEXT | FIN, "Hello"), "840548656c6c6f");
    assertEquals(encode(server, OPCODE_BINARY | FIN, "b"), "850162");
    assertEquals(encode(server, OPCODE_TEXT, "a"), "040161", "not the last fragment");
    assertEquals(encode(server, OPCODE_CONTINUATION | FIN, "b"), "800162");
    assertEquals(encode(server, OPCODE_PING | FIN, "?"), "82013f");
    assertEquals(encode(server, OPCODE_PONG | FIN, "!"), "830121");
    assertEquals(encode(server, OPCODE_TEXT | FIN | 0x40, "x"), "c40178", "an extension's bit");
  }
});

Deno.test("base framing: lengths take 7, 16 and 63 bits", () => {
  const server = codec(5, false);
  for (const length of [125, 126, 65_535, 65_536]) {
    const payload = new Uint8Array(length).fill(0x61);
    const expected = draftFrame({ opcode: 5, payload });
    assertEquals(server.encode(OPCODE_BINARY | FIN, payload, length, UNMASKED), expected);
  }
});

for (
  const [name, setup, key] of [
    ["drafts 05 and 06: with the four bytes in front", {}, (nonce: Uint8Array) => nonce],
    [
      "draft 04: with the hash of those and the connection's key",
      {},
      (nonce: Uint8Array) => createHash("sha1").update(nonce).update(connectionKey).digest(),
    ],
    ["draft 04 as in C: with the connection's key", { cCompatible: true }, () => connectionKey],
  ] as const
) {
  Deno.test(`client-to-server masking: a client masks all behind a fresh nonce; ${name}`, () => {
    for (const version of name.startsWith("drafts") ? [5, 6] as const : [4] as const) {
      const client = codec(version, true, setup);
      const payload = encoder.encode("Hello there");
      const nonces = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const bytes = client.encode(OPCODE_TEXT | FIN, payload, payload.length, FRESH_KEY);
        const [a, b, c, d] = bytes;
        nonces.add(`${a} ${b} ${c} ${d}`);
        const nonce = [a!, b!, c!, d!] as const;
        assertEquals(bytes, draftFrame({ opcode: 4, payload, nonce, key: key(bytes.slice(0, 4)) }));
      }
      assertEquals(nonces.size > 1, true, "each frame has its own");
    }
  });
}

Deno.test("a client that doesn't mask has four zeros in front of what lies open", () => {
  const payload = encoder.encode("a");
  for (const version of [4, 5, 6] as const) {
    for (const masking of [UNMASKED, ZERO_KEY] as const) {
      const bytes = codec(version, true).encode(OPCODE_TEXT | FIN, payload, 1, masking);
      assertEquals(bytes.toHex(), "00000000" + "840161");
    }
    const server = codec(version, false);
    const { reader, heard } = listen((options) => server.reader(options), { acceptsEither: true });
    reader.parse(codec(version, true).encode(OPCODE_TEXT | FIN, payload, 1, UNMASKED));
    reader.parse(codec(version, true).encode(OPCODE_TEXT | FIN, payload, 1, FRESH_KEY));
    assertEquals(heard, [whole("a"), whole("a")], "a server that takes either");
  }
});

Deno.test("draft 04: four zeros in front are a nonce like any other, unless a server takes either", () => {
  const server = codec(4, false);
  const { reader, heard } = listen((options) => server.reader(options));
  reader.parse(codec(4, true).encode(OPCODE_TEXT | FIN, encoder.encode("aaaa"), 4, ZERO_KEY));
  assertEquals(heard[0]?.[0] ?? "fail", "fail");
});

const CODE = encodeClose(1009, "why");

Deno.test("draft 04, close: the close frame is empty, its answer says what the peer's did", () => {
  for (const isClient of [true, false]) {
    const end = codec(4, isClient);
    assertEquals(end.hasCloseCode, false);
    const nonce = isClient ? "00000000" : "";
    assertEquals(encode(end, OPCODE_CLOSE | FIN, CODE), nonce + "8100");
    const { reader, heard } = listen((options) => end.reader(options), { masked: false });
    reader.parse(draftFrame({ opcode: 1, payload: "bye" }));
    assertEquals(heard, [["control", OPCODE_CLOSE, ""]], "which says nothing to the session");
    assertEquals(encode(end, OPCODE_CLOSE | FIN), nonce + "8103627965");
  }
});

Deno.test("draft 05, close: a close frame says which side it is of, whatever the peer says", () => {
  assertEquals(encode(codec(5, true), OPCODE_CLOSE | FIN, CODE), "00000000" + "810143");
  assertEquals(encode(codec(5, false), OPCODE_CLOSE | FIN, CODE), "810153");
  assertEquals(codec(5, false).hasCloseCode, false);
  for (const payload of ["", "S", "C", "x", "longer"]) {
    const { reader, heard } = listen((options) => codec(5, true).reader(options), {
      masked: false,
    });
    reader.parse(draftFrame({ opcode: 1, payload }));
    assertEquals(heard, [["control", OPCODE_CLOSE, ""]]);
  }
});

Deno.test("draft 06, close and status codes: a code and a reason, 1004 for what is 1009 since", () => {
  const server = codec(6, false);
  assertEquals(server.hasCloseCode, true);
  assertEquals(encode(server, OPCODE_CLOSE | FIN), "8100");
  assertEquals(encode(server, OPCODE_CLOSE | FIN, encodeClose(1001, "a")), "810303e961");
  assertEquals(encode(server, OPCODE_CLOSE | FIN, CODE), "810503ec776879");
  const { reader, heard } = listen((options) => server.reader(options), { masked: false });
  reader.parse(draftFrame({ opcode: 1, payload: Uint8Array.of(0x03, 0xec, 0x61) }));
  reader.parse(draftFrame({ opcode: 1, payload: Uint8Array.of(0x03, 0xe8) }));
  reader.parse(draftFrame({ opcode: 1, payload: Uint8Array.of(0x03) }));
  assertEquals(heard, [
    ["control", OPCODE_CLOSE, "\x03\xf1a"],
    ["control", OPCODE_CLOSE, "\x03\xe8"],
    ["control", OPCODE_CLOSE, "\x03"],
  ]);
});

Deno.test("draft 04 can't do without the connection's key", () => {
  assertThrows(() => draftCodec(4, { isClient: true, sha1 }), TypeError, "key of the connection");
});
