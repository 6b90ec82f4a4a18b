import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { TlsClient } from "../../../src/tls/client.ts";
import { TlsServer } from "../../../src/tls/server.ts";
import type { Transport } from "../../../src/api/network.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { testTransportContract } from "../../support/transport_contract.ts";

const certificates = await makeCertificates();
const server = new TlsServer({ identity: certificates.localhost });
const client = new TlsClient({ ca: [certificates.ca.cert] });

async function secured(near: Transport, far: Transport): Promise<[Transport, Transport]> {
  return await Promise.all([
    client.secure(near, { serverName: "localhost" }).done,
    server.secure(far).done,
  ]);
}

async function tcpPair(): Promise<[Transport, Transport]> {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const pair = await Promise.all([
    tcpNetwork.connect(listener.address, new AbortController().signal),
    listener.accept(),
  ]);
  listener.close();
  return pair;
}

testTransportContract("TLS from a client, in memory", () => secured(...memoryPair()));

testTransportContract("TLS from a server, in memory", async () => {
  const [near, far] = await secured(...memoryPair());
  return [far, near];
});

testTransportContract("TLS in memory that is chopped", async () => {
  const [near, far] = memoryPair();
  near.chop(4099);
  far.chop(4099);
  return await secured(near, far);
});

testTransportContract("TLS by server name, in memory", async () => {
  const identities = [certificates.example];
  const named = new TlsServer({ identity: certificates.localhost, identities });
  const [near, far] = memoryPair();
  return await Promise.all([
    named.secure(far).done,
    client.secure(near, { serverName: "www.example.test" }).done,
  ]);
});

testTransportContract("TLS over TCP", async () => secured(...await tcpPair()));

testTransportContract("TLS from a server over TCP", async () => {
  const [near, far] = await secured(...await tcpPair());
  return [far, near];
});
