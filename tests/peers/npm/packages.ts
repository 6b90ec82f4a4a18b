/** Packages of npm, for tests of what this library is under other runtimes. */

import { program } from "../peer.ts";

/** The tests that need npm, and what it can install. */
export const NPM = program("npm", "npm", "--version");
export const ESBUILD = "esbuild@0.28.2";

/** Runs a command to its end, and gives what it has printed. */
export async function output(command: readonly string[], cwd?: string): Promise<string> {
  const [path, ...args] = command;
  const where = cwd === undefined ? {} : { cwd };
  const { success, stdout, stderr } = await new Deno.Command(path!, { args, ...where }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr) + decoder.decode(stdout));
  return decoder.decode(stdout).trimEnd();
}

/** Installs packages in a folder; none of their scripts runs. */
export async function install(folder: string, ...packages: readonly string[]): Promise<void> {
  const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
  await output(["npm", "install", "--prefix", folder, ...flags, ...packages]);
}
