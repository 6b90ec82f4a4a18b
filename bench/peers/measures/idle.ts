/** Handshakes a second, one after the other, and the memory of the connections that they open. */

import { takeTurns } from "../turns.ts";
import { type Case, pause } from "./case.ts";

/** Connections that come and go before, so that code is compiled and pools are filled. */
const WARM_UP = 1_000;

export const idle: Case = {
  name: "idle",
  isQuick: true,
  async measure({ contenders, load, effort: { isQuick, rounds } }) {
    const connections = isQuick ? 2_000 : 5_000;
    const settle = isQuick ? 1 : 3;
    const taken = await takeTurns({
      name: "idle",
      contenders,
      rounds: isQuick ? 1 : rounds,
      // Memory that earlier connections left behind would serve the next ones.
      isFresh: true,
      async warmUp({ port }) {
        await using held = await load.hold({ port, connections: WARM_UP });
        await held.release();
        await pause(settle);
      },
      async sample(server) {
        const before = server.residentBytes();
        await using held = await load.hold({ port: server.port, connections });
        await pause(settle);
        const bytesPerConnection = (server.residentBytes() - before) / connections;
        await held.release();
        return { handshakesPerSecond: held.handshakesPerSecond, bytesPerConnection };
      },
    });
    return {
      name: "idle",
      title: `${connections} connections, opened one after the other, and then idle`,
      figures: [
        { name: "handshakesPerSecond", title: "handshakes/s", better: "more" },
        { name: "bytesPerConnection", title: "bytes/connection", better: "less" },
      ],
      ...taken,
      notes: [],
    };
  },
};
