import { assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../../../../src/brokers/redis/server/connection.ts";
import { Subscriptions } from "../../../../../src/brokers/redis/server/subscriptions.ts";

/** A connection that writes down what it is asked for, and answers when a test says so. */
class Played {
  readonly calls: string[] = [];
  isOpen = true;
  /** Set: calls wait for `answer`. */
  waits = false;
  /** What calls are refused with. */
  refusal: Error | undefined;
  readonly #waiting: (() => void)[] = [];

  subscribe(channels: readonly string[]): Promise<void> {
    return this.#called(`+${channels.length > 5 ? channels.length : channels.join()}`);
  }

  unsubscribe(channels: readonly string[]): Promise<void> {
    return this.#called(`-${channels.join()}`);
  }

  async #called(call: string): Promise<void> {
    this.calls.push(call);
    if (this.waits) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.refusal !== undefined) throw this.refusal;
  }

  answer(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  get connection(): Connection {
    return this as unknown as Connection;
  }
}

function make(isSharded = false): Subscriptions {
  return new Subscriptions(isSharded, () => {});
}

Deno.test("a channel is subscribed to once, and a second call waits for the first", async () => {
  const feed = new Played();
  const all = make();
  feed.waits = true;
  const first = all.add(feed.connection, ["a", "b"]);
  let isDone = false;
  const second = all.add(feed.connection, ["b", "c"]).then(() => isDone = true);
  await Promise.resolve();
  assertEquals([feed.calls, isDone], [["+a,b", "+c"], false]);
  feed.answer();
  await Promise.all([first, second]);
  await all.add(feed.connection, ["a"]);
  assertEquals([feed.calls.length, all.channels], [2, ["a", "b", "c"]]);
});

Deno.test("what was refused is not held for subscribed to, but by a connection that has ended", async () => {
  const feed = new Played();
  const all = make();
  feed.refusal = new Error("NOPERM");
  await assertRejects(() => all.add(feed.connection, ["a"]), Error, "NOPERM");
  assertEquals(all.channels, []);
  const ended = new Played();
  ended.refusal = new Error("closed");
  ended.isOpen = false;
  await assertRejects(() => all.add(ended.connection, ["a"]), Error, "closed");
  assertEquals(all.channels, ["a"], "the next one begins with it");
});

Deno.test("a new connection begins with all, a thousand at once, and with what is added meanwhile", async () => {
  const all = make();
  const channels = Array.from({ length: 2_000 }, (_, i) => `c${i}`);
  await all.adopt(undefined, channels);
  const feed = new Played();
  feed.waits = true;
  const begun = all.begin(feed.connection);
  assertEquals(feed.calls, ["+1000"]);
  await all.adopt(undefined, ["late"]);
  await all.remove(undefined, ["c1999"]);
  feed.waits = false;
  feed.answer();
  await begun;
  // One of them is gone, and the late one comes in its place.
  assertEquals(feed.calls, ["+1000", "+1000"]);
});

Deno.test("unsubscribing is for what was subscribed to, and not ended by the server", async () => {
  const feed = new Played();
  const all = make();
  await all.add(feed.connection, ["a", "b", "c"]);
  all.end("b");
  await all.remove(feed.connection, ["a", "b", "x"]);
  assertEquals([feed.calls.at(-1), all.channels], ["-a", ["c"]]);
  await all.add(feed.connection, ["a"]);
  assertEquals(feed.calls.at(-1), "+a");
});

Deno.test("sharded channels are subscribed to slot by slot", async () => {
  const feed = new Played();
  const all = make(true);
  await all.add(feed.connection, ["{x}:1", "{y}:1", "{x}:2"]);
  assertEquals(feed.calls.toSorted(), ["+{x}:1,{x}:2", "+{y}:1"]);
  await all.remove(feed.connection, ["{x}:1", "{y}:1"]);
  assertEquals(feed.calls.slice(2).toSorted(), ["-{x}:1", "-{y}:1"]);
});

Deno.test("of channels that go to another server the connection knows, or has to be made anew", async () => {
  const feed = new Played();
  const all = make(true);
  await all.add(feed.connection, ["a", "b", "c"]);
  for (const channel of ["a", "b", "of another"]) all.end(channel);
  assertEquals(all.release(["a"]), true);
  assertEquals(all.release(["c"]), false);
  assertEquals([all.channels, all.takeEnded(), all.takeEnded()], [["b"], ["b"], []]);
  await all.adopt(feed.connection, ["b"]);
  assertEquals(feed.calls.at(-1), "+b");
});
