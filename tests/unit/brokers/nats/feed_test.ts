import { assertEquals, assertRejects } from "@std/assert";
import { headers, type Msg } from "npm:@nats-io/nats-core@^3.4";
import { type BrokerEvents, LwsError, setLogLevel } from "@x/lws";
import { FakeClock } from "@x/lws/testing";
import { LiveFeed } from "../../../../src/brokers/nats/feed.ts";
import type { Line } from "../../../../src/brokers/nats/server/connection.ts";
import { Shard } from "../../../../src/brokers/nats/shard.ts";
import { Layout } from "../../../../src/brokers/nats/subjects.ts";

type Callback = (error: Error | null, message: Msg) => void;

/** A feed over a connection that brings what a test says. */
class Rig implements BrokerEvents {
  readonly clock = new FakeClock();
  readonly shard = new Shard(0, "lws_0");
  readonly feed: LiveFeed;
  readonly told: string[] = [];
  checks = 0;
  refused: string | undefined;
  readonly #subscriptions = new Map<string, Callback>();

  constructor(historyTtlMs = 60_000) {
    this.shard.epoch = "old";
    const setup = {
      layout: new Layout("lws", 1),
      shards: [this.shard],
      events: this,
      clock: this.clock,
      historyTtlMs,
    };
    this.feed = new LiveFeed(setup, {
      check: (shard) => {
        this.checks++;
        return shard.checking = new Promise(() => {});
      },
    });
  }

  publication(
    topic: string,
    { epoch, offset, previous }: { epoch: string; offset: number; previous?: number },
  ): void {
    this.told.push(epoch === "" ? `${topic} beside` : `${topic} ${epoch} ${previous}>${offset}`);
  }

  interrupted(topics: readonly string[] = []): void {
    this.told.push(`interrupted ${topics.join()}`);
  }

  state(): void {}

