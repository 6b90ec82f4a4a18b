/** Files a second: three lengths, each by 64 connections that ask again and again. */

import { join } from "@std/path";
import { compile } from "../compile.ts";
import { contentOf } from "../content.ts";
import { servingFiles } from "../contenders.ts";
import type { ServerProcess } from "../server_process.ts";
import { takeTurns } from "../turns.ts";
import { type Case, pause } from "./case.ts";
import { askAll, type Asked, figuresOf, MANNER } from "./http_load.ts";

const FILES: readonly Asked[] = [
  { name: "1 KiB", path: "/1KiB.bin", size: 1024 },
  { name: "64 KiB", path: "/64KiB.bin", size: 64 * 1024 },
  { name: "16 MiB", path: "/16MiB.bin", size: 16 * 1024 * 1024, maySpare: true },
];

export const files: Case = {
  name: "files",
  isQuick: true,
  needs: "servesFiles",
  async measure({ contenders, cache, effort: { rounds, seconds, warmup } }) {
    const program = await compile("http_load.c", cache);
    const work = await Deno.makeTempDir();
    const folder = join(work, "files");
    const notes = new Set<string>();
    try {
      await Deno.mkdir(folder);
      for (const { path, size } of FILES) {
        await Deno.writeFile(join(folder, path), contentOf(size));
      }
      const taken = await takeTurns({
        name: "files",
        contenders: await servingFiles(contenders, folder),
        rounds,
        async warmUp(server) {
          await untilListening(server);
          await askAll(program, server, FILES, { warmup, seconds: warmup });
        },
        sample: (server) => askAll(program, server, FILES, { warmup, seconds }, notes),
      });
      const title = `files of three lengths, ${MANNER}`;
      return { name: "files", title, figures: figuresOf(FILES), ...taken, notes: [...notes] };
    } finally {
      await Deno.remove(work, { recursive: true });
    }
  },
};

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
