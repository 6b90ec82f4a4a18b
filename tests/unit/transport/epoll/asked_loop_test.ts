/** How waits on other threads end, of a context that its program serves. */

import { assertEquals } from "@std/assert";
import type { PolledHost } from "../../../../src/api/network.ts";
import type { PollFd } from "../../../../src/api/service.ts";
import { EPOLL_CTL_ADD } from "../../../../src/transport/epoll/constants.ts";
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

Deno.test({
  name: "what the kernel can't watch once its program knows of it is watched aside as before",
  ignore: !isEpollAvailable(),
  async fn() {
    const faulty = new FaultyLibc();
    const target = { hostname: "127.0.0.1", port: 0 };
    const known = new Set<number>();
    const network = new EpollNetwork(faulty.libc, 1).polled({
      ...HOST,
      isKnown: (fd) => known.has(fd),
    });
    const peers = new EpollNetwork(faulty.libc, 1);
    const listener = peers.listen(target);
    const here = { ...target, port: listener.address.port };
    const serve = async () => {
      await network.ready().done;
      network.wait(0, (each, revents) => network.serve(each, revents));
    };
    const connecting = network.connect(here, AbortSignal.any([]));
    await serve();
    const transport = await connecting;
    const fd = transport.fd!;
    const heard: number[] = [];
    transport.start({
      onBytes: (bytes) => heard.push(...bytes) && bytes.length,
      onDrain() {},
      onEnd() {},
      onClose() {},
    });
    known.add(fd);
    const isAdding = (_epoll: number, operation: number) => operation === EPOLL_CTL_ADD;
    faulty.nextWith("epoll_ctl", isAdding, faulty.fails("ENOMEM"));
    network.known(fd);
    const far = await listener.accept();
    far.start({ onBytes: (bytes) => bytes.length, onDrain() {}, onEnd() {}, onClose() {} });
    far.write(Uint8Array.of(7));
    await serve();
    assertEquals(heard, [7]);
    transport.close();
    far.close();
    listener.close();
    network.release();
    await Promise.all([network.released!(), peers.released()]);
    assertEquals([...faulty.descriptors], []);
  },
});
