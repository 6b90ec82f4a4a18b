/** The first applications are short, or they are none. */

import { assert, assertEquals } from "@std/assert";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const MOST = 40;

/** How many lines of a program are neither blank nor comments. */
function codeLines(text: string): number {
  return text.split("\n").filter((line) => !/^\s*(\/\/|\/\*|\*|$)/.test(line)).length;
}

Deno.test("lines of code are those that are neither blank nor comments", () => {
  assertEquals(codeLines("/** What. */\n\n/*\n * x\n */\nlet a = 1; // a\n  // b\na++;\n"), 2);
});

for (const name of ["chat.ts", "dashboard.ts", "rest.ts", "resume.ts"]) {
  Deno.test(`${name} has at most ${MOST} lines of code`, () => {
    const lines = codeLines(Deno.readTextFileSync(new URL(name, EXAMPLES)));
    assert(lines <= MOST, `${lines} lines`);
  });
}
