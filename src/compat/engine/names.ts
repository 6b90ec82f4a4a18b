/**
 * C names and the names of the main API, which follow from each other: `LWS_CALLBACK_CLIENT_RECEIVE`
 * is `clientReceive`. So the numbers of a generation's constants are the whole table.
 */

/** A generation's constants, by their C names. */
export type Constants = Readonly<Record<string, unknown>>;

/** Names and numbers, both ways. */
export interface NameTable {
  /** The number of a name. */
  number(name: string): number | undefined;
  /** The name of a number. */
  name(number: number): string | undefined;
}

/** `CLIENT_RECEIVE` as `clientReceive`. */
export function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The table of the constants that begin with `prefix`, named by what follows it. */
export function tableOf(
  constants: Constants,
  prefix: RegExp,
  nameOf: (rest: string) => string | undefined = camelCase,
): NameTable {
  const numbers = new Map<string, number>();
  const names = new Map<number, string>();
  for (const [constant, number] of Object.entries(constants)) {
    if (!prefix.test(constant) || typeof number !== "number") continue;
    const name = nameOf(constant.replace(prefix, ""));
    if (name === undefined) continue;
    numbers.set(name, number);
    if (!names.has(number)) names.set(number, name);
  }
  return { number: (name) => numbers.get(name), name: (number) => names.get(number) };
}
