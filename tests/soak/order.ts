/** What the processes of a soak are told. */

import type { Network } from "../../mod.ts";
import { epollNetwork } from "../../src/transport/epoll/mod.ts";
import type { TestIdentity } from "../support/certificates.ts";

/** What comes and goes: all but `certificates` are of the clients, that is a change of the server's each round. */
export const FEATURES = [
  "plain",
  "tls",
  "rooms",
  "resumed",
  "http",
  "refused",
  "garbage",
  "certificates",
] as const;

/** The name of a feature. */
export type Feature = typeof FEATURES[number];

/** The networks, by the name that `--network` gives them; `openssl` is epoll with TLS by OpenSSL. */
export const NETWORKS = ["runtime", "epoll", "openssl"] as const;

/** The name of a network. */
export type NetworkName = typeof NETWORKS[number];

/** What both are told. */
export interface Order {
  readonly features: readonly Feature[];
  readonly network: NetworkName;
}

/** What the server is told. */
export interface ServerOrder extends Order {
  readonly folder: string;
  /** Two that take turns. */
  readonly identities: readonly [TestIdentity, TestIdentity];
  readonly leaks: boolean;
}

/** What the clients are told. */
export interface ClientOrder extends Order {
  readonly ports: readonly [plain: number, secure: number];
  readonly ca: string;
  readonly roundMs: number;
}

/** The limits that a machine with much to do needs: it is no fault of theirs here. */
const PATIENT = { headerTimeoutMs: 30_000, clientTimeoutMs: 30_000, closeTimeoutMs: 30_000 };

/** What the contexts of both have in common. */
export function contextOptions({ network }: Order): typeof PATIENT & { network?: Network } {
  if (network === "runtime") return PATIENT;
  const tls = network === "openssl" ? "openssl" : "runtime";
  return { ...PATIENT, network: epollNetwork({ tls }) };
}
