/** Real descriptors: what a program is told to watch the kernel knows, and nothing else is read or written. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { LwsError, type PollFd, POLLIN, POLLOUT, remoteContext, type Wsi } from "../../../mod.ts";
import { openLibc } from "../../../src/transport/epoll/libc.ts";
import { int, SOCKADDR_SIZE } from "../../../src/transport/epoll/structs.ts";
import { makeSelfSigned } from "../../support/certificates.ts";
import { asIs } from "../../unit/transport/epoll/faulty_libc.ts";
import { Peer, PolledProgram, testDescriptors } from "./descriptors.ts";

const text = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);

/** The port of a socket of this process. */
function portOf(fd: number): number {
  const address = new Uint8Array(SOCKADDR_SIZE);
  openLibc().getsockname(fd, address, int(address.length));
  return new DataView(address.buffer).getUint16(2);
}

for (const service of ["automatic", "manual", "external"] as const) {
  testDescriptors(
    `wsi.socketFd is the socket's, and ${service} service knows peers by it`,
    async (network) => {
      const seen: (string | number)[] = [];
      const program = new PolledProgram(network, (wsi, reason, _user, data) => {
        const { context } = wsi;
        if (reason === "filterNetworkConnection") {
          seen.push(portOf(data as number), context.peerAddresses(data as number).ip);
        }
        if (reason === "established") {
          seen.push(portOf(wsi.socketFd), context.peerAddresses(wsi.socketFd).ip);
          context.hangupOnClient(wsi.socketFd);
        }
        if (reason === "closed") seen.push(portOf(wsi.socketFd));
      }, { service });
      const { context } = program;
      const peer = await Peer.open(context.port);
      while (!program.told.some((each) => each.startsWith("wsiDestroy"))) {
        if (service === "automatic") await new Promise((resolve) => setImmediate(resolve));
        else if (service === "manual") await context.service(1_000);
        else await program.until(() => seen.length >= 5);
      }
      const { port } = context;
      // By the time of `closed` the connection over the socket has ended, and its number is still its own.
      assertEquals(seen.slice(0, 4), [port, "127.0.0.1", port, "127.0.0.1"]);
      peer.close();
      await context.destroy();
    },
  );
}

testDescriptors("serviceFd reads nothing but the descriptor that it was given", async (network) => {
  const heard: [number, string][] = [];
  const open: Wsi[] = [];
  const program = new PolledProgram(network, (wsi, reason, _user, data) => {
    if (reason === "established") open.push(wsi);
    if (reason === "receive") heard.push([wsi.socketFd, text(data)]);
  });
  const { context, table } = program;
  const peers = [await Peer.open(context.port), await Peer.open(context.port)];
  await program.until(() => open.length === 2);
  assertEquals(portOf(program.listener.fd), context.port);
  for (const [i, peer] of peers.entries()) await peer.send(`from ${i}`);
  const entries = open.map(({ socketFd }) => program.entry(socketFd)!);
  while (entries.some(({ revents }) => revents === 0)) await context.poll(table, 1_000);
  assertEquals(context.serviceFd(entries[1]!), 0);
  assertEquals([heard.length, entries[1]!.revents], [1, 0]);
  assertEquals(heard[0]![0], entries[1]!.fd);
  assertEquals(context.pollNow(table), 1);
  assertEquals(entries[0]!.revents, POLLIN);
  context.serviceFd(entries[0]!);
  assertEquals(heard.length, 2);
  for (const peer of peers) peer.close();
  await program.until(() => program.told.filter((each) => each.startsWith("closed")).length === 2);
  await context.destroy();
});

testDescriptors(
  "poll tells of descriptors that are the program's own, and serviceFd leaves them",
  async (network) => {
    const program = new PolledProgram(network, () => {});
    const { context } = program;
    const libc = openLibc();
    const own = libc.eventfd(0, 0);
    const entry: PollFd = { fd: own, events: POLLIN, revents: 0 };
    const aside: PollFd = { fd: -5, events: POLLIN, revents: 0 };
    const table = [...program.table, entry, aside];
    assertEquals(await context.poll(table, 1), 0);
    const polling = context.poll(table, 60_000);
    libc.eventfd_write(own);
    assertEquals(await polling, 1);
    assertEquals(entry.revents, POLLIN);
    assertEquals(context.serviceFd(entry), 0);
    assertEquals(entry.revents, POLLIN);
    aside.revents = POLLIN;
    assertEquals(context.pollNow(table), 2);
    libc.close(own);
    await context.destroy();
    assertEquals(program.table, []);
  },
);

