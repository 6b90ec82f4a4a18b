import { assertEquals } from "@std/assert";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import type { TlsServerOptions } from "../../../../../src/tls/server.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { Recorder } from "../../../../support/transport_contract.ts";
import { addExtraCertificate, shownCertificates } from "./own_openssl.ts";

const { localhost, ca, foreignCa } = await makeCertificates();
const stack = opensslStack();

/** How many certificates a client is shown. */
async function shown(options: TlsServerOptions, use: (sslCtx: unknown) => void = () => {}) {
  const server = stack.server(options, {}, {
    trust: (sslCtx) => (use(sslCtx), []),
    privateKey: () => undefined,
  });
  const client = stack.client({ ca: [ca.cert], disableOsCaCerts: true }, {});
  const [near, far] = memoryPair();
  const [peer, own] = await Promise.all([
    client.secure(near, { serverName: "localhost" }).done,
    server.secure(far).done,
  ]);
  const count = peer.lendTrial!(({ ssl }) => shownCertificates(ssl));
  const ends = [peer, own].map((each) => new Recorder(each));
  for (const each of ends) each.transport.close();
  for (const each of ends) await each.until(() => each.count("close") === 1);
  client.close!();
  server.close!();
  return count;
}

Deno.test("a certificate without others is shown with those that the server trusts", async () => {
  assertEquals(await shown({ identity: localhost }), 1);
  assertEquals(await shown({ identity: localhost, ca: [foreignCa.cert] }), 1);
  assertEquals(await shown({ identity: localhost, ca: [foreignCa.cert, ca.cert] }), 2);
});

Deno.test("what stands behind a certificate is shown as it is", async () => {
  const cert = localhost.cert + foreignCa.cert + foreignCa.cert;
  assertEquals(await shown({ identity: { ...localhost, cert }, ca: [ca.cert] }), 3);
});

Deno.test("what the program adds to a certificate is shown as it is", async () => {
  const add = (sslCtx: unknown) => {
    for (const { cert } of [foreignCa, foreignCa]) addExtraCertificate(sslCtx, cert);
  };
  assertEquals(await shown({ identity: localhost }, add), 3);
  assertEquals(await shown({ identity: localhost, ca: [ca.cert] }, add), 3);
});
