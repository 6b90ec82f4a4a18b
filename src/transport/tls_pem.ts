/** Certificates and keys, from files or as text. */

import { X509Certificate } from "node:crypto";
import { type TlsField, TlsOptionError } from "./tls_error.ts";

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
