import { assertEquals, assertStringIncludes } from "@std/assert";
import { setLogLevel } from "../../../src/base/log.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { PolledService, type PollHost } from "../../../src/service/polled_service.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../../src/api/service.ts";
import { ServicedClock } from "../../../src/service/serviced_clock.ts";

const HOST: PollHost = {
  addPollFd: () => true,
  delPollFd() {},
  changeModePollFd() {},
  serviceBegins() {},
  abort() {},
};

function setUp() {
  const service = new PolledService(new FakeClock(), HOST);
  const slot = service.slot(7, POLLIN);
  service.announce(slot);
  const told: string[] = [];
  const task = (name: string, work = () => {}) => ({
    socketFd: 7,
    service() {
      told.push(name);
      work();
    },
  });
  const serve = (revents: number) => service.serviceFd({ fd: 7, events: POLLIN, revents });
  return { service, slot, told, task, serve };
}

Deno.test("what is writable is told first, and may stop what is readable", () => {
  const { service, slot, told, task, serve } = setUp();
  service.arrived(task("read"), POLLIN);
  service.arrived(task("write", () => slot.setReading(false)), POLLOUT);
  serve(POLLIN | POLLOUT);
  assertEquals(told, ["write"]);
  slot.setReading(true);
  serve(POLLIN | POLLOUT);
  assertEquals(told, ["write", "read"]);
});

Deno.test("what a task brings about waits for the next call", () => {
  const { service, told, task, serve } = setUp();
  service.arrived(task("first", () => service.arrived(task("second"), POLLIN)), POLLIN);
  serve(POLLIN);
  assertEquals(told, ["first"]);
  serve(POLLIN);
  assertEquals(told, ["first", "second"]);
});

Deno.test("an end is told behind what was read, and to who asks for either", () => {
  for (const revents of [POLLIN, POLLIN | POLLHUP]) {
    const { service, told, task, serve } = setUp();
    service.arrived(task("end"), POLLHUP);
    service.arrived(task("read"), POLLIN);
    serve(POLLOUT);
    assertEquals(told, []);
    serve(revents);
    assertEquals(told, ["read", "end"]);
  }
});

Deno.test("once released, what waited is told before what comes then", () => {
  const { service, told, task } = setUp();
  service.arrived(task("waited"), POLLIN);
  service.release();
  assertEquals(told, [], "not inside the call");
  service.arrived(task("came"), POLLIN);
  assertEquals(told, ["waited", "came"]);
  service.stop();
});

Deno.test("what waits of a descriptor that is gone is forgotten, and what comes is told at once", () => {
  const { service, told, task, serve } = setUp();
  service.arrived(task("waited"), POLLIN);
  service.unwatch(7);
  assertEquals(serve(POLLIN), 0);
  service.arrived(task("came"), POLLIN);
  assertEquals(told, ["came"]);
});

Deno.test("a task that throws leaves its descriptor in working order", () => {
  const { service, told, task, serve } = setUp();
  service.arrived(
    task("bad", () => {
      throw new Error("on purpose");
    }),
    POLLIN,
  );
  try {
    serve(POLLIN);
  } catch (error) {
    assertEquals((error as Error).message, "on purpose");
  }
  service.arrived(task("good"), POLLIN);
  serve(POLLIN);
  assertEquals(told, ["bad", "good"]);
});

Deno.test("a serviced clock runs what is due in runDue alone, and nothing before its time", () => {
  const below = new FakeClock();
  let announced = 0;
  const clock = new ServicedClock(below, () => announced++);
  const fired: string[] = [];
  clock.setTimer(() => fired.push("early"), 100);
  clock.setTimer(() => fired.push("late"), 200);
  below.advance(100);
  assertEquals([fired, announced, clock.hasDue], [[], 1, true]);
  clock.runDue();
  assertEquals([fired, clock.hasDue], [["early"], false]);
  const cancelled = clock.setTimer(() => fired.push("cancelled"), 10);
  clock.clearTimer(cancelled);
  clock.release();
  below.advance(100);
  assertEquals(fired, ["early", "late"]);
  assertEquals(below.pending, 0);
});

Deno.test("a loop that forgets to await its calls is told once, and one that awaits is not", async () => {
  const lines: string[] = [];
  setLogLevel(["warn"], (_level, line) => lines.push(line));
  try {
    const { service } = setUp();
    for (let i = 0; i < 200; i++) await service.service(0);
    let calls: Promise<number>[] = [];
    for (let i = 0; i < 99; i++) calls.push(i % 2 === 0 ? service.service(0) : service.poll([], 0));
    assertEquals(lines, []);
    await Promise.all(calls);
    calls = Array.from({ length: 300 }, () => service.service(0));
    assertEquals(lines.length, 1);
    assertStringIncludes(lines[0]!, "100 calls of service or poll wait at once: await each");
    await Promise.all(calls);
  } finally {
    setLogLevel([], () => {});
  }
});
