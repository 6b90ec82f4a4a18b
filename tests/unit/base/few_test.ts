import { assertEquals } from "@std/assert";
import { Few } from "../../../src/base/few.ts";

Deno.test("few things are there from when they come until they go, each once", () => {
  const few = new Few<string>();
  for (const one of ["a", "b", "c", "b"]) few.add(one);
  assertEquals([few.size, few.has("b"), few.has("d")], [3, true, false]);
  assertEquals([few.delete("a"), few.delete("a"), few.delete("d")], [true, false, false]);
  assertEquals(few.values().sort(), ["b", "c"]);
  assertEquals([few.find((one) => one > "b"), few.find((one) => one > "c")], ["c", undefined]);
  assertEquals([few.delete("c"), few.delete("b"), few.size], [true, true, 0]);
});

Deno.test("those that are given out are a copy", () => {
  const few = new Few<string>();
  few.add("a");
  const values = few.values();
  few.delete("a");
  few.add("b");
  assertEquals([values, few.values()], [["a"], ["b"]]);
});
