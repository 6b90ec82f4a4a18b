/**
 * Random faults of a broker under several contexts: no subscriber misses anything without being told, and none
 * gets anything twice.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type Broker,
  memoryBroker,
  portBroker,
  type Position,
  shareBroker,
  type SharedBroker,
} from "../../mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { type BrokerCall, faultyBroker } from "../../src/testing/faulty_broker.ts";
import { Rig } from "../unit/topics/broker/rig.ts";
import { Played } from "../unit/topics/played_subscriber.ts";
import { settle } from "../support/serve.ts";
import { random } from "./random.ts";

const ROUNDS = 25;
const STEPS = 150;
const TOPICS = ["t", "u"];
const CALLS: readonly BrokerCall[] = ["subscribe", "unsubscribe", "history", "tops"];

/** A subscriber, and what it may have missed. */
class Watched extends Played {
  readonly topic: string;
  /** Where it began, or where it was when it went. */
  begun: Position | undefined;
  recovered = true;
  isGone = false;

  constructor(topic: string) {
    super();
    this.topic = topic;
  }
}

/** All that each store has taken of each topic, in order. */
async function truthOf(
  stores: readonly Broker[],
): Promise<Map<string, [epoch: string, at: number]>> {
  const truth = new Map<string, [string, number]>();
  for (const store of stores) {
    for (const topic of TOPICS) {
      const all = await store.history(topic, { epoch: "", offset: 0 }, Infinity);
      for (const [i, { data }] of all.publications.entries()) {
        truth.set(new TextDecoder().decode(data), [all.epoch, i]);
      }
    }
  }
  return truth;
}

interface Game {
  readonly losesData: boolean;
  /** Whether the contexts have one broker in common, each at a port of its own. */
  readonly isShared?: boolean;
}

