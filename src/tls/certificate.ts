/** A certificate with its key: what one end shows the other. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { type TlsField, TlsOptionError } from "./error.ts";

/** A certificate with its key, as PEM text; {@linkcode readPem} reads files. */
export interface TlsIdentity {
  /** The certificate, and the intermediate ones behind it. */
  readonly cert: string;
  /** The private key of the first certificate. */
  readonly key: string;
  /** The key's passphrase, when it is encrypted. */
  readonly passphrase?: string | undefined;
}

/** An identity that was found good. */
export interface CheckedIdentity {
  /** What `node:tls` wants. */
  readonly cert: string;
  /** The key, decrypted. */
  readonly key: string;
  /** The host names that the first certificate is for, `*.` included. */
  readonly hostNames: readonly string[];
}

/**
 * Checks that the parts of an identity can be used, now, and with each other: `node:tls` itself
 * would say nothing before the first handshake.
 *
 * @throws {TlsOptionError} that names the member at fault.
 */
export function checkIdentity(identity: TlsIdentity, now: number = Date.now()): CheckedIdentity {
  const chain = parseCertificates(identity.cert, "sslCertFilepath");
  const key = decryptKey(identity);
  const own = chain[0]!;
  if (!own.checkPrivateKey(key)) throw keyOfAnother(chain, key);
  for (const certificate of chain) checkValidity(certificate, now);
  return {
    cert: identity.cert,
    key: key.export({ type: "pkcs8", format: "pem" }) as string,
    hostNames: hostNamesOf(own),
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
    throw keyRefused(cause);
  }
}

/** `node:tls` itself refuses keys that are too short. */
export function keyRefused(cause: unknown): TlsOptionError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TlsOptionError("sslPrivateKeyFilepath", why, { cause });
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
 * @throws {TlsOptionError} that names `field`, when the file can't be read or has no PEM in it.
 */
export function readPem(pathOrPem: string, field: TlsField): string {
  if (pathOrPem.includes(BEGIN)) return pathOrPem;
  // What looks like a key without its frame is not repeated, as messages end in logs.
  if (/[\r\n]/.test(pathOrPem) || /^[A-Za-z0-9+/=]{100,}$/.test(pathOrPem)) {
    throw new TlsOptionError(field, `it is neither a path nor PEM text: it has no ${BEGIN} line`);
  }
  let text: string;
  try {
    text = Deno.readTextFileSync(pathOrPem);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlsOptionError(field, `can't read ${pathOrPem}: ${why}`, { cause });
  }
  if (text.includes(BEGIN)) return text;
  throw new TlsOptionError(field, `${pathOrPem} is not a PEM file: it has no ${BEGIN} line`);
}

/**
 * The certificates in PEM text, in order.
 *
 * @throws {TlsOptionError} that names `field`, when there is none, or one can't be parsed.
 */
export function parseCertificates(pem: string, field: TlsField): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    throw new TlsOptionError(field, "there is no -----BEGIN CERTIFICATE----- block in it");
  }
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new TlsOptionError(field, `certificate ${i + 1} can't be parsed`, { cause });
    }
  });
}

function decryptKey({ key, passphrase }: TlsIdentity): KeyObject {
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    throw new TlsOptionError("sslPrivateKeyFilepath", "there is no private key in it");
  }
  if (isEncrypted && passphrase === undefined) {
    throw new TlsOptionError("sslPrivateKeyPassword", "the private key is encrypted and needs one");
  }
  let parsed: KeyObject;
  try {
    parsed = createPrivateKey(isEncrypted ? { key, passphrase: passphrase! } : key);
  } catch (cause) {
    if (isEncrypted) {
      throw new TlsOptionError("sslPrivateKeyPassword", "it doesn't decrypt the private key", {
        cause,
      });
    }
    throw new TlsOptionError("sslPrivateKeyFilepath", "the private key can't be parsed", { cause });
  }
  checkKind(parsed);
  return parsed;
}

function checkKind(key: KeyObject): void {
  const type = key.asymmetricKeyType;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (type === "rsa" || type === "ed25519") return;
  if (type === "ec" && CURVES.includes(curve!)) return;
  throw new TlsOptionError(
    "sslPrivateKeyFilepath",
    `TLS can't use ${type === "ec" ? `a key on the curve ${curve}` : `a key of type ${type}`}; ` +
      `it can use RSA, Ed25519 and the curves ${CURVES.join(", ")}`,
  );
}

function keyOfAnother(chain: readonly X509Certificate[], key: KeyObject): TlsOptionError {
  const other = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (other > 0) {
    return new TlsOptionError(
      "sslCertFilepath",
      `the private key belongs to certificate ${other + 1} of the file; that one must come first`,
    );
  }
  return new TlsOptionError(
    "sslPrivateKeyFilepath",
    `the private key is not the one of the certificate of ${nameOf(chain[0]!)}`,
  );
}

function checkValidity(certificate: X509Certificate, now: number): void {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  if (now > to.getTime()) {
    throw new TlsOptionError(
      "sslCertFilepath",
      `the certificate of ${nameOf(certificate)} has expired on ${to.toISOString()}`,
    );
  }
  if (now < from.getTime()) {
    throw new TlsOptionError(
      "sslCertFilepath",
      `the certificate of ${nameOf(certificate)} is not valid before ${from.toISOString()}`,
    );
  }
}

function hostNamesOf(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(", ").filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice("DNS:".length).toLowerCase());
  if (names !== undefined && names.length > 0) return names;
  const common = /^CN=(.+)$/m.exec(certificate.subject ?? "")?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
