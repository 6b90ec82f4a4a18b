/** The client's side of TLS, over connections that are made already. */

import { shown as printable } from "../base/log/escaping.ts";
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  checkServerIdentity,
  connect,
  type PeerCertificate as NodeCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import tls from "node:tls";
import type { Transport } from "../api/network.ts";
import {
  checkIdentity,
  contextOf,
  nameOf,
  outOfDate,
  plainPem,
  type TlsIdentity,
} from "./certificate.ts";
import { isMeantFor, subjectAltNameOf } from "./certificate_extensions.ts";
import { LwsError } from "../base/errors.ts";
import { handshakeFailed, PendingHandshake, type TlsHandshake } from "./handshake.ts";
import { describeCertificate, describeConnection, peerChain, readChainOnce } from "./info.ts";
import { TransportDuplex } from "./transport_duplex.ts";
import { TlsTransport } from "./transport.ts";
import { isDeno, runtime } from "../base/runtime/runtime.ts";
import type { PermissionQuery } from "../base/runtime/types.ts";

/** The authorities that a client trusts, and the certificate that it shows. */
export interface TlsClientOptions {
  /**
   * Further authorities to trust, as PEM texts of one or more certificates. Without `--allow-sys` they are
   * all there is, as those of the runtime can't be listed.
   */
  readonly ca?: readonly string[] | undefined;
  /**
   * Whether only `ca` counts, without what the runtime trusts by itself.
   *
   * @default {false}
   */
  readonly disableOsCaCerts?: boolean | undefined;
  /** The client's certificate, for servers that ask for one. */
  readonly identity?: TlsIdentity | undefined;
}

/** How one connection is made. */
export interface TlsConnectOptions {
  /** The host that is meant, a name or an IP address; its certificate has to be for it. */
  readonly serverName: string;
  /**
   * Forgives a certificate that is its own issuer, or whose issuers end in such a one; nothing else.
   *
   * @default {false}
   */
  readonly allowSelfSigned?: boolean | undefined;
}

/** A client's trust and certificate, and the handshakes that use them. */
export class TlsClient {
  readonly #context: SecureContext;

  /** @throws {LwsError} that names the member that can't be used. */
  constructor(options: TlsClientOptions = {}) {
    const identity = options.identity && checkIdentity(options.identity);
    this.#context = contextOf(identity, trusted(options));
  }

