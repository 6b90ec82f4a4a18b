/** The digests that core is given. */

import { crypto } from "@std/crypto";
import type { Digests } from "../core/websocket/digests.ts";

/** Those of `@std/crypto`, which are there at once, unlike the runtime's own. */
export const digests: Digests = {
  sha1: (bytes) => new Uint8Array(crypto.subtle.digestSync("SHA-1", bytes)),
  md5: (bytes) => new Uint8Array(crypto.subtle.digestSync("MD5", bytes)),
};
