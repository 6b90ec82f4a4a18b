/** That nothing is missing: every name of five generations, with its shape and with a test. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import * as main from "../../../mod.ts";
import * as compat from "../../../src/compat/mod.ts";
import { CONSTANTS } from "./constants.ts";
import { FUNCTIONS, HELPERS } from "./functions.ts";
import { REASON_ROWS } from "./reasons.ts";
import { MEMBERS } from "./structs.ts";
import { type GenerationName, GENERATIONS, type Row } from "./types.ts";
import type { Api } from "../support.ts";

const TESTS = fromFileUrl(new URL("../../", import.meta.url));
const SOURCES = fromFileUrl(new URL("../../../src/compat/", import.meta.url));
const ROWS: readonly Row[] = [...FUNCTIONS, ...HELPERS, ...REASON_ROWS, ...CONSTANTS, ...MEMBERS];
const EXTRAS: Record<GenerationName, readonly string[]> = {
  nov10: ["overNetwork", "serverContext"],
  feb11: ["overNetwork"],
  oct12: ["box", "libwebsocket_internal_extensions", "overNetwork"],
  mar13: ["box", "overNetwork"],
  dec15: ["box", "overNetwork"],
};

const apiOf = (generation: GenerationName): Api => compat[generation];

Deno.test("the matrices have all rows", () => {
  assertEquals(FUNCTIONS.map(({ id }) => id), Array.from({ length: 38 }, (_, i) => `F${two(i)}`));
  assertEquals(REASON_ROWS.map(({ id }) => id), Array.from({ length: 43 }, (_, i) => `R${two(i)}`));
  assertEquals(MEMBERS.length, 47 + 1);
});

const two = (index: number) => String(index + 1).padStart(2, "0");

for (const generation of GENERATIONS) {
  const api = apiOf(generation);

  Deno.test(`${generation}: every function has its name and its number of arguments`, () => {
    for (const { names, arguments: counts } of [...FUNCTIONS, ...HELPERS]) {
      const name = names[generation];
      const count = counts?.[generation];
      if (name === undefined || count === undefined) continue;
      assertEquals(typeof api[name], "function", name);
      assertEquals(api[name].length, count, name);
    }
  });

  Deno.test(`${generation}: every reason has its number, and no other one`, () => {
    const expected = REASON_ROWS.flatMap(({ name, numbers }) =>
      numbers[generation] === undefined ? [] : [[`LWS_CALLBACK_${name}`, numbers[generation]]]
    );
    const actual = Object.entries(api).filter(([name]) => name.startsWith("LWS_CALLBACK_"));
    assertEquals(Object.fromEntries(actual), Object.fromEntries(expected));
  });

  Deno.test(`${generation}: every constant has its number`, () => {
    // A name may have rows for generations that number it in different ways.
    const known = CONSTANTS.filter(({ values }) => values[generation] !== undefined);
    const expected = new Map(known.map(({ name, values }) => [name, values[generation]]));
    for (const { name } of CONSTANTS) assertEquals(api[name], expected.get(name), name);
  });

  Deno.test(`${generation}: nothing is exported that no row names`, () => {
    const named = new Set<string>([
      ...[...FUNCTIONS, ...HELPERS].flatMap(({ names }) => names[generation] ?? []),
      ...REASON_ROWS.map(({ name }) => `LWS_CALLBACK_${name}`),
      ...CONSTANTS.map(({ name }) => name),
      ...EXTRAS[generation],
    ]);
    assertEquals(Object.keys(api).filter((name) => !named.has(name)), []);
  });

  Deno.test(`${generation}: prototypes are types that it exports`, async () => {
    const types = await typesOf(generation);
    for (const { names, arguments: counts } of FUNCTIONS) {
      const name = names[generation];
      if (name === undefined || counts !== undefined) continue;
      assert(types.has(name), name);
    }
  });
}

/** What `deno doc --json` says of an entry point. */
interface Documented {
  readonly nodes: Record<string, {
    readonly symbols: readonly {
      readonly name: string;
      readonly declarations: readonly {
        readonly kind: string;
        readonly def: { readonly tsType?: { readonly repr?: string } };
      }[];
    }[];
  }>;
}

/** The type aliases that a generation exports, and for what each stands where that has a name. */
async function typesOf(generation: GenerationName): Promise<Map<string, string | undefined>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", join(SOURCES, `${generation}.ts`)],
    stderr: "null",
  }).output();
  const { nodes }: Documented = JSON.parse(new TextDecoder().decode(stdout));
  const aliases = Object.values(nodes).flatMap(({ symbols }) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.filter(({ kind }) => kind === "typeAlias").map(({ def }) =>
        [name, def.tsType?.repr] as const
      )
    )
  );
  return new Map(aliases);
}