testDescriptors("cancelService ends a poll that waits on its thread", async (network) => {
  const { context, table } = new PolledProgram(network, () => {});
  const polling = context.poll(table, Infinity);
  await new Promise((resolve) => setImmediate(resolve));
  context.cancelService();
  assertEquals(await polling, 0);
  const last = context.poll(table, Infinity);
  await context.destroy();
  assertEquals(await last, -1);
});

testDescriptors(
  "what was held back is told by a poller that asks only the kernel",
  async (network) => {
    const heard: string[] = [];
    let wsi: Wsi | undefined;
    const program = new PolledProgram(network, (each, reason, _user, data) => {
      if (reason === "established") wsi = each;
      if (reason !== "receive") return;
      heard.push(text(data));
      if (heard.length === 1) each.rxFlowControl(false);
    });
    const { context, table } = program;
    const peer = await Peer.open(context.port);
    await program.until(() => wsi !== undefined);
    const entry = program.entry(wsi!.socketFd)!;
    await peer.conn.write(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 97, 0x81, 0x81, 0, 0, 0, 0, 98));
    await program.until(() => heard.length === 1);
    assertEquals(entry.events, 0, "nothing is watched for while receiving is stopped");
    assertEquals(context.pollNow(table), 0);
    wsi!.rxFlowControl(true);
    assertNotEquals(entry.events & POLLOUT, 0);
    const copy = { ...entry, revents: 0 };
    assertEquals(context.pollNow([copy]), 1);
    context.serviceFd(copy);
    assertEquals(heard, ["a", "b"]);
    assertEquals(entry.events, POLLIN);
    peer.close();
    await program.until(() => program.told.at(-1)!.startsWith("wsiDestroy"));
    await context.destroy();
  },
);

testDescriptors(
  "a writeable callback is asked for by POLLOUT, and comes with it",
  async (network) => {
    let wsi: Wsi | undefined;
    const program = new PolledProgram(network, (each, reason, _user, _data) => {
      if (reason === "established") wsi = each;
      if (reason === "serverWriteable") each.write("now");
    });
    const peer = await Peer.open(program.context.port);
    await program.until(() => wsi !== undefined);
    const entry = program.entry(wsi!.socketFd)!;
    wsi!.callbackOnWritable();
    assertEquals(entry.events, POLLIN | POLLOUT);
    await program.until(() => program.told.some((each) => each.startsWith("serverWriteable")));
    assertEquals(entry.events, POLLIN);
    assert((await peer.read((all) => all.includes("now"))).includes("now"));
    peer.close();
    await program.context.destroy();
  },
);

testDescriptors(
  "delPollFd comes before the descriptor is closed, whoever ends the connection",
  async (network, faulty) => {
    for (const end of ["peer", "program", "callback", "hangup"]) {
      const closed: number[] = [];
      const watched: number[] = [];
      let wsi: Wsi | undefined;
      const program: PolledProgram = new PolledProgram(network, (each, reason, _user, _data) => {
        if (reason === "established") wsi = each;
        if (reason === "receive" && end === "callback") return -1;
        return 0;
      });
      const peer = await Peer.open(program.context.port);
      await program.until(() => wsi !== undefined);
      const fd = wsi!.socketFd;
      faulty.next("close", (real, each) => {
        closed.push(each as number);
        watched.push(program.table.filter((entry) => entry.fd === each).length);
        return real(each);
      });
      if (end === "peer") peer.close();
      else if (end === "callback") await peer.send("x");
      else if (end === "hangup") program.context.hangupOnClient(fd);
      else {
        wsi!.close();
        // The answer to the closing handshake.
        await peer.conn.write(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0));
        await peer.conn.closeWrite();
      }
      const isTold = () => program.told.includes(`wsiDestroy ${fd}`);
      await program.until(isTold);
      while (closed.length === 0) program.context.serviceFd(null);
      assertEquals([closed, watched], [[fd], [0]], end);
      assertEquals(wsi!.socketFd, -1, end);
      if (end !== "peer") peer.close();
      await program.context.destroy();
    }
  },
);

