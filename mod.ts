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

export { callbackExtension } from "./src/extensions/callback_extension.ts";
export {
  type Broadcaster,
  type BroadcastTarget,
  connectBroadcast,
} from "./src/remote/broadcast_client.ts";
export type { DestroyOptions } from "./src/api/context.ts";
export type { ClientConnectInfo } from "./src/api/client_info.ts";
export type { Context, DatalessReason } from "./src/api/context.ts";
export { CLOSE_STATUS } from "./src/core/websocket/close.ts";
export type { ContextCreationInfo, ServicePolicy } from "./src/api/creation_info.ts";
export { HEADER_TOKENS, type HeaderToken } from "./src/core/http/header_tokens.ts";
export { HTTP_STATUS } from "./src/core/http/status.ts";
export { LwsError, type LwsErrorCode } from "./src/base/errors.ts";
export type { ExtensionOffer, ExtensionParam } from "./src/core/websocket/extension_header.ts";
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
} from "./src/api/extension.ts";
export {
  type AcceptedExtension,
  type Extension,
  ExtensionFailure,
  type ExtensionSession,
  type IncomingFrame,
  type OutgoingPart,
} from "./src/api/extension.ts";
export { deflateFrame, xWebkitDeflateFrame } from "./src/extensions/deflate_frame.ts";
export { deflateStream, type DeflateStreamOptions } from "./src/extensions/deflate_stream.ts";
export { permessageDeflate } from "./src/extensions/permessage_deflate.ts";
export type { PermessageDeflateOptions } from "./src/extensions/permessage_deflate_params.ts";
export type { FileOps, FileStat, OpenFile } from "./src/api/file_ops.ts";
export type { Mount } from "./src/api/creation_info.ts";
export {
  type ForkedProtocol,
  type ForkedService,
  type ForkInfo,
  forkServiceLoop,
} from "./src/remote/fork.ts";
export {
  type HandlerResult,
  type Handlers,
  handlers,
  type VerdictReason,
} from "./src/context/handlers.ts";
export { hostFileOps, type HostFileOptions } from "./src/transport/host_files.ts";
export { HttpHeaderBlock } from "./src/core/http/header_block.ts";
export { CONTEXT_PORT_NO_LISTEN, type ListenInfo } from "./src/api/creation_info.ts";
export type { TrustProxy } from "./src/api/creation_info.ts";
export { DEFAULT_LIMITS, type Limits } from "./src/api/limits.ts";
export { LOG_LEVELS, type LogEmitter, type LogLevel, setLogLevel } from "./src/base/log.ts";
export { allocPadded, PRE_PADDING } from "./src/core/websocket/lws_padding.ts";
export { prepareMessage } from "./src/connection/prepared_message.ts";
export type { ContextOptions, PlatformInfo } from "./src/api/creation_info.ts";
export {
  type PollArgs,
  POLLERR,
  type PollFd,
  POLLHUP,
  POLLIN,
  type PollLock,
  POLLOUT,
} from "./src/api/service.ts";
export type { ActiveProtocol, CallbackResult, Protocol } from "./src/api/protocol.ts";
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
  CertificateInfo,
  ClientCertificateTrial,
  PrivateKeyLoader,
  TlsMembers,
  TrustLoader,
} from "./src/api/tls.ts";
export type { PeerCertificate, TlsInfo } from "./src/api/tls.ts";
export type { Clock } from "./src/api/service.ts";
export { type RemoteContext, remoteContext } from "./src/remote/remote_context.ts";
export { createContext } from "./src/context/context.ts";
export type { StreamConn, StreamListener } from "./src/api/network.ts";
export type {
  Address,
  Listener,
  Network,
  NetworkTarget,
  Transport,
  TransportHandler,
} from "./src/api/network.ts";
export { TIMEOUT_REASONS, type TimeoutReason } from "./src/api/wsi.ts";
export type { TokenLimits } from "./src/api/creation_info.ts";
export { tokenToString } from "./src/core/http/header_tokens.ts";
export { libraryVersion } from "./src/base/version.ts";
export type {
  HttpCompletion,
  PeerAddresses,
  PreparedMessage,
  ResponseBodyInit,
  ResponseBodyStream,
  WriteKind,
  WriteOptions,
  Wsi,
} from "./src/api/wsi.ts";
