/** Files a second: three lengths, each by 64 connections that ask again and again. */

import { join } from "@std/path";
import { compile } from "../compile.ts";
import { servingFiles } from "../contenders.ts";
import { runLoad } from "../load_process.ts";
import type { Figure, Sample } from "../results.ts";
import type { ServerProcess } from "../server_process.ts";
import { takeTurns } from "../turns.ts";
import { type Case, pause } from "./case.ts";

const CONNECTIONS = 64;
/** The lengths in bytes, by the name that the figures have. */
const SIZES = { "1 KiB": 1024, "64 KiB": 64 * 1024, "16 MiB": 16 * 1024 * 1024 } as const;
/** A generator that has less of its core to spare may be what is measured. */
const MOST_LOAD = 0.95;

type SizeName = keyof typeof SIZES;

/** What `http_load.c` tells. */
interface HttpLoadResult {
  readonly requestsPerSecond: number;
  /** Connections that got no whole answer while it was measured. */
  readonly starved: number;
  /** The generator's own share of its core. */
  readonly cpu: number;
}

const NAMES = Object.keys(SIZES) as SizeName[];

const FIGURES: readonly Figure[] = NAMES.flatMap((name) => [
  { name: rateOf(name), title: `${name}/s`, better: "more" as const },
  { name: cpuOf(name), title: "CPU µs each" },
]);

export const files: Case = {
  name: "files",
  isQuick: true,
  needs: "servesFiles",
  async measure({ contenders, cache, effort: { rounds, seconds, warmup } }) {
    const program = await compile("http_load.c", cache);
    const work = await Deno.makeTempDir();
    const folder = join(work, "files");
    const notes = new Set<string>();

    async function ask(server: ServerProcess, name: SizeName, seconds: number): Promise<Sample> {
      const options = {
        path: `/${fileOf(name)}`,
        size: SIZES[name],
        connections: CONNECTIONS,
        warmup,
        seconds,
      };
      const result = await runLoad<HttpLoadResult>([program], server, options);
      const { title } = server.contender;
      if (result.cpu > MOST_LOAD) {
        notes.add(`${title}, ${name}: the load generator was as busy as it can be.`);
      }
      if (result.starved > 0 && SIZES[name] < SIZES["16 MiB"]) {
        notes.add(`${title}, ${name}: ${result.starved} connections got no answer in a round.`);
      }
      const rate = result.requestsPerSecond;
      return {
        [rateOf(name)]: rate,
        [cpuOf(name)]: result.cpuSeconds / (rate * seconds) * 1_000_000,
      };
    }

    try {
      await Deno.mkdir(folder);
      for (const name of NAMES) {
        await Deno.writeFile(join(folder, fileOf(name)), contentOf(SIZES[name]));
      }
      const taken = await takeTurns({
        name: "files",
        contenders: await servingFiles(contenders, folder),
        rounds,
        async warmUp(server) {
          await untilListening(server);
          for (const name of NAMES) await ask(server, name, warmup);
        },
        async sample(server) {
          const samples: Sample[] = [];
          for (const name of NAMES) samples.push(await ask(server, name, seconds));
          return Object.assign({}, ...samples) as Sample;
        },
      });
      return {
        name: "files",
        title:
          `files of three lengths, ${CONNECTIONS} connections with one request in flight on each`,
        figures: FIGURES,
        ...taken,
        notes: [...notes],
      };
    } finally {
      await Deno.remove(work, { recursive: true });
    }
  },
};

function rateOf(name: SizeName): string {
  return `${name}/s`;
}

function cpuOf(name: SizeName): string {
  return `${name} cpu`;
}

function fileOf(name: SizeName): string {
  return `${name.replace(" ", "")}.bin`;
}

/** As `http_load.c` compares it. */
function contentOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => 97 + index % 26);
}

/** nginx can only be told where to listen, and does not tell when it does. */
async function untilListening({ port }: ServerProcess): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await pause(0.1);
    }
  }
}
