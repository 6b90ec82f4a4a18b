/** What `Retry-After` asks for. */

import { assertEquals } from "@std/assert";
import { HeaderFields } from "../../../../src/core/http/fields.ts";
import { retryAfterOf } from "../../../../src/core/http/retry_after.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;

function asked(value?: string, date?: string): number | undefined {
  const fields = new HeaderFields();
  if (value !== undefined) fields.add("Retry-After", value);
  if (date !== undefined) fields.add("Date", date);
  return retryAfterOf(fields, NOW);
}

Deno.test("Retry-After is seconds", () => {
  assertEquals([asked("0"), asked(" 120 "), asked("007")], [0, 120, 7]);
});

Deno.test("Retry-After is a date, from the answer's own Date or from now", () => {
  assertEquals(asked("Fri, 02 Jan 2026 03:05:05 GMT"), 60);
  assertEquals(asked("Fri, 02 Jan 2026 03:05:05 GMT", "Fri, 02 Jan 2026 03:05:00 GMT"), 5);
  assertEquals(asked("Fri, 02 Jan 2026 03:05:05 GMT", "today"), 60);
  assertEquals(asked("Fri, 02 Jan 2026 03:00:00 GMT"), 0, "in the past");
});

Deno.test("what is neither asks for nothing", () => {
  for (const value of [undefined, "", "-1", "1.5", "soon", "1, 2", "1e3"]) {
    assertEquals(asked(value), undefined, value);
  }
});
