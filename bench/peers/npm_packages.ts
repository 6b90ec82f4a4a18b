/** The packages that Node and Bun need here, from npm, in a folder of their own. */

import { dirname, join, toFileUrl } from "@std/path";
import { isFile } from "./compile.ts";
import { output, versionOf } from "./processes.ts";
import { NODE, NODE_VERSIONS, nodeIn } from "../../tests/runtimes/versions.ts";

/** The version of `ws`, on Deno and on Node. */
export const WS_VERSION = "8.23.0";
/** The version of Bun that is fetched when there is none. */
export const BUN_VERSION = "1.4.5";

/** The module of `ws` for Node, which is fetched the first time. */
export async function wsForNode(cache: string): Promise<string> {
  const folder = await install("ws", WS_VERSION, cache);
  return toFileUrl(join(folder, "ws", "wrapper.mjs")).href;
}

/** The path of Bun, which is fetched the first time. */
export async function bunProgram(cache: string): Promise<string> {
  // The program itself is in a package for this system, which npm chooses among several.
  const folder = join(await install("bun", BUN_VERSION, cache), "@oven");
  for await (const { name } of Deno.readDir(folder)) {
    const program = join(folder, name, "bin", "bun");
    if (await isFile(program) && await versionOf(program) !== undefined) return program;
  }
  throw new Error(`bun ${BUN_VERSION} has no program for this system`);
}

/** The oldest Node that this module runs in, which is fetched the first time. */
export async function nodeProgram(cache: string): Promise<string> {
  return nodeIn(dirname(await install(NODE, NODE_VERSIONS[0], cache)));
}

let built: Promise<string> | undefined;

/** This module as it is for npm, built anew in each run, and beside it what it needs. */
export function ownPackage(cache: string): Promise<string> {
  return built ??= (async () => {
    const { DEPENDENCIES, writePackage } = await import("../../tools/npm.ts");
    const [[name, version]] = Object.entries(DEPENDENCIES) as [[string, string]];
    const folder = join(dirname(await install(name, version.replace("^", ""), cache)), "lws");
    await Deno.remove(folder, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    await writePackage(folder, false);
    return toFileUrl(join(folder, "mod.js")).href;
  })();
}

/** Installs a package unless it is there; returns the folder of the packages. */
async function install(name: string, version: string, cache: string): Promise<string> {
  const prefix = join(cache, `${name}-${version}`);
  const folder = join(prefix, "node_modules");
  if (await isFile(join(folder, name, "package.json"))) return folder;
  // deno-lint-ignore no-console -- it may take a while
  console.error(`installing ${name} ${version} from npm, once, into ${prefix}`);
  await Deno.mkdir(prefix, { recursive: true });
  const { success, stderr } = await output([
    ...["npm", "install", "--prefix", prefix, "--no-save", "--no-package-lock"],
    // Nothing that comes along needs to run here.
    ...["--ignore-scripts", "--no-audit", "--no-fund", `${name}@${version}`],
  ]).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`there is no npm to install ${name} with`);
  });
  if (success) return folder;
  const reason = stderr.split("\n").filter((line) => line.includes("error")).slice(0, 2).join("; ");
  throw new Error(`npm could not install ${name} ${version}: ${reason}`);
}
