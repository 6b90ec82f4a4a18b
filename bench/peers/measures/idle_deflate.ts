/** The memory of our own connections with permessage-deflate, beside those without it. */

import { compressing, OURS } from "../contenders.ts";
import type { Figure } from "../results.ts";
import { type Case, leftOut } from "./case.ts";
import { connectionsOf, takeIdleTurns } from "./idle.ts";

const FIGURES: readonly Figure[] = [
  { name: "plainBytes", title: "bytes/connection without" },
  { name: "deflateBytes", title: "with" },
  { name: "moreBytes", title: "more" },
];

export const idleDeflate: Case = {
  name: "idle-deflate",
  isQuick: false,
  async measure(bench) {
    const head = {
      name: "idle-deflate",
      title: `${connectionsOf(bench)} idle connections with and without permessage-deflate`,
      figures: FIGURES,
    };
    if (bench.load.withoutDeflate !== undefined) return leftOut(head, bench.load.withoutDeflate);
    const ours = { ...bench, contenders: bench.contenders.filter(({ id }) => id === OURS) };
    const plain = await takeIdleTurns("idle-deflate, without", ours);
    const offering = { ...ours, contenders: compressing(ours.contenders) };
    const deflate = await takeIdleTurns("idle-deflate, with", offering, { deflate: true });
    const rows = deflate.rows.flatMap((row, index) => {
      const without = plain.rows[index];
      if (without === undefined) return [];
      const rounds = row.rounds.map((sample, round) => {
        const plainBytes = without.rounds[round]!.bytesPerConnection!;
        const deflateBytes = sample.bytesPerConnection!;
        return { plainBytes, deflateBytes, moreBytes: deflateBytes - plainBytes };
      });
      return [{ ...row, rounds }];
    });
    return { ...head, rows, broken: [...plain.broken, ...deflate.broken], notes: [] };
  },
};
