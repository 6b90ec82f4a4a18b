/** What a command line says: the options of a command, their help, and their values. */

import { parseArgs, type ParseArgsConfig } from "node:util";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { messageOf } from "../base/log.ts";

/** One option of a command. */
export interface OptionRule {
  /** One letter for it, such as `p` for `-p`. */
  readonly short?: string;
  /** What its value is called in the help; a switch, which `--no-` in front turns off, has none. */
  readonly value?: string;
  /** Whether it may be there several times, each of which counts. */
  readonly multiple?: true;
  /** Whether the help shows it as `--no-NAME`, as it is on by default. */
  readonly isOn?: true;
  /** What it is for, in one line. */
  readonly about: string;
}

/** The options of a command, by their names. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

/** What the help says of a command. */
export interface Manual {
  readonly name: string;
  /** What stands behind its name, such as `URL`; at most one word. */
  readonly operand: string;
  /** Whether {@linkcode operand} may be left out. */
  readonly isOptional?: true;
  readonly summary: string;
  /** More lines about it. */
  readonly about: readonly string[];
  readonly options: OptionRules;
  /** Command lines, and what each of them does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
}

/** A command line that can't be followed: told in one line, with exit code 2. */
export class UsageError extends Error {}

/** What every command line knows. */
export const HELP: OptionRules = { help: { short: "h", about: "this help" } };
/** What every command of `lws` knows. */
const COMMON: OptionRules = {
  verbose: { short: "v", about: "tell more, and where an error came from" },
  ...HELP,
};

/** A range of numbers that an option may have. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
  /** Whether it may have a fraction. */
  readonly isFraction?: true;
}

/** The words of a command line, understood by a manual. */
export class Arguments {
  readonly #values: Readonly<Record<string, unknown>>;
  /** The operand, if there is one. */
  readonly operand: string | undefined;

  /**
   * @param common options beside the manual's
   * @throws {UsageError}
   */
  constructor(manual: Manual, words: readonly string[], common: OptionRules = COMMON) {
    const rules = { ...manual.options, ...common };
    const { values, positionals } = parse(rules, words);
    this.#values = values;
    const { operand, isOptional } = manual;
    const most = operand === "" ? 0 : 1;
    if (positionals.length > most) {
      const extra = JSON.stringify(positionals[most]);
      throw new UsageError(
        most === 0 ? `${extra} is too much` : `${extra} is behind the ${operand}`,
      );
    }
    this.operand = positionals[0];
    const isMissing = operand !== "" && isOptional === undefined && this.operand === undefined;
    if (isMissing && !this.flag("help")) throw new UsageError(`${operand} is missing`);
  }

  /** A switch; undefined where it is neither on nor off. */
  choice(name: string): boolean | undefined {
    return this.#values[name] as boolean | undefined;
  }

  /** A switch that is off unless it is there. */
  flag(name: string): boolean {
    return this.choice(name) ?? false;
  }

  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  /** All values of an option that may be there several times. */
  texts(name: string): readonly string[] {
    return this.#values[name] as string[] | undefined ?? [];
  }

  /** @throws {UsageError} where it is no number of the range */
  number(name: string, { from, to, isFraction }: NumberRange): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (number >= from && number <= to && (isFraction || Number.isInteger(number))) return number;
    const kind = isFraction ? "a number" : "a whole number";
    throw new UsageError(
      `--${name} is ${JSON.stringify(text)}; allowed: ${kind} from ${from} to ${to}`,
    );
  }
}

function parse(rules: OptionRules, words: readonly string[]) {
  const options: Record<string, NonNullable<ParseArgsConfig["options"]>[string]> = {};
  for (const [name, { short, value, multiple }] of Object.entries(rules)) {
    options[name] = {
      type: value === undefined ? "boolean" : "string",
      ...short === undefined ? {} : { short },
      ...multiple === undefined ? {} : { multiple },
    };
  }
  // A newer member than the types of all versions have.
  const config = { allowNegative: true };
  try {
    return parseArgs({
      ...config,
      args: [...words],
      options,
      strict: true,
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(complaintOf(error, rules), { cause: error });
  }
}

/** What `parseArgs` complains of, in one line. */
function complaintOf(error: unknown, rules: OptionRules): string {
  const message = messageOf(error);
  const [, unknown] = /^Unknown option '(-[^']*)'/.exec(message) ?? [];
  if (unknown !== undefined) return `there is no option ${unknown}${hint(unknown, rules)}`;
  const [, named] = /^Option '(?:-\w, )?(--?[\w-]+)/.exec(message) ?? [];
  if (named === undefined) return message.split("\n")[0]!;
  if (message.includes("does not take an argument")) return `${named} takes no value`;
  const value = rules[named.replace(/^--/, "")]?.value ?? "VALUE";
  const forDash = message.includes("ambiguous")
    ? `; for one with a dash in front: ${named}=-…`
    : "";
  return `${named} needs a value, ${value}${forDash}`;
}

/** The option that was meant. A single letter is near to every other one. */
function hint(unknown: string, rules: OptionRules): string {
  const name = unknown.replace(/^--(?:no-)?/, "");
  return name === unknown ? "" : didYouMean(name, Object.keys(rules), "--");
}

/** The help of a command of a program. */
export function helpOf(
  manual: Manual,
  program: string = "lws",
  common: OptionRules = COMMON,
): string {
  const { name, operand, isOptional, summary, about, examples } = manual;
  const word = operand === "" ? "" : isOptional ? ` [${operand}]` : ` ${operand}`;
  return [
    `${program} ${name}${word} [OPTION]…`,
    "",
    summary,
    ...about,
    "",
    "Options:",
    ...columns(Object.entries({ ...manual.options, ...common }).map(optionLine)),
    "",
    ...examples.length > 0 ? ["Examples:"] : [],
    ...examples.flatMap(([line, what]) => [`  # ${what}`, `  ${line}`]),
    ...examples.length > 0 ? [""] : [],
  ].join("\n");
}

function optionLine([name, rule]: [string, OptionRule]): readonly [string, string] {
  const short = rule.short === undefined ? "    " : `-${rule.short}, `;
  const long = rule.isOn ? `--no-${name}` : `--${name}`;
  return [`  ${short}${long}${rule.value === undefined ? "" : ` ${rule.value}`}`, rule.about];
}

/** Lines of two columns, the second of which begins at one place. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length)) + 2;
  return rows.map(([first, second]) => first.padEnd(width) + second);
}
