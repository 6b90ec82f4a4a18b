/** Inputs that once broke something, or reach what is hard to reach: `corpus/TARGET/NAME.hex`. */

import { fromFileUrl, join } from "@std/path";
import { hashOf } from "./dice.ts";

const FOLDER = fromFileUrl(new URL("corpus/", import.meta.url));

/** A file of the corpus. */
export interface Kept {
  readonly name: string;
  readonly input: Uint8Array;
}

/** What is kept for a target, by name. */
export function corpusOf(target: string): Kept[] {
  const folder = join(FOLDER, target);
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return entries.filter(({ name }) => name.endsWith(".hex"))
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .map(({ name }) => ({ name, input: readHex(Deno.readTextFileSync(join(folder, name))) }));
}

/** The targets for which there is a folder. */
export function corpusTargets(): string[] {
  return [...Deno.readDirSync(FOLDER)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name);
}

/** Keeps an input with what it breaks; returns the file's path. */
export function keep(target: string, input: Uint8Array, why: string): string {
  const folder = join(FOLDER, target);
  Deno.mkdirSync(folder, { recursive: true });
  const path = join(folder, `${hashOf(input).toString(16).padStart(8, "0")}.hex`);
  const comment = why.split("\n").map((line) => `# ${line}`.slice(0, 200).trimEnd()).join("\n");
  Deno.writeTextFileSync(path, `${comment}\n${input.toHex()}\n`);
  return path;
}

/** Hexadecimal digits, with blanks and line ends anywhere; a line that begins with `#` is a comment. */
export function readHex(text: string): Uint8Array {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return Uint8Array.fromHex(lines.join("").replace(/\s/g, ""));
}
