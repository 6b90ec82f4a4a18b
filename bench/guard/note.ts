/** Renews the noted ratios. */

import { measureApart } from "./apart.ts";
import { PARTS } from "./parts/all.ts";

/** An odd number; isolates differ in what their compiler made of the same code. */
const MEASUREMENTS = 5;
const ROUNDS = 100;

/** Measures every part several times and writes the middle ratios to `noted.ts`. */
export async function note(): Promise<void> {
  const lines: string[] = [];
  for (const { name } of PARTS) {
    const ratios: number[] = [];
    for (let i = 0; i < MEASUREMENTS; i++) {
      ratios.push((await measureApart({ name, rounds: ROUNDS })).ratio);
    }
    const middle = ratios.sort((a, b) => a - b)[MEASUREMENTS >> 1]!;
    lines.push(`  ${JSON.stringify(name)}: ${Number(middle.toPrecision(3))},\n`);
  }
  await Deno.writeTextFile(new URL("./noted.ts", import.meta.url), fileWith(lines));
}

function fileWith(lines: readonly string[]): string {
  return `/**
 * How fast each part was in floors; the guard fails below two thirds of that. Written by
 * \`deno task bench:guard --note\` with Deno ${Deno.version.deno} on ${Deno.build.arch}: renew it on an idle machine when a
 * part has become faster, or slower for a good reason, when a floor changes, and with a new Deno.
 */
export const NOTED: Readonly<Record<string, number>> = {
${lines.join("")}};
`;
}
