/** The contract of transports, over each stack of TLS and between them. */

import type { ClientSide, ServerSide } from "../../../src/tls/stack.ts";
import type { Transport } from "../../../src/api/network.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { pairOn, TLS_CLIENTS, TLS_STACKS } from "../../support/tls/stacks.ts";
import { testTransportContract } from "../../support/transport_contract.ts";

const { localhost, example, ca } = await makeCertificates();
// Without the authorities of the world, which take the runtime a tenth of a second each time.
const trusting = { ca: [ca.cert], disableOsCaCerts: true };

async function secured(
  client: ClientSide,
  server: ServerSide,
  [near, far]: readonly [Transport, Transport],
  serverName = "localhost",
): Promise<[clientEnd: Transport, serverEnd: Transport]> {
  return await Promise.all([client.secure(near, { serverName }).done, server.secure(far).done]);
}

for (const stack of TLS_STACKS) {
  const { name } = stack;
  const server = stack.server({ identity: localhost });
  for (const clients of TLS_CLIENTS) {
    const client = clients.client(trusting);
    testTransportContract(
      `a client by ${clients.name} of a server by ${name}`,
      async () => secured(client, server, await clients.below()),
    );
  }

  const client = stack.client(trusting);
  const named = stack.server({ identity: localhost, identities: [example] });
  const older = stack.client(trusting, stack.tunes ? { sslMaxVersion: "TLSv1.2" } : {});
  testTransportContract(
    `${name} by server name${stack.tunes ? " and TLS 1.2" : ""}, in memory that is chopped`,
    () => {
      const below = memoryPair();
      for (const each of below) each.chop(4099);
      return secured(older, named, below, "www.example.test");
    },
  );
  testTransportContract(
    `a server by ${name} of its own client, over sockets`,
    async () => {
      const ends = await secured(client, server, await pairOn(stack.network));
      return [ends[1], ends[0]];
    },
    true,
    () => stack.network.released?.() ?? Promise.resolve(),
  );
}
