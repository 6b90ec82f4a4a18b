/** What the epoll network makes of calls that fail, or do less than they were asked for. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EPOLL_CTL_DEL } from "../../../../src/transport/epoll/constants.ts";
import type { Libc } from "../../../../src/transport/epoll/libc.ts";
import { EpollLoop } from "../../../../src/transport/epoll/loop.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { runtimeSystem } from "../../../../src/transport/connect_name.ts";
import { asIs, type Fault, FaultyLibc } from "./faulty_libc.ts";
import { Recorder } from "../../../support/transport_contract.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };
const never = new AbortController().signal;

/** Runs where the network works; afterwards no descriptor is left, and no thread waits. */
function test(
  name: string,
  body: (given: { faulty: FaultyLibc; network: EpollNetwork }) => Promise<void>,
): void {
  const ignore = !isEpollAvailable();
  Deno.test({
    name: ignore ? `${name} (needs Linux and --allow-ffi)` : name,
    ignore,
    async fn() {
      const faulty = new FaultyLibc();
      const network = new EpollNetwork(faulty.libc, 1);
      await body({ faulty, network });
      await network.released();
      assertEquals([...faulty.descriptors], []);
    },
  });
}

/** Both ends of a connection, the accepted one first. */
async function pair(network: EpollNetwork): Promise<[Recorder, Recorder]> {
  const listener = network.listen(HERE);
  const { port } = listener.address;
  const connecting = network.connect({ ...HERE, port }, never);
  const accepted = await listener.accept();
  listener.close();
  return [new Recorder(accepted), new Recorder(await connecting)];
}

async function closeAll(...all: Recorder[]): Promise<void> {
  for (const each of all) each.transport.close();
  for (const each of all) await each.until(() => each.count("close") === 1);
}

test("a send that takes a byte at a time loses none", async ({ faulty, network }) => {
  const [near, far] = await pair(network);
  faulty.next("send", ...Array.from("twenty bytes of text", () => FaultyLibc.short(1)));
  await near.write("twenty bytes of text");
  await far.untilTaken(20);
  assertEquals(far.text, "twenty bytes of text");
  assertEquals([near.progress, near.count("drain")], [18, 1]);
  await closeAll(near, far);
});

test("a recv that gives a byte at a time loses none", async ({ faulty, network }) => {
  const [near, far] = await pair(network);
  faulty.next("recv", ...Array.from({ length: 12 }, () => FaultyLibc.short(1)));
  await near.write("twelve bytes");
  await far.untilTaken(12);
  assertEquals(far.offers.length, 12);
  assertEquals(far.text, "twelve bytes");
  await closeAll(near, far);
});

for (const code of ["EAGAIN", "EINTR", "ENOBUFS", "ENOMEM"] as const) {
  test(`a send that fails with ${code} is made again`, async ({ faulty, network }) => {
    const [near, far] = await pair(network);
    faulty.next("send", faulty.fails(code), faulty.fails(code), FaultyLibc.short(2));
    await near.write("here it is");
    await far.untilTaken(10);
    assertEquals(far.text, "here it is");
    await closeAll(near, far);
  });
}

for (const code of ["EAGAIN", "EINTR"] as const) {
  test(`a recv that fails with ${code} is made again`, async ({ faulty, network }) => {
    const [near, far] = await pair(network);
    faulty.next("recv", faulty.fails(code));
    await near.write("here it is");
    await far.untilTaken(10);
    assertEquals(far.text, "here it is");
    await closeAll(near, far);
  });

  test(`an accept4 that fails with ${code} is made again`, async ({ faulty, network }) => {
    faulty.next("accept4", faulty.fails(code), faulty.fails(code));
    await closeAll(...await pair(network));
    assertEquals(faulty.calls.get("accept4"), 3);
  });
}

for (const code of ["ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH"] as const) {
  test(`a recv that fails with ${code} ends the connection, once, with that`, async ({ faulty, network }) => {
    const [near, far] = await pair(network);
    faulty.next("recv", faulty.fails(code));
    near.transport.write(new Uint8Array(10));
    await far.until(() => far.count("close") === 1);
    assertEquals((far.closeError as { code: string }).code, code);
    near.transport.close();
    await near.until(() => near.count("close") === 1);
  });
}

