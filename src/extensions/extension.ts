/** The seam for extensions (RFC 6455 section 9): what is negotiated, and what it does to messages. */

import type { ExtensionOffer } from "../core/extension_list.ts";

/** An extension as a context lists it. */
export interface Extension {
  /** The name under which it is negotiated. */
  readonly name: string;
  /**
   * A client's offers of this name, in their order; the extension answers the first one that it can
   * agree to, or none.
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
}

/** What a server agreed to. */
export interface AcceptedExtension {
  /** The element of `Sec-WebSocket-Extensions` that says so. */
  readonly answer: string;
  /** What it does on the connection. */
  readonly session: ExtensionSession;
}

/** A negotiated extension on one connection. */
export interface ExtensionSession {
  /**
   * What it transforms: whole messages, single data frames, or all bytes behind the handshake, frame
   * headers included.
   */
  readonly unit: "message" | "frame" | "stream";
  /**
   * The bits, 0 to 7, that it sets on what it has transformed: on the first frame of a message, or on
   * the frame; 0 for a stream.
   */
  readonly reservedBits: number;

  /**
   * Transforms a part of a message, a frame of it, or of a stream the bytes of a frame. The result is
   * valid until the next call on any session; `undefined` sends it as it is, which of a message only
   * its first part may ask for.
   */
  encode(part: OutgoingPart): Uint8Array | undefined;

  /** Sessions with the same key make the same bytes of a message that they share with others. */
  readonly sharedKey: string;
  /** Transforms a whole message for all sessions of the same key; `undefined`: it is sent as it is. */
  encodeShared(payload: Uint8Array): Uint8Array | undefined;
  /** A message of {@linkcode encodeShared} was sent here. */
  sentShared(): void;

  /**
   * Takes a piece of what was transformed. What it stands for comes from {@linkcode read}; the piece
   * must stay as it is until that has returned less than it could.
   */
  push(piece: Uint8Array, endsUnit: boolean): void;
  /**
   * Fills `target` as far as what was pushed goes.
   *
   * @throws {Error} when that is broken.
   */
  read(target: Uint8Array): number;

  /** The connection is gone. */
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
}
