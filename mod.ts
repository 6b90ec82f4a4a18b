/**
 * One port that speaks HTTP and WebSocket, server and client, driven by a callback per protocol:
 * libwebsockets' model for Deno, in pure TypeScript.
 *
 * @example A server that echoes
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({
 *       message(wsi, _user, message) {
 *         wsi.write(message, typeof message === "string" ? "text" : "binary");
 *       },
 *     }),
 *   }],
 * });
 * ```
 *
 * @module
 */

// What every program uses.
export { createContext } from "./src/context/face.ts";
export { protocol } from "./src/context/protocol/protocol.ts";
export { handlers } from "./src/context/handlers.ts";
export type { Protocol } from "./src/api/protocol.ts";
export type { Wsi } from "./src/api/wsi.ts";
export type { Context } from "./src/api/context.ts";
export type { ContextCreationInfo } from "./src/api/creation_info.ts";

// The rest, by use, one statement for each module.
export type { DatalessReason, DestroyOptions } from "./src/api/context.ts";
export {
  CONTEXT_PORT_NO_LISTEN,
  type ContextOptions,
  type ListenInfo,
  type Mount,
  type PlatformInfo,
  type ServicePolicy,
  type TrustProxy,
} from "./src/api/creation_info.ts";
export type { FetchInfo } from "./src/api/creation/fetch_info.ts";
export type { RateExcess, RateInfo } from "./src/api/creation/rate_info.ts";
export type { TokenLimits } from "./src/api/creation/token_limits.ts";
export type { SubprotocolPolicy, WireInfo } from "./src/api/creation/wire_info.ts";
export type { Draft04Masking, WireVersion } from "./src/core/websocket/wire_version.ts";
export { DEFAULT_LIMITS, type KeepAliveKind, type Limits } from "./src/api/limits.ts";
export type { DialMember, RefusedHandshake } from "./src/api/client/dial.ts";
export type { ClientRetry, ConnectFailure, RetryOptions } from "./src/api/client/retry.ts";
export type { ClientConnectInfo, ClientConnectOptions } from "./src/api/client_info.ts";
export { DEFAULT_TOPIC_LIMITS, type TopicInfo, type TopicLimits } from "./src/api/topics/limits.ts";
export type {
  ClientFailureCause,
  ConnectionTally,
  LimitName,
  ProtocolStats,
  RefusalCause,
  Stats,
  TrafficTally,
  TurnedAwayCause,
} from "./src/api/stats/stats.ts";
export {
  CONNECTION_CHANNEL,
  type ConnectionTrace,
  MESSAGE_CHANNEL,
  type MessageTrace,
} from "./src/api/tracing/tracing.ts";
export {
  type Broker,
  type BrokerEvents,
  type BrokerHistory,
  type BrokerPublication,
  type BrokerPublish,
  DEFAULT_HISTORY,
  DEFAULT_MEMORY_BOUNDS,
  type HistoryOptions,
  type MemoryBound,
  type MemoryBrokerOptions,
} from "./src/api/topics/broker.ts";
export type {
  BrokerPresence,
  PresenceMember,
  PresenceMembers,
} from "./src/api/topics/broker_presence.ts";
export type {
  Presence,
  PresenceChange,
  PresenceEntry,
  PresenceOptions,
  PresenceQuery,
  PresentConnection,
} from "./src/api/topics/presence.ts";
export type {
  HistoryQuery,
  Position,
  Publication,
  PublicationData,
  PublishOptions,
  SubscribeOptions,
  Subscription,
  SubscriptionStart,
  TopicGap,
  TopicHistory,
  TopicLag,
  TopicMember,
  TopicPublisher,
} from "./src/api/topics/topics.ts";
export { memoryBroker } from "./src/topics/memory_broker.ts";
export { libraryVersion } from "./src/base/version.ts";
export type { ActiveProtocol, CallbackResult } from "./src/api/protocol.ts";
export type {
  CallbackArguments,
  CloseCause,
  CloseInfo,
  ConsentReason,
  HandshakeFilter,
  HeaderAppender,
  Reason,
  ReasonData,
  UserOf,
  UserReason,
  WithAnyUser,
  WithoutUser,
} from "./src/api/reasons.ts";
export type {
  HandlerResult,
  Handlers,
  VerdictReason,
} from "./src/context/protocol/method_types.ts";
export type { EverydayHandlers, ProtocolDefinition } from "./src/context/protocol/protocol.ts";
export type { AnswerMember } from "./src/api/http/answer.ts";
export type { FetchHandler } from "./src/api/http/fetch.ts";
export type { IncomingRequest } from "./src/api/http/incoming_request.ts";
export type { RequestMember } from "./src/api/http/request.ts";
export type {
  Handshake,
  HandshakeAcceptance,
  HandshakeHeaders,
  UpgradeHandler,
  UpgradeResult,
} from "./src/api/http/upgrade.ts";
export type { MessageMember } from "./src/api/messages/messages.ts";
export type { HttpCompletion, ResponseBodyInit, ResponseBodyStream } from "./src/api/response.ts";
export { TIMEOUT_REASONS, type TimeoutReason } from "./src/api/timeouts.ts";
export type { PreparedMessage, WriteKind, WriteOptions } from "./src/api/write.ts";
export { prepareMessage } from "./src/connection/prepared_message.ts";
export { allocPadded, PRE_PADDING } from "./src/core/websocket/lws_padding.ts";
export { CLOSE_STATUS } from "./src/core/websocket/close.ts";
export { HttpHeaderBlock } from "./src/core/http/header_block.ts";
export { HEADER_TOKENS, type HeaderToken, tokenToString } from "./src/core/http/header_tokens.ts";
export { HTTP_STATUS } from "./src/core/http/status.ts";
export type { FileOps, FileStat, OpenFile } from "./src/api/file_ops.ts";
export { hostFileOps, type HostFileOptions } from "./src/transport/host_files.ts";
export type { HostFile, HostFileFacts } from "./src/base/runtime/types.ts";
export { callbackExtension } from "./src/extensions/callback_extension.ts";
export {
  type AcceptedExtension,
  type CallbackExtension,
  type Extension,
  type ExtensionCallback,
  type ExtensionCallbackArguments,
  ExtensionFailure,
  type ExtensionReason,
  type ExtensionReasonData,
  type ExtensionSession,
  type ExtensionStruct,
  type ExtensionToken,
  type IncomingFrame,
  type OutgoingPart,
  type WithAnyWsi,
  type WithoutWsi,
} from "./src/api/extension.ts";
export type { ExtensionOffer, ExtensionParam } from "./src/core/websocket/extension_header.ts";
export { deflateFrame, xWebkitDeflateFrame } from "./src/extensions/deflate_frame.ts";
export { deflateStream, type DeflateStreamOptions } from "./src/extensions/deflate_stream.ts";
export { permessageDeflate } from "./src/extensions/permessage_deflate.ts";
export type { PermessageDeflateOptions } from "./src/extensions/permessage_deflate_params.ts";
export type {
  CertificateInfo,
  ClientCertificateTrial,
  PeerCertificate,
  PrivateKeyLoader,
  TlsInfo,
  TlsMembers,
  TrustLoader,
} from "./src/api/tls.ts";
export {
  type Broadcaster,
  type BroadcastTarget,
  connectBroadcast,
} from "./src/remote/broadcast_client.ts";
export { portBroker } from "./src/remote/broker/port_broker.ts";
export { shareBroker, type SharedBroker, type ShareOptions } from "./src/remote/broker/share.ts";
export { type ForkOptions, forkServiceLoop } from "./src/remote/fork.ts";
export type { ForkedProtocol, ForkedService, ForkInfo } from "./src/remote/forked_service.ts";
export { type RemoteContext, remoteContext } from "./src/remote/remote_context.ts";
export {
  type Clock,
  type PollArgs,
  POLLERR,
  type PollFd,
  POLLHUP,
  POLLIN,
  type PollLock,
  POLLOUT,
} from "./src/api/service.ts";
export { LwsError, type LwsErrorCode } from "./src/base/errors.ts";
export { LOG_LEVELS, type LogEmitter, type LogLevel, setLogLevel } from "./src/base/log.ts";
export type {
  Address,
  Dialling,
  Listener,
  Network,
  NetworkFeature,
  NetworkTarget,
  PeerAddresses,
  PolledHost,
  PolledListener,
  PolledNetwork,
  PolledWait,
  StreamConn,
  StreamListener,
  TcpKeepAlive,
  Transport,
  TransportHandler,
} from "./src/api/network.ts";