for (const code of ["EPIPE", "ECONNRESET"] as const) {
  test(`a send that fails with ${code} ends the connection, once, with that`, async ({ faulty, network }) => {
    const [near, far] = await pair(network);
    faulty.next("send", faulty.fails(code));
    near.transport.write(new Uint8Array(10));
    assertEquals(near.events, [], "never from inside write");
    await near.until(() => near.count("close") === 1);
    assertEquals((near.closeError as { code: string }).code, code);
    await far.until(() => far.count("end") === 1);
    await closeAll(far);
  });
}

for (const code of ["EMFILE", "ENFILE", "ECONNABORTED"] as const) {
  test(`an accept4 that fails with ${code} says so, and the next one may go well`, async ({ faulty, network }) => {
    const listener = network.listen(HERE);
    faulty.next("accept4", faulty.fails("EAGAIN"), faulty.fails(code));
    const connecting = network.connect({ ...HERE, port: listener.address.port }, never);
    const error = await assertRejects(() => listener.accept(), Error, `(${code})`);
    assertEquals((error as { code?: string }).code, code);
    const accepted = new Recorder(await listener.accept());
    listener.close();
    await closeAll(accepted, new Recorder(await connecting));
  });
}

for (
  const call of [
    "socket",
    "setsockopt",
    "bind",
    "listen",
    "epoll_create1",
    "eventfd",
    "epoll_ctl",
  ] as const
) {
  test(`listening throws when ${call} fails, and leaves no descriptor`, async ({ faulty, network }) => {
    faulty.next(call, faulty.fails("ENOMEM"));
    assertThrows(() => network.listen(HERE), Error, "(ENOMEM)");
    await closeAll(...await pair(network));
  });
}

for (const call of ["socket", "connect", "epoll_create1", "eventfd", "epoll_ctl"] as const) {
  test(`connecting rejects when ${call} fails, and leaves no descriptor`, async ({ faulty, network }) => {
    const other = new EpollNetwork(new FaultyLibc().libc, 1);
    const listener = other.listen(HERE);
    const target = { ...HERE, port: listener.address.port };
    faulty.next(call, faulty.fails("ENOMEM"));
    await assertRejects(() => network.connect(target, never), Error, "(ENOMEM)");
    listener.close();
    await other.released();
  });
}

test("a connection that can't be watched is closed with the reason", async ({ faulty, network }) => {
  const listener = network.listen(HERE);
  const connecting = network.connect({ ...HERE, port: listener.address.port }, never);
  const accepted = await listener.accept();
  const client = new Recorder(await connecting);
  faulty.next("epoll_ctl", faulty.fails("ENOSPC"));
  const server = new Recorder(accepted);
  await server.until(() => server.count("close") === 1);
  assertEquals((server.closeError as { code: string }).code, "ENOSPC");
  listener.close();
  await closeAll(client);
});

test("connecting to a closed port is refused by name", async ({ network }) => {
  const listener = network.listen(HERE);
  const { port } = listener.address;
  listener.close();
  const error = await assertRejects(() => network.connect({ ...HERE, port }, never));
  assertEquals(
    [(error as Error).name, (error as { code?: string }).code],
    ["ConnectionRefused", "ECONNREFUSED"],
  );
});

test("an attempt that is given up leaves no descriptor", async ({ faulty, network }) => {
  const listener = network.listen(HERE);
  const target = { ...HERE, port: listener.address.port };
  const giveUp = new AbortController();
  // The kernel's answer is not heard before that.
  faulty.next("connect", faulty.fails("EINPROGRESS"));
  const connecting = network.connect(target, giveUp.signal);
  giveUp.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
  await assertRejects(() => network.connect(target, giveUp.signal), Error, "enough");
  listener.close();
});

