/** The program: which command, its help, its failures, its exit code. */

import { didYouMean } from "../base/text/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { libraryVersion } from "../base/version.ts";
import { Arguments, columns, helpOf, UsageError } from "./arguments.ts";
import { bench } from "./bench/bench.ts";
import type { Command } from "./command.ts";
import { connect } from "./connect/connect.ts";
import { echo } from "./echo.ts";
import type { CliHost } from "./host.ts";
import { inOptionNames } from "./option_names.ts";
import { Report } from "./report.ts";
import { serve } from "./serve.ts";

const COMMANDS: readonly Command[] = [connect, echo, serve, bench];

const FAILED = 1;
const MISUSED = 2;

/** Runs a command line; resolves with the exit code once all that it says has left. */
export async function runCommand(words: readonly string[], host: CliHost): Promise<number> {
  const report = new Report(host, words.some((word) => word === "-v" || word === "--verbose"));
  const [first, ...rest] = words;
  const code = await dispatch(first, rest, report);
  await report.flush();
  return code;
}

async function dispatch(
  first: string | undefined,
  rest: readonly string[],
  report: Report,
): Promise<number> {
  if (first === undefined) {
    report.note(overview());
    return MISUSED;
  }
  if (first === "--version" || first === "-V") {
    report.say(`lws ${libraryVersion}`);
    return 0;
  }
  const isHelp = first === "help" || first === "--help" || first === "-h";
  const name = isHelp ? rest[0] : first;
  if (name === undefined) {
    report.say(overview());
    return 0;
  }
  const command = COMMANDS.find(({ manual }) => manual.name === name);
  if (command === undefined) {
    const hint = didYouMean(name, COMMANDS.map(({ manual }) => manual.name));
    report.complainOf(`there is no command ${JSON.stringify(name)}${hint}; see lws --help`);
    return MISUSED;
  }
  if (isHelp) {
    report.say(helpOf(command.manual));
    return 0;
  }
  return await perform(command, rest, report);
}

async function perform(
  { manual, run }: Command,
  words: readonly string[],
  report: Report,
): Promise<number> {
  try {
    const args = new Arguments(manual, words);
    if (args.flag("help")) {
      report.say(helpOf(manual));
      return 0;
    }
    const { host } = report;
    const levels = args.flag("verbose")
      ? ["err", "warn", "notice", "info"] as const
      : ["err", "warn"] as const;
    host.setLogLevel?.(levels, (_level, line) => report.note(line));
    return await run(args, report);
  } catch (error) {
    if (error instanceof UsageError) {
      report.complainOf(`${manual.name}: ${error.message}; see lws ${manual.name} --help`);
      return MISUSED;
    }
    report.complain(inOptionNames(error));
    const isMisuse = error instanceof LwsError &&
      (error.code === "invalid-option" || error.code === "invalid-argument");
    return isMisuse ? MISUSED : FAILED;
  }
}

function overview(): string {
  return [
    "lws COMMAND [OPTION]…",
    "",
    "A WebSocket client, an echo server, a file server with live reload, and a load for servers.",
    "",
    "Commands:",
    ...columns(
      COMMANDS.map(({ manual: { name, operand, summary } }) =>
        [`  ${name} ${operand}`.trimEnd(), summary] as const
      ),
    ),
    "",
    "lws COMMAND --help tells of its options; lws --version tells which version this is.",
    "lws stands for deno run -A jsr:@x/lws/cli, or is what",
    "deno install -g -A -n lws jsr:@x/lws/cli has made.",
  ].join("\n");
}
