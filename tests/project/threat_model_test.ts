/** What docs/threat-model.md says is there: its tests, its limits with their defaults, its attacks. */

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../src/api/limits.ts";
import { DEFAULT_HISTORY, DEFAULT_MEMORY_BOUNDS } from "../../src/api/topics/broker.ts";
import { DEFAULT_TOPIC_LIMITS } from "../../src/api/topics/limits.ts";
import { ATTACKS } from "../attacks/list/mod.ts";

const root = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/threat-model.md", root));
const linesOfTables = page.split("\n").filter((line) => line.startsWith("|"));

Deno.test("each test that the threat model names is there", async () => {
  const links = [...page.matchAll(/\]\((\.\.\/[^)#]+|[\w/-]+\.md)\)/g)].map(([, path]) => path!);
  const missing: string[] = [];
  for (const path of links) {
    await Deno.stat(new URL(path, new URL("docs/", root))).catch(() => missing.push(path));
  }
  assertEquals(missing, []);
  assertEquals(links.length > 30, true);
});

Deno.test("each limit that it names has the default that it says", () => {
  const units: Record<string, number> = {
    "KiB": 2 ** 10,
    "MiB": 2 ** 20,
    "s": 1000,
    "bytes/s": 1,
    "": 1,
  };
  const named: Record<string, number> = {};
  for (
    const [, name, number, unit] of page.matchAll(
      /`(\w+)` \(([\d,]+|off) ?(KiB|MiB|bytes\/s|s)?[^)]*\)/g,
    )
  ) {
    named[name!] = number === "off"
      ? Infinity
      : Number(number!.replaceAll(",", "")) * units[unit ?? ""]!;
  }
  const limits: Readonly<Record<string, number>> = {
    ...DEFAULT_LIMITS,
    ...DEFAULT_TOPIC_LIMITS,
    ...DEFAULT_HISTORY,
    ...DEFAULT_MEMORY_BOUNDS,
  };
  for (const [name, value] of Object.entries(named)) {
    assertEquals([name, value], [name, limits[name] === 0 ? Infinity : limits[name]]);
  }
  assertEquals(Object.keys(named).length > 15, true, Object.keys(named).join());
});

Deno.test("each attack of the suite stands in one row, and none besides", () => {
  const known = ATTACKS.map(({ name }) => name);
  const rows = (name: string) =>
    linesOfTables.filter((line) => line.split("|")[1]!.includes(`\`${name}\``));
  assertEquals(known.filter((name) => rows(name).length !== 1), []);
  const named = linesOfTables.flatMap((line) =>
    [...line.split("|")[1]!.matchAll(/`([a-z][a-z0-9-]*)`/g)].map(([, name]) => name!)
  );
  assertEquals(named.filter((name) => !known.includes(name)), []);
});