test("an event of a descriptor that was closed is none of its next owner's", async ({ network }) => {
  const [near, far] = await pair(network);
  // In one round both are ready; the first one that is told closes the other, whose number is taken at once.
  const [one, other] = await pair(network);
  let opened: Promise<unknown> | undefined;
  const listener = network.listen(HERE);
  const closeOther = () => {
    other.transport.close();
    far.transport.close();
    // Same numbers, new sockets, and nothing sent to them.
    opened ??= network.connect({ ...HERE, port: listener.address.port }, never);
  };
  other.take = far.take = (bytes) => {
    closeOther();
    return bytes.length;
  };
  // Both before the loop comes round.
  one.transport.write(new Uint8Array(3));
  near.transport.write(new Uint8Array(3));
  // What has unread bytes is reset when it is closed.
  for (const each of [one, near]) {
    await each.until(() => each.count("end") + each.count("close") > 0);
  }
  const accepted = new Recorder(await listener.accept());
  const fresh = new Recorder(await opened as ConstructorParameters<typeof Recorder>[0]);
  assertEquals(other.takenLength + far.takenLength, 3, "one of the two was told");
  await accepted.write("first");
  await fresh.untilTaken(5);
  assertEquals(fresh.text, "first");
  listener.close();
  await closeAll(...[near, one].filter((each) => each.count("close") === 0), accepted, fresh);
});

test("a handler that throws costs its own connection only", async ({ network }) => {
  const [near, far] = await pair(network);
  const [one, other] = await pair(network);
  far.take = () => {
    throw new Error("a fault of the program");
  };
  near.transport.write(new Uint8Array(3));
  one.transport.write(new Uint8Array(3));
  await far.until(() => far.count("close") === 1);
  assertEquals((far.closeError as Error).message, "a fault of the program");
  await other.untilTaken(3);
  await closeAll(near, one, other);
});

test("a network whose last connections go in the round before a rest is released", async ({ faulty, network }) => {
  const [near, far] = await pair(network);
  faulty.next("recv", FaultyLibc.short(1), FaultyLibc.short(1));
  far.take = (bytes) => {
    // Longer than rounds follow each other.
    const end = performance.now() + 10;
    while (performance.now() < end);
    if (far.takenLength === 1) { for (const each of [near, far]) each.transport.close(); }
    return bytes.length;
  };
  await near.write("ab");
  for (const each of [near, far]) await each.until(() => each.count("close") === 1);
});

test("an event of an attempt's former owner does not make it connected", async ({ faulty, network }) => {
  const told: number[][] = [];
  const noted: Fault = (real, epoll, operation, fd, event) => {
    const bytes = event as Uint8Array;
    told.push([...new Int32Array(bytes.buffer.slice(0))]);
    return real(epoll, operation, fd, event);
  };
  // The wake descriptor of the loop, and then the attempt's, whose connect is never made.
  faulty.next("epoll_ctl", noted, noted).next("connect", faulty.fails("EINPROGRESS"));
  const giveUp = new AbortController();
  const connecting = network.connect({ ...HERE, port: 9 }, giveUp.signal);
  const failed = assertRejects(() => connecting, Error, "enough");
  await until(() => told.length === 2);
  faulty.next("epoll_wait", (_real, _epoll, events) => {
    const event = new Int32Array((events as Uint8Array).buffer);
    event.set(told[1]!);
    // As it was before the number was given again.
    event[told[1]!.length - 1]! -= 2;
    return 1;
  });
  const calls = faulty.calls.get("epoll_wait") ?? 0;
  await until(() => (faulty.calls.get("epoll_wait") ?? 0) > calls);
  await Promise.resolve();
  giveUp.abort(new Error("enough"));
  await failed;
});

test("a connection that is reset while it is paused is watched no more", async ({ faulty, network }) => {
  const [near, far] = await pair(network);
  const [one, other] = await pair(network);
  const operations: unknown[] = [];
  faulty.next(
    "epoll_ctl",
    ...Array.from({ length: 10 }, (): Fault => (real, epoll, operation, fd, event) => {
      operations.push(operation);
      return real(epoll, operation, fd, event);
    }),
  );
  far.transport.pause();
  near.transport.abort!();
  await near.until(() => near.count("close") === 1);
  // The loop has come round more than once with that.
  for (let i = 1; i <= 3; i++) {
    await one.write("x");
    await other.untilTaken(i);
  }
  assertEquals(operations.includes(EPOLL_CTL_DEL), true);
  await closeAll(far, one, other);
});