/** The enums that each document names, and the one that headers are counted by. */
const ENUMS: Record<GenerationName, string> = {
  nov10: "libwebsocket_callback_reasons libwebsocket_write_protocol",
  feb11: "libwebsocket_callback_reasons libwebsocket_write_protocol",
  oct12: "libwebsocket_callback_reasons libwebsocket_extension_callback_reasons " +
    "libwebsocket_write_protocol pending_timeout lws_token_indexes",
  mar13: "libwebsocket_callback_reasons libwebsocket_extension_callback_reasons " +
    "libwebsocket_write_protocol pending_timeout lws_token_indexes",
  dec15: "lws_callback_reasons lws_extension_callback_reasons lws_write_protocol " +
    "pending_timeout lws_token_indexes",
};

for (const generation of GENERATIONS) {
  Deno.test(`${generation}: the enums of its document are types of numbers`, async () => {
    const types = await typesOf(generation);
    for (const name of ENUMS[generation].split(" ")) {
      assertEquals(types.get(name), "number", name);
    }
  });
}

Deno.test("the names of December 2015 are those of the entry point itself", () => {
  for (const [name, value] of Object.entries(compat.dec15)) {
    assertEquals((compat as Api)[name], value, name);
  }
});

Deno.test("every row is covered by a test that there is", async () => {
  const titles = new Map<string, readonly string[]>();
  for (const [file] of ROWS.map(({ test }) => test)) {
    if (!titles.has(file)) titles.set(file, await titlesOf(file));
  }
  const missing = ROWS.filter(({ test: [file, title] }) => {
    // A part of a title that differs from row to row is left open.
    const parts = title.split(/\$\{\w+\}/).map((part) => RegExp.escape(part));
    return !titles.get(file)!.some((each) => new RegExp(parts.join(".*")).test(each));
  });
  assertEquals(missing.map(({ test }) => test), []);
});

/** The titles that a file of tests, or a folder's, register: they are loaded once more, and test nothing. */
async function titlesOf(place: string): Promise<readonly string[]> {
  const titles: string[] = [];
  const files = place.endsWith("/")
    ? [...Deno.readDirSync(join(TESTS, place))].map(({ name }) => place + name)
    : [place];
  const { test } = Deno;
  Object.assign(Deno, { test: (title: string) => titles.push(title) });
  try {
    for (const file of files) await import(`${toFileUrl(join(TESTS, file))}?titles`);
  } finally {
    Object.assign(Deno, { test });
  }
  return titles;
}

Deno.test("what rows name of the main API is there", () => {
  const source = [
    "mod.ts",
    "src/api/context.ts",
    "src/api/wsi.ts",
    "src/api/http/answer.ts",
    "src/api/http/request.ts",
    "src/api/protocol.ts",
    "src/api/reasons.ts",
  ]
    .map((path) => Deno.readTextFileSync(join(TESTS, "..", path))).join("\n");
  const names = ROWS.flatMap(({ main: name }) => /^(?:context|wsi)\.(\w+)$/.exec(name)?.[1] ?? []);
  assertEquals(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(source)), []);
  const exported = [...FUNCTIONS, ...HELPERS].map(({ main: name }) => name)
    .filter((name) => /^\w+$/.test(name) && /^[a-z]/.test(name));
  assertEquals(exported.filter((name) => !(name in main)), []);
  const reasons = REASON_ROWS.map(({ main: name }) => name).filter((name) => /^\w+$/.test(name));
  assertEquals(reasons.filter((name) => !new RegExp(`^  ${name}: `, "m").test(source)), []);
});

Deno.test("every member of a struct is accepted where it is listed", () => {
  for (const { struct, member, generations } of MEMBERS) {
    for (const generation of generations) {
      assert(acceptsMember(generation, struct, member), `${generation}: ${struct}.${member}`);
    }
  }
});

/** Whether the source of a generation, or what it shares, declares a member of a struct. */
function acceptsMember(generation: GenerationName, struct: string, member: string): boolean {
  if (struct === "lws_context_creation_info" && ["feb11", "oct12"].includes(generation)) {
    // Arguments then; one was called otherwise.
    const argument = member === "iface" ? "interf" : member;
    const source = Deno.readTextFileSync(join(SOURCES, `${generation}.ts`));
    const [, list = ""] = /function libwebsocket_create_context\(([^)]*)\)/.exec(source) ?? [];
    return new RegExp(`^\\s*${argument}: `, "m").test(list);
  }
  const files = [
    `${generation}.ts`,
    "engine/structs.ts",
    "engine/placements.ts",
    "../api/service.ts",
  ];
  const pattern = new RegExp(`^\\s+(?:readonly )?${member}(?:\\?: |: |\\()`, "m");
  return files.some((file) => pattern.test(Deno.readTextFileSync(join(SOURCES, file))));
}
