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
