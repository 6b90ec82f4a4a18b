/** The callback reasons: libwebsockets' names in camelCase, and what each one's `data` is. */

import type { ClientRetry } from "./client/retry.ts";
import type { PollArgs, PollLock } from "./service.ts";
import type { ClientCertificateTrial, PrivateKeyLoader, TlsInfo, TrustLoader } from "./tls.ts";
import type { PresenceChange } from "./topics/presence.ts";
import type { TopicGap, TopicLag } from "./topics/topics.ts";
import type { Wsi } from "./wsi.ts";

/**
 * Adds header fields to a handshake while it is composed: the `data` of `clientAppendHandshakeHeader`.
 *
 * @category Protocols
 */
export interface HeaderAppender {
  /**
   * Adds one field.
   *
   * @throws {LwsError} `invalid-argument` when the name is no token or the value has a line break or another control
   *   character, or when the field is one that the handshake itself sets; `invalid-state` when a server's handshake is
   *   decided.
   */
  add(name: string, value: string): void;
}

/**
 * A WebSocket handshake that waits for a verdict, and whose 101 can get more fields: the `data` of
 * `filterProtocolConnection`.
 *
 * @category Protocols
 */
export interface HandshakeFilter extends HeaderAppender {
  /** The subprotocol that the 101 names, chosen from the client's list; empty when it names none. */
  readonly protocol: string;
  /** Those that the client offers, in its order of preference; frozen. */
  readonly protocols: readonly string[];
  /**
   * Has the 101 name another one of those that the client offers, or one where none is in common with
   * `subprotocols: "optional"`. The protocol that serves the connection stays the same.
   *
   * @throws {LwsError} `invalid-argument` for one that the client does not offer; `invalid-state` when the
   *   handshake is decided.
   */
  choose(protocol: string): void;
}

/**
 * Why a WebSocket connection ended, by what came first; what follows from it, as a timeout behind this
 * end's own close frame, doesn't count any more:
 *
 * - `"peer"`: the peer's close frame, or the end of its stream (TCP's FIN);
 * - `"self"`: `wsi.close`, `wsi.write` of a close frame, or `context.hangupOnClient`;
 * - `"keepAlive"`: the peer answered none of `kaProbes` probes;
 * - `"timeout"`: any other timeout, that of `wsi.setTimeout` included;
 * - `"unsent"`: more than `maxUnsentBytes` waited for the peer to read;
 * - `"limit"`: the peer went past `maxMessageSize`, `maxFramePayload` or another limit of what comes in,
 *   or past a rule (1008 and 1009);
 * - `"protocol"`: the peer broke RFC 6455 or what an extension of it says (1002, 1003 and 1007);
 * - `"reset"`: the connection below broke, as by TCP's RST, and nothing else was told before;
 * - `"callback"`: the program's own code: what a callback returned, or that it or an extension threw;
 * - `"destroy"`: `context.destroy`.
 *
 * @category Connections
 */
export type CloseCause =
  | "peer"
  | "self"
  | "keepAlive"
  | "timeout"
  | "unsent"
  | "limit"
  | "protocol"
  | "reset"
  | "callback"
  | "destroy";

/**
 * How a WebSocket connection ended: the `data` of `closed`.
 *
 * @category Connections
 */
export interface CloseInfo {
  /**
   * The peer's close code, or this end's when it began the closing handshake; 1005 when the peer's close
   * frame had none, 1006 when the connection ended without a closing handshake.
   */
  readonly code: number;
  /** The text beside the code; may be empty. */
  readonly reason: string;
  /**
   * Whether both sides sent a close frame (RFC 6455 section 7.1.4); in version hixie-75, which has none,
   * whether both streams ended, and not inside a message; the code is 1005 where the peer's did so first.
   */
  readonly wasClean: boolean;
  /** Why it ended. */
  readonly cause: CloseCause;
}

