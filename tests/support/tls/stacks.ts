/** The stacks of TLS: what is tested of one is tested of all, by the one list here. */

import type { Protocol } from "../../../mod.ts";
import type { ContextCreationInfo } from "../../../mod.ts";
import type { Network, Transport } from "../../../src/api/network.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import type { TlsClientOptions } from "../../../src/tls/client.ts";
import { secureByRuntime } from "../../../src/tls/runtime_client.ts";
import type { TlsServerOptions } from "../../../src/tls/server.ts";
import {
  bringTlsStack,
  type ClientSide,
  nodeStack,
  type SecuredTransport,
  type ServerSide,
  type TlsStack,
  tlsStackOf,
  type TlsTuning,
} from "../../../src/tls/stack.ts";
import { isDeno } from "../../../src/base/runtime/runtime.ts";
import { epollNetwork, isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { detached, tcpNetwork } from "../../../src/transport/network.ts";
import { runtimeNetwork } from "../../runtime_network.ts";
import { serve, type Served } from "../serve.ts";

/** Clients by one stack. */
export interface TestedClients {
  readonly name: string;
  /** Whether a client can be told ciphers, versions and groups. */
  readonly tunes: boolean;
  client(options?: TlsClientOptions, tuning?: TlsTuning): ClientSide;
  /** A connection of a kind that they work over; both ends are to be started. */
  below(): Promise<readonly [near: Transport, far: Transport]>;
  /** The network of their sockets. */
  readonly network: Network;
}

/** Servers, clients and contexts by one stack. */
export interface TestedStack extends TestedClients {
  server(options: TlsServerOptions, tuning?: TlsTuning): ServerSide;
  /** Spread into what makes a context over sockets. */
  readonly sockets: Partial<ContextCreationInfo>;
  /** Has contexts over a network use the stack. */
  bring<Kind extends Network>(network: Kind): Kind;
  /** As `serve`, of such contexts. */
  serve(protocols: readonly Protocol[], info?: Partial<ContextCreationInfo>): Served;
}

/** Both ends of a connection of a network on loopback. */
export async function pairOn(network: Network): Promise<[near: Transport, far: Transport]> {
  const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    return await Promise.all([
      network.connect(listener.address, new AbortController().signal),
      listener.accept(),
    ]);
  } finally {
    listener.close();
  }
}

export const NODE: TestedStack = tested("node:tls", nodeStack, tcpNetwork);

/** Where there is no OpenSSL 3 it is left out. */
export const TLS_STACKS: readonly TestedStack[] = [NODE, ...openssl()];

/** The runtime's own TLS: it trusts whom it is told besides its own, and can be told nothing else. */
const RUNTIME: TestedClients = {
  name: "the runtime's TLS",
  tunes: false,
  network: runtimeNetwork,
  below: () => pairOn(runtimeNetwork),
  client: ({ ca = [] } = {}) => ({
    secure(inner, { serverName }) {
      const aborter = new AbortController();
      const options = {
        serverName: serverName.replace(/^\[(.*)\]$/, "$1"),
        ca,
        onAbandoned: () => {},
      };
      const done = secureByRuntime(detached(inner)!, options, aborter.signal);
      return {
        done: done.then(({ transport, info }): SecuredTransport =>
          Object.assign(transport, { info })
        ),
        close: () =>
          aborter.abort(new LwsError("connection-closed", "the TLS handshake was given up")),
      };
    },
  }),
};

/** All that clients can use; the runtime's TLS is for clients alone. */
export const TLS_CLIENTS: readonly TestedClients[] = isDeno ? [...TLS_STACKS, RUNTIME] : TLS_STACKS;

/**
 * Registers a test over each stack, which its name begins with.
 *
 * @param test as `test` of a foreign program that it needs
 */
export function overStacks(
  name: string,
  body: (stack: TestedStack) => Promise<void> | void,
  test: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  for (const stack of TLS_STACKS) {
    test(`${stack.name}: ${name}`, async () => {
      try {
        await body(stack);
      } finally {
        // A thread may wait for the sockets of the test a moment longer than they live.
        await stack.network.released?.();
      }
    });
  }
}

function openssl(): TestedStack[] {
  if (!isEpollAvailable()) return [];
  try {
    const network = epollNetwork({ tls: "openssl" });
    return [tested("OpenSSL", tlsStackOf(network)!, network)];
  } catch (error) {
    if (error instanceof LwsError && error.code === "unsupported") return [];
    throw error;
  }
}

function tested(name: string, stack: TlsStack, network: Network): TestedStack {
  const bring = <Kind extends Network>(to: Kind) => {
    if (stack !== nodeStack) bringTlsStack(to, stack);
    return to;
  };
  return {
    name,
    tunes: stack !== nodeStack,
    network,
    // The default, which tests of all networks put in place, has to stay the default.
    sockets: network === tcpNetwork ? {} : { network },
    server: (options, tuning = {}) => stack.server(options, tuning),
    client: (options = {}, tuning = {}) => stack.client(options, tuning),
    below: () => Promise.resolve(memoryPair()),
    bring,
    serve: (protocols, info = {}) =>
      serve(protocols, { network: bring(new MemoryNetwork()), ...info }),
  };
}
