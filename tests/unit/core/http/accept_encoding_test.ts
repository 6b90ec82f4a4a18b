import { assertEquals } from "@std/assert";
import { acceptedCodings, type ContentCoding } from "../../../../src/core/http/accept_encoding.ts";

const BOTH: readonly ContentCoding[] = ["br", "gzip"];

/** What of both codings is accepted, with `-` behind it where identity isn't. */
function accepted(value: string | undefined, offered = BOTH): string {
  const { codings, acceptsIdentity } = acceptedCodings(value, offered);
  return codings.join(" ") + (acceptsIdentity ? "" : "-");
}

Deno.test("without the field, or with an empty one, identity alone is accepted", () => {
  assertEquals(accepted(undefined), "");
  assertEquals(accepted(""), "");
});

Deno.test("codings of equal weight come in the server's order", () => {
  assertEquals(accepted("gzip, br"), "br gzip");
  assertEquals(accepted("gzip, br", ["gzip", "br"]), "gzip br");
  assertEquals(accepted("gzip;q=0.5, br;q=0.5"), "br gzip");
  assertEquals(accepted("*"), "br gzip");
});

Deno.test("a higher weight comes first", () => {
  assertEquals(accepted("gzip;q=0.9, br;q=0.899"), "gzip br");
  assertEquals(accepted("gzip, br;q=0.1, *;q=1"), "gzip br");
  assertEquals(accepted("*;q=0.2, gzip"), "gzip br");
});

Deno.test("a weight of 0 refuses, and an asterisk speaks for what isn't named", () => {
  assertEquals(accepted("gzip;q=0"), "");
  assertEquals(accepted("br;q=0, *"), "gzip");
  assertEquals(accepted("*;q=0, gzip"), "gzip-");
  assertEquals(accepted("*;q=0"), "-");
  assertEquals(accepted("*;q=0, identity;q=0.1"), "");
  assertEquals(accepted("gzip, identity;q=0"), "gzip-");
  assertEquals(accepted("identity;q=0.000, gzip;q=0.0"), "-");
});

Deno.test("identity that is wanted more than a coding goes before it", () => {
  assertEquals(accepted("identity, gzip;q=0.5"), "");
  assertEquals(accepted("identity;q=0.5, gzip;q=0.5, br;q=0.4"), "gzip");
});

Deno.test("names are of any case, blanks and empty elements count for nothing", () => {
  assertEquals(accepted(" GZIP ; Q=0.3 ,, \tBR\t"), "br gzip");
  assertEquals(accepted("x-gzip"), "gzip");
});

Deno.test("what breaks the grammar counts as if it was absent", () => {
  const broken = ["gzip;q=2", "gzip;q=1.001", "gzip;q=-1", "gzip;q=0.1234", "gzip;q=", "gzip;x=1"];
  for (const value of [...broken, "gz ip", "gzip;", "gzip;q=.5", ";q=1", "gzip;q=1;q=1"]) {
    assertEquals(accepted(value), "", value);
    assertEquals(accepted(`${value}, br`), "br", value);
  }
});

Deno.test("codings that the server has not are passed over", () => {
  assertEquals(accepted("zstd, deflate, gzip", ["gzip"]), "gzip");
  assertEquals(accepted("zstd, deflate", ["gzip"]), "");
});
