/** The C types that generations before December 2015 share, under the names of then. */

import type { Context } from "../../api/context.ts";
import type { PollFd } from "../../api/service.ts";
import type { Wsi } from "../../api/wsi.ts";
import type { ExtensionMembers, lws_tokens } from "./structs.ts";

/** `struct libwebsocket`: a connection. */
export type libwebsocket = Wsi;
/** `struct libwebsocket_context`. */
export type libwebsocket_context = Context;
/** `struct pollfd`: `fd`, `events` and `revents`. */
export type pollfd = PollFd;
/** `enum libwebsocket_callback_reasons`: `LWS_CALLBACK_` numbers. */
export type libwebsocket_callback_reasons = number;
/** `enum libwebsocket_extension_callback_reasons`: `LWS_EXT_CALLBACK_` numbers. */
export type libwebsocket_extension_callback_reasons = number;
/** `enum libwebsocket_write_protocol`: `LWS_WRITE_` numbers, with their flags. */
export type libwebsocket_write_protocol = number;
/** `enum pending_timeout`: `PENDING_TIMEOUT_` numbers. */
export type pending_timeout = number;
/** `enum lws_token_indexes`: `WSI_TOKEN_` numbers. */
export type lws_token_indexes = number;

/** The callback of a protocol or of a server until 2011, which names the types that it expects of `user` and `in`. */
export type libwebsocket_callback = {
  call(
    wsi: libwebsocket,
    reason: number,
    user: unknown,
    data: unknown,
    len: number,
  ): number | void;
}["call"];

/**
 * The callback of a protocol since October 2012, which is given the context as well; it names the types
 * that it expects of `user` and `in`.
 */
export type callback_function = {
  call(
    context: libwebsocket_context,
    wsi: libwebsocket,
    reason: number,
    user: unknown,
    data: unknown,
    len: number,
  ): number | void;
}["call"];

/** The callback of an extension; `data` is an {@linkcode lws_tokens} for packets, and for payload. */
export type extension_callback_function = {
  call(
    context: libwebsocket_context,
    ext: libwebsocket_extension,
    wsi: libwebsocket,
    reason: number,
    user: unknown,
    data: lws_tokens<Uint8Array> | string | null,
    len: number,
  ): number | void;
}["call"];

/** `struct libwebsocket_extension`. */
export type libwebsocket_extension = ExtensionMembers<extension_callback_function>;
