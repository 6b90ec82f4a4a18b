/** The queue of what is sent, over a connection that the test plays. */

import { assertEquals } from "@std/assert";
import type { Wsi } from "../../../mod.ts";
import { bytesAt, Outgoing } from "../../../src/websocket_client/outgoing.ts";

/** A connection that takes what it is given while it has room. */
function playWsi() {
  const took: string[] = [];
  const state = { partialBuffered: false, unsentBytes: 0, isClosing: false, asked: 0 };
  const wsi = {
    get partialBuffered() {
      return state.partialBuffered;
    },
    get unsentBytes() {
      return state.unsentBytes;
    },
    write(data: string | Uint8Array, kind: string) {
      if (state.isClosing) return -1;
      const text = typeof data === "string" ? data : new TextDecoder().decode(data);
      took.push(`${kind} ${text}`);
      const { length } = new TextEncoder().encode(text);
      state.unsentBytes += length;
      return length;
    },
    close: (code?: number, reason?: string) => void took.push(`close ${code} ${reason}`),
    callbackOnWritable: () => void state.asked++,
  } as unknown as Wsi;
  const sent: number[] = [];
  const errors: unknown[] = [];
  const owner = {
    onSent: (bytes: number) => void sent.push(bytes),
    onUnreadable: (error: unknown) => void errors.push(error),
  };
  return { outgoing: new Outgoing(wsi, owner), took, state, sent, errors };
}

Deno.test("what there is room for is handed over at once, and asks for one callback", () => {
  const { outgoing, took, state } = playWsi();
  assertEquals([outgoing.sendText("ü"), outgoing.sendBytes(new Uint8Array([97]))], [2, 1]);
  assertEquals([took, state.asked], [["text ü", "binary a"], 1]);
});

Deno.test("what has left is reported once nothing is unsent, and not before", () => {
  const { outgoing, state, sent } = playWsi();
  outgoing.sendText("abc");
  outgoing.settle();
  assertEquals(sent, []);
  state.unsentBytes = 0;
  outgoing.settle();
  outgoing.settle();
  assertEquals(sent, [3]);
  outgoing.sendText("de");
  state.unsentBytes = 0;
  outgoing.onWritable();
  assertEquals(sent, [3, 2]);
});

Deno.test("without room it waits here, in order, and goes on when there is", () => {
  const { outgoing, took, state } = playWsi();
  state.partialBuffered = true;
  const bytes = new Uint8Array([97]);
  assertEquals([outgoing.sendText("ü"), outgoing.sendBytes(bytes)], [2, 1]);
  bytes[0] = 98;
  outgoing.close(3000, "x");
  assertEquals(took, []);
  state.partialBuffered = false;
  outgoing.onWritable();
  assertEquals(took, ["text ü", "binary a", "close 3000 x"]);
  assertEquals(outgoing.isShut, true);
});

Deno.test("a connection that takes nothing any more ends the queue, and sizes count on", () => {
  const { outgoing, took, state } = playWsi();
  state.isClosing = true;
  assertEquals([outgoing.sendText("üx"), outgoing.isShut], [3, true]);
  assertEquals([outgoing.sendBytes(new Uint8Array(4)), took], [4, []]);
});

Deno.test("Blobs are read at once and sent in order, however their bytes come", async () => {
  const { outgoing, took } = playWsi();
  const [first, second] = [new Blob(["1"]), new Blob(["22"])];
  const bytes = Promise.withResolvers<ArrayBuffer>();
  first.arrayBuffer = () => bytes.promise;
  assertEquals([outgoing.sendBlob(first), outgoing.sendBlob(second)], [1, 2]);
  await second.arrayBuffer();
  assertEquals(took, []);
  bytes.resolve(new TextEncoder().encode("1").buffer);
  while (took.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(took, ["binary 1", "binary 22"]);
});

Deno.test("a Blob that can't be read is told once, and not when the connection is gone", async () => {
  for (const isGone of [false, true]) {
    const { outgoing, errors } = playWsi();
    const blob = new Blob(["x"]);
    blob.arrayBuffer = () => Promise.reject("unreadable");
    outgoing.sendBlob(blob);
    if (isGone) outgoing.stop();
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(errors, isGone ? [] : ["unreadable"]);
  }
});

Deno.test("bytesAt shows what a view shows, without a copy", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const shown = bytesAt(new DataView(bytes.buffer, 1, 2));
  assertEquals([...shown], [2, 3]);
  bytes[1] = 9;
  assertEquals([...shown], [9, 3]);
  assertEquals(bytesAt(new ArrayBuffer(0)).length, 0);
});
