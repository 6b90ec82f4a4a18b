/**
 * Clients whose connections break at random, of two contexts whose broker fails at random: each is handed every
 * publication of its topics in order and once, or is told of the gap.
 */

import { assert, assertEquals } from "@std/assert";
import { type Broker, memoryBroker, type Position } from "../../mod.ts";
import type { ResumeSubscription } from "../../src/resume/mod.ts";
import type { BrokerCall } from "../../src/testing/mod.ts";
import { ResumeRig, type Roamer } from "../behaviour/resume/rig.ts";
import { captureLog } from "../support/recorder.ts";
import { settle } from "../support/serve.ts";
import { random } from "./random.ts";

const ROUNDS = 20;
const STEPS = 200;
const CLIENTS = 4;
const TOPICS = ["t", "u"];
const CALLS: readonly BrokerCall[] = ["subscribe", "unsubscribe", "history", "tops"];

/** All that a store took of each topic, in order, whatever it keeps. */
class Truth {
  readonly #all = new Map<string, { readonly at: Position; readonly text: string }[]>();

  async watch(store: Broker, clock: ResumeRig["clock"]): Promise<void> {
    const node = store.openNode!();
    const publication = (topic: string, { epoch, offset, data }: Position & { data: Uint8Array }) =>
      this.of(topic).push({ at: { epoch, offset }, text: new TextDecoder().decode(data) });
    await node.start({ publication, interrupted() {}, state() {} }, clock);
    await node.subscribe(TOPICS);
  }

  of(topic: string) {
    const known = this.#all.get(topic) ?? [];
    this.#all.set(topic, known);
    return known;
  }

  /** What follows a position. */
  next(topic: string, { epoch, offset }: Position): string | undefined {
    return this.of(topic).find(({ at }) => at.epoch === epoch && at.offset > offset)?.text;
  }
}

/** A topic of a client, with what is checked as it comes. */
class Follower {
  readonly got: string[] = [];
  gaps = 0;
  subscription: ResumeSubscription | undefined;
  readonly #topic: string;
  readonly #truth: Truth;
  readonly #seen = new Set<string>();
  #last: Position | undefined;

  constructor(topic: string, truth: Truth) {
    this.#topic = topic;
    this.#truth = truth;
  }

  begin(roamer: Roamer): void {
    const since = this.#last;
    this.subscription = roamer.client.subscribe(this.#topic, {
      ...since && { since },
      onMessage: (data, position) => this.#take(String(data), position),
      onGap: ({ cause, position }) => {
        this.gaps++;
        this.got.push(`(${cause})`);
        this.#last = position;
      },
    });
  }

  #take(text: string, position: Position): void {
    const where = `${this.#topic}: ${this.got.join(", ")} and then ${text}`;
    assert(!this.#seen.has(text), `twice: ${where}`);
    if (this.#last !== undefined) {
      assertEquals(text, this.#truth.next(this.#topic, this.#last), `missed: ${where}`);
    }
    this.#seen.add(text);
    this.got.push(text);
    this.#last = position;
  }
}

interface Game {
  readonly historySize: number;
  readonly losesData: boolean;
}

async function play(seed: number, { historySize, losesData }: Game): Promise<number> {
  const dice = random(seed);
  const make = () => memoryBroker({ historySize });
  let store = make();
  await using rig = new ResumeRig(store, {}, { topics: { lingerMs: 500 } });
  const truth = new Truth();
  await truth.watch(store, rig.clock);
  const roamers = Array.from(
    { length: CLIENTS },
    () => rig.roam({ random: () => dice(100) / 100 }),
  );
  const followers = roamers.map((roamer) =>
    TOPICS.map((topic) => {
      const follower = new Follower(topic, truth);
      follower.begin(roamer);
      return follower;
    })
  );
  const broker = () => rig.brokers[dice(2)]!;
  const roamer = () => roamers[dice(CLIENTS)]!;
  let count = 0;
  const publish = () => {
    const [topic, at] = [TOPICS[dice(2)]!, dice(2)];
    rig.publish(topic, `${topic} ${++count}`, at).catch(() => {});
  };
  const steps: readonly (() => void | Promise<void>)[] = [
    ...new Array(12).fill(publish),
    ...new Array(4).fill(() => roamer().cut()),
    () => {
      const hops = roamer();
      hops.at = 1 - hops.at;
      hops.cut();
    },
    () => {
      const [i, topic] = [dice(CLIENTS), dice(2)];
      followers[i]![topic]!.subscription!.unsubscribe();
      if (dice(2) === 0) publish();
      followers[i]![topic]!.begin(roamers[i]!);
    },
    () => broker().deafen(),
    () => {
      const each = broker();
      each.revive();
      each.interrupt();
    },
    () => {
      const held = broker()[dice(2) === 0 ? "hold" : "holdAnswer"](CALLS[dice(4)]!);
      rig.clock.setTimer(() => held.release(), 1 + dice(300));
    },
    () => broker().fail(CALLS[dice(4)]!, new Error("ordered"), 1 + dice(3)),
    async () => {
      const each = broker();
      each.stop();
      if (dice(2) === 0) await settle();
      if (dice(2) === 0) publish();
      await each.restart();
    },
    async () => {
      if (!losesData || dice(4) > 0) return;
      store = make();
      await truth.watch(store, rig.clock);
      for (const each of rig.brokers) each.stop();
      if (dice(2) === 0) await settle();
      for (const each of rig.brokers) await each.restart(store);
      publish();
    },
    settle,
    () => rig.pass(dice(400)),
    () => rig.pass(dice(4_000), 500),
  ];
  await rig.pass(1);
  for (let i = 0; i < STEPS; i++) await steps[dice(steps.length)]!();

  // All is well again, and time goes by.
  for (const each of rig.brokers) {
    each.mend();
    each.interrupt();
  }
  await rig.pass(90_000, 1_000);
  for (const topic of TOPICS) await rig.publish(topic, `${topic} ${++count}`);
  await rig.pass(1_000);
  assertEquals(roamers.flatMap(({ errors }) => errors), [], `seed ${seed}`);
  for (const [i, topic] of TOPICS.entries()) {
    const last = truth.of(topic).at(-1)!.text;
    for (const each of followers) assertEquals(each[i]!.got.at(-1), last, `seed ${seed}: the end`);
  }
  return followers.flat().reduce((sum, { gaps }) => sum + gaps, 0);
}

Deno.test("through random faults clients of a broker that keeps its data miss nothing, get nothing twice and hear of no gap", async () => {
  using _log = captureLog([]);
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const gaps = await play(seed, { historySize: Infinity, losesData: false });
    assertEquals(gaps, 0, `seed ${seed}`);
  }
});

Deno.test("through random faults clients of a broker that loses its data are told of all that they miss", async () => {
  using _log = captureLog([]);
  let gaps = 0;
  for (let seed = 1_001; seed <= 1_000 + ROUNDS; seed++) {
    gaps += await play(seed, { historySize: 4, losesData: true });
  }
  assert(gaps > 0);
});
