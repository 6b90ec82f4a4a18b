/**
 * Writes the npm package into a folder: each module as JavaScript for Node 22 with its types and source map, the
 * parts of `@std` that they use, and `package.json`.
 *
 *     deno task npm FOLDER && npm pack FOLDER
 */

import { dirname, fromFileUrl, join, relative } from "@std/path";
import ts from "npm:typescript@5.9.3";
import config from "../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** What is not for Node: the epoll network calls the C library by the runtime, and the command is its program. */
const DENO_ALONE: ReadonlySet<string> = new Set(["./epoll", "./cli"]);

/** Libraries that one entry point alone needs; programs that use it install them. */
const PEERS: ReadonlySet<string> = new Set(["@redis/client", "@nats-io/nats-core"]);

/** What has to be loaded in front of a module: Node has it from version 24 on. */
const FILLED: Readonly<Record<string, string>> = { "src/web/paths.ts": "urlpattern-polyfill" };
const DEPENDENCIES = { "urlpattern-polyfill": "^10.1.0" };

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  sourceMap: true,
  inlineSources: true,
};

const SPECIFIER =
  /(^(?:import|export)\s+(?:type\s)?(?:[^;"]*?\sfrom\s)?"|\bimport\(")([^"]+)("[;)])/gm;

/** Writes the package; nothing but that may be in the folder. */
export async function writePackage(folder: string): Promise<void> {
  const entries = Object.entries(config.exports).filter(([name]) => !DENO_ALONE.has(name));
  const peers: Record<string, string> = {};
  const std = new Set<string>();
  const rewrite = (path: string, code: string, found: Set<string>) =>
    code.replace(SPECIFIER, (_, start: string, specifier: string, end: string) => {
      if (specifier.startsWith(".")) {
        found.add(join(dirname(path), specifier));
        return start + specifier.replace(/\.ts$/, ".js") + end;
      }
      if (specifier.startsWith("@std/")) {
        std.add(specifier);
        return start + upTo(path, stdModule(specifier)) + end;
      }
      const [, name, version] = specifier.match(/^npm:(@?[^@]+)@(.+)$/) ?? [];
      if (name === undefined) return start + specifier + end;
      if (!PEERS.has(name)) throw new Error(`${path}: ${name} is no library of one entry point`);
      peers[name] = version!;
      return start + name + end;
    });
  const paths = entries.map(([, path]) => join(path));
  const modules = new Set(paths);
  for (const path of modules) {
    const { code, map } = compiled(path);
    await write(join(folder, changed(path, ".js")), rewrite(path, code, modules));
    await write(join(folder, changed(path, ".js.map")), map);
  }
  // Types of what can't be reached from an entry point's are left out.
  const declared = declarationsOf(paths);
  const declarations = new Set(paths);
  for (const path of declarations) {
    const text = rewrite(path, declared.get(path)!, declarations);
    await write(join(folder, changed(path, ".d.ts")), text);
  }
  for (const specifier of std) await writeStd(folder, specifier);
  for (const name of ["README.md", "LICENSE", "CHANGELOG.md"]) {
    await Deno.copyFile(join(ROOT, name), join(folder, name));
  }
  const facts = {
    name: config.name,
    version: config.version,
    description: "One port that speaks HTTP and WebSocket: libwebsockets' model in pure TypeScript",
    keywords: ["websocket", "http", "libwebsockets", "server", "client"],
    license: config.license,
    type: "module",
    engines: { node: ">=22" },
    exports: Object.fromEntries(entries.map(([name, path]) => [name, exported(path)])),
    dependencies: DEPENDENCIES,
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(
      Object.keys(peers).map((name) => [name, { optional: true }]),
    ),
  };
  await write(join(folder, "package.json"), `${JSON.stringify(facts, undefined, 2)}\n`);
}

function exported(path: string): { readonly types: string; readonly default: string } {
  return { types: changed(path, ".d.ts"), default: changed(path, ".js") };
}

function changed(path: string, ending: string): string {
  return path.replace(/\.ts$/, ending);
}

function compiled(path: string): { readonly code: string; readonly map: string } {
  const { outputText, sourceMapText } = ts.transpileModule(sourceOf(path), optionsFor(path));
  const filled = FILLED[path];
  if (filled === undefined) return { code: outputText, map: sourceMapText! };
  // Behind the code, as imports run first wherever they stand, and the lines of the source map stay.
  const end = outputText.lastIndexOf("//# sourceMappingURL");
  const code = `${outputText.slice(0, end)}import "${filled}";\n${outputText.slice(end)}`;
  return { code, map: sourceMapText! };
}

/** The declarations of all that the entry points need, by their modules' paths. Nothing is checked for it. */
function declarationsOf(paths: readonly string[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const program = ts.createProgram(paths.map((path) => join(ROOT, path)), {
    ...OPTIONS,
    target: ts.ScriptTarget.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    declaration: true,
    emitDeclarationOnly: true,
    noCheck: true,
    strict: true,
    types: [],
  });
  program.emit(undefined, (path, text) => {
    texts.set(relative(ROOT, path).replace(/\.d\.ts$/, ".ts"), text);
  });
  return texts;
}

function sourceOf(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

function optionsFor(path: string): ts.TranspileOptions {
  return { fileName: path, compilerOptions: OPTIONS };
}

function stdModule(specifier: string): string {
  return `${specifier.slice(1).replaceAll("-", "_")}.js`;
}

function upTo(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return path.startsWith(".") ? path : `./${path}`;
}

/** A module of `@std` as one file; types of it are in no declaration of ours. */
async function writeStd(folder: string, specifier: string): Promise<void> {
  const file = join(folder, stdModule(specifier));
  await Deno.mkdir(dirname(file), { recursive: true });
  const entry = join(ROOT, `.npm_${crypto.randomUUID()}.ts`);
  await Deno.writeTextFile(entry, `export * from "${specifier}";\n`);
  try {
    const args = ["bundle", "--quiet", entry, "--output", file];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
      .output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(entry);
  }
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

if (import.meta.main) {
  const [folder] = Deno.args;
  if (folder === undefined) throw new Error("which folder? deno task npm FOLDER");
  await writePackage(folder);
}
