/** Answers a second that a function from `Request` to `Response` gives, by what it looks at. */

import { compile } from "../compile.ts";
import { answering } from "../contenders.ts";
import { takeTurns } from "../turns.ts";
import type { Case } from "./case.ts";
import { askAll, type Asked, figuresOf, MANNER } from "./http_load.ts";

const ANSWERS: readonly Asked[] = [
  { name: "by URL", path: "/url", size: 1024 },
  { name: "by header", path: "/header", size: 1024 },
];

export const answers: Case = {
  name: "answers",
  isQuick: false,
  needs: "answers",
  async measure({ contenders, cache, effort: { rounds, seconds, warmup } }) {
    const program = await compile("http_load.c", cache);
    const notes = new Set<string>();
    const taken = await takeTurns({
      name: "answers",
      contenders: answering(contenders),
      rounds,
      async warmUp(server) {
        await askAll(program, server, ANSWERS, { warmup, seconds: warmup });
      },
      sample: (server) => askAll(program, server, ANSWERS, { warmup, seconds }, notes),
    });
    const title = `answers of 1 KiB by an async fetch handler, ${MANNER}`;
    return { name: "answers", title, figures: figuresOf(ANSWERS), ...taken, notes: [...notes] };
  },
};
