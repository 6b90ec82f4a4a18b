/** `openssl s_client` and `curl`, with a server that is made of our transports alone. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type TransportHandler, writeAndDrain } from "../../../src/api/network.ts";
import type { TlsServerOptions } from "../../../src/tls/server.ts";
import type { SecuredTransport } from "../../../src/tls/stack.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { overStacks, type TestedStack } from "../../support/tls/stacks.ts";
import { CURL, OPENSSL, output } from "../peer.ts";
import { withFiles } from "../pem_files.ts";
import { askBy } from "./openssl.ts";

const certificates = await makeCertificates();

/** Answers each request with what it knows of the connection. */
function serve(stack: TestedStack, options: Partial<TlsServerOptions> = {}) {
  const server = stack.server({ identity: certificates.localhost, ...options });
  const listener = stack.network.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Promise<void>>();
  const accepting = (async () => {
    for (;;) {
      const inner = await listener.accept().catch(() => undefined);
      if (inner === undefined) return;
      const answered = Promise.resolve(server.secure(inner).done).then(answer, () => {});
      open.add(answered);
      answered.finally(() => open.delete(answered));
    }
  })();
  return {
    port: listener.address.port,
    server,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

function answer(transport: SecuredTransport): Promise<void> {
  const { info } = transport;
  const body = [info.protocol, info.serverName, info.alpnProtocol, info.peerCertificate?.subject]
    .join(" ");
  const { promise, resolve } = Promise.withResolvers<void>();
  const handler: TransportHandler = {
    onBytes(bytes) {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      writeAndDrain(transport, new TextEncoder().encode(head + body), handler);
      return bytes.length;
    },
    onDrain: () => transport.close(),
    onEnd: () => transport.close(),
    onClose: () => resolve(),
  };
  transport.start(handler);
  return promise;
}

const ca = certificates.ca.cert;

function curl(port: number, ...args: string[]): Promise<string> {
  return withFiles(
    { ca },
    (paths) =>
      output(CURL.path, ["-sS", "--cacert", paths.ca!, ...args, `https://localhost:${port}/`]),
  );
}

overStacks("curl gets an answer over TLS 1.3 and over 1.2", async (stack) => {
  await using served = serve(stack);
  assertEquals(await curl(served.port, "--http1.1"), "TLSv1.3 localhost http/1.1 ");
  assertEquals(await curl(served.port, "--tls-max", "1.2"), "TLSv1.2 localhost http/1.1 ");
}, CURL.test);

overStacks("curl refuses a certificate for another name, and the server goes on", async (stack) => {
  await using served = serve(stack, { identity: certificates.example });
  assertStringIncludes((await curl(served.port).catch((error) => error)).message, "ended with 60");
  served.server.setCertificate(certificates.localhost);
  assertStringIncludes(await curl(served.port), "TLSv1.3");
}, CURL.test);

overStacks(
  "openssl verifies the certificate, agrees on http/1.1 and sees the orderly end",
  async (stack) => {
    await using served = serve(stack);
    const printed = await askBy(served.port, { ca, args: ["-alpn", "h2,http/1.1"] });
    assertStringIncludes(printed, "Verify return code: 0 (ok)");
    assertStringIncludes(printed, "ALPN protocol: http/1.1");
    assertStringIncludes(printed, "TLSv1.3 localhost http/1.1");
    assertEquals(printed.includes("unexpected eof"), false, printed);
  },
  OPENSSL.test,
);

overStacks("openssl is shown the certificate of the name it asks for", async (stack) => {
  await using served = serve(stack, { identities: [certificates.example] });
  for (
    const [name, subject] of [["www.example.test", "example.test"], ["elsewhere", "localhost"]]
  ) {
    const printed = await askBy(served.port, { args: ["-servername", name!] });
    assertStringIncludes(printed, `subject=CN = ${subject}`);
  }
}, OPENSSL.test);
