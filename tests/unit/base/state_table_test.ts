/** How code goes from one state of a table to the next. */

import { assertEquals } from "@std/assert";
import { type LogLevel, setLogLevel } from "../../../mod.ts";
import { next, type StateTable } from "../../../src/base/state_table.ts";

type Door = StateTable<"OPEN" | "SHUT", "push" | "pull">;

const door: Door = {
  name: "door",
  first: "OPEN",
  unlisted: "ignored",
  steps: { OPEN: { push: "SHUT" }, SHUT: { pull: "OPEN" } },
};

function linesOf(levels: readonly LogLevel[]): Disposable & { lines: string[] } {
  const lines: string[] = [];
  setLogLevel(levels, (level, line) => lines.push(`${level}: ${line}`));
  return { lines, [Symbol.dispose]: () => setLogLevel(["err", "warn"]) };
}

Deno.test("a listed event leads on, and the level debug tells of it", () => {
  using log = linesOf(["err", "debug"]);
  assertEquals(next(door, "OPEN", "push", 7), "SHUT");
  assertEquals(log.lines, ["debug: connection 7: door OPEN → SHUT (push)"]);
});

Deno.test("an event that a state does not list changes nothing", () => {
  using log = linesOf(["err", "debug"]);
  assertEquals(next(door, "OPEN", "pull", 7), "OPEN");
  assertEquals(log.lines, []);
});

Deno.test("where such an event is a fault, the log says so and the state stays", () => {
  using log = linesOf(["err", "debug"]);
  assertEquals(next({ ...door, unlisted: "fault" }, "OPEN", "pull", 7), "OPEN");
  assertEquals(log.lines, ['err: connection 7: door OPEN: unexpected "pull", a fault here']);
});
