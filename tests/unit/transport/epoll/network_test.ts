import { assert, assertEquals, assertRejects } from "@std/assert";
import type { NetworkTarget, Transport } from "../../../../src/api/network.ts";
import { epollNetwork, isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { testTransportContract } from "../transport_contract.ts";

const ipv4: NetworkTarget = { hostname: "127.0.0.1", port: 0 };
const ipv6: NetworkTarget = { hostname: "::1", port: 0 };

async function pair(target: NetworkTarget): Promise<[Transport, Transport]> {
  const network = epollNetwork();
  const listener = network.listen(target);
  const { port } = listener.address;
  const [client, server] = await Promise.all([
    network.connect({ ...target, port }, new AbortController().signal),
    listener.accept(),
  ]);
  listener.close();
  return [client, server];
}

if (isEpollAvailable()) {
  testTransportContract("epoll, IPv4", () => pair(ipv4));
  testTransportContract("epoll, IPv6", () => pair(ipv6));
  testTransportContract(
    "epoll, an abstract unix socket",
    () => pair({ ...ipv4, path: "@epoll-contract" }),
  );
}
