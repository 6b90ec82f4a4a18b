/** The codec of broadcast sockets. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  isSameToken,
  isTokenText,
  LENGTH_BYTES,
  MessageReader,
  newToken,
  writeLength,
} from "../../../src/remote/broadcast_format.ts";
import { concat } from "../../support/frames.ts";

const encoder = new TextEncoder();

function message(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES + content.length);
  writeLength(bytes, 0, content.length);
  bytes.set(content, LENGTH_BYTES);
  return bytes;
}

function reader(longest = 1000, wants: () => boolean = () => true) {
  const messages: Uint8Array[] = [];
  const tooLong: number[] = [];
  const it = new MessageReader(longest, {
    onMessage(bytes) {
      messages.push(bytes.slice());
      return wants();
    },
    onTooLong: (length) => void tooLong.push(length),
  });
  return { it, messages, tooLong };
}

const SAMPLES = [0, 1, 3, 0, 0, 255, 256, 999].map((length, i) =>
  new Uint8Array(length).map((_, j) => i * 7 + j)
);

Deno.test("a length is four bytes, the most significant first", () => {
  assertEquals(message(new Uint8Array(0x0102)).subarray(0, 4), new Uint8Array([0, 0, 1, 2]));
});

Deno.test("messages keep their boundaries in reads of any size", () => {
  const stream = concat(...SAMPLES.map(message));
  for (let size = 1; size <= stream.length; size++) {
    const { it, messages } = reader();
    for (let i = 0; i < stream.length; i += size) {
      const piece = stream.slice(i, i + size);
      assertEquals(it.read(piece), piece.length);
      // Views are valid during the call only.
      piece.fill(0xdd);
    }
    assertEquals(messages, SAMPLES);
  }
});

Deno.test("a handler that wants no more stops the reader behind its message", () => {
  const { it, messages } = reader(1000, () => false);
  let stream = concat(...SAMPLES.map(message));
  for (let count = 1; count <= SAMPLES.length; count++) {
    const taken = it.read(stream);
    assertEquals(taken, LENGTH_BYTES + SAMPLES[count - 1]!.length);
    assertEquals(messages.length, count);
    stream = stream.subarray(taken);
  }
  assertEquals(messages, SAMPLES);
});

Deno.test("a message may be as long as the limit and no longer, whatever follows it", () => {
  const atLimit = reader(10);
  atLimit.it.read(message(new Uint8Array(10)));
  assertEquals([atLimit.messages.length, atLimit.tooLong], [1, []]);
  const pastIt = reader(10);
  const bytes = concat(message(new Uint8Array(11)), message(new Uint8Array(1)));
  assertEquals(pastIt.it.read(bytes), bytes.length);
  assertEquals(pastIt.it.read(message(new Uint8Array(1))), 5);
  assertEquals([pastIt.messages.length, pastIt.tooLong], [0, [11]]);
});

Deno.test("a message of several reads grows with what has come", () => {
  const long = new Uint8Array(300_000).map((_, i) => i * 13);
  const { it, messages } = reader(Infinity);
  const stream = message(long);
  for (let i = 0; i < stream.length; i += 70_000) it.read(stream.subarray(i, i + 70_000));
  assertEquals(messages, [long]);
});

Deno.test("tokens are 64 hexadecimal digits, and each is another", () => {
  const token = newToken();
  assert(isTokenText(token));
  assertNotEquals(token, newToken());
  for (const wrong of ["", token.slice(1), `${token}0`, token.slice(1) + "g", `${token}\n`]) {
    assertEquals(isTokenText(wrong), false, wrong);
  }
});

Deno.test("only the very same bytes are the token", () => {
  const token = newToken();
  const bytes = encoder.encode(token);
  assert(isSameToken(bytes, token));
  assertEquals(isSameToken(bytes.subarray(1), token), false);
  assertEquals(isSameToken(concat(bytes, bytes.subarray(0, 1)), token), false);
  for (const i of [0, 31, 63]) {
    const other = bytes.slice();
    other[i]! ^= 1;
    assertEquals(isSameToken(other, token), false);
  }
});
