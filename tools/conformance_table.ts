/**
 * Writes `docs/conformance.md` from the names of the tests in `tests/conformance`:
 *
 * ```sh
 * deno run -A tools/conformance_table.ts
 * ```
 */

import { fromFileUrl, join } from "@std/path";
import { UNTESTED } from "../tests/conformance/untested.ts";
import { LEFT_OUT, OF_TEXT } from "../tests/conformance/versions.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
const TESTS = "tests/conformance";
/** Where the table is kept. */
export const TABLE_PATH: string = join(ROOT, "docs/conformance.md");

/** A test of a rule, or two of the same one. */
export interface TestedRule {
  readonly section: string;
  readonly sentence: string;
  /** Of a rule for endpoints: which it is tested on. */
  readonly sides: "both" | "client" | "server" | "";
  /** The file's name in `tests/conformance`. */
  readonly file: string;
}

/** Which sides a test of each kind is of. */
const SIDES: Readonly<Record<string, TestedRule["sides"]>> = {
  rule: "",
  ruleOfBoth: "both",
  ruleOfClient: "client",
  ruleOfServer: "server",
};
const CALL = /^(rule|ruleOf(?:Both|Client|Server))\(/gm;
const NAMED_CALL = /^(rule|ruleOf(?:Both|Client|Server))\(\s*("[\d.]+"),\s*("(?:[^"\\]|\\.)*"),/gm;

/** The rules in the order of their sections, then of files and lines. */
export function readRules(): TestedRule[] {
  const files = [...Deno.readDirSync(join(ROOT, TESTS))].map(({ name }) => name)
    .filter((name) => name.endsWith("_test.ts")).toSorted();
  return files.flatMap(rulesOf).toSorted((a, b) => compareSections(a.section, b.section));
}

/** The text of `docs/conformance.md`. */
export function conformanceTable(): string {
  const rules = readRules();
  const count = rules.reduce((sum, { sides }) => sum + (sides === "both" ? 2 : 1), 0);
  const tested = rules.map(({ section, sentence, sides, file }) => [
    section,
    sentence,
    sides,
    `[${file}](../${TESTS}/${file})`,
  ]);
  const untested = UNTESTED.toSorted((a, b) => compareSections(a.section, b.section))
    .map(({ section, rule, why }) => [section, rule, why]);
  const leftOut = LEFT_OUT.map(({ versions, section, sentence, why }) => [
    versions.join(", "),
    section,
    sentence,
    why,
  ]);
  const ofText = OF_TEXT.map((each) => {
    const [section, ...words] = each.split(" ");
    return [section!, words.join(" ")];
  });
  return [
    "# RFC 6455, rule by rule",
    "",
    "Each MUST and MUST NOT of RFC 6455's sections 3 to 8, of negotiation (9.1), security (10) and the",
    "handshake's fields (11.3), has a test that is named by its section, or a reason below. A rule for",
    "endpoints is tested on both sides: our server with a client that is played by hand, and our client",
    "with such a server; those of TLS with certificates of both. The Sides of such a rule are named",
    "below, and it is tested in the older versions of the protocol as well.",
    "",
    `\`deno run -A tools/conformance_table.ts\` writes this page from the names of ${count} tests.`,
    "",
    ...tableOf(["Section", "Rule", "Sides", "File"], tested),
    "",
    "## Without a test",
    "",
    ...tableOf(["Section", "Rule", "Why"], untested),
    "",
    "## Older versions",
    "",
    "The rules with Sides are tested in versions 4, 5, 6 and 8, from which 7 differs in its number alone,",
    "too, but for these:",
    "",
    ...tableOf(["Versions", "Section", "Rule", "Why"], leftOut),
    "",
    'Versions 0 and "hixie-75" have text alone, and no fragments, pings or codes. In them these are',
    "tested, the first on both sides, the second on the server's:",
    "",
    ...tableOf(["Section", "Rule"], ofText),
    "",
  ].join("\n");
}

function rulesOf(file: string): TestedRule[] {
  const source = Deno.readTextFileSync(join(ROOT, TESTS, file));
  const rules = [...source.matchAll(NAMED_CALL)].map(([, call, section, sentence]) => ({
    section: JSON.parse(section!) as string,
    sentence: JSON.parse(sentence!) as string,
    sides: SIDES[call!]!,
    file,
  }));
  const calls = [...source.matchAll(CALL)].length;
  if (rules.length !== calls) {
    throw new Error(`${file}: the names of ${calls - rules.length} rules are no literals`);
  }
  return rules;
}

function compareSections(a: string, b: string): number {
  const [left, right] = [a, b].map((each) => each.split(".").map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = (left[i] ?? -1) - (right[i] ?? -1);
    if (order !== 0) return order;
  }
  return 0;
}

/** A table as `deno fmt` lays it out. */
export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(heads), rule, ...rows.map(line)];
}

if (import.meta.main) Deno.writeTextFileSync(TABLE_PATH, conformanceTable());
