/** What is accepted: its options, and when its first bytes are read. */

import { assertEquals } from "@std/assert";
import type { Transport } from "../../../../src/api/network.ts";
import {
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_KEEPIDLE,
  TCP_NODELAY,
} from "../../../../src/transport/epoll/constants.ts";
import type { EpollListener } from "../../../../src/transport/epoll/listener.ts";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { inetAddress } from "../../../../src/transport/epoll/socket.ts";
import { AF_INET, bytesOf, int } from "../../../../src/transport/epoll/structs.ts";
import type { EpollTransport } from "../../../../src/transport/epoll/transport.ts";
import { Recorder } from "../../../support/transport_contract.ts";
import { FaultyLibc } from "./faulty_libc.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };
const never = new AbortController().signal;
const keepAlive = { idleSeconds: 41, probes: 7, intervalSeconds: 5 };

interface Given {
  readonly network: EpollNetwork;
  readonly faulty: FaultyLibc;
}

/** Runs where the network works; afterwards no descriptor is left. */
function test(name: string, body: (given: Given) => Promise<void>): void {
  const ignore = !isEpollAvailable();
  Deno.test({
    name: ignore ? `${name} (needs Linux and --allow-ffi)` : name,
    ignore,
    async fn() {
      const faulty = new FaultyLibc();
      const network = new EpollNetwork(faulty.libc, 1);
      try {
        await body({ network, faulty });
      } catch (error) {
        await network.closeAll();
        throw error;
      }
      await network.released();
      assertEquals([...faulty.descriptors], []);
    },
  });
}

async function closeAll(...all: Recorder[]): Promise<void> {
  for (const each of all) each.transport.close();
  for (const each of all) await each.until(() => each.count("close") === 1);
}

/** `TCP_NODELAY`, `SO_KEEPALIVE` and `TCP_KEEPIDLE`. */
function optionsOf({ libc }: FaultyLibc, transport: Transport): number[] {
  const { fd } = transport as EpollTransport;
  const options = [
    [IPPROTO_TCP, TCP_NODELAY],
    [SOL_SOCKET, SO_KEEPALIVE],
    [IPPROTO_TCP, TCP_KEEPIDLE],
  ] as const;
  return options.map(([level, name]) => {
    const value = Int32Array.of(-1);
    libc.getsockopt(fd, level, name, bytesOf(value), int(4));
    return value[0]!;
  });
}

test("what is accepted has its options from the listener, without a call", async ({ network, faulty }) => {
  const listener = network.listen({ ...HERE, keepAlive });
  const connecting = network.connect({ ...HERE, port: listener.address.port }, never);
  const client = new Recorder(await connecting);
  const before = faulty.calls.get("setsockopt");
  const server = new Recorder(await listener.accept());
  assertEquals(faulty.calls.get("setsockopt"), before);
  assertEquals(optionsOf(faulty, server.transport), [1, 1, 41]);
  listener.close();
  await closeAll(client, server);
});

test("what waited in a socket that was taken over has them as well", async ({ network, faulty }) => {
  const { libc } = faulty;
  const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
  const address = inetAddress(libc, HERE.hostname, 0);
  libc.bind(fd, address, address.length);
  libc.listen(fd, 8);
  libc.getsockname(fd, address, int(address.length));
  const port = address[2]! << 8 | address[3]!;
  const client = new Recorder(await network.connect({ ...HERE, port }, never));
  const listener = network.listen({ ...HERE, fd, keepAlive });
  const server = new Recorder(await listener.accept());
  assertEquals(optionsOf(faulty, server.transport), [1, 1, 41]);
  listener.close();
  await closeAll(client, server);
});

/** Connects clients that have written at once, and calls `onReady` when the last of them is there. */
async function crowd(
  { network }: Given,
  texts: readonly string[],
  onReady: (listener: EpollListener) => void,
): Promise<Recorder[]> {
  const listener = network.listen(HERE);
  const told = Promise.withResolvers<void>();
  listener.accepts(false);
  listener.watch(() => {
    onReady(listener);
    listener.accepts(false);
    told.resolve();
  });
  const clients: Recorder[] = [];
  for (const text of texts) {
    const client = await network.connect({ ...HERE, port: listener.address.port }, never);
    client.write(new TextEncoder().encode(text));
    clients.push(new Recorder(client));
  }
  listener.accepts(true);
  await told.promise;
  listener.close();
  return clients;
}

test("what has come with a connection is read in the round in which it is taken, in order", async (given) => {
  const waits = () => given.faulty.calls.get("epoll_wait");
  const servers: Recorder[] = [];
  const heard: string[] = [];
  let taken: number | undefined;
  const clients = await crowd(given, ["one", "two", "six"], (listener) => {
    taken = waits();
    for (let each = listener.take(); each !== undefined; each = listener.take()) {
      const server = new Recorder(each);
      server.take = ({ length }) => {
        heard.push(new TextDecoder().decode(server.offers.at(-1)));
        assertEquals(waits(), taken, "no wait is between");
        return length;
      };
      servers.push(server);
    }
    assertEquals(heard, [], "not from inside take");
  });
  assertEquals(heard, ["one", "two", "six"]);
  await closeAll(...clients, ...servers);
});

test("nothing is read of what has not begun, waits, or is closed already", async (given) => {
  const late: Transport[] = [];
  const servers: Recorder[] = [];
  const reads = () => given.faulty.calls.get("recv") ?? 0;
  let before = 0;
  const clients = await crowd(given, ["not begun", "paused", "closed"], (listener) => {
    before = reads();
    late.push(listener.take()!);
    servers.push(new Recorder(listener.take()!), new Recorder(listener.take()!));
    servers[0]!.transport.pause();
    servers[1]!.transport.close();
  });
  assertEquals(reads(), before);
  servers.push(new Recorder(late[0]!));
  await servers[2]!.untilTaken(9);
  servers[0]!.transport.resume();
  await servers[0]!.untilTaken(6);
  await closeAll(...clients, ...servers);
});

test("a client that has not written yet is read when it has", async (given) => {
  const servers: Recorder[] = [];
  const clients = await crowd(given, [""], (listener) => {
    servers.push(new Recorder(listener.take()!));
  });
  await clients[0]!.write("later");
  await servers[0]!.untilTaken(5);
  assertEquals(servers[0]!.text, "later");
  await closeAll(...clients, ...servers);
});

test("a listener that is closed has nothing to take", async ({ network, faulty }) => {
  const listener = network.listen(HERE);
  const connecting = network.connect({ ...HERE, port: listener.address.port }, never);
  const client = new Recorder(await connecting);
  listener.close();
  assertEquals(listener.take(), undefined);
  assertEquals(faulty.calls.get("accept4"), undefined);
  await client.until(() => client.count("close") + client.count("end") > 0);
  await closeAll(client);
});
