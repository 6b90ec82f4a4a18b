/** The worker in which inputs are checked, so that one without an end can be told. */

/// <reference lib="deno.worker" />

import { Campaign } from "./campaign.ts";
import { Board, type Order, type Report, type TargetResult } from "./messages.ts";
import { targetsOf } from "./targets.ts";

/** Each target has its turn so many times, so that what grows with the inputs is seen. */
const ROUNDS = 3;
/** What may be there at the end of a target's last turn that was not at the end of its first. */
const MOST_GROWTH = 8 * 1024 * 1024;

declare function gc(): void;

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  const { seed, seconds, targets, board } = data;
  const seen = new Board(board);
  const campaigns = targetsOf(targets).map((target) => new Campaign(target, seed));
  const broken = new Set<Campaign>();
  const spent = new Map<Campaign, number>();
  const firstHeap = new Map<Campaign, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const campaign of campaigns) {
      if (broken.has(campaign)) continue;
      const { target } = campaign;
      tell({ kind: "begins", target: target.name });
      const ms = 1000 * seconds / (ROUNDS * campaigns.length);
      const before = heap();
      const begin = performance.now();
      const finding = await campaign.run(ms, Infinity, (input) => seen.put(input));
      spent.set(campaign, (spent.get(campaign) ?? 0) + performance.now() - begin);
      const growth = heap() - before;
      if (round === 0) firstHeap.set(campaign, growth);
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
function heap(): number {
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
