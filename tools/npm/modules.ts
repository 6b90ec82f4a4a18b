/** Modules of this project as JavaScript for Node 22 and Bun, with what they import named as it is there. */

import { dirname, fromFileUrl, join, relative } from "@std/path";
import ts from "npm:typescript@5.9.3";

/** Where the project is. */
export const ROOT: string = fromFileUrl(new URL("../../", import.meta.url));

/** What has to be loaded in front of a module: Node has it from version 24 on. */
const FILLED: Readonly<Record<string, string>> = { "src/web/paths.ts": "urlpattern-polyfill" };

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  sourceMap: true,
  inlineSources: true,
};

const SPECIFIER =
  /(^(?:import|export)\s+(?:type\s)?(?:[^;"]*?\sfrom\s)?"|\bimport\(")([^"]+)("[;) ])/gm;

/** What modules import from elsewhere. */
export interface Imported {
  /** Modules of the project, by their paths. */
  readonly modules: Set<string>;
  /** Those of `@std`. */
  readonly std: Set<string>;
  /** Packages of npm and the versions they are asked for in. */
  readonly packages: Map<string, string>;
}

/** Nothing yet. */
export function nothingImported(modules: readonly string[] = []): Imported {
  return { modules: new Set(modules), std: new Set(), packages: new Map() };
}

/** Names what a module imports as it is in the package, and adds it to what has been. */
export function renamed(path: string, code: string, imported: Imported): string {
  return code.replace(SPECIFIER, (_, start: string, specifier: string, end: string) => {
    if (specifier.startsWith(".")) {
      imported.modules.add(join(dirname(path), specifier));
      return start + specifier.replace(/\.ts$/, ".js") + end;
    }
    if (specifier.startsWith("@std/")) {
      imported.std.add(specifier);
      return start + upTo(path, stdModule(specifier)) + end;
    }
    const [, name, version] = specifier.match(/^npm:(@?[^@]+)@(.+)$/) ?? [];
    if (name === undefined) return start + specifier + end;
    imported.packages.set(name, version!);
    return start + name + end;
  });
}

/** Writes a module as JavaScript, with its source map, and returns it. `preface` is run in front of all else. */
export async function writeModule(
  folder: string,
  path: string,
  imported: Imported,
  preface = FILLED[path] === undefined ? "" : `import "${FILLED[path]}";`,
): Promise<string> {
  const { outputText, sourceMapText } = ts.transpileModule(
    await Deno.readTextFile(join(ROOT, path)),
    { fileName: path, compilerOptions: OPTIONS },
  );
  // Behind the code, as imports run first wherever they stand, and the lines of the source map stay.
  const end = outputText.lastIndexOf("//# sourceMappingURL");
  const code = preface === ""
    ? outputText
    : `${outputText.slice(0, end)}${preface}\n${outputText.slice(end)}`;
  await write(join(folder, changed(path, ".js")), renamed(path, code, imported));
  await write(join(folder, changed(path, ".js.map")), sourceMapText!);
  return code;
}

/** The declarations of all that the entry points need, by their modules' paths. Nothing is checked for it. */
export function declarationsOf(paths: readonly string[]): ReadonlyMap<string, string> {
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

/** A module of `@std` as one file; types of it are in no declaration of ours. */
export async function writeStd(folder: string, specifier: string): Promise<void> {
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

/** A path with another ending. */
export function changed(path: string, ending: string): string {
  return path.replace(/\.ts$/, ending);
}

/** Writes a text, and makes the folder that it needs. */
export async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

function stdModule(specifier: string): string {
  return `${specifier.slice(1).replaceAll("-", "_")}.js`;
}

function upTo(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return path.startsWith(".") ? path : `./${path}`;
}
