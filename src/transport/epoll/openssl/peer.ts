/** What a handshake has told of the other end. */

import { X509Certificate } from "node:crypto";
import type { TlsInfo } from "../../../api/tls.ts";
import type { TrialPointers } from "../../../tls/stack.ts";
import { type Openssl, type Pointer, textAt } from "./library.ts";
import type { Session } from "./session.ts";

// <openssl/x509_vfy.h>
const X509_V_OK = 0;
/** By the names that `node:tls` has for them. */
const VERDICTS: Readonly<Record<number, string>> = {
  2: "UNABLE_TO_GET_ISSUER_CERT",
  9: "CERT_NOT_YET_VALID",
  10: "CERT_HAS_EXPIRED",
  18: "DEPTH_ZERO_SELF_SIGNED_CERT",
  19: "SELF_SIGNED_CERT_IN_CHAIN",
  20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
};

// <openssl/x509v3.h>
const X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 4;
// <openssl/tls1.h>
const TLSEXT_NAMETYPE_host_name = 0;

/** What both sides know. */
export function describeSession(
  session: Session,
): Pick<TlsInfo, "protocol" | "cipher" | "alpnProtocol"> {
  const { openssl } = session.pipes;
  const ssl = session.pointer;
  const cipher = openssl.SSL_get_current_cipher(ssl);
  return {
    protocol: kept(openssl.SSL_version(ssl), () => openssl.SSL_get_version(ssl)),
    cipher: kept(openssl.SSL_CIPHER_get_id(cipher), () => openssl.SSL_CIPHER_get_name(cipher)),
    alpnProtocol: alpnOf(openssl, ssl),
  };
}

/** Texts of OpenSSL's by what it numbers: versions, which have 16 bits, and ciphers, which have a bit above them. */
const keptTexts = new Map<number, string>();

function kept(id: number, find: () => Pointer): string {
  let text = keptTexts.get(id);
  if (text === undefined) keptTexts.set(id, text = textAt(find()));
  return text;
}

/** The host that a client has asked for. */
export function askedName(session: Session): string | undefined {
  const { openssl } = session.pipes;
  return textAt(openssl.SSL_get_servername(session.pointer, TLSEXT_NAMETYPE_host_name)) ||
    undefined;
}

const alpnData = new BigUint64Array(1);
const alpnLength = new Uint32Array(1);

function alpnOf(openssl: Openssl, ssl: Pointer): string | undefined {
  openssl.SSL_get0_alpn_selected(ssl, alpnData, alpnLength);
  const length = alpnLength[0]!;
  if (length === 0) return undefined;
  const pointer = Deno.UnsafePointer.create(alpnData[0]!)!;
  const bytes = new Uint8Array(new Deno.UnsafePointerView(pointer).getArrayBuffer(length));
  return new TextDecoder("latin1").decode(bytes);
}

/** The certificates that the peer showed, its own first; empty when it showed none. */
export function chainOf(session: Session): X509Certificate[] {
  return withOwn(session, (own) => {
    if (own === null) return [];
    const { openssl } = session.pipes;
    const chain = [parsed(openssl, own)];
    const shown = openssl.SSL_get_peer_cert_chain(session.pointer);
    const count = shown === null ? 0 : openssl.OPENSSL_sk_num(shown);
    for (let i = 0; i < count; i++) {
      const next = parsed(openssl, openssl.OPENSSL_sk_value(shown, i));
      // A client's list begins with the server's own, a server's without the client's.
      if (i > 0 || !next.raw.equals(chain[0]!.raw)) chain.push(next);
    }
    return chain;
  });
}

/** What OpenSSL makes of a server's chain; undefined when nothing is wrong with it. */
export function serverVerdict(session: Session): string | undefined {
  const { openssl } = session.pipes;
  return verdictOf(openssl, Number(openssl.SSL_get_verify_result(session.pointer)));
}

/**
 * What OpenSSL makes of a client's chain: it has to be for clients, valid now, and to lead to one of the
 * context's authorities. Undefined when nothing is wrong with it.
 */
