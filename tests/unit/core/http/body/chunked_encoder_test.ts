import { assertEquals, assertThrows } from "@std/assert";
import { ChunkedDecoder } from "../../../../../src/core/http/body/chunked_decoder.ts";
import {
  CHUNK_END,
  chunkStart,
  lastChunk,
} from "../../../../../src/core/http/body/chunked_encoder.ts";
import { concat } from "../../../../support/frames.ts";

Deno.test("what is encoded decodes to what it was, chunks of any size and trailers included", () => {
  const payloads = [1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65_536].map((size) =>
    new Uint8Array(size).fill(size % 256)
  );
  const wire = concat(
    ...payloads.flatMap((each) => [chunkStart(each.length), each, CHUNK_END]),
    lastChunk([["x-sum", "1"]]),
  );
  const decoder = new ChunkedDecoder(Infinity);
  const pieces: Uint8Array[] = [];
  assertEquals(decoder.read(wire, (piece) => void pieces.push(piece.slice())), wire.length);
  assertEquals(decoder.done, true);
  assertEquals(pieces, payloads);
});

Deno.test("the last chunk has its trailers, and refuses those that come too late by name", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(text(lastChunk([])), "0\r\n\r\n");
  assertEquals(text(lastChunk([["a", "b"], ["c", ""]])), "0\r\na: b\r\nc: \r\n\r\n");
  for (const name of ["Content-Length", "trailer", "Host", "authorization", "vary"]) {
    assertThrows(() => lastChunk([[name, "x"]]), TypeError, name);
  }
  assertThrows(() => lastChunk([["a", "b\r\n"]]), TypeError, "a");
});
