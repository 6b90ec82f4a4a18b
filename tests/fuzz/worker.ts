/** The worker in which inputs are checked, so that one without an end can be told. */

/// <reference lib="deno.worker" />

import { Campaign } from "./campaign.ts";
import { Board, type Order, type Report, type TargetResult } from "./messages.ts";
import { targetsOf } from "./targets.ts";

/** Each target has its turn so many times, so that what grows with the inputs is seen. */
const ROUNDS = 3;
/** What may be there at the end of a target's later turns that was not at their begin. */
const MOST_GROWTH = 8 * 1024 * 1024;
/** How often it is looked again before that is believed. */
const PATIENCE = 20;

declare function gc(): void;

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  const { seed, seconds, targets, board } = data;
  const seen = new Board(board);
  const campaigns = targetsOf(targets).map((target) => new Campaign(target, seed));
  const broken = new Set<Campaign>();
  const spent = new Map<Campaign, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const campaign of campaigns) {
      if (broken.has(campaign)) continue;
      const { target } = campaign;
      tell({ kind: "begins", target: target.name });
      const ms = 1000 * seconds / (ROUNDS * campaigns.length);
      const before = await heap();
      const begin = performance.now();
      const finding = await campaign.run(ms, Infinity, (input) => seen.put(input));
      spent.set(campaign, (spent.get(campaign) ?? 0) + performance.now() - begin);
      let growth = await heap() - before;
      // Buffers that are gone are freed beside the program, in their own time.
      for (let trial = 0; trial < PATIENCE && growth > MOST_GROWTH; trial++) {
        growth = await heap() - before;
      }
      const fault = round > 0 && growth > MOST_GROWTH
        ? { fault: `${growth} bytes more than before are in use`, input: new Uint8Array(0) }
        : undefined;
      if (finding === undefined && fault === undefined) continue;
      broken.add(campaign);
      tell({ kind: "finding", foundLength: 0, target: target.name, ...(finding ?? fault!) });
    }
  }
  tell({
    kind: "done",
    results: campaigns.map((campaign): TargetResult => ({
      target: campaign.target.name,
      inputs: campaign.count,
      seconds: (spent.get(campaign) ?? 0) / 1000,
      outcomes: campaign.outcomes.size,
    })),
  });
};

function tell(report: Report): void {
  self.postMessage(report);
}

/** Bytes in use, buffers included, once all that is not is gone. */
async function heap(): Promise<number> {
  gc();
  await new Promise((resolve) => setTimeout(resolve, 20));
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
