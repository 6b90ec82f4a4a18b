/** What a client connects to, and how it is told of the way there. */

import type { Transport } from "../../api/network.ts";
import type { TlsInfo } from "../../api/tls.ts";
import type { RouteStep } from "../states.ts";
import type { ClientVersion } from "../../core/websocket/handshake/opening.ts";
import type { Draft04Masking } from "../../core/websocket/wire_version.ts";

/** What hears of a way to a server. Implemented by ClientHandshake. */
export interface RouteAsker {
  /** A step of the way begins, which has its own time. */
  onStep(step: RouteStep): void;
  /** The socket is connected, over which the rest of the way goes; nothing was read from it. */
  onSocket(fd: number | undefined): void;
  /** It is there. Never called from inside the call that asked for it, as is the next one. */
  onConnected(route: Route): void;
  /** There is none. */
  onRefused(error: unknown): void;
}

/** How a client gets to its server; a context's own. */
export interface Connector {
  connect(target: RouteTarget, signal: AbortSignal, asker: RouteAsker): void;
}

/** Where to connect and what to ask for, checked and complete. */
export interface ClientTarget extends RouteTarget {
  readonly path: string;
  readonly host: string;
  /** As the program gave it. */
  readonly origin: string | undefined;
  readonly protocols: readonly string[];
  readonly headers: readonly (readonly [string, string])[];
  readonly version: ClientVersion;
  readonly draft04Masking: Draft04Masking;
  /** Whether the program gave the connection's `user` itself. */
  readonly hasUser: boolean;
  /** The most redirects to follow. */
  readonly redirects: number;
  /** How many were followed. */
  readonly redirected: number;
  /** Whether one of them led to another origin, which is not to get credentials. */
  readonly hasLeftOrigin: boolean;
}

/** Where a route ends. */
export interface RouteTarget {
  /** A host name or an IP address. */
  readonly address: string;
  readonly port: number;
  /** A unix socket in place of both. */
  readonly socketPath: string | undefined;
  /** The interface or the address to connect from; the context's own is the default. */
  readonly iface: string | undefined;
  readonly ssl: 0 | 1 | 2;
  /** Whether all has to be known of its TLS. */
  readonly peerCertificate: boolean;
  /** The host that the certificate has to be for. */
  readonly serverName: string;
}

/** A way that was found. */
export interface Route {
  readonly transport: Transport;
  readonly isSsl: 0 | 1 | 2;
  readonly tls: TlsInfo | undefined;
}

/** Where a client connects to, as messages say it. */
export function nameOf({ address, port, socketPath }: RouteTarget): string {
  return socketPath === undefined ? `${address} port ${port}` : `the unix socket ${socketPath}`;
}
