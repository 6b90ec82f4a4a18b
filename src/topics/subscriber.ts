/** What the topics of a context are told of connections and of messages, as they know neither. */

import type { PresenceChange } from "../api/topics/presence.ts";
import type { Publication, TopicGap, TopicLag } from "../api/topics/topics.ts";
import type { LwsError } from "../base/errors.ts";

/** In the middle of a message of the program's, behind which it can take another one. */
export const BUSY: unique symbol = Symbol("inside of a message");

/** What has become of a message for one subscriber: why it can't carry it, if that is so. */
export type Delivery = undefined | typeof BUSY | LwsError;

/** A connection as its topics know it. Implemented by Connection. */
export interface Subscriber<Message> {
  readonly socketFd: number;
  readonly isEstablished: boolean;
  /** Bytes that were written and have not left. */
  readonly unsent: number;
  /** What makes its form of a publication, if that is not the data as it is. */
  readonly encoder: object | undefined;
  /** Whether its protocol may hear of those that join and leave. */
  readonly hearsPresence: boolean;
  /** Writes a message, in one frame. */
  deliver(message: Message): Delivery;
  /** It reads too slowly: closes it. */
  closeLagging(): void;
  /** Tells the program that it reads too slowly, which may close it. */
  tellLagging(lag: TopicLag): void;
  /** Tells the program that it has missed something, which may close it. */
  tellGap(gap: TopicGap): void;
  /** What the program does for it has failed outside of a callback: closes it. */
  hasFailed(): void;
  /** Tells the program which members of a topic have changed, which may close it. */
  tellPresence(change: PresenceChange): void;
}

/** A message as topics need to know it. Implemented by Framed. */
export interface Publishable {
  readonly byteLength: number;
  readonly payload: Uint8Array;
  readonly isBinary: boolean;
}

/** Makes messages of data. Implemented in `connection/topics/messages`. */
export interface Messages<Message> {
  /** Whether any subscriber has an encoder. */
  readonly hasEncoders: boolean;
  of(data: Uint8Array, isBinary: boolean): Message;
  /** What an encoder makes of a publication; undefined for nothing. */
  encode(encoder: object, publication: Publication): Message | undefined;
}
