/** What inflates messages at once. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createDeflateRaw, createInflateRaw, deflateRawSync } from "node:zlib";
import { InflatedTooLong, InflateError } from "../../../src/extensions/zlib_codec.ts";
import { nativeZlibCodec, zlibCodec, type ZlibStreams } from "../../../src/extensions/zlib.ts";
import {
  assertSame,
  concat,
  inflateAll,
  MIB,
  native,
  randomBytes,
  TAIL,
  text,
  whole,
} from "./zlib.ts";

Deno.test("whole messages: up to the limit all comes, and past it nothing is inflated", () => {
  for (const length of [1, 999, 1000]) {
    assertEquals(inflateAll(whole(), deflateRawSync(new Uint8Array(length))).length, length);
  }
  const bomb = deflateRawSync(new Uint8Array(64 * MIB));
  const before = Deno.memoryUsage().rss;
  for (const message of [deflateRawSync(new Uint8Array(1002)), bomb]) {
    const one = whole();
    assertThrows(() => inflateAll(one, message), InflatedTooLong);
    one.reset();
    assertSame(inflateAll(one, deflateRawSync(text("Hello"))), text("Hello"));
  }
  assert(Deno.memoryUsage().rss - before < 32 * MIB);
});

Deno.test("whole messages: the limit is that of all streams of a message", () => {
  const part = Uint8Array.from(deflateRawSync(new Uint8Array(400)));
  assertEquals(inflateAll(whole(), concat(part, part)).length, 800);
  assertThrows(() => inflateAll(whole(), concat(part, part, part)), InflatedTooLong);
});

Deno.test("whole messages: no more input is kept than a message of that length needs", () => {
  const one = whole();
  // Stored blocks of nothing, which never get more by inflating.
  const nothing = new Uint8Array(5_000);
  for (let at = 0; at < nothing.length; at += 5) nothing.set([0, 0, 0, 0xff, 0xff], at);
  assertThrows(() => {
    for (let pushed = 0; pushed < MIB; pushed += nothing.length) one.push(nothing);
  }, InflatedTooLong);
  assert(one.rest.length <= 1125 + 64 * 1024);
  one.reset();
  assertEquals(one.rest.length, 0);
  assertEquals(inflateAll(whole(), concat(nothing, TAIL)).length, 0);
});

Deno.test("whole messages: a message has 64 streams at most, as each costs a call", () => {
  const one = Uint8Array.of(0x4b, 0x04, 0x00);
  const streams = (count: number) => concat(...Array.from({ length: count }, () => one));
  assertEquals(inflateAll(whole(), streams(64)).length, 64);
  assertThrows(() => inflateAll(whole(), streams(65)), InflateError, "too many streams");
});

Deno.test("whole messages: what is not pulled yet stays, and nothing may be pushed on it", () => {
  const one = whole();
  one.push(deflateRawSync(text("Hello")));
  one.pushTail();
  assertEquals(one.pull(new Uint8Array(2)), 2);
  assertThrows(() => one.push(TAIL), Error, "not used up");
  assertThrows(() => one.pushTail(), Error, "not used up");
  assertEquals(one.pull(new Uint8Array(10)), 3);
  assertSame(inflateAll(one, deflateRawSync(text("Hello"))), text("Hello"));
});

Deno.test("this runtime has the native codec, and it is the one of choice", () => {
  assert(native !== undefined);
  assert(zlibCodec.hasTakeover);
  const deflater = zlibCodec.deflater({ windowBits: 15, level: 6, memLevel: 8 });
  const inflater = zlibCodec.inflater({ windowBits: 15 });
  assertSame(inflateAll(inflater, deflater.deflate(text("Hello"))), text("Hello"));
  deflater.close();
  inflater.close();
});

interface FakeHandle {
  onerror: unknown;
  writeSync(...args: unknown[]): unknown;
  reset(): void;
  close(): void;
}

/** The runtime's streams, with their handles changed. */
function changedStreams(
  change: (handle: FakeHandle, state: Uint32Array) => FakeHandle | undefined,
): ZlibStreams {
  const changed = (stream: unknown) => {
    const { _handle, _writeState } = stream as { _handle: FakeHandle; _writeState: Uint32Array };
    const handle: FakeHandle = {
      set onerror(value: unknown) {
        _handle.onerror = value;
      },
      writeSync: (...args) => _handle.writeSync(...args),
      reset: () => _handle.reset(),
      close: () => _handle.close(),
    };
    return { _handle: change(handle, _writeState), _writeState };
  };
  return {
    createDeflateRaw: (options) => changed(createDeflateRaw(options)),
    createInflateRaw: (options) => changed(createInflateRaw(options)),
  };
}

Deno.test("handles that are missing or work otherwise are found out", () => {
  assertEquals(
    nativeZlibCodec({ createDeflateRaw: () => ({}), createInflateRaw: () => ({}) }),
    undefined,
  );
  const changes: Record<string, (handle: FakeHandle, state: Uint32Array) => unknown> = {
    "no handle": () => undefined,
    "no synchronous write": (handle) => ({ ...handle, writeSync: undefined }),
    "a write that does nothing": (handle) => Object.assign(handle, { writeSync: () => {} }),
    "a write that throws": (handle) =>
      Object.assign(handle, {
        writeSync: () => {
          throw new TypeError();
        },
      }),
    "a write that leaves no state": (handle, state) => {
      const { writeSync } = handle;
      return Object.assign(handle, {
        writeSync: (...args: unknown[]) => {
          writeSync(...args);
          state.fill(0);
        },
      });
    },
    "errors that nobody is told": (handle) =>
      Object.defineProperty(handle, "onerror", { set: () => {} }),
    "a reset that forgets nothing": (handle) => Object.assign(handle, { reset: () => {} }),
    "a reset that throws": (handle) =>
      Object.assign(handle, {
        reset: () => {
          throw new TypeError();
        },
      }),
  };
  const takesNothing = changedStreams((handle, state) =>
    Object.assign(handle, {
      writeSync: (...args: number[]) => void state.set([args[6]!, args[3]!]),
    })
  );
  assertEquals(nativeZlibCodec({ ...takesNothing, createDeflateRaw }), undefined);
  for (const [name, change] of Object.entries(changes)) {
    // Without any handler of errors the runtime would end.
    const silenced = changedStreams((handle, state) => {
      handle.onerror = () => {};
      return change(handle, state) as FakeHandle | undefined;
    });
    assertEquals(nativeZlibCodec(silenced), undefined, name);
  }
});

Deno.test("output beyond all bounds grows the buffer", () => {
  // Behind the first part each write fills the output once before it gives what it should.
  let fillers = 0;
  const codec = nativeZlibCodec(changedStreams((handle, state) => {
    const { writeSync } = handle;
    return Object.assign(handle, {
      writeSync: (...args: unknown[]) => {
        if (fillers === 0) return writeSync(...args);
        fillers--;
        (args[4] as Uint8Array).fill(7, args[5] as number);
        state.set([0, args[3] as number]);
      },
    });
  }))!;
  const deflater = codec.deflater({ windowBits: 15, level: 6, memLevel: 8 });
  const message = randomBytes(20_000);
  const plain = deflater.deflate(message).slice();
  deflater.reset();
  fillers = 1;
  const grown = deflater.deflate(message);
  assertSame(grown.subarray(-plain.length), plain);
  assert(grown.subarray(0, -plain.length).every((byte) => byte === 7));
  fillers = Infinity;
  assertThrows(() => deflater.deflate(message), Error, "no end");
  deflater.close();
});
