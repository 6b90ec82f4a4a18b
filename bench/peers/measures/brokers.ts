/** Topics by a broker's server, beside a bare loop of its client library, a loop of prepared writes, and a connection. */

import { NATS_SERVER, startNats } from "../../../tests/peers/nats/nats_server.ts";
import { REDIS, startRedis } from "../../../tests/peers/redis/redis_server.ts";
import { type Contender, onDeno, OURS, publishing } from "../contenders.ts";
import { lines } from "../load_process.ts";
import { end, output, start } from "../processes.ts";
import type { Figure } from "../results.ts";
import type { BrokerId } from "../servers/broker_ways.ts";
import { takeTurns } from "../turns.ts";
import { type Bench, type Case, leftOut } from "./case.ts";
import { connectionsOf } from "./idle.ts";
import { held } from "./topics_idle.ts";
import { rate } from "./topics.ts";

const TOPICS = 20_000;
/** Connections that come and go before, so that code is compiled and pools are filled. */
const WARM_UP = 1_000;

const FIGURES: readonly Figure[] = [
  { name: "bareRate", title: "bare messages/s" },
  { name: "keptRate", title: "kept" },
  { name: "keptOfBare", title: "kept ÷ bare", digits: 2 },
  { name: "liveRate", title: "live only" },
  { name: "liveOfBare", title: "live ÷ bare", digits: 2 },
  { name: "bareP50", title: "bare p50 ms", digits: 2 },
  { name: "keptP50", title: "kept p50 ms", digits: 2 },
  { name: "p50OfBare", title: "p50 kept ÷ bare", digits: 2 },
  { name: "ofLoop", title: "1 × 1,000 ÷ loop", digits: 2 },
  { name: "topicOfConnection", title: "topic ÷ connection", digits: 2 },
  { name: "resubscribed", title: `s until ${TOPICS} topics come again`, digits: 2 },
];

/** As `servers/broker_loop.ts` tells it. */
interface LoopResult {
  readonly p50ms: number;
  readonly messagesPerSecond: number;
}

interface Server extends AsyncDisposable {
  readonly port: number;
  restart(): Promise<void>;
}

const SERVERS = {
  redis: {
    title: "Redis",
    program: REDIS,
    start: (): Promise<Server> =>
      startRedis({ appendonly: true, args: ["--appendfsync", "everysec"] }),
  },
  nats: { title: "NATS", program: NATS_SERVER, start: (): Promise<Server> => startNats() },
} as const;

export function brokerCase(id: BrokerId): Case {
  const { title, program, start } = SERVERS[id];
  const head = {
    name: id,
    title:
      `topics by ${title}: publish to WebSocket, kept and live only, beside a bare loop of the ` +
      "client library; one topic of 1,000 connections; silent topics",
    figures: FIGURES,
  };
  return {
    name: id,
    isQuick: false,
    async measure(bench) {
      if (!program.isThere) return leftOut(head, `there is no ${program.name}`);
      const idle = connectionsOf(bench);
      await using server = await start();
      const taken = await takeTurns({
        name: id,
        contenders: ours(bench.contenders, id, server.port),
        rounds: bench.effort.rounds,
        isFresh: true,
        async warmUp(contender) {
          for (const way of ["nothing", "idle"]) await held(bench, contender, way, WARM_UP);
        },
        async sample(contender) {
          const { resident, heap: without } = await held(bench, contender, "nothing", idle);
          const { heap } = await held(bench, contender, "idle", idle);
          const loop = await rate(bench, contender, "loop", bench.effort.seconds);
          const topic = await rate(bench, contender, "topic", bench.effort.seconds);
          return {
            ...await loops(id, server.port, bench),
            ofLoop: topic / loop,
            topicOfConnection: (heap - without) / resident,
            resubscribed: await resubscription(id, server),
          };
        },
      });
      return { ...head, ...taken, notes: [] };
    },
  };
}

/** Ours over the runtime's sockets, with the broker. */
function ours(contenders: readonly Contender[], id: BrokerId, port: number): Contender[] {
  return publishing(contenders).filter((each) => each.id === OURS)
    .map((each) => ({ ...each, command: [...each.command, "--broker", id, String(port)] }));
}

/** Bare, and ours in both ways, one after the other. */
async function loops(id: BrokerId, port: number, { effort }: Bench) {
  const loop = async (mode: string): Promise<LoopResult> => {
    const command = onDeno("broker_loop.ts", id, String(port), mode, String(effort.seconds));
    const { success, stdout, stderr } = await output(command);
    if (!success) throw new Error(stderr.slice(-300));
    return JSON.parse(stdout) as LoopResult;
  };
  const bare = await loop("bare");
  const kept = await loop("kept");
  const live = await loop("live");
  return {
    ...{ bareRate: bare.messagesPerSecond, keptRate: kept.messagesPerSecond },
    liveRate: live.messagesPerSecond,
    keptOfBare: kept.messagesPerSecond / bare.messagesPerSecond,
    liveOfBare: live.messagesPerSecond / bare.messagesPerSecond,
    ...{ bareP50: bare.p50ms, keptP50: kept.p50ms, p50OfBare: kept.p50ms / bare.p50ms },
  };
}

/** Seconds from when the server is there again until the last topic of a context comes. */
async function resubscription(id: BrokerId, server: Server): Promise<number> {
  const child = start(onDeno("broker_topics.ts", id, String(server.port), String(TOPICS)));
  try {
    const told = lines(child.stdout);
    if ((await told.next()).value !== "subscribed") throw new Error("it does not subscribe");
    await server.restart();
    const begin = performance.now();
    if ((await told.next()).value !== "live") throw new Error("its topics do not come again");
    return (performance.now() - begin) / 1000;
  } finally {
    await end(child);
  }
}
