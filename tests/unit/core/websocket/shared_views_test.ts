import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { pieceOf, sharedViewOf } from "../../../../src/core/websocket/shared_views.ts";

const SHARED = 288 * 1024;

function bufferOf(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => i % 251);
}

Deno.test("the view of a buffer is made once, but for one that is too large to keep", () => {
  const { buffer } = bufferOf(SHARED);
  const view = sharedViewOf(buffer);
  assertStrictEquals(sharedViewOf(buffer), view);
  const large = new ArrayBuffer(SHARED + 1);
  assertNotStrictEquals(sharedViewOf(large), sharedViewOf(large));
  assertStrictEquals(sharedViewOf(buffer), view);
});

Deno.test("a message as long as the one before, at its place, is the same view; any other is not", () => {
  const bytes = bufferOf(8192);
  const view = sharedViewOf(bytes.buffer);
  const first = pieceOf(bytes, view, 6, 125);
  assertEquals(first, bytes.slice(6, 131));
  bytes[6] = 99;
  assertStrictEquals(pieceOf(bytes, view, 6, 125), first);
  assertEquals(first[0], 99);
  for (const [at, length] of [[6, 124], [7, 124], [6, 125], [200, 125]] as const) {
    assertEquals(
      pieceOf(bytes, view, at, length),
      bytes.slice(at, at + length),
      `${at}, ${length}`,
    );
  }
});

Deno.test("a message in another buffer, or in a part of one, is of its own bytes", () => {
  const bytes = bufferOf(8192);
  pieceOf(bytes, sharedViewOf(bytes.buffer), 6, 10);
  const other = bufferOf(8192).fill(7);
  assertEquals(pieceOf(other, sharedViewOf(other.buffer), 6, 10), new Uint8Array(10).fill(7));
  const part = bytes.subarray(100);
  const partView = new DataView(part.buffer, part.byteOffset, part.length);
  assertEquals(pieceOf(part, partView, 6, 10), bytes.slice(106, 116));
});

Deno.test("a program that gives the memory of a message away has the next one in the next buffer", () => {
  const bytes = bufferOf(8192);
  const piece = pieceOf(bytes, sharedViewOf(bytes.buffer), 6, 10);
  structuredClone(piece, { transfer: [piece.buffer as ArrayBuffer] });
  const next = bufferOf(8192);
  assertEquals(pieceOf(next, sharedViewOf(next.buffer), 6, 10), next.slice(6, 16));
});
