/** The command line of `run.ts`. */

import { join } from "@std/path";
import { parseArgs } from "node:util";
import { type ContenderId, isOurs, OURS, OURS_EPOLL, OURS_OPENSSL, TITLES } from "./contenders.ts";
import { caseNamed, CASES } from "./measures/all.ts";
import type { Case, Effort } from "./measures/case.ts";

export const USAGE = `Measures this module's server beside others, each in a process of its own.

    deno task bench:peers [options]

  --quick          a short run of the main cases, in some three minutes
  --case A,B       only these cases: ${CASES.map(({ name }) => name).join(", ")},
                   or any other connections x in flight x bytes, with deflate- or tls- before it
  --only A,B       only these contenders: ${Object.keys(TITLES).join(", ")};
                   and all of ours, unless one of them is named
  --rounds N       how often each is measured (3; with --quick 2)
  --seconds N      how long each time (3; with --quick 0.6)
  --json FILE      writes all figures
  --svg FILE       draws them
  --page FILE      writes the tables between the marks of a page, which is docs/performance.md
  --check          exit code 1 when a target is missed
  --cache DIR      where compiled programs and npm packages are kept
  --help`;

/** What was asked for. */
export interface Choices {
  readonly cases: readonly Case[];
  readonly only: ReadonlySet<ContenderId>;
  readonly effort: Effort;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly page: string | undefined;
  readonly check: boolean;
  readonly cache: string;
  readonly help: boolean;
}

/** Something on the command line that can't be done. */
export class UsageError extends Error {}

/**
 * Reads the command line.
 *
 * @throws {UsageError} that names what is wrong.
 */
export function readArguments(args: readonly string[]): Choices {
  const values = parse(args);
  const isQuick = values.quick ?? false;
  const only = listOf(values.only).map((name) => {
    if (Object.hasOwn(TITLES, name)) return name as ContenderId;
    throw new UsageError(
      `--only: no contender ${name}; there are ${Object.keys(TITLES).join(", ")}`,
    );
  });
  const named = listOf(values.case).map((name) => {
    const found = caseNamed(name);
    if (found !== undefined) return found;
    throw new UsageError(
      `--case: no case ${name}; there are ${
        CASES.map((each) => each.name).join(", ")
      }, and shapes ` +
        "of up to 10000x1000x65536, with or without deflate- or tls-",
    );
  });
  const cases = named.length > 0 ? named : CASES.filter((each) => each.isQuick || !isQuick);
  return {
    cases,
    only: wantedOf(only),
    effort: {
      isQuick,
      rounds: numberOf("rounds", values.rounds, isQuick ? 2 : 3, 1, 100, true),
      seconds: numberOf("seconds", values.seconds, isQuick ? 0.6 : 3, 0.1, 60, false),
      warmup: isQuick ? 0.2 : 0.5,
    },
    json: values.json,
    svg: values.svg,
    page: values.page,
    check: values.check ?? false,
    cache: values.cache ?? join(cacheHome(), "lws-bench-peers"),
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    ...{ quick: flag, check: flag, help: flag },
    ...{ case: text, only: text, rounds: text, seconds: text, json: text, svg: text, page: text },
    cache: text,
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function wantedOf(named: readonly ContenderId[]): ReadonlySet<ContenderId> {
  if (named.length === 0) return new Set(Object.keys(TITLES) as ContenderId[]);
  return new Set(named.some(isOurs) ? named : [OURS, OURS_EPOLL, OURS_OPENSSL, ...named]);
}

function listOf(text: string | undefined): string[] {
  return (text ?? "").split(",").map((each) => each.trim()).filter((each) => each !== "");
}

function numberOf(
  name: string,
  text: string | undefined,
  standard: number,
  least: number,
  most: number,
  isWhole: boolean,
): number {
  if (text === undefined) return standard;
  const value = Number(text);
  if (
    text.trim() !== "" && value >= least && value <= most && (!isWhole || Number.isInteger(value))
  ) {
    return value;
  }
  const kind = isWhole ? "a whole number" : "a number";
  throw new UsageError(`--${name} is ${text}; allowed: ${kind} from ${least} to ${most}`);
}

function cacheHome(): string {
  const home = Deno.env.get("HOME");
  return Deno.env.get("XDG_CACHE_HOME") ?? (home === undefined ? "/tmp" : join(home, ".cache"));
}
