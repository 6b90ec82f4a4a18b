/** The calls of the C library that make, watch and close sockets fail once each beneath a context. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Context, createContext, LwsError } from "../../../../mod.ts";
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
} from "../../../../src/transport/epoll/constants.ts";
import type { Libc } from "../../../../src/transport/epoll/libc.ts";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { captureLog, record, type Recorder } from "../../../support/recorder.ts";
import { failing, noMemory } from "../../../support/faults/failing.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { asIs, type Fault, FaultyLibc } from "./faulty_libc.ts";

const IFACE = "127.0.0.1";
const ignore = !isEpollAvailable();

function test(name: string, run: () => Promise<void>): void {
  const suffix = ignore ? " (needs Linux and --allow-ffi)" : "";
  Deno.test({
    name: `${name}${suffix}`,
    ignore,
    async fn() {
      using _log = captureLog([]);
      await run();
    },
  });
}

/** A server that echoes, a client context, and a connection of theirs that has to stay well. */
interface Pair extends AsyncDisposable {
  /** Beneath each of both. */
  readonly serverLibc: FaultyLibc;
  readonly clientLibc: FaultyLibc;
  readonly server: Context;
  readonly echo: Recorder;
  readonly url: string;
  /** Another connection, as its messages are read. */
  open(): Promise<(text: string) => Promise<string | undefined>>;
  isWell(): Promise<void>;
}

async function pair(): Promise<Pair> {
  const [serverLibc, clientLibc] = [new FaultyLibc(), new FaultyLibc()];
  const echo = record("echo", {
    receive(wsi, _user, data) {
      const isTheft = new TextDecoder().decode(data) === "steal";
      wsi.write(data, "text");
      if (isTheft) (data.buffer as ArrayBuffer).transfer();
    },
  });
  const server = createContext({
    network: new EpollNetwork(serverLibc.libc, 1),
    port: 0,
    iface: IFACE,
    protocols: [echo.protocol],
  });
  const clients = createContext({
    network: new EpollNetwork(clientLibc.libc, 1),
    port: -1,
    protocols: [record("echo").protocol],
  });
  const url = `ws://${IFACE}:${server.port}/`;
  const open = async () => {
    const client = await clients.dial(url, { protocol: "echo" });
    const messages = client.messages()[Symbol.asyncIterator]();
    return async (text: string) => {
      client.write(text);
      const next = await messages.next().catch(() => ({ value: undefined }));
      return next.value === undefined ? undefined : `${next.value}`;
    };
  };
  const healthy = await open();
  return {
    serverLibc,
    clientLibc,
    server,
    echo,
    url,
    open,
    isWell: async () => assertEquals(await healthy("well"), "well"),
    async [Symbol.asyncDispose]() {
      await clients.destroy();
      await server.destroy();
      assertEquals(server.stats().servers.now, 0);
      const count = (reason: string) => echo.reasons.filter((each) => each === reason).length;
      assertEquals(count("closed"), count("established"));
      assertEquals([...serverLibc.descriptors, ...clientLibc.descriptors], []);
    },
  };
}

const isCtl = (operation: number) => (_epoll: number, each: number) => each === operation;

for (
  const [call, code] of [
    ["socket", "EMFILE"],
    ["socket", "ENFILE"],
    ["socket", "EACCES"],
    ["setsockopt", "ENOMEM"],
    ["bind", "EADDRNOTAVAIL"],
    ["bind", "EACCES"],
    ["listen", "ENOBUFS"],
    ["getsockname", "ENOBUFS"],
    ["epoll_create1", "EMFILE"],
    ["eventfd", "ENFILE"],
    ["epoll_ctl", "ENOSPC"],
  ] as const
) {
  test(`${code} of ${call} keeps a context from listening, by name`, async () => {
    const faulty = new FaultyLibc();
    const network = new EpollNetwork(faulty.libc, 1);
    const { protocol } = record("echo");
    const info = { network, port: 0, iface: IFACE, protocols: [protocol] };
    faulty.next(call, faulty.fails(code));
    const error = assertThrows(() => createContext(info), LwsError);
    assertStringIncludes(error.message, `${call}: `);
    assertStringIncludes(error.message, `(${code})`);
    assertEquals([...faulty.descriptors], []);
    // Nothing is left of it that would be in the way of the next one.
    await createContext(info).destroy();
    assertEquals([...faulty.descriptors], []);
  });
}

