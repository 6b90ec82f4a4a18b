/** What connections of one kind share in OpenSSL: an `SSL_CTX`, with certificates, authorities and rules. */

import { LwsError } from "../../../base/errors.ts";
import {
  type CheckedIdentity,
  checkIdentity,
  keyRefused,
  plainPem,
} from "../../../tls/certificate.ts";
import type { Additions, TlsTuning } from "../../../tls/stack.ts";
import { ALPN_CLIENT, type Openssl, type Pointer, queuedErrors } from "./library.ts";
import { tune } from "./tuning.ts";

// <openssl/ssl.h>
const SSL_CTRL_MODE = 33;
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_CTRL_GET_EXTRA_CHAIN_CERTS = 82;
const SSL_CTRL_CHAIN_CERT = 89;
const SSL_CTRL_BUILD_CERT_CHAIN = 105;
const SSL_SESS_CACHE_OFF = 0n;
const SSL_MODE_RELEASE_BUFFERS = 0x10n;
const SSL_OP_NO_TICKET = 1n << 14n;
const SSL_OP_NO_COMPRESSION = 1n << 17n;
const SSL_OP_CIPHER_SERVER_PREFERENCE = 1n << 22n;
const SSL_OP_NO_RENEGOTIATION = 1n << 30n;
const SSL_VERIFY_PEER = 1;
const SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR = 0x8n;
const SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR = 0x10n;

/** How an {@linkcode OpensslContext} is made. */
export interface OpensslContextOptions {
  readonly side: "server" | "client";
  readonly identity: CheckedIdentity | undefined;
  /** Authorities, as PEM texts of one or more. */
  readonly ca: readonly string[];
  /** Whether the system's authorities count as well. */
  readonly trustsSystem: boolean;
  /** Whether a server asks clients for a certificate. */
  readonly asksForCertificate: boolean;
  readonly tuning: TlsTuning;
  readonly additions?: Additions | undefined;
}

/** It holds one reference; each connection has one of its own. */
export class OpensslContext {
  readonly side: "server" | "client";
  readonly #openssl: Openssl;
  #pointer: Pointer;

