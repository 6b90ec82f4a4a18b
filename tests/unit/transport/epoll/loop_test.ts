/** How the rounds of the loop go beside what else the program does. */

import { assert, assertEquals } from "@std/assert";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { Recorder } from "../../../support/transport_contract.ts";
import { type Fault, FaultyLibc } from "./faulty_libc.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };

interface Given {
  /** Both ends of a connection that answer whatever comes, so that there is always traffic. */
  readonly ends: readonly [Recorder, Recorder];
  /** How long each wait so far might have blocked. */
  readonly waits: number[];
  readonly network: EpollNetwork;
}

function test(name: string, busyWaitMs: number, body: (given: Given) => Promise<void>): void {
  const ignore = !isEpollAvailable();
  Deno.test({
    name: ignore ? `${name} (needs Linux and --allow-ffi)` : name,
    ignore,
    async fn() {
      const faulty = new FaultyLibc();
      const waits: number[] = [];
      const recorded: Fault = (real, epoll, events, most, ms) => {
        faulty.next("epoll_wait", recorded);
        waits.push(ms as number);
        return real(epoll, events, most, ms);
      };
      faulty.next("epoll_wait", recorded);
      const network = new EpollNetwork(faulty.libc, busyWaitMs);
      const listener = network.listen(HERE);
      const { port } = listener.address;
      const connecting = network.connect({ ...HERE, port }, new AbortController().signal);
      const ends = [new Recorder(await listener.accept()), new Recorder(await connecting)] as const;
      listener.close();
      for (const end of ends) {
        end.keeps = false;
        end.take = ({ length }) => {
          end.transport.write(new Uint8Array(length));
          return length;
        };
      }
      ends[0].transport.write(new Uint8Array(4));
      await body({ ends, waits, network });
      for (const end of ends) {
        end.take = ({ length }) => length;
        end.transport.close();
        await end.until(() => end.count("close") === 1);
      }
      await network.released();
      assertEquals([...faulty.descriptors], []);
    },
  });
}

for (const busyWaitMs of [0, 1]) {
  const name = `busyWaitMs ${busyWaitMs}`;
  test(
    `${name}: timers and turns of the event loop go on beside peers that always answer`,
    busyWaitMs,
    async ({ ends }) => {
      for (let i = 0; i < 20; i++) {
        const before = ends[0].takenLength;
        await new Promise((resolve) => setTimeout(resolve, 0));
        await new Promise((resolve) => setImmediate(resolve));
        await ends[0].until(() => ends[0].takenLength > before);
      }
    },
  );

  test(
    `${name}: no wait blocks what a callback has begun and not ended`,
    busyWaitMs,
    async ({ ends, waits }) => {
      const [end] = ends;
      const blocked: number[] = [];
      const { take } = end;
      let begun = 0;
      end.take = (bytes) => {
        begun++;
        void hop(waits.length);
        return take(bytes);
      };
      async function hop(before: number): Promise<void> {
        for (let i = 0; i < 5; i++) await undefined;
        blocked.push(Math.max(0, ...waits.slice(before)));
      }
      await end.until(() => begun === 200);
      end.take = take;
      await hop(waits.length);
      assertEquals(blocked.filter((ms) => ms > 0), []);
    },
  );
}

test("with busyWaitMs 0 no wait blocks", 0, async ({ ends, waits }) => {
  await ends[0].untilTaken(4 * 1000);
  assertEquals(waits.filter((ms) => ms > 0), []);
});

test("peers that answer at once are looked for without a wait", 1, async ({ ends, waits }) => {
  await ends[0].untilTaken(4 * 2000);
  const blocking = waits.filter((ms) => ms > 0).length;
  assert(blocking < 400, `${blocking} of ${waits.length} waits`);
});

test(
  "a callback that transfers what it is shown costs no other connection",
  1,
  async ({ ends, network }) => {
    const listener = network.listen(HERE);
    const { port } = listener.address;
    const connecting = network.connect({ ...HERE, port }, new AbortController().signal);
    const spoilt = new Recorder(await listener.accept());
    const peer = new Recorder(await connecting);
    listener.close();
    let shown = false;
    spoilt.keeps = false;
    spoilt.take = (bytes) => {
      structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
      shown = true;
      return 0;
    };
    peer.transport.write(new Uint8Array(4));
    while (!shown) await new Promise((resolve) => setImmediate(resolve));
    const before = ends[0].takenLength;
    await ends[0].untilTaken(before + 4 * 100);
    for (const end of [spoilt, peer]) {
      end.transport.close();
      await end.until(() => end.count("close") === 1);
    }
  },
);
