/** TLS clients that are played by hand, byte by byte above the handshake. */

import { X509Certificate } from "node:crypto";
import type { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import { TlsClient } from "../../src/tls/client.ts";
import type { TransportHandler } from "../../src/api/network.ts";
import type { TlsInfo } from "../../src/api/tls.ts";
import type { TestIdentity } from "./certificates.ts";
import { handshake, type HandshakeOptions, readHead, WebSocketPeer } from "./serve.ts";

export interface TlsPeerOptions {
  /** Whom the server is trusted by. */
  readonly ca: string;
  /** The client's certificate. */
  readonly identity?: TestIdentity;
  /** @default {"localhost"} */
  readonly serverName?: string;
  /** Said in front of TLS. */
  readonly preface?: string;
  readonly port?: number;
}

export interface TlsPeer {
  readonly peer: MemoryPeer;
  readonly info: TlsInfo;
  /** The end below TLS, whose `peer` is what the server accepted. */
  readonly below: MemoryTransport;
}

/** Connects and shakes hands; rejects when the server refuses. */
export async function dialTls(network: MemoryNetwork, options: TlsPeerOptions): Promise<TlsPeer> {
  const { ca, identity, serverName = "localhost", port = 80, preface } = options;
  const target = { hostname: "127.0.0.1", port };
  const below = await network.connect(target, new AbortController().signal);
  const transport = await clientOf(ca, identity)
    .secure(preface === undefined ? below : saying(below, preface), { serverName }).done;
  // Of a transport in memory it uses no more than every transport has.
  const peer = new MemoryPeer(transport as unknown as MemoryTransport);
  return { peer, info: transport.info, below };
}

/** A client, even one with a certificate that ours would not show: one that has expired since. */
function clientOf(ca: string, identity: TestIdentity | undefined): TlsClient {
  if (
    identity === undefined || Date.now() <= Date.parse(new X509Certificate(identity.cert).validTo)
  ) {
    return new TlsClient({ ca: [ca], disableOsCaCerts: true, identity });
  }
  const { now } = Date;
  Date.now = () => Date.parse(new X509Certificate(identity.cert).validTo) - 1;
  try {
    return new TlsClient({ ca: [ca], disableOsCaCerts: true, identity });
  } finally {
    Date.now = now;
  }
}

/** Connects, shakes hands and becomes a WebSocket. */
export async function openTls(
  network: MemoryNetwork,
  options: TlsPeerOptions,
  handshakeOptions?: HandshakeOptions,
): Promise<WebSocketPeer> {
  const { peer } = await dialTls(network, options);
  peer.send(handshake(handshakeOptions));
  const answer = await readHead(peer);
  if (!answer.startsWith("HTTP/1.1 101")) throw new Error(`no 101: ${answer}`);
  return new WebSocketPeer(peer, answer);
}

/** A transport that says something of its own first. */
function saying(below: MemoryTransport, preface: string): MemoryTransport {
  const unsent: Uint8Array[] = [];
  let isFree = false;
  return new Proxy(below, {
    get(target, member) {
      if (member === "start") {
        return (handler: TransportHandler) => {
          target.start({
            onBytes: (bytes) => handler.onBytes(bytes),
            onEnd: () => handler.onEnd(),
            onClose: (error) => handler.onClose(error),
            onDrain() {
              if (isFree) return handler.onDrain();
              isFree = true;
              for (const bytes of unsent) target.write(bytes);
            },
          });
          target.write(new TextEncoder().encode(preface));
        };
      }
      if (member === "write") {
        return (bytes: Uint8Array) => void (isFree ? target.write(bytes) : unsent.push(bytes));
      }
      const value = Reflect.get(target, member, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
