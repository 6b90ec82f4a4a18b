import { assertEquals } from "@std/assert";
import { line, own, plain, thrown, traced } from "../../../../src/base/log/line.ts";

Deno.test("a stranger's text is cut and escaped, and is no part of the line's kind", () => {
  const made = line`connection ${7}: ${own(408)} ${"é\n".repeat(200)}, ${undefined}`;
  assertEquals(made.kind, "connection ..: 408 .., ..");
  assertEquals(made.text.slice(0, 36), "connection 7: 408 \\u00e9\\n\\u00e9\\n\\u");
  assertEquals(made.text.length, "connection 7: 408 ".length + 200 + "..., undefined".length);
});

Deno.test("the program's own text keeps its letters, and makes the kind; none is endless", () => {
  assertEquals(line`${own("größer\x9b")}`, { kind: "größer\\u009b", text: "größer\\u009b" });
  assertEquals(line`${own("a".repeat(2_000))}`.text.length, 1_003);
  assertEquals(plain("a\nb"), { kind: "a\\nb", text: "a\\nb" });
  assertEquals(plain("a".repeat(3_000)).text.length, 2_003);
});

Deno.test("what is thrown has its stack, and its message forges none of it", () => {
  const error = new Error("é\n    at home (forged.ts:1:1)");
  const { kind, text } = line`x: ${thrown(error)}`;
  const [head, ...frames] = text.split("\n");
  assertEquals([kind, head], ["x: ..", "x: Error: \\u00e9\\n    at home (forged.ts:1:1)"]);
  assertEquals(frames.length > 0, true);
  assertEquals(frames.filter((each) => !/^ {4}at .*(line_test|ext:|async)/.test(each)), []);
  assertEquals(line`${thrown("text\n")}`.text, "text\\n");
  const { text: told } = line`${
    traced("Error: a\nb\n    at f (x.ts:1:1)\nno frame\n    at g\x9b")
  }`;
  assertEquals(told, "Error: a\\nb\n    at f (x.ts:1:1)\n    at g\\u009b");
});
