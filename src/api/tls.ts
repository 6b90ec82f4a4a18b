/** The members of the creation struct for TLS, and what programs are given to add to them. */

import type { StreamConn } from "./network.ts";

/**
 * A certificate with its key. Each text is PEM itself, or the path of a PEM file.
 *
 * @category TLS
 */
export interface CertificateInfo {
  /** The certificate, and the intermediate ones behind it. */
  readonly cert: string;
  /** The private key of the first certificate. */
  readonly key: string;
  /** The passphrase of an encrypted key. */
  readonly passphrase?: string;
  /**
   * The host names that it is shown for, in place of those of the certificate; `*.` stands for one
   * label. At least one has to come of it, but for the default certificate, which needs none.
   *
   * Default: those of the certificate.
   */
  readonly serverNames?: readonly string[];
}

/**
 * Members of the creation struct for TLS. Files need `--allow-read` and are read at creation, which
 * fails with `permission-denied` where that is denied, and else with `invalid-option`; both name the
 * member.
 *
 * @category TLS
 */
export interface TlsMembers {
  /**
   * The certificate, and the intermediate ones behind it, as PEM text or the path of a PEM file. It
   * turns TLS on for a context that listens; on one that doesn't it is what clients show.
   *
   * Default: `null`.
   */
  readonly sslCertFilepath?: string | null;
  /**
   * Its private key, likewise. Without one the first protocol is asked for it, by
   * `opensslContextRequiresPrivateKey`.
   *
   * Default: `null`.
   */
  readonly sslPrivateKeyFilepath?: string | null;
  /** The passphrase of that key, if it is encrypted. Default: `null`. */
  readonly sslPrivateKeyPassword?: string | null;
  /**
   * Certificates of authorities to trust, likewise: of clients, with `options.requireValidClientCert`,
   * and of servers, beside those that the runtime trusts, or with `options.disableOsCaCerts` in place
   * of them. The runtime's can be listed with `--allow-sys` only; without it these are all there is.
   * `node:tls` reads all of them for each connection of a client, 10 ms of the thread and more for those of
   * the runtime.
   *
   * Default: `null`.
   */
  readonly sslCaFilepath?: string | null;
  /**
   * The ciphers of TLS 1.2, as OpenSSL's lists have them (`openssl-ciphers(1)`), of both sides. Other than
   * `"DEFAULT"` only over `epollNetwork({ tls: "openssl" })` of `@x/lws/epoll`: the runtime's TLS has one list of
   * its own, which can't be changed. `"DEFAULT"` is `ECDHE+AESGCM:ECDHE+CHACHA20` there.
   *
   * Default: `"DEFAULT"`.
   */
  readonly sslCipherList?: string | null;
  /**
   * The ciphers of TLS 1.3 by their names, with `:` between. Only over `epollNetwork({ tls: "openssl" })`;
   * `null` leaves it to OpenSSL.
   *
   * Default: `null`.
   */
  readonly sslTls13Ciphers?: string | null;
  /**
   * The oldest version to speak, of both sides. Only over `epollNetwork({ tls: "openssl" })`; `null` is
   * `"TLSv1.2"`, or what `openssl.cnf` says where that is newer.
   *
   * Default: `null`.
   */
  readonly sslMinVersion?: "TLSv1.2" | "TLSv1.3" | null;
  /**
   * The newest one, likewise; `null` is `"TLSv1.3"`.
   *
   * Default: `null`.
   */
  readonly sslMaxVersion?: "TLSv1.2" | "TLSv1.3" | null;
  /**
   * The groups for the exchange of keys, the preferred one first: `X25519:P-256`. Only over
   * `epollNetwork({ tls: "openssl" })`; `null` leaves it to OpenSSL.
   *
   * Default: `null`.
   */
  readonly sslGroups?: string | null;
  /** Further certificates of a server, by the host name that a client asks for (SNI). Default: none. */
  readonly certificates?: readonly CertificateInfo[];
  /**
   * A TLS layer of the program's own for client connections (`provided_client_ssl_ctx`): resolves with
   * the stream behind the handshake, within `clientTimeoutMs`. It counts in place of all the above.
   * `hostname` is the name that the certificate has to be for; `conn` is the connection to the server,
   * or the tunnel to it, and is closed when the function throws or rejects, and when the connection is
   * given up meanwhile. A stream that comes too late is closed as well.
   *
   * Default: `null`.
   */
  readonly providedClientTls?:
    | ((hostname: string, port: number, conn: StreamConn) => Promise<StreamConn>)
    | null;
}

