/** A certificate with its key: what one end shows the other. */

import { shown } from "../base/log/escaping.ts";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { LwsError } from "../base/errors.ts";
import { type Refusal, refusedOption, type TlsField } from "./refusal.ts";
import { runtime } from "../base/runtime/runtime.ts";

/** A certificate with its key, as PEM text; {@linkcode readPem} reads files. */
export interface TlsIdentity {
  /** The certificate, and the intermediate ones behind it. */
  readonly cert: string;
  /** The private key of the first certificate; undefined where the stack is given it otherwise. */
  readonly key: string | undefined;
  /** The key's passphrase, when it is encrypted. */
  readonly passphrase?: string | undefined;
  /**
   * How it is refused, by the names that it was given under.
   *
   * @default as the members of the creation struct
   */
  readonly refusal?: Refusal | undefined;
}

/** An identity that was found good. */
export interface CheckedIdentity {
  /** As {@linkcode plainPem} writes it. */
  readonly cert: string;
  /** The key, decrypted, where there was one. */
  readonly key: string | undefined;
  /** The host names that the first certificate is for, `*.` included. */
  readonly hostNames: readonly string[];
  readonly refusal: Refusal;
}

/**
 * Checks that the parts of an identity can be used, now, and with each other: `node:tls` itself
 * would say nothing before the first handshake.
 *
 * @throws {LwsError} that names the member at fault.
 */
export function checkIdentity(identity: TlsIdentity, now: number = Date.now()): CheckedIdentity {
  const { refusal = refusedOption } = identity;
  const chain = parseCertificates(identity.cert, "sslCertFilepath", refusal);
  const key = identity.key === undefined
    ? undefined
    : decryptKey(identity.key, identity.passphrase, refusal);
  const own = chain[0]!;
  if (key !== undefined && !own.checkPrivateKey(key)) throw keyOfAnother(chain, key, refusal);
  for (const certificate of chain) {
    const problem = outOfDate(certificate, now);
    if (problem !== undefined) throw refusal("sslCertFilepath", problem.message);
  }
  return {
    cert: chain.join(""),
    key: key?.export({ type: "pkcs8", format: "pem" }) as string | undefined,
    hostNames: hostNamesOf(own),
    refusal,
  };
}

/** Makes what `node:tls` calls a context. */
export function contextOf(
  identity: CheckedIdentity | undefined,
  ca: readonly string[] | undefined,
): SecureContext {
  try {
    return createSecureContext({
      ...identity && { cert: identity.cert, key: identity.key },
      ...ca && { ca: [...ca] },
    });
  } catch (cause) {
    throw keyRefused(cause, identity?.refusal);
  }
}

/** `node:tls` itself refuses keys that are too short. */
export function keyRefused(cause: unknown, refusal: Refusal = refusedOption): LwsError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return refusal("sslPrivateKeyFilepath", why, cause);
}

/** What the runtime's TLS signs with; another kind would fail every handshake. */
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

/** A certificate in a sentence. */
export function nameOf(certificate: X509Certificate): string {
  return certificate.subject?.replaceAll("\n", ", ") || certificate.subjectAltName || "no name";
}

const BEGIN = "-----BEGIN";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Reads PEM text: what contains `-----BEGIN` is that text, all else the path of a file, which needs
 * `--allow-read`.
 *
 * @throws {LwsError} that names `field`, when the file can't be read or has no PEM in it.
 */
export function readPem(
  pathOrPem: string,
  field: TlsField,
  refusal: Refusal = refusedOption,
): string {
  if (pathOrPem.includes(BEGIN)) return pathOrPem;
  // What looks like a key without its frame is not repeated, as messages end in logs.
  if (/[\r\n]/.test(pathOrPem) || /^[A-Za-z0-9+/=]{100,}$/.test(pathOrPem)) {
    throw refusal(field, `it is neither a path nor PEM text: it has no ${BEGIN} line`);
  }
  let text: string;
  try {
    text = runtime.readTextFileSync(pathOrPem);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw refusal(field, `can't read ${shown(pathOrPem)}: ${why}`, cause);
  }
  if (text.includes(BEGIN)) return text;
  throw refusal(field, `${shown(pathOrPem)} is not a PEM file: it has no ${BEGIN} line`);
}

