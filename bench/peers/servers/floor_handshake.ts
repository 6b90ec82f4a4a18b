/** The floor's handshake: no checks. */

import { hash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The 101 that answers a request. */
export function answerTo(request: string): Uint8Array<ArrayBuffer> {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)![1]!;
  const accept = hash("sha1", key + GUID, "base64");
  return new TextEncoder().encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}