testDescriptors(
  "a number that the kernel gives again is the new owner's alone",
  async (network) => {
    const open: Wsi[] = [];
    const ends: Wsi[] = [];
    const program = new PolledProgram(network, (wsi, reason, _user, _data) => {
      if (reason === "established") open.push(wsi);
      if (reason === "closed") ends.push(wsi);
    });
    const { context } = program;
    const next = async () => {
      const count = open.length;
      const peer = await Peer.open(context.port);
      await program.until(() => open.length > count);
      return { peer, wsi: open.at(-1)!, fd: open.at(-1)!.socketFd };
    };
    const leave = async ({ peer, wsi }: { peer: Peer; wsi: Wsi }) => {
      peer.close();
      await program.until(() => ends.includes(wsi));
    };
    const twoAfterEachOther = async () => {
      const one = await next();
      await leave(one);
      return [one, await next()] as const;
    };
    let [one, other] = await twoAfterEachOther();
    // Another thread of the process may have taken the number in between.
    while (other.fd !== one.fd) {
      await leave(other);
      [one, other] = await twoAfterEachOther();
    }
    assertEquals(one.wsi.socketFd, -1);
    one.wsi.rxFlowControl(false);
    one.wsi.callbackOnWritable();
    assertEquals(program.entry(other.fd)!.events, POLLIN);
    context.hangupOnClient(other.fd);
    await program.until(() => ends.includes(other.wsi));
    assertEquals(ends.length, new Set(ends).size);
    assert(ends.at(-1) === other.wsi && ends.at(-2) === one.wsi);
    other.peer.close();
    await context.destroy();
  },
);

testDescriptors(
  "a peer that closes its sending half is told once, and keeps no poller busy",
  async (network) => {
    const program = new PolledProgram(network, () => {}, { halfOpenHttp: true });
    const { context, table } = program;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n"));
    await conn.closeWrite();
    await program.until(() => program.told.some((each) => each.startsWith("wsiDestroy")));
    assertEquals(context.pollNow(table), 0);
    conn.close();
    await context.destroy();
  },
);

testDescriptors(
  "a context that is destroyed inside a callback closes all, by itself",
  async (network) => {
    const program: PolledProgram = new PolledProgram(network, (wsi, reason, _user, _data) => {
      if (reason === "receive") void wsi.context.destroy();
    });
    const { context } = program;
    const peers = [await Peer.open(context.port), await Peer.open(context.port)];
    const isOpen = () => program.told.filter((each) => each.startsWith("established")).length === 2;
    await program.until(isOpen);
    await peers[0]!.send("the end");
    await program.until(() => context.isDestroyed);
    for (const peer of peers) {
      // 1001, and its answer.
      assert((await peer.read((all) => all.includes("\x03\xe9"))).includes("\x03\xe9"));
      await peer.conn.write(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0));
      peer.close();
    }
    await context.closed;
    assertEquals(program.table, []);
  },
);

testDescriptors(
  "a client has its descriptor once it is connected, and says why it can't be",
  async (network) => {
    const before: number[] = [];
    let failure: unknown;
    const open: Wsi[] = [];
    const program = new PolledProgram(network, (wsi, reason, _user, data) => {
      if (reason === "clientEstablished") open.push(wsi);
      if (reason === "clientConnectionError") failure = data;
    });
    const { context } = program;
    before.push(context.clientConnect({ address: "127.0.0.1", port: context.port }).socketFd);
    before.push(context.clientConnect({ address: "localhost", port: context.port }).socketFd);
    await program.until(() => open.length === 2);
    assertEquals(before, [-1, -1]);
    for (const { socketFd } of open) assertEquals(program.entry(socketFd)!.events, POLLIN);
    context.clientConnect({ address: "127.0.0.1", port: 1 });
    await program.until(() => failure !== undefined);
    assert(String(failure).includes("ECONNREFUSED"), String(failure));
    await context.destroy();
  },
);

testDescriptors("broadcasts of a worker's port are told by a descriptor", async (network) => {
  let wsi: Wsi | undefined;
  const program = new PolledProgram(network, (each, reason, _user, _data) => {
    if (reason === "established") wsi = each;
  });
  const peer = await Peer.open(program.context.port);
  await program.until(() => wsi !== undefined);
  const remote = remoteContext(program.context.openPort());
  remote.broadcast("x", "news");
  await program.until(() => program.told.includes(`broadcast ${wsi!.socketFd}`));
  // Their own is there with the listener's and the peer's.
  assertEquals(program.table.length, 3);
  remote.close();
  peer.close();
  await program.context.destroy();
});

