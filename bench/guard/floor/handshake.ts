/** Answering an opening handshake of which only the key is looked at. */

import { hash } from "node:crypto";

/** RFC 6455 section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_FIELD = "Sec-WebSocket-Key: ";
const KEY_LENGTH = 24;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The 101 for the request that `bytes` are. */
export function answer(bytes: Uint8Array): Uint8Array {
  const request = decoder.decode(bytes);
  const at = request.indexOf(KEY_FIELD) + KEY_FIELD.length;
  const accept = hash("sha1", request.slice(at, at + KEY_LENGTH) + GUID, "base64");
  return encoder.encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`,
  );
}
