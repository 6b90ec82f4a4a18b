/** A transport over a socket that is played by hand, and the ways in which one can fail. */

import { assertEquals } from "@std/assert";
import type { StreamConn } from "../../../src/api/network.ts";
import { StreamTransport } from "../../../src/transport/stream_transport.ts";
import { Recorder } from "../../support/transport_contract.ts";

/** A socket whose calls a test answers. */
class FakeConn implements StreamConn {
  readonly localAddr = { transport: "unix", path: "/x" };
  readonly remoteAddr = { transport: "tcp", hostname: "10.0.0.1", port: 9 };
  readonly calls: string[] = [];
  reading = Promise.withResolvers<number | null>();
  writing = Promise.withResolvers<number>();
  ending = Promise.withResolvers<void>();

  /** Where the read under way, or the last one, puts its bytes. */
  buffer: Uint8Array = new Uint8Array();

  read(buffer: Uint8Array): Promise<number | null> {
    this.buffer = buffer;
    this.reading = Promise.withResolvers();
    return this.reading.promise;
  }
  write(bytes: Uint8Array): Promise<number> {
    this.calls.push(`write ${bytes.length}`);
    this.writing = Promise.withResolvers();
    return this.writing.promise;
  }
  closeWrite(): Promise<void> {
    this.calls.push("closeWrite");
    return this.ending.promise;
  }
  close(): void {
    this.calls.push("close");
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

Deno.test("a write that leaves in parts is written on until all has left, then drained", async () => {
  const conn = new FakeConn();
  const near = new Recorder(new StreamTransport(conn));
  near.transport.write(new Uint8Array(10));
  near.transport.end();
  for (const [count, progress] of [[3, 1], [0, 1], [6, 2]] as const) {
    conn.writing.resolve(count);
    await turn();
    await turn();
    assertEquals([near.count("drain"), near.progress], [0, progress]);
  }
  conn.writing.resolve(1);
  await turn();
  assertEquals([near.count("drain"), near.progress], [1, 2], "the last part is told by the drain");
  assertEquals(conn.calls, ["write 10", "write 7", "write 7", "write 1", "closeWrite"]);
  conn.ending.resolve();
  near.transport.close();
  await near.until(() => near.count("close") === 1);
});

const FAULTS: Record<string, (conn: FakeConn, near: Recorder, error: Error) => void> = {
  "a read": (conn, _near, error) => conn.reading.reject(error),
  "a write": (conn, near, error) => {
    near.transport.write(new Uint8Array(1));
    conn.writing.reject(error);
  },
  "the end of sending": (conn, near, error) => {
    near.transport.end();
    conn.ending.reject(error);
  },
};

for (const [name, fail] of Object.entries(FAULTS)) {
  Deno.test(`${name} that fails closes the socket and comes to onClose, once`, async () => {
    const conn = new FakeConn();
    const near = new Recorder(new StreamTransport(conn));
    const error = new Error("on purpose");
    fail(conn, near, error);
    await near.until(() => near.count("close") === 1);
    assertEquals(near.closeError, error);
    assertEquals(conn.calls.filter((call) => call === "close").length, 1);
    near.transport.close();
    await turn();
    assertEquals(near.count("close"), 1);
  });
}

Deno.test("whatever fails after close is nobody's problem", async () => {
  const conn = new FakeConn();
  const near = new Recorder(new StreamTransport(conn));
  near.transport.end();
  near.transport.write(new Uint8Array(1));
  near.transport.close();
  for (const { reject } of [conn.reading, conn.writing, conn.ending]) {
    reject(new Error("on purpose"));
  }
  near.transport.write(new Uint8Array(1));
  near.transport.end();
  near.transport.resume();
  await turn();
  assertEquals(near.events, ["close"]);
  assertEquals(near.closeError, undefined);
  assertEquals(conn.calls, ["closeWrite", "write 1", "close"]);
});

Deno.test("Nagle's algorithm is turned off, and a socket that refuses that is still served", () => {
  const asked: unknown[] = [];
  new StreamTransport(
    Object.assign(new FakeConn(), { setNoDelay: (on: unknown) => asked.push(on) }),
  );
  assertEquals(asked, [true]);
  const transport = new StreamTransport(Object.assign(new FakeConn(), {
    setNoDelay() {
      throw new Error("reset already");
    },
  }));
  assertEquals(transport.remoteAddress, { hostname: "10.0.0.1", port: 9 });
  assertEquals(transport.localAddress, { hostname: "", port: 0 });
});

/** A socket on which every read fills its buffer, until there have been so many. */
class FullConn extends FakeConn {
  readonly sizes: number[] = [];
  #left = 6;

  override read(buffer: Uint8Array): Promise<number | null> {
    this.sizes.push(buffer.length);
    return this.#left-- > 0 ? Promise.resolve(buffer.length) : super.read(buffer);
  }
}

/** One whose reads have filled its buffer until that has 64 KiB. */
async function grown(): Promise<{ conn: FakeConn; near: Recorder }> {
  const conn = new FakeConn();
  const near = new Recorder(new StreamTransport(conn));
  while (conn.buffer.buffer.byteLength < 65_536) {
    conn.reading.resolve(conn.buffer.length);
    await turn();
  }
  return { conn, near };
}

const isFreed = ({ buffer }: FakeConn): boolean => (buffer.buffer as ArrayBuffer).detached;

Deno.test("its read buffer is freed with the connection, where a read is under way once that has come", async () => {
  const { conn, near } = await grown();
  near.transport.close();
  await turn();
  assertEquals(
    [near.count("close"), isFreed(conn)],
    [1, false],
    "the read may still put bytes there",
  );
  conn.reading.resolve(null);
  await turn();
  assertEquals(isFreed(conn), true);
});

Deno.test("a read that fails may have left work behind that writes, and keeps its buffer", async () => {
  for (const how of ["after close", "before"]) {
    const { conn, near } = await grown();
    if (how === "after close") near.transport.close();
    await turn();
    conn.reading.reject(new Error("no bytes in time"));
    await turn();
    assertEquals([near.count("close"), isFreed(conn)], [1, false], how);
  }
});

Deno.test("a read buffer is freed behind the bytes that it offers, not under the handler that closes", async () => {
  const { conn, near } = await grown();
  let seen: number | undefined;
  near.take = (bytes) => {
    near.transport.close();
    seen = bytes.length;
    return bytes.length;
  };
  conn.reading.resolve(10);
  await turn();
  assertEquals([seen, isFreed(conn), near.count("close")], [10, true, 1]);
});

Deno.test("a transport that lets go of its connection frees its read buffer", async () => {
  class Lent extends StreamTransport {
    override letGo(): boolean {
      return super.letGo();
    }
  }
  const conn = new FakeConn();
  const transport = new Lent(conn);
  transport.start({ onBytes: ({ length }) => length, onDrain() {}, onEnd() {}, onClose() {} });
  while (conn.buffer.buffer.byteLength < 65_536) {
    conn.reading.resolve(conn.buffer.length);
    await turn();
  }
  transport.pause();
  conn.reading.resolve(0);
  await turn();
  assertEquals([transport.letGo(), isFreed(conn)], [true, true]);
});

Deno.test("a transport that is closed gives back what its read buffer was lent", async () => {
  // Five times what all buffers together may have.
  for (let i = 0; i < 320; i++) {
    const conn = new FullConn();
    const near = new Recorder(new StreamTransport(conn));
    await turn();
    assertEquals(conn.sizes.at(-1), 65_536, `transport ${i}`);
    near.transport.close();
    await near.until(() => near.count("close") === 1);
  }
});

/** What a socket of the program's own may do that none of the runtime's does. */
const ODD: Record<string, (conn: FakeConn) => void> = {
  "a write of less than nothing": (conn) => conn.write = () => Promise.resolve(-1),
  "a write of no number": (conn) => conn.write = () => Promise.resolve(NaN),
  "a write of half a byte": (conn) => conn.write = () => Promise.resolve(0.5),
  "a write that throws": (conn) => conn.write = fail,
  "a write without a promise": (conn) => conn.write = () => undefined as never,
  "a read of less than nothing": (conn) => conn.read = () => Promise.resolve(-1),
  "a read of no number": (conn) => conn.read = () => Promise.resolve(NaN),
  "a read of more than there is room for": (conn) =>
    conn.read = (b) => Promise.resolve(b.length + 1),
  "a read that throws": (conn) => conn.read = fail,
  "a read without a promise": (conn) => conn.read = () => undefined as never,
};

const CLOSES: Record<string, () => unknown> = {
  "returns": () => {},
  "throws": fail,
  "rejects": () => Promise.reject(new Error("on purpose")),
};

function fail(): never {
  throw new Error("on purpose");
}

for (const [what, make] of Object.entries(ODD)) {
  for (const [how, close] of Object.entries(CLOSES)) {
    Deno.test(`${what} breaks the connection once, where close ${how}`, async () => {
      const conn = new FakeConn();
      make(conn);
      conn.close = close;
      const handler = new Recorder(new StreamTransport(conn));
      handler.transport.write(new Uint8Array(3));
      await handler.until(() => handler.count("close") === 1);
      await turn();
      assertEquals(handler.events, ["close"]);
      assertEquals(handler.closeError instanceof Error, true);
    });
  }
}

Deno.test("an end that throws, and a reset that does, break the connection once", async () => {
  const conn = new FakeConn();
  conn.closeWrite = fail;
  const handler = new Recorder(new StreamTransport(conn));
  handler.transport.end();
  await handler.until(() => handler.count("close") === 1);
  const other = Object.assign(new FakeConn(), { reset: fail });
  const another = new Recorder(new StreamTransport(other));
  another.transport.abort!();
  await another.until(() => another.count("close") === 1);
  assertEquals([...handler.events, ...another.events], ["close", "close"]);
});

Deno.test("a connection that doesn't know its ends has empty addresses", () => {
  const conn = Object.assign(new FakeConn(), { localAddr: undefined, remoteAddr: null });
  const { localAddress, remoteAddress } = new StreamTransport(conn as never);
  assertEquals([localAddress, remoteAddress], [{ hostname: "", port: 0 }, {
    hostname: "",
    port: 0,
  }]);
});

Deno.test("writes of nothing, again and again, leave timers and others their turns, and end with the connection", async () => {
  const conn = new FakeConn();
  let writes = 0;
  conn.write = () => Promise.resolve(0 * writes++);
  const handler = new Recorder(new StreamTransport(conn));
  handler.transport.write(new Uint8Array(3));
  await new Promise((resolve) => setTimeout(resolve, 0));
  handler.transport.close();
  await handler.until(() => handler.count("close") === 1);
  const before = writes;
  await turn();
  await turn();
  assertEquals([writes, handler.events], [before, ["close"]]);
});

Deno.test("a handler that throws, whatever it was told, breaks its connection once, and no more", async () => {
  const thrown = new RangeError("Array buffer allocation failed");
  const throwing = () => {
    throw thrown;
  };
  for (const told of ["bytes", "resumed", "drain", "end", "resumed end"]) {
    const conn = new FakeConn();
    const near = new Recorder(new StreamTransport(conn));
    const { transport } = near;
    if (told.startsWith("resumed")) transport.pause();
    if (told.endsWith("end")) near.whenEnded = throwing;
    else near.take = near.whenDrained = throwing;
    if (told === "drain") {
      transport.write(new Uint8Array(1));
      conn.writing.resolve(1);
    } else conn.reading.resolve(told.endsWith("end") ? null : 1);
    await turn();
    if (told.startsWith("resumed")) transport.resume();
    await near.until(() => near.count("close") === 1);
    assertEquals([near.closeError, conn.calls.at(-1)], [thrown, "close"], told);
  }
});
