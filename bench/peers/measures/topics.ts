/** What a topic costs beside a loop of prepared writes, and what many topics of one subscriber each do. */

import { publishing } from "../contenders.ts";
import type { ServerProcess } from "../server_process.ts";
import { takeTurns } from "../turns.ts";
import type { Bench, Case } from "./case.ts";

const CONNECTIONS = 1_000;
const SIZE = 125;
/** Messages on their way at once, so that a server needn't wait for the slowest reader. */
const WINDOW = 2;

export const topics: Case = {
  name: "topics",
  isQuick: false,
  async measure(bench) {
    const { contenders, effort: { rounds, seconds, warmup } } = bench;
    const taken = await takeTurns({
      name: "topics",
      contenders: publishing(contenders),
      rounds,
      async warmUp(server) {
        for (const way of ["loop", "topic", "topics"]) await rate(bench, server, way, warmup);
      },
      async sample(server) {
        const loop = await rate(bench, server, "loop", seconds);
        const one = await rate(bench, server, "topic", seconds);
        const many = await rate(bench, server, "topics", seconds);
        return { loop, one, many, ofLoop: one / loop, ofOne: many / one };
      },
    });
    return {
      name: "topics",
      title: `${SIZE} bytes to ${CONNECTIONS} connections, deliveries/s: by a loop of prepared ` +
        "writes, by a topic of all, by a topic of each one's own",
      figures: [
        { name: "loop", title: "loop" },
        { name: "one", title: "one topic" },
        { name: "ofLoop", title: "one topic ÷ loop", digits: 2 },
        { name: "many", title: "topics" },
        { name: "ofOne", title: "topics ÷ one topic", digits: 2 },
      ],
      ...taken,
      notes: [],
    };
  },
};

/** Deliveries a second by one of the ways of `servers/lws_topics.ts`. */
export async function rate(
  { load, effort: { warmup } }: Bench,
  server: ServerProcess,
  way: string,
  seconds: number,
): Promise<number> {
  const { messagesPerSecond } = await load.broadcast({
    ...{ server, connections: CONNECTIONS, pipeline: WINDOW, size: SIZE, warmup, seconds },
    ...{ path: `/${way}`, protocol: way },
  });
  return messagesPerSecond;
}
