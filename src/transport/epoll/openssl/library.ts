/** OpenSSL 3 by its shared libraries: its functions, as the runtime's foreign functions. */

import { LwsError } from "../../../base/errors.ts";

/** A pointer of C. */
export type Pointer = Deno.PointerValue;

/** Where Linux has them; the permission is for a path, and not for a name. */
const FOLDERS: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/usr/lib",
];
const CRYPTO = "libcrypto.so.3";
/** <openssl/crypto.h> */
const OPENSSL_INIT_NO_ATEXIT = 0x0008_0000n;
const SSL = "libssl.so.3";

// Lengths and counts that fit are declared with 32 bits, which keeps a call a fast one: both calling conventions
// extend an argument to size_t's 64, and leave a result's low half where it is.
const CRYPTO_SYMBOLS = {
  // unsigned int OPENSSL_version_major(void)
  OPENSSL_version_major: { parameters: [], result: "u32" },
  // int OPENSSL_init_crypto(uint64_t opts, const OPENSSL_INIT_SETTINGS *settings)
  OPENSSL_init_crypto: { parameters: ["u64", "pointer"], result: "i32" },
  // unsigned long ERR_get_error(void)
  ERR_get_error: { parameters: [], result: "u32" },
  // void ERR_clear_error(void)
  ERR_clear_error: { parameters: [], result: "void" },
  // const char *ERR_reason_error_string(unsigned long e)
  ERR_reason_error_string: { parameters: ["u64"], result: "pointer" },
  // BIO *BIO_new(const BIO_METHOD *type), const BIO_METHOD *BIO_s_mem(void)
  BIO_new: { parameters: ["pointer"], result: "pointer" },
  BIO_s_mem: { parameters: [], result: "pointer" },
  // int BIO_up_ref(BIO *a), int BIO_free(BIO *a)
  BIO_up_ref: { parameters: ["pointer"], result: "i32" },
  BIO_free: { parameters: ["pointer"], result: "i32" },
  // int BIO_read(BIO *b, void *data, int dlen), int BIO_write(BIO *b, const void *data, int dlen)
  BIO_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  BIO_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  // size_t BIO_ctrl_pending(BIO *b)
  BIO_ctrl_pending: { parameters: ["pointer"], result: "u32" },
  // long BIO_ctrl(BIO *bp, int cmd, long larg, void *parg)
  BIO_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  // X509 *PEM_read_bio_X509(BIO *bp, X509 **x, pem_password_cb *cb, void *u)
  PEM_read_bio_X509: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // EVP_PKEY *PEM_read_bio_PrivateKey(BIO *bp, EVP_PKEY **x, pem_password_cb *cb, void *u)
  PEM_read_bio_PrivateKey: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "pointer",
  },
  // void EVP_PKEY_free(EVP_PKEY *key), void X509_free(X509 *a)
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  X509_free: { parameters: ["pointer"], result: "void" },
  // int i2d_X509(const X509 *a, unsigned char **pp)
  i2d_X509: { parameters: ["pointer", "buffer"], result: "i32" },
  // int X509_check_host(X509 *x, const char *chk, size_t chklen, unsigned int flags, char **peername)
  X509_check_host: { parameters: ["pointer", "buffer", "u32", "u32", "pointer"], result: "i32" },
  // int X509_check_ip_asc(X509 *x, const char *ipasc, unsigned int flags)
  X509_check_ip_asc: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
  // int OPENSSL_sk_num(const OPENSSL_STACK *), void *OPENSSL_sk_value(const OPENSSL_STACK *, int)
  OPENSSL_sk_num: { parameters: ["pointer"], result: "i32" },
  OPENSSL_sk_value: { parameters: ["pointer", "i32"], result: "pointer" },
  // STACK_OF(X509_OBJECT) *X509_STORE_get0_objects(const X509_STORE *), X509 *X509_OBJECT_get0_X509(const X509_OBJECT *)
  X509_STORE_get0_objects: { parameters: ["pointer"], result: "pointer" },
  X509_OBJECT_get0_X509: { parameters: ["pointer"], result: "pointer" },
  // int X509_STORE_add_cert(X509_STORE *ctx, X509 *x)
  X509_STORE_add_cert: { parameters: ["pointer", "pointer"], result: "i32" },
  // X509_STORE_CTX *X509_STORE_CTX_new(void), void X509_STORE_CTX_free(X509_STORE_CTX *ctx)
  X509_STORE_CTX_new: { parameters: [], result: "pointer" },
  X509_STORE_CTX_free: { parameters: ["pointer"], result: "void" },
  // int X509_STORE_CTX_init(X509_STORE_CTX *ctx, X509_STORE *, X509 *target, STACK_OF(X509) *untrusted)
  X509_STORE_CTX_init: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  // int X509_STORE_CTX_set_ex_data(X509_STORE_CTX *ctx, int idx, void *data)
  X509_STORE_CTX_set_ex_data: { parameters: ["pointer", "i32", "pointer"], result: "i32" },
  // int X509_STORE_CTX_set_default(X509_STORE_CTX *ctx, const char *name)
  X509_STORE_CTX_set_default: { parameters: ["pointer", "buffer"], result: "i32" },
  // int X509_verify_cert(X509_STORE_CTX *ctx), int X509_STORE_CTX_get_error(const X509_STORE_CTX *ctx)
  X509_verify_cert: { parameters: ["pointer"], result: "i32" },
  X509_STORE_CTX_get_error: { parameters: ["pointer"], result: "i32" },
  // const char *X509_verify_cert_error_string(long n)
  X509_verify_cert_error_string: { parameters: ["i64"], result: "pointer" },
  // int X509_STORE_CTX_set_purpose(X509_STORE_CTX *ctx, int purpose): its address
  X509_STORE_CTX_set_purpose: { type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const SSL_SYMBOLS = {
  // const SSL_METHOD *TLS_server_method(void), *TLS_client_method(void)
  TLS_server_method: { parameters: [], result: "pointer" },
  TLS_client_method: { parameters: [], result: "pointer" },
  // SSL_CTX *SSL_CTX_new(const SSL_METHOD *meth), void SSL_CTX_free(SSL_CTX *)
  SSL_CTX_new: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_free: { parameters: ["pointer"], result: "void" },
  // long SSL_CTX_ctrl(SSL_CTX *ctx, int cmd, long larg, void *parg)
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  SSL_CTX_ctrl_buffer: {
    name: "SSL_CTX_ctrl",
    parameters: ["pointer", "i32", "i64", "buffer"],
    result: "i64",
  },
  // uint64_t SSL_CTX_set_options(SSL_CTX *ctx, uint64_t op)
  SSL_CTX_set_options: { parameters: ["pointer", "u64"], result: "u64" },
  // int SSL_CTX_use_certificate(SSL_CTX *ctx, X509 *x), int SSL_CTX_use_PrivateKey(SSL_CTX *ctx, EVP_PKEY *pkey)
  SSL_CTX_use_certificate: { parameters: ["pointer", "pointer"], result: "i32" },
  SSL_CTX_use_PrivateKey: { parameters: ["pointer", "pointer"], result: "i32" },
  // int SSL_CTX_check_private_key(const SSL_CTX *ctx)
  SSL_CTX_check_private_key: { parameters: ["pointer"], result: "i32" },
  // X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *), int SSL_CTX_set_default_verify_paths(SSL_CTX *ctx)
  SSL_CTX_get_cert_store: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_set_default_verify_paths: { parameters: ["pointer"], result: "i32" },
  // STACK_OF(X509_NAME) *SSL_CTX_get_client_CA_list(const SSL_CTX *ctx), int SSL_CTX_add_client_CA(SSL_CTX *ctx, X509 *x)
  SSL_CTX_get_client_CA_list: { parameters: ["pointer"], result: "pointer" },
  SSL_CTX_add_client_CA: { parameters: ["pointer", "pointer"], result: "i32" },
  // void SSL_CTX_set_verify(SSL_CTX *ctx, int mode, SSL_verify_cb callback)
  SSL_CTX_set_verify: { parameters: ["pointer", "i32", "pointer"], result: "void" },
  // void SSL_CTX_set_cert_verify_callback(SSL_CTX *ctx, int (*cb)(X509_STORE_CTX *, void *), void *arg)
  SSL_CTX_set_cert_verify_callback: {
    parameters: ["pointer", "pointer", "pointer"],
    result: "void",
  },
  // int SSL_CTX_set_cipher_list(SSL_CTX *, const char *str), int SSL_CTX_set_ciphersuites(SSL_CTX *, const char *str)
  SSL_CTX_set_cipher_list: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_CTX_set_ciphersuites: { parameters: ["pointer", "buffer"], result: "i32" },
  // int SSL_CTX_set_session_id_context(SSL_CTX *ctx, const unsigned char *sid_ctx, unsigned int sid_ctx_len)
  SSL_CTX_set_session_id_context: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
  // int SSL_CTX_set_num_tickets(SSL_CTX *ctx, size_t num_tickets)
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "u32"], result: "i32" },
  // int SSL_CTX_set_alpn_protos(SSL_CTX *ctx, const unsigned char *protos, unsigned int protos_len)
  SSL_CTX_set_alpn_protos: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
  // void SSL_CTX_set_alpn_select_cb(SSL_CTX *ctx, SSL_CTX_alpn_select_cb_func cb, void *arg)
  SSL_CTX_set_alpn_select_cb: { parameters: ["pointer", "function", "pointer"], result: "void" },
  // int SSL_select_next_proto(unsigned char **out, unsigned char *outlen, const unsigned char *server,
  //   unsigned int server_len, const unsigned char *client, unsigned int client_len)
  SSL_select_next_proto: {
    parameters: ["pointer", "pointer", "buffer", "u32", "pointer", "u32"],
    result: "i32",
  },
  // SSL *SSL_new(SSL_CTX *ctx), int SSL_up_ref(SSL *s), void SSL_free(SSL *ssl)
  SSL_up_ref: { parameters: ["pointer"], result: "i32" },
  SSL_new: { parameters: ["pointer"], result: "pointer" },
  SSL_free: { parameters: ["pointer"], result: "void" },
  // int SSL_get_ex_data_X509_STORE_CTX_idx(void)
  SSL_get_ex_data_X509_STORE_CTX_idx: { parameters: [], result: "i32" },
  // SSL_CTX *SSL_get_SSL_CTX(const SSL *ssl)
  SSL_get_SSL_CTX: { parameters: ["pointer"], result: "pointer" },
  // void SSL_set_bio(SSL *s, BIO *rbio, BIO *wbio)
  SSL_set_bio: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  // void SSL_set_accept_state(SSL *s), void SSL_set_connect_state(SSL *s)
  SSL_set_accept_state: { parameters: ["pointer"], result: "void" },
  SSL_set_connect_state: { parameters: ["pointer"], result: "void" },
  // long SSL_ctrl(SSL *ssl, int cmd, long larg, void *parg)
  SSL_ctrl: { parameters: ["pointer", "i32", "i64", "buffer"], result: "i64" },
  // int SSL_do_handshake(SSL *s): what holds nothing but a number comes back as the number does, but never by a
  // fast call; to call by its address takes three times as long
  SSL_do_handshake: { parameters: ["pointer"], result: { struct: ["i32"] } },
  // int SSL_read(SSL *ssl, void *buf, int num), int SSL_write(SSL *ssl, const void *buf, int num)
  SSL_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  // int SSL_shutdown(SSL *s), int SSL_get_error(const SSL *s, int ret_code)
  SSL_shutdown: { parameters: ["pointer"], result: "i32" },
  SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
  // int SSL_version(const SSL *s), const char *SSL_get_version(const SSL *s)
  SSL_version: { parameters: ["pointer"], result: "i32" },
  SSL_get_version: { parameters: ["pointer"], result: "pointer" },
  // const SSL_CIPHER *SSL_get_current_cipher(const SSL *s), uint32_t SSL_CIPHER_get_id(const SSL_CIPHER *c)
  SSL_get_current_cipher: { parameters: ["pointer"], result: "pointer" },
  SSL_CIPHER_get_id: { parameters: ["pointer"], result: "u32" },
  // const char *SSL_CIPHER_get_name(const SSL_CIPHER *cipher)
  SSL_CIPHER_get_name: { parameters: ["pointer"], result: "pointer" },
  // void SSL_get0_alpn_selected(const SSL *ssl, const unsigned char **data, unsigned int *len)
  SSL_get0_alpn_selected: { parameters: ["pointer", "buffer", "buffer"], result: "void" },
  // const char *SSL_get_servername(const SSL *s, const int type)
  SSL_get_servername: { parameters: ["pointer", "i32"], result: "pointer" },
  // X509 *SSL_get1_peer_certificate(const SSL *s), STACK_OF(X509) *SSL_get_peer_cert_chain(const SSL *s)
  SSL_get1_peer_certificate: { parameters: ["pointer"], result: "pointer" },
  SSL_get_peer_cert_chain: { parameters: ["pointer"], result: "pointer" },
  // long SSL_get_verify_result(const SSL *ssl)
  SSL_get_verify_result: { parameters: ["pointer"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols =
  & Deno.DynamicLibrary<typeof CRYPTO_SYMBOLS>["symbols"]
  & Omit<Deno.DynamicLibrary<typeof SSL_SYMBOLS>["symbols"], "SSL_do_handshake">;

/** The functions by their names in C; tests count them, and put faults between. */
export interface Openssl extends Symbols {
  /** May call back, which a fast call must not. */
  SSL_do_handshake(ssl: Pointer): number;
  /** An `SSL_CTX_alpn_select_cb_func` that picks HTTP/1.1, or else HTTP/1.0, and refuses all else. */
  readonly selectAlpn: Deno.PointerObject<unknown>;
}

/** RFC 7301 section 3.1: what we speak, in the order of preference. */
export const ALPN_SERVER: Uint8Array<ArrayBuffer> = alpnList("http/1.1", "http/1.0");
export const ALPN_CLIENT: Uint8Array<ArrayBuffer> = alpnList("http/1.1");

function alpnList(...names: string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    names.map((name) => String.fromCharCode(name.length) + name).join(""),
  );
}

// <openssl/ssl.h>, <openssl/tls1.h>
const OPENSSL_NPN_NEGOTIATED = 1;
const SSL_TLSEXT_ERR_OK = 0;
const SSL_TLSEXT_ERR_ALERT_FATAL = 2;

let opened: Openssl | undefined;

/**
 * OpenSSL, opened once a program.
 *
 * @throws {LwsError} `unsupported` where there is no version 3 of it; `permission-denied` without
 *   `--allow-ffi`.
 */
export function openOpenssl(): Openssl {
  return opened ??= load();
}

function load(): Openssl {
  const crypto = openAny(CRYPTO, CRYPTO_SYMBOLS);
  const ssl = openAny(SSL, SSL_SYMBOLS);
  // At its end the process would free what threads of other workers may still use: the system does it anyway.
  crypto.OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, null);
  const major = crypto.OPENSSL_version_major();
  if (major !== 3) {
    throw new LwsError("unsupported", `tls: "openssl" needs OpenSSL 3, and this is ${major}`);
  }
  const selectAlpn = new Deno.UnsafeCallback(
    {
      parameters: ["pointer", "pointer", "pointer", "pointer", "u32", "pointer"],
      result: "i32",
    },
    (_ssl, out, outLength, offered, offeredLength) => {
      const { length } = ALPN_SERVER;
      const found = ssl.SSL_select_next_proto(
        out,
        outLength,
        ALPN_SERVER,
        length,
        offered,
        offeredLength,
      );
      return found === OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    },
  );
  return {
    ...crypto,
    ...ssl,
    SSL_do_handshake(pointer) {
      const bytes = ssl.SSL_do_handshake(pointer);
      return bytes[0]! | bytes[1]! << 8 | bytes[2]! << 16 | bytes[3]! << 24;
    },
    selectAlpn: selectAlpn.pointer as Deno.PointerObject<unknown>,
  };
}

