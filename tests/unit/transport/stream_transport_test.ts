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

  read(_buffer: Uint8Array): Promise<number | null> {
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
