/** The seam for extensions (RFC 6455 section 9): what is negotiated, and what it does to messages. */

import type { ExtensionOffer } from "../core/extension_list.ts";
import type { Context } from "../context.ts";
import type { Wsi } from "../wsi.ts";

/**
 * An extension as a context lists it. A connection uses as many of them as both sides agree to; the
 * order of the server's answer is that in which a sender applies them (section 9.1), so that after
 * "foo, bar" a message leaves as bar(foo(message)).
 */
export interface Extension {
  /** The name under which it is negotiated. */
  readonly name: string;
  /** Of those with the same group a connection uses one at most. @default none */
  readonly group?: string;
  /**
   * A client's offers of this name, in their order; the extension answers the first one that it can
   * agree to, or none. What it answers is only used, and begun, when nothing else speaks against it.
   */
  accept(offers: readonly ExtensionOffer[]): AcceptedExtension | undefined;
  /** What a client offers: one or more elements of `Sec-WebSocket-Extensions`. */
  offer(): string;
  /**
   * What the server made of the offer.
   *
   * @throws {Error} that says what is wrong, which fails the connection.
   */
  confirm(answer: ExtensionOffer): ExtensionSession;
  /** A context that lists it has ended; what is kept for the next message may go. */
  close(): void;

  /** A context that lists it was set up; it listens, or only connects. */
  contextConstruct?(context: Context): void;
  /** The last connection of such a context is gone; `close` follows. */
  contextDestruct?(context: Context): void;
  /** Whether a client may offer the listed extension `name`. */
  mayPropose?(wsi: Wsi, name: string): boolean;
  /**
   * A WebSocket was established in a context that lists it, whether it is in use there or not.
   *
   * @throws {Error} which fails that connection.
   */
  anyEstablished?(wsi: Wsi): void;
  /** Such a connection has ended, and what was in use on it is closed. */
  anyClosing?(wsi: Wsi): void;
}

/** What a server agreed to. */
export interface AcceptedExtension {
  /** The element of `Sec-WebSocket-Extensions` that says so. */
  readonly answer: string;
  /** What it does on the connection. */
  readonly session: ExtensionSession;
}

/**
 * What an extension throws when it can't go on, and has logged why: the connection is failed with 1011, and
 * the peer is told no more.
 */
export class ExtensionFailure extends Error {
  /** `"ExtensionFailure"`. */
  override readonly name = "ExtensionFailure";
}

/** A negotiated extension on one connection. */
export interface ExtensionSession {
  /**
   * What it transforms: whole messages, single data frames, or all bytes behind the handshake, frame
   * headers included. Messages are transformed before they become frames, so that in an answer no
   * `"message"` may come behind a `"frame"`; a `"stream"` is behind all of those wherever it is named.
   */
  readonly unit: "message" | "frame" | "stream";
  /**
   * The bits, 0 to 7, that it sets on what it has transformed: on the first frame of a message, or on
   * the frame. No two extensions of a connection may have one in common. One without bits transforms
   * all that comes; for a stream it is 0.
   */
  readonly reservedBits: number;
  /**
   * Those that belong to what `encode` has made last, where it is not always the same ones.
   *
   * @default {reservedBits} on the first frame of a message, or on the frame
   */
  readonly encodedBits?: number;
  /** What it does to the bytes behind the handshake, if it does something to messages as well. */
  readonly stream?: ExtensionSession;

  /**
   * It is in use from now on: the answer is about to be sent, or has come.
   *
   * @throws {Error} which fails the handshake.
   */
  begin?(wsi: Wsi): void;

  /**
   * Transforms a part of a message, a frame of it, or of a stream the bytes of a frame. The result is
   * valid until the next call on any session; `undefined` sends it as it is, which of a message only
   * its first part may ask for.
   *
   * @throws {ExtensionFailure} to fail the connection.
   */
  encode(part: OutgoingPart): Uint8Array | undefined;

  /**
   * Sessions with the same key make the same bytes of a message that they share with others;
   * `undefined`: this one can share nothing.
   */
  readonly sharedKey: string | undefined;
  /** Transforms a whole message for all sessions of the same key; `undefined`: it is sent as it is. */
  encodeShared(payload: Uint8Array): Uint8Array | undefined;
  /** A message of {@linkcode encodeShared} was sent here. */
  sentShared(): void;

  /**
   * Takes a piece of what was transformed. What it stands for comes from {@linkcode read}; the piece
   * stays as it is until that has returned less than it could, or {@linkcode keep} was called.
   *
   * @param frame The frame that the piece is from; not for a stream.
   */
  push(piece: Uint8Array, endsUnit: boolean, frame?: IncomingFrame): void;
  /**
   * Copies what it still needs of the piece that was pushed, whose bytes change from now on: receiving
   * was stopped, or it is somebody else's turn, before `read` had returned all. A session without this
   * method is given a copy of every piece, which no one changes.
   *
   * @throws {Error} which fails the connection, as for `read`.
   */
  keep?(): void;
  /**
   * Fills `target` from its start as far as what was pushed goes, and returns how many bytes that are, from
   * 0 to the length of `target`; any other number fails the connection with 1011, with an `err` line.
   *
   * @throws {Error} when that is broken.
   */
  read(target: Uint8Array): number;

  /** Once a second while the connection is established. @throws {Error} which fails it. */
  eachSecond?(): void;
  /** Whether the program may close the connection now. */
  mayClose?(): boolean;
  /**
   * Our close frame or, without one, our end comes next: `send` puts bytes in front of it, as they are.
   *
   * @throws {Error} to end the connection without a close frame.
   */
  flush?(send: (bytes: Uint8Array) => void): void;
  /** The connection is gone, or does not use it after all. */
  close(): void;
}

/** A part of a message on its way out. */
export interface OutgoingPart {
  /** Its bytes; they may change once `encode` has returned. */
  readonly payload: Uint8Array;
  /** Whether the message begins with it. */
  readonly isFirst: boolean;
  /** Whether the message ends with it. */
  readonly isLast: boolean;
  /** What the program asked for, if it did. */
  readonly compress: boolean | undefined;
  /** Of a stream, whether it is a control frame. */
  readonly isControl?: boolean;
}

/** A data frame on its way in. */
export interface IncomingFrame {
  /** Its payload bytes that come after the piece in hand. */
  readonly remaining: number;
  /** Whether it is the last one of its message. */
  readonly isFinal: boolean;
  /** The reserved bits of its message, or where they stand on each frame, its own. */
  readonly reservedBits: number;
}
