/**
 * The part of `@std/crypto` that this project uses, over `node:crypto`, for machines that cannot
 * reach JSR.
 */
import { hash } from "node:crypto";

/** The digest algorithms that this project asks for. */
export type DigestAlgorithm = "SHA-1" | "MD5";

const NODE_NAMES: Record<DigestAlgorithm, string> = { "SHA-1": "sha1", "MD5": "md5" };

/** The synchronous digests of `@std/crypto`. */
export const crypto = {
  subtle: {
    digestSync(algorithm: DigestAlgorithm, data: Uint8Array): ArrayBuffer {
      // A copy: small buffers of Node share their memory.
      return new Uint8Array(hash(NODE_NAMES[algorithm], data, "buffer")).buffer;
    },
  },
};
