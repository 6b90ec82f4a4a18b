/** When the handshakes of servers go on, where they have a budget. */

import { assert, assertEquals } from "@std/assert";
import type { Transport } from "../../../../src/api/network.ts";
import { TurnBudget } from "../../../../src/service/turn_budget.ts";
import type { TurnTaker } from "../../../../src/service/turns/order.ts";
import { HandshakeTurns } from "../../../../src/service/turns/handshake_turns.ts";
import { memoryPair } from "../../../../src/testing/memory_transport.ts";
import { makeCertificates } from "../../../support/certificates.ts";
import { inUse, LoopClock, spend } from "../../../support/clocks/loop_clock.ts";
import { TLS_STACKS } from "../../../support/tls/stacks.ts";

const { localhost, ca } = await makeCertificates();
const HELLO = new Uint8Array(300);
Deno.test("of handshakes that come at once a few go on in a turn, behind all connections that wait", async () => {
  const clock = new LoopClock();
  const budget = inUse(new TurnBudget(clock, 1));
  const told: string[] = [];
  const paused = new Set<string>();
  const handshake = (name: string) => {
    const inner = {
      pause: () => void paused.add(name),
      resume() {
        paused.delete(name);
        queueMicrotask(offer);
      },
    } as Partial<Transport> as Transport;
    const turns = new HandshakeTurns(budget, inner);
    const offer = () =>
      void turns.offer(HELLO, ({ length }) => {
        told.push(name);
        clock.time++;
        return length;
      });
    offer();
  };
  const names = Array.from({ length: 10 }, (_, i) => `${i}`);
  names.forEach(handshake);
  const few = told.length;
  assert(few >= 2 && few <= 4, `${few} of them`);
  assertEquals([...paused], names.slice(few));
  const standing: TurnTaker = { servedMs: 0, onTurn: () => void told.push("standing") };
  budget.wait(standing);
  for (let turn = 2; paused.size > 0; turn++) {
    assert(turn < 10, "it comes to an end");
    const before = told.length;
    await clock.comeRound();
    assert(told.length - before <= 5, `${told.length - before} in turn ${turn}`);
  }
  assertEquals(told, [...names.slice(0, few), "standing", ...names.slice(few)]);
});

for (const stack of TLS_STACKS) {
  Deno.test(`${stack.name}: a handshake waits while its budget is spent, and goes on in its turn`, async () => {
    const clock = new LoopClock();
    const budget = inUse(new TurnBudget(clock, 1));
    const server = stack.server({ identity: localhost });
    const client = stack.client({ ca: [ca.cert], disableOsCaCerts: true });
    const [near, far] = memoryPair();
    await spend(budget, clock);
    const shaking = server.secure(far, { budget });
    let isDone = false;
    const done = client.secure(near, { serverName: "localhost" }).done.then((made) => {
      isDone = true;
      return made;
    });
    while (budget.waiting === 0 && !isDone) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(isDone, false);
    await clock.comeRound();
    for (const end of await Promise.all([done, shaking.done])) end.close();
    assertEquals(budget.waiting, 0);
    client.close?.();
    server.close?.();
    near.close();
  });

  Deno.test(`${stack.name}: a handshake that is given up while it waits does nothing in its turn`, async () => {
    const clock = new LoopClock();
    const budget = inUse(new TurnBudget(clock, 1));
    const server = stack.server({ identity: localhost });
    const client = stack.client({ ca: [ca.cert], disableOsCaCerts: true });
    const [near, far] = memoryPair();
    await spend(budget, clock);
    const shaking = server.secure(far, { budget });
    const refused = client.secure(near, { serverName: "localhost" }).done.then(
      () => "done",
      ({ code }) => code,
    );
    while (budget.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    shaking.close();
    await clock.comeRound();
    assertEquals(await refused, "connection-closed");
    assertEquals(await shaking.done.then(() => "done", ({ code }) => code), "connection-closed");
    client.close?.();
    server.close?.();
  });
}
