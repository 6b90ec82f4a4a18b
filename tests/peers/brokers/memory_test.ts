/** The ground of the other tests here: what they ask of brokers in processes of their own holds without one. */

import { assert, assertEquals } from "@std/assert";
import { NO_FAULTS } from "./audit.ts";
import { Fleet, lasting } from "./fleet.ts";

Deno.test("nothing is lost of a node's own broker while half of its clients are away", async () => {
  const broker = { kind: "memory", options: { historySize: 1_000 } } as const;
  await using fleet = await Fleet.start({ brokers: [broker], rate: 100 });
  await fleet.publish();
  await fleet.delivered(100);
  const away = fleet.followers.filter((_, i) => i % 2 === 0);
  for (const follower of away) follower.leave();
  await lasting(1_000);
  await fleet.connect(away);
  await fleet.delivered(100);
  const { faults, complaints, recovered, unrecovered, gaps, published, delivered } = await fleet
    .settle();
  assertEquals({ faults, complaints }, { faults: NO_FAULTS, complaints: [] });
  assertEquals({ recovered, unrecovered, gaps }, { recovered: 100, unrecovered: 0, gaps: {} });
  assertEquals(delivered, published * 10);
  assert(published > 2_000, `${published} were published`);
});