  get line(): Line {
    const connection = {
      subscribe: (subject: string, { callback }: { callback: Callback }) => {
        if (subject === this.refused) queueMicrotask(() => callback(new Error("no"), {} as Msg));
        else this.#subscriptions.set(subject, callback);
        return { unsubscribe: () => this.#subscriptions.delete(subject) };
      },
      flush: () => Promise.resolve(),
    };
    return { connection } as unknown as Line;
  }

  get subjects(): string[] {
    return [...this.#subscriptions.keys()];
  }

  /** Subscribes, and says where the topics stand. */
  async open(tops: Record<string, number>): Promise<void> {
    await this.feed.subscribe(Object.keys(tops), this.line);
    for (const [topic, top] of Object.entries(tops)) {
      this.feed.standsAt(this.feed.entry(topic)!, top);
    }
  }

  /** A message comes live; without a sequence it is one that no stream has kept. */
  come(topic: string, sequence?: number, last = 0): void {
    const all = headers();
    if (sequence !== undefined) {
      all.append("Nats-Stream", "lws_0");
      all.append("Nats-Sequence", String(sequence));
      all.append("Nats-Last-Sequence", String(last));
    }
    const message = { headers: all, data: new Uint8Array() } as unknown as Msg;
    this.#subscriptions.get(`lws.live.${topic}`)!(null, message);
  }

  /** The stream has answered. */
  checked(epoch?: string): void {
    this.shard.checking = undefined;
    const info = { config: { name: "lws_0" }, created: epoch ?? "old", state: undefined! };
    this.feed.checked(this.shard, epoch !== undefined && this.shard.identify(info));
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

Deno.test("what follows comes at once, with the sequence in front of it", async () => {
  const rig = new Rig();
  await rig.open({ a: 4, b: 0 });
  rig.come("a", 7, 4);
  rig.come("b", 8);
  rig.come("a");
  rig.come("a", 9, 7);
  assertEquals(rig.take(), ["a old 4>7", "b old 0>8", "a beside", "a old 7>9"]);
  assertEquals(rig.checks, 0);
});

Deno.test("without a history nothing has a place, though other contexts keep one", async () => {
  const rig = new Rig();
  rig.shard.epoch = "";
  await rig.open({ a: 0 });
  rig.come("a", 7, 4);
  rig.come("a", 5);
  assertEquals([rig.take(), rig.checks], [["a beside", "a beside"], 0]);
});

Deno.test("what is not consecutive is told so: the context makes up for it", async () => {
  const rig = new Rig();
  await rig.open({ a: 4 });
  rig.come("a", 9, 7);
  // From before the position was read.
  const other = new Rig();
  await other.open({ a: 9 });
  other.come("a", 7, 4);
  assertEquals([rig.take(), other.take()], [["a old 7>9"], ["a old 4>7"]]);
});

Deno.test("where nothing is kept in front of a message any more, the stream is asked whether it is the same", async () => {
  const rig = new Rig();
  await rig.open({ a: 4, b: 2 });
  rig.come("a", 9);
  rig.come("b", 10, 2);
  rig.come("b");
  assertEquals([rig.take(), rig.checks], [[], 1]);
  rig.checked();
  // Nothing was missed: it would have come.
  assertEquals(rig.take(), ["a old 4>9", "b old 2>10", "b beside"]);
});

Deno.test("a sequence that has been is of another count, and is read again from there", async () => {
  const rig = new Rig();
  await rig.open({ a: 4, b: 0 });
  rig.come("a", 7, 4);
  rig.come("b", 3);
  rig.come("a", 5);
  rig.come("b");
  assertEquals([rig.take(), rig.checks], [["a old 4>7"], 1]);
  rig.checked("new");
  assertEquals(rig.take(), ["interrupted a,b", "b beside"]);
  rig.come("a", 6, 5);
  assertEquals(rig.take(), ["a new 5>6"]);
});

Deno.test("after another connection what was known counts for half as long as things are kept", async () => {
  for (const [silentMs, told] of [[14_000, "a old 4>9"], [16_000, "a old 8>9"]] as const) {
    const rig = new Rig();
    await rig.open({ a: 4 });
    rig.feed.lost();
    assertEquals(rig.feed.entry("a")!.subscription, undefined);
    rig.clock.advance(silentMs);
    await rig.feed.subscribe(["a"], rig.line);
    assertEquals(rig.feed.knows(rig.feed.entry("a")!), silentMs === 14_000);
    rig.come("a", 9);
    rig.checked();
    assertEquals(rig.take(), [told]);
  }
});

Deno.test("after two other connections nothing is known any more", async () => {
  const rig = new Rig(Infinity);
  await rig.open({ a: 4 });
  rig.feed.lost();
  assertEquals(rig.feed.knows(rig.feed.entry("a")!), true);
  rig.feed.lost();
  assertEquals(rig.feed.knows(rig.feed.entry("a")!), false);
});

Deno.test("more than may wait for the stream is dropped, and told", async () => {
  const lines: string[] = [];
  setLogLevel(["warn"], (_, line) => lines.push(line));
  const rig = new Rig();
  await rig.open({ a: 4 });
  for (let i = 0; i < 10_000; i++) rig.come("a", 9 + i);
  assertEquals(rig.take(), []);
  rig.come("a", 1);
  assertEquals([rig.take(), lines.length], [["interrupted a"], 1]);
  rig.checked();
  assertEquals(rig.take(), []);
});

Deno.test("a subscription is made once, ends once, and one that the server refuses is told", async () => {
  const rig = new Rig();
  await rig.feed.subscribe(["a", "b.c"], rig.line);
  await rig.feed.subscribe(["a"], rig.line);
  assertEquals(rig.subjects, ["lws.live.a", "lws.live.b%2ec"]);
  rig.feed.unsubscribe(["a", "none"]);
  assertEquals(rig.subjects, ["lws.live.b%2ec"]);
  rig.refused = "lws.live.x";
  const error = await assertRejects(() => rig.feed.subscribe(["x", "y"], rig.line), LwsError);
  assertEquals(error.code, "permission-denied");
  assertEquals([rig.feed.entry("x"), rig.feed.entry("y")?.topic], [undefined, "y"]);
  rig.feed.close();
  assertEquals(rig.subjects, []);
});
