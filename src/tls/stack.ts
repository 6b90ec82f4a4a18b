/** What makes TLS of a connection: `node:tls`, or what a network brings. */

import type { Network, Transport } from "../api/network.ts";
import type { ClientCertificateTrial, TlsInfo, TlsMembers } from "../api/tls.ts";
import type { Settling } from "../base/outcome.ts";
import type { TlsIdentity } from "./certificate.ts";
import type { GivenKey } from "./context/loaders.ts";
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
  /** Lends a client's certificate on trial as the stack has it. Default: it has none to lend. */
  lendTrial?<T>(use: (trial: TrialPointers) => T): T;
}

/** Pointers that last as long as the call they are lent for; made when they are asked for. */
export type TrialPointers = Pick<ClientCertificateTrial, "ssl" | "x509StoreCtx">;

/** As {@linkcode SecuredTransport.lendTrial}, or without pointers where there is none. */
export function lendTrial<T>(
  transport: SecuredTransport,
  use: (trial: TrialPointers | undefined) => T,
): T {
  return transport.lendTrial === undefined ? use(undefined) : transport.lendTrial(use);
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
  /** Whether there is no authority for clients; undefined where that is for the options to say. */
  readonly trustsNobody?: boolean | undefined;
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

/** What the program adds to contexts of a stack that lends them: to each one, while it is being made. */
export interface Additions {
  /** Authorities to trust, as PEM texts, beside those that it adds by the pointer. */
  trust(sslCtx: object): readonly string[];
  /**
   * The key of an identity that has none; undefined where it was set by the pointer.
   *
   * @throws {LwsError} when there is none
   */
  privateKey(sslCtx: object): GivenKey | undefined;
}

/** Makes both sides. */
export interface TlsStack {
  /** Whether the program is lent each context as it is made, by the {@linkcode Additions}. */
  readonly lendsContexts: boolean;
  /** @throws {LwsError} that names the member that can't be used */
  server(options: TlsServerOptions, tuning: TlsTuning, additions?: Additions): ServerSide;
  /** @throws {LwsError} likewise */
  client(options: TlsClientOptions, tuning: TlsTuning, additions?: Additions): ClientSide;
  /** @throws {LwsError} `invalid-option`, which names a member of the tuning */
  check(tuning: TlsTuning): void;
}

/** The runtime's own, which takes no tuning. */
export const nodeStack: TlsStack = {
  lendsContexts: false,
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