Deno.test("a read inside of another one's callback has a buffer of its own", () => {
  const loop = new EpollLoop({} as Libc, 1);
  const outer = loop.borrow();
  const inner = loop.borrow();
  loop.giveBack(inner);
  assertEquals([inner === outer, loop.borrow() === outer], [false, false]);
  loop.giveBack(outer);
  assertEquals(loop.borrow() === outer, true, "one is used again and again");
});

test("others have their turn after 64 connections that were accepted", async ({ faulty, network }) => {
  const listener = network.listen(HERE);
  const target = { ...HERE, port: listener.address.port };
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => network.connect(target, never)),
  );
  const servers: Recorder[] = [];
  const rounds: number[] = [];
  while (servers.length < 200) {
    servers.push(new Recorder(await listener.accept()));
    rounds.push(faulty.calls.get("epoll_wait")!);
  }
  const longest = Math.max(
    ...Map.groupBy(rounds, (each) => each).values().map((each) => each.length),
  );
  // A batch may have begun when the loop comes round: then the rest of it and the next one follow each other.
  assertEquals(longest <= 2 * 64, true, `${longest}`);
  listener.close();
  await closeAll(...servers, ...clients.map((each) => new Recorder(each)));
});

/** Waits for turns of the event loop. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

test("20,000 connections come and go, with faults among them", async ({ faulty, network }) => {
  const listener = network.listen(HERE);
  const target = { ...HERE, port: listener.address.port };
  let refused = 0;
  const TOTAL = 20_000;
  const BATCH = 50;
  for (let i = 0; i < TOTAL; i += BATCH) {
    if (i % 1000 === 0) {
      faulty.next("accept4", asIs, faulty.fails("EINTR"), asIs, faulty.fails("ECONNABORTED"));
      faulty.next("recv", faulty.fails("EINTR"), asIs, faulty.fails("ECONNRESET"));
      faulty.next("send", faulty.fails("EAGAIN"), FaultyLibc.short(1), faulty.fails("EPIPE"));
    }
    await Promise.all(
      Array.from({ length: BATCH }, async () => {
        const client = new Recorder(await network.connect(target, never));
        client.transport.write(new Uint8Array(5));
        await client.until(() => client.count("close") + client.count("end") > 0);
        client.transport.close();
        await client.until(() => client.count("close") === 1);
      }).concat(serve()),
    );
  }
  listener.close();
  assertEquals(refused, TOTAL / 1000);

  async function serve(): Promise<void> {
    for (let accepted = 0; accepted < BATCH;) {
      try {
        const server = new Recorder(await listener.accept());
        accepted++;
        server.take = (bytes) => {
          server.transport.close();
          return bytes.length;
        };
        server.whenEnded = () => server.transport.close();
      } catch {
        refused++;
      }
    }
  }
});

test("a name's next address is tried when the kernel refuses one within the call", async ({ faulty, network }) => {
  const listener = network.listen(HERE);
  const { resolve } = runtimeSystem;
  runtimeSystem.resolve = () => Promise.resolve(["::1", "127.0.0.1"]);
  faulty.next("connect", faulty.fails("ENETUNREACH"));
  const target = { hostname: "two.example", port: listener.address.port };
  const connecting = network.connect(target, never);
  runtimeSystem.resolve = resolve;
  const client = new Recorder(await connecting);
  const server = new Recorder(await listener.accept());
  listener.close();
  await closeAll(client, server);
});

test("closeAll closes what has not started, and what is broken while it is paused", async ({ network }) => {
  const listener = network.listen(HERE);
  const { port } = listener.address;
  const unstarted = await Deno.connect({ hostname: "127.0.0.1", port });
  await listener.accept();
  const broken = network.connect({ ...HERE, port }, never);
  const server = new Recorder(await listener.accept());
  server.transport.pause();
  const client = await broken;
  client.abort!();
  await network.closeAll();
  assertEquals(await unstarted.read(new Uint8Array(1)).catch(() => null), null);
  unstarted.close();
});
