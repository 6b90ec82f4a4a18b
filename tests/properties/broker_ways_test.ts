/**
 * Contexts whose broker's answers and live feed come by two ways, each as slow as chance has it: those that follow
 * topics, and go on at their positions on other contexts, miss nothing without being told and get nothing twice.
 */

import { assertEquals } from "@std/assert";
import type { Position, TopicGap } from "../../mod.ts";
import { DEFAULT_TOPIC_LIMITS } from "../../src/api/topics/limits.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { BrokerHub } from "../../src/topics/broker/hub.ts";
import { audit, NO_FAULTS } from "../support/topics/audit.ts";
import type { Entry, Followed } from "../support/topics/trace.ts";
import { SlowNode, SlowStore } from "../support/topics/slow_broker.ts";
import { captureLog } from "../support/recorder.ts";
import { type Message, message, messages, Played } from "../unit/topics/played_subscriber.ts";
import { random } from "./random.ts";

const SEEDS = 1_000;
const STEPS = 300;
const TOPICS = ["t", "u"];
const LIMITS = {
  ...DEFAULT_TOPIC_LIMITS,
  ...{ maxUnsent: 60, lingerMs: 300, positionCheckMs: 1_000, brokerTimeoutMs: 60_000 },
};

type Hub = BrokerHub<Message>;
type Told = Extract<Entry, { kind: "message" | "gap" }>;

/** A connection of a follower. */
class Link extends Played {
  readonly #told: (entry: Told) => void;

  constructor(told: (entry: Told) => void) {
    super({
      encode: ({ epoch, offset, data }) => `${epoch} ${offset} ${new TextDecoder().decode(data)}`,
    });
    this.#told = told;
  }

  override deliver(sent: Message): undefined {
    super.deliver(sent);
    const [epoch, offset, number] = sent.text.split(" ") as [string, string, string];
    const position = { epoch, offset: Number(offset) };
    const numbered = { publisher: "store", number: Number(number) };
    this.#told({ kind: "message", message: { ...numbered, ...position } });
  }

  override tellGap({ position, cause }: TopicGap): void {
    this.#told({ kind: "gap", start: position, cause });
  }
}

/** One that follows a topic on one hub after the other. */
class Follower implements Followed {
  readonly topic: string;
  readonly trace: Entry[] = [];
  link: Link | undefined;
  hub: Hub | undefined;
  position: Position | undefined;

  constructor(topic: string) {
    this.topic = topic;
  }

  follow(hub: Hub): void {
    const since = this.position;
    let early: Told[] | undefined = [];
    const link = new Link((entry) => {
      // What came before the answer is not handed on if none comes.
      if (this.link !== link) return;
      if (early === undefined) this.#take(entry);
      else early.push(entry);
    });
    [this.link, this.hub] = [link, hub];
    Promise.resolve(hub.subscribe(link, this.topic, since)).then((begun) => {
      if (this.link !== link) return;
      const { epoch, offset, recovered, count } = begun;
      const start = { epoch, offset };
      const waited = early!;
      this.trace.push({ kind: "begun", since, recovered, start, count, came: waited.length });
      if (since === undefined || !recovered) this.position = start;
      early = undefined;
      for (const entry of waited) this.#take(entry);
    }, () => {
      if (this.link === link) this.link = undefined;
    });
  }

  #take(entry: Told): void {
    this.trace.push(entry);
    const { epoch, offset } = entry.kind === "gap" ? entry.start : entry.message;
    this.position = { epoch, offset };
  }

  leave(): void {
    const { link, hub } = this;
    this.link = undefined;
    if (link !== undefined) hub!.end(link);
  }
}

