/** What tasks make of their command lines. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { oneOf, readTask, someOf, type TaskManual } from "../../../tools/task.ts";

const MANUAL: TaskManual = {
  name: "attack",
  summary: "Attacks a server.",
  options: {
    seconds: { value: "N", about: "how long" },
    network: { value: "NAME", about: "over which" },
    only: { value: "A,B", about: "these alone" },
    short: { about: "few of them" },
  },
};

/** What is printed, and with which code the program ends; what was read where it goes on. */
function read(...words: string[]): { printed: string; code: number | undefined; read?: unknown } {
  const { exit } = Deno;
  const { log, error } = console;
  let printed = "";
  let code: number | undefined;
  const print = (text: string) => void (printed += text);
  Object.assign(console, { log: print, error: print });
  Deno.exit = (given) => {
    code ??= given;
    throw new Error("the program ends");
  };
  try {
    const found = readTask(MANUAL, (args) => [
      args.number("seconds", { from: 1, to: 60 }),
      oneOf(args, "network", ["tcp", "epoll"]),
      someOf(args, "only", ["a", "b", "c"]),
      args.flag("short"),
    ], words);
    return { printed, code, read: found };
  } catch {
    return { printed, code };
  } finally {
    Deno.exit = exit;
    Object.assign(console, { log, error });
  }
}

Deno.test("a task reads its options", () => {
  assertEquals(read().read, [undefined, undefined, undefined, false]);
  const words = ["--seconds=60", "--network", "epoll", "--only", "a,c", "--short"];
  assertEquals(read(...words).read, [60, "epoll", ["a", "c"], true]);
});

for (const word of ["--help", "-h"]) {
  Deno.test(`a task that is asked for ${word} tells of its options, and does nothing else`, () => {
    const { printed, code, read: found } = read("--short", word);
    assertEquals([code, found], [0, undefined]);
    assertStringIncludes(printed, "deno task attack [OPTION]…\n\nAttacks a server.\n\nOptions:");
    assertStringIncludes(printed, "--seconds N");
  });
}

for (
  const [words, why] of [
    [["--second", "1"], "there is no option --second; did you mean --seconds?"],
    [["--verbose"], "there is no option --verbose"],
    [["--seconds"], "--seconds needs a value, N"],
    [["--seconds", "soon"], '--seconds is "soon"; allowed: a whole number from 1 to 60'],
    [["--seconds", "61"], '--seconds is "61"; allowed: a whole number from 1 to 60'],
    [["--network", "udp"], '--network is "udp"; allowed: tcp, epoll'],
    [["--only", "a,d"], '--only has "d" in it; allowed: a, b, c'],
    [["more"], '"more" is too much'],
  ] as const
) {
  Deno.test(`a task refuses ${words.join(" ")} in one line, with exit code 2`, () => {
    const { printed, code } = read(...words);
    assertEquals([printed, code], [`deno task attack: ${why}; see deno task attack --help`, 2]);
  });
}