/**
 * Every reason for a callback, and the type of its `data` (`enum lws_callback_reasons`, its names without
 * `LWS_CALLBACK_` and in camelCase). What is said of numbers is for a raw `callback`; in
 * {@linkcode Handlers} −1 closes in every reason, and 1 in filters and HTTP reasons.
 * {@linkcode Protocol.callback} says in which reasons a promise is awaited.
 *
 * @category Protocols
 */
export interface ReasonData {
  /** The protocol is set up: once a context and protocol, before anything else. */
  protocolInit: undefined;
  /** The protocol is torn down: once a context and protocol, after everything else. */
  protocolDestroy: undefined;
  /**
   * First protocol; a connection was accepted and nothing read. `data` is its descriptor, for
   * `context.peerAddresses`; `wsi` stands for the listener. Non-zero hangs up.
   */
  filterNetworkConnection: number;
  /** First protocol; the connection object exists and may be set up. */
  serverNewClientInstantiated: undefined;
  /** First protocol; the outermost first notice of an accepted connection. */
  wsiCreate: undefined;
  /** First protocol; the last notice of any connection; `user` is still there. */
  wsiDestroy: undefined;
  /**
   * First protocol; a request that asks for no upgrade was parsed and not answered; `data` is its path.
   * Answered here, it goes no further, and the connection stays. Non-zero refuses it, with 403 unless it
   * was answered, and closes.
   */
  filterHttpConnection: string;
  /**
   * First protocol; answer a request that asks for no upgrade. `data` is its path, percent-decoded
   * and without `.`, `..` and query. Non-zero closes once what was written has left.
   */
  http: string;
  /** First protocol; a piece of the request body, which is the program's own. Non-zero closes. */
  httpBody: Uint8Array;
  /**
   * First protocol; the whole body has arrived, if only an empty one: it comes for every request that
   * declares a body, and for every POST, PUT and PATCH. Non-zero closes.
   */
  httpBodyCompletion: undefined;
  /** First protocol; asked for by `callbackOnWritable`. Negative closes. */
  httpWriteable: undefined;
  /** First protocol; `serveHttpFile` has sent the file. */
  httpFileCompletion: undefined;
  /** First protocol; a connection that never became a WebSocket ended. */
  closedHttp: undefined;
  /**
   * The chosen protocol; a WebSocket handshake was parsed and not answered. Non-zero refuses: with
   * what was answered here, else with 403. What was answered is refused with any number.
   */
  filterProtocolConnection: HandshakeFilter;
  /** A server's handshake is done; `data` is what is known of its TLS, if it has any. Non-zero closes. */
  established: TlsInfo | undefined;
  /** A piece of a frame came to a server, valid during the call. Negative closes. */
  receive: Uint8Array;
  /**
   * A ping came to a server; `data` is its payload, valid during the call. It is answered without help.
   * Negative closes.
   */
  receivePing: Uint8Array;
  /**
   * A pong came to a server; `data` is its payload, valid during the call. Those that answer the probes of
   * `kaTime` don't come here. Negative closes.
   */
  receivePong: Uint8Array;
  /** Asked for by `callbackOnWritable`, and nothing is unsent. Non-zero closes. */
  serverWriteable: undefined;
  /** An established WebSocket session ended; exactly once. */
  closed: CloseInfo;
  /** First protocol; a client's handshake is composed. */
  clientAppendHandshakeHeader: HeaderAppender;
  /** The server's answer is good; last chance to read its headers. Non-zero rejects. */
  clientFilterPreEstablish: undefined;
  /** A client's handshake is done. Non-zero closes. */
  clientEstablished: undefined;
  /** A piece of a frame came to a client, valid during the call. Non-zero closes. */
  clientReceive: Uint8Array;
  /**
   * A ping came to a client; `data` is its payload, valid during the call. It is answered without help.
   * Non-zero closes.
   */
  clientReceivePing: Uint8Array;
  /**
   * A pong came to a client; `data` is its payload, valid during the call. Those that answer the probes of
   * `kaTime` don't come here. Non-zero closes.
   */
  clientReceivePong: Uint8Array;
  /** Asked for by `callbackOnWritable`, and nothing is unsent. Non-zero closes. */
  clientWriteable: undefined;
  /**
   * A client's handshake failed; `data` tells why, with the status if a server or a proxy has answered one.
   * What it answered can be read here: `wsi.hdrCopy("http status")`, fields such as `"retry-after"`,
   * `"www-authenticate"` and `"location"`, and `"http body"`, of which the first 4 KiB are waited for,
   * for `clientTimeoutMs` at most. (A body without a length, and without `Connection: close`, is what
   * came along with its head.)
   */
  clientConnectionError: string;
  /**
   * A client is going to connect again, by its option `retry`: behind `closed` or `clientConnectionError`, on the
   * connection and to the protocol that had it. Non-zero, and a throw, have it not.
   */
  clientRetry: ClientRetry;
  /** `context.broadcast` has something for every established server connection; valid during the call. */
  broadcast: Uint8Array;
  /**
   * First protocol; a server is about to agree to the extension `data`, before `established`. Non-zero
   * refuses it, and a throw does no more than that.
   */
  confirmExtensionOkay: string;
  /**
   * First protocol; a client is about to offer the extension `data`. Non-zero leaves it out, and a
   * throw does no more than that.
   */
  clientConfirmExtensionSupported: string;
  /**
   * First protocol; once a context, from inside the first `clientConnect` with TLS, unless
   * `providedClientTls` is there: `data` takes further authorities that may vouch for servers, and over
   * `epollNetwork({ tls: "openssl" })` has the `SSL_CTX`. The result is of no consequence.
   */
  opensslLoadExtraClientVerifyCerts: TrustLoader;
  /**
   * First protocol; at the creation of a TLS server that asks for client certificates: `data` takes
   * further authorities that may vouch for clients. Over `epollNetwork({ tls: "openssl" })` it has the `SSL_CTX`, and
   * comes for each of them: one a certificate, those by host name included, and again from inside
   * `setCertificate`. The result is of no consequence.
   */
  opensslLoadExtraServerVerifyCerts: TrustLoader;
  /**
   * First protocol; at creation with a certificate and without a private key: `data` takes that, and over
   * `epollNetwork({ tls: "openssl" })` has the `SSL_CTX` to set it in. Non-zero, or no key, fails the creation.
   */
  opensslContextRequiresPrivateKey: PrivateKeyLoader;
  /**
   * First protocol; a client showed a certificate, and nothing of it was served. `data.accept()` lets it in
   * whatever the verdict; a number other than 0 or a throw drops it; else the verdict counts. Over
   * `epollNetwork({ tls: "openssl" })` `data` has the `SSL` and the `X509_STORE_CTX`. The
   * handshake itself needs no service; like any other reason this one comes in service only, and
   * `headerTimeoutMs` goes on meanwhile.
   */
  opensslPerformClientCertVerification: ClientCertificateTrial;
  /** First protocol; begin to watch a descriptor. Non-zero: it can't be watched and is closed. */
  addPollFd: PollArgs;
  /** First protocol; watch a descriptor no more. The result is of no consequence. */
  delPollFd: PollArgs;
  /** First protocol; watch a descriptor for something else. Non-zero: it can't be and is closed. */
  changeModePollFd: PollArgs;
  /** First protocol; what is watched is about to change. Non-zero: it can't, and the connection is closed. */
  lockPoll: PollLock;
  /** First protocol; what is watched has changed. Non-zero closes the connection. */
  unlockPoll: PollLock;
  /** First protocol; the first call of `service` or `serviceFd`. The result is of no consequence here. */
  getThreadId: undefined;
  /**
   * This connection has missed something of a topic for good, and what follows comes after this. Non-zero
   * closes.
   */
  topicGap: TopicGap;
  /**
   * This connection reads too slowly for a topic whose history is kept, and gets it from there as it reads on,
   * until it has caught up. Non-zero closes it with 1013.
   */
  topicLagging: TopicLag;
  /**
   * In a topic that this connection subscribes to, keys have joined or left by `context.presence`, at whichever
   * context: once for each change and subscriber. Non-zero closes.
   */
  presence: PresenceChange;
  /** First protocol; the broker can't be reached. Once an outage; the result is of no consequence. */
  brokerDown: undefined;
  /** First protocol; the broker is there again, behind `brokerDown`. The result is of no consequence. */
  brokerUp: undefined;
}

