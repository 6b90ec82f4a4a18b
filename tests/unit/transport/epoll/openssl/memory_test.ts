import { assertFlat } from "../../../../support/tls/failing.ts";
import { TLS_STACKS } from "../../../../support/tls/stacks.ts";

// The long form is among the tests with foreign programs.
for (const stack of TLS_STACKS.filter(({ name }) => name === "OpenSSL")) {
  Deno.test("2,000 handshakes that fail leave memory flat", () => assertFlat(stack, 2_000));
}
