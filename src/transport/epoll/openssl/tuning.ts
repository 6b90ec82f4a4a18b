/** Ciphers, versions and groups, as a context is told them. */

import { describeValue } from "../../../base/check.ts";
import { LwsError } from "../../../base/errors.ts";
import type { TlsTuning, TlsVersion } from "../../../tls/stack.ts";
import type { Openssl, Pointer } from "./library.ts";

// <openssl/ssl.h>, <openssl/tls1.h>
const SSL_CTRL_SET_GROUPS_LIST = 92;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
const SSL_CTRL_GET_MIN_PROTO_VERSION = 130;
const SSL_CTRL_GET_MAX_PROTO_VERSION = 131;
const VERSIONS: Readonly<Record<TlsVersion, bigint>> = { "TLSv1.2": 0x0303n, "TLSv1.3": 0x0304n };

/** Forward secrecy and authenticated encryption, in TLS 1.2 as TLS 1.3 has them by itself. */
const DEFAULT_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20";

/**
 * Sets what an `SSL_CTX` offers and takes.
 *
 * @throws {LwsError} `invalid-option`, which names the option, and the part of it that OpenSSL doesn't know
 */
export function tune(openssl: Openssl, context: Pointer, tuning: TlsTuning): void {
  const { sslMinVersion, sslMaxVersion, sslCipherList, sslTls13Ciphers, sslGroups } = tuning;
  // `openssl.cnf` may be stricter than our defaults, and yields to what the context is told; 0 stands for no bound.
  const bound = (get: number) => openssl.SSL_CTX_ctrl(context, get, 0n, null);
  const highest = VERSIONS[sslMaxVersion ?? "TLSv1.3"];
  const least = isGiven(sslMinVersion)
    ? VERSIONS[sslMinVersion]
    : within(bound(SSL_CTRL_GET_MIN_PROTO_VERSION), VERSIONS["TLSv1.2"], highest);
  const most = isGiven(sslMaxVersion)
    ? highest
    : within(bound(SSL_CTRL_GET_MAX_PROTO_VERSION) || highest, least, highest);
  openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, least, null);
  openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, most, null);
  const isDefault = (sslCipherList ?? "DEFAULT") === "DEFAULT";
  const setCiphers = (list: string) =>
    openssl.SSL_CTX_set_cipher_list(context, cString(list)) === 1;
  if (!isDefault) {
    // OpenSSL passes over what it doesn't know, unless nothing is left.
    eachKnown("sslCipherList", sslCipherList!, /[:, ;]+/, "ciphers", (part) => {
      // What is taken away, an order, or a level.
      if (/^[!@-]/.test(part)) return true;
      return setCiphers(part.replace(/^\+/, ""));
    });
  }
  const ciphers = isDefault ? DEFAULT_CIPHERS : sslCipherList!;
  if (!setCiphers(ciphers)) refuse("sslCipherList", ciphers, "a list that leaves a cipher");
  if (isGiven(sslTls13Ciphers)) {
    eachKnown("sslTls13Ciphers", sslTls13Ciphers, /:/, "TLS 1.3's ciphers", (part) => {
      return TLS13_CIPHERS.includes(part);
    });
    if (openssl.SSL_CTX_set_ciphersuites(context, cString(sslTls13Ciphers)) !== 1) {
      refuse("sslTls13Ciphers", sslTls13Ciphers, TLS13_CIPHERS.join(", "));
    }
  }
  if (isGiven(sslGroups)) {
    const setGroups = (list: string) =>
      openssl.SSL_CTX_ctrl_buffer(context, SSL_CTRL_SET_GROUPS_LIST, 0n, cString(list)) === 1n;
    eachKnown("sslGroups", sslGroups, /:/, "groups, such as X25519 and P-256", setGroups);
    if (!setGroups(sslGroups)) refuse("sslGroups", sslGroups, "each group once");
  }
  openssl.ERR_clear_error();
}

/** RFC 8446 appendix B.4. */
const TLS13_CIPHERS: readonly string[] = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_CCM_SHA256",
  "TLS_AES_128_CCM_8_SHA256",
];

function eachKnown(
  option: keyof TlsTuning,
  list: string,
  separator: RegExp,
  what: string,
  isKnown: (part: string) => boolean,
): void {
  const unknown = list.split(separator).find((part) => !isKnown(part));
  if (unknown === undefined) return;
  refuse(option, list, `a list of ${what}; the library has no ${describeValue(unknown)}`);
}

function refuse(option: keyof TlsTuning, value: string, allowed: string): never {
  throw new LwsError("invalid-option", `${option} is ${describeValue(value)}; allowed: ${allowed}`);
}

function within(value: bigint, least: bigint, most: bigint): bigint {
  return value < least ? least : value > most ? most : value;
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
