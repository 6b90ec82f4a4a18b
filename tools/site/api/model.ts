/** The names that the package exports, each with the page on which it is described. */

import type { Declaration, JsDoc, ModuleNode, PackageConfig, SymbolNode } from "./doc_json.ts";

/** A name with its page. */
export interface ApiSymbol {
  readonly name: string;
  readonly declarations: readonly Declaration[];
  readonly module: ApiModule;
  /** Its page, or its anchor on that of its module. */
  readonly url: string;
  readonly category: string;
  /** Whether it is a row on its module's page: a constant, of which there is no more to say. */
  readonly isRow: boolean;
}

/** An entry point. */
export interface ApiModule {
  /** As it is imported. */
  readonly specifier: string;
  readonly url: string;
  readonly doc: JsDoc;
  /** What it exports, and where that is described: it may be on another module's page. */
  readonly names: Map<string, ApiSymbol>;
}

const OTHERS = "Further";

/** The modules in the order of `deno.json`. */
export function apiModules(
  config: PackageConfig,
  nodes: readonly [entry: string, ModuleNode][],
): ApiModule[] {
  const known = new Map<string, ApiSymbol>();
  const handedOn: { key: string; target: string; name: string; module: ApiModule }[] = [];
  const modules = nodes.map(([entry, node]) => {
    const short = entry === "." ? config.name.split("/")[1]! : entry.slice(2).replaceAll("/", "-");
    const module: ApiModule = {
      specifier: entry === "." ? config.name : config.name + entry.slice(1),
      url: `api/${short}/index.html`,
      doc: node.module_doc ?? {},
      names: new Map(),
    };
    const taken = new Set(["index"]);
    for (const symbol of node.symbols) {
      const first = symbol.declarations[0]!;
      const key = keyOf(first.location);
      if (first.kind === "reference") {
        handedOn.push({ key, target: keyOf(first.def.target!), name: symbol.name, module });
        continue;
      }
      const made = known.get(`${key} ${symbol.name}`) ?? symbolOf(symbol, module, taken);
      module.names.set(symbol.name, made);
      known.set(`${key} ${symbol.name}`, made);
      if (!known.has(key)) known.set(key, made);
    }
    return module;
  });
  // What is handed on may be handed on again.
  const targets = new Map(handedOn.map(({ key, target }) => [key, target]));
  for (const { target, name, module } of handedOn) {
    let at: string | undefined = target;
    while (at !== undefined && !known.has(at)) at = targets.get(at);
    const symbol = at === undefined ? undefined : known.get(at);
    if (symbol !== undefined) module.names.set(name, symbol);
  }
  return modules;
}

/** The symbols that are described on the pages of a module. */
export function ownSymbols(module: ApiModule): ApiSymbol[] {
  return [...module.names.values()].filter((symbol) => symbol.module === module);
}

/** Finds what a text or a type names, first in the module that it stands in. */
export function finder(
  modules: readonly ApiModule[],
): (name: string, module: ApiModule) => ApiSymbol | undefined {
  return (name, module) => {
    for (const each of [module, ...modules]) {
      const symbol = each.names.get(name);
      if (symbol !== undefined) return symbol;
    }
    return undefined;
  };
}

function symbolOf(
  { name, declarations }: SymbolNode,
  module: ApiModule,
  taken: Set<string>,
): ApiSymbol {
  const first = declarations[0]!;
  const tags = first.jsDoc?.tags ?? [];
  const category = tags.find(({ kind }) => kind === "category")?.doc?.trim() ?? OTHERS;
  const isRow = first.kind === "namespace" ||
    (first.kind === "variable" && declarations.length === 1 &&
      !tags.some(({ kind }) => kind === "example"));
  const folder = module.url.replace(/index\.html$/, "");
  // Where files differ in case alone, some file systems keep one of them.
  const file = taken.has(name.toLowerCase()) ? `${name}.${first.kind}` : name;
  if (!isRow) taken.add(name.toLowerCase());
  return {
    name,
    declarations,
    module,
    url: isRow ? `${module.url}#${name}` : `${folder}${file}.html`,
    category,
    isRow,
  };
}

function keyOf({ filename, line, col }: { filename: string; line: number; col: number }): string {
  return `${filename}:${line}:${col}`;
}
