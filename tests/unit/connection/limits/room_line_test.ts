import { assertEquals } from "@std/assert";
import {
  type InLine,
  type LineContext,
  RoomLine,
} from "../../../../src/connection/limits/room_line.ts";
import type { WheelTimer } from "../../../../src/service/timer_wheel.ts";

const LIMIT = 256 * 1024;
/** More than this is a large answer. */
const LARGE = LIMIT / 256;

function lineOf(arm: (timer: WheelTimer) => void = () => {}): RoomLine {
  return new RoomLine({
    wheel: { now: () => 0, arm },
    scheduler: { arrived: ({ service }: { service: () => void }) => service() },
    budget: { mayGoOn: () => true },
    buffered: { isFull: false, cuts: 0, weightOf: ({ weight }: { weight: number }) => weight },
    limits: { maxBufferedBytes: LIMIT, sendTimeoutMs: 60_000 },
  } as unknown as LineContext);
}

/** A request whose answer will take so many bytes. */
function request(weight: number) {
  const one = {
    connection: { weight, turn: (work: () => void) => work() },
    isNew: true,
    turns: 0,
    goOn: () => void one.turns++,
    giveUp() {},
  };
  return one as unknown as InLine & { turns: number };
}

const crowd = (count: number, weight: number) =>
  Array.from({ length: count }, () => request(weight));

/** How many of a crowd may begin at once. */
function atOnce(line: RoomLine, requests: readonly InLine[]): number {
  return requests.filter((each) => line.enter(each)).length;
}

Deno.test("64 answers are made at a time, and the one behind them when they are done", () => {
  const line = lineOf();
  const requests = crowd(65, 10);
  assertEquals(atOnce(line, requests), 64);
  assertEquals(line.requests, 1);
  const last = requests.at(-1)!;
  for (const each of requests.slice(0, 63)) line.done(each);
  assertEquals(last.turns, 0);
  line.done(requests[63]!);
  assertEquals([last.turns, line.isMaking(last), line.requests], [1, true, 0]);
});

Deno.test("behind an answer that is large eight are, until 64 behind it were not", () => {
  const line = lineOf();
  const finish = (requests: readonly InLine[]) => {
    for (const each of requests) {
      if (line.isMaking(each)) line.done(each);
      else line.leave(each);
    }
  };
  for (const [weight, expected] of [[LARGE, 64], [LARGE + 1, 8]] as const) {
    finish([...crowd(1, weight)].filter((each) => line.enter(each)));
    const requests = crowd(65, 1);
    assertEquals(atOnce(line, requests), expected, `${weight}`);
    for (const each of requests.slice(expected)) line.leave(each);
    finish(requests.slice(0, expected));
  }
  // 8 of them are done.
  for (let i = 8; i < 63; i++) finish(crowd(1, LARGE).filter((each) => line.enter(each)));
  const few = crowd(9, 1);
  assertEquals(atOnce(line, few), 8);
  for (const each of few.slice(8)) line.leave(each);
  finish(few.slice(0, 8));
  assertEquals(atOnce(line, crowd(65, 1)), 64);
});

Deno.test("what is made for one connection goes on to others of it, and counts once", () => {
  const line = lineOf();
  const first = request(1);
  const second = { ...request(1), connection: first.connection };
  assertEquals(line.enter(first), true);
  assertEquals(line.enter(second), true);
  assertEquals([line.isMaking(first), line.isMaking(second)], [false, true]);
  assertEquals(atOnce(line, crowd(64, 1)), 63);
});

Deno.test("one that waited for a promise, and whose connection goes on to another, keeps nobody busy", async () => {
  const line = lineOf();
  const first = request(1);
  line.enter(first);
  line.awaits(first);
  const second = { ...request(1), connection: first.connection };
  line.enter(second);
  const others = crowd(63, 1);
  assertEquals(atOnce(line, others), 63);
  const last = request(1);
  assertEquals(line.enter(last), false);
  // Comes only when no microtask follows another for ever.
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([line.isMaking(second), last.turns], [true, 0]);
  for (const each of [first, second, ...others]) line.done(each);
  assertEquals(last.turns, 1);
});

Deno.test("what is never done is looked after: the second look lets the next one go on", () => {
  let look: WheelTimer | undefined;
  const line = lineOf((timer) => void (look = timer));
  assertEquals(atOnce(line, crowd(64, 1)), 64);
  assertEquals(look, undefined);
  const last = request(1);
  line.enter(last);
  look!.owner.onTimeout();
  assertEquals(last.turns, 0);
  look!.owner.onTimeout();
  assertEquals([last.turns, line.requests], [1, 0]);
});

for (const waitsFirst of [false, true]) {
  Deno.test(`what waits for promises keeps others for a moment, those that came ${waitsFirst ? "before" : "behind"}`, async () => {
    const line = lineOf();
    const making = crowd(64, 1);
    const last = request(1);
    assertEquals(atOnce(line, making), 64);
    if (waitsFirst) line.enter(last);
    for (const each of making) line.awaits(each);
    if (!waitsFirst) line.enter(last);
    assertEquals(last.turns, 0);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([last.turns, line.isMaking(last)], [1, true]);
  });
}
