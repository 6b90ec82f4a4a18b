/** What the extensions of a certificate say, which the runtime's `X509Certificate` doesn't tell, or not exactly. */

import type { X509Certificate } from "node:crypto";
import {
  BOOLEAN,
  elementsOf,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  SEQUENCE,
  soleElement,
} from "./der.ts";
import { hexOf } from "../base/text/encodings.ts";

/** Identifiers, as DER has them, in hex. */
const EXTENDED_KEY_USAGE = "551d25"; // 2.5.29.37, RFC 5280 section 4.2.1.12
const SUBJECT_ALT_NAME = "551d11"; // 2.5.29.17, RFC 5280 section 4.2.1.6
const PURPOSES = { server: "2b06010505070301", client: "2b06010505070302" } as const;
/** 2.5.29.37.0, which stands for all. */
const ANY_PURPOSE = "551d2500";

/** Field 3 of a certificate, `EXPLICIT`: RFC 5280 section 4.1. */
const EXTENSIONS = 0xa3;

/** Whether a certificate may be shown by that side: it says so, or says nothing about it. */
export function isMeantFor(certificate: X509Certificate, side: "server" | "client"): boolean {
  const extensions = extensionsOf(certificate.raw);
  const usage = extensions?.get(EXTENDED_KEY_USAGE);
  if (usage === undefined) return extensions !== undefined;
  const list = soleElement(usage, SEQUENCE);
  const purposes = list && elementsOf(list.content);
  return purposes?.some(({ tag, content }) => {
    const purpose = hexOf(content);
    return tag === OBJECT_IDENTIFIER && (purpose === PURPOSES[side] || purpose === ANY_PURPOSE);
  }) ?? false;
}

/** The extension with the host names that a certificate is for, as its bytes; undefined without one. */
export function subjectAltNameOf(certificate: X509Certificate): Uint8Array | undefined {
  return extensionsOf(certificate.raw)?.get(SUBJECT_ALT_NAME);
}

/** The extensions' contents by their identifiers in hex; undefined when these bytes are no certificate. */
export function extensionsOf(der: Uint8Array): ReadonlyMap<string, Uint8Array> | undefined {
  const certificate = soleElement(der, SEQUENCE);
  const [signed] = certificate && elementsOf(certificate.content) || [];
  const fields = signed?.tag === SEQUENCE ? elementsOf(signed.content) : undefined;
  if (fields === undefined) return undefined;
  const field = fields.find(({ tag }) => tag === EXTENSIONS);
  if (field === undefined) return new Map();
  const list = soleElement(field.content, SEQUENCE);
  const extensions = list && elementsOf(list.content);
  if (extensions === undefined) return undefined;
  const found = new Map<string, Uint8Array>();
  for (const { tag, content } of extensions) {
    const parts = tag === SEQUENCE ? elementsOf(content) : undefined;
    if (parts?.[0]?.tag !== OBJECT_IDENTIFIER) return undefined;
    const value = parts[parts[1]?.tag === BOOLEAN ? 2 : 1];
    const identifier = hexOf(parts[0].content);
    // RFC 5280 section 4.2: each comes once.
    if (value?.tag !== OCTET_STRING || found.has(identifier)) return undefined;
    found.set(identifier, value.content);
  }
  return found;
}
