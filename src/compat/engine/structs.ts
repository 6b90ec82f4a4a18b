/** The C structs that more than one generation has, with their members' C names. */

import type { Context } from "../../api/context.ts";
import type { Extension } from "../../api/extension.ts";
import type { TlsMembers } from "../../api/tls.ts";
import type { Box } from "./guards.ts";
import type { OwnOptions } from "./limits.ts";

/**
 * `struct lws_tokens`: a piece of text or bytes and its length; null and 0 when it is absent.
 *
 * @typeParam Text A string in header arrays, bytes in what extensions are given.
 */
export interface lws_tokens<Text = string> {
  /** The text; null for none. */
  token: Text | null;
  /** Its length. */
  token_len: number;
}

/** The members that `struct libwebsocket_protocols` always had. */
export interface ProtocolStruct<Callback = never> {
  /** What clients name in `Sec-WebSocket-Protocol`, or several such names with commas. */
  name: string | null;
  /** The callback; null ends a list. */
  callback: Callback | null;
  /**
   * Bytes of the `user` of each connection, a zeroed `ArrayBuffer`; or a function that makes the
   * `user`. Default: `0`: `user` is null.
   */
  per_session_data_size?: number | (() => unknown);
}

/** What creation writes into a protocol struct, before 2014. */
export interface FilledIn {
  /** The context that serves the protocol. */
  owning_server?: Context | null;
  /** Its position in the list, from 0. */
  protocol_index?: number;
}

/** What creation writes into a protocol struct, while there was broadcasting. */
export interface BroadcastFilledIn extends FilledIn {
  /** The port on the loopback interface that takes broadcasts. */
  broadcast_socket_port?: number;
  /** The descriptor of this side's connection to that port; −1 for none. */
  broadcast_socket_user_fd?: number;
  /**
   * What has to be sent to that port before it takes anything, 64 hexadecimal digits; C took broadcasts
   * from every process of the machine. Any process that knows it can broadcast.
   */
  broadcast_socket_token?: string;
}

/** `struct libwebsocket_extension`, or an extension of the main API. */
export type ExtensionStruct<Callback = never> = ExtensionMembers<Callback> | Extension;

/** The members of `struct libwebsocket_extension`. */
export interface ExtensionMembers<Callback = never> {
  /** The formal name, such as `deflate-stream`. */
  name: string | null;
  /** The callback; null ends a list. */
  callback: Callback | null;
  /** Bytes of the `user` of each use, a zeroed `ArrayBuffer`. Default: `0`. */
  per_session_data_size?: number;
  /** Free for the extension, for a context in all. */
  per_context_private_data?: unknown;
}

/** `struct lws_token_limits`: the most characters of each header, by token number; 0 empties it. */
export interface lws_token_limits {
  /** The limits; all of them have to be set. */
  token_limit: number[];
}

/** A value, or a promise for it: file access takes time. */
export type Soon<T> = T | Promise<T>;

/** `struct lws_plat_file_ops`; entries can be replaced, also while the context serves. */
export interface lws_plat_file_ops {
  /** Opens a file and sets its length; returns a handle, or `LWS_INVALID_FILE`. */
  open(wsi: unknown, filename: string, filelen: Box<number>, flags: number): Soon<unknown>;
  /** Closes it. */
  close(wsi: unknown, fd: unknown): Soon<number | void>;
  /** Moves by `offset_from_cur_pos` bytes; returns the position, or −1. */
  seek_cur(wsi: unknown, fd: unknown, offset_from_cur_pos: number): Soon<number>;
  /** Reads at most `len` bytes and sets how many; returns 0, or −1. */
  read(
    wsi: unknown,
    fd: unknown,
    amount: Box<number>,
    buf: Uint8Array,
    len: number,
  ): Soon<number>;
  /** Writes at most `len` bytes and sets how many; returns 0, or −1. */
  write(
    wsi: unknown,
    fd: unknown,
    amount: Box<number>,
    buf: Uint8Array,
    len: number,
  ): Soon<number>;
}

/** The members of `struct lws_context_creation_info`; 2013 had fewer of them. */
export interface CreationStruct<Protocol, ExtensionOf> {
  /** The port to listen on, or `CONTEXT_PORT_NO_LISTEN`. */
  port: number;
  /** Null for all interfaces, or which one. */
  iface?: string | null;
  /** The protocols; the first one gets all of HTTP. */
  protocols: Protocol[];
  /** Null, or extensions, the most wanted first. */
  extensions?: ExtensionOf[] | null;
  /** Null, or how many characters of which header are read. */
  token_limits?: lws_token_limits | null;
  /**
   * The certificate, by its path or as PEM text; null for plain HTTP. In a context that does not listen
   * it is what clients show.
   */
  ssl_cert_filepath?: string | null;
  /**
   * The key of the certificate, likewise; ignored without one. With null `LWS_CALLBACK_OPENSSL_CONTEXT_REQUIRES_PRIVATE_KEY`
   * asks for it; in 2013 nothing did, and a certificate without its key is refused.
   */
  ssl_private_key_filepath?: string | null;
  /** The passphrase of the key. */
  ssl_private_key_password?: string | null;
  /**
   * Certificates of the authorities that clients trust, likewise, and servers that demand a certificate
   * of their clients, which in C had to load them by a callback.
   */
  ssl_ca_filepath?: string | null;
  /**
   * Null, `DEFAULT`, or over `overNetwork(epollNetwork({ tls: "openssl" }), …)` any list of OpenSSL's, of TLS 1.2:
   * the runtime has one list of its own. Ciphers that OpenSSL has given up since, such as RC4, are passed over, and
   * the log names them.
   */
  ssl_cipher_list?: string | null;
  /** Null, or the proxy through which clients connect. */
  http_proxy_address?: string | null;
  /** The port of the proxy. */
  http_proxy_port?: number;
  /** The group to change to; −1 for none. */
  gid?: number;
  /** The user to change to; −1 for none. */
  uid?: number;
  /** `LWS_SERVER_OPTION_` bits. */
  options?: number;
  /** What `lws_context_user` returns. */
  user?: unknown;
  /** Seconds without traffic until the peer is probed; 0 for no probes. */
  ka_time?: number;
  /** How many probes may go without an answer. */
  ka_probes?: number;
  /** Seconds between two probes. */
  ka_interval?: number;
  /** Null, or a function that makes TLS of the connections of clients. */
  provided_client_ssl_ctx?: TlsMembers["providedClientTls"];
  /**
   * Null, or limits of `createContext`, which C had not, and the versions of the protocol to speak;
   * `docs/porting.md` lists what stands where none is given.
   */
  limits?: OwnOptions | null;
}