/** Opens a library in one of the folders. */
function openAny<Table extends Deno.ForeignLibraryInterface>(
  name: string,
  table: Table,
): Deno.DynamicLibrary<Table>["symbols"] {
  const paths = FOLDERS.map((folder) => `${folder}/${name}`);
  const missing: unknown[] = [];
  for (const path of paths) {
    try {
      return Deno.dlopen(path, table).symbols;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) {
        throw new LwsError(
          "permission-denied",
          `tls: "openssl" calls ${name}; run with --allow-ffi`,
          { cause: error },
        );
      }
      missing.push(error);
    }
  }
  throw new LwsError(
    "unsupported",
    `tls: "openssl" finds no ${name} of OpenSSL 3: ${paths.join(", ")}`,
    {
      cause: missing.find((each) => !/cannot open shared object/.test(String(each))) ?? missing[0],
    },
  );
}

/** The text at a pointer to characters; empty for none. */
export function textAt(pointer: Pointer): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** The texts of all errors that are queued, which leave the queue; empty when there is none. */
export function queuedErrors(openssl: Openssl): string {
  const texts: string[] = [];
  for (let code = openssl.ERR_get_error(); code !== 0; code = openssl.ERR_get_error()) {
    texts.push(textAt(openssl.ERR_reason_error_string(BigInt(code))) || `error ${code}`);
  }
  return texts.join(", ");
}

/**
 * Empties the queue of errors, by which OpenSSL judges a call that returns no more than its failure. To ask whether
 * there is one costs a fifth of clearing what is empty.
 */
export function dropErrors(openssl: Openssl): void {
  if (openssl.ERR_get_error() !== 0) openssl.ERR_clear_error();
}
