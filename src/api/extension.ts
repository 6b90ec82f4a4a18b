/** The seam for extensions (RFC 6455 section 9): what is negotiated, and what it does to messages. */

import type { Context } from "./context.ts";
import type { Wsi } from "./wsi.ts";
import type { ExtensionOffer } from "../core/websocket/extension_header.ts";

/**
 * An extension as a context lists it. A connection uses as many of them as both sides agree to; the
 * order of the server's answer is that in which a sender applies them (section 9.1), so that after
 * "foo, bar" a message leaves as bar(foo(message)).
 *
 * Implemented by what {@linkcode permessageDeflate}, {@linkcode deflateFrame},
 * {@linkcode deflateStream} and {@linkcode callbackExtension} return, and by programs; called by a
 * context and its connections as each member says. {@linkcode callbackExtension} has an example of the
 * shorter way to write one.
 *
 * @category Extensions
 */
export interface Extension {
  /** The name under which it is negotiated. */
  readonly name: string;
  /** Of those with the same group a connection uses one at most. Default: none. */
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

/**
 * What a server agreed to.
 *
 * @category Extensions
 */
export interface AcceptedExtension {
  /** The element of `Sec-WebSocket-Extensions` that says so. */
  readonly answer: string;
  /** What it does on the connection. */
  readonly session: ExtensionSession;
}

/**
 * What an extension throws when it can't go on, and has logged why: the connection is failed with 1011
 * without a reason. Any other error is logged by the library, with its stack.
 *
 * @category Extensions
 */
export class ExtensionFailure extends Error {
  /** `"ExtensionFailure"`. */
  override readonly name = "ExtensionFailure";
}

/**
 * A negotiated extension on one connection; made by {@linkcode Extension.accept} or
 * {@linkcode Extension.confirm} for each. Called by the connection: {@linkcode begin} first,
 * {@linkcode close} last.
 *
 * @category Extensions
 */
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
   * Default: `reservedBits`, on the first frame of a message, or on the frame.
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
   * Copies what it still needs of the piece that was pushed, as its bytes change from now on: receiving
   * was stopped, or the turn of the connection is over, before `read` had returned all. A session without
   * this method is given copies, which stay as they are.
   *
   * @throws {Error} which fails the connection, as for `read`.
   */
  keep?(): void;
  /** How many bytes it holds of what was pushed, and of what that stands for: `maxBufferedBytes`. Default: none. */
  readonly held?: number;
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
   * This end's close frame comes next or, without one, the end of its stream: `send` puts bytes in front
   * of that, as they are.
   *
   * @throws {Error} to end the connection without a close frame.
   */
  flush?(send: (bytes: Uint8Array) => void): void;
  /** The connection is gone, or does not use it after all. */
  close(): void;
}

/**
 * A part of a message on its way out.
 *
 * @category Extensions
 */
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

/**
 * A data frame on its way in.
 *
 * @category Extensions
 */
export interface IncomingFrame {
  /** Its payload bytes that come after the piece in hand. */
  readonly remaining: number;
  /** Whether it is the last one of its message. */
  readonly isFinal: boolean;
  /** The reserved bits of its message, or where they stand on each frame, its own. */
  readonly reservedBits: number;
}

/**
 * Bytes that an extension is shown and may replace (`struct lws_tokens`). It may change the bytes in
 * place, shorten them by `tokenLength`, or point `token` to memory of its own, which must stay as it is
 * until its next call.
 *
 * @category Extensions
 */
export interface ExtensionToken {
  /** The bytes; null when there are none. */
  token: Uint8Array | null;
  /** How many bytes of `token` count, from its first on. */
  tokenLength: number;
}

/**
 * Every reason for which an extension is called, and the type of its `data`: the C library's
 * `LWS_EXT_CALLBACK_` constants without their prefix. Those that only a multiplexer needs, which makes
 * several connections of one, are left out: packetTxDoSend, handshakeReplyTx, extendedPayloadRx,
 * canProxyClientConnection, requestOnWriteable and isWriteable.
 *
 * What returns a negative number or throws closes the connection with 1011, or fails its handshake, and
 * is logged. Where nothing else is said, other numbers mean nothing.
 *
 * @category Extensions
 */
