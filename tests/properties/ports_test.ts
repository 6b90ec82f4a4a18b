/**
 * Random use of a broker that is shared over ports: each port gets what is published to the topics that it has, whole, in
 * order and once, or it is told that it may have missed something; and no answer is ahead of what comes live.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublication,
  memoryBroker,
  portBroker,
  shareBroker,
} from "../../mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import {
  type BrokerCall,
  type FaultyBroker,
  faultyBroker,
} from "../../src/testing/faulty_broker.ts";
import { captureLog } from "../support/recorder.ts";
import { settle } from "../support/serve.ts";
import { checkAsync, fc } from "./support.ts";

const TOPICS = ["a", "b"];
const LEAST_UNREAD = 64 * 1024;
const clock = new FakeClock();

/** What is known of a topic that an end has. */
interface Watched {
  /** Offset of the last one that has come, or was there when it was asked; none where something may be missed. */
  at: number | undefined;
  last: string;
}

/** A port's broker, used as a context does. */
class End implements BrokerEvents {
  readonly broker: Broker;
  readonly wanted = new Map<string, Watched>();
  readonly faults: string[] = [];
  /** Whether something was told to be missed. */
  interruptions = 0;
  /** Counts what makes earlier answers worth nothing. */
  #count = 0;

  constructor(port: MessagePort) {
    this.broker = portBroker(port);
  }

  publication(topic: string, { offset, previous, data }: BrokerPublication): void {
    const watched = this.wanted.get(topic);
    if (watched === undefined) return;
    const { at } = watched;
    if (at !== undefined && previous !== at) {
      this.faults.push(`${topic}: ${offset} behind ${previous}, and not ${at}`);
    }
    watched.at = offset;
    watched.last = String(data.length);
  }

  interrupted(topics: readonly string[] = TOPICS): void {
    this.interruptions++;
    this.#doubt(topics);
  }

  state(isUp: boolean): void {
    this.#doubt(TOPICS);
    if (isUp) { for (const topic of this.wanted.keys()) void this.#subscribe(topic); }
  }

  #doubt(topics: readonly string[]): void {
    this.#count++;
    for (const topic of topics) {
      const watched = this.wanted.get(topic);
      if (watched !== undefined) watched.at = undefined;
    }
  }

  want(topic: string): void {
    if (this.wanted.has(topic)) return;
    this.wanted.set(topic, { at: undefined, last: "" });
    void this.#subscribe(topic);
  }

  leave(topic: string): void {
    if (this.wanted.delete(topic)) this.broker.unsubscribe([topic]).catch(() => {});
  }

  /** Tries until it succeeds, or something has begun anew. */
  async #subscribe(topic: string): Promise<void> {
    const watched = this.wanted.get(topic);
    const count = this.#count;
    const isCurrent = () => watched === this.wanted.get(topic) && count === this.#count;
    for (let i = 0; i < 20; i++) {
      try {
        await this.broker.subscribe([topic]);
        const [top] = await this.broker.tops([topic]);
        if (isCurrent()) watched!.at ??= top!.offset;
        return;
      } catch {
        await settle();
      }
      if (watched !== this.wanted.get(topic)) return;
    }
  }
}

type Step =
  | {
    readonly do: "publish";
    readonly end: number;
    readonly topic: string;
    readonly lengths: number[];
  }
  | { readonly do: "want" | "leave"; readonly end: number; readonly topic: string }
  | { readonly do: "fail" | "hold"; readonly call: BrokerCall }
  | { readonly do: "restart" | "release" | "turn" | "settle" };

const end = fc.nat(1);
const topic = fc.constantFrom(...TOPICS);
const call = fc.constantFrom<BrokerCall>("subscribe", "unsubscribe", "tops");
const length = fc.oneof(fc.nat(100), fc.constant(20_000));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      end,
      topic,
      lengths: fc.array(length, { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("want", "leave"), end, topic }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("fail", "hold"), call }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("restart", "release", "turn", "settle") }),
  },
);

const held: (() => void)[] = [];

async function take(step: Step, broker: FaultyBroker, ends: readonly End[]): Promise<void> {
  switch (step.do) {
    case "publish":
      for (const length of step.lengths) {
        const options = { isBinary: true, history: true };
        ends[step.end]!.broker.publish(step.topic, new Uint8Array(length), options).catch(() => {});
      }
      break;
    case "want":
      return ends[step.end]!.want(step.topic);
    case "leave":
      return ends[step.end]!.leave(step.topic);
    case "fail":
      return broker.fail(step.call);
    case "hold": {
      const calls = broker.holdAnswer(step.call);
      held.push(() => calls.release());
      break;
    }
    case "release":
      for (const each of held.splice(0)) each();
      break;
    case "restart":
      return await broker.restart();
    case "turn":
      return await new Promise((resolve) => setImmediate(resolve));
    case "settle":
      return await settle();
  }
}

Deno.test("over ports nothing is missed without a word, nothing doubled, and no answer is ahead of the live feed", async () => {
  using _log = captureLog();
  let interruptions = 0;
  await checkAsync(
    { seed: 1, numRuns: 50 },
    fc.array(step, { minLength: 10, maxLength: 60 }),
    async (steps) => {
      const broker = faultyBroker(memoryBroker({ historySize: 1_000 }));
      await using share = shareBroker(broker, { clock, maxUnread: LEAST_UNREAD });
      const ends = [new End(share.openPort()), new End(share.openPort())];
      for (const end of ends) await end.broker.start(end, clock);
      for (const each of steps) await take(each, broker, ends);

      // All is well again.
      for (const each of held.splice(0)) each();
      broker.mend();
      await settle();
      await settle();
      for (const [i, topic] of TOPICS.entries()) {
        const options = { isBinary: true, history: true };
        await ends[0]!.broker.publish(topic, new Uint8Array(1_000 + i), options);
      }
      await settle();
      for (const end of ends) {
        assertEquals(end.faults, []);
        for (const [topic, { last }] of end.wanted) {
          assertEquals(last, String(1_000 + TOPICS.indexOf(topic)), topic);
        }
        interruptions += end.interruptions;
        await end.broker[Symbol.asyncDispose]();
      }
      await settle();
      assertEquals(share.portCount, 0);
    },
  );
  assert(interruptions > 0, "some were past the limit of what is unread");
});
