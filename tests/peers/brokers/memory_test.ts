/** The ground of the other tests here: what they ask of brokers in processes of their own holds without one. */

import { assert, assertEquals } from "@std/assert";
import { NO_FAULTS } from "../../support/topics/audit.ts";
import { Fleet } from "./fleet.ts";

const KEEPS = { kind: "memory", options: { historySize: 1_000 } } as const;

Deno.test("nothing is lost of a node's own broker while half of its clients are away", async () => {
  await using fleet = await Fleet.start({ brokers: [KEEPS], rate: 100 });
  await fleet.publish();
  await fleet.delivered(100);
  const away = fleet.followers.filter((_, i) => i % 2 === 0);
  for (const follower of away) follower.leave();
  await fleet.delivered(40);
  await fleet.connect(away);
  await fleet.delivered(100);
  const { faults, complaints, recovered, unrecovered, gaps, published, delivered } = await fleet
    .settle();
  assertEquals({ faults, complaints }, { faults: NO_FAULTS, complaints: [] });
  assertEquals({ recovered, unrecovered, gaps }, { recovered: 100, unrecovered: 0, gaps: {} });
  assertEquals(delivered, published * 10);
  assert(published > 2_000, `${published} were published`);
});

Deno.test("what a node's own broker keeps no longer is told to those that come back", async () => {
  const broker = { kind: "memory", options: { historySize: 10 } } as const;
  await using fleet = await Fleet.start({ brokers: [broker], rate: 100 });
  await fleet.publish();
  await fleet.delivered(50);
  const away = fleet.followers.filter((_, i) => i % 2 === 0);
  for (const follower of away) follower.leave();
  await fleet.delivered(25);
  await fleet.connect(away);
  await fleet.delivered(50);
  const { faults, complaints, recovered, unrecovered, lostOpenly } = await fleet.settle();
  assertEquals({ faults, complaints }, { faults: NO_FAULTS, complaints: [] });
  assertEquals({ recovered, unrecovered }, { recovered: 0, unrecovered: 100 });
  assert(lostOpenly > 100 * 10, `${lostOpenly} were told to be lost`);
});

Deno.test("499 clients of a node that come back at once get what they have missed", async () => {
  await using fleet = await Fleet.start({ brokers: [KEEPS], rate: 50, followers: 500 });
  await fleet.publish();
  await fleet.delivered(20);
  const [stays, ...away] = fleet.followers;
  for (const follower of away) follower.leave();
  await fleet.delivered(25, [stays!]);
  await fleet.connect(away);
  await fleet.delivered(20);
  const { faults, complaints, recovered } = await fleet.settle();
  assertEquals({ faults, complaints, recovered }, {
    ...{ faults: NO_FAULTS, complaints: [], recovered: 499 },
  });
});
