import { assertEquals, assertMatch } from "@std/assert";
import { describeError, describeFailure, messageOf } from "../../../../src/base/log/thrown.ts";

const HOSTILE = {
  toString() {
    throw new Error("no text");
  },
};

Deno.test("what is thrown may be anything", () => {
  const error = new TypeError("so");
  assertMatch(describeError(error), /^TypeError: so\n {4}at /);
  assertEquals([describeFailure(error), messageOf(error)], ["TypeError: so", "so"]);
  for (const describe of [describeError, describeFailure, messageOf]) {
    assertEquals([describe(5), describe(undefined)], ["5", "undefined"]);
    assertEquals(describe(HOSTILE), "something that can't be shown");
  }
});
