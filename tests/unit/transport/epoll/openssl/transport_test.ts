import type { Transport } from "../../../../../src/api/network.ts";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import { epollNetwork } from "../../../../../src/transport/epoll/mod.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { testTransportContract } from "../../../../support/transport_contract.ts";

const certificates = await makeCertificates();
const stack = opensslStack();
const server = stack.server({ identity: certificates.localhost }, {});
const named = stack.server(
  { identity: certificates.localhost, identities: [certificates.example] },
  {},
);
const trusting = { ca: [certificates.ca.cert], disableOsCaCerts: true };
const client = stack.client(trusting, {});
const older = stack.client(trusting, { sslMaxVersion: "TLSv1.2" });

async function secured(near: Transport, far: Transport): Promise<[Transport, Transport]> {
  return await Promise.all([
    client.secure(near, { serverName: "localhost" }).done,
    server.secure(far).done,
  ]);
}

testTransportContract("OpenSSL from a client, in memory", () => secured(...memoryPair()));

testTransportContract("OpenSSL by server name and TLS 1.2, in memory that is chopped", async () => {
  const [near, far] = memoryPair();
  near.chop(4099);
  far.chop(4099);
  return await Promise.all([
    named.secure(far).done,
    older.secure(near, { serverName: "www.example.test" }).done,
  ]);
});

const network = epollNetwork();

testTransportContract(
  "OpenSSL over epoll",
  async () => {
    const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
    const [near, far] = await Promise.all([
      network.connect(listener.address, new AbortController().signal),
      listener.accept(),
    ]);
    listener.close();
    const [clientEnd, serverEnd] = await secured(near, far);
    return [serverEnd, clientEnd];
  },
  true,
  () => network.released!(),
);