for (
  const [call, code] of [
    ["socket", "EMFILE"],
    ["socket", "ENOBUFS"],
    ["connect", "ENETUNREACH"],
    ["connect", "EADDRNOTAVAIL"],
    ["connect", "EAGAIN"],
    ["connect", "EPERM"],
    ["epoll_ctl", "ENOSPC"],
    ["epoll_ctl", "ENOMEM"],
    ["getsockopt", "ENOBUFS"],
  ] as const
) {
  test(`${code} of ${call} ends its own attempt to connect, by name`, async () => {
    await using all = await pair();
    all.clientLibc.next(call, all.clientLibc.fails(code));
    const error = await assertRejects(() => all.open(), LwsError);
    assertStringIncludes(error.message, `(${code})`);
    await all.isWell();
    assertEquals(await (await all.open())("next"), "next");
  });
}

/** Faults of a server's calls while it serves, and whether the connection that meets them goes on. */
const SERVING: readonly {
  readonly what: string;
  readonly name: keyof Libc;
  fault(faulty: FaultyLibc): Fault;
  readonly isIt?: (...args: number[]) => boolean;
  readonly isHarmless: boolean;
  /** The reply doesn't fit, and waits until there is room. */
  readonly waitsForRoom?: boolean;
}[] = [
  ...(["EINTR", "ENOMEM"] as const).map((code) => ({
    what: `${code} of epoll_wait`,
    name: "epoll_wait" as const,
    fault: (faulty: FaultyLibc) => faulty.fails(code),
    isHarmless: true,
  })),
  ...(["EAGAIN", "EINTR"] as const).map((code) => ({
    what: `${code} of eventfd_read`,
    name: "eventfd_read" as const,
    fault: (faulty: FaultyLibc) => faulty.fails(code),
    isHarmless: true,
  })),
  ...(["EINTR", "EIO", "ENOSPC"] as const).map((code) => ({
    what: `${code} of close`,
    name: "close" as const,
    fault: (faulty: FaultyLibc) => faulty.saysItFails(code),
    isHarmless: true,
  })),
  {
    what: "ENOMEM when a connection is to be watched",
    name: "epoll_ctl",
    fault: (faulty) => faulty.fails("ENOMEM"),
    isIt: isCtl(EPOLL_CTL_ADD),
    isHarmless: false,
  },
  {
    what: "ENOENT when a connection is watched no more",
    name: "epoll_ctl",
    fault: (faulty) => faulty.saysItFails("ENOENT"),
    isIt: isCtl(EPOLL_CTL_DEL),
    isHarmless: true,
  },
  {
    what: "ENOMEM when a connection is to be watched for room",
    name: "epoll_ctl",
    fault: (faulty) => faulty.fails("ENOMEM"),
    isIt: isCtl(EPOLL_CTL_MOD),
    isHarmless: false,
    waitsForRoom: true,
  },
  {
    what: "ENOTCONN of shutdown",
    name: "shutdown",
    fault: (faulty) => faulty.saysItFails("ENOTCONN"),
    isHarmless: true,
  },
];

for (const { what, name, fault, isIt = () => true, isHarmless, waitsForRoom } of SERVING) {
  test(`${what} ${isHarmless ? "ends nothing" : "ends its connection alone"}`, async () => {
    await using all = await pair();
    const { serverLibc } = all;
    if (name === "epoll_ctl" && !waitsForRoom) serverLibc.nextWith(name, isIt, fault(serverLibc));
    const victim = await all.open().catch(() => undefined);
    if (waitsForRoom) serverLibc.next("send", serverLibc.fails("EAGAIN"));
    if (name !== "epoll_ctl" || waitsForRoom) {
      serverLibc.nextWith(name, isIt, fault(serverLibc));
    }
    const answer = await victim?.("x");
    assertEquals(answer, isHarmless ? "x" : undefined);
    await all.isWell();
    assertEquals(await (await all.open())("next"), "next");
  });
}

