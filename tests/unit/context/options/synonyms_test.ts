/** What is said to programs that bring the names of other servers. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createContext, LwsError } from "../../../../mod.ts";
import { OPTION_SCHEMA } from "../../../../src/context/option_schema.ts";
import { METHOD_SYNONYMS, OPTION_SYNONYMS } from "../../../../src/context/options/synonyms.ts";

/** What `createContext` complains of. */
function complaints(info: Record<string, unknown>): string[] {
  const given = { port: 0, fetch: () => new Response(), ...info };
  return assertThrows(() => createContext(given as never), LwsError).message.split("\n");
}

Deno.test("an option of another server is refused with what it is here", () => {
  for (const [given, meant] of Object.entries(OPTION_SYNONYMS)) {
    assertEquals(complaints({ [given]: true }), [
      `${given} is no option of createContext; did you mean ${meant}?`,
    ]);
  }
});

Deno.test("what is meant exists, and nothing that exists is said to be something else", () => {
  for (const [given, meant] of Object.entries(OPTION_SYNONYMS)) {
    assert(!Object.hasOwn(OPTION_SCHEMA, given), given);
    const isElsewhere = meant.includes("protocol");
    assert(isElsewhere || Object.hasOwn(OPTION_SCHEMA, meant), meant);
  }
  for (const given of ["open", "message", "drain", "close", "upgrade", "fetch", "receivePong"]) {
    assert(!Object.hasOwn(METHOD_SYNONYMS, given), given);
  }
});

Deno.test("an object with methods among the protocols is told of protocol()", () => {
  const [line] = complaints({ protocols: [{ name: "x", message() {} }] });
  assertEquals(
    line,
    "protocols[0].message is no member of a protocol; one with methods is made by protocol({ … })",
  );
  const [data] = complaints({ protocols: [{ name: "x", calback: 1 }] });
  assertEquals(data, "protocols[0].calback is no member of a protocol; did you mean callback?");
});
