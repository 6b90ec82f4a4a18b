import { assertEquals, assertRejects } from "@std/assert";
import { IncomingBody } from "../../../src/web/incoming_body.ts";

const piece = (...bytes: number[]) => new Uint8Array(bytes);

function body() {
  const wanted = { times: 0 };
  const incoming = new IncomingBody({ want: () => void wanted.times++ });
  return { incoming, wanted, stream: incoming.stream };
}

Deno.test("nothing is wanted until the body is read, and then once a piece", async () => {
  const { incoming, wanted, stream } = body();
  const reader = stream.getReader();
  await Promise.resolve();
  assertEquals(wanted.times, 0);
  const read = reader.read();
  assertEquals(wanted.times, 1);
  incoming.take(piece(1, 2));
  assertEquals(await read, { done: false, value: piece(1, 2) });
  assertEquals(wanted.times, 1);
  const last = reader.read();
  incoming.end();
  assertEquals((await last).done, true);
  assertEquals(wanted.times, 2);
});

Deno.test("a reader with a buffer of its own gets the bytes there, and the end", async () => {
  const { incoming, stream } = body();
  const reader = stream.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(2));
  incoming.take(piece(1, 2, 3));
  assertEquals((await read).value, piece(1, 2));
  assertEquals((await reader.read(new Uint8Array(2))).value, piece(3));
  const last = reader.read(new Uint8Array(2));
  incoming.end();
  assertEquals((await last).done, true);
});

Deno.test("an end in the middle of an element breaks the stream, and nothing else", async () => {
  const { incoming, stream } = body();
  const reader = stream.getReader({ mode: "byob" });
  const read = reader.read(new Uint16Array(2));
  incoming.take(piece(1));
  incoming.end();
  await assertRejects(() => read, TypeError);
});

Deno.test("a failure is the reader's, and what comes behind it is nothing", async () => {
  const { incoming, stream } = body();
  incoming.fail(new RangeError("gone"));
  incoming.fail(new Error("again"));
  incoming.take(piece(1));
  incoming.end();
  await assertRejects(() => stream.getReader().read(), RangeError, "gone");
});

Deno.test("what comes of a body that was cancelled is nothing", async () => {
  const { incoming, stream } = body();
  const reader = stream.getReader();
  const read = reader.read();
  await reader.cancel();
  incoming.take(piece(1));
  incoming.end();
  incoming.fail(new Error("gone"));
  assertEquals((await read).done, true);
});

Deno.test("what is gathered is held until the end, and what is streamed is not", () => {
  const { incoming } = body();
  incoming.take(piece(1, 2));
  assertEquals(incoming.held, 0);
  incoming.gather();
  incoming.take(piece(3));
  incoming.take(piece(4, 5));
  assertEquals(incoming.held, 3);
  incoming.end();
  assertEquals(incoming.held, 0);
});
