/** The proxy does what was decided for a connection, and nothing else. */

import { assert, assertEquals } from "@std/assert";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { type Break, decide, type Decisions, type Direction } from "./decisions.ts";
import { Carrier, type Proxy, startProxy } from "./proxy.ts";

/** The name of a connection that is dealt with so. */
function nameOf(isSo: (first: Decisions, second: Decisions) => boolean): string {
  for (let i = 0;; i++) if (isSo(decide(`${i}/0`), decide(`${i}/1`))) return `${i}`;
}

/** Milliseconds that so many bytes are held up. */
function waitOf(direction: Direction, bytes: number): number {
  let waited = 0;
  for (let at = 0; at < bytes;) {
    const step = direction.next();
    at += step.bytes;
    waited += step.waitMs ?? 0;
  }
  return waited;
}

/** Whether a direction ends so behind 1 to 500 bytes, which no stall holds up. */
function breaks({ fromClient }: Decisions, kind: Break["kind"], more: Partial<Break> = {}) {
  const { end } = fromClient;
  return end?.kind === kind && end.at > 0 && end.at <= 500 && waitOf(fromClient, 1_000) < 20 &&
    (more.resets === undefined || end.resets === more.resets);
}

/** What one end of a connection has got. */
interface Got {
  readonly count: number;
  readonly how: "end" | "reset";
}

function got(socket: Socket): Promise<Got> {
  let count = 0;
  return new Promise((resolve) => {
    socket.on("data", (bytes: Uint8Array) => count += bytes.length);
    socket.on("end", () => resolve({ count, how: "end" }));
    socket.on("error", () => resolve({ count, how: "reset" }));
  });
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly atClient: Promise<Got>;
  readonly atServer: Promise<Got>;
}

