/** What is known of a TLS connection once its handshake is over. */

import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** A certificate that a peer showed. */
export interface PeerCertificate {
  /** Whom it names: `CN=…`, one attribute a line. */
  readonly subject: string;
  /** Who signed it, likewise. */
  readonly issuer: string;
  /** The other names it is for, as `DNS:…, IP Address:…`; `undefined` when there are none. */
  readonly subjectAltName: string | undefined;
  /** The first moment it is valid. */
  readonly validFrom: Date;
  /** The last one. */
  readonly validTo: Date;
  /** In hexadecimal digits. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate, as pairs of hexadecimal digits with colons between. */
  readonly fingerprint256: string;
  /** The certificate itself, as PEM text. */
  readonly pem: string;
}

/** What is known of a TLS connection once its handshake is over. */
export interface TlsInfo {
  /**
   * The version: `TLSv1.2` or `TLSv1.3`; `unknown`, as the cipher, on a client that has the runtime's own
   * TLS, which tells neither (see `peerCertificate` of `clientConnect`).
   */
  readonly protocol: string;
  /** The cipher suite, by the name that OpenSSL has for it. */
  readonly cipher: string;
  /** What ALPN (RFC 7301) agreed on; `undefined` when the client offered nothing. */
  readonly alpnProtocol: string | undefined;
  /** The host name that the client asked for (SNI, RFC 6066 section 3), if it named one. */
  readonly serverName: string | undefined;
  /**
   * Whether the peer showed a certificate that passed every check. False, too, when none was asked
   * for or shown.
   */
  readonly authorized: boolean;
  /** Why not, when a certificate was asked for. */
  readonly authorizationError: string | undefined;
  /**
   * What the peer showed; `undefined` when it showed none, and on a client that has the runtime's own
   * TLS.
   */
  readonly peerCertificate: PeerCertificate | undefined;
  /**
   * 1 when the peer's certificate had to pass every check, or there was none to check; 2 on a client
   * that was told to forgive a self-signed one.
   */
  readonly isSsl: 1 | 2;
}

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