export function clientVerdict(session: Session): string | undefined {
  const { openssl } = session.pipes;
  return withOwn(session, (own) => {
    if (own === null) return "it showed none";
    const trial = openssl.X509_STORE_CTX_new();
    try {
      const isVerified = verify(session, own, trial);
      if (isVerified === undefined) return "out of memory";
      if (isVerified) return undefined;
      const code = openssl.X509_STORE_CTX_get_error(trial);
      // It never says no without an error, but what counts is that it hasn't said yes.
      return verdictOf(openssl, code) ?? "it was not verified";
    } finally {
      openssl.X509_STORE_CTX_free(trial);
      openssl.ERR_clear_error();
    }
  });
}

/** Verifies a client's chain as {@linkcode clientVerdict} says; undefined without memory for it. */
function verify(session: Session, own: Pointer, trial: Pointer): boolean | undefined {
  const { openssl } = session.pipes;
  const ssl = session.pointer;
  const store = openssl.SSL_CTX_get_cert_store(openssl.SSL_get_SSL_CTX(ssl));
  const shown = openssl.SSL_get_peer_cert_chain(ssl);
  if (openssl.X509_STORE_CTX_init(trial, store, own, shown) !== 1) return undefined;
  const purpose = new TextEncoder().encode("ssl_client\0");
  if (openssl.X509_STORE_CTX_set_default(trial, purpose) !== 1) return undefined;
  // As in a verification of OpenSSL's own.
  openssl.X509_STORE_CTX_set_ex_data(trial, openssl.SSL_get_ex_data_X509_STORE_CTX_idx(), ssl);
  return openssl.X509_verify_cert(trial) === 1;
}

/** Lends a client's trial, with what the pointers need held until `use` has returned, whatever that closes. */
export function lendTrial<T>(session: Session, use: (trial: TrialPointers) => T): T {
  const { openssl } = session.pipes;
  const ssl = session.pointer;
  if (ssl === null) return use({});
  openssl.SSL_up_ref(ssl);
  const own = openssl.SSL_get1_peer_certificate(ssl);
  let trial: Pointer = null;
  let isOver = false;
  try {
    return use({
      get ssl() {
        return isOver ? undefined : ssl;
      },
      get x509StoreCtx() {
        if (isOver || own === null || session.pointer === null) return undefined;
        if (trial === null) verify(session, own, trial = openssl.X509_STORE_CTX_new());
        return trial ?? undefined;
      },
    });
  } finally {
    isOver = true;
    if (trial !== null) openssl.X509_STORE_CTX_free(trial);
    if (own !== null) openssl.X509_free(own);
    openssl.SSL_free(ssl);
    openssl.ERR_clear_error();
  }
}

/** Whether the peer's certificate is for a host name, or for an IP address. */
export function isForHost(session: Session, host: string, isIp: boolean): boolean {
  const { openssl } = session.pipes;
  const name = new TextEncoder().encode(`${host}\0`);
  return withOwn(session, (own) => {
    if (own === null) return false;
    const result = isIp ? openssl.X509_check_ip_asc(own, name, 0) : openssl.X509_check_host(
      own,
      name,
      name.length - 1,
      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
      null,
    );
    return result === 1;
  });
}

function verdictOf(openssl: Openssl, code: number): string | undefined {
  if (code === X509_V_OK) return undefined;
  return VERDICTS[code] ?? textAt(openssl.X509_verify_cert_error_string(BigInt(code)));
}

/** Lends the peer's own certificate. */
function withOwn<T>(session: Session, use: (own: Pointer) => T): T {
  const { openssl } = session.pipes;
  const own = openssl.SSL_get1_peer_certificate(session.pointer);
  try {
    return use(own);
  } finally {
    if (own !== null) openssl.X509_free(own);
  }
}

function parsed(openssl: Openssl, certificate: Pointer): X509Certificate {
  const length = openssl.i2d_X509(certificate, null);
  const der = new Uint8Array(length);
  const address = BigUint64Array.of(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(der)) as bigint,
  );
  openssl.i2d_X509(certificate, address);
  return new X509Certificate(der);
}
