/**
 * Publishes by a broker's server for a while, one after the other and many at once, and tells what came of it as
 * a line of JSON: `broker_loop.ts redis 6379 bare|live|kept SECONDS`.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { bareWay, type BrokerId, brokerOf, contextWay, type Way } from "./broker_ways.ts";
import { stamped } from "./broker_received.ts";

/** What a run tells. */
export interface LoopResult {
  readonly p50ms: number;
  readonly p99ms: number;
  readonly messagesPerSecond: number;
}

const WINDOW = 256;
const PACE_MS = 2;
const WARM_UP_MS = 500;

const [id, port, mode, seconds] = Deno.args as [BrokerId, string, string, string];
const way = mode === "bare"
  ? await bareWay(id, Number(port))
  : await contextWay(brokerOf(id, Number(port), mode === "kept" ? 100 : 0));

await paced(way, WARM_UP_MS);
await flooded(way, WARM_UP_MS);
const { p50, p99 } = await paced(way, Number(seconds) * 1000);
const messagesPerSecond = await flooded(way, Number(seconds) * 1000);
const result: LoopResult = { p50ms: p50, p99ms: p99, messagesPerSecond };
console.log(JSON.stringify(result));
await way.close();
Deno.exit();

/** One after the other, each alone on its way. */
async function paced({ publish, received }: Way, ms: number) {
  let count = 0;
  for (const end = performance.now() + ms; performance.now() < end; count++) {
    await publish(stamped());
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  return await received(count);
}

/** Many at once; returns how many came a second, the last one included. */
async function flooded({ publish, received }: Way, ms: number): Promise<number> {
  let count = 0;
  const begin = performance.now();
  await Promise.all(Array.from({ length: WINDOW }, async () => {
    while (performance.now() < begin + ms) {
      count++;
      await publish(stamped());
    }
  }));
  await received(count);
  return count / (performance.now() - begin) * 1000;
}
