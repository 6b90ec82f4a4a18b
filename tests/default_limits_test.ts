/** What the documents say of the limits' defaults. */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../src/api/limits.ts";

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, import.meta.url));
}

Deno.test("the default that the docstring of a limit names is its default", () => {
  const source = read("../src/api/limits.ts");
  const [limits] = source.split("export const DEFAULT_LIMITS");
  const named = [...limits!.matchAll(/@default \{(\w+)\}[^;]*?readonly (\w+):/g)];
  const told = Object.fromEntries(named.map(([, value, name]) => [name, Number(value)]));
  assertEquals(told, { ...DEFAULT_LIMITS });
});

const UNITS: Readonly<Record<string, number>> = {
  "B/s": 1,
  s: 1000,
  KiB: 1024,
  MiB: 1024 * 1024,
};

Deno.test("the defaults that the guide to HTTP lists are those of the limits", () => {
  const rows = [...read("../docs/guide/http.md").matchAll(/^\| `(\w+)` +\| (\d+) (\S+) +\|/gm)];
  assert(rows.length >= 9, `${rows.length} rows`);
  for (const [, name, value, unit] of rows) {
    assertEquals(Number(value) * UNITS[unit!]!, DEFAULT_LIMITS[name as "maxBodySize"], name);
  }
});