const NAMES: Record<keyof ReasonData, true> = {
  protocolInit: true,
  protocolDestroy: true,
  filterNetworkConnection: true,
  serverNewClientInstantiated: true,
  wsiCreate: true,
  wsiDestroy: true,
  filterHttpConnection: true,
  http: true,
  httpBody: true,
  httpBodyCompletion: true,
  httpWriteable: true,
  httpFileCompletion: true,
  closedHttp: true,
  filterProtocolConnection: true,
  established: true,
  receive: true,
  receivePing: true,
  receivePong: true,
  serverWriteable: true,
  closed: true,
  clientAppendHandshakeHeader: true,
  clientFilterPreEstablish: true,
  clientEstablished: true,
  clientReceive: true,
  clientReceivePing: true,
  clientReceivePong: true,
  clientWriteable: true,
  clientConnectionError: true,
  clientRetry: true,
  broadcast: true,
  opensslLoadExtraClientVerifyCerts: true,
  opensslLoadExtraServerVerifyCerts: true,
  opensslContextRequiresPrivateKey: true,
  opensslPerformClientCertVerification: true,
  confirmExtensionOkay: true,
  clientConfirmExtensionSupported: true,
  addPollFd: true,
  delPollFd: true,
  changeModePollFd: true,
  lockPoll: true,
  unlockPoll: true,
  getThreadId: true,
  topicGap: true,
  topicLagging: true,
  presence: true,
  brokerDown: true,
  brokerUp: true,
};

