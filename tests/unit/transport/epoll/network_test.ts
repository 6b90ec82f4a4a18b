/** The epoll network keeps the contract of all transports, and does what `NetworkTarget` says. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { NetworkTarget, Transport } from "../../../../src/api/network.ts";
import { LwsError } from "../../../../src/base/errors.ts";
import { systemClock } from "../../../../src/service/clock.ts";
import { turnBudgetOf } from "../../../../src/service/turn_budget.ts";
import type { TurnTaker } from "../../../../src/service/turns/order.ts";
import { epollNetwork, isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import {
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
} from "../../../../src/transport/epoll/constants.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { openLibc } from "../../../../src/transport/epoll/libc.ts";
import { bytesOf, int } from "../../../../src/transport/epoll/structs.ts";
import type { EpollTransport } from "../../../../src/transport/epoll/transport.ts";
import { inUse } from "../../../support/clocks/loop_clock.ts";
import { Recorder, testTransportContract } from "../../../support/transport_contract.ts";

const IPV4: NetworkTarget = { hostname: "127.0.0.1", port: 0 };
const IPV6: NetworkTarget = { hostname: "::1", port: 0 };
const never = new AbortController().signal;

async function connected(
  network: EpollNetwork,
  target: NetworkTarget,
  from: Partial<NetworkTarget> = {},
): Promise<[Transport, Transport]> {
  const listener = network.listen(target);
  const { port } = listener.address;
  const [client, server] = await Promise.all([
    network.connect({ ...target, port, ...from }, never),
    listener.accept(),
  ]);
  listener.close();
  return [client, server];
}

function test(name: string, body: (network: EpollNetwork) => Promise<void> | void): void {
  const ignore = !isEpollAvailable();
  Deno.test({
    name: ignore ? `${name} (needs Linux and --allow-ffi)` : name,
    ignore,
    async fn() {
      const network = new EpollNetwork(openLibc(), 1);
      await body(network);
      await network.released();
    },
  });
}

async function closeBoth(...pair: Transport[]): Promise<void> {
  const all = pair.map((each) => new Recorder(each));
  for (const each of all) each.transport.close();
  for (const each of all) await each.until(() => each.count("close") === 1);
}

if (isEpollAvailable()) {
  const network = new EpollNetwork(openLibc(), 1);
  const released = () => network.released();
  testTransportContract("epoll, IPv4", () => connected(network, IPV4), true, released);
  testTransportContract("epoll, IPv6", () => connected(network, IPV6), true, released);
  const unix = { ...IPV4, path: "@lws-epoll-contract" };
  testTransportContract("epoll, unix", () => connected(network, unix), true, released);
}

test("a name is listened on, and connected to, at each of its addresses", async (network) => {
  const [client, server] = await connected(network, { hostname: "localhost", port: 0 });
  assert(["127.0.0.1", "::1"].includes(server.localAddress.hostname));
  assertEquals(client.localAddress, server.remoteAddress);
  await closeBoth(client, server);
});

test("a port in use is refused by the runtime's name for that", (network) => {
  const listener = network.listen(IPV4);
  const { port } = listener.address;
  assertThrows(() => network.listen({ ...IPV4, port }), Deno.errors.AddrInUse);
  listener.close();
});

test("reusePort lets two listen on one port, and both accept", async (network) => {
  const one = network.listen({ ...IPV4, reusePort: true });
  const { port } = one.address;
  const other = network.listen({ ...IPV4, port, reusePort: true });
  const accepted = new Set<string>();
  const clients: Transport[] = [];
  const servers: Transport[] = [];
  const accept = async (name: string, listener: typeof one) => {
    for (;;) {
      try {
        servers.push(await listener.accept());
        accepted.add(name);
      } catch {
        return;
      }
    }
  };
  const accepting = [accept("one", one), accept("other", other)];
  // The kernel hashes addresses: that a hundred go to one of the two is as likely as nothing.
  for (let i = 0; i < 100; i++) clients.push(await network.connect({ ...IPV4, port }, never));
  while (servers.length < 100) await new Promise((resolve) => setImmediate(resolve));
  one.close();
  other.close();
  await Promise.all(accepting);
  assertEquals(accepted.size, 2);
  await closeBoth(...clients, ...servers);
});

test("closeAll closes listeners, connections and attempts, and nothing that uses them is told", async (network) => {
  const listener = network.listen(IPV4);
  const { port } = listener.address;
  const peer = await Deno.connect({ hostname: "127.0.0.1", port });
  const server = new Recorder(await listener.accept());
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  listener.accept().then(tell("accept"), tell("accept"));
  // It is under way: the kernel's answer is heard of in a later turn.
  network.connect({ ...IPV4, port }, never).then(tell("connect"), tell("connect"));
  await network.closeAll();
  assertEquals(await peer.read(new Uint8Array(1)).catch(() => null), null);
  peer.close();
  Deno.listen({ hostname: "127.0.0.1", port }).close();
  assertEquals([told, server.events], [[], []]);
});

test("ipv6Only keeps IPv4 out of ::, and without it IPv4 comes in", async (network) => {
  const both = network.listen({ hostname: "::", port: 0, ipv6Only: false });
  const [client, server] = await Promise.all([
    network.connect({ ...IPV4, port: both.address.port }, never),
    both.accept(),
  ]);
  assertEquals(server.remoteAddress.hostname, "::ffff:127.0.0.1");
  both.close();
  await closeBoth(client, server);
  const only = network.listen({ hostname: "::", port: 0, ipv6Only: true });
  await assertRejects(
    () => network.connect({ ...IPV4, port: only.address.port }, never),
    Deno.errors.ConnectionRefused,
  );
  only.close();
});

test("a connection comes from the address that it was told", async (network) => {
  const [client, server] = await connected(network, IPV4, { localAddress: "127.0.0.7" });
  assertEquals(server.remoteAddress.hostname, "127.0.0.7");
  assertEquals(client.localAddress, server.remoteAddress);
  await closeBoth(client, server);
});

test("TCP keep-alive has the times that it was told, at both ends", async (network) => {
  const keepAlive = { idleSeconds: 41, probes: 7, intervalSeconds: 5 };
  const [client, server] = await connected(network, { ...IPV4, keepAlive });
  for (const each of [client, server]) {
    assertEquals(
      [
        optionOf(each, SOL_SOCKET, SO_KEEPALIVE),
        optionOf(each, IPPROTO_TCP, TCP_KEEPIDLE),
        optionOf(each, IPPROTO_TCP, TCP_KEEPCNT),
        optionOf(each, IPPROTO_TCP, TCP_KEEPINTVL),
      ],
      [1, 41, 7, 5],
    );
  }
  await closeBoth(client, server);
  const [on, off] = await connected(network, IPV4, { keepAlive: true });
  assertEquals([on, off].map((each) => optionOf(each, SOL_SOCKET, SO_KEEPALIVE)), [1, 0]);
  assert(optionOf(on, IPPROTO_TCP, TCP_KEEPIDLE) > 41, "the system's own");
  await closeBoth(on, off);
});

function optionOf(transport: Transport, level: number, name: number): number {
  const value = Int32Array.of(-1);
  const { fd } = transport as EpollTransport;
  openLibc().getsockopt(fd, level, name, bytesOf(value), int(4));
  return value[0]!;
}

test("disableIpv6 refuses addresses of IPv6, and names give others", async (network) => {
  const target = { ...IPV6, disableIpv6: true };
  assertEquals(assertThrows(() => network.listen(target), LwsError).code, "invalid-option");
  await assertRejects(() => network.connect({ ...target, port: 1 }, never), LwsError);
  const [client, server] = await connected(network, { ...target, hostname: "localhost" });
  assertEquals(server.localAddress.hostname, "127.0.0.1");
  await closeBoth(client, server);
});

test("a unix socket is a file with its mode, which goes with the listener", async (network) => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const listener = network.listen({ ...IPV4, path, mode: 0o600 });
  assertEquals(listener.address, { hostname: `unix:${path}`, port: 0 });
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  const [client, server] = await Promise.all([
    network.connect({ ...IPV4, path }, never),
    listener.accept(),
  ]);
  await closeBoth(client, server);
  listener.close();
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  await Deno.remove(folder);
});

test("a unix socket whose backlog is full is waited for, until that is given up", async (network) => {
  const path = "@lws-epoll-backlog";
  const listener = network.listen({ ...IPV4, path });
  const target = { ...IPV4, path };
  const giveUp = new AbortController();
  const attempts: Promise<Transport>[] = [];
  // More than any backlog; nobody accepts.
  for (let i = 0; i < 600; i++) attempts.push(network.connect(target, giveUp.signal));
  const connected = await Promise.all(attempts.slice(0, 100));
  giveUp.abort(new Error("enough"));
  const settled = await Promise.allSettled(attempts);
  const rest = settled.filter((each) => each.status === "fulfilled").map((each) => each.value);
  assert(rest.length < 600 && rest.length >= connected.length);
  listener.close();
  await closeBoth(...rest);
});

test("what is no socket to listen on is refused by name", (network) => {
  for (const fd of [999_999, 1_000]) {
    const error = assertThrows(() => network.listen({ ...IPV4, fd }), LwsError);
    assertEquals(error.code, "invalid-option");
  }
});

test("accept rejects once the listener is closed, and a second close is harmless", async (network) => {
  const listener = network.listen(IPV4);
  const accepting = listener.accept();
  listener.close();
  listener.close();
  await assertRejects(() => accepting, Deno.errors.BadResource);
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

test("nobody accepts for a while, and then all that waited are there", async (network) => {
  const listener = network.listen(IPV4);
  const target = { ...IPV4, port: listener.address.port };
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => network.connect(target, never)),
  );
  const servers: Transport[] = [];
  while (servers.length < 200) servers.push(await listener.accept());
  listener.close();
  await closeBoth(...clients, ...servers);
});

test("a busyWaitMs that is none is refused", () => {
  for (const busyWaitMs of [-1, 11, 0.5, NaN, "1"]) {
    const error = assertThrows(() => epollNetwork({ busyWaitMs: busyWaitMs as number }), LwsError);
    assertEquals(error.code, "invalid-argument");
  }
  epollNetwork({ busyWaitMs: 0 });
  epollNetwork({ busyWaitMs: 10 });
});

test("what waits for its turn has it though nothing is ready, again and again", async (network) => {
  const listener = network.listen(IPV4);
  const budget = inUse(turnBudgetOf(systemClock, network));
  assert(budget !== turnBudgetOf(systemClock), "it is the network's own");
  let left = 100;
  const { promise, resolve } = Promise.withResolvers<void>();
  const taker: TurnTaker = {
    servedMs: 0,
    onTurn: () => --left === 0 ? resolve() : budget.wait(taker),
  };
  budget.wait(taker);
  await promise;
  budget.leave();
  listener.close();
});

test("connections are told of in time though others wait for their turn without end", async (network) => {
  const budget = inUse(turnBudgetOf(systemClock, network));
  let isOver = false;
  const taker: TurnTaker = { servedMs: 0, onTurn: () => isOver || budget.wait(taker) };
  const [client, server] = await connected(network, IPV4);
  budget.wait(taker);
  const receiver = new Recorder(server);
  const sender = new Recorder(client);
  client.write(Uint8Array.of(1, 2, 3));
  await receiver.until(() => receiver.takenLength === 3);
  isOver = true;
  budget.leave();
  client.close();
  server.close();
  for (const each of [sender, receiver]) await each.until(() => each.count("close") === 1);
});