export interface ExtensionReasonData {
  /** A context that listens was set up; `wsi` and `user` are undefined. */
  serverContextConstruct: undefined;
  /** A context that only connects was set up; `wsi` and `user` are undefined. */
  clientContextConstruct: undefined;
  /** A context that listens has ended; `wsi` and `user` are undefined. */
  serverContextDestruct: undefined;
  /** A context that only connects has ended; `wsi` and `user` are undefined. */
  clientContextDestruct: undefined;
  /** A server is about to send the answer that puts it into use on a connection; set up `user`. */
  construct: undefined;
  /** A client has got that answer; set up `user`. */
  clientConstruct: undefined;
  /**
   * The program closes the connection, by `wsi.close` or a return value. A positive number keeps it
   * open; `wsi.close` then returns −1. Not asked when the peer, a failure, a timeout or the end of the
   * context closes it.
   */
  checkOkToReallyClose: undefined;
  /**
   * A client is about to offer the extension `data`, this one or another one of the list; `user` is
   * undefined. Anything but 0 leaves it out.
   */
  checkOkToProposeExtension: string;
  /** The connection is about to be freed, and `user` with it. */
  destroy: undefined;
  /** A WebSocket has ended, whether it used this extension or not; `user` is undefined. */
  destroyAnyWsiClosing: undefined;
  /** A WebSocket was established, whether it uses this extension or not; `user` is undefined. */
  anyWsiEstablished: undefined;
  /**
   * Bytes have arrived, and were not parsed; frames may begin and end anywhere in them. A positive
   * number asks to be called again with a null token for more; with none, the next piece is waited for.
   */
  packetRxPreparse: ExtensionToken;
  /**
   * A whole frame of data, header and all, is about to leave; control frames are not shown. A positive
   * number asks to be called again with a null token for more, which follows it.
   */
  packetTxPresend: ExtensionToken;
  /**
   * This end's close frame or, without one, the end of its stream comes next. The token is null; bytes
   * that it gets are sent in front, as they are. A positive number asks to be called again.
   */
  flushPendingTx: ExtensionToken;
  /** Once a second for each connection that uses it. */
  "1hz": undefined;
  /**
   * The payload of a data frame that was written, before it is framed; empty ones are not shown. A
   * positive number asks to be called again with a null token for more of the same frame.
   */
  payloadTx: ExtensionToken;
  /**
   * A piece of the payload of a data frame that has come, cut anywhere; empty ones are not shown. A
   * positive number asks to be called again with a null token for more of it.
   */
  payloadRx: ExtensionToken;
}

/**
 * Why an extension is called.
 *
 * @category Extensions
 */
export type ExtensionReason = keyof ExtensionReasonData;

/**
 * Reasons that come for a context, and for none of its connections.
 *
 * @category Extensions
 */
export type WithoutWsi =
  | "serverContextConstruct"
  | "clientContextConstruct"
  | "serverContextDestruct"
  | "clientContextDestruct";

/**
 * Reasons that come to every extension that is listed, in use on a connection or not.
 *
 * @category Extensions
 */
export type WithAnyWsi =
  | "checkOkToProposeExtension"
  | "anyWsiEstablished"
  | "destroyAnyWsiClosing";

/**
 * What an extension's callback is given: a union of tuples, so that `switch (reason)` narrows.
 *
 * @category Extensions
 */
export type ExtensionCallbackArguments<User> = {
  [R in ExtensionReason]: [
    context: Context,
    extension: CallbackExtension,
    wsi: R extends WithoutWsi ? undefined : Wsi,
    reason: R,
    user: R extends WithoutWsi | WithAnyWsi ? undefined : User,
    data: ExtensionReasonData[R],
  ];
}[ExtensionReason];

/**
 * The callback of an extension (`extension_callback`).
 *
 * @category Extensions
 */
export type ExtensionCallback<User = unknown> = (
  ...args: ExtensionCallbackArguments<User>
) => number | void;

/**
 * An extension as a user writes it (`struct lws_extension`), for {@linkcode callbackExtension}.
 *
 * @category Extensions
 * @typeParam User The type of the per-session data.
 */
export interface ExtensionStruct<User = unknown> {
  /** The name under which it is negotiated, without parameters: a token of RFC 9110 section 5.6.2. */
  readonly name: string;
  /**
   * Called for every reason. Name all six parameters: only then does the compiler narrow `data` by
   * `reason`.
   */
  callback(...args: ExtensionCallbackArguments<User>): number | void;
  /**
   * Makes the `user` of each connection that uses it, just before `construct`. A number gives a zeroed
   * `ArrayBuffer` of so many bytes.
   *
   * Default: none, and `user` is undefined.
   */
  readonly perSessionData?: number | (() => User);
  /** What `extension.perContextPrivateData` is at first. Default: `undefined`. */
  readonly perContextPrivateData?: unknown;
}

/**
 * What {@linkcode callbackExtension} makes.
 *
 * @category Extensions
 */
export interface CallbackExtension extends Extension {
  /** Free for the extension: data of its own, not of one connection. Every context that lists it has the same. */
  perContextPrivateData: unknown;
}
