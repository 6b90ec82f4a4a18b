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

export { callbackExtension } from "./src/callback_extension.ts";
export {
  type Broadcaster,
  type BroadcastTarget,
  connectBroadcast,
} from "./src/connect_broadcast.ts";
export type { DestroyOptions } from "./src/departure.ts";
export type { ClientConnectInfo } from "./src/client_info.ts";
export type { Context, DatalessReason } from "./src/context.ts";
export { CLOSE_STATUS } from "./src/core/close.ts";
export type { ContextCreationInfo, ServicePolicy } from "./src/creation_info.ts";
export { HEADER_TOKENS, type HeaderToken } from "./src/core/header_tokens.ts";
export { HTTP_STATUS } from "./src/core/http_status.ts";
export { LwsError, type LwsErrorCode } from "./src/errors.ts";
export type { ExtensionOffer, ExtensionParam } from "./src/core/extension_list.ts";
export type {
  CallbackExtension,
  ExtensionCallback,
  ExtensionCallbackArguments,
  ExtensionReason,
  ExtensionReasonData,
  ExtensionStruct,
  ExtensionToken,
  WithAnyWsi,
  WithoutWsi,
} from "./src/extension_struct.ts";
export {
  type AcceptedExtension,
  type Extension,
  ExtensionFailure,
  type ExtensionSession,
  type IncomingFrame,
  type OutgoingPart,
} from "./src/extensions/extension.ts";
export { deflateFrame, xWebkitDeflateFrame } from "./src/extensions/deflate_frame.ts";
export { deflateStream, type DeflateStreamOptions } from "./src/extensions/deflate_stream.ts";
export { permessageDeflate } from "./src/extensions/permessage_deflate.ts";
export type { PermessageDeflateOptions } from "./src/extensions/permessage_deflate_params.ts";
export type { FileOps, FileStat, OpenFile } from "./src/file_ops.ts";
export type { Mount } from "./src/files/mounts.ts";
export {
  type ForkedProtocol,
  type ForkedService,
  type ForkInfo,
  forkServiceLoop,
} from "./src/fork_service_loop.ts";
export { type HandlerResult, type Handlers, handlers, type VerdictReason } from "./src/handlers.ts";
export { hostFileOps, type HostFileOptions } from "./src/host_file_ops.ts";
export { HttpHeaderBlock } from "./src/http_header_block.ts";
export { CONTEXT_PORT_NO_LISTEN, type ListenInfo } from "./src/listen_info.ts";
export type { TrustProxy } from "./src/core/forwarded_for.ts";
export { DEFAULT_LIMITS, type Limits } from "./src/limits.ts";
export { LOG_LEVELS, type LogEmitter, type LogLevel, setLogLevel } from "./src/log.ts";
export { allocPadded, PRE_PADDING } from "./src/padded.ts";
export { PreparedMessage, prepareMessage } from "./src/prepared_message.ts";
export type { ContextOptions, PlatformInfo } from "./src/platform_options.ts";
export {
  type PollArgs,
  POLLERR,
  type PollFd,
  POLLHUP,
  POLLIN,
  type PollLock,
  POLLOUT,
} from "./src/service/polling.ts";
export type { ActiveProtocol, CallbackResult, Protocol } from "./src/protocol.ts";
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
} from "./src/reasons.ts";
export type {
  CertificateInfo,
  ClientCertificateTrial,
  PrivateKeyLoader,
  TlsMembers,
  TrustLoader,
} from "./src/tls_members.ts";
export type { PeerCertificate, TlsInfo } from "./src/transport/tls_info.ts";
export type { Clock } from "./src/service/clock.ts";
export { type RemoteContext, remoteContext } from "./src/remote_context.ts";
export { createContext } from "./src/serving_context.ts";
export type { StreamConn, StreamListener } from "./src/transport/tcp.ts";
export type {
  Address,
  Listener,
  Network,
  NetworkTarget,
  Transport,
  TransportHandler,
} from "./src/transport/transport.ts";
export { TIMEOUT_REASONS, type TimeoutReason } from "./src/timeout_reasons.ts";
export type { TokenLimits } from "./src/token_limits.ts";
export { tokenToString } from "./src/token_names.ts";
export { libraryVersion } from "./src/version.ts";
export type {
  HttpCompletion,
  PeerAddresses,
  ResponseBodyInit,
  ResponseBodyStream,
  WriteKind,
  WriteOptions,
  Wsi,
} from "./src/wsi.ts";
