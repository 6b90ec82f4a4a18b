/** The long form of what `tests/unit/transport/epoll/openssl/memory_test.ts` has. */

import { assertFlatApart } from "../../support/tls/failing.ts";
import { TLS_STACKS } from "../../support/tls/stacks.ts";

if (TLS_STACKS.some(({ name }) => name === "OpenSSL")) {
  Deno.test("20,000 handshakes that fail leave memory flat", () => assertFlatApart(20_000));
}
