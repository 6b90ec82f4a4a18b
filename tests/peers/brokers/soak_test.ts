/** Hours of faults, for those that have them: `deno task soak --brokers --minutes 60`. Each minute one, and an audit behind it. */

import { assert } from "@std/assert";
import { NATS_SERVER, startNats } from "../nats/nats_server.ts";
import { REDIS, startRedis } from "../redis/redis_server.ts";
import type { Program } from "../peer.ts";
import { assertWhole, type BrokerServer, KEEPS } from "./faults.ts";
import { Fleet, lasting } from "./fleet.ts";
import type { BrokerChoice } from "./wire.ts";

const MINUTES = Number(Deno.env.get("LWS_SOAK_MINUTES") ?? "0");
/** Of each topic and node: 500 a second in all. */
const RATE = 12.5;
/** Messages that each follower gets in a minute. */
const EACH = 60 * 2 * RATE;
/** How much a heap may grow from one collection to the next, and by what a node learns at first. */
const MOST_GROWTH = 64 * 1024 * 1024;

type Fault = (server: BrokerServer, fleet: Fleet) => Promise<void>;

const killed: Fault = async (server) => {
  await server.kill();
  await lasting(2_000);
  await server.restart();
};

const stopped: Fault = async (_server, { nodes }) => {
  nodes[0]!.signal("SIGSTOP");
  await lasting(4_000);
  nodes[0]!.signal("SIGCONT");
};

const gone: Fault = async (_server, fleet) => {
  const away = fleet.followers.filter((_, i) => i % 2 === 0);
  for (const follower of away) follower.leave();
  await lasting(2_000);
  await fleet.connect(away, 1);
};

const FAULTS: readonly Fault[] = [
  killed,
  gone,
  stopped,
  async (server, fleet) => {
    await Promise.all([killed(server, fleet), gone(server, fleet)]);
  },
];

async function soak(server: BrokerServer, broker: BrokerChoice): Promise<void> {
  await using fleet = await Fleet.start({ brokers: [broker, broker], rate: RATE });
  const heaps: number[] = [];
  for (let minute = 0; minute < MINUTES; minute++) {
    await fleet.publish();
    await fleet.delivered(EACH / 2);
    await FAULTS[minute % FAULTS.length]!(server, fleet);
    await fleet.delivered(EACH / 2);
    assertWhole(await fleet.settle());
    heaps.push(fleet.heapBytes);
    fleet.begin();
  }
  // The first rounds of each fault have code compiled.
  const [early = 0] = heaps.slice(FAULTS.length);
  const late = heaps.at(-1)!;
  if (early > 0) assert(late < early + MOST_GROWTH, `heaps have grown: ${heaps.join()}`);
}

/** Has no deadline, as the tests of other programs have. */
function soakTest(name: string, { isThere }: Program, run: () => Promise<void>): void {
  const why = isThere
    ? MINUTES > 0 ? "" : " (needs deno task soak --brokers)"
    : " (its server is missing)";
  Deno.test({ name: `${name}, with a fault in each minute${why}`, ignore: why !== "", fn: run });
}

soakTest("Redis", REDIS, async () => {
  await using server = await startRedis({ appendonly: true, args: ["--appendfsync", "everysec"] });
  const { url } = server;
  await soak(server, { kind: "redis", options: { url, ...KEEPS, restartKeepsEpoch: true } });
});

soakTest("NATS", NATS_SERVER, async () => {
  await using server = await startNats();
  await soak(server, { kind: "nats", options: { servers: server.url, ...KEEPS } });
});
