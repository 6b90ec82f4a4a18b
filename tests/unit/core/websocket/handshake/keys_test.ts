import { assertEquals, assertNotEquals } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import {
  acceptValue,
  connectionKey,
  isKey,
  newKey,
} from "../../../../../src/core/websocket/handshake/keys.ts";

/** The key of RFC 6455 section 1.3, and what it is answered with. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

Deno.test("RFC 6455 section 1.3: the example key gives the example accept value", () => {
  assertEquals(acceptValue(KEY, digests), ACCEPT);
});

Deno.test("a new key is 16 bytes of base64 and another each time", () => {
  const key = newKey();
  assertEquals(Uint8Array.fromBase64(key).length, 16);
  assertNotEquals(newKey(), key);
});

Deno.test("a key has 22 characters of base64 and two of padding", () => {
  assertEquals(isKey(KEY), true);
  // That of the drafts' examples, whose last bits are no zeros.
  assertEquals(isKey("AQIDBAUGBwgJCgsMDQ4PEC=="), true);
  for (const text of ["", "AQID", KEY + "=", `${KEY.slice(0, 22)}A=`, `-${KEY.slice(1)}`]) {
    assertEquals(isKey(text), false, text);
  }
});

// By sha1sum of coreutils, of the keys that the draft's handshakes show.
Deno.test("draft 04 section 4.2: a connection is masked from the SHA-1 of key, nonce and GUID", () => {
  const hash = connectionKey(KEY, "AQIDBAUGBwgJCgsMDQ4PEC==", digests);
  assertEquals(hash.toHex(), "41e14f78311e4c34283e6d8b363b8848d58591a7");
});
