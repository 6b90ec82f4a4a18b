/** How waits on other threads end, of a context that its program serves. */

import { assertEquals } from "@std/assert";
import type { PolledHost } from "../../../../src/api/network.ts";
import type { PollFd } from "../../../../src/api/service.ts";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { type Fault, FaultyLibc } from "./faulty_libc.ts";

const HOST: PolledHost = {
  isKnown: () => true,
  watches() {},
  leaves() {},
  later: (_fd, work) => queueMicrotask(work),
  asideIsNeeded() {},
};

Deno.test({
  name:
    "a wait whose thread begins late is ended by what was to end it before, so that all is closed",
  ignore: !isEpollAvailable(),
  async fn() {
    const faulty = new FaultyLibc();
    const threadIsThere = Promise.withResolvers<void>();
    const late = (real: (...args: unknown[]) => unknown, ...args: unknown[]) =>
      threadIsThere.promise.then(() => real(...args));
    const goOn = Promise.withResolvers<void>();
    const next: Fault = (real, ...args) => {
      goOn.resolve();
      return real(...args);
    };
    faulty.next("pollElsewhere", late as unknown as Fault, next);
    const network = new EpollNetwork(faulty.libc, 1).polled(HOST);
    const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
    const waiting = network.ready().done;
    network.release();
    await goOn.promise;
    listener.close();
    threadIsThere.resolve();
    let timer;
    const hangs = new Promise((resolve) => timer = setTimeout(() => resolve("it hangs"), 20_000));
    const ended = Promise.all([waiting, network.released!()]).then(() => "all is closed");
    assertEquals(await Promise.race([ended, hangs]), "all is closed");
    clearTimeout(timer);
    assertEquals([...faulty.descriptors], []);
  },
});

Deno.test({
  name: "of several waits each has an end of its own, also one that is repeated too late",
  ignore: !isEpollAvailable(),
  async fn() {
    const faulty = new FaultyLibc();
    const network = new EpollNetwork(faulty.libc, 1).polled(HOST);
    const over: string[] = [];
    const wait = (name: string, given: PollFd[] | undefined) => {
      const { done, end } = network.ready(given);
      return { end, done: done.then(() => void over.push(name)) };
    };
    const all = [wait("ready", undefined), wait("poll", [])];
    for (const given of [undefined, []]) {
      const first = wait("first", given);
      first.end();
      await first.done;
      const second = wait("second", given);
      // What ended the first one may be the second one's now.
      first.end();
      all.push(second);
    }
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(over, ["first", "first"]);
    for (const each of all) each.end();
    await Promise.all(all.map((each) => each.done));
    network.release();
    await network.released!();
    assertEquals([...faulty.descriptors], []);
  },
});
