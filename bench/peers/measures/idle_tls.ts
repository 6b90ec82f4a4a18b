/** Handshakes of TLS a second, one after the other, and the memory of the connections that they open. */

import { securing } from "../contenders.ts";
import type { Figure } from "../results.ts";
import { type Case, leftOut } from "./case.ts";
import { connectionsOf, takeIdleTurns } from "./idle.ts";
import { certificateFolder } from "./tls.ts";

const FIGURES: readonly Figure[] = [
  { name: "handshakesPerSecond", title: "handshakes/s", better: "more" },
  { name: "cpuUs", title: "CPU µs/handshake", digits: 1, better: "less" },
  { name: "bytesPerConnection", title: "bytes/connection", better: "less" },
];

export const idleTls: Case = {
  name: "idle-tls",
  isQuick: false,
  needs: "secures",
  async measure(bench) {
    const head = {
      name: "idle-tls",
      title: `${
        connectionsOf(bench)
      } connections over TLS, opened one after the other, and then idle`,
      figures: FIGURES,
    };
    if (bench.load.withoutTls !== undefined) return leftOut(head, bench.load.withoutTls);
    await using folder = await certificateFolder();
    const secured = { ...bench, contenders: securing(bench.contenders, folder.path) };
    return { ...head, ...await takeIdleTurns("idle-tls", secured, { tls: true }), notes: [] };
  },
};
