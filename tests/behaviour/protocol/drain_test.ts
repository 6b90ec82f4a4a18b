/** `drain` comes by itself once there is room to go on writing. */

import { assert, assertEquals } from "@std/assert";
import {
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  type Extension,
  handlers,
  permessageDeflate,
  type Protocol,
  protocol,
  type ServicePolicy,
  type Wsi,
} from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { handshake, openAlone, readResponse, serve, settle } from "../../support/serve.ts";
import { SippingPeer } from "../../support/sipping_peer.ts";

/** More than a peer in memory lets leave unread. */
const FRAME = 100 * 1024;
const SOFT = 150 * 1024;

/** A protocol that writes down its drains, as what was unsent then. */
function draining(onDrain: (wsi: Wsi) => void = () => {}) {
  const opened = Promise.withResolvers<Wsi>();
  const drains: number[] = [];
  const made = protocol({
    name: "x",
    open: (wsi) => opened.resolve(wsi),
    drain(wsi) {
      drains.push(wsi.unsentBytes);
      onDrain(wsi);
    },
  });
  return { made, drains, opened: opened.promise };
}

/** A server, and a client that takes as much as it is told to. */
async function sipping(
  made: Protocol<undefined>,
  opened: Promise<Wsi>,
  service: ServicePolicy = "automatic",
) {
  const served = serve([made], { softUnsentBytes: SOFT, service });
  const target = { hostname: "127.0.0.1", port: 80 };
  const peer = new SippingPeer(await served.network.connect(target, new AbortController().signal));
  peer.send(new TextEncoder().encode(handshake()));
  /** Calls for service, where that has to be done. */
  const go = async () => {
    await settle();
    for (let i = 0; service !== "automatic" && i < 10; i++) await served.context.service(0);
    await settle();
  };
  for (let i = 0; i < 3; i++) await go();
  return {
    wsi: await opened,
    peer,
    go,
    /** Writes more than the limit: one frame is on its way, and another one behind it. */
    async fill() {
      const wsi = await opened;
      wsi.write(new Uint8Array(FRAME));
      await settle();
      wsi.write(new Uint8Array(FRAME));
      assertEquals(wsi.partialBuffered, true);
    },
    async sip() {
      peer.sip();
      await settle();
    },
    async [Symbol.asyncDispose]() {
      peer.close();
      await served[Symbol.asyncDispose]();
    },
  };
}

Deno.test("drain comes once for each time that partialBuffered was true and is so no more", async () => {
  const { made, drains, opened } = draining();
  await using rig = await sipping(made, opened);
  const { wsi } = rig;
  for (let time = 1; time <= 3; time++) {
    await rig.fill();
    while (wsi.partialBuffered) {
      assertEquals(drains.length, time - 1);
      await rig.sip();
    }
    assertEquals(drains.length, time);
    assertEquals(drains.at(-1), FRAME + 10, "the second frame is unsent still");
    while (wsi.unsentBytes > 0) await rig.sip();
  }
  assertEquals(drains.length, 3);
});

Deno.test("softUnsentBytes unsent bring no drain, and one byte more does", async () => {
  for (const [payload, count] of [[996, 0], [997, 1]] as const) {
    const { made, drains, opened } = draining();
    await using _socket = await openAlone([made], { softUnsentBytes: 1000 });
    const wsi = await opened;
    wsi.write(new Uint8Array(payload));
    assertEquals([wsi.unsentBytes, wsi.partialBuffered], [payload + 4, count === 1]);
    await settle();
    assertEquals(drains.length, count);
  }
});

Deno.test("it never comes from inside a write, though all may leave at once", async () => {
  let isWriting = false;
  const { made, drains, opened } = draining((wsi) => {
    assertEquals(isWriting, false);
    if (drains.length < 5) write(wsi);
  });
  const write = (wsi: Wsi) => {
    isWriting = true;
    wsi.write(new Uint8Array(1000));
    isWriting = false;
  };
  const network = new MemoryNetwork({ writesAtOnce: true });
  await using served = serve([made], { softUnsentBytes: 100, network });
  const peer = await network.dial(80);
  peer.send(handshake());
  write(await opened);
  assertEquals(drains.length, 0);
  await settle();
  assertEquals(drains.length, 5);
  peer.close();
  await served.context.destroy();
});

Deno.test("what is congested again by then is not drained, and is later", async () => {
  const { made, drains, opened } = draining();
  await using rig = await sipping(made, opened);
  const { wsi } = rig;
  await rig.fill();
  // In microtasks, before the turn of its own in which it would come.
  for (let i = 0; i < 200 && wsi.partialBuffered; i++) {
    rig.peer.sip();
    await Promise.resolve();
  }
  assertEquals(wsi.partialBuffered, false);
  for (let i = 0; i < 4; i++) wsi.write(new Uint8Array(FRAME));
  await settle();
  assertEquals(drains, []);
  while (wsi.unsentBytes > 0) await rig.sip();
  assertEquals(drains.length, 1);
});

