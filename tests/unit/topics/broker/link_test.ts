/** What is said of a broker that can't be reached. */

import { assertEquals, assertRejects } from "@std/assert";
import { LwsError } from "../../../../mod.ts";
import { Rig } from "./rig.ts";

Deno.test("a call that waits in vain for a broker that can't be reached says why", async () => {
  await using rig = new Rig({ limits: { brokerTimeoutMs: 1_000 } });
  rig.broker.fail("start", new Error("refused"), 9);
  const history = () => rig.hub.history("t", { limit: 1 }) as Promise<unknown>;
  const asked = assertRejects(history, LwsError);
  await rig.pass(1_100);
  const { code, message } = await asked;
  assertEquals(code, "broker-unavailable");
  assertEquals(message, "history: no answer within topics.brokerTimeoutMs (1000): refused");
});

Deno.test("and so does subscribe", async () => {
  await using rig = new Rig({ limits: { brokerTimeoutMs: 1_000 } });
  rig.broker.fail("start", new Error("refused"), 9);
  const asked = assertRejects(() => rig.join("t"), LwsError);
  await rig.pass(1_100);
  const late = "no answer within topics.brokerTimeoutMs (1000): refused";
  assertEquals((await asked).message, `subscribe: ${late}`);
});

Deno.test("each of several calls waits for its own time, and the end of the hub is theirs", async () => {
  const rig = new Rig({ limits: { brokerTimeoutMs: 1_000 } });
  rig.broker.fail("start", new Error("refused"), 99);
  const failed: string[] = [];
  const ask = (name: string) => {
    const asked = rig.hub.history("t", { limit: 1 }) as Promise<unknown>;
    asked.catch(({ code }) => failed.push(`${name} ${code}`));
  };
  ask("first");
  await rig.pass(600);
  ask("second");
  await rig.pass(500);
  assertEquals(failed, ["first broker-unavailable"]);
  await rig.pass(500);
  assertEquals(failed, ["first broker-unavailable", "second broker-unavailable"]);
  ask("third");
  await rig[Symbol.asyncDispose]();
  assertEquals(failed[2], "third destroyed");
});