/** Lets what promises have brought happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}

async function play(seed: number): Promise<void> {
  using _log = captureLog();
  const dice = random(seed);
  const clock = new FakeClock();
  const store = new SlowStore([8, 40, 1_000][dice(3)]!);
  const nodes = [new SlowNode(store), new SlowNode(store)];
  const hubs = nodes.map((broker) =>
    new BrokerHub({
      onBrokerLimit() {},
      limits: LIMITS,
      messages: messages(true),
      onLimit: () => {},
      broker,
      clock,
      serve: undefined,
      tellState: () => {},
    })
  );
  const followers = Array.from({ length: 8 }, (_, i) => new Follower(TOPICS[i % 2]!));
  const follower = () => followers[dice(followers.length)]!;
  const node = () => nodes[dice(2)]!;
  const topic = () => TOPICS[dice(2)]!;
  const rarely = (of: number, work: () => void) => () => void (dice(of) === 0 && work());
  const steps: readonly (() => void)[] = [
    ...new Array(6).fill(() => void hubs[dice(2)]!.publish(topic(), message("")).catch(() => {})),
    // More than a node has at hand, by another one.
    rarely(3, () => {
      const busy = topic();
      for (let i = dice(60); i > 0; i--) store.publish(busy);
    }),
    ...new Array(8).fill(() => node().take()),
    ...new Array(8).fill(() => node().answer()),
    ...new Array(3).fill(() => node().takeRequest()),
    ...new Array(10).fill(() => {
      const one = node();
      for (let i = dice(8); i >= 0; i--) one.deliver();
    }),
    ...new Array(3).fill(() => {
      const one = follower();
      if (one.link === undefined) one.follow(hubs[dice(2)]!);
    }),
    () => follower().leave(),
    rarely(3, () => {
      const { link } = follower();
      if (link !== undefined) link.isStuck = true;
    }),
    () => {
      const { link, hub } = follower();
      if (link === undefined) return;
      [link.isStuck, link.unsent] = [false, 0];
      hub!.drained(link);
    },
    rarely(4, () => node().cut()),
    () => node().mend(),
    rarely(8, () => node().deafen()),
    rarely(10, () => store.lose(topic(), dice(2) === 0)),
    rarely(12, () => {
      store.isUp = false;
      for (const each of nodes) each.fall();
      if (dice(2) === 0) { for (const each of TOPICS) store.lose(each, true); }
    }),
    () => {
      store.isUp = true;
      node().rise();
    },
    rarely(10, () => node().fall()),
    () => clock.advance(dice(400)),
  ];
  // A broker begins with the first that is asked of it.
  for (const [i, hub] of hubs.entries()) followers[i]!.follow(hub);
  await settle();
  for (let i = 0; i < STEPS; i++) {
    steps[dice(steps.length)]!();
    if (dice(4) > 0) await settle();
  }
  await end(clock, store, nodes, hubs, followers);
  const { faults, complaints } = audit(followers, [store.published]);
  assertEquals({ seed, faults, complaints }, { seed, faults: NO_FAULTS, complaints: [] });
  for (const { topic, position } of followers) {
    assertEquals({ seed, topic, position }, { seed, topic, position: store.top(topic) });
  }
  await Promise.all(hubs.map((hub) => hub.close()));
}

/** All is well again, all that is under way comes, and each follower is sent something more. */
async function end(
  clock: FakeClock,
  store: SlowStore,
  nodes: readonly SlowNode[],
  hubs: readonly Hub[],
  followers: readonly Follower[],
): Promise<void> {
  const flow = async (ms: number) => {
    for (let at = 0; at < ms; at += 50) {
      clock.advance(50);
      for (let i = 0; i < 1_000 && !nodes.every(({ isIdle }) => isIdle); i++) {
        for (const node of nodes) {
          node.rise();
          node.mend();
          node.take();
          node.answer();
          node.takeRequest();
          node.deliver();
        }
        await settle();
      }
      await settle();
    }
  };
  store.isUp = true;
  for (const { link, hub } of followers) {
    if (link === undefined) continue;
    [link.isStuck, link.unsent] = [false, 0];
    hub!.drained(link);
  }
  await flow(10_000);
  for (const [i, follower] of followers.entries()) {
    if (follower.link === undefined) follower.follow(hubs[i % 2]!);
  }
  await flow(1_000);
  for (const topic of TOPICS) void hubs[0]!.publish(topic, message(""));
  await flow(5_000);
}

Deno.test("whatever is slower, answers or the live feed, nothing is lost without a word and nothing comes twice", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await play(seed);
});
