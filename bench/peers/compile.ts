/** Compiles the C files here, once for each of their versions. */

import { fromFileUrl, join } from "@std/path";
import { output } from "./processes.ts";

/** A file beside this one. */
export function here(path: string): string {
  return fromFileUrl(new URL(path, import.meta.url));
}

/**
 * Compiles a C file into the cache, if that was not done before, and returns the program's path;
 * `options` are those of the compiler, such as libraries.
 *
 * @throws {Error} that says what to install, or what the compiler said.
 */
export async function compile(
  source: string,
  cache: string,
  ...options: readonly string[]
): Promise<string> {
  const text = [await Deno.readTextFile(here(source)), ...options].join("\n");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const digest = new Uint8Array(hash).toHex().slice(0, 12);
  const name = source.replace(/^.*\/|\.c$/g, "");
  const program = join(cache, `${name}-${digest}`);
  if (await isFile(program)) return program;
  // Two runs may compile at the same time: each into its own file, and the last one stays.
  const fresh = `${program}.${Deno.pid}`;
  await Deno.mkdir(cache, { recursive: true });
  const command = ["cc", "-O2", "-std=gnu11", "-o", fresh, here(source), ...options];
  const { success, stderr } = await output(command).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      "there is no C compiler (cc); install one, such as with `apt-get install gcc libc6-dev`",
    );
  });
  if (!success) throw new Error(`cc could not compile ${source}:\n${stderr.trim()}`);
  await Deno.rename(fresh, program);
  return program;
}

/** Whether there is a file. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
