/** What makes TLS of a connection: `node:tls`, or what a network brings. */

import type { Network, Transport } from "../api/network.ts";
import type { TlsInfo, TlsMembers } from "../api/tls.ts";
import type { Settling } from "../base/outcome.ts";
import type { TlsIdentity } from "./certificate.ts";
import { TlsClient, type TlsClientOptions, type TlsConnectOptions } from "./client.ts";
import {
  type NamedIdentity,
  type SecureOptions,
  TlsServer,
  type TlsServerOptions,
} from "./server.ts";

/** A connection that is through with its handshake. */
export interface SecuredTransport extends Transport {
  /** What the handshake told. */
  readonly info: TlsInfo;
}

/** As `TlsHandshake`, of any stack. */
export interface SecuringHandshake {
  readonly done: Settling<SecuredTransport>;
  close(): void;
}

/** As {@linkcode TlsServer}. */
export interface ServerSide {
  secure(inner: Transport, options?: SecureOptions): SecuringHandshake;
  setCertificate(identity: TlsIdentity, identities?: readonly NamedIdentity[]): void;
  /** Gives back what isn't the engine's; connections that stand go on. Default: there is nothing. */
  close?(): void;
}

/** As {@linkcode TlsClient}. */
export interface ClientSide {
  secure(inner: Transport, options: TlsConnectOptions): SecuringHandshake;
  /** As {@linkcode ServerSide.close}. */
  close?(): void;
}

/** A version of TLS. */
export type TlsVersion = NonNullable<TlsMembers["sslMinVersion"]>;

/** What of the members only a stack of its own can do. */
export type TlsTuning = Pick<
  TlsMembers,
  "sslCipherList" | "sslTls13Ciphers" | "sslMinVersion" | "sslMaxVersion" | "sslGroups"
>;

/** Makes both sides. */
export interface TlsStack {
  /** @throws {LwsError} that names the member that can't be used */
  server(options: TlsServerOptions, tuning: TlsTuning): ServerSide;
  /** @throws {LwsError} likewise */
  client(options: TlsClientOptions, tuning: TlsTuning): ClientSide;
  /** @throws {LwsError} `invalid-option`, which names a member of the tuning */
  check(tuning: TlsTuning): void;
}

/** The runtime's own, which takes no tuning. */
export const nodeStack: TlsStack = {
  server: (options) => new TlsServer(options),
  client: (options) => new TlsClient(options),
  check() {},
};

const ofNetworks = new WeakMap<Network, TlsStack>();

/** Contexts over a network are to use a stack of its own. */
export function bringTlsStack(network: Network, stack: TlsStack): void {
  ofNetworks.set(network, stack);
}

/** The stack that a network brings, if it does. */
export function tlsStackOf(network: Network | undefined): TlsStack | undefined {
  return network && ofNetworks.get(network);
}
