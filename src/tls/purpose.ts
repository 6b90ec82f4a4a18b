/** What a certificate is for; the runtime's `keyUsage` is always undefined. */

import type { X509Certificate } from "node:crypto";

/** The extended key usage, RFC 5280 section 4.2.1.12, as DER has it: 2.5.29.37. */
const EXTENSION = "0603551d25";
const PURPOSES = {
  server: "06082b06010505070301",
  client: "06082b06010505070302",
} as const;
/** 2.5.29.37.0, which stands for all. */
const ANY_PURPOSE = "0604551d2500";

/** Whether a certificate may be shown by that side: it says so, or says nothing about it. */
export function isMeantFor(certificate: X509Certificate, side: "server" | "client"): boolean {
  const der = new Uint8Array(certificate.raw).toHex();
  const start = der.indexOf(EXTENSION);
  if (start < 0) return true;
  // BOOLEAN `critical`, if it is there, and an OCTET STRING around a SEQUENCE of identifiers, all
  // shorter than 128 bytes; a longer list is taken for none.
  const list = /^(?:0101ff)?04([0-7].)30([0-7].)/.exec(der.slice(start + EXTENSION.length));
  if (list === null) return false;
  const from = start + EXTENSION.length + list[0].length;
  const identifiers = der.slice(from, from + 2 * parseInt(list[2]!, 16));
  return identifiers.includes(PURPOSES[side]) || identifiers.includes(ANY_PURPOSE);
}
