/** Several workers that serve one port. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ForkedService, ForkInfo, ForkOptions, LwsErrorCode } from "../../../mod.ts";
import { forkServiceLoop, LwsError } from "../../../mod.ts";
import { isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { freePort } from "../../support/free_port.ts";
import { PATIENT } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";

const fixture = (name: string) => new URL(`../../fixtures/forked/${name}`, import.meta.url);
const LOOPBACK: ForkInfo = { port: 0, iface: "127.0.0.1", ...PATIENT };

/** A WebSocket of the platform's. */
function open({ port }: ForkedService) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, "who");
  const messages: string[] = [];
  let wake = () => {};
  socket.onmessage = ({ data }) => {
    messages.push(data);
    wake();
  };
  socket.onerror = () => {};
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  const until = async (count: number) => {
    while (messages.length < count) await new Promise<void>((resolve) => wake = resolve);
  };
  return { socket, messages, closed, until };
}

/** The same, once its first message has said which worker serves it. */
async function connect(service: ForkedService) {
  for (;;) {
    const client = open(service);
    await Promise.race([client.until(1), client.closed]);
    // Otherwise it was in the backlog of a worker that has just ended.
    if (client.messages.length > 0) return client;
  }
}

const connectMany = (service: ForkedService, count: number) =>
  Promise.all(Array.from({ length: count }, () => connect(service)));

const workersOf = (clients: readonly { messages: string[] }[]) =>
  new Set(clients.map(({ messages }) => messages[0]));

async function closeAll(clients: readonly ReturnType<typeof open>[]): Promise<void> {
  for (const { socket } of clients) socket.close();
  for (const { closed } of clients) await closed;
}

async function rejection(work: Promise<unknown>, code: LwsErrorCode): Promise<string> {
  const error = await assertRejects(() => work, LwsError);
  assertEquals(error.code, code, error.message);
  return error.message;
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Waits until nothing of a service listens; a worker's thread ends a little later than it is told to. */
async function untilFree(port: number): Promise<void> {
  for (;;) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      await soon();
    }
  }
}

/** How many sockets of a port there are, but for those that the kernel alone remembers. */
function socketsOf(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state !== TIME_WAIT)
    .length;
}
const TIME_WAIT = "06";

