/** Servers that are measured in turns, so that a machine that drifts drifts under all of them. */

import type { Contender, ContenderId } from "./contenders.ts";
import type { Broken, Row, Sample } from "./results.ts";
import { type ServerProcess, startServer } from "./server_process.ts";

/** How the turns are taken. */
export interface Turns {
  readonly name: string;
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  /** Whether each round has a server of its own; else a server lasts for all rounds. */
  readonly isFresh?: boolean;
  /** Comes before the first sample of a server. */
  readonly warmUp: (server: ServerProcess) => Promise<void>;
  readonly sample: (server: ServerProcess) => Promise<Sample>;
}

/** What the turns brought: a contender is in one of both. */
export interface Taken {
  readonly rows: readonly Row[];
  readonly broken: readonly Broken[];
}

/** Measures every contender once in each round; one that fails is left out from then on. */
export async function takeTurns(turns: Turns): Promise<Taken> {
  const servers = new Map<ContenderId, ServerProcess>();
  const samples = new Map<ContenderId, Sample[]>();
  const broken: Broken[] = [];

  async function end(id: ContenderId): Promise<void> {
    await servers.get(id)?.[Symbol.asyncDispose]();
    servers.delete(id);
  }

  async function takeTurn(contender: Contender): Promise<void> {
    const { id, title } = contender;
    try {
      let server = servers.get(id);
      if (server === undefined) {
        server = await startServer(contender);
        servers.set(id, server);
        await turns.warmUp(server);
      }
      const sample = await turns.sample(server);
      samples.set(id, [...samples.get(id) ?? [], sample]);
      if (turns.isFresh) await end(id);
    } catch (error) {
      // A server that dies takes its connections along: what it prints tells more than their errors.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const reason = servers.get(id)?.death ?? (error as Error).message;
      broken.push({ contender: id, title, reason });
      await end(id);
    }
  }

  try {
    for (let round = 1; round <= turns.rounds; round++) {
      for (const contender of turns.contenders) {
        if (broken.some((each) => each.contender === contender.id)) continue;
        tellProgress(`${turns.name}: ${contender.title}, round ${round} of ${turns.rounds}`);
        await takeTurn(contender);
      }
    }
  } finally {
    tellProgress("");
    await Promise.all([...servers.keys()].map(end));
  }
  const rows = turns.contenders
    .filter(({ id }) => !broken.some((each) => each.contender === id))
    .map(({ id, title }) => ({ contender: id, title, rounds: samples.get(id)! }));
  return { rows, broken };
}

/** Shows on a terminal what goes on, in one line that the next one takes the place of. */
function tellProgress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
