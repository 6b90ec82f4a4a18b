import { assertEquals, assertMatch } from "@std/assert";
import { describeError, describeFailure, messageOf } from "../../../../src/base/log/thrown.ts";

const HOSTILE = {
  toString() {
    throw new Error("no text");
  },
};

const ASKED_NOTHING = new Proxy({}, {
  getPrototypeOf() {
    throw new Error("trap");
  },
});

Deno.test("what is thrown may be anything", () => {
  const error = new TypeError("so");
  assertMatch(describeError(error), /^TypeError: so\n {4}at /);
  assertEquals([describeFailure(error), messageOf(error)], ["TypeError: so", "so"]);
  for (const describe of [describeError, describeFailure, messageOf]) {
    assertEquals([describe(5), describe(undefined)], ["5", "undefined"]);
    assertEquals(describe(HOSTILE), "something that can't be shown");
    assertEquals(describe(ASKED_NOTHING), "something that can't be shown");
  }
});
