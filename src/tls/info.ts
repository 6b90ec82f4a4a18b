/** What is known of a TLS connection once its handshake is over. */

import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { PeerCertificate, TlsInfo } from "../api/tls.ts";

/** Reads a certificate. */
export function describeCertificate(certificate: X509Certificate): PeerCertificate {
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    subjectAltName: certificate.subjectAltName,
    validFrom: new Date(certificate.validFrom),
    validTo: new Date(certificate.validTo),
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    pem: certificate.toString(),
  };
}

/** The certificates of the peer's chain, its own first; empty when it showed none. */
export function peerChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerCertificate(true);
  // A root is its own issuer.
  while (next?.raw !== undefined) {
    chain.push(new X509Certificate(next.raw));
    if (next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}

/**
 * Has a client's socket read the chain once. With authorities of its own Deno parses all of them each time it is asked,
 * some 20 ms for those of the runtime, and `node:tls` asks as well as we do.
 */
export function readChainOnce(socket: TLSSocket): void {
  const read = socket.getPeerCertificate.bind(socket) as (isWhole: boolean) => PeerChain;
  let chain: PeerChain;
  const get = (isWhole = false) => isWhole ? chain ??= read(true) : read(false);
  socket.getPeerCertificate = get as TLSSocket["getPeerCertificate"];
}

type PeerChain = DetailedPeerCertificate | null | undefined;

/** What both sides of a handshake know. */
export function describeConnection(
  socket: TLSSocket,
): Pick<TlsInfo, "protocol" | "cipher" | "alpnProtocol"> {
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher()?.name ?? "unknown",
    alpnProtocol: socket.alpnProtocol || undefined,
  };
}

/** What a server of the program's knows of a client that it has accepted, as far as the runtime lets its sockets tell. */
export function describeAccepted(socket: TLSSocket): TlsInfo {
  // Those of Bun's `node:https` have none of it.
  const isTold = typeof socket.getProtocol === "function";
  const [certificate] = isTold ? peerChain(socket) : [];
  const authorized = certificate !== undefined && socket.authorized;
  const { servername, authorizationError } = socket as
    & { servername?: string | false | null }
    & Pick<TLSSocket, "authorizationError">;
  return {
    ...isTold ? describeConnection(socket) : UNTOLD,
    serverName: servername || undefined,
    authorized,
    authorizationError: certificate === undefined || authorized
      ? undefined
      : String(authorizationError),
    peerCertificate: certificate && describeCertificate(certificate),
    isSsl: 1,
  };
}

const UNTOLD = { protocol: "unknown", cipher: "unknown", alpnProtocol: undefined };
