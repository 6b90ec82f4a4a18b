/**
 * A publication as Redis carries it: a line, and the payload behind it. The line of what has a place is
 * `OFFSET EPOCH KINDSENDER`, with `=` in front for the first of a count; else it is `KINDSENDER` alone. In a
 * stream, too, as there the offset is the name of the entry.
 */

import type { BrokerPublication } from "../../api/topics/broker.ts";

/** What of a publication is the same wherever it stands. */
export interface Content {
  readonly data: Uint8Array;
  readonly isBinary: boolean;
  readonly sender?: string;
  readonly presence?: "join" | "leave";
}

/** Where it stands. */
export type Place = Pick<BrokerPublication, "epoch" | "offset" | "previous">;

const NO_PLACE: Place = { epoch: "", offset: 0 };
const NEWLINE = 10;
/** Senders as contexts name them need no encoding. */
const PLAIN_SENDER = /^[\w.-]*$/;
const DIGIT_OR_FIRST = /^[=\d]/;
const CONTENT = /^([btjl])(?:-(\S*))?$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Of most publications. */
const BINARY_LINE = encoder.encode("b\n");
const TEXT_LINE = encoder.encode("t\n");

/** The line without a place, and the payload. */
export function encodeContent(content: Content): Uint8Array {
  const { data } = content;
  const line = lineOf(content);
  const body = takeRoom(line.length + data.length);
  body.set(line);
  body.set(data, line.length);
  return body;
}

/** Where bytes lie until they are sent: a buffer of their own would cost more than to fill it. */
const ROOM = 8_192;
let room = new Uint8Array(ROOM);
let taken = 0;

function takeRoom(length: number): Uint8Array {
  if (length > ROOM / 2) return new Uint8Array(length);
  if (taken + length > ROOM) {
    room = new Uint8Array(ROOM);
    taken = 0;
  }
  return room.subarray(taken, taken += length);
}

function lineOf({ isBinary, sender, presence }: Content): Uint8Array {
  const plain = isBinary ? BINARY_LINE : TEXT_LINE;
  if (presence !== undefined) return encoder.encode(presence === "join" ? "j\n" : "l\n");
  if (sender === undefined) return plain;
  return encoder.encode(`${isBinary ? "b" : "t"}-${encoded(sender)}\n`);
}

function encoded(sender: string): string {
  return PLAIN_SENDER.test(sender) ? sender : encodeURIComponent(sender);
}

/** What came by a channel; undefined for what is none of ours. */
export function decodeMessage(message: Uint8Array): BrokerPublication | undefined {
  const end = message.indexOf(NEWLINE);
  if (end < 1) return undefined;
  if (end === 1) return publicationOf(NO_PLACE, String.fromCharCode(message[0]!), message, end);
  const line = decoder.decode(message.subarray(0, end));
  if (!DIGIT_OR_FIRST.test(line)) return publicationOf(NO_PLACE, line, message, end);
  const [place = "", epoch = "", content = ""] = line.split(" ");
  const isFirst = place.startsWith("=");
  const offset = Number(isFirst ? place.slice(1) : place);
  // Anything may publish to the channel.
  if (!Number.isSafeInteger(offset) || offset < 1) return undefined;
  const previous = isFirst ? 0 : offset - 1;
  return publicationOf({ epoch, offset, previous }, content, message, end);
}

/** What is kept in a stream; undefined for what is none of ours. */
export function decodeKept(body: Uint8Array, place: Place): BrokerPublication | undefined {
  const end = body.indexOf(NEWLINE);
  if (end < 1) return undefined;
  return publicationOf(place, decoder.decode(body.subarray(0, end)), body, end);
}

function publicationOf(
  place: Place,
  content: string,
  bytes: Uint8Array,
  end: number,
): BrokerPublication | undefined {
  // The client's own buffer, of which this is a part, must not be kept for it.
  const data = copyOf(bytes.subarray(end + 1));
  // Most have nothing more to tell.
  if (content === "t" || content === "b") return { ...place, data, isBinary: content === "b" };
  const found = CONTENT.exec(content);
  if (found === null) return undefined;
  const [, kind, sender] = found;
  return {
    ...place,
    data,
    isBinary: kind === "b",
    ...(sender !== undefined && { sender: decoded(sender) }),
    ...(kind === "j" && { presence: "join" as const }),
    ...(kind === "l" && { presence: "leave" as const }),
  };
}

/** By `slice` of a Buffer of Node's it would be the same bytes. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

function decoded(sender: string): string {
  try {
    return decodeURIComponent(sender);
  } catch {
    return sender;
  }
}
