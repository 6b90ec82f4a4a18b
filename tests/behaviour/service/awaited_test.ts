/** Promises where the program says when it is served: what they decide is told in service alone. */

import { assert, assertEquals } from "@std/assert";
import type { PollFd, Protocol, Reason, ServicePolicy, Wsi } from "../../../mod.ts";
import { POLLOUT } from "../../../mod.ts";
import { get, readRefusal, reply, request, statusOf } from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import { frame, KEY } from "../../support/frames.ts";
import { handshake, readFrame, readHead, serve, type Served, settle } from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";

const POLICIES: readonly ServicePolicy[] = ["manual", "external"];

async function pump({ context }: Served): Promise<void> {
  for (let i = 0; i < 20; i++) await context.service(0);
}

const REQUESTS: readonly (readonly [Reason, string, string, number])[] = [
  ["filterNetworkConnection", get("/"), "wsiCreate", 200],
  ["filterHttpConnection", get("/"), "http", 200],
  ["filterProtocolConnection", handshake(), "established", 101],
  ["http", request("POST", "/"), "httpBodyCompletion", 200],
  ["httpBody", request("POST", "/", "Content-Length: 1") + "x", "httpBodyCompletion", 200],
];

const answer = (wsi: Wsi) => reply(wsi);

for (const service of POLICIES) {
  for (const [reason, head, next, status] of REQUESTS) {
    const others = reason === "http" || reason === "httpBody"
      ? { httpBodyCompletion: answer }
      : { http: answer };

    Deno.test(`${service}: what ${reason} decides waits for service, and is told there`, async () => {
      const thinker = thinking(reason, others);
      await using served = serve([thinker.protocol], { service });
      const peer = await served.dial(head);
      await pump(served);
      assertEquals(thinker.pending(), 1);
      await thinker.decide(0);
      await settle();
      assertEquals(thinker.reasons.includes(next), false);
      await pump(served);
      assert(thinker.reasons.includes(next));
      assertEquals(statusOf(await readHead(peer)), status);
    });

    Deno.test(`${service}: a rejection of ${reason} waits for service`, async () => {
      using log = captureLog();
      const thinker = thinking(reason, others);
      await using served = serve([thinker.protocol], { service });
      const peer = await served.dial(head);
      await pump(served);
      await thinker.fail(new Error("no database"));
      assertEquals(log.lines.length, 1);
      assertEquals([peer.received.length, peer.ended], [0, false]);
      await pump(served);
      if (reason === "filterNetworkConnection") assertEquals((await peer.readToEnd()).length, 0);
      else {
        // What leaves has to be served, too.
        const refusal = readRefusal(peer);
        await pump(served);
        assertEquals((await refusal).status, 500);
      }
    });

    Deno.test(`${service}: a peer that goes while ${reason} thinks is noticed in service`, async () => {
      const thinker = thinking(reason, others);
      await using served = serve([thinker.protocol], { service });
      const peer = await served.dial(head);
      await pump(served);
      peer.close();
      await settle();
      assertEquals(thinker.reasons.includes("wsiDestroy"), false);
      await pump(served);
      assertEquals(thinker.reasons.includes("wsiDestroy"), reason !== "filterNetworkConnection");
      const before = [...thinker.reasons];
      await thinker.decide(0);
      await pump(served);
      assertEquals(thinker.reasons, before);
    });

    Deno.test(`${service}: a peer that goes after ${reason} has settled is noticed in service`, async () => {
      const thinker = thinking(reason, others);
      await using served = serve([thinker.protocol], { service });
      const peer = await served.dial(head);
      await pump(served);
      await thinker.decide(0);
      await pump(served);
      assertEquals(statusOf(await readHead(peer)), status);
      peer.close();
      await pump(served);
      assert(thinker.reasons.includes("wsiDestroy"));
    });

    Deno.test(`${service}: destroy ends while ${reason} never settles`, async () => {
      const thinker = thinking(reason, others);
      const served = serve([thinker.protocol], { service });
      const peer = await served.dial(head);
      await pump(served);
      assertEquals(thinker.pending(), 1);
      await served.context.destroy();
      await peer.readToEnd();
    });
  }

  Deno.test(`${service}: a verdict that came in time counts, however late service is`, async () => {
    const thinker = thinking("filterProtocolConnection");
    await using served = serve([thinker.protocol], { service, headerTimeoutMs: 1000 });
    const peer = await served.dial(handshake());
    await pump(served);
    await thinker.decide(0);
    served.clock.advance(5000);
    await pump(served);
    assertEquals(statusOf(await readHead(peer)), 101);
    // And one that doesn't is refused in service.
    const late = await served.dial(handshake());
    await pump(served);
    await served.pass(1100);
    assertEquals(late.received.length, 0);
    const refusal = readRefusal(late);
    await pump(served);
    assertEquals((await refusal).status, 503);
  });

  Deno.test(`${service}: so does one of filterNetworkConnection`, async () => {
    using log = captureLog();
    const thinker = thinking("filterNetworkConnection");
    await using served = serve([thinker.protocol], { service, headerTimeoutMs: 1000 });
    const peer = await served.dial();
    await pump(served);
    await thinker.decide(0);
    served.clock.advance(1100);
    await pump(served);
    assertEquals([peer.ended, log.lines], [false, []]);
    assertEquals(thinker.reasons, ["wsiCreate", "serverNewClientInstantiated"]);
  });

  Deno.test(`${service}: a rejection where nobody waits ends its connection in service`, async () => {
    using _log = captureLog();
    const thinker = thinking("receive");
    await using served = serve([thinker.protocol], { service });
    const peer = await served.dial(handshake());
    await pump(served);
    await readHead(peer);
    peer.send(frame({ opcode: 1, payload: "x", key: KEY }));
    await pump(served);
    const before = peer.received.length;
    await thinker.fail(new Error("no database"));
    assertEquals(peer.received.length, before);
    const close = readFrame(peer);
    await pump(served);
    assertEquals([...(await close).payload], [1011 >> 8, 1011 & 255]);
  });
}

