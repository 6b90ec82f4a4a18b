/** RFC 8305: which address is tried when, and what becomes of the others. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ATTEMPT_DELAY_MS,
  interleaved,
  raceAddresses,
} from "../../../src/transport/happy_eyeballs.ts";

const V4 = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const;
const V6 = ["2001:db8::1", "2001:db8::2"] as const;

/** Dials that the test answers, and a clock that it turns. */
class Course {
  readonly begun: string[] = [];
  readonly aborted: string[] = [];
  readonly discarded: string[] = [];
  readonly #attempts = new Map<string, PromiseWithResolvers<string>>();
  #timer: { run: () => void; at: number } | undefined;
  #now = 0;

  readonly dial = (address: string, signal: AbortSignal): Promise<string> => {
    this.begun.push(address);
    const attempt = Promise.withResolvers<string>();
    this.#attempts.set(address, attempt);
    signal.addEventListener("abort", () => this.aborted.push(address));
    return attempt.promise;
  };

  readonly discard = (connection: string): void => void this.discarded.push(connection);

  readonly after = (run: () => void, delayMs: number): () => void => {
    assertEquals(this.#timer, undefined, "one timer at a time");
    const timer = this.#timer = { run, at: this.#now + delayMs };
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  };

  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  advance(ms: number): void {
    this.#now += ms;
    const timer = this.#timer;
    if (timer === undefined || timer.at > this.#now) return;
    this.#timer = undefined;
    timer.run();
  }

  async answer(address: string): Promise<void> {
    this.#attempts.get(address)!.resolve(address);
    await turn();
  }

  async refuse(address: string): Promise<void> {
    this.#attempts.get(address)!.reject(new Error("refused"));
    await turn();
  }

  race(addresses: readonly string[], signal = new AbortController().signal): Promise<string> {
    return raceAddresses(addresses, this, signal);
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

Deno.test("section 4: families take turns, and the first address's family begins", () => {
  assertEquals(interleaved([V6[0], V6[1], ...V4]), [V6[0], V4[0], V6[1], V4[1], V4[2]]);
  assertEquals(interleaved([V4[0], V4[1], V6[0]]), [V4[0], V6[0], V4[1]]);
  assertEquals(interleaved([V4[0], V4[0], V6[0], V4[0]]), [V4[0], V6[0]]);
  assertEquals(interleaved(V4), [...V4]);
  assertEquals(interleaved([]), []);
});

Deno.test("section 5: an attempt begins 250 ms behind the one before, which goes on", async () => {
  const course = new Course();
  const race = course.race(V4);
  assertEquals(course.begun, [V4[0]]);
  course.advance(ATTEMPT_DELAY_MS - 1);
  assertEquals(course.begun, [V4[0]]);
  course.advance(1);
  assertEquals(course.begun, [V4[0], V4[1]]);
  assertEquals(course.aborted, []);
  course.advance(250);
  assertEquals(course.begun, [...V4]);
  assert(!course.isWaiting);
  await course.answer(V4[0]);
  assertEquals(await race, V4[0]);
});

Deno.test("an attempt that fails lets the next one begin at once, with 250 ms of its own", async () => {
  const course = new Course();
  const race = course.race(V4);
  course.advance(100);
  await course.refuse(V4[0]);
  assertEquals(course.begun, [V4[0], V4[1]]);
  course.advance(249);
  assertEquals(course.begun, [V4[0], V4[1]]);
  course.advance(1);
  assertEquals(course.begun, [...V4]);
  await course.answer(V4[2]);
  assertEquals(await race, V4[2]);
});

Deno.test("the first connection ends the others, and no more begin", async () => {
  const course = new Course();
  const race = course.race([...V4, ...V6]);
  course.advance(250);
  await course.answer(V4[1]);
  assertEquals(await race, V4[1]);
  assert(course.aborted.includes(V4[0]));
  assert(!course.isWaiting);
  course.advance(10_000);
  assertEquals(course.begun, [V4[0], V4[1]]);
});

Deno.test("a connection that comes too late is closed", async () => {
  const course = new Course();
  const race = course.race(V4);
  course.advance(250);
  await course.answer(V4[1]);
  await course.answer(V4[0]);
  assertEquals(await race, V4[1]);
  assertEquals(course.discarded, [V4[0]]);
});

Deno.test("when nobody answers, the error has them all, in the order they were tried", async () => {
  const course = new Course();
  const race = course.race(V4);
  course.advance(250);
  await course.refuse(V4[1]);
  assertEquals(course.begun, [...V4]);
  await course.refuse(V4[2]);
  await course.refuse(V4[0]);
  const error = await assertRejects(() => race, AggregateError);
  assertEquals(error.message, V4.map((each) => `${each}: refused`).join("; "));
  assertEquals(error.errors.length, 3);
});

Deno.test("the error of a single address is its own", async () => {
  const course = new Course();
  const race = course.race([V4[0]]);
  assert(!course.isWaiting);
  await course.refuse(V4[0]);
  assert(!(await assertRejects(() => race, Error, "refused") instanceof AggregateError));
});

Deno.test("who gives up ends every attempt, and what still comes is closed", async () => {
  const course = new Course();
  const aborter = new AbortController();
  const race = course.race(V4, aborter.signal);
  course.advance(250);
  aborter.abort(new Error("enough"));
  await assertRejects(() => race, Error, "enough");
  assertEquals(course.aborted, [V4[0], V4[1]]);
  assert(!course.isWaiting);
  await course.refuse(V4[1]);
  await course.answer(V4[0]);
  assertEquals(course.begun, [V4[0], V4[1]]);
  assertEquals(course.discarded, [V4[0]]);
});

Deno.test("who gave up before has nothing begun", async () => {
  const course = new Course();
  await assertRejects(
    () => course.race(V4, AbortSignal.abort(new Error("enough"))),
    Error,
    "enough",
  );
  assertEquals(course.begun, []);
});
