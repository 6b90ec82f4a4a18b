/** What a program may hand to a call that wants bytes, and what it may not. */

import { allocPadded } from "../../mod.ts";
import { PreparedMessage } from "../../src/connection/prepared_message.ts";

/** Bytes of every type, each with what it is. */
export function goodBytes(): [name: string, data: ArrayBufferView | ArrayBufferLike][] {
  const counting = Uint8Array.from({ length: 64 }, (_, index) => index + 1);
  const shared = new SharedArrayBuffer(16);
  new Uint8Array(shared).fill(9);
  const resizable = new ArrayBuffer(8, { maxByteLength: 32 });
  const tracking = new Uint8Array(resizable);
  resizable.resize(24);
  tracking.fill(8);
  class Boastful extends Uint8Array {
    override get length(): number {
      return 3_000;
    }
    override get byteLength(): number {
      return 3_000;
    }
  }
  const lying = new Uint8Array([1, 2, 3]);
  Object.defineProperty(lying, "length", { value: 3_000 });
  const padded = allocPadded(3);
  padded.set([4, 5, 6]);
  Object.defineProperty(padded, "length", { value: 3_000 });
  Object.defineProperty(padded, "byteLength", { value: 3_000 });
  return [
    ["Uint8Array", counting],
    ["part of a buffer", counting.subarray(5, 9)],
    ["Uint8ClampedArray", new Uint8ClampedArray([1, 2, 3])],
    ["Uint16Array", new Uint16Array([0x0102, 0xffff])],
    ["BigUint64Array", new BigUint64Array(300).fill(5n)],
    ["Float64Array within", new Float64Array(counting.buffer, 8, 3)],
    ["DataView", new DataView(counting.buffer, 3, 5)],
    ["ArrayBuffer", counting.slice().buffer],
    ["SharedArrayBuffer", shared],
    ["view of a SharedArrayBuffer", new Uint16Array(shared, 4, 2)],
    ["view that grew", tracking],
    ["resizable buffer", resizable],
    ["subclass", new Boastful([7, 8, 9])],
    ["view with another length", lying],
    ["padded view with another length", padded],
    ["view whose getters throw", withThrowingGetters(new Uint8Array([4, 3, 2]))],
    ["padded view whose getters throw", withThrowingGetters(allocPadded(2))],
    ["empty Uint8Array", new Uint8Array(0)],
    ["empty Float64Array", new Float64Array(0)],
    ["empty DataView", new DataView(new ArrayBuffer(4), 4)],
    ["empty buffer", new ArrayBuffer(0)],
  ];
}

function withThrowingGetters(view: Uint8Array): Uint8Array {
  const get = () => {
    throw new Error("nobody asks");
  };
  for (const name of ["length", "byteLength", "byteOffset", "buffer"]) {
    Object.defineProperty(view, name, { get });
  }
  return view;
}

/** The bytes of a buffer or a view that tells the truth about itself, or has a prototype that does. */
export function trueBytes(data: ArrayBufferView | ArrayBufferLike): Uint8Array {
  if (!ArrayBuffer.isView(data)) return new Uint8Array(data).slice();
  if (data instanceof Uint8Array) return Uint8Array.from(data.values());
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

/** What has no bytes, or has lost them. */
export function badBytes(): [name: string, data: unknown][] {
  const detached = new Uint8Array(10);
  const detachedView = new DataView(detached.buffer);
  const gone = detached.buffer;
  gone.transfer();
  const shrunk = new ArrayBuffer(16, { maxByteLength: 32 });
  const fixed = new Uint8Array(shrunk, 8, 8);
  const tracking = new Uint16Array(shrunk, 8);
  const view = new DataView(shrunk, 8);
  shrunk.resize(4);
  const boast = JSON.parse('{"reply":{"length":3000,"0":{"toString":0,"valueOf":0}}}').reply;
  const tagged = { length: 3_000, byteLength: 3_000, [Symbol.toStringTag]: "Uint8Array" };
  return [
    ["nothing", undefined],
    ["null", null],
    ["a number", 3_000],
    ["a bigint", 3_000n],
    ["true", true],
    ["a symbol", Symbol("data")],
    ["a function", () => 3_000],
    ["an object", {}],
    ["an object with a length", boast],
    ["an object that says it is a view", tagged],
    ["an array", [1, 2, 3]],
    ["a String", new String("text")],
    ["a promise", Promise.resolve("text")],
    ["a Blob", new Blob(["text"])],
    ["what has a view's prototype", Object.create(Uint8Array.prototype)],
    ["what has a buffer's prototype", Object.create(ArrayBuffer.prototype)],
    ["what has a prepared message's prototype", Object.create(PreparedMessage.prototype)],
    ["a proxy of a view", new Proxy(new Uint8Array(3), {})],
    ["a proxy of a buffer", new Proxy(new ArrayBuffer(3), {})],
    ["a detached view", detached],
    ["a detached DataView", detachedView],
    ["a detached buffer", gone],
    ["a view out of bounds", fixed],
    ["a length-tracking view out of bounds", tracking],
    ["a DataView out of bounds", view],
  ];
}
