/** The digests that core is given. */

import { crypto } from "@std/crypto";
import { sha1 } from "../base/sha1.ts";
import type { Digests } from "../core/websocket/digests.ts";

/** They are there at once, unlike the runtime's own. */
export const digests: Digests = {
  sha1,
  md5: (bytes) => new Uint8Array(crypto.subtle.digestSync("MD5", bytes)),
};