  /** @throws {LwsError} that names the member that can't be used */
  constructor(openssl: Openssl, options: OpensslContextOptions) {
    this.side = options.side;
    this.#openssl = openssl;
    openssl.ERR_clear_error();
    const isServer = options.side === "server";
    this.#pointer = openssl.SSL_CTX_new(
      isServer ? openssl.TLS_server_method() : openssl.TLS_client_method(),
    );
    if (this.#pointer === null) throw new LwsError("unsupported", queuedErrors(openssl));
    try {
      this.#setUp(options);
      if (isServer) this.#setUpServer(options);
      else openssl.SSL_CTX_set_alpn_protos(this.#pointer, ALPN_CLIENT, ALPN_CLIENT.length);
      // In the order of the C library, which has the program's word on all but the certificate.
      this.#trust(options);
      if (options.identity === undefined) return;
      this.#use(options.identity, options.additions);
      this.#completeChain();
    } catch (error) {
      this.free();
      throw error;
    }
  }

  /** Null once it is freed. */
  get pointer(): Pointer {
    return this.#pointer;
  }

  /** Whether no authority has been added to those it trusts. */
  get trustsNobody(): boolean {
    return this.#authorities.length === 0;
  }

  /** Connections that stand keep what they need of it. Harmless when repeated. */
  free(): void {
    const pointer = this.#pointer;
    if (pointer === null) return;
    this.#pointer = null;
    this.#openssl.SSL_CTX_free(pointer);
  }

  #setUp({ trustsSystem, tuning }: OpensslContextOptions): void {
    const openssl = this.#openssl;
    const context = this.#pointer;
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null);
    openssl.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A session that is not resumed by a ticket of this very context is not resumed.
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, null);
    tune(openssl, context, tuning);
    if (trustsSystem) openssl.SSL_CTX_set_default_verify_paths(context);
  }

  #trust({ ca, additions, asksForCertificate }: OpensslContextOptions): void {
    const openssl = this.#openssl;
    const context = this.#pointer!;
    const given = additions?.trust(context) ?? [];
    const store = openssl.SSL_CTX_get_cert_store(context);
    for (const pem of [...ca, ...given]) {
      certificatesIn(openssl, plainPem(pem), (certificate) => {
        openssl.X509_STORE_add_cert(store, certificate);
      });
    }
    if (!asksForCertificate) return;
    // Clients are told whose certificates count, unless the program has said that by the pointer.
    const told = openssl.SSL_CTX_get_client_CA_list(context);
    if (told !== null && openssl.OPENSSL_sk_num(told) > 0) return;
    for (const each of this.#authorities) openssl.SSL_CTX_add_client_CA(context, each);
  }

  /** The authorities that are loaded; those of a folder are when they are needed. */
  get #authorities(): Pointer[] {
    const openssl = this.#openssl;
    const store = openssl.SSL_CTX_get_cert_store(this.#pointer);
    const objects = openssl.X509_STORE_get0_objects(store);
    const count = objects === null ? 0 : openssl.OPENSSL_sk_num(objects);
    return Array.from(
      { length: count },
      (_, i) => openssl.X509_OBJECT_get0_X509(openssl.OPENSSL_sk_value(objects, i)),
    ).filter((each) => each !== null);
  }

  #setUpServer({ asksForCertificate }: OpensslContextOptions): void {
    const openssl = this.#openssl;
    const context = this.#pointer;
    openssl.SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    openssl.SSL_CTX_set_alpn_select_cb(context, openssl.selectAlpn, null);
    const id = crypto.getRandomValues(new Uint8Array(32));
    openssl.SSL_CTX_set_session_id_context(context, id, id.length);
    // Each costs a twelfth of a handshake. One is what a client that comes back needs, and it gets a new one then.
    openssl.SSL_CTX_set_num_tickets(context, 1);
    if (!asksForCertificate) return;
    // What a resumed session was verified for can't be told: each connection is verified itself.
    openssl.SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    openssl.SSL_CTX_set_num_tickets(context, 0);
    openssl.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, null);
    // The verdict is ours, behind the handshake. A function that says yes: with 0 as its second argument
    // this one sets nothing, and returns 1.
    openssl.SSL_CTX_set_cert_verify_callback(context, openssl.X509_STORE_CTX_set_purpose, null);
  }

  #use(identity: CheckedIdentity, additions: Additions | undefined): void {
    const openssl = this.#openssl;
    const context = this.#pointer;
    let isFirst = true;
    certificatesIn(openssl, identity.cert, (certificate) => {
      // Each takes a reference of its own.
      const isUsed = isFirst
        ? openssl.SSL_CTX_use_certificate(context, certificate) === 1
        : openssl.SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1n, certificate) === 1n;
      isFirst = false;
      if (isUsed) return;
      throw identity.refusal("sslCertFilepath", queuedErrors(openssl));
    });
    const pem = identity.key ?? this.#askForKey(identity, additions);
    if (pem === undefined) return;
    const key = inMemory(
      openssl,
      pem,
      (bio) => openssl.PEM_read_bio_PrivateKey(bio, null, null, null),
    );
    try {
      if (key !== null && openssl.SSL_CTX_use_PrivateKey(context, key) === 1) return;
      throw keyRefused(new Error(queuedErrors(openssl)), identity.refusal);
    } finally {
      openssl.EVP_PKEY_free(key);
    }
  }

  /**
   * A certificate without others, ours or the program's, is shown with those that the context trusts and that lead to
   * it: OpenSSL would look for them in each handshake.
   */
  #completeChain(): void {
    const openssl = this.#openssl;
    const context = this.#pointer;
    const others = new BigUint64Array(1);
    openssl.SSL_CTX_ctrl_buffer(context, SSL_CTRL_GET_EXTRA_CHAIN_CERTS, 0n, others);
    if (others[0] !== 0n) return;
    const flags = SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR | SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR;
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_BUILD_CERT_CHAIN, flags, null);
    // Whatever is wrong with it, the handshake says.
    openssl.ERR_clear_error();
  }

  /** The key that the program gives, decrypted; undefined where it has set it by the pointer. */
  #askForKey(identity: CheckedIdentity, additions: Additions | undefined): string | undefined {
    const openssl = this.#openssl;
    const given = additions?.privateKey(this.#pointer!);
    if (given !== undefined) return checkIdentity({ ...identity, ...given }).key;
    openssl.ERR_clear_error();
    if (openssl.SSL_CTX_check_private_key(this.#pointer) === 1) return undefined;
    throw keyRefused(
      new Error(
        `opensslContextRequiresPrivateKey has not given one, nor set one that fits: ${
          queuedErrors(openssl)
        }`,
      ),
      identity.refusal,
    );
  }
}

/** Reads the certificates of a PEM text in its plain form; each is freed behind `use`. */
function certificatesIn(
  openssl: Openssl,
  pem: string,
  use: (certificate: Pointer) => void,
): void {
  inMemory(openssl, pem, (bio) => {
    for (;;) {
      const certificate = openssl.PEM_read_bio_X509(bio, null, null, null);
      if (certificate === null) break;
      try {
        use(certificate);
      } finally {
        openssl.X509_free(certificate);
      }
    }
  });
  // The end of the text is an error to the parser.
  openssl.ERR_clear_error();
}

/** Lends a BIO with a text in it. */
function inMemory<T>(openssl: Openssl, text: string, use: (bio: Pointer) => T): T {
  const bio = openssl.BIO_new(openssl.BIO_s_mem());
  try {
    const bytes = new TextEncoder().encode(text);
    openssl.BIO_write(bio, bytes, bytes.length);
    return use(bio);
  } finally {
    openssl.BIO_free(bio);
  }
}
