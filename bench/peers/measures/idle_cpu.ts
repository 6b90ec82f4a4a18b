/** The processor time that connections cost on which nothing happens. */

import { takeTurns } from "../turns.ts";
import { tooFewDescriptors } from "../machine.ts";
import { type Case, leftOut, pause } from "./case.ts";

const CONNECTIONS = 10_000;
const SETTLE_SECONDS = 3;
/** Times are told in hundredths of a second, so this resolves 0.2 %. */
const WATCH_SECONDS = 5;

export const idleCpu: Case = {
  name: "idle-cpu",
  isQuick: false,
  async measure({ contenders, load }) {
    const head = {
      name: "idle-cpu",
      title: `${CONNECTIONS} idle connections: share of a core`,
      figures: [{ name: "cpuPercent", title: "% of a core", digits: 1 }],
    };
    const reason = tooFewDescriptors(CONNECTIONS);
    if (reason !== undefined) return leftOut(head, reason);
    const taken = await takeTurns({
      name: "idle-cpu",
      contenders,
      rounds: 1,
      warmUp: () => Promise.resolve(),
      async sample(server) {
        await using held = await load.hold({ server, connections: CONNECTIONS });
        await pause(SETTLE_SECONDS);
        const before = server.cpuSeconds();
        const start = performance.now();
        await pause(WATCH_SECONDS);
        const elapsed = (performance.now() - start) / 1000;
        const cpuPercent = (server.cpuSeconds() - before) / elapsed * 100;
        await held.release();
        return { cpuPercent };
      },
    });
    return { ...head, ...taken, notes: [] };
  },
};
