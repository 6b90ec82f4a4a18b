/** What readers of the API's pages find: uses in `mod.ts`, groups, and members of what is extended. */

import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const readText = (path: string) => Deno.readTextFile(new URL(path, root));

interface Export {
  readonly name: string;
  readonly from: string;
}

async function exportsOfMod(): Promise<Export[]> {
  const found: Export[] = [];
  const statement = /^export (?:type )?\{([^}]*)\} from "\.\/([^"]+)";$/gm;
  for (const [, names, from] of (await readText("mod.ts")).matchAll(statement)) {
    for (const name of names!.matchAll(/(?:type )?(\w+)(?:,|\s*$)/g)) {
      found.push({ name: name[1]!, from: from! });
    }
  }
  return found;
}

/** The names of an interface's own members. */
function membersOf(text: string, name: string): string[] {
  const body = text.split(`export interface ${name} `)[1]!.split(/^\}/m)[0]!;
  return [...body.matchAll(/^ {2}readonly (\w+)/gm)].map((member) => member[1]!);
}

Deno.test("the pages of the API begin with what every program uses", async () => {
  const names = (await exportsOfMod()).map(({ name }) => name);
  const first = [
    "createContext",
    "protocol",
    "handlers",
    "Protocol",
    "Wsi",
    "Context",
    "ContextCreationInfo",
  ];
  assertEquals(names.slice(0, first.length), first);
});

Deno.test("every export of mod.ts has a category", async () => {
  const without: string[] = [];
  for (const { name, from } of await exportsOfMod()) {
    const declaration = new RegExp(
      `@category (?:(?!\\*/)[^])*\\*/\\nexport (?:async )?(?:function|const|class|interface|type) ${name}\\b`,
    );
    if (!declaration.test(await readText(from))) without.push(name);
  }
  assertEquals(without, []);
});

// Pages of deno doc don't show what an interface inherits.
Deno.test("the creation struct's docstring names the members of all that it extends", async () => {
  const text = await readText("src/api/creation_info.ts");
  const docstring = text.split("export interface ContextCreationInfo ")[0]!;
  const members = [
    ...membersOf(text, "ListenInfo"),
    ...membersOf(text, "PlatformInfo"),
    ...membersOf(await readText("src/api/creation/fetch_info.ts"), "FetchInfo"),
    ...membersOf(await readText("src/api/creation/wire_info.ts"), "WireInfo"),
    ...membersOf(await readText("src/api/tls.ts"), "TlsMembers"),
    ...membersOf(await readText("src/api/limits.ts"), "Limits"),
  ];
  assertEquals(members.length > 40, true);
  assertEquals(members.filter((name) => !docstring.includes(`\`${name}\``)), []);
});
