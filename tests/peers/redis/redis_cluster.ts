/** Redis Clusters of a test's own: three primaries, each with a replica if one is asked for. */

import { freePort } from "../../support/free_port.ts";
import { until } from "./node.ts";
import { type RedisProcess, startRedis } from "./redis_server.ts";

const SLOTS = 16_384;
/** Where a node listens for the others, above its port. */
const BUS = 10_000;
const FIRST_GIVEN = 32_768;

/** A slot on its way, of which both nodes know. */
export interface SlotMove {
  /** What is in it goes over. */
  takeKeys(): Promise<void>;
  end(): Promise<void>;
}

/** One that runs. */
export interface RedisCluster extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly nodes: readonly RedisProcess[];
  /** The node that has the slot of a topic now. */
  primaryOf(topic: string, prefix?: string): Promise<RedisProcess>;
  /** Takes the slot of a topic to a node, with all that is in it. */
  moveSlotOf(topic: string, to: RedisProcess, prefix?: string): Promise<void>;
  /** As that, step by step. */
  beginMove(topic: string, to: RedisProcess, prefix?: string): Promise<SlotMove>;
  /** The replica of a primary. */
  replicaOf(primary: RedisProcess): Promise<RedisProcess>;
}

/** Resolves when all nodes see the whole of it. */
export async function startRedisCluster(
  { replicas = false }: { readonly replicas?: boolean } = {},
): Promise<RedisCluster> {
  await using stack = new AsyncDisposableStack();
  const nodes: RedisProcess[] = [];
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
  while (nodes.length < (replicas ? 6 : 3)) {
    nodes.push(stack.use(await startRedis({ port: clusterPort(), args })));
  }
  const ids = await Promise.all(nodes.map(({ cli }) => cli("cluster", "myid")));
  const [first] = nodes;
  for (const [i, { cli, port }] of nodes.entries()) {
    await cli("cluster", "set-config-epoch", String(i + 1));
    if (i < 3) {
      const [from, to] = [i, i + 1].map((part) => Math.floor((SLOTS * part) / 3));
      await cli("cluster", "addslotsrange", String(from), String(to! - 1));
    }
    if (i > 0) await first!.cli("cluster", "meet", "127.0.0.1", String(port));
  }
  const knows = async ({ cli }: RedisProcess) => {
    const lines = (await cli("cluster", "nodes")).split("\n");
    return ids.every((id) => lines.some((line) => line.startsWith(id) && /connected/.test(line)));
  };
  await until(async () => (await Promise.all(nodes.map(knows))).every(Boolean), "all know all");
  for (const [i, { cli }] of nodes.entries()) {
    if (i >= 3) await cli("cluster", "replicate", ids[i - 3]!);
  }
  const isWhole = async ({ cli }: RedisProcess, i: number) => {
    if (i >= 3 && !/master_link_status:up/.test(await cli("info", "replication"))) return false;
    return /cluster_state:ok/.test(await cli("cluster", "info"));
  };
  await until(async () => (await Promise.all(nodes.map(isWhole))).every(Boolean), "it is whole");
  const running = stack.move();

  /** Of the first node that is there. */
  const ask = async (...args: readonly string[]) => {
    for (const { cli } of nodes) {
      const text = await cli(...args);
      if (text !== "") return text;
    }
    throw new Error("no node is there");
  };
  const slotOf = (topic: string, prefix = "lws") => {
    return ask("cluster", "keyslot", `{${prefix}:${topic}}`);
  };
  const linesOf = async () => (await ask("cluster", "nodes")).split("\n");
  const nodeOf = (line: string) => {
    const port = Number(/:(\d+)@/.exec(line)?.[1]);
    return nodes.find((node) => node.port === port)!;
  };
  const primaryOf = async (topic: string, prefix?: string) => {
    const slot = Number(await slotOf(topic, prefix));
    for (const line of await linesOf()) {
      if (!line.includes("master") || line.includes("fail")) continue;
      for (const range of line.split(" ").slice(8)) {
        const [from, to = from] = range.split("-").map(Number);
        if (slot >= from! && slot <= to!) return nodeOf(line);
      }
    }
    throw new Error(`no node has slot ${slot}`);
  };
  const beginMove = async (topic: string, to: RedisProcess, prefix?: string) => {
    const from = await primaryOf(topic, prefix);
    const slot = await slotOf(topic, prefix);
    const idOf = async (node: RedisProcess) => await node.cli("cluster", "myid");
    await to.cli("cluster", "setslot", slot, "importing", await idOf(from));
    await from.cli("cluster", "setslot", slot, "migrating", await idOf(to));
    return {
      async takeKeys() {
        const keys = (await from.cli("cluster", "getkeysinslot", slot, "100")).split("\n");
        const there = ["127.0.0.1", String(to.port), "", "0", "5000", "KEYS"];
        if (keys[0] !== "") await from.cli("migrate", ...there, ...keys);
      },
      async end() {
        for (const node of [to, from]) {
          await node.cli("cluster", "setslot", slot, "node", await idOf(to));
        }
      },
    };
  };
  return {
    urls: nodes.map(({ url }) => url),
    nodes,
    primaryOf,
    async moveSlotOf(topic, to, prefix) {
      const move = await beginMove(topic, to, prefix);
      await move.takeKeys();
      await move.end();
    },
    beginMove,
    async replicaOf(primary) {
      const lines = await linesOf();
      const id = lines.find((line) => nodeOf(line) === primary)!.split(" ")[0]!;
      const line = lines.find((line) => line.includes(`slave ${id}`));
      if (line === undefined) throw new Error(`no replica of ${id} in\n${lines.join("\n")}`);
      return nodeOf(line);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A free port whose bus port is free as well, and none of those that systems give to connections. */
export function clusterPort(): number {
  for (;;) {
    const port = freePort();
    if (port + BUS >= FIRST_GIVEN) continue;
    try {
      Deno.listen({ hostname: "127.0.0.1", port: port + BUS }).close();
      return port;
    } catch { /* Another one. */ }
  }
}
