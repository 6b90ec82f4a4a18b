/** Bytes as hexadecimal digits and as base64, also where `Uint8Array` has no methods for that, as in Node 22. */

/** The bytes as lower-case hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return bytes.toHex?.() ??
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes as base64 (RFC 4648 section 4). */
export function base64Of(bytes: Uint8Array): string {
  return bytes.toBase64?.() ??
    btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** The bytes that base64 stands for. @throws when it is none */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64?.(text) ??
    Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
