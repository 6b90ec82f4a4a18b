/** What programs read of a connection, and the calls that answer its request. */

import type { Context } from "../api/context.ts";
import type { Address, PeerAddresses } from "../api/network.ts";
import type { ActiveProtocol } from "../api/protocol.ts";
import type { TlsInfo } from "../api/tls.ts";
import type { HttpCompletion, ResponseBodyInit } from "../api/response.ts";
import { refuseArgument } from "../base/check.ts";
import type { ConnectionOwner, ProtocolEntry } from "./owner.ts";
import type { HeaderSource, HttpExchange } from "./phase.ts";
import { checkArgumentName, checkCookieName, checkToken } from "../core/http/header_tokens.ts";
import type { FrameFacts } from "../core/websocket/frame_parser.ts";
import { forwardedAddress, type ProxyTrust } from "../proxy/forwarded_for.ts";

const NO_EXTENSIONS: readonly string[] = Object.freeze([]);

/** The base of a connection and no part of it: an object more would cost each idle one its memory. */
export abstract class WsiFace {
  readonly owner: ConnectionOwner;
  readonly socketFd: number;
  readonly isClient: boolean;
  entry: ProtocolEntry;
  user: unknown = undefined;
  headers: HeaderSource | undefined;
  http: HttpExchange | undefined;
  frames: FrameFacts | undefined;
  uri = "";
  /** What {@linkcode Wsi.isSsl} is. */
  secured: 0 | 1 | 2 = 0;
  tls: TlsInfo | undefined = undefined;
  extensions: readonly string[] = NO_EXTENSIONS;

  /** Who it is for the program: the other end of the socket, or whom that speaks for. */
  protected peer: Address | undefined;
  /** The other end of the socket, where that is somebody else. */
  #socketPeer: Address | undefined;
  /** By reverse lookup, once somebody asked for it. */
  peerName = "";

  constructor(owner: ConnectionOwner, socketFd: number, isClient: boolean) {
    this.owner = owner;
    this.socketFd = socketFd;
    this.isClient = isClient;
    this.entry = owner.entries[0]!;
  }

  abstract get isOpen(): boolean;

  // The context, the protocol and the peer.

  get context(): Context {
    return this.owner.face;
  }

  get protocol(): ActiveProtocol {
    return this.entry.active;
  }

  get isSsl(): 0 | 1 | 2 {
    return this.secured;
  }

  get peerAddresses(): PeerAddresses {
    return { name: this.peerName, ip: this.peer?.hostname ?? "", port: this.peer?.port ?? 0 };
  }

  /** Takes the peer for the one that trusted proxies say it is. */
  believe(forwardedFor: string | undefined, trust: ProxyTrust): void {
    const socket = this.#socketPeer ??= this.peer;
    if (socket === undefined) return;
    const hostname = forwardedAddress(socket.hostname, forwardedFor, trust);
    if (hostname === this.peer!.hostname) return;
    this.peer = hostname === socket.hostname ? socket : { hostname, port: 0 };
    this.peerName = "";
  }

  /** The address of the socket's other end, whoever that speaks for. */
  get socketAddress(): string {
    return (this.#socketPeer ?? this.peer)?.hostname ?? "";
  }

  // The frame that is being received.

  get remainingPacketPayload(): number {
    return this.frames?.remaining ?? 0;
  }

  get isFinalFragment(): boolean {
    return this.frames?.isFinal ?? false;
  }

  get isFirstFragment(): boolean {
    return this.frames?.isFirstPiece ?? false;
  }

  get frameIsBinary(): boolean {
    return this.frames?.isBinary ?? false;
  }

  get reservedBits(): number {
    return this.frames?.reservedBits ?? 0;
  }

  // HTTP.

  /** What can be answered still. */
  get #exchange(): HttpExchange | undefined {
    return this.isOpen ? this.http : undefined;
  }

  get method(): string {
    return this.http?.method ?? "";
  }

  hdrTotalLength(token: string): number {
    checkToken("hdrTotalLength", token);
    return this.headers?.totalLength(token) ?? 0;
  }

  hdrCopy(token: string, maxLength = Infinity): string | undefined {
    checkToken("hdrCopy", token);
    checkMaxLength("hdrCopy", maxLength);
    const text = this.headers?.get(token);
    return text !== undefined && text.length <= maxLength ? text : undefined;
  }

  hdrCopyFragment(token: string, n: number, maxLength = Infinity): string | undefined {
    checkToken("hdrCopyFragment", token);
    if (!Number.isInteger(n) || n < 0) {
      refuseArgument("hdrCopyFragment", "n", n, "a whole number from 0 on");
    }
    checkMaxLength("hdrCopyFragment", maxLength);
    const text = this.headers?.fragment(token, n);
    return text !== undefined && text.length <= maxLength ? text : undefined;
  }

  hdrValues(token: string): string[] {
    checkToken("hdrValues", token);
    return this.headers?.values(token) ?? [];
  }

  headerNames(): string[] {
    return this.headers?.names() ?? [];
  }

  hdrSnapshot(): Map<string, string> {
    return this.headers?.snapshot() ?? new Map();
  }

  get rawUri(): string {
    return this.headers?.rawUri ?? "";
  }

  cookie(name: string): string | undefined {
    checkCookieName(name);
    return this.headers?.cookie(name);
  }

  uriArg(name: string): string | undefined {
    checkArgumentName("uriArg", name);
    return this.headers?.uriArgs(name)[0];
  }

  uriArgs(name: string): string[] {
    checkArgumentName("uriArgs", name);
    return this.headers?.uriArgs(name) ?? [];
  }

  serveHttpFile(
    path: string,
    contentType?: string,
    headers: Iterable<readonly [string, string]> = [],
  ): 0 | -1 {
    return this.#exchange?.serveFile(path, contentType, headers) ?? -1;
  }

  respond(
    status: number,
    body?: ResponseBodyInit | null,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | -1 {
    return this.#exchange?.respond(status, body, headers) ?? -1;
  }

  returnHttpStatus(
    code: number,
    html?: string,
    headers?: Iterable<readonly [string, string]>,
  ): 0 | 1 {
    return this.#exchange?.returnStatus(code, html, headers) ?? 1;
  }

  writeEarlyHints(headers: Iterable<readonly [string, string]>): 0 | -1 {
    return this.#exchange?.writeEarlyHints(headers) ?? -1;
  }

  writeHttpHeaders(status: number, headers: Iterable<readonly [string, string]>): 0 | -1 {
    return this.#exchange?.writeHeaders(status, headers) ?? -1;
  }

  httpTransactionCompleted(options: HttpCompletion = {}): 0 | 1 {
    return this.#exchange?.complete(options.trailers) ?? 1;
  }
}

function checkMaxLength(call: string, maxLength: number): void {
  if (typeof maxLength === "number" && maxLength >= 0) return;
  refuseArgument(call, "maxLength", maxLength, "a number from 0 on");
}
