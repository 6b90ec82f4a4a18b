/**
 * Whether the same load costs our server more when it comes over many more connections; beside it the
 * two that show what is the platform's part in that.
 */

import { type ContenderId, isOurs, OURS, OURS_EPOLL } from "../contenders.ts";
import type { LoadResult } from "../load.ts";
import { tooFewDescriptors } from "../machine.ts";
import type { ServerProcess } from "../server_process.ts";
import { takeTurns } from "../turns.ts";
import { type Bench, type Case, leftOut } from "./case.ts";
import { halfOfSlowest } from "./offered_rate.ts";

const FEW = 100;
const MANY = 10_000;
const SIZE = 125;
const COMPARED: readonly ContenderId[] = [OURS, OURS_EPOLL, "deno", "floor"];

export const growth: Case = {
  name: "growth",
  isQuick: false,
  async measure(bench) {
    const { effort, contenders } = bench;
    const reason = tooFewDescriptors(MANY);
    if (reason !== undefined) {
      return leftOut({ name: "growth", title: "few and many connections", figures: [] }, reason);
    }
    const rate = await halfOfSlowest({
      ...bench,
      contenders: contenders.filter(({ id }) => isOurs(id)),
    });
    const notes = new Set<string>();
    const taken = await takeTurns({
      name: "growth",
      contenders: contenders.filter(({ id }) => COMPARED.includes(id)),
      rounds: effort.rounds,
      async warmUp(server) {
        await offer(bench, server, FEW, rate);
      },
      async sample(server) {
        const few = await offer(bench, server, FEW, rate);
        const many = await offer(bench, server, MANY, rate);
        if (many.starved > 0) {
          const { title } = server.contender;
          notes.add(
            `${title}: of ${MANY} connections, ${many.starved} got nothing in a whole round.`,
          );
        }
        return {
          fewRate: few.messagesPerSecond,
          manyRate: many.messagesPerSecond,
          kept: many.messagesPerSecond / few.messagesPerSecond,
          fewCpu: few.cpuUs,
          manyCpu: many.cpuUs,
        };
      },
    });
    const [few, many] = [FEW, MANY].map((count) => count.toLocaleString("en"));
    return {
      name: "growth",
      title: `${rate.toLocaleString("en")} messages/s offered over ${few} and over ${many} ` +
        "connections (half of our own maximum)",
      figures: [
        { name: "fewRate", title: `${few}: messages/s` },
        { name: "manyRate", title: `${many}: messages/s` },
        { name: "kept", title: "kept", digits: 2 },
        { name: "fewCpu", title: `${few}: CPU µs/message`, digits: 1 },
        { name: "manyCpu", title: `${many}: CPU µs/message`, digits: 1 },
      ],
      ...taken,
      notes: [...notes],
    };
  },
};

function offer(
  { load, effort: { seconds, warmup } }: Bench,
  server: ServerProcess,
  connections: number,
  rate: number,
): Promise<LoadResult> {
  return load.rate({ server, connections, size: SIZE, rate, warmup, seconds });
}
