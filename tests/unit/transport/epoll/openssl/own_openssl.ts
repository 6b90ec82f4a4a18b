/** OpenSSL as a program opens it by itself, for the pointers that callbacks lend. */

const ssl = Deno.dlopen("libssl.so.3", {
  SSL_CTX_clear_options: { parameters: ["pointer", "u64"], result: "u64" },
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  SSL_CTX_load_verify_locations: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "usize"], result: "i32" },
  SSL_CTX_use_PrivateKey_file: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  SSL_get_client_CA_list: { parameters: ["pointer"], result: "pointer" },
  SSL_get_ex_data_X509_STORE_CTX_idx: { parameters: [], result: "i32" },
  SSL_get_peer_cert_chain: { parameters: ["pointer"], result: "pointer" },
  SSL_is_server: { parameters: ["pointer"], result: "i32" },
});
const crypto = Deno.dlopen("libcrypto.so.3", {
  BIO_free: { parameters: ["pointer"], result: "i32" },
  BIO_new_mem_buf: { parameters: ["buffer", "i32"], result: "pointer" },
  OPENSSL_sk_num: { parameters: ["pointer"], result: "i32" },
  PEM_read_bio_X509: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "pointer",
  },
  X509_STORE_CTX_get_error: { parameters: ["pointer"], result: "i32" },
  X509_STORE_CTX_get_ex_data: { parameters: ["pointer", "i32"], result: "pointer" },
});

const SSL_FILETYPE_PEM = 1;
const SSL_CTRL_EXTRA_CHAIN_CERT = 14;
const SSL_CTRL_SET_MAX_SEND_FRAGMENT = 52;
const SSL_OP_NO_TICKET = 1n << 14n;
/** <openssl/x509_vfy.h>: `X509_V_OK`, and that the issuer is not known. */
export const X509_V_OK = 0;
export const X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY = 20;

const cString = (text: string) => new TextEncoder().encode(`${text}\0`);
const pointer = (given: unknown) => given as Deno.PointerObject;

/** Has an `SSL_CTX` trust the authorities of a file; whether that was done. */
export function loadVerifyLocations(sslCtx: unknown, path: string): boolean {
  const { SSL_CTX_load_verify_locations } = ssl.symbols;
  return SSL_CTX_load_verify_locations(pointer(sslCtx), cString(path), null) === 1;
}

/** Gives an `SSL_CTX` the key of a file, likewise. */
export function usePrivateKeyFile(sslCtx: unknown, path: string): boolean {
  const { SSL_CTX_use_PrivateKey_file } = ssl.symbols;
  return SSL_CTX_use_PrivateKey_file(pointer(sslCtx), cString(path), SSL_FILETYPE_PEM) === 1;
}

/**
 * Has an `SSL_CTX` that asks for certificates send tickets, which have the client's in them, in records of at most
 * 512 bytes: each comes in two.
 */
export function sendLongTickets(sslCtx: unknown): void {
  ssl.symbols.SSL_CTX_clear_options(pointer(sslCtx), SSL_OP_NO_TICKET);
  ssl.symbols.SSL_CTX_set_num_tickets(pointer(sslCtx), 1n);
  ssl.symbols.SSL_CTX_ctrl(pointer(sslCtx), SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512n, null);
}

/** Has an `SSL_CTX` show a certificate, PEM text, behind each of its own. */
export function addExtraCertificate(sslCtx: unknown, pem: string): void {
  const text = cString(pem);
  const bio = crypto.symbols.BIO_new_mem_buf(text, text.length - 1);
  // It is the context's from then on.
  const certificate = crypto.symbols.PEM_read_bio_X509(bio, null, null, null);
  ssl.symbols.SSL_CTX_ctrl(pointer(sslCtx), SSL_CTRL_EXTRA_CHAIN_CERT, 0n, certificate);
  crypto.symbols.BIO_free(bio);
}

/** How many certificates the server of an `SSL` has shown. */
export function shownCertificates(of: unknown): number {
  const shown = ssl.symbols.SSL_get_peer_cert_chain(pointer(of));
  return shown === null ? 0 : crypto.symbols.OPENSSL_sk_num(shown);
}

/** How many authorities the client of an `SSL` was told of. */
export function toldAuthorities(of: unknown): number {
  const list = ssl.symbols.SSL_get_client_CA_list(pointer(of));
  return list === null ? 0 : crypto.symbols.OPENSSL_sk_num(list);
}

/** What is wrong with the certificate of an `X509_STORE_CTX`, and whether it is the one of `ssl`. */
export function trialOf(storeCtx: unknown, of: unknown): { error: number; isOf: boolean } {
  const index = ssl.symbols.SSL_get_ex_data_X509_STORE_CTX_idx();
  const own = crypto.symbols.X509_STORE_CTX_get_ex_data(pointer(storeCtx), index);
  return {
    error: crypto.symbols.X509_STORE_CTX_get_error(pointer(storeCtx)),
    isOf: Deno.UnsafePointer.equals(own, pointer(of)) && ssl.symbols.SSL_is_server(own) === 1,
  };
}
