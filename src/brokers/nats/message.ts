/** What a publication is in NATS: its data is the payload, all else is in headers. */

import { headers, type Msg, type MsgHdrs } from "npm:@nats-io/nats-core@^3.4";
import type { BrokerPublication } from "../../api/topics/broker.ts";

/** Of data that is binary; text has none. */
const KIND = "Lws-Kind";
const BINARY = "binary";
const SENDER = "Lws-Sender";
const PRESENCE = "Lws-Presence";
/** Two messages with the same one are one message: NATS' own. */
const ID = "Nats-Msg-Id";

/** What is said of the data. */
export interface MessageFacts {
  readonly isBinary: boolean;
  readonly sender?: string;
  readonly presence?: "join" | "leave";
}

/** The headers of a publication; undefined where it needs none, as they cost. */
export function encodeFacts(
  { isBinary, sender, presence }: MessageFacts,
  id?: string,
): MsgHdrs | undefined {
  if (!isBinary && sender === undefined && presence === undefined && id === undefined) {
    return undefined;
  }
  const all = headers();
  if (isBinary) all.append(KIND, BINARY);
  if (sender !== undefined) all.append(SENDER, encodeURIComponent(sender));
  if (presence !== undefined) all.append(PRESENCE, presence);
  if (id !== undefined) all.append(ID, id);
  return all;
}

/** The id of a publication, of its topic alone: NATS knows ids of whole streams. */
export function messageId(token: string, id: string): string {
  return `${token} ${encodeURIComponent(id)}`;
}

/** A message that came live. */
export interface LiveMessage extends MessageFacts {
  /** The stream that has kept it; undefined for one that none has. */
  readonly stream: string | undefined;
  readonly sequence: number;
  /** The sequence of the topic's message before it that was still kept; 0 if there was none. */
  readonly last: number;
}

const PLAIN: LiveMessage = { isBinary: false, stream: undefined, sequence: 0, last: 0 };

/** Reads all headers in one pass: to look one up, the client's own go through all of them each time. */
export function decodeLive({ headers: all }: Msg): LiveMessage {
  if (all === undefined) return PLAIN;
  let stream: string | undefined;
  let [sequence, last] = [0, 0];
  const facts = new Facts();
  for (const [name, [value]] of all) {
    if (name === "Nats-Stream") stream = value;
    else if (name === "Nats-Sequence") sequence = Number(value);
    else if (name === "Nats-Last-Sequence") last = Number(value);
    else facts.take(name, value!);
  }
  // Anything may publish to the subject, and say that a stream has kept it.
  const isPlaced = sequence > 0 && isCount(sequence) && isCount(last);
  return isPlaced
    ? { ...facts.all, stream, sequence, last }
    : { ...facts.all, stream: undefined, sequence: 0, last: 0 };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** A message that was read from a stream. */
export function decodeKept(all: MsgHdrs | undefined): MessageFacts {
  const facts = new Facts();
  for (const [name, [value]] of all ?? []) facts.take(name, value!);
  return facts.all;
}

class Facts {
  readonly all: { isBinary: boolean; sender?: string; presence?: "join" | "leave" } = {
    isBinary: false,
  };

  take(name: string, value: string): void {
    if (name === KIND) this.all.isBinary = value === BINARY;
    else if (name === SENDER) this.all.sender = decodedOr(value);
    else if (name === PRESENCE && (value === "join" || value === "leave")) {
      this.all.presence = value;
    }
  }
}

/** Anything may publish to a subject, and write what is no encoding. */
function decodedOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The client's are parts of what it has read, which would be kept with them, and are of Node's class. */
function own(data: Uint8Array): Uint8Array {
  return new Uint8Array(data);
}

/** A publication that has no place in its topic. */
export function placeless(facts: MessageFacts, data: Uint8Array): BrokerPublication {
  const { isBinary, sender, presence } = facts;
  return {
    epoch: "",
    offset: 0,
    data: own(data),
    isBinary,
    ...(sender !== undefined && { sender }),
    ...(presence !== undefined && { presence }),
  };
}

/** One that has. */
export function placed(
  facts: MessageFacts,
  data: Uint8Array,
  place: { readonly epoch: string; readonly offset: number; readonly previous: number },
): BrokerPublication {
  const { isBinary, sender, presence } = facts;
  return {
    epoch: place.epoch,
    offset: place.offset,
    previous: place.previous,
    data: own(data),
    isBinary,
    ...(sender !== undefined && { sender }),
    ...(presence !== undefined && { presence }),
  };
}