/**
 * Takes further authorities to trust. It is the `data` of `opensslLoadExtraServerVerifyCerts` and
 * `opensslLoadExtraClientVerifyCerts`, of use during that callback only.
 *
 * @category TLS
 */
export interface TrustLoader {
  /**
   * Adds the authorities of a PEM text, one or more.
   *
   * @throws {LwsError} `invalid-argument` when it is no PEM text of certificates; `invalid-state` when
   *   the callback is over.
   */
  addCaCert(pem: string): void;
  /**
   * Adds those of a PEM file. Needs `--allow-read`.
   *
   * @throws {LwsError} as {@linkcode addCaCert}; `permission-denied` when the file may not be read.
   */
  addCaFile(path: string): void;
  /**
   * OpenSSL's `SSL_CTX`, over `epollNetwork({ tls: "openssl" })`: a `Deno.PointerObject`, for calls that the program
   * opens by `Deno.dlopen` of the same `libssl.so.3`, such as `SSL_CTX_load_verify_locations`. It is valid during the
   * callback, which comes for each such context: of a server one for each certificate, whenever certificates are
   * set. Later it is `undefined`; a pointer that was kept points to memory that may be freed.
   *
   * Default: `undefined`.
   */
  readonly sslCtx?: object | undefined;
}

/**
 * Takes the private key of the context's certificate. It is the `data` of
 * `opensslContextRequiresPrivateKey`, of use during that callback only. A key that never leaves its smart
 * card can be used by {@linkcode PrivateKeyLoader.sslCtx} alone.
 *
 * @category TLS
 */
export interface PrivateKeyLoader {
  /**
   * Takes the key, in place of one that was set before.
   *
   * @param pem PEM text, or the path of a PEM file, which needs `--allow-read`
   * @param passphrase `sslPrivateKeyPassword` by default
   * @throws {LwsError} `invalid-argument` when it is neither; `permission-denied` when the file may not
   *   be read; `invalid-state` when the callback is over. The creation fails for the same reason then.
   */
  setPrivateKey(pem: string, passphrase?: string): void;
  /**
   * As {@linkcode TrustLoader.sslCtx}, with the certificate in it: in place of `setPrivateKey` the program may set
   * the key by it, as by `SSL_CTX_use_PrivateKey_file`, also one that never leaves its smart card. One that isn't
   * the certificate's fails the creation.
   *
   * Default: `undefined`.
   */
  readonly sslCtx?: object | undefined;
}

/**
 * A client's certificate on trial. It is the `data` of `opensslPerformClientCertVerification`, which comes
 * once for a connection with one, behind the TLS handshake and before anything is read.
 *
 * @category TLS
 */
export interface ClientCertificateTrial {
  /** What is known of the connection; `peerCertificate` is there. */
  readonly info: TlsInfo;
  /** Whether the certificate is valid now and leads to a trusted authority. */
  readonly isTrusted: boolean;
  /** Lets the client in whatever the verdict; a number other than 0 or a throw still drops it. */
  accept(): void;
  /**
   * OpenSSL's `SSL` of the connection, over `epollNetwork({ tls: "openssl" })`: a `Deno.PointerObject`, as
   * {@linkcode TrustLoader.sslCtx}, valid during the callback and `undefined` later.
   *
   * Default: `undefined`.
   */
  readonly ssl?: object | undefined;
  /**
   * The `X509_STORE_CTX` in which the certificate was verified, likewise: `X509_STORE_CTX_get_error` tells what is
   * wrong with it. The verification is made once more for that, when this is read first.
   *
   * Default: `undefined`.
   */
  readonly x509StoreCtx?: object | undefined;
}

/**
 * A certificate that a peer showed, as {@linkcode TlsInfo.peerCertificate} has it.
 *
 * @category TLS
 */
export interface PeerCertificate {
  /** The subject's distinguished name: `CN=…`, one attribute a line. */
  readonly subject: string;
  /** The distinguished name of the authority that signed it, likewise. */
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

/**
 * What is known of a TLS connection once its handshake is over: `wsi.tls`, and the `data` of `established`.
 *
 * @category TLS
 */
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