/** Runs with a proxy, and with what connects through it; all is closed behind it. */
async function through(run: (proxy: Proxy, dial: () => Promise<Pair>) => Promise<void>) {
  const sockets = new Set<Socket>();
  const kept = (socket: Socket) => {
    sockets.add(socket);
    return socket;
  };
  let accept: (socket: Socket) => void;
  const listener = createServer({ allowHalfOpen: true }, (socket) => accept(kept(socket)));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const proxy = await startProxy({ port: (listener.address() as AddressInfo).port });
  try {
    await run(proxy, async () => {
      const accepted = new Promise<[Socket, Promise<Got>]>((resolve) => {
        accept = (socket) => resolve([socket, got(socket)]);
      });
      const { port } = proxy.place as { port: number };
      const client = kept(connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
      const atClient = got(client);
      const [server, atServer] = await accepted;
      return { client, server, atClient, atServer };
    });
  } finally {
    const closed = [...sockets].map((socket) =>
      new Promise((resolve) => socket.closed ? resolve(0) : socket.on("close", resolve).destroy())
    );
    await Promise.all([...closed, proxy[Symbol.asyncDispose]()]);
    await new Promise((resolve) => listener.close(resolve));
  }
}

/** Takes what is written to it, piece by piece. */
class Sink extends Duplex {
  readonly pieces: number[] = [];
  override _read(): void {}
  override _write(bytes: Uint8Array, _encoding: string, done: () => void): void {
    this.pieces.push(bytes.length);
    done();
  }
}

Deno.test("bytes go on in the pieces of their seed, and are held up for as long as it says", async () => {
  const total = 40_000;
  const name = nameOf(({ fromClient }) =>
    fromClient.end === undefined && waitOf(fromClient, total) > 100
  );
  const expected: number[] = [];
  const expectedWaits: number[] = [];
  const { fromClient } = decide(`${name}/0`);
  for (let left = total; left > 0;) {
    const { bytes, waitMs = 0 } = fromClient.next();
    expected.push(Math.min(left, bytes));
    left -= bytes;
    if (waitMs > 0) expectedWaits.push(waitMs);
  }
  const from = new Sink();
  const to = new Sink();
  const waits: number[] = [];
  const { setTimeout } = globalThis;
  // No time goes by: it is asked for, and that counts.
  globalThis.setTimeout = ((done: () => void, ms: number) => {
    waits.push(ms);
    setImmediate(done);
  }) as typeof setTimeout;
  try {
    const ended = new Promise((resolve) => to.on("finish", resolve));
    const [sender, receiver] = [from, to] as unknown as [Socket, Socket];
    new Carrier(sender, receiver, decide(`${name}/0`).fromClient, () => {});
    from.push(new Uint8Array(total));
    from.push(null);
    await ended;
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(to.pieces, expected);
  assertEquals(waits, expectedWaits);
});

Deno.test("a half-close ends one direction where its seed says, and the other one carries the rest", async () => {
  const name = nameOf((first) =>
    breaks(first, "halfClose") && waitOf(first.fromServer, 5_000) < 20
  );
  await through(async (proxy, dial) => {
    proxy.begin(name);
    const { client, server, atClient, atServer } = await dial();
    client.write(new Uint8Array(1_000));
    assertEquals(await atServer, { count: decide(`${name}/0`).fromClient.end!.at, how: "end" });
    assert(proxy.wasBroken);
    server.end(new Uint8Array(5_000));
    assertEquals(await atClient, { count: 5_000, how: "end" });
  });
});

Deno.test("a reset is had by the end that its seed says, and the other one has the end of the stream", async () => {
  for (const resets of ["sender", "receiver", "both"] as const) {
    const name = nameOf((first) => breaks(first, "reset", { resets }));
    const { at } = decide(`${name}/0`).fromClient.end!;
    await through(async (proxy, dial) => {
      proxy.begin(name);
      const { client, atClient, atServer } = await dial();
      client.write(new Uint8Array(at));
      const [sender, receiver] = [await atClient, await atServer];
      assertEquals(sender.how, resets === "receiver" ? "end" : "reset", resets);
      assertEquals(receiver.how, resets === "sender" ? "end" : "reset", resets);
      if (resets === "sender") assertEquals(receiver.count, at);
      assert(proxy.wasBroken);
    });
  }
});

Deno.test("a silence lets no more through than its seed says, and is a reset of both in the end", async () => {
  const name = nameOf((first) => breaks(first, "silence") && first.fromClient.end!.silenceMs < 240);
  await through(async (proxy, dial) => {
    proxy.begin(name);
    const { client, atClient, atServer } = await dial();
    client.write(new Uint8Array(1_000));
    assertEquals(await atServer, { count: decide(`${name}/0`).fromClient.end!.at, how: "reset" });
    assertEquals((await atClient).how, "reset");
  });
});

Deno.test("without a break all goes through, and a reset of one end is one at the other", async () => {
  const name = nameOf(({ fromClient, fromServer }) =>
    fromClient.end === undefined && fromServer.end === undefined &&
    waitOf(fromClient, 3_000) + waitOf(fromServer, 5_000) < 20
  );
  await through(async (proxy, dial) => {
    proxy.begin(name);
    const first = await dial();
    first.client.end(new Uint8Array(3_000));
    assertEquals(await first.atServer, { count: 3_000, how: "end" });
    first.server.end(new Uint8Array(5_000));
    assertEquals(await first.atClient, { count: 5_000, how: "end" });
    proxy.begin(name);
    const second = await dial();
    second.client.resetAndDestroy();
    assertEquals((await second.atServer).how, "reset");
    assert(!proxy.wasBroken, "it was the client");
  });
});

Deno.test("a connection that is tried again has decisions of its own, until the next one begins", async () => {
  const name = nameOf((first, second) =>
    breaks(first, "halfClose") && second.fromClient.end === undefined &&
    second.fromServer.end === undefined && waitOf(second.fromClient, 1_000) < 20
  );
  const { at } = decide(`${name}/0`).fromClient.end!;
  await through(async (proxy, dial) => {
    const passed = async () => {
      const { client, atServer } = await dial();
      client.end(new Uint8Array(1_000));
      return (await atServer).count;
    };
    for (let i = 0; i < 2; i++) {
      proxy.begin(name);
      assert(!proxy.wasBroken);
      assertEquals([await passed(), await passed()], [at, 1_000]);
    }
  });
});
