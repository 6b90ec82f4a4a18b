/** The digests of opening handshakes and of draft 04's masks, which are given: core has no library. */

/** What hashes bytes at once. */
export interface Digests {
  /** SHA-1: 20 bytes. */
  sha1(bytes: Uint8Array): Uint8Array;
  /** MD5: 16 bytes. */
  md5(bytes: Uint8Array): Uint8Array;
}
