/** The first applications are short, or they are none. */

import { assert, assertEquals } from "@std/assert";

const EXAMPLES = new URL("../../examples/", import.meta.url);
/** What is on one server; one that is several is a little longer. */
const MOST = 40;
const MOST_OF_CLUSTER = 60;

/** How many lines of a program are neither blank nor comments. */
function codeLines(text: string): number {
  return text.split("\n").filter((line) => !/^\s*(\/\/|\/\*|\*|$)/.test(line)).length;
}

Deno.test("lines of code are those that are neither blank nor comments", () => {
  assertEquals(codeLines("/** What. */\n\n/*\n * x\n */\nlet a = 1; // a\n  // b\na++;\n"), 2);
});

const PROGRAMS = [
  ["chat.ts", MOST],
  ["chat_cluster.ts", MOST_OF_CLUSTER],
  ["dashboard.ts", MOST],
  ["rest.ts", MOST],
  ["resume.ts", MOST],
] as const;

for (const [name, most] of PROGRAMS) {
  Deno.test(`${name} has at most ${most} lines of code`, () => {
    const lines = codeLines(Deno.readTextFileSync(new URL(name, EXAMPLES)));
    assert(lines <= most, `${lines} lines`);
  });
}
