import { assert, assertEquals, assertFalse } from "@std/assert";
import { checkFieldLine, fieldName, HeaderFields } from "../../../../src/core/http/fields.ts";
import { assertRefused, bytesOf } from "../../../support/http_messages.ts";

Deno.test("RFC 9110 section 5.1: the case of a field name does not matter", () => {
  const fields = new HeaderFields();
  fields.add("Content-Type", "text/html");
  assertEquals(fields.get("content-type"), "text/html");
  assert(fields.has(fieldName("CONTENT-TYPE")));
  assertEquals(fields.count(fieldName("Content-type")), 1);
});

Deno.test("RFC 9110 section 5.3: repeated lines are joined in the order of arrival", () => {
  const fields = new HeaderFields();
  fields.add("a", "1");
  fields.add("b", "x");
  fields.add("A", "2");
  assertEquals(fields.get("a"), "1, 2");
  assertEquals(fields.getAll("a"), ["1", "2"]);
  assertEquals(fields.totalLength("a"), 4);
  assertEquals(fields.size, 3);
  assertEquals([...fields.entries()], [["a", "1"], ["a", "2"], ["b", "x"]]);
});

Deno.test("an absent field has no value, no lines and no length", () => {
  const fields = new HeaderFields();
  assertEquals(fields.get("a"), undefined);
  assertEquals(fields.getAll("a"), []);
  assertFalse(fields.has("a"));
  assertEquals([fields.count("a"), fields.totalLength("a"), fields.size], [0, 0, 0]);
});

Deno.test("an empty field is there", () => {
  const fields = new HeaderFields();
  fields.add("a", "");
  assert(fields.has("a"));
  assertEquals(fields.get("a"), "");
  assertEquals(fields.totalLength("a"), 0);
});

Deno.test("names of object properties are names like others", () => {
  const fields = new HeaderFields();
  for (const name of ["__proto__", "constructor", "toString"]) {
    assertFalse(fields.has(fieldName(name)));
    fields.add(name, "x");
    assertEquals(fields.get(fieldName(name)), "x");
  }
});

Deno.test("RFC 9112 section 5: a field line is a name, a colon and a value", () => {
  const colonOf = (line: string) => {
    const bytes = bytesOf(`..${line}..`);
    return checkFieldLine(bytes, 2, bytes.length - 2, 400) - 2;
  };
  for (const line of ["A:b", "a: \t b c \t", "a:", "a:b:c", "a:\x80\xff"]) {
    assertEquals(colonOf(line), 1, line);
  }
  assertEquals(colonOf("content-length:5"), 14);
});

Deno.test("a broken field line is refused with the status asked for", () => {
  const read = (line: string) => {
    const bytes = bytesOf(line);
    checkFieldLine(bytes, 0, bytes.length, 418);
  };
  assertRefused(() => read(" a: b"), 418, "folding");
  assertRefused(() => read("\ta: b"), 418, "folding");
  assertRefused(() => read("a : b"), 418, "before the colon");
  assertRefused(() => read("a\t: b"), 418, "before the colon");
  assertRefused(() => read("a b: c"), 418, "before the colon");
  assertRefused(() => read(": b"), 418, "without a name");
  assertRefused(() => read("ab"), 418, "without a colon");
  assertRefused(() => read("a(b): c"), 418, "bad header name");
  assertRefused(() => read("\xe9: c"), 418, "bad header name");
});
