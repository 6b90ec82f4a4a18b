/** Packages of npm, for tests of what this library is under other runtimes. */

import { join } from "@std/path";
import { program } from "../peer.ts";

/** The tests that need npm, and what it can install. */
export const NPM = program("npm", "npm", "--version");
const BUN_VERSION = "1.4.5";
export const ESBUILD = "esbuild@0.28.2";
/** As npm names it. */
export const BUN = `bun@${BUN_VERSION}`;

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

/** Where bun is. Of the packages that npm chooses by the system, the plainest is always there. */
export function bunIn(folder: string): string {
  const [bun] = [...Deno.readDirSync(join(folder, "node_modules/@oven"))].map(({ name }) => name);
  return join(folder, "node_modules/@oven", bun!, "bin/bun");
}

const ARCHITECTURES = { x86_64: "x64", aarch64: "arm64", riscv64: "riscv64" } as const;
const NODE_22 = `node-${Deno.build.os}-${ARCHITECTURES[Deno.build.arch]}`;
/** The oldest Node that is supported, as npm names its program. */
export const OLDEST_NODE = `${NODE_22}@22`;

/** Where that is. */
export function nodeIn(folder: string): string {
  return join(folder, "node_modules", NODE_22, "bin/node");
}
