import { assertFlatApart } from "../../../../support/tls/failing.ts";
import { TLS_STACKS } from "../../../../support/tls/stacks.ts";

// The long form is among the tests with foreign programs.
if (TLS_STACKS.some(({ name }) => name === "OpenSSL")) {
  Deno.test("2,000 handshakes that fail leave memory flat", () => assertFlatApart(2_000));
}