Deno.test("what callbackOnWritable has asked for waits for nothing unsent, as ever", async () => {
  const { made, drains, opened } = draining();
  await using rig = await sipping(made, opened);
  const { wsi } = rig;
  wsi.write(new Uint8Array(FRAME));
  wsi.callbackOnWritable();
  while (wsi.unsentBytes > 0) {
    assertEquals(drains, []);
    await rig.sip();
  }
  assertEquals(drains, [0]);
  await rig.fill();
  wsi.callbackOnWritable();
  while (wsi.unsentBytes > 0) await rig.sip();
  assertEquals(drains.length, 3);
  assert(drains[1]! > 0);
  assertEquals(drains[2], 0);
});

Deno.test("a drain and a writeable callback that are due together are one", async () => {
  const { made, drains, opened } = draining();
  await using _socket = await openAlone([made], { softUnsentBytes: 100 });
  const wsi = await opened;
  wsi.write(new Uint8Array(1000));
  wsi.callbackOnWritable();
  await settle();
  assertEquals(drains, [0]);
});

Deno.test("none comes once the connection is closing", async () => {
  for (const end of ["close", "abort"] as const) {
    const { made, drains, opened } = draining();
    await using rig = await sipping(made, opened);
    const { wsi } = rig;
    await rig.fill();
    if (end === "close") wsi.close();
    else wsi.context.hangupOnClient(wsi.socketFd);
    for (let i = 0; i < 10; i++) await rig.sip();
    assertEquals(drains, [], end);
  }
});

Deno.test("a protocol that has asked for nothing is told nothing, by handlers as ever", async () => {
  const reasons: string[] = [];
  const opened = Promise.withResolvers<Wsi>();
  const plain: Protocol = {
    name: "x",
    callback: handlers({
      established: (wsi) => opened.resolve(wsi),
      serverWriteable: () => void reasons.push("serverWriteable"),
    }),
  };
  await using _socket = await openAlone([plain], { softUnsentBytes: 100 });
  (await opened.promise).write(new Uint8Array(1000));
  await settle();
  assertEquals(reasons, []);
});

Deno.test("the answers of HTTP bring no drain, however long they are", async () => {
  const reasons: string[] = [];
  await using served = serve([protocol({
    name: "x",
    http: (wsi) => wsi.respond(200, "x".repeat(FRAME)),
    httpWriteable: () => void reasons.push("httpWriteable"),
    drain: () => void reasons.push("drain"),
  })], { softUnsentBytes: 100 });
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await readResponse(peer)).body.length, FRAME);
  await settle();
  assertEquals(reasons, []);
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`with ${service} service it comes in service alone`, async () => {
    const { made, drains, opened } = draining();
    await using rig = await sipping(made, opened, service);
    const { wsi } = rig;
    await rig.fill();
    while (wsi.partialBuffered) {
      rig.peer.sip();
      await settle();
      assertEquals(drains, []);
      await rig.go();
    }
    assertEquals(drains.length, 1);
    while (wsi.unsentBytes > 0) {
      rig.peer.sip();
      await rig.go();
    }
    assertEquals(drains.length, 1);
  });
}

const STACKS: readonly [string, () => Extension[]][] = [
  ["plain", () => []],
  ["compressed", () => [permessageDeflate()]],
];

/** Sends numbers as fast as the other end takes them, and counts on in `drain` alone. */
function numbers(last: number): Protocol<{ next: number }> {
  const goOn = (wsi: Wsi, user: { next: number }) => {
    while (user.next <= last && !wsi.partialBuffered) {
      wsi.write(`${user.next++} ${crypto.randomUUID().repeat(100)}`);
    }
  };
  return protocol({
    name: "numbers",
    perSessionData: () => ({ next: 1 }),
    open: goOn,
    drain: goOn,
  });
}

for (const [stack, extensions] of STACKS) {
  for (const sender of ["server", "client"] as const) {
    Deno.test(`a ${sender} sends on by drain alone over sockets, ${stack}`, async () => {
      const last = 2000;
      const all = Promise.withResolvers<void>();
      let expected = 1;
      const heard = protocol({
        name: "numbers",
        message(wsi, _user, text) {
          assertEquals((text as string).split(" ")[0], String(expected));
          if (expected++ === last) all.resolve();
          else if (expected % 500 === 0) {
            // The sender gets ahead of what is read.
            wsi.rxFlowControl(false);
            queueMicrotask(() => wsi.rxFlowControl(true));
          }
        },
      });
      const limits = { softUnsentBytes: 10_000, extensions: extensions() };
      const [serving, connecting] = sender === "server"
        ? [numbers(last), heard]
        : [heard, numbers(last)];
      await using server = createContext({
        port: 0,
        iface: "127.0.0.1",
        ...limits,
        protocols: [serving],
      });
      await using client = createContext({
        port: CONTEXT_PORT_NO_LISTEN,
        ...limits,
        protocols: [connecting],
      });
      client.clientConnect({ address: "127.0.0.1", port: server.port, protocol: "numbers" });
      await all.promise;
    });
  }
}
