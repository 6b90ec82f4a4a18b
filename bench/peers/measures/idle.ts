/** Handshakes a second, one after the other, and the memory of the connections that they open. */

import { type Taken, takeTurns } from "../turns.ts";
import { type Bench, type Case, pause } from "./case.ts";

/** Connections that come and go before, so that code is compiled and pools are filled. */
const WARM_UP = 1_000;

export const idle: Case = {
  name: "idle",
  isQuick: true,
  async measure(bench) {
    return {
      name: "idle",
      title: `${connectionsOf(bench)} connections, opened one after the other, and then idle`,
      figures: [
        { name: "handshakesPerSecond", title: "handshakes/s", better: "more" },
        { name: "cpuUs", title: "CPU µs/handshake", digits: 1 },
        { name: "bytesPerConnection", title: "bytes/connection", better: "less" },
      ],
      ...await takeIdleTurns("idle", bench),
      notes: [],
    };
  },
};

/** Opens connections to each contender: over TLS with `tls`; it must agree to permessage-deflate with `deflate`. */
export function takeIdleTurns(
  name: string,
  { contenders, load, effort }: Bench,
  kind: { readonly deflate?: boolean; readonly tls?: boolean } = {},
): Promise<Taken> {
  const { isQuick, rounds } = effort;
  const connections = connectionsOf({ effort });
  const settle = isQuick ? 1 : 3;
  return takeTurns({
    name,
    contenders,
    rounds: isQuick ? 1 : rounds,
    // Memory that earlier connections left behind would serve the next ones.
    isFresh: true,
    async warmUp(server) {
      await using held = await load.hold({ server, connections: WARM_UP, ...kind });
      await held.release();
      await pause(settle);
    },
    async sample(server) {
      const before = server.residentBytes();
      const cpuBefore = server.cpuSeconds();
      await using held = await load.hold({ server, connections, ...kind });
      const cpuUs = (server.cpuSeconds() - cpuBefore) / connections * 1_000_000;
      await pause(settle);
      const bytesPerConnection = (server.residentBytes() - before) / connections;
      await held.release();
      return { handshakesPerSecond: held.handshakesPerSecond, cpuUs, bytesPerConnection };
    },
  });
}

/** How many are measured. */
export function connectionsOf({ effort }: Pick<Bench, "effort">): number {
  return effort.isQuick ? 2_000 : 5_000;
}