/** The names of the reasons that the library has. */
export const REASONS: readonly string[] = Object.keys(NAMES);

/** Whether `name` is a reason, the program's own included. */
export function isReason(name: string): name is Reason {
  return Object.hasOwn(NAMES, name) || name.startsWith("user:");
}

/**
 * A reason of the program's own, for `context.callbackAllProtocol`.
 *
 * @category Protocols
 */
export type UserReason = `user:${string}`;

/**
 * Why a callback runs.
 *
 * @category Protocols
 */
export type Reason = keyof ReasonData | UserReason;

/**
 * Reasons that come before or beside any connection's `user`.
 *
 * @category Protocols
 */
export type WithoutUser =
  | "opensslLoadExtraClientVerifyCerts"
  | "opensslLoadExtraServerVerifyCerts"
  | "opensslContextRequiresPrivateKey"
  | "protocolInit"
  | "protocolDestroy"
  | "filterNetworkConnection"
  | "addPollFd"
  | "delPollFd"
  | "changeModePollFd"
  | "lockPoll"
  | "unlockPoll"
  | "getThreadId"
  | "brokerDown"
  | "brokerUp";

/**
 * Reasons that ask the first protocol whether to use an extension.
 *
 * @category Protocols
 */
export type ConsentReason = "confirmExtensionOkay" | "clientConfirmExtensionSupported";

/**
 * Reasons that come to the first protocol for connections of any.
 *
 * @category Protocols
 */
export type WithAnyUser =
  | "wsiDestroy"
  | "clientAppendHandshakeHeader"
  | "clientConfirmExtensionSupported"
  | "clientConnectionError"
  | "clientRetry";

/**
 * The `user` of a reason.
 *
 * @category Protocols
 */
export type UserOf<R extends keyof ReasonData, User> = R extends WithoutUser ? undefined
  : R extends WithAnyUser ? unknown
  : User;

/**
 * What a callback is given: a union of tuples, so that `switch (reason)` narrows `data`.
 *
 * @category Protocols
 */
export type CallbackArguments<User> =
  | {
    [R in keyof ReasonData]: [
      wsi: Wsi<User>,
      reason: R,
      user: R extends WithoutUser ? undefined : User,
      data: ReasonData[R],
    ];
  }[keyof ReasonData]
  | [wsi: Wsi<User>, reason: UserReason, user: User, data: undefined];
