/** The memory of a topic of one's own that is silent, beside that of the connection which subscribes to it. */

import { publishing } from "../contenders.ts";
import type { ServerProcess } from "../server_process.ts";
import { takeTurns } from "../turns.ts";
import { type Bench, type Case, pause } from "./case.ts";
import { connectionsOf } from "./idle.ts";

/** Connections that come and go before, so that code is compiled and pools are filled. */
const WARM_UP = 1_000;
const SETTLE = 1;

export const topicsIdle: Case = {
  name: "topics-idle",
  isQuick: false,
  async measure(bench) {
    const connections = connectionsOf(bench);
    const { effort: { rounds } } = bench;
    const taken = await takeTurns({
      name: "topics-idle",
      contenders: publishing(bench.contenders),
      rounds,
      // Memory that earlier connections left behind would serve the next ones.
      isFresh: true,
      async warmUp(server) {
        for (const way of ["nothing", "idle"]) await held(bench, server, way, WARM_UP);
      },
      async sample(server) {
        const { resident, heap: without } = await held(bench, server, "nothing", connections);
        const { heap: withTopic } = await held(bench, server, "idle", connections);
        const topic = withTopic - without;
        return { connection: resident, topic, ofConnection: topic / resident };
      },
    });
    return {
      name: "topics-idle",
      title: `${connections} idle connections, each with a silent topic of its own`,
      figures: [
        { name: "connection", title: "bytes/connection" },
        { name: "topic", title: "bytes/topic" },
        { name: "ofConnection", title: "topic ÷ connection", digits: 2 },
      ],
      ...taken,
      notes: [],
    };
  },
};

/** What each of so many connections costs: memory of the process, and of the heap when it is swept. */
export async function held(
  { load }: Bench,
  server: ServerProcess,
  way: string,
  connections: number,
): Promise<{ resident: number; heap: number }> {
  const before = { resident: server.residentBytes(), heap: await heapOf(server) };
  await using held = await load.hold({ server, connections, path: `/${way}`, protocol: way });
  await pause(SETTLE);
  const resident = (server.residentBytes() - before.resident) / connections;
  const heap = (await heapOf(server) - before.heap) / connections;
  await held.release();
  await pause(SETTLE);
  return { resident, heap };
}

/** Bytes of the heap and of buffers beside it, which the server tells. */
async function heapOf({ port }: ServerProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/heap`, "heap");
  socket.onmessage = ({ data }) => resolve(Number(data));
  socket.onerror = () => reject(new Error("the server does not tell its memory"));
  const heap = await promise;
  socket.close();
  return heap;
}
