/** How long an echo takes when all servers are under one and the same load. */

import { takeTurns } from "../turns.ts";
import type { Case } from "./case.ts";
import { halfOfSlowest } from "./offered_rate.ts";

const CONNECTIONS = 64;
const SIZE = 125;
/** The share of the offered rate that a server has to reach, or it hasn't kept up. */
const KEPT_UP = 0.98;

export const latency: Case = {
  name: "latency",
  isQuick: true,
  async measure(bench) {
    const { contenders, load, effort: { rounds, seconds, warmup } } = bench;
    const rate = await halfOfSlowest(bench);
    const notes = new Set<string>();
    const target = { connections: CONNECTIONS, size: SIZE, rate, warmup };
    const taken = await takeTurns({
      name: "latency",
      contenders,
      rounds,
      async warmUp(server) {
        await load.rate({ ...target, server, seconds: warmup });
      },
      async sample(server) {
        const { contender } = server;
        const result = await load.rate({ ...target, server, seconds });
        const { p50us, p99us, p999us, maxus, cpuUs, messagesPerSecond, lagP99us, unanswered } =
          result;
        if (messagesPerSecond < rate * KEPT_UP || unanswered > 0) {
          notes.add(
            `${contender.title} kept up with ${Math.round(messagesPerSecond)} of ${rate} ` +
              `messages a second in a round, and left ${unanswered} without an answer.`,
          );
        }
        return { p50us, p99us, p999us, maxus, cpuUs, lagP99us };
      },
    });
    return {
      name: "latency",
      title: `${rate.toLocaleString("en")} messages/s of ${SIZE} bytes offered ` +
        `over ${CONNECTIONS} connections (half of the slowest's maximum)`,
      figures: [
        { name: "p50us", title: "p50 µs" },
        { name: "p99us", title: "p99 µs", better: "less" },
        { name: "p999us", title: "p99.9 µs" },
        { name: "maxus", title: "max µs" },
        { name: "cpuUs", title: "CPU µs/message", digits: 2 },
        { name: "lagP99us", title: "sent late, p99 µs" },
      ],
      ...taken,
      notes: [...notes],
    };
  },
};
