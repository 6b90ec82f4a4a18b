/** `maxLoopLagMs`: at the limit, past it, and back. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { reply } from "../../support/http.ts";
import { LateClock } from "../../support/clocks/late_clock.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, readResponse, serve, type Served } from "../../support/serve.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const PERIOD_MS = 100;
const echo = named("echo", {
  http: (wsi) => reply(wsi),
  message: (wsi, _user, data) => void wsi.write(data),
});

async function ask(served: Served, request: string): Promise<string> {
  const peer = await served.dial(request);
  const { head } = await readResponse(peer);
  peer.close();
  return head;
}

/** The next timer comes so late. */
async function lag(served: Served, clock: LateClock, ms: number): Promise<void> {
  clock.lag(ms);
  await served.pass(PERIOD_MS);
}

Deno.test("at maxLoopLagMs all is served; past it new requests are answered 503 until less than half is left", async () => {
  using log = captureLog(["warn", "notice"]);
  const clock = new LateClock();
  await using served = serve([echo], { kaTime: 0, clock, maxLoopLagMs: 50 });
  const socket = await served.open();
  const kept = await served.dial(GET);
  await readResponse(kept);
  await lag(served, clock, 50);
  assertMatch(await ask(served, GET), /^HTTP\/1\.1 200 /);
  assertMatch(await ask(served, handshake()), /^HTTP\/1\.1 101 /);
  assertEquals([served.context.stats().limitsHit, log.lines], [{}, []], "at the limit");

  await lag(served, clock, 51);
  for (const request of [GET, handshake()]) {
    const head = await ask(served, request);
    assertMatch(head, /^HTTP\/1\.1 503 /);
    assertMatch(head, /^retry-after: 1\r$/im);
  }
  kept.send(GET);
  assertMatch(await readHead(kept), /^HTTP\/1\.1 503 /);
  socket.send({ opcode: 1, payload: "established" });
  assertEquals(await socket.receiveText(), "established");
  const { limitsHit, turnedAway, handshakesRefused, loopLagMs } = served.context.stats();
  assertEquals(limitsHit, { maxLoopLagMs: 3 });
  assertEquals(turnedAway, { "503": 3 });
  assertEquals([handshakesRefused, loopLagMs], [{ overload: 1 }, 51]);

  await served.pass(PERIOD_MS);
  assertMatch(await ask(served, GET), /^HTTP\/1\.1 503 /, "half of it, and a bit, is left");
  assertEquals(log.lines.length, 1);
  assertMatch(log.lines[0]!, /lags 51 ms, past maxLoopLagMs \(50\)/);
  await served.pass(PERIOD_MS);
  assertMatch(await ask(served, GET), /^HTTP\/1\.1 200 /);
  assertEquals(log.lines.length, 2);
  assertMatch(log.lines[1]!, /caught up/);
});

Deno.test("a lag without the option is told by stats, and refuses nobody", async () => {
  const clock = new LateClock();
  await using served = serve([echo], { kaTime: 0, clock });
  assertEquals(served.context.stats().loopLagMs, 0);
  await lag(served, clock, 10_000);
  assertEquals(served.context.stats().loopLagMs, 10_000);
  assertMatch(await ask(served, GET), /^HTTP\/1\.1 200 /);
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: the lag is how late the program calls for service`, async () => {
    using _log = captureLog([]);
    const clock = new LateClock();
    await using served = serve([echo], { kaTime: 0, clock, service, maxLoopLagMs: 50 });
    const { context } = served;
    assertEquals(context.stats().loopLagMs, 0);
    await served.pass(PERIOD_MS);
    await context.service(0);
    assertEquals(context.stats().loopLagMs, 0);
    await served.pass(PERIOD_MS);
    clock.lag(60);
    await context.service(0);
    assertEquals(context.stats().loopLagMs, 60);
    const peer = await served.dial(GET);
    for (let i = 0; i < 5; i++) {
      await served.pass(0);
      await context.service(0);
    }
    assert(new TextDecoder().decode(peer.received).startsWith("HTTP/1.1 503 "));
  });
}
