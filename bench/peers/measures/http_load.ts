/** What `http_load.c` measures of a server of HTTP, by connections that ask again and again. */

import { runLoad } from "../load_process.ts";
import type { Figure, Sample } from "../results.ts";
import type { ServerProcess } from "../server_process.ts";

const CONNECTIONS = 64;
/** A generator that has less of its core to spare may be what is measured. */
const MOST_LOAD = 0.95;

/** What it tells. */
interface HttpLoadResult {
  readonly requestsPerSecond: number;
  /** Connections that got no whole answer while it was measured. */
  readonly starved: number;
  /** The generator's own share of its core. */
  readonly cpu: number;
}

/** What is asked for. */
export interface Asked {
  /** As the figures have it. */
  readonly name: string;
  readonly path: string;
  /** Bytes of the body, which is `contentOf` them. */
  readonly size: number;
  /** Whether a connection may get no answer in a round. */
  readonly maySpare?: boolean;
}

/** What each of these is measured by. */
export function figuresOf(asked: readonly Asked[]): Figure[] {
  return asked.flatMap(({ name }) => [
    { name: `${name}/s`, title: `${name}/s`, better: "more" as const },
    { name: `${name} cpu`, title: "CPU µs each" },
  ]);
}

/** How it is done, for the head of a table. */
export const MANNER = `${CONNECTIONS} connections with one request in flight on each`;

/** Asks a server for all of them, one after the other; what is to be said of it goes to `notes`. */
export async function askAll(
  program: string,
  server: ServerProcess,
  all: readonly Asked[],
  timing: { readonly warmup: number; readonly seconds: number },
  notes: Set<string> = new Set(),
): Promise<Sample> {
  const sample: Record<string, number> = {};
  for (const { name, path, size, maySpare } of all) {
    const options = { path, size, connections: CONNECTIONS, ...timing };
    const result = await runLoad<HttpLoadResult>([program], server, options);
    const { title } = server.contender;
    if (result.cpu > MOST_LOAD) {
      notes.add(`${title}, ${name}: the load generator was as busy as it can be.`);
    }
    if (result.starved > 0 && !maySpare) {
      notes.add(`${title}, ${name}: ${result.starved} connections got no answer in a round.`);
    }
    const rate = result.requestsPerSecond;
    sample[`${name}/s`] = rate;
    sample[`${name} cpu`] = result.cpuSeconds / (rate * timing.seconds) * 1_000_000;
  }
  return sample;
}
