import { assert, assertEquals, assertRejects } from "@std/assert";
import { discard, isResponse, sendable } from "../../../src/web/fetch_response.ts";
import { captureLog } from "../../support/recorder.ts";

const GET = { method: "GET", path: "/" };
const HEAD = { method: "HEAD", path: "/" };
const bytes = (text: string) => new TextEncoder().encode(text);

/** All pieces of a body that is sent as it comes. */
async function piecesOf(body: unknown): Promise<string[]> {
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const pieces: string[] = [];
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    pieces.push(new TextDecoder().decode(result.value));
  }
  return pieces;
}

Deno.test("a body that is there all at once is bytes with a length, up to 64 KiB", async () => {
  const limit = 64 * 1024;
  for (const [body, length] of [["café", 5], ["", 0], [new Uint8Array(limit), limit]] as const) {
    const sent = await sendable(new Response(body), GET);
    assert(sent.body instanceof Uint8Array);
    assertEquals(sent.body.length, length);
    assertEquals(sent.fields.at(-1), ["content-length", `${length}`]);
  }
  const long = await sendable(new Response(new Uint8Array(limit + 1)), GET);
  assertEquals(long.fields, [["content-length", `${limit + 1}`]]);
  assertEquals((await piecesOf(long.body)).join("").length, limit + 1);
});

Deno.test("what is no Uint8Array in a stream is measured in bytes, wherever respond would take it", async () => {
  const buffer = new Uint8Array([65, 66, 67, 68]).buffer;
  for (const piece of ["\u00e9\u00e9", buffer, new Uint16Array(buffer), new DataView(buffer)]) {
    const sent = await sendable(new Response(ReadableStream.from([piece as never])), GET);
    assert(sent.body instanceof Uint8Array);
    assertEquals(sent.body.length, 4);
    assertEquals(sent.fields, [["content-length", "4"]]);
  }
});

Deno.test("a first piece that is no bytes at all throws, and the stream is cancelled", async () => {
  for (const isAlone of [true, false]) {
    let isCancelled = false;
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(42);
        if (isAlone) controller.close();
      },
      cancel: () => void (isCancelled = true),
    });
    await assertRejects(() => sendable(new Response(stream), GET), Error, "is 42; allowed");
    assertEquals(isCancelled, !isAlone);
  }
});

Deno.test("a body that comes in pieces or late has no length, and loses nothing", async () => {
  const late = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      controller.enqueue(bytes("late"));
      controller.close();
    },
  });
  const halfLate = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes("first")),
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      controller.enqueue(bytes("second"));
      controller.close();
    },
  });
  const several = ReadableStream.from([bytes("a"), bytes("b"), bytes("c")]);
  for (
    const [stream, pieces] of [
      [late, ["late"]],
      [halfLate, ["first", "second"]],
      [several, ["a", "b", "c"]],
    ] as const
  ) {
    const { fields, body } = await sendable(new Response(stream), GET);
    assertEquals(fields, []);
    assertEquals(await piecesOf(body), [...pieces]);
  }
});

Deno.test("a stream that never gives anything is not waited for", async () => {
  const { body } = await sendable(new Response(new ReadableStream()), GET);
  let reason: unknown;
  await (body as ReadableStream).getReader().cancel("gone");
  const stream = new ReadableStream({ cancel: (given) => void (reason = given) });
  const sent = await sendable(new Response(stream), GET);
  await (sent.body as ReadableStream).getReader().cancel("gone");
  assertEquals(reason, "gone");
});

Deno.test("a stream that breaks at once throws, one that breaks later is begun", async () => {
  const broken = new ReadableStream({ start: (each) => each.error(new RangeError("broken")) });
  await assertRejects(() => sendable(new Response(broken), GET), RangeError, "broken");
  let pulls = 0;
  const later = new ReadableStream({
    pull: (each) => pulls++ === 0 ? each.enqueue(bytes("a")) : each.error(new RangeError("later")),
  });
  const { body } = await sendable(new Response(later), GET);
  await assertRejects(() => piecesOf(body), RangeError, "later");
});

Deno.test("statuses without a body say no length, but for a 304 that has one", async () => {
  for (const status of [204, 205, 304]) {
    const headers = { "content-length": "3", "x-a": "1" };
    const { fields } = await sendable(new Response(null, { status, headers }), GET);
    const said = [...fields].toSorted();
    assertEquals(said, status === 304 ? [["content-length", "3"], ["x-a", "1"]] : [["x-a", "1"]]);
  }
});

Deno.test("a wrong length is put right and logged, but for HEAD, whose body may be left out", async () => {
  using log = captureLog();
  const make = (body: string | null) => new Response(body, { headers: { "content-length": "9" } });
  const lengths: string[] = [];
  for (const asked of [GET, HEAD]) {
    for (const body of ["abc", null]) {
      const { fields } = await sendable(make(body), asked);
      lengths.push(fields.find(([name]) => name === "content-length")![1]);
    }
  }
  assertEquals(lengths, ["3", "0", "9", "9"]);
  assertEquals(log.lines.length, 2);
  assertEquals((await sendable(new Response(), HEAD)).fields, []);
});

Deno.test("a response is one by what it is, and of a class that inherits from it", () => {
  class Own extends Response {}
  assertEquals([new Response(), new Own(), Response.error()].map(isResponse), [true, true, true]);
  assertEquals(
    [undefined, null, "x", {}, new Request("http://a/")].map(isResponse).includes(true),
    false,
  );
});

Deno.test("what is discarded is cancelled, unless it is being read, or is no response", async () => {
  let reason: unknown;
  const make = () => new Response(new ReadableStream({ cancel: (given) => void (reason = given) }));
  discard(make(), "late");
  assertEquals(reason, "late");
  const locked = make();
  const reader = locked.body!.getReader();
  discard(locked, "again");
  assertEquals(reason, "late");
  await reader.cancel("own");
  const failing = new ReadableStream({ cancel: () => Promise.reject(new Error("odd")) });
  discard(new Response(failing), "late");
  for (const each of [undefined, "x", new Response()]) discard(each, "late");
  await new Promise((resolve) => setImmediate(resolve));
});