Deno.test("external: interest in a settled promise is announced, and serviceFd of it alone delivers it", async () => {
  const table: PollFd[] = [];
  const thinker = thinking(["filterNetworkConnection", "filterProtocolConnection"]);
  const protocol: Protocol = {
    name: "x",
    callback(...args) {
      const [, reason, , data] = args;
      if (reason === "addPollFd") table.push({ fd: data.fd, events: data.events, revents: 0 });
      if (reason === "changeModePollFd") {
        table.find(({ fd }) => fd === data.fd)!.events = data.events;
      }
      if (reason === "delPollFd") table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
      return thinker.protocol.callback(...args);
    },
  };
  await using served = serve([protocol], { service: "external" });
  const { context } = served;
  const entry = (wanted: number) => table.find(({ fd }) => fd === wanted)!;
  const run = async (fd: number) => {
    await settle();
    await context.poll(table, 0);
    context.serviceFd(entry(fd));
    await settle();
  };
  await served.dial(handshake());
  await run(0);
  assertEquals([thinker.pending(), entry(1).events], [1, 0]);
  await thinker.decide(0);
  assertEquals(entry(1).events, POLLOUT);
  assertEquals(await context.poll(table, 0), 1);
  assertEquals(entry(1).revents, POLLOUT);
  await run(1);
  assertEquals(thinker.reasons.slice(-2), ["wsiCreate", "serverNewClientInstantiated"]);
  await run(1);
  assertEquals([thinker.reasons.at(-1), thinker.pending()], ["filterProtocolConnection", 1]);
  assertEquals(entry(1).events & POLLOUT, 0);
  await thinker.decide(0);
  assertEquals(entry(1).events & POLLOUT, POLLOUT);
  await run(1);
  assertEquals(thinker.reasons.at(-1), "established");
  // And who goes while the filter thinks is watched no more.
  const other = await served.dial();
  await run(0);
  other.close();
  await run(2);
  assertEquals(entry(2), undefined);
  assertEquals(table.length, 2);
  await thinker.decide(0);
});

for (const reason of ["addPollFd", "lockPoll", "getThreadId"] as const) {
  Deno.test(`external: ${reason} may return a promise, and no rejection of it ends the process`, async () => {
    using log = captureLog();
    const seen: string[] = [];
    await using served = serve([{
      name: "x",
      callback: (...[, why]) => {
        seen.push(why);
        return why === reason ? Promise.reject(new Error("no loop")) : 0;
      },
    }], { service: "external" });
    const peer = await served.dial();
    await pump(served);
    peer.send(get("/"));
    await pump(served);
    assert(seen.includes("wsiCreate"));
    assert(log.lines.length > 0);
    for (const line of log.lines) {
      assert(line.startsWith(`err: x: ${reason} was rejected: Error`), line);
    }
    peer.close();
  });
}
