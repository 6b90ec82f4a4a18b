/** What programs see of a connection: the class behind {@linkcode Wsi}. */

import type { Context } from "../api/context.ts";
import type { IncomingRequest } from "../api/http/incoming_request.ts";
import type { PeerAddresses } from "../api/network.ts";
import type { ActiveProtocol } from "../api/protocol.ts";
import type { CloseCause } from "../api/reasons.ts";
import type { HttpCompletion, ResponseBodyInit } from "../api/response.ts";
import type { TimeoutReason } from "../api/timeouts.ts";
import type { TlsInfo } from "../api/tls.ts";
import type {
  Position,
  PublicationData,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from "../api/topics/topics.ts";
import type { PreparedMessage, WriteKind, WriteOptions } from "../api/write.ts";
import type { Wsi } from "../api/wsi.ts";
import type { Bytes } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { behind, Face, isFace } from "../base/face.ts";
import { paramsOf, type Requesting, requestOf } from "./http/requested.ts";
import type { HeaderSource, HttpExchange, Phase } from "./phase.ts";
import type { Framed } from "./prepared_message.ts";
import { messagesOf, type Receiving } from "./messages/inbox.ts";
import { send, type Sending } from "./messages/sending.ts";
import { publish, subscribe, unsubscribe } from "./topics/calls.ts";
import { checkTimeout } from "./timeout.ts";
import type { WireVersion } from "../core/websocket/wire_version.ts";
import type { Subscriber } from "../topics/subscriber.ts";
import type { TopicCalls } from "../topics/topics.ts";
import { checkArgumentName, checkCookieName, checkToken } from "../core/http/header_tokens.ts";

/** What a face asks of its connection. Implemented by Connection. */
interface Faced extends Subscriber<Framed>, Requesting, Receiving, Sending {
  readonly owner: Requesting["owner"] & Receiving["owner"] & {
    readonly face: Context;
    readonly topics: TopicCalls<Framed>;
  };
  readonly entry: Receiving["entry"] & { readonly active: ActiveProtocol };
  readonly descriptor: number;
  readonly isClient: boolean;
  readonly wireVersion: WireVersion | undefined;
  readonly isOpen: boolean;
  readonly user: unknown;
  readonly tls: TlsInfo | undefined;
  readonly extensions: readonly string[];
  readonly uri: string;
  readonly phase: Pick<Phase, "headers" | "response" | "frames" | "onThrow"> | undefined;
  readonly outbox: Sending["outbox"] & { readonly isCongested: boolean };
  write(
    data: Bytes | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number;
  callbackOnWritable(): number;
  allowInput(isAllowed: boolean): number;
  armTimeout(reason: TimeoutReason, delayMs: number, isOfProgram: boolean): void;
  close(cause: CloseCause, code: number | undefined, reason: string): number;
}

const connectionOf = behind<Faced>;

/** One connection for the program. */
export class WsiFace extends Face<Faced> implements Wsi {
  /** What a log or a debugger shows of it. */
  get [Symbol.toStringTag](): string {
    if (!isFace(this)) return "Wsi";
    return `Wsi ${this.socketFd} of ${this.isClient ? "client" : "server"}, ${this.protocol.name}`;
  }

  // The context, the protocol and the peer.

  get context(): Context {
    return connectionOf(this).owner.face;
  }

  get protocol(): ActiveProtocol {
    return connectionOf(this).entry.active;
  }

  get user(): unknown {
    return connectionOf(this).user;
  }

  get socketFd(): number {
    return connectionOf(this).descriptor;
  }

  get isSsl(): 0 | 1 | 2 {
    return connectionOf(this).isSsl;
  }

  get tls(): TlsInfo | undefined {
    return connectionOf(this).tls;
  }

  get isClient(): boolean {
    return connectionOf(this).isClient;
  }

  get wireVersion(): WireVersion | undefined {
    return connectionOf(this).wireVersion;
  }

  get extensions(): readonly string[] {
    return connectionOf(this).extensions;
  }

  get peerAddresses(): PeerAddresses {
    return connectionOf(this).peer?.addresses ?? { name: "", ip: "", port: 0 };
  }

  // The request, and what answers it.

  get uri(): string {
    return connectionOf(this).uri;
  }

  get request(): IncomingRequest | undefined {
    return requestOf(connectionOf(this));
  }

  get pathParams(): Readonly<Record<string, string>> {
    return paramsOf(connectionOf(this));
  }

  get rawUri(): string {
    return headersOf(this)?.rawUri ?? "";
  }

  get method(): string {
    return connectionOf(this).phase?.response?.method ?? "";
  }

  hdrTotalLength(token: string): number {
    checkToken("hdrTotalLength", token);
    return headersOf(this)?.totalLength(token) ?? 0;
  }

  hdrCopy(token: string, maxLength = Infinity): string | undefined {
    checkToken("hdrCopy", token);
    checkMaxLength("hdrCopy", maxLength);
    const text = headersOf(this)?.get(token);
    return text !== undefined && text.length <= maxLength ? text : undefined;
  }

  hdrCopyFragment(token: string, n: number, maxLength = Infinity): string | undefined {
    checkToken("hdrCopyFragment", token);
    if (!Number.isInteger(n) || n < 0) {
      refuseArgument("hdrCopyFragment", "n", n, "a whole number from 0 on");
    }
    checkMaxLength("hdrCopyFragment", maxLength);
    const text = headersOf(this)?.fragment(token, n);
    return text !== undefined && text.length <= maxLength ? text : undefined;
  }

  hdrValues(token: string): string[] {
    checkToken("hdrValues", token);
    return headersOf(this)?.values(token) ?? [];
  }

  headerNames(): string[] {
    return headersOf(this)?.names() ?? [];
  }

  hdrSnapshot(): Map<string, string> {
    return headersOf(this)?.snapshot() ?? new Map();
  }

  cookie(name: string): string | undefined {
    checkCookieName(name);
    return headersOf(this)?.cookie(name);
  }

  uriArg(name: string): string | undefined {
    checkArgumentName("uriArg", name);
    return headersOf(this)?.uriArgs(name)[0];
  }

  uriArgs(name: string): string[] {
    checkArgumentName("uriArgs", name);
    return headersOf(this)?.uriArgs(name) ?? [];
  }

  serveHttpFile(
    path: string,
    contentType?: string,
    headers: Iterable<readonly [string, string]> = [],
  ): 0 | -1 {
    return exchangeOf(this)?.serveFile(path, contentType, headers) ?? -1;
  }

  respond(
    status: number,
    body?: ResponseBodyInit | null,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | -1 {
    return exchangeOf(this)?.respond(status, body, headers) ?? -1;
  }

  returnHttpStatus(
    code: number,
    html?: string,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | 1 {
    return exchangeOf(this)?.returnStatus(code, html, headers) ?? 1;
  }

  writeEarlyHints(headers: Iterable<readonly [string, string]>): 0 | -1 {
    return exchangeOf(this)?.writeEarlyHints(headers) ?? -1;
  }

  writeHttpHeaders(status: number, headers: Iterable<readonly [string, string]>): 0 | -1 {
    return exchangeOf(this)?.writeHeaders(status, headers) ?? -1;
  }

  httpTransactionCompleted(options: HttpCompletion = {}): 0 | 1 {
    return exchangeOf(this)?.complete(options.trailers) ?? 1;
  }

  // Writing.

  write(
    data: Bytes | string | PreparedMessage,
    kind?: WriteKind,
    options?: WriteOptions,
  ): number {
    return connectionOf(this).write(data, kind, options);
  }

  send(
    data: Bytes | string | PreparedMessage,
    kind?: WriteKind,
    options?: WriteOptions,
  ): Promise<void> {
    return send(connectionOf(this), data, kind, options);
  }

  callbackOnWritable(): number {
    return connectionOf(this).callbackOnWritable();
  }

  get partialBuffered(): boolean {
    return connectionOf(this).outbox.isCongested;
  }

  get sendPipeChoked(): boolean {
    return connectionOf(this).outbox.unsent > 0;
  }

  get unsentBytes(): number {
    return connectionOf(this).outbox.unsent;
  }

  // The frame that is being received.

  get remainingPacketPayload(): number {
    return connectionOf(this).phase?.frames?.remaining ?? 0;
  }

  get isFinalFragment(): boolean {
    return connectionOf(this).phase?.frames?.isFinal ?? false;
  }

  get isFirstFragment(): boolean {
    return connectionOf(this).phase?.frames?.isFirstPiece ?? false;
  }

  get frameIsBinary(): boolean {
    return connectionOf(this).phase?.frames?.isBinary ?? false;
  }

  get reservedBits(): number {
    return connectionOf(this).phase?.frames?.reservedBits ?? 0;
  }

  messages(): AsyncIterableIterator<string | Uint8Array, undefined> {
    return messagesOf(connectionOf(this));
  }

  rxFlowControl(enable: boolean): number {
    if (typeof enable !== "boolean") {
      refuseArgument("rxFlowControl", "enable", enable, "true or false");
    }
    return connectionOf(this).allowInput(enable);
  }

  // Topics.

  subscribe(topic: string, options?: SubscribeOptions): Promise<Subscription> {
    const connection = connectionOf(this);
    return subscribe(connection.owner.topics, connection, topic, options);
  }

  unsubscribe(topic: string): boolean {
    const connection = connectionOf(this);
    return unsubscribe(connection.owner.topics, connection, topic);
  }

  publish(
    topic: string,
    data: PublicationData,
    options?: Omit<PublishOptions, "except">,
  ): Promise<Position> {
    const connection = connectionOf(this);
    return publish(connection.owner.topics, topic, data, connection, options);
  }

  get topics(): readonly string[] {
    const connection = connectionOf(this);
    return connection.owner.topics.topicsOf(connection);
  }

  // Its end.

  setTimeout(reason: TimeoutReason, seconds: number): void {
    checkTimeout(reason, seconds);
    connectionOf(this).armTimeout(reason, seconds * 1000, true);
  }

  close(code?: number, reason = ""): number {
    return connectionOf(this).close("self", code, reason);
  }
}

function headersOf(face: WsiFace): HeaderSource | undefined {
  return connectionOf(face).phase?.headers;
}

/** What can be answered still. */
function exchangeOf(face: WsiFace): HttpExchange | undefined {
  const connection = connectionOf(face);
  return connection.isOpen ? connection.phase?.response : undefined;
}

function checkMaxLength(call: string, maxLength: number): void {
  if (typeof maxLength === "number" && maxLength >= 0) return;
  refuseArgument(call, "maxLength", maxLength, "a number from 0 on");
}
