/** What an option may be: one rule, which the check of a struct asks and a page of the docs shows. */

import { describeValue } from "./check.ts";

/** What kind of value an option takes. */
export type Kind =
  | "any"
  | "boolean"
  | "bytes"
  | "function"
  | "list"
  | "milliseconds"
  | "number"
  | "object"
  | "seconds"
  | "text";

/** All that is known of one option but its name, which is its key in the table of rules. */
export interface Rule<Checked = unknown, Info = unknown> {
  readonly kind: Kind;
  /** Its range, as the complaint about another value says it. */
  readonly allowed: string;
  /** What it is when it is left out, as the docs write it: a value is in backquotes. */
  readonly default: string;
  /** What it is for, in one line of Markdown. */
  readonly about: string;
  /** Called by {@linkcode checkAll}: refuses a wrong value; else returns it, with defaults filled in. */
  readonly check: (value: unknown, ask: Inquiry<Info>) => Checked;
}

/** The values of a struct, checked by its rules. */
export type Checked<Rules> = {
  readonly [Name in keyof Rules]: Rules[Name] extends Rule<infer Value, never> ? Value : never;
};

/** What the check of one option sees beside its value, and where it complains. */
export class Inquiry<Info> {
  constructor(
    /** Its name, as complaints have it: `mounts[0].path`. */
    readonly field: string,
    readonly allowed: string,
    /** What else counts: the other options, as they were given. */
    readonly info: Info,
    /** What is wrong so far. */
    readonly problems: string[],
  ) {}

  /** Says that the value is wrong, and what is allowed. */
  refuse(value: unknown, allowed: string = this.allowed): void {
    this.#say(this.field, value, allowed);
  }

  /** Says it of a part of the value, such as `.name`, or `[0]`. */
  refusePart(part: string, value: unknown, allowed: string): void {
    this.#say(this.field + part, value, allowed);
  }

  #say(field: string, value: unknown, allowed: string): void {
    this.problems.push(`${field} is ${describeValue(value)}; allowed: ${allowed}`);
  }
}

/** What {@linkcode checkAll} is given beside a struct. */
export interface Complaints<Info> {
  /** What its checks see of other options. */
  readonly info: Info;
  readonly problems: string[];
  /** What stands in front of the names: `mounts[0].`. */
  readonly prefix?: string;
}

/** Asks every rule about a struct, in their order. */
export function checkAll<Rules extends Readonly<Record<string, Rule<unknown, Info>>>, Info>(
  rules: Rules,
  struct: object,
  { info, problems, prefix = "" }: Complaints<Info>,
): Checked<Rules> {
  const checked: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const ask = new Inquiry(prefix + name, rule.allowed, info, problems);
    checked[name] = rule.check((struct as Record<string, unknown>)[name], ask);
  }
  return checked as Checked<Rules>;
}

/** A switch that is off by default. */
export function flag(about: string): Rule<boolean> {
  return {
    kind: "boolean",
    allowed: "true or false",
    default: "`false`",
    about,
    check(value = false, ask) {
      if (typeof value !== "boolean") ask.refuse(value);
      return value === true;
    },
  };
}

/** A whole number in a range; `Infinity` counts as one where the range has it. */
export function wholeNumber(
  kind: Kind,
  range: { readonly from: number; readonly to: number; readonly fallback: number },
  about: string,
  allowed = `a whole number from ${range.from} to ${range.to}`,
): Rule<number> {
  return {
    kind,
    allowed,
    default: `\`${range.fallback}\``,
    about,
    check(value = range.fallback, ask) {
      if (!isWhole(value, range.from, range.to)) ask.refuse(value);
      return value as number;
    },
  };
}

/** Whether a value is a whole number of a range. */
export function isWhole(value: unknown, from: number, to: number): value is number {
  return (Number.isInteger(value) || value === Infinity) && (value as number) >= from &&
    (value as number) <= to;
}

/** An object that has certain methods. */
export function objectWith<Value extends object>(
  methods: readonly (keyof Value & string)[],
  about: string,
  fallback: string,
): Rule<Value | undefined> {
  return {
    kind: "object",
    allowed: `an object with ${methods.join(", ")}`,
    default: fallback,
    about,
    check(value, ask) {
      const missing = value === undefined ? [] : missingMethods(value, methods);
      if (missing.length > 0) ask.refuse(value, `an object with ${missing.join(", ")}`);
      return value as Value | undefined;
    },
  };
}

/** Which of these methods a value doesn't have. */
export function missingMethods(value: unknown, methods: readonly string[]): string[] {
  return methods.filter((name) =>
    typeof (value as Record<string, unknown> | null)?.[name] !== "function"
  );
}

/** A value of any type. */
export function anything(about: string): Rule<unknown> {
  return { kind: "any", allowed: "anything", default: "none", about, check: (value) => value };
}
