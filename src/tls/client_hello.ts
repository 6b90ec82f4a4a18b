/** The first message of a TLS client, as far as it tells which host it wants. */

/** RFC 8446 section 5.1: a record's header, and its type for handshake messages. */
const RECORD_HEADER = 5;
const HANDSHAKE_RECORD = 0x16;
/** Section 4: a handshake message's header, and the type of a ClientHello. */
const MESSAGE_HEADER = 4;
const CLIENT_HELLO = 1;
/** No client's is longer, post-quantum key shares included. */
const LONGEST_HELLO = 16 * 1024;
/**
 * What one side's part of a handshake may come in. Some clients split their hello on purpose, and a chain of
 * certificates in the shortest records that are in use takes some dozens; records of a byte would cost much.
 */
export const MOST_HANDSHAKE_RECORDS = 128;
/** RFC 6066 section 3: the extension, and the only kind of name there is. */
const SERVER_NAME = 0;
const HOST_NAME = 0;

/**
 * Finds the host name in the bytes that a connection begins with.
 *
 * @returns `undefined` when more bytes are needed; else the name in lower case, which is empty when
 * there is none, or when this is not how TLS begins.
 */
export function serverNameIn(bytes: Uint8Array): string | undefined {
  const message = new Uint8Array(Math.min(bytes.length, LONGEST_HELLO));
  let length = 0;
  // The message may lie in several records, which are looked at again with each read.
  for (let at = 0, records = 0;;) {
    if (at + RECORD_HEADER > bytes.length) {
      return bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD ? "" : undefined;
    }
    if (bytes[at] !== HANDSHAKE_RECORD || records++ === MOST_HANDSHAKE_RECORDS) return "";
    const end = at + RECORD_HEADER + (bytes[at + 3]! << 8 | bytes[at + 4]!);
    const piece = bytes.subarray(at + RECORD_HEADER, end);
    if (length + piece.length > LONGEST_HELLO) return "";
    message.set(piece, length);
    length += piece.length;
    if (length >= MESSAGE_HEADER) {
      if (message[0] !== CLIENT_HELLO) return "";
      const body = message[1]! << 16 | message[2]! << 8 | message[3]!;
      if (MESSAGE_HEADER + body > LONGEST_HELLO) return "";
      if (length >= MESSAGE_HEADER + body) {
        return nameIn(message.subarray(MESSAGE_HEADER, MESSAGE_HEADER + body));
      }
    }
    // An empty record would let this go on for ever.
    if (piece.length === 0 && end <= bytes.length) return "";
    at = end;
  }
}

/** RFC 8446 section 4.1.2: version, random, session, cipher suites, compression, extensions. */
function nameIn(hello: Uint8Array): string {
  let at = 2 + 32;
  at += 1 + (hello[at] ?? 0);
  at += 2 + numberAt(hello, at);
  at += 1 + (hello[at] ?? 0);
  at += 2;
  while (at + 4 <= hello.length) {
    const end = at + 4 + numberAt(hello, at + 2);
    if (numberAt(hello, at) === SERVER_NAME) return hostNameIn(hello.subarray(at + 4, end));
    at = end;
  }
  return "";
}

function hostNameIn(list: Uint8Array): string {
  if (list[2] !== HOST_NAME) return "";
  const name = list.subarray(5, 5 + numberAt(list, 3));
  return new TextDecoder("latin1").decode(name).toLowerCase();
}

function numberAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}