for (
  const [what, isThere, module] of [
    ["the runtime's TCP", Deno.build.os === "linux", fixture("shared.ts")],
    ["epoll", isEpollAvailable(), fixture("epoll.ts")],
  ] as const
) {
  const fork = (workers: number, info: ForkInfo = {}) =>
    forkServiceLoop(module, { ...LOOPBACK, ...info }, { workers });
  const test = (name: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}, over ${what}`, ignore: !isThere, fn });

  test("a hundred connections reach each of three workers; all hear a broadcast", async () => {
    const service = await fork(3);
    assertEquals(service.workers.map(({ port }) => port), [1, 2, 3].map(() => service.port));
    assertEquals(service.protocols[0]!.name, "who");
    const clients = await connectMany(service, 100);
    assertEquals(workersOf(clients).size, 3);
    assertEquals(service.broadcast("who", "to all"), 0);
    assertEquals(service.callbackOnWritableAllProtocol("who"), 0);
    for (const { messages, until } of clients) {
      await until(3);
      assertEquals(messages.slice(1), ["to all", "writeable"]);
    }
    await service.stop();
    for (const { closed } of clients) assertEquals((await closed).code, 1001);
    assertEquals(service.broadcast("who", "to none"), -1);
    await service.done;
    await untilFree(service.port);
  });

  for (const [order, why] of [["throw", "nothing catches"], ["reject", "nothing handles"]]) {
    test(`a worker that fails is named, and others take all that comes (${order})`, async () => {
      using log = captureLog();
      const service = await fork(2);
      const clients = await connectMany(service, 50);
      const [lost] = clients;
      lost!.socket.send(order!);
      const ends = service.workers.map(async ({ done }, i) => {
        await done.catch(() => {});
        return i;
      });
      const failed = await Promise.race(ends);
      const text = await rejection(service.workers[failed]!.done, "worker-failed");
      assertStringIncludes(text, why!);
      const line = `workers[${failed}] failed: ${text}`;
      assertEquals(log.lines, [`err: forkServiceLoop: ${line}`]);
      const ofLost = clients.filter(({ messages }) => messages[0] === lost!.messages[0]);
      for (const { closed } of ofLost) await closed;

      const later = await connectMany(service, 50);
      assertEquals(workersOf(later).size, 1);
      assert(!workersOf(later).has(lost!.messages[0]!));
      assertEquals(service.broadcast("who", "to the rest"), 0);
      for (const { until } of later) await until(2);
      await closeAll(clients);
      await closeAll(later);
      assertEquals(await rejection(service.stop(), "worker-failed"), line);
      await untilFree(service.port);
    });
  }

  test("a context that destroys itself leaves the port to the others", async () => {
    const service = await fork(2);
    const client = await connect(service);
    client.socket.send("destroy");
    await Promise.race(service.workers.map(({ done }) => done));
    await client.closed;
    const later = await connectMany(service, 20);
    assert(!workersOf(later).has(client.messages[0]!));
    assertEquals(service.broadcast("who", "x"), 0);
    await closeAll(later);
    await service.stop();
  });

  test("terminate cuts all connections of all workers, and frees the port", async () => {
    const service = await fork(2);
    const clients = await connectMany(service, 10);
    service.terminate();
    await service.done;
    for (const { closed } of clients) await closed;
    await untilFree(service.port);
    while (socketsOf(service.port) > 0) await soon();
  });

  test("a port is taken from what is given, and one that somebody has alone refuses all", async () => {
    const port = freePort();
    await using service = await fork(2, { port });
    assertEquals(service.workers.map((each) => each.port), [port, port]);
    using alone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await rejection(fork(2, { port: (alone.addr as Deno.NetAddr).port }), "address-in-use");
  });

  test("one worker alone is the only one of its list", async () => {
    await using service = await fork(1);
    assertEquals(service.workers, [service]);
  });
}

Deno.test({
  name: "a worker that hangs is ended all the same, which is warned of where its sockets stay",
  ignore: !isEpollAvailable(),
  async fn() {
    using log = captureLog();
    const service = await forkServiceLoop(fixture("epoll.ts"), LOOPBACK);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: service.port });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    await conn.read(new Uint8Array(1));
    service.terminate();
    await service.done;
    assertEquals(log.lines, [
      "warn: forkServiceLoop: the worker doesn't answer; its sockets stay open",
    ]);
    conn.close();
  },
});

Deno.test("when one of several can't start, none is left", async () => {
  const folder = await Deno.makeTempDir();
  // Only one of them can make it.
  const source = `Deno.mkdirSync(${JSON.stringify(`${folder}/first`)});
    export const protocols = [{ name: "p", callback() {} }];`;
  const module = `data:text/javascript,${encodeURIComponent(source)}`;
  const port = freePort();
  const text = await rejection(
    forkServiceLoop(module, { ...LOOPBACK, port }, { workers: 3 }),
    "invalid-argument",
  );
  assertStringIncludes(text, "exists");
  await untilFree(port);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what several workers can't do is refused by name", async () => {
  const module = fixture("shared.ts");
  const wrong: [info: ForkInfo, options: ForkOptions, LwsErrorCode, string][] = [
    [
      {},
      { workers: 0 },
      "invalid-argument",
      "workers is 0; allowed: a whole number from 1 to 1024",
    ],
    [{}, { workers: 1025 }, "invalid-argument", "workers is 1025"],
    [{}, { workers: 1.5 }, "invalid-argument", "workers is 1.5"],
    [{}, { workers: "4" as unknown as number }, "invalid-argument", 'workers is "4"'],
    [
      {},
      { worker: 2 } as ForkOptions,
      "invalid-argument",
      "there is no worker; allowed: signal, workers, broker; did you mean workers?",
    ],
    [{ reusePort: false }, { workers: 2 }, "invalid-option", "reusePort is false"],
    [{ port: -1 }, { workers: 2 }, "invalid-option", "reusePort is true; allowed: false beside"],
  ];
  for (const [info, options, code, text] of wrong) {
    const started = forkServiceLoop(module, { ...LOOPBACK, ...info }, options);
    assertStringIncludes(await rejection(started, code), text);
  }
});

Deno.test("the signal gives up all workers", async () => {
  const never = "data:text/javascript,await new Promise((done) => setTimeout(done, 2 ** 30))";
  const ending = new AbortController();
  const starting = forkServiceLoop(never, LOOPBACK, { workers: 4, signal: ending.signal });
  ending.abort();
  await rejection(starting, "aborted");
});
