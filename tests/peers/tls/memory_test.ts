/** The long form of what `tests/unit/transport/epoll/openssl/memory_test.ts` has. */

import { assertFlat } from "../../support/tls/failing.ts";
import { TLS_STACKS } from "../../support/tls/stacks.ts";

for (const stack of TLS_STACKS.filter(({ name }) => name === "OpenSSL")) {
  Deno.test("20,000 handshakes that fail leave memory flat", () => assertFlat(stack, 20_000));
}
