/** Base64 (RFC 4648 section 4), also where `Uint8Array.prototype.toBase64` is missing. */

/** The base64 of some bytes, a few kilobytes at most. */
export function base64Of(bytes: Uint8Array): string {
  return bytes.toBase64?.() ?? btoa(String.fromCharCode(...bytes));
}