async function play(seed: number, { losesData, isShared = false }: Game): Promise<void> {
  const dice = random(seed);
  const clock = new FakeClock();
  const make = () => memoryBroker({ historySize: Infinity, historyBytes: Infinity });
  const stores = [make()];
  const limits = { maxUnsent: 40, lingerMs: 500, brokerTimeoutMs: 60_000 };
  const common = isShared ? faultyBroker(stores[0]!) : undefined;
  const share: SharedBroker | undefined = common && shareBroker(common, { clock });
  const rigs = [0, 1].map(() => {
    const broker = common ?? faultyBroker(stores[0]!);
    return new Rig({
      clock,
      limits,
      broker,
      ...(share && { through: portBroker(share.openPort()) }),
    });
  });
  const brokers = new Set(rigs.map(({ broker }) => broker));
  const all: Watched[] = [];
  const last = new Map<string, string>();
  let texts = 0;

  const publish = (): void => {
    const rig = rigs[dice(2)]!;
    const topic = TOPICS[dice(2)]!;
    const text = `${topic} ${++texts}`;
    rig.publish(topic, text).then(() => last.set(topic, text), () => {});
  };
  const join = (): void => {
    const rig = rigs[dice(2)]!;
    const subscriber = new Watched(TOPICS[dice(2)]!);
    all.push(subscriber);
    Promise.resolve(rig.hub.subscribe(subscriber, subscriber.topic)).then(({ epoch, offset }) => {
      subscriber.begun = { epoch, offset };
    }, () => subscriber.isGone = true);
  };
  const pick = (): Watched | undefined => all[dice(all.length)];
  const steps: readonly (() => void | Promise<void>)[] = [
    ...new Array(12).fill(publish),
    join,
    () => {
      const subscriber = pick();
      if (subscriber !== undefined) subscriber.isStuck = !subscriber.isStuck;
    },
    () => {
      for (const subscriber of all) {
        subscriber.unsent = 0;
        for (const rig of rigs) rig.hub.drained(subscriber);
      }
    },
    () => {
      const subscriber = pick();
      if (subscriber === undefined || dice(3) > 0) return;
      subscriber.isGone = true;
      for (const rig of rigs) rig.hub.end(subscriber);
    },
    () => {
      const { broker } = rigs[dice(2)]!;
      broker.onLive = [
        undefined,
        () => [],
        (_topic: string, publication: never) => [publication, publication],
        (_topic: string, publication: never) => dice(2) === 0 ? [] : [publication],
      ][dice(4)] as typeof broker.onLive;
    },
    () => {
      const held = rigs[dice(2)]!.broker[dice(2) === 0 ? "hold" : "holdAnswer"](CALLS[dice(4)]!);
      clock.setTimer(() => held.release(), 1 + dice(300));
    },
    () => rigs[dice(2)]!.broker.fail(CALLS[dice(4)]!, new Error("ordered"), 1 + dice(3)),
    () => {
      const { broker } = rigs[dice(2)]!;
      broker.onLive = undefined;
      broker.interrupt(dice(2) === 0 ? undefined : [TOPICS[dice(2)]!]);
    },
    async () => {
      const { broker } = rigs[dice(2)]!;
      broker.stop();
      if (dice(2) === 0) await settle();
      if (dice(2) === 0) publish();
      await broker.restart();
    },
    async () => {
      if (!losesData || dice(4) > 0) return;
      stores.push(make());
      for (const broker of brokers) broker.stop();
      if (dice(2) === 0) await settle();
      for (const broker of brokers) await broker.restart(stores.at(-1)!);
      publish();
    },
    settle,
    () => clock.advance(dice(400)),
  ];
  for (const rig of rigs) await Promise.all(TOPICS.map((topic) => rig.join(topic)));
  for (let i = 0; i < STEPS; i++) await steps[dice(steps.length)]!();

  // All is well again, and time goes by.
  for (const broker of brokers) broker.mend();
  for (const subscriber of all) subscriber.isStuck = false;
  await rigs[0]!.pass(70_000);
  for (const subscriber of all) {
    subscriber.unsent = 0;
    for (const rig of rigs) rig.hub.drained(subscriber);
  }
  await rigs[0]!.pass(1_000);

  const truth = await truthOf(stores);
  const ends = new Map<string, string>();
  for (const [text, [epoch]] of truth) {
    if (epoch === (await stores.at(-1)!.tops(["t"]))[0]!.epoch) ends.set(text.split(" ")[0]!, text);
  }
  for (const subscriber of all) {
    check(subscriber, truth, seed);
    if (!losesData) assertEquals(subscriber.gaps, [], `seed ${seed}: nothing was lost`);
    const end = ends.get(subscriber.topic);
    const gotLast = subscriber.got.filter((each) => !each.startsWith("(")).at(-1);
    if (subscriber.isGone || end === undefined || gotLast === undefined) continue;
    assertEquals(gotLast, end, `seed ${seed}: all that is there was sent in the end`);
  }
  for (const rig of rigs) await rig[Symbol.asyncDispose]();
  await share?.[Symbol.asyncDispose]();
}

/** Each message follows the one before it, or a gap was told. */
function check(
  { got, topic }: Watched,
  truth: ReadonlyMap<string, readonly [epoch: string, at: number]>,
  seed: number,
): void {
  const where = `seed ${seed}, of ${topic}: ${got.join(", ")}`;
  let before: readonly [string, number] | undefined;
  let isTold = false;
  assertEquals(
    new Set(got.filter((each) => !each.startsWith("("))).size,
    got.filter((each) => !each.startsWith("(")).length,
    `${where}: twice`,
  );
  for (const each of got) {
    if (each.startsWith("(gap")) isTold = true;
    if (each.startsWith("(")) continue;
    const now = truth.get(each);
    assert(now !== undefined, `${where}: ${each} is in no store`);
    if (before !== undefined && !isTold) {
      assertEquals([now[0], now[1]], [before[0], before[1] + 1], `${where}: before ${each}`);
    }
    before = now;
    isTold = false;
  }
}

Deno.test("through random faults of a broker that keeps its data nothing is missed, and nothing doubled", async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) await play(seed, { losesData: false });
});

Deno.test("through random faults of a broker that loses its data everything missed is told", async () => {
  for (let seed = 1_001; seed <= 1_000 + ROUNDS; seed++) await play(seed, { losesData: true });
});

Deno.test("the same holds for contexts that share a broker, each at a port", async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    await play(seed, { losesData: seed % 2 === 0, isShared: true });
  }
});
