/** The keys of opening handshakes from draft 04 to RFC 6455, and what is made of them. */

import { base64Of } from "../../../base/text/encodings.ts";
import { tableOf } from "../../http/syntax.ts";
import type { Digests } from "../digests.ts";

/** The one digest that these handshakes need. */
export type Sha1 = Pick<Digests, "sha1">;

const encoder = new TextEncoder();

const KEY_LENGTH = 24;
/** The GUID of RFC 6455 section 1.3 behind the room for a key. */
const keyAndGuid = /* @__PURE__ */ encoder.encode(
  " ".repeat(KEY_LENGTH) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
);

/** That of draft 04, for the key that masks a connection. */
const MASKING_GUID = "61AC5F19-FBBA-4540-B96F-6561F1AB40A8";

const BASE64_BYTES = /* @__PURE__ */ tableOf(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
);

/**
 * The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` of 24 characters (section 4.2.2,
 * step 5.4).
 */
export function acceptValue(key: string, digests: Sha1): string {
  encoder.encodeInto(key, keyAndGuid);
  return base64Of(digests.sha1(keyAndGuid));
}

/** A fresh `Sec-WebSocket-Key`, or `Sec-WebSocket-Nonce`: 16 random bytes in base64 (section 4.1). */
export function newKey(): string {
  return base64Of(crypto.getRandomValues(new Uint8Array(16)));
}

/** Whether a text is 16 bytes in base64: 22 characters and two of padding. */
export function isKey(key: string): boolean {
  if (key.length !== KEY_LENGTH || !key.endsWith("==")) return false;
  for (let i = 0; i < 22; i++) {
    if (BASE64_BYTES[key.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/**
 * The 20 bytes from which a connection of draft 04 masks (section 4.2 of the draft): of the client's
 * `Sec-WebSocket-Key` and the server's `Sec-WebSocket-Nonce`, both as they were sent.
 */
export function connectionKey(key: string, nonce: string, digests: Sha1): Uint8Array {
  return digests.sha1(encoder.encode(key + nonce + MASKING_GUID));
}
