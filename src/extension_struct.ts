/** What a user writes to make an extension: the struct, its callback, and why that is called. */

import type { Context } from "./context.ts";
import type { Extension } from "./extensions/extension.ts";
import type { Wsi } from "./wsi.ts";

/**
 * Bytes that an extension is shown and may replace (`struct lws_tokens`). It may change the bytes in
 * place, shorten them by `tokenLength`, or point `token` to memory of its own, which must stay as it is
 * until its next call.
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
   * Our close frame, or our end without one, comes next. The token is null; bytes that it gets are sent
   * in front, as they are. A positive number asks to be called again.
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

/** Why an extension is called. */
export type ExtensionReason = keyof ExtensionReasonData;

/** Reasons that come for a context, and for none of its connections. */
export type WithoutWsi =
  | "serverContextConstruct"
  | "clientContextConstruct"
  | "serverContextDestruct"
  | "clientContextDestruct";

/** Reasons that come to every extension that is listed, in use on a connection or not. */
export type WithAnyWsi =
  | "checkOkToProposeExtension"
  | "anyWsiEstablished"
  | "destroyAnyWsiClosing";

/** What an extension's callback is given: a union of tuples, so that `switch (reason)` narrows. */
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

/** The callback of an extension (`extension_callback`). */
export type ExtensionCallback<User = unknown> = (
  ...args: ExtensionCallbackArguments<User>
) => number | void;

/**
 * An extension as a user writes it (`struct lws_extension`), for {@linkcode callbackExtension}.
 *
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
   * @default none: `user` is undefined
   */
  readonly perSessionData?: number | (() => User);
  /** What `extension.perContextPrivateData` is at first. @default {undefined} */
  readonly perContextPrivateData?: unknown;
}

/** What {@linkcode callbackExtension} makes. */
export interface CallbackExtension extends Extension {
  /** Free for the extension: data of its own, not of one connection. Every context that lists it has the same. */
  perContextPrivateData: unknown;
}
