/** A broker that is shared with workers, over real ports. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublication,
  type BrokerPublish,
  LwsError,
  type LwsErrorCode,
  memoryBroker,
  portBroker,
  shareBroker,
  type ShareOptions,
} from "../../../mod.ts";
import { brokerContract } from "../../../src/testing/broker_contract.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { faultyBroker } from "../../../src/testing/faulty_broker.ts";
import { captureLog } from "../../support/recorder.ts";
import { settle } from "../../support/serve.ts";

for (const historySize of [0, 10]) {
  let share = shareBroker(memoryBroker());
  const make = () => portBroker(share.openPort());
  for (const { name, run } of brokerContract(make, { historySize, presence: true, leaseMs: 20 })) {
    Deno.test(`portBroker, historySize ${historySize}: ${name}`, async () => {
      await using own = shareBroker(memoryBroker({ historySize }));
      share = own;
      await run();
    });
  }
}

const KEPT: BrokerPublish = { isBinary: false, history: true };
const LIVE: BrokerPublish = { isBinary: false, history: false };
const clock = new FakeClock();
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = ({ data }: BrokerPublication) => new TextDecoder().decode(data);

/** A port's broker, and all that came to it, in its order. */
class End implements BrokerEvents {
  readonly broker: Broker;
  readonly told: string[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(port: MessagePort) {
    this.broker = portBroker(port);
  }

  start(): Promise<void> {
    return this.broker.start(this, clock);
  }

  publication(topic: string, publication: BrokerPublication): void {
    this.tell(`${topic} ${textOf(publication)}`);
  }

  interrupted(topics?: readonly string[]): void {
    this.tell(`interrupted ${topics?.join() ?? "all"}`);
  }

  state(isUp: boolean): void {
    this.tell(isUp ? "up" : "down");
  }

  tell(what: string): void {
    this.told.push(what);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async until(what: string): Promise<void> {
    while (!this.told.includes(what)) await this.#changed.promise;
  }

  publish(topic: string, text: string, options = KEPT) {
    return this.broker.publish(topic, bytes(text), options);
  }
}

/** A broker with faults, its share, and ends that have started. */
async function shared(count: number, options: ShareOptions = {}) {
  const broker = faultyBroker(memoryBroker({ historySize: 10 }));
  const share = shareBroker(broker, { clock, ...options });
  const ends = Array.from({ length: count }, () => new End(share.openPort()));
  for (const end of ends) await end.start();
  broker.calls.length = 0;
  return { broker, share, ends: ends as [End, End, ...End[]] };
}

async function code(work: Promise<unknown>): Promise<LwsErrorCode> {
  return (await assertRejects(() => work, LwsError)).code;
}

Deno.test("what was live before an answer of history comes in front of it", async () => {
  const { share, ends: [one, two] } = await shared(2);
  await using _share = share;
  await one.broker.subscribe(["t"]);
  for (let i = 0; i < 50; i++) {
    two.publish("t", `${i}`);
    // Before what was published is known to be there.
    const read = one.broker.history("t", undefined, 1);
    const { publications: [last], top } = await read;
    if (last !== undefined) {
      assert(one.told.includes(`t ${textOf(last)}`), `top ${top}, but ${one.told.at(-1)}`);
    }
  }
  await one.until("t 49");
  assertEquals(one.told, Array.from({ length: 50 }, (_, i) => `t ${i}`));
});

Deno.test("publications of one turn are one message, whose data are their own", async () => {
  const { share, ends: [one, two] } = await shared(2);
  await using _share = share;
  await one.broker.subscribe(["t"]);
  const got: BrokerPublication[] = [];
  one.publication = (_topic, publication) => {
    got.push(publication);
    one.tell(textOf(publication));
  };
  const data = bytes("......5......").subarray(6, 7);
  for (let i = 0; i < 50; i++) two.broker.publish("t", data, KEPT);
  await two.publish("t", "end");
  await one.until("end");
  assertEquals(got.length, 51);
  assertEquals(got[0]!.data, bytes("5"));
  // They came as views of one buffer, which has no more than them.
  assertEquals(got[0]!.data.buffer.byteLength, 53);
});

Deno.test("errors come back with their codes; what has none is broker-unavailable", async () => {
  const { broker, share, ends: [one] } = await shared(1);
  await using _share = share;
  broker.fail("publish", new LwsError("topic-limit", "too many"));
  const error = await assertRejects(() => one.publish("t", "1"), LwsError, "too many");
  assertEquals(error.code, "topic-limit");
  for (const call of ["publish", "history", "tops", "subscribe"] as const) {
    broker.fail(call, new Error("ordered"));
  }
  assertEquals(await code(one.publish("t", "2")), "broker-unavailable");
  assertEquals(await code(one.broker.history("t", undefined, 1)), "broker-unavailable");
  assertEquals(await code(one.broker.tops(["t"])), "broker-unavailable");
  assertEquals(await code(one.broker.subscribe(["t"])), "broker-unavailable");
  await one.broker.subscribe(["t"]);
  broker.fail("unsubscribe");
  assertEquals(await code(one.broker.unsubscribe(["t"])), "broker-unavailable");
  assertEquals((await one.publish("t", "3")).offset, 1);
});

Deno.test("interruptions reach the ports that have the topic, states all that have started", async () => {
  const { broker, share, ends: [one, two] } = await shared(2);
  await using _share = share;
  const idle = new End(share.openPort());
  await one.broker.subscribe(["a", "b"]);
  await two.broker.subscribe(["b"]);
  broker.interrupt(["a", "c"]);
  broker.interrupt(["c"]);
  broker.interrupt();
  broker.stop();
  await broker.restart();
  await Promise.all([one.until("up"), two.until("up")]);
  assertEquals(one.told, ["interrupted a", "interrupted all", "down", "up"]);
  assertEquals(two.told, ["interrupted all", "down", "up"]);
  assertEquals(idle.told, []);
  // The broker has forgotten what it was subscribed to, and each port subscribes anew.
  broker.calls.length = 0;
  await two.broker.subscribe(["b"]);
  await one.broker.subscribe(["a", "b"]);
  assertEquals(broker.calls, ["subscribe b", "subscribe a"]);
  await two.publish("b", "1");
  await Promise.all([one.until("b 1"), two.until("b 1")]);
});

Deno.test("a port that is opened late learns that the broker is away, and begins when it is there", async () => {
  const { broker, share } = await shared(1);
  await using _share = share;
  broker.stop();
  const late = new End(share.openPort());
  assertEquals(await code(late.start()), "broker-unavailable");
  await broker.restart();
  await late.start();
  await late.broker.subscribe(["t"]);
  await late.publish("t", "1");
  await late.until("t 1");
});

Deno.test("that a broker goes away right behind the start is told behind it", async () => {
  const broker = faultyBroker(memoryBroker());
  await using share = shareBroker(broker);
  const end = new End(share.openPort());
  const held = broker.hold("start");
  const started = end.start().then(() => end.tell("started"));
  while (held.count === 0) await settle();
  held.release();
  // In the turn in which the share answers.
  for (let i = 0; i < 50; i++) await Promise.resolve();
  broker.stop();
  await Promise.all([started, end.until("down")]);
  assertEquals(end.told, ["started", "down"]);
});

Deno.test("a broker that can't start is started again for the next port that asks", async () => {
  const broker = faultyBroker(memoryBroker());
  await using share = shareBroker(broker);
  const [one, two] = [new End(share.openPort()), new End(share.openPort())];
  assertEquals(await code(one.publish("t", "1", LIVE)), "invalid-state");
  broker.fail("start");
  assertEquals(await code(one.start()), "broker-unavailable");
  await Promise.all([one.start(), two.start()]);
  assertEquals(broker.calls, ["start", "start"]);
  assertEquals(await code(one.start()), "invalid-state");
});

Deno.test("several ports that find the live feed dead have it made anew once", async () => {
  const time = new FakeClock();
  const { broker, share, ends: [one, two] } = await shared(2, { clock: time });
  await using _share = share;
  one.broker.reconnect!();
  two.broker.reconnect!();
  await one.broker.tops([]);
  await two.broker.tops([]);
  assertEquals(broker.reconnects, 1);
  time.advance(1_000);
  two.broker.reconnect!();
  await two.broker.tops([]);
  assertEquals(broker.reconnects, 2);
});

Deno.test("what no portBroker sends is ignored with a line, and costs nothing else", async () => {
  using log = captureLog();
  const { share, ends: [one] } = await shared(1);
  await using _share = share;
  const port = share.openPort();
  const answers: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  port.onmessage = ({ data }) => {
    answers.push(data);
    if (data.items?.some(({ id }: { id: number }) => id === 2)) resolve();
  };
  for (const each of [undefined, "text", 7, {}, { taken: 1 }]) port.postMessage(each);
  const call = (id: number, call: string, args: unknown[]) => ({ id, call, args });
  const calls = [
    call(1, "start", []),
    call(2, "publish", ["", bytes("1"), KEPT]),
    call(2, "drop", []),
    "start",
  ];
  port.postMessage({ taken: 1_000_000, calls });
  // Behind the answer to the start.
  setImmediate(() => port.postMessage({ taken: 0, calls: [call(2, "tops", [["t"]])] }));
  await promise;
  assertEquals(log.lines.map((line) => line.replace(/.*: a/, "a")), [
    ...new Array(5).fill("a message that no portBroker sends is ignored"),
    ...new Array(3).fill("a call that no portBroker makes is ignored"),
  ]);
  assertEquals((await one.publish("t", "1")).offset, 1);
  port.close();
});

Deno.test("a port that does not take its messages misses what is past maxUnread, and no other does", async () => {
  using log = captureLog();
  const { share, ends: [one] } = await shared(1, { maxUnread: 65_536 });
  await using _share = share;
  await one.broker.subscribe(["t", "u"]);
  const deaf = share.openPort();
  const items: { kind: string; topics?: string[]; columns?: { data: Uint8Array } }[] = [];
  let messages = 0;
  let wake = () => {};
  deaf.onmessage = ({ data }) => {
    if (data.items === undefined) return;
    messages++;
    items.push(...data.items);
    wake();
  };
  const ask = (id: number, call: string, args: unknown[], taken = 0) =>
    deaf.postMessage({ taken, calls: [{ id, call, args }] });
  ask(1, "start", []);
  await settle();
  ask(2, "subscribe", [["t", "u"]], messages);
  await settle();
  messages = 0;
  // 128 with each, and as much for the answer that is not taken either: the last one fits exactly.
  const sizes = [30_000, 30_000, 65_536 - 60_000 - 4 * 128];
  for (const length of sizes) await one.broker.publish("t", new Uint8Array(length), KEPT);
  await settle();
  assertEquals(log.lines, []);
  const received = () =>
    items.reduce((length, { columns }) => length + (columns?.data.length ?? 0), 0);
  const all = sizes.reduce((sum, each) => sum + each);
  assertEquals(received(), all);
  for (let i = 0; i < 100; i++) await one.publish("u", `${i}`);
  await settle();
  assertEquals([log.lines.length, received()], [1, all]);
  await one.until("u 99");
  ask(3, "tops", [["u"]], messages + 1);
  while (!items.some(({ kind }) => kind === "interrupted")) {
    await new Promise<void>((resolve) => wake = resolve);
  }
  assertEquals(items.find(({ kind }) => kind === "interrupted")!.topics, ["u"]);
  await one.publish("u", "again");
  while (received() === all) await new Promise<void>((resolve) => wake = resolve);
  assertEquals(received(), all + "again".length);
  deaf.close();
});

Deno.test("a context that is closed drops what it was subscribed to", async () => {
  const { broker, share, ends: [one, two] } = await shared(2);
  await using _share = share;
  await one.broker.subscribe(["a", "b"]);
  await two.broker.subscribe(["b"]);
  // What was called before is still done.
  const lost = assertRejects(() => one.publish("b", "last"), LwsError);
  await one.broker[Symbol.asyncDispose]();
  assertEquals((await lost).code, "destroyed");
  await two.until("b last");
  assertEquals(share.portCount, 1);
  assertEquals(broker.calls.at(-1), "unsubscribe a");
  assertEquals(await code(one.publish("b", "1")), "destroyed");
  assertEquals(one.told, []);
});

Deno.test("a share that is closed is a broker that has gone away to its ports", async () => {
  const { broker, share, ends: [one, two] } = await shared(2);
  const held = broker.hold("publish");
  const pending = code(one.publish("t", "1"));
  await two.broker.tops([]);
  await settle();
  await Promise.all([share[Symbol.asyncDispose](), share[Symbol.asyncDispose]()]);
  await Promise.all([one.until("down"), two.until("down")]);
  assertEquals(await pending, "broker-unavailable");
  assertEquals(await code(one.broker.tops([])), "broker-unavailable");
  assertEquals(broker.calls.filter((call) => call === "dispose"), ["dispose"]);
  assertEquals(share.portCount, 0);
  const error = assertThrows(() => share.openPort(), LwsError);
  assertEquals(error.code, "destroyed");
  await one.broker[Symbol.asyncDispose]();
  held.release();
});

Deno.test("a broker that can't be closed is told of in the log", async () => {
  using log = captureLog();
  const broker = faultyBroker(memoryBroker());
  broker[Symbol.asyncDispose] = () => Promise.reject(new Error("it is stuck"));
  await shareBroker(broker)[Symbol.asyncDispose]();
  assertEquals(log.lines, ["warn: shareBroker: the broker can't be closed: it is stuck"]);
});

/** A broker that notes which ends are opened and closed, by their numbers. */
function counted(notes: string[]): Broker {
  const broker = memoryBroker();
  const openNode = broker.openNode!.bind(broker);
  let count = 0;
  broker.openNode = () => {
    const node = openNode();
    const number = ++count;
    notes.push(`open ${number}`);
    const close = node[Symbol.asyncDispose].bind(node);
    node[Symbol.asyncDispose] = () => {
      notes.push(`close ${number}`);
      return close();
    };
    return node;
  };
  return broker;
}

Deno.test("presence: each port has an end of the broker of its own, from its first call on", async () => {
  const notes: string[] = [];
  const share = shareBroker(counted(notes));
  const [one, two, none] = [0, 1, 2].map(() => new End(share.openPort())) as [End, End, End];
  for (const end of [one, two, none]) await end.start();
  assertEquals(notes, ["open 1"]);
  const member = { id: "1", key: "ada", info: "{}" };
  for (const isFirst of [true, false]) {
    assertEquals(await one.broker.presence!.tend(60_000, false, true), !isFirst);
    assertEquals(await two.broker.presence!.tend(60_000, false, true), !isFirst);
  }
  await one.broker.presence!.join("t", member, false);
  assertEquals(await two.broker.presence!.members("t", 10), { count: 1, members: [member] });
  assertEquals(notes.splice(0), ["open 1", "open 2", "open 3"]);
  await one.broker[Symbol.asyncDispose]();
  await two.broker.tops([]);
  assertEquals(notes, ["close 2"]);
  await share[Symbol.asyncDispose]();
  assertEquals(notes, ["close 2", "close 3", "close 1"]);
});

Deno.test("presence: a broker with one end has none to share", async () => {
  const broker = memoryBroker();
  broker.openNode = undefined as unknown as () => Broker;
  await using share = shareBroker(broker);
  const { broker: end } = new End(share.openPort());
  assertEquals(end.presence, undefined);
  await end[Symbol.asyncDispose]();
});

Deno.test("what is no broker, no option and no port is refused by name", async () => {
  await using share = shareBroker(memoryBroker());
  const port = share.openPort();
  const { broker } = new End(port);
  const { port1, port2 } = new MessageChannel();
  const refused: [call: () => unknown, says: string][] = [
    [() => shareBroker({} as Broker), "shareBroker: broker is {…}; allowed: a broker"],
    [() => shareBroker(null as unknown as Broker), "shareBroker: broker is null"],
    [() => shareBroker(memoryBroker(), null as unknown as ShareOptions), "options is null"],
    [() => shareBroker(memoryBroker(), { maxUnread: 65_535 }), "maxUnread is 65535; allowed"],
    [() => shareBroker(memoryBroker(), { maxUnread: 1e6 + 0.5 }), "maxUnread is 1000000.5"],
    [() => shareBroker(memoryBroker(), { clock: {} as FakeClock }), "clock is {…}"],
    [
      () => shareBroker(memoryBroker(), { maxUnred: 1 } as ShareOptions),
      "maxUnred is 1; allowed: one of maxUnread, clock; did you mean maxUnread?",
    ],
    [() => portBroker({} as MessagePort), "portBroker: port is {…}"],
    [() => portBroker(port1), "portBroker: port is none that a share has opened"],
    [() => portBroker(port), "or was given before"],
  ];
  for (const [call, says] of refused) {
    assertEquals(assertThrows(call, LwsError, says).code, "invalid-argument");
  }
  shareBroker(memoryBroker(), { maxUnread: 65_536 });
  shareBroker(memoryBroker(), { maxUnread: Infinity });
  await broker[Symbol.asyncDispose]();
  port1.close();
  port2.close();
});