for (const nth of [1, 2, 3]) {
  test(`EBADF of fcntl, call ${nth}, keeps a descriptor from being listened on, by name`, async () => {
    const faulty = new FaultyLibc();
    const network = new EpollNetwork(faulty.libc, 1);
    const first = network.listen({ hostname: IFACE, port: 0 });
    const before = [...faulty.descriptors];
    const again = Array.from({ length: nth - 1 }, () => asIs);
    faulty.next("fcntl", ...again, faulty.fails("EBADF"));
    const target = { hostname: IFACE, port: 0, fd: first.fd };
    assertThrows(() => network.listen(target), Error, "fcntl: Bad file descriptor (EBADF)");
    assertEquals([...faulty.descriptors], before, "it is its owner's still");
    first.close();
    await network.released();
    assertEquals([...faulty.descriptors], []);
  });
}

test("an unix socket whose connect is interrupted is connected to", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/s`;
  const faulty = new FaultyLibc();
  const network = new EpollNetwork(faulty.libc, 1);
  const listener = network.listen({ hostname: "", port: 0, path });
  faulty.next("connect", faulty.fails("EINTR"));
  const client = await network.connect({ hostname: "", port: 0, path }, AbortSignal.any([]));
  assertEquals(faulty.calls.get("connect"), 2);
  client.close();
  listener.close();
  await network.released();
  assertEquals([...faulty.descriptors], []);
});

test("a listener that can't be left alone for now is left alone later", async () => {
  const faulty = new FaultyLibc();
  const network = new EpollNetwork(faulty.libc, 1);
  const listener = network.listen({ hostname: IFACE, port: 0 });
  let told = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  listener.watch(() => {
    listener.accepts(false);
    if (++told === 2) resolve();
  });
  faulty.nextWith("epoll_ctl", isCtl(EPOLL_CTL_MOD), faulty.fails("ENOMEM"));
  const { port } = listener.address;
  const connecting = network.connect({ hostname: IFACE, port }, AbortSignal.any([]));
  await promise;
  (await connecting).close();
  listener.close();
  await network.released();
  assertEquals([...faulty.descriptors], []);
});

test("a network that can't rest beside others leaves nothing of that", async () => {
  const faulty = new FaultyLibc();
  const networks = [1, 2].map(() => new EpollNetwork(faulty.libc, 1));
  // The second one rests behind the first: its own instance is to be watched by one more.
  let instances = 0;
  faulty.judge = (name, args) => {
    if (name === "epoll_create1") instances++;
    if (name !== "epoll_ctl" || instances < 3) return undefined;
    return args[1] === EPOLL_CTL_ADD ? faulty.fails("ENOSPC") : undefined;
  };
  const listeners = networks.map((each) => each.listen({ hostname: IFACE, port: 0 }));
  while (instances < 3) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(faulty.descriptors.size, 2 * 3, "a listener, an instance and a waker for each");
  faulty.judge = () => undefined;
  for (const each of listeners) each.close();
  await Promise.all(networks.map((each) => each.released()));
  assertEquals([...faulty.descriptors], []);
});

test("no memory for what a read goes to ends its connection alone", async () => {
  await using all = await pair();
  const [thief, victim] = [await all.open(), await all.open()];
  // The program takes the buffer of the loop away, so that the next read asks for one.
  await thief("steal");
  {
    const isIt = ([length]: readonly unknown[]) => length === 256 * 1024 + 64;
    using none = failing(globalThis, "Uint8Array", { isIt, error: noMemory });
    assertEquals(await victim("y"), undefined);
    assertEquals(none.failed, 1);
  }
  await all.isWell();
});
