import { assertEquals, assertThrows } from "@std/assert";
import { LwsError, withoutStack } from "../../../src/base/errors.ts";

Deno.test("an error without a stack has all else, and those that come after it have theirs", () => {
  const before = Error.stackTraceLimit;
  const error = withoutStack(() => new LwsError("aborted", "it was"));
  assertEquals([error.code, error.message], ["aborted", "it was"]);
  assertEquals(error.stack?.includes("errors_test") ?? false, false);
  assertThrows(() =>
    withoutStack(() => {
      throw new TypeError("none");
    }), TypeError);
  assertEquals(Error.stackTraceLimit, before);
  assertEquals(new Error("b").stack?.includes("errors_test"), true);
});
