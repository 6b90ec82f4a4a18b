/** The service policy "manual": nothing is delivered but in calls of service. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Context, ServicePolicy, Wsi } from "../../../mod.ts";
import { connectBroadcast, LwsError, POLLIN, remoteContext } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";

const POLICIES: readonly ServicePolicy[] = ["manual", "external"];

/** Calls service until nothing is left to do. */
async function serviceAll(context: Context): Promise<void> {
  for (let i = 0; i < 20; i++) await context.service(0);
}

for (const service of POLICIES) {
  const name = (sentence: string) => `${service}: ${sentence}`;
  /** Reasons but those of polling, which external adds. */
  const plain = (reasons: readonly string[]) => reasons.filter((each) => !/Poll|Thread/.test(each));

  Deno.test(name("nothing is delivered between calls, and all of it in order within"), async () => {
    const recorder = record("echo", { receive: (wsi, _user, data) => void wsi.write(data) });
    await using served = serve([recorder.protocol], { service });
    const { context } = served;
    const peer = await served.dial(handshake());
    await settle();
    assertEquals(plain(recorder.reasons), ["protocolInit"]);

    assertEquals(await context.service(0), 0);
    assertEquals(plain(recorder.reasons).slice(1), [
      "filterNetworkConnection",
      "wsiCreate",
      "serverNewClientInstantiated",
    ]);
    await settle();
    assertEquals(plain(recorder.reasons).length, 4);

    assertEquals(await context.service(0), 0);
    assertEquals(plain(recorder.reasons).slice(4), ["filterProtocolConnection", "established"]);
    await serviceAll(context);
    const socket = new WebSocketPeer(peer, await readHead(peer));
    socket.send({ opcode: 1, payload: "one" }, { opcode: 1, payload: "two" });
    await settle();
    assertEquals(plain(recorder.reasons).length, 6);
    await serviceAll(context);
    assertEquals(plain(recorder.reasons).slice(6), ["receive", "receive"]);
    assertEquals(await socket.receiveText(), "one");
    assertEquals(await socket.receiveText(), "two");
  });

  Deno.test(name("a waiting service ends with the first event, which it delivers"), async () => {
    const recorder = record("echo");
    await using served = serve([recorder.protocol], { service });
    const waiting = served.context.service(Infinity);
    await settle();
    const peer = await served.network.dial(80);
    assertEquals(await waiting, 0);
    assertEquals(plain(recorder.reasons).includes("wsiCreate"), true);
    peer.close();
  });

  Deno.test(name("a service without an event ends at its timeout"), async () => {
    await using served = serve([record("echo").protocol], { service });
    let ended = false;
    const waiting = served.context.service(1_000).then((result) => {
      ended = true;
      return result;
    });
    await settle();
    await served.pass(999);
    assertEquals(ended, false);
    served.clock.advance(1);
    assertEquals(await waiting, 0);
  });

  Deno.test(name("cancelService ends the call that waits, or else the next one"), async () => {
    await using served = serve([record("echo").protocol], { service });
    const { context } = served;
    const waiting = context.service(Infinity);
    await settle();
    context.cancelService();
    assertEquals(await waiting, 0);

    context.cancelService();
    assertEquals(await context.service(Infinity), 0);
    let ended = false;
    const next = context.service(Infinity).then(() => ended = true);
    await settle();
    assertEquals(ended, false, "one cancel ends one call");
    context.cancelService();
    await next;
  });

  Deno.test(name("cancelService ends all calls, one that has just begun as well"), async () => {
    await using served = serve([record("echo").protocol], { service });
    const { context } = served;
    const waiting = [context.service(Infinity), context.poll([], Infinity)];
    await settle();
    waiting.push(context.service(Infinity), context.poll([], Infinity));
    context.cancelService();
    assertEquals(await Promise.all(waiting), [0, 0, 0, 0]);
  });

  Deno.test(name("cancelService ends a poll that something else has just woken"), async () => {
    let open: Wsi | undefined;
    const recorder = record("echo", { established: (wsi) => void (open = wsi) });
    await using served = serve([recorder.protocol], { service });
    const { context } = served;
    await served.dial(handshake());
    await serviceAll(context);
    const polling = context.poll([], Infinity);
    await settle();
    open!.callbackOnWritable();
    context.cancelService();
    assertEquals(await polling, 0);
  });

  Deno.test(name("destroy ends a waiting call, and every later one is negative"), async () => {
    const served = serve([record("echo").protocol], { service });
    const { context } = served;
    const waiting = context.service(Infinity);
    const polling = context.poll([], Infinity);
    await settle();
    await context.destroy();
    assertEquals(await waiting < 0, true);
    assertEquals(await polling < 0, true);
    assertEquals(await context.service(0) < 0, true);
    assertEquals(context.serviceFd({ fd: 0, events: POLLIN, revents: POLLIN }) < 0, true);
    assertEquals(await context.poll([], 0) < 0, true);
    context.cancelService();
  });

  Deno.test(name("destroy serves by itself what is left, to the last reason"), async () => {
    const recorder = record("echo");
    const served = serve([recorder.protocol], { service });
    const { context } = served;
    const peer = await served.dial(handshake());
    await serviceAll(context);
    await readHead(peer);
    const socket = new WebSocketPeer(peer, "");
    socket.send({ opcode: 1, payload: "read, but not served yet" });
    await settle();
    const closed = context.destroy();
    assertEquals((await socket.receiveClose()).code, 1001);
    socket.send({ opcode: 8, payload: new Uint8Array([3, 233]) });
    peer.end();
    await closed;
    peer.close();
    const last = plain(recorder.reasons).slice(-3);
    assertEquals(last, ["closed", "wsiDestroy", "protocolDestroy"]);
  });

  Deno.test(name("destroy lets go of who was accepted and not served"), async () => {
    const served = serve([record("echo").protocol], { service });
    const peers = [await served.network.dial(80), await served.network.dial(80)];
    await settle();
    await served.context.destroy();
    for (const peer of peers) assertEquals((await peer.readToEnd()).length, 0);
  });

  Deno.test(
    name("contract 2: a writeable request is answered by a later call, once, merged"),
    async () => {
      let wsi: Wsi | undefined;
      let inside = false;
      const seen: boolean[] = [];
      const recorder = record("echo", (one, reason, _user, _data) => {
        if (reason === "established") wsi = one;
        if (reason === "serverWriteable") {
          seen.push(inside);
          if (seen.length < 3) one.callbackOnWritable();
        }
      });
      await using served = serve([recorder.protocol], { service });
      const { context } = served;
      const peer = await served.dial(handshake());
      await serviceAll(context);

      inside = true;
      wsi!.callbackOnWritable();
      wsi!.callbackOnWritable();
      inside = false;
      await settle();
      assertEquals(seen, [], "not without a call");
      await context.service(0);
      assertEquals(seen, [false]);
      await context.service(0);
      assertEquals(seen, [false, false], "asked for inside, answered by the next call");
      await serviceAll(context);
      assertEquals(seen.length, 3);
      peer.close();
    },
  );

  Deno.test(name("timeouts run in service, strictly after their seconds"), async () => {
    let wsi: Wsi | undefined;
    const recorder = record("echo", { established: (one) => void (wsi = one) });
    await using served = serve([recorder.protocol], { service });
    const { context, clock } = served;
    const peer = await served.dial(handshake());
    await serviceAll(context);
    wsi!.setTimeout("userReason", 10);
    clock.advance(9_999);
    await serviceAll(context);
    assertEquals(recorder.reasons.includes("closed"), false);
    const waiting = context.service(Infinity);
    await settle();
    clock.advance(1_100);
    await waiting;
    await serviceAll(context);
    assertEquals(recorder.reasons.includes("closed"), true);
    peer.close();
  });

  Deno.test(name("a stopped receiver is read no further, whatever service is called"), async () => {
    let wsi: Wsi | undefined;
    let got = "";
    const recorder = record("echo", (one, reason, _user, data) => {
      if (reason === "established") wsi = one;
      if (reason === "receive") got += new TextDecoder().decode(data);
    });
    await using served = serve([recorder.protocol], { service });
    const { context } = served;
    const peer = await served.dial(handshake());
    await serviceAll(context);
    await readHead(peer);
    const socket = new WebSocketPeer(peer, "");
    wsi!.rxFlowControl(false);
    socket.send({ opcode: 1, payload: "held" });
    await serviceAll(context);
    assertEquals(got, "");
    wsi!.rxFlowControl(true);
    await settle();
    assertEquals(got, "", "nor outside of service when it goes on");
    await serviceAll(context);
    assertEquals(got, "held");
  });

  Deno.test(name("a client connects, is refused and talks only in service"), async () => {
    await using served = serve([
      record("echo", { receive: (wsi, _user, data) => void wsi.write(data) }).protocol,
    ]);
    let answer = "";
    const recorder = record("chat", (wsi, reason, _user, data) => {
      if (reason === "clientEstablished") wsi.callbackOnWritable();
      if (reason === "clientWriteable") wsi.write("hello");
      if (reason === "clientReceive") answer = new TextDecoder().decode(data);
    });
    const client = served.client([recorder.protocol], { service });
    client.clientConnect({ address: "localhost", port: 80 });
    client.clientConnect({ address: "localhost", port: 81 });
    await settle();
    assertEquals(plain(recorder.reasons), ["protocolInit"]);
    await serviceAll(client);
    assertEquals(answer, "hello");
    assertEquals(
      plain(recorder.reasons).filter((each) => each === "clientConnectionError").length,
      1,
    );
  });

  Deno.test(name("a file is served, piece by piece, by calls of service alone"), async () => {
    const content = new Uint8Array(200_000).fill(65);
    let position = 0;
    let closed = 0;
    const fileOps = {
      open: () => ({ handle: 1, length: content.length }),
      close: () => void closed++,
      seekCur: () => 0,
      read: (_wsi: Wsi, _handle: unknown, buffer: Uint8Array) => {
        buffer.set(content.subarray(position, position + buffer.length));
        position += buffer.length;
        return Promise.resolve(buffer.length);
      },
      write: () => 0,
    };
    const recorder = record("http", { http: (wsi) => wsi.serveHttpFile("/a.txt") });
    await using served = serve([recorder.protocol], { service, fileOps });
    const { context } = served;
    const peer = await served.dial("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const reading = peer.readBytes(200_000);
    while (!recorder.reasons.includes("httpFileCompletion")) await context.service(0);
    assertEquals((await reading).length, 200_000);
    assertEquals(closed, 1);
    peer.close();
  });

  Deno.test(name("what other workers and processes broadcast waits for service, too"), async () => {
    const heard: string[] = [];
    const recorder = record("news", (_wsi, reason, _user, data) => {
      if (reason === "broadcast") heard.push(new TextDecoder().decode(data));
    });
    await using served = serve([recorder.protocol], { service, broadcastSockets: true });
    const { context, network, clock } = served;
    const peer = await served.dial(handshake());
    await serviceAll(context);

    const [protocol] = context.protocols;
    const socket = await connectBroadcast({
      port: protocol!.broadcastSocketPort,
      token: protocol!.broadcastToken,
      network,
      clock,
    });
    await socket.broadcast("from a process");
    await settle();
    assertEquals(heard, []);
    await context.service(0);
    assertEquals(heard, ["from a process"]);
    await socket.close();

    using remote = remoteContext(context.openPort());
    remote.broadcast("news", "from a worker");
    assertEquals(await context.service(Infinity), 0);
    assertEquals(heard, ["from a process", "from a worker"]);
    const waiting = context.service(Infinity);
    remote.cancelService();
    assertEquals(await waiting, 0);
    peer.close();
  });

  Deno.test(
    name("at maxConnections the next one waits in the backlog until a place is free"),
    async () => {
      const recorder = record("echo");
      await using served = serve([recorder.protocol], { service, maxConnections: 1 });
      const { context } = served;
      const first = await served.network.dial(80);
      const second = await served.network.dial(80);
      await serviceAll(context);
      const created = () => recorder.reasons.filter((each) => each === "wsiCreate").length;
      assertEquals(created(), 1);
      first.close();
      await serviceAll(context);
      assertEquals(created(), 2);
      second.close();
    },
  );

  Deno.test(name("wrong arguments are refused by name"), async () => {
    await using served = serve([record("echo").protocol], { service });
    const { context } = served;
    for (const wrong of [-1, NaN, "1" as unknown as number]) {
      const error = assertThrows(() => context.service(wrong), LwsError);
      assertEquals(error.code, "invalid-argument");
      assertStringIncludes(error.message, "timeoutMs");
      assertStringIncludes(
        assertThrows(() => context.poll([], wrong), LwsError).message,
        "timeoutMs",
      );
    }
    const noFd = { events: 1, revents: 1 } as unknown as {
      fd: number;
      events: number;
      revents: number;
    };
    assertStringIncludes(assertThrows(() => context.serviceFd(noFd), LwsError).message, "fd");
    assertStringIncludes(assertThrows(() => context.poll([noFd], 0), LwsError).message, "fd");
    assertThrows(() => context.poll(7 as unknown as [], 0), LwsError, "pollFds");
  });
}

Deno.test("a context that serves by itself refuses the calls of the others, by name", async () => {
  await using served = serve([record("echo").protocol]);
  const { context } = served;
  const calls: [string, () => unknown][] = [
    ["service", () => context.service(0)],
    ["poll", () => context.poll([], 0)],
    ["pollNow", () => context.pollNow([])],
    ["serviceFd", () => context.serviceFd(null)],
    ["cancelService", () => context.cancelService()],
  ];
  for (const [name, call] of calls) {
    assertEquals(assertThrows(call, LwsError, name).code, "invalid-state");
  }
});

Deno.test("another service policy than the three is refused by name", () => {
  const wrong = "often" as ServicePolicy;
  assertThrows(() => serve([record("echo").protocol], { service: wrong }), LwsError, "service");
});

Deno.test("getThreadId comes with the first call that serves, and once", async () => {
  const recorder = record("echo");
  await using served = serve([recorder.protocol], { service: "manual" });
  assertEquals(recorder.reasons, ["protocolInit"]);
  served.context.serviceFd(null);
  await served.context.service(0);
  assertEquals(recorder.reasons, ["protocolInit", "getThreadId"]);
});

Deno.test("service fulfils whatever a callback throws", async () => {
  using _log = captureLog([]);
  const recorder = record("echo", (_wsi, reason, _user, _data) => {
    if (reason === "established") throw new Error("on purpose");
  });
  await using served = serve([recorder.protocol], { service: "manual" });
  (await served.dial(handshake())).close();
  await serviceAll(served.context);
  assertEquals(recorder.reasons.includes("closed"), true);
});
