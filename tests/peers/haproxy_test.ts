/** HAProxy in front of a server of ours. */

import { assertEquals } from "@std/assert";
import { makeCertificates } from "../support/certificates.ts";
import { overStacks } from "../support/tls/stacks.ts";
import { assertSeen, CLIENT, goThrough } from "./front.ts";
import { haproxy } from "./haproxy.ts";
import { HAPROXY } from "./peer.ts";

HAPROXY.test("HAProxy passes WebSocket and HTTP, and X-Forwarded-For says whose", async () => {
  const seen = await goThrough(
    { trustProxy: 1 },
    ({ port }) => haproxy("http", `127.0.0.1:${port}`, "option forwardfor"),
  );
  assertSeen(seen);
  assertEquals([...new Set(seen.filtered)], ["127.0.0.1"]);
});

for (const [version, option] of [[1, "send-proxy"], [2, "send-proxy-v2"]] as const) {
  for (const mode of ["tcp", "http"]) {
    HAPROXY.test(`HAProxy passes ${mode} with version ${version} of the PROXY protocol`, async () => {
      // With its health checks, which are of nobody else.
      const seen = await goThrough(
        { proxyProtocol: true },
        ({ port }) => haproxy(mode, `127.0.0.1:${port} ${option} check inter 100ms`),
      );
      assertSeen(seen);
      assertEquals(seen.filtered.includes(CLIENT), true);
    });
  }
}

HAPROXY.test("HAProxy comes by a unix socket, with the PROXY protocol", async () => {
  const folder = await Deno.makeTempDir();
  const socketPath = `${folder}/server`;
  const seen = await goThrough(
    { socketPath, proxyProtocol: true },
    () => haproxy("http", `unix@${socketPath} send-proxy-v2`),
  );
  assertSeen(seen);
  await Deno.remove(folder, { recursive: true });
});

overStacks("HAProxy speaks TLS to us, with the PROXY protocol in front of it", async (stack) => {
  const { localhost } = await makeCertificates();
  const seen = await goThrough(
    {
      ...stack.sockets,
      proxyProtocol: true,
      sslCertFilepath: localhost.cert,
      sslPrivateKeyFilepath: localhost.key,
      allowedOrigins: ["*"],
    },
    ({ port }) => haproxy("http", `127.0.0.1:${port} ssl verify none send-proxy-v2`),
  );
  assertSeen(seen);
  assertEquals([...new Set(seen.filtered)], [CLIENT]);
}, HAPROXY.test);
