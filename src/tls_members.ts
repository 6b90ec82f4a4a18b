/** The members of the creation struct for TLS, and what programs are given to add to them. */

import type { StreamConn } from "./transport/tcp.ts";
import type { TlsInfo } from "./transport/tls_info.ts";

/** A certificate with its key. Each text is PEM itself, or the path of a PEM file. */
export interface CertificateInfo {
  /** The certificate, and the intermediate ones behind it. */
  readonly cert: string;
  /** The private key of the first certificate. */
  readonly key: string;
  /** The passphrase of an encrypted key. */
  readonly passphrase?: string;
  /**
   * The host names that it is for, `*.example.com` included; the default certificate has no need of it.
   *
   * @default those of the certificate
   */
  readonly serverNames?: readonly string[];
}

/** Members of the creation struct for TLS. Files need `--allow-read` and are read at creation. */
export interface TlsMembers {
  /**
   * The certificate, and the intermediate ones behind it, as PEM text or the path of a PEM file. It
   * turns TLS on for a context that listens; on one that doesn't it is what clients show.
   *
   * @default {null}
   */
  readonly sslCertFilepath?: string | null;
  /**
   * Its private key, likewise. Without one the first protocol is asked for it, by
   * `opensslContextRequiresPrivateKey`.
   *
   * @default {null}
   */
  readonly sslPrivateKeyFilepath?: string | null;
  /** The passphrase of that key, if it is encrypted. @default {null} */
  readonly sslPrivateKeyPassword?: string | null;
  /**
   * Certificates of authorities to trust, likewise: of clients, with `options.requireValidClientCert`,
   * and of servers, beside those that the runtime trusts, or with `options.disableOsCaCerts` in place
   * of them.
   *
   * @default {null}
   */
  readonly sslCaFilepath?: string | null;
  /**
   * OpenSSL's list of ciphers. Only `"DEFAULT"`: the runtime's TLS has one list of its own, which can't
   * be changed.
   *
   * @default {"DEFAULT"}
   */
  readonly sslCipherList?: string | null;
  /** Further certificates of a server, by the host name that a client asks for (SNI). @default none */
  readonly certificates?: readonly CertificateInfo[];
  /**
   * A TLS layer of the program's own for client connections (`provided_client_ssl_ctx`): resolves with
   * the stream behind the handshake. It counts in place of all the above.
   *
   * @default {null}
   */
  readonly providedClientTls?:
    | ((hostname: string, port: number, conn: StreamConn) => Promise<StreamConn>)
    | null;
}

/** Takes further authorities to trust, in `opensslLoadExtraServerVerifyCerts` and its like. */
export interface TrustLoader {
  /**
   * Takes the certificates of a PEM text.
   *
   * @throws {LwsError} `invalid-argument` when it is none.
   */
  addCaCert(pem: string): void;
  /** Needs `--allow-read`. @throws {LwsError} `invalid-argument` when it is no PEM file of certificates. */
  addCaFile(path: string): void;
}

/** Takes the private key of the context's certificate, in `opensslContextRequiresPrivateKey`. */
export interface PrivateKeyLoader {
  /** PEM text, or the path of a PEM file. */
  setPrivateKey(pem: string, passphrase?: string): void;
}

/** A client's certificate on trial, in `opensslPerformClientCertVerification`. */
export interface ClientCertificateTrial {
  /** What is known of the connection; `peerCertificate` is there. */
  readonly info: TlsInfo;
  /** Whether the certificate is valid now and leads to a trusted authority. */
  readonly isTrusted: boolean;
}
