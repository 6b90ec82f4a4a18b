/** The sans-I/O part stands on the language alone. */

import { assertEquals } from "@std/assert";

const root = new URL("../../src/", import.meta.url);

/** The files that a file imports, itself among them. */
async function graphOf(file: URL, found = new Map<string, string>()): Promise<Map<string, string>> {
  if (found.has(file.href)) return found;
  const text = await Deno.readTextFile(file);
  found.set(file.href, text);
  for (const [, from] of text.matchAll(/^(?:import|export|\}) ?[^"\n]* ?from "([^"]+)";$/gm)) {
    if (from!.startsWith(".")) await graphOf(new URL(from!, file), found);
    else found.set(from!, "");
  }
  return found;
}

Deno.test("what @x/lws/core imports has neither Deno nor node: in it, nor a package", async () => {
  const graph = await graphOf(new URL("core/mod.ts", root));
  const foreign = [...graph.keys()].filter((name) => !/\/src\/(?:base|core)\//.test(name));
  assertEquals(foreign, []);
  const code = (text: string) => text.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  const bound = [...graph].filter(([, text]) =>
    /\b(?:Deno|process|Buffer|SharedArrayBuffer)\b|"node:/.test(code(text))
  );
  assertEquals(bound.map(([name]) => name.replace(root.href, "")), []);
  assertEquals(graph.size > 25, true, `${graph.size} files`);
});