  /** Makes TLS of a connection that is not started. */
  secure(inner: Transport, options: TlsConnectOptions): TlsHandshake {
    const host = options.serverName.replace(/^\[(.*)\]$/, "$1");
    const duplex = new TransportDuplex(inner);
    const handshake = new PendingHandshake(duplex);
    const socket = connect({
      socket: duplex,
      secureContext: this.#context,
      // RFC 6066 section 3: an IP address is no server name.
      ...isIP(host) === 0 ? { servername: host } : { host },
      ALPNProtocols: ["http/1.1"],
      // Judged below, which tells the name from the chain and forgives what may be forgiven.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    readChainOnce(socket);
    socket.on("error", (error) => handshake.fail(handshakeFailed(error)));
    socket.once("secureConnect", () => {
      if (handshake.isOver) return;
      duplex.hold();
      try {
        judgeServer({
          chain: peerChain(socket),
          host,
          isForHost: isForHost(socket, host),
          authorizationError: socket.authorized ? undefined : String(socket.authorizationError),
          allowSelfSigned: options.allowSelfSigned === true,
        });
        handshake.succeed(
          new TlsTransport(socket, duplex, inner, describeServer(socket, host, options)),
        );
      } catch (error) {
        handshake.fail(error instanceof LwsError ? error : handshakeFailed(error));
        socket.destroy();
      }
    });
    duplex.begin();
    return handshake;
  }
}

/** `undefined` leaves it to the runtime, and to what its user set by `DENO_CERT`. */
function trusted(options: TlsClientOptions): readonly string[] | undefined {
  const { disableOsCaCerts } = options;
  const ca = options.ca?.map(plainPem) ?? [];
  if (disableOsCaCerts) return ca;
  if (ca.length === 0) return undefined;
  return [...runtimeAuthorities(), ...ca];
}

/**
 * The runtime's authorities, which only `--allow-sys` without a list lets be listed; no prompt is shown.
 * Whether its default has the system's as well stands in the environment, which may be out of sight.
 */
function runtimeAuthorities(): readonly string[] {
  if (!isGranted({ name: "sys" })) return [];
  return isGranted({ name: "env", variable: "NODE_USE_SYSTEM_CA" })
    ? tls.getCACertificates("default")
    : [...tls.getCACertificates("bundled"), ...tls.getCACertificates("extra")];
}

function isGranted(permission: PermissionQuery): boolean {
  return runtime.permissions.querySync(permission).state === "granted";
}

function isForHost(socket: TLSSocket, host: string): boolean {
  // The other way is wrong about these in Node 22.
  if (!isDeno && isIP(host) === 6) return peerChain(socket)[0]?.checkIP(host) !== undefined;
  const certificate = socket.getPeerCertificate() as NodeCertificate | undefined;
  return certificate?.raw !== undefined && checkServerIdentity(host, certificate) === undefined;
}

function describeServer(socket: TLSSocket, host: string, options: TlsConnectOptions) {
  const [certificate] = peerChain(socket);
  return {
    ...describeConnection(socket),
    serverName: isIP(host) === 0 ? host : undefined,
    authorized: socket.authorized,
    authorizationError: socket.authorized ? undefined : String(socket.authorizationError),
    peerCertificate: certificate && describeCertificate(certificate),
    isSsl: options.allowSelfSigned === true ? 2 as const : 1 as const,
  };
}

/** What a stack of TLS has found out. */
export interface ShownByServer {
  /** Its own certificate first; empty when it showed none. */
  readonly chain: readonly X509Certificate[];
  /** The host that is meant. */
  readonly host: string;
  /** Whether the names in its own certificate are that host's. */
  readonly isForHost: boolean;
  /** What is wrong with the chain, by the names of `node:tls`; undefined for nothing. */
  readonly authorizationError: string | undefined;
  /** Whether to forgive a chain that ends in what is its own issuer. */
  readonly allowSelfSigned: boolean;
}

/** @throws {LwsError} when the server is not one to talk to. */
export function judgeServer(shown: ShownByServer): void {
  const { chain, host, authorizationError: code } = shown;
  if (chain.length === 0) {
    throw new LwsError("tls-handshake-failed", "the server has no certificate");
  }
  for (const certificate of chain) {
    const problem = outOfDate(certificate, Date.now());
    if (problem !== undefined) throw problem;
  }
  // The runtime doesn't quote: one name with this in it would pass for two (as CVE-2021-44532).
  const names = subjectAltNameOf(chain[0]!);
  if (names && /, (?:DNS|IP Address):/i.test(latin1(names).replaceAll("\0", ""))) {
    throw new LwsError(
      "certificate-name-mismatch",
      "the server's certificate has a name that can't be one",
    );
  }
  // A dot in front stands for all hosts of a domain to OpenSSL, and for an empty label to `node:tls`.
  if (!shown.isForHost || host.startsWith(".")) {
    const named = chain[0]!.subjectAltName ?? nameOf(chain[0]!);
    throw new LwsError(
      "certificate-name-mismatch",
      `the server's certificate is for ${printable(named)}, not for ${host}`,
    );
  }
  if (!isMeantFor(chain[0]!, "server")) {
    throw new LwsError("certificate-wrong-purpose", "the server's certificate is not for servers");
  }
  if (code === undefined) return;
  const isSelfSigned = SELF_SIGNED.includes(code);
  if (shown.allowSelfSigned && isSelfSigned && isWhole(chain)) return;
  if (isSelfSigned) {
    throw new LwsError(
      "certificate-self-signed",
      `the server's certificate leads to ${printable(nameOf(chain.at(-1)!))}, ` +
        "which is self-signed and not in the CA list",
    );
  }
  throw new LwsError(
    "certificate-unknown-issuer",
    `the server's certificate was issued by ${
      printable(chain.at(-1)!.issuer.replaceAll("\n", ", "))
    }, ` +
      `whom nobody in the CA list vouches for (${code})`,
  );
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

const SELF_SIGNED = ["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN"];

/** Whether nothing is wrong with a chain but that the issuer of its last certificate is unknown. */
function isWhole(chain: readonly X509Certificate[]): boolean {
  return chain.every((certificate, i) => {
    const issuer = chain[i + 1] ?? certificate;
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey) &&
      (issuer === certificate || issuer.ca);
  });
}
