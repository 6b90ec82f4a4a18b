/** However many networks rest, the runtime's threads stay free for others. */

import { assertEquals } from "@std/assert";
import type { Listener } from "../../../../src/api/network.ts";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { FaultyLibc } from "./faulty_libc.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };
/** The runtime has 32 threads for what blocks. */
const MANY = 40;

function test(name: string, body: (faulty: FaultyLibc) => Promise<void>): void {
  const ignore = !isEpollAvailable();
  Deno.test({
    name: ignore ? `${name} (needs Linux and --allow-ffi)` : name,
    ignore,
    async fn() {
      const faulty = new FaultyLibc();
      await body(faulty);
      assertEquals([...faulty.descriptors], []);
    },
  });
}

function listening({ libc }: FaultyLibc, count: number): [EpollNetwork, Listener][] {
  return Array.from({ length: count }, () => {
    const network = new EpollNetwork(libc, 1);
    return [network, network.listen(HERE)];
  });
}

async function resting(faulty: FaultyLibc, count: number): Promise<void> {
  while (faulty.calls.get("epollReady") !== count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Each network's first connection, in whatever order. */
async function connectToAll(all: readonly [EpollNetwork, Listener][]): Promise<void> {
  await Promise.all(all.map(async ([, listener]) => {
    const { port } = listener.address;
    const peer = await Deno.connect({ hostname: "127.0.0.1", port });
    (await listener.accept()).close();
    await peer.read(new Uint8Array(1));
    peer.close();
  }));
}

async function closeAll(all: readonly [EpollNetwork, Listener][]): Promise<void> {
  for (const [, listener] of all) listener.close();
  await Promise.all(all.map(([network]) => network.released()));
}

test("files are read while more networks rest than the runtime has threads", async (faulty) => {
  const all = listening(faulty, MANY);
  await resting(faulty, 2);
  await Deno.stat(".");
  await connectToAll(all);
  await connectToAll(all);
  await closeAll(all);
});

test("a network that can't rest beside others has a thread of its own", async (faulty) => {
  const all = listening(faulty, 2);
  faulty.next("epoll_create1", faulty.fails("EMFILE"));
  await resting(faulty, 2);
  const others = listening(faulty, 2);
  await resting(faulty, 3);
  await connectToAll([...all, ...others]);
  await closeAll([...all, ...others]);
});
