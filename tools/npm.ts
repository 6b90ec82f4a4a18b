/**
 * Writes the npm package into a folder: each module as JavaScript for Node 22 with its types and source map, the
 * parts of `@std` that they use, `package.json` and a README of its own.
 *
 *     deno task npm FOLDER && npm pack FOLDER
 */

import { fromFileUrl, join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import {
  changed,
  declarationsOf,
  nothingImported,
  renamed,
  ROOT,
  write,
  writeModule,
  writeStd,
} from "./npm/modules.ts";
import { readTask } from "./task.ts";

/** What is not for Node: the epoll network calls the C library by the runtime, and the command is its program. */
const DENO_ALONE: ReadonlySet<string> = new Set(["./epoll", "./cli"]);

/** Libraries that one entry point alone needs; programs that use it install them. */
const PEERS: ReadonlySet<string> = new Set(["@redis/client", "@nats-io/nats-core"]);

/** What it can't do without. */
export const DEPENDENCIES = { "urlpattern-polyfill": "^10.1.0" };

const DESCRIPTION =
  "WebSocket and HTTP on one port, server and client, by a callback per protocol: " +
  "libwebsockets' model in pure TypeScript";

const KEYWORDS = [
  "websocket",
  "ws",
  "server",
  "client",
  "http",
  "rfc6455",
  "permessage-deflate",
  "libwebsockets",
  "pubsub",
  "deno",
  "node",
  "bun",
];

/**
 * Writes the package, and returns the modules that it has; nothing but that may be in the folder. Types take as long as
 * all else, and can be left out for what only runs it.
 */
export async function writePackage(folder: string, hasTypes = true): Promise<ReadonlySet<string>> {
  const entries = Object.entries(config.exports).filter(([name]) => !DENO_ALONE.has(name));
  const paths = entries.map(([, path]) => join(path));
  const imported = nothingImported(paths);
  for (const path of imported.modules) await writeModule(folder, path, imported);
  if (hasTypes) await writeTypes(folder, paths);
  await Promise.all([...imported.std].map((specifier) => writeStd(folder, specifier)));
  for (const name of ["LICENSE", "CHANGELOG.md"]) {
    await Deno.copyFile(join(ROOT, name), join(folder, name));
  }
  await Deno.copyFile(
    fromFileUrl(new URL("npm/README.md", import.meta.url)),
    join(folder, "README.md"),
  );
  for (const name of imported.packages.keys()) {
    if (!PEERS.has(name)) throw new Error(`${name} is no library of one entry point`);
  }
  const peers = Object.fromEntries(imported.packages);
  const facts = {
    name: config.name,
    version: config.version,
    description: DESCRIPTION,
    keywords: KEYWORDS,
    license: config.license,
    type: "module",
    // Modules make nothing but what they export.
    sideEffects: false,
    engines: { node: ">=22" },
    exports: {
      ...Object.fromEntries(entries.map(([name, path]) => [name, exported(path)])),
      "./package.json": "./package.json",
    },
    types: changed(config.exports["."], ".d.ts"),
    dependencies: DEPENDENCIES,
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(
      Object.keys(peers).map((name) => [name, { optional: true }]),
    ),
  };
  await write(join(folder, "package.json"), `${JSON.stringify(facts, undefined, 2)}\n`);
  return imported.modules;
}

/** Types of what can't be reached from an entry point's are left out. */
async function writeTypes(folder: string, paths: readonly string[]): Promise<void> {
  const declared = declarationsOf(paths);
  const typed = nothingImported(paths);
  for (const path of typed.modules) {
    await write(join(folder, changed(path, ".d.ts")), renamed(path, declared.get(path)!, typed));
  }
}

function exported(path: string): { readonly types: string; readonly default: string } {
  return { types: changed(path, ".d.ts"), default: changed(path, ".js") };
}

if (import.meta.main) {
  await writePackage(readTask({
    name: "npm",
    operand: "FOLDER",
    summary: "Writes the npm package into a folder.",
  }, (args) => args.operand!));
}
