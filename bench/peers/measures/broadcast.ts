/** One connection publishes, all receive. */

import { takeTurns } from "../turns.ts";
import type { Case } from "./case.ts";

const CONNECTIONS = 1_000;
const SIZE = 125;
/** Messages on their way at once, so that a server needn't wait for the slowest reader. */
const WINDOW = 2;

export const broadcast: Case = {
  name: "broadcast",
  isQuick: true,
  async measure({ contenders, load, effort: { rounds, seconds, warmup } }) {
    const target = {
      ...{ connections: CONNECTIONS, pipeline: WINDOW, size: SIZE, warmup },
      ...{ path: "/broadcast", protocol: "broadcast" },
    };
    const taken = await takeTurns({
      name: "broadcast",
      contenders: contenders.filter(({ broadcasts }) => broadcasts),
      rounds,
      async warmUp(server) {
        await load.broadcast({ ...target, server, seconds: warmup });
      },
      async sample(server) {
        const result = await load.broadcast({ ...target, server, seconds });
        const { messagesPerSecond, cpuUs, p50us, p99us } = result;
        return { messagesPerSecond, cpuUs, p50ms: p50us / 1000, p99ms: p99us / 1000 };
      },
    });
    return {
      name: "broadcast",
      title:
        `${SIZE} bytes from one of ${CONNECTIONS} connections to all; times until the last has it`,
      figures: [
        { name: "messagesPerSecond", title: "deliveries/s", better: "more" },
        { name: "cpuUs", title: "CPU µs/delivery", digits: 2 },
        { name: "p50ms", title: "p50 ms", digits: 2 },
        { name: "p99ms", title: "p99 ms", digits: 2 },
      ],
      ...taken,
      notes: [],
    };
  },
};
