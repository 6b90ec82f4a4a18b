/** The command lines of this project's tasks, by the rules of those of `lws`. */

// deno-lint-ignore-file no-console -- what programs print

import { Arguments, HELP, helpOf, type Manual, UsageError } from "../src/cli/arguments.ts";

const PROGRAM = "deno task";
const MISUSED = 2;

/** What of a task's manual it need not have. */
export type TaskManual =
  & Pick<Manual, "name" | "summary">
  & Partial<Manual>;

/**
 * Reads the words behind a task's name. `--help` ends the program with its help, and what can't be followed with a line
 * that says why, and exit code 2.
 *
 * @param read takes what it needs of them, and throws a {@linkcode UsageError} for what it can't use
 */
export function readTask<T>(
  given: TaskManual,
  read: (args: Arguments) => T,
  words: readonly string[] = Deno.args,
): T {
  const manual: Manual = { operand: "", about: [], options: {}, examples: [], ...given };
  try {
    const args = new Arguments(manual, words, HELP);
    if (!args.flag("help")) return read(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(
      `${PROGRAM} ${manual.name}: ${error.message}; see ${PROGRAM} ${manual.name} --help`,
    );
    Deno.exit(MISUSED);
  }
  console.log(helpOf(manual, PROGRAM, HELP));
  Deno.exit(0);
}

/** One of these, as an option names it. */
export function oneOf<Name extends string>(
  args: Arguments,
  option: string,
  names: readonly Name[],
): Name | undefined {
  const text = args.text(option);
  const found = names.find((name) => name === text);
  if (text === undefined || found !== undefined) return found;
  throw new UsageError(`--${option} is ${JSON.stringify(text)}; allowed: ${names.join(", ")}`);
}

/** Some of these, in a list with commas. */
export function someOf<Name extends string>(
  args: Arguments,
  option: string,
  names: readonly Name[],
): readonly Name[] | undefined {
  const list = args.text(option)?.split(",");
  const unknown = list?.find((each) => !names.includes(each as Name));
  if (unknown === undefined) return list as Name[] | undefined;
  throw new UsageError(
    `--${option} has ${JSON.stringify(unknown)} in it; allowed: ${names.join(", ")}`,
  );
}
