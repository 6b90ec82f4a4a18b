import { assertEquals } from "@std/assert";
import { AutomaticScheduler, type Serviceable } from "../../../src/service/scheduler.ts";

/** A macrotask that was asked for after all those before it. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function task(service: () => void): Serviceable {
  return { socketFd: 0, service };
}

Deno.test("a request is served in a turn of its own, after the microtasks", async () => {
  const scheduler = new AutomaticScheduler();
  const seen: string[] = [];
  scheduler.request(task(() => seen.push("served")));
  seen.push("asked");
  await Promise.resolve();
  seen.push("microtask");
  await turn();
  assertEquals(seen, ["asked", "microtask", "served"]);
});

Deno.test("requests are served in their order, all in one turn", async () => {
  const scheduler = new AutomaticScheduler();
  const seen: number[] = [];
  for (let i = 0; i < 5; i++) {
    scheduler.request(task(() => {
      seen.push(i);
      queueMicrotask(() => seen.push(10 + i));
    }));
  }
  await turn();
  assertEquals(seen, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
});

Deno.test("a task that asks again and again is served in later turns and starves nobody", async () => {
  const scheduler = new AutomaticScheduler();
  let served = 0;
  const greedy = task(() => {
    served++;
    scheduler.request(greedy);
  });
  scheduler.request(greedy);
  for (let turns = 1; turns <= 5; turns++) {
    await turn();
    assertEquals(served, turns);
  }
  scheduler.stop();
});

Deno.test("what is asked for while others are served comes after them", async () => {
  const scheduler = new AutomaticScheduler();
  const seen: string[] = [];
  const late = task(() => seen.push("late"));
  scheduler.request(task(() => {
    seen.push("first");
    scheduler.request(late);
  }));
  scheduler.request(task(() => seen.push("second")));
  await turn();
  assertEquals(seen, ["first", "second"]);
  await turn();
  assertEquals(seen, ["first", "second", "late"]);
});

Deno.test("stop forgets what was requested and ignores later requests", async () => {
  const scheduler = new AutomaticScheduler();
  let served = 0;
  const counted = task(() => served++);
  scheduler.request(counted);
  scheduler.stop();
  scheduler.request(counted);
  await turn();
  await turn();
  assertEquals(served, 0);
});

Deno.test("stop from inside a task keeps those behind it from being served", async () => {
  const scheduler = new AutomaticScheduler();
  const seen: string[] = [];
  scheduler.request(task(() => {
    seen.push("stopper");
    scheduler.stop();
  }));
  scheduler.request(task(() => seen.push("behind")));
  await turn();
  await turn();
  assertEquals(seen, ["stopper"]);
});
