/** Workers that have a broker in common. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Broker,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  forkServiceLoop,
  LwsError,
  memoryBroker,
  shareBroker,
} from "../../../mod.ts";
import { faultyBroker } from "../../../src/testing/faulty_broker.ts";
import { named } from "../../support/named.ts";
import { PATIENT } from "../../support/patience.ts";

/** A worker that subscribes to "t" by its port, says so, and runs on. */
const SUBSCRIBER = `
  import { portBroker } from "${import.meta.resolve("../../../mod.ts")}";
  const nothing = () => {};
  onmessage = async ({ data: port }) => {
    const broker = portBroker(port);
    await broker.start({ publication: nothing, interrupted: nothing, state: nothing });
    await broker.subscribe(["t"]);
    postMessage("there");
  };
`;

Deno.test("a worker that has ended is noticed, and what it had is let go", async () => {
  const broker = faultyBroker(memoryBroker());
  await using share = shareBroker(broker);
  const url = `data:text/javascript,${encodeURIComponent(SUBSCRIBER)}`;
  const worker = new Worker(url, { type: "module" });
  const port = share.openPort();
  const isThere = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(port, [port]);
  await isThere;
  assertEquals([share.portCount, broker.calls], [1, ["start", "subscribe t"]]);
  worker.terminate();
  while (share.portCount > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(broker.calls, ["start", "subscribe t", "unsubscribe t"]);
});

const ROOM = new URL("../../fixtures/forked/topics.ts", import.meta.url);
const LOOPBACK = { port: 0, iface: "127.0.0.1", ...PATIENT };

/** A client in the room. */
function open(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, "room");
  const got: string[] = [];
  let wake = () => {};
  socket.onmessage = ({ data }) => {
    got.push(data);
    wake();
  };
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => {
      resolve();
      wake();
    };
  });
  socket.onerror = () => {};
  const until = async (isDone: () => boolean) => {
    while (!isDone()) await new Promise<void>((resolve) => wake = resolve);
  };
  return { socket, got, closed, until };
}

/** The same, with the worker that serves it, which its first message says. */
async function enter(port: number) {
  for (;;) {
    const client = open(port);
    await client.until(() =>
      client.got.length > 0 || client.socket.readyState === WebSocket.CLOSED
    );
    const worker = client.got.shift();
    // Otherwise it was in the backlog of a worker that has just ended.
    if (worker !== undefined) return { ...client, worker };
  }
}

Deno.test({
  name:
    "what is published in one worker reaches subscribers of all, and one that ends disturbs no other",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const broker = memoryBroker({ historySize: 10 });
    const service = await forkServiceLoop(ROOM, LOOPBACK, { workers: 2, broker });
    const groups = new Map<string, Awaited<ReturnType<typeof enter>>[]>();
    // Two of each worker.
    while (groups.size < 2 || [...groups.values()].some(({ length }) => length < 2)) {
      const client = await enter(service.port);
      groups.getOrInsertComputed(client.worker, () => []).push(client);
    }
    const [some, others] = [...groups.values()];
    const [one, two] = [some![0]!, others![0]!];
    one.socket.send("to all but me");
    await two.until(() => two.got.length === 1);
    assertEquals(two.got, ["to all but me"]);
    two.socket.send("back");
    await one.until(() => one.got.length === 1);
    assertEquals(one.got, ["back"]);
    // A context here has the same topics.
    const protocols = [named("none", {})];
    await using context = createContext({ port: CONTEXT_PORT_NO_LISTEN, broker, protocols });
    await context.publish("room", "from here");
    await Promise.all([one, two].map(({ got, until }) => until(() => got.includes("from here"))));
    service.workers[0]!.terminate();
    const ends = [some!, others!].map((group) =>
      Promise.all(group.map(({ closed }) => closed)).then(() => group)
    );
    const ended = await Promise.race(ends);
    const [left, right] = ended === some ? others! : some!;
    left!.socket.send("still there");
    await right!.until(() => right!.got.includes("still there"));
    await service.stop();
    await Promise.all(ends);
  },
});

Deno.test("forkServiceLoop has a broker in its options, also for one worker, and closes it with the last", async () => {
  const broker = faultyBroker(memoryBroker());
  const service = await forkServiceLoop(ROOM, LOOPBACK, { broker });
  assertEquals(service.workers.length, 1);
  const [one, two] = [await enter(service.port), await enter(service.port)];
  one.socket.send("hello");
  await two.until(() => two.got.includes("hello"));
  assert(!broker.calls.includes("dispose"));
  await service.stop();
  assertEquals(broker.calls.filter((call) => call === "dispose"), ["dispose"]);
  await Promise.all([one.closed, two.closed]);
});

Deno.test("a broker in the wrong place, or none, is refused by name", async () => {
  const info = { ...LOOPBACK, broker: memoryBroker() };
  const error = await assertRejects(() => forkServiceLoop(ROOM, info), LwsError);
  assertEquals([error.code, error.message], [
    "invalid-option",
    "forkServiceLoop: broker can't be sent to a worker; give it in the options, { broker }",
  ]);
  const none = { broker: {} as Broker };
  const other = await assertRejects(() => forkServiceLoop(ROOM, LOOPBACK, none), LwsError);
  assertEquals(other.code, "invalid-argument");
  assert(other.message.startsWith("forkServiceLoop: broker is {…}; allowed: a broker"));
});

Deno.test("a service that can't start closes the broker that it was given", async () => {
  const broker = faultyBroker(memoryBroker());
  const nothing = new URL("../../fixtures/forked/nothing.ts", import.meta.url);
  await assertRejects(() => forkServiceLoop(nothing, LOOPBACK, { broker }), LwsError);
  assertEquals(broker.calls, ["dispose"]);
});