/**
 * The certificates in PEM text, in order.
 *
 * @throws {LwsError} that names `field`, when there is none, or one can't be parsed.
 */
export function parseCertificates(
  pem: string,
  field: TlsField,
  refusal: Refusal = refusedOption,
): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    throw refusal(field, "there is no -----BEGIN CERTIFICATE----- block in it");
  }
  return blocks.map((block, i) => {
    try {
      // Node takes no empty line in it.
      const certificate = new X509Certificate(block.replaceAll(/[\r\n]\s*/g, "\n"));
      // Names in bytes that are no text are refused only when they are read.
      void (certificate.subject, certificate.issuer);
      return certificate;
    } catch (cause) {
      throw refusal(field, `certificate ${i + 1} can't be parsed`, cause);
    }
  });
}

/**
 * The certificates alone, as each stack reads them: what it makes nothing of, such as a byte order mark or a begin
 * amid a line, it would pass over without a word.
 */
export function plainPem(pem: string): string {
  return parseCertificates(pem, "sslCaFilepath").join("");
}

function decryptKey(key: string, passphrase: string | undefined, refusal: Refusal): KeyObject {
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    throw refusal("sslPrivateKeyFilepath", "there is no private key in it");
  }
  if (isEncrypted && passphrase === undefined) {
    throw refusal("sslPrivateKeyPassword", "the private key is encrypted and needs one");
  }
  let parsed: KeyObject;
  try {
    parsed = createPrivateKey(isEncrypted ? { key, passphrase: passphrase! } : key);
  } catch (cause) {
    if (isEncrypted) {
      throw refusal("sslPrivateKeyPassword", "it doesn't decrypt the private key", cause);
    }
    throw refusal("sslPrivateKeyFilepath", "the private key can't be parsed", cause);
  }
  checkKind(parsed, refusal);
  return parsed;
}

function checkKind(key: KeyObject, refusal: Refusal): void {
  const type = key.asymmetricKeyType;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (type === "rsa" || type === "ed25519") return;
  if (type === "ec" && CURVES.includes(curve!)) return;
  throw refusal(
    "sslPrivateKeyFilepath",
    `TLS can't use ${type === "ec" ? `a key on the curve ${curve}` : `a key of type ${type}`}; ` +
      `it can use RSA, Ed25519 and the curves ${CURVES.join(", ")}`,
  );
}

function keyOfAnother(
  chain: readonly X509Certificate[],
  key: KeyObject,
  refusal: Refusal,
): LwsError {
  const other = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (other > 0) {
    return refusal(
      "sslCertFilepath",
      `the private key belongs to certificate ${other + 1} of the file; that one must come first`,
    );
  }
  return refusal(
    "sslPrivateKeyFilepath",
    `the private key is not the one of the certificate of ${nameOf(chain[0]!)}`,
  );
}

/** What is wrong with the dates of a certificate, if anything. */
export function outOfDate(certificate: X509Certificate, now: number): LwsError | undefined {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  const whose = `the certificate of ${nameOf(certificate)}`;
  if (now > to.getTime()) {
    return new LwsError("certificate-expired", `${whose} has expired on ${to.toISOString()}`);
  }
  if (now < from.getTime()) {
    const problem = `${whose} is not valid before ${from.toISOString()}`;
    return new LwsError("certificate-not-yet-valid", problem);
  }
  return undefined;
}

function hostNamesOf(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(", ").filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice("DNS:".length).toLowerCase());
  if (names !== undefined && names.length > 0) return names;
  const common = /^CN=(.+)$/m.exec(certificate.subject ?? "")?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