testDescriptors("TLS goes over real descriptors, and is told in service", async (network) => {
  const { cert, key } = await makeSelfSigned({ name: "localhost" });
  const heard: string[] = [];
  const program = new PolledProgram(network, (wsi, reason, _user, data) => {
    if (reason === "clientEstablished") wsi.write("hello");
    if (reason === "receive" || reason === "clientReceive") {
      heard.push(text(data));
      if (reason === "receive") wsi.write("world");
      else wsi.close();
    }
  }, { sslCertFilepath: cert, sslPrivateKeyFilepath: key });
  const { context } = program;
  context.clientConnect({ address: "localhost", port: context.port, ssl: 2 });
  const isOver = () => program.told.filter((each) => each.startsWith("wsiDestroy")).length === 2;
  await program.until(isOver);
  assertEquals(heard, ["hello", "world"]);
  // Both hear of a handshake that fails, though the socket is gone before.
  context.clientConnect({ address: "127.0.0.1", port: context.port, ssl: 2 });
  const ends = () => program.told.filter((each) => each.startsWith("wsiDestroy")).length;
  await program.until(() => ends() === 4);
  await context.destroy();
});

testDescriptors(
  "a filter may be awaited, and a PROXY header come, before a descriptor is served",
  async (network) => {
    const peers: string[] = [];
    const program = new PolledProgram(network, (wsi, reason, _user, _data) => {
      if (reason === "filterNetworkConnection") return Promise.resolve(0);
      if (reason === "http") {
        peers.push(wsi.peerAddresses.ip);
        return wsi.respond(200, "the page");
      }
      return 0;
    }, { proxyProtocol: true });
    const { context } = program;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
    await conn.write(
      new TextEncoder().encode(
        "PROXY TCP4 192.0.2.7 192.0.2.8 1000 80\r\nGET / HTTP/1.0\r\n\r\n",
      ),
    );
    const answer = new Response(conn.readable).text();
    await program.until(() => program.told.some((each) => each.startsWith("wsiDestroy")));
    assert((await answer).endsWith("the page"));
    assertEquals(peers, ["192.0.2.7"]);
    await context.destroy();
  },
);

testDescriptors(
  "what can't be opened or watched is told, and leaves no descriptor",
  async (network, faulty) => {
    for (const [call, times] of [["epoll_create1", 2], ["eventfd", 2], ["epoll_ctl", 3]] as const) {
      for (let good = 0; good < times; good++) {
        faulty.next(call, ...Array.from({ length: good }, () => asIs), faulty.fails("ENOMEM"));
        assertThrows(() => new PolledProgram(network, () => {}), LwsError, "ENOMEM");
        assertEquals([...faulty.descriptors], [], `${call} ${good}`);
      }
    }
    const program = new PolledProgram(network, () => {});
    const peer = await Peer.open(program.context.port);
    // The listener's readiness first; then the connection can't be watched.
    faulty.next("epoll_ctl", faulty.fails("ENOSPC"));
    await program.until(() => program.told.some((each) => each.startsWith("wsiDestroy")));
    assertEquals(program.table.length, 1, "the listener is left");
    peer.close();
    await program.context.destroy();
  },
);

for (const how of ["serviceSync", "service", "serviceFd"] as const) {
  testDescriptors(`${how}: what a callback asks for comes in a later call`, async (network) => {
    let calls = 0;
    const told: [string, number][] = [];
    const program = new PolledProgram(network, (wsi, reason, _user, data) => {
      if (reason === "receive") {
        told.push([text(data), calls]);
        wsi.rxFlowControl(false);
        wsi.callbackOnWritable();
      }
      if (reason === "serverWriteable") {
        told.push(["writeable", calls]);
        wsi.rxFlowControl(true);
      }
    }, { service: how === "serviceFd" ? "external" : "manual" });
    const { context, table } = program;
    const peer = await Peer.open(context.port);
    await peer.conn.write(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 97, 0x81, 0x81, 0, 0, 0, 0, 98));
    while (told.length < 4) {
      calls++;
      if (how === "serviceSync") context.serviceSync(1_000);
      else if (how === "service") await context.service(1_000);
      else if (await context.poll(table, 1_000) >= 0) {
        for (const each of [...table]) if (each.revents !== 0) context.serviceFd(each);
      }
    }
    assertEquals(told.map(([what]) => what), ["a", "writeable", "b", "writeable"]);
    assertEquals(new Set(told.map(([, call]) => call)).size, 4, JSON.stringify(told));
    peer.close();
    await context.destroy();
  });
}
