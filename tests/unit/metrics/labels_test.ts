/** The labels that a program may give. */

import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import { checkLabels } from "../../../src/metrics/labels.ts";

Deno.test("labels have the names that Prometheus allows, and are taken when they are given", () => {
  assertEquals(checkLabels("f", undefined), {});
  const labels = { _a1: "x", instance: "", Region: 'a "north"\n' };
  const taken = checkLabels("f", labels);
  assertEquals(taken, labels);
  labels.Region = "south";
  assertEquals(taken.Region, 'a "north"\n');
});

Deno.test("a label's name that is none, that Prometheus keeps, or that samples have is refused", () => {
  for (const name of ["", "1a", "a-b", "a b", "é", "__a", "protocol", "role", "code", "context"]) {
    const error = assertThrows(() => checkLabels("f", { [name]: "x" }), LwsError);
    assertEquals(error.code, "invalid-argument");
    assertEquals(error.message.startsWith(`f: a label's name is ${JSON.stringify(name)}; `), true);
  }
});

Deno.test("labels that are no object of texts are refused", () => {
  for (
    const labels of [null, 1, "x", ["x"], new Map(), { a: 1 }, { a: undefined }, { a: "\ud800" }]
  ) {
    assertThrows(() => checkLabels("f", labels as Record<string, string>), LwsError, "f: labels");
  }
});
