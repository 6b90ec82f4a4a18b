/** What programs get of a context: {@linkcode createContext} and the members of `Context`. */

import type { ClientConnectInfo, ClientConnectOptions } from "../api/client_info.ts";
import type { Context, DatalessReason, DestroyOptions } from "../api/context.ts";
import { CONTEXT_PORT_NO_LISTEN, type ContextCreationInfo } from "../api/creation_info.ts";
import type { FileOps } from "../api/file_ops.ts";
import type { Limits } from "../api/limits.ts";
import type { PeerAddresses, StreamConn } from "../api/network.ts";
import type { ActiveProtocol, Protocol } from "../api/protocol.ts";
import type { PollFd } from "../api/service.ts";
import type { Stats } from "../api/stats/stats.ts";
import type { Presence } from "../api/topics/presence.ts";
import type { CertificateInfo } from "../api/tls.ts";
import type {
  HistoryQuery,
  Position,
  PublicationData,
  PublishOptions,
  TopicHistory,
} from "../api/topics/topics.ts";
import type { Wsi } from "../api/wsi.ts";
import type { Bytes } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { behind, Face, isFace } from "../base/face.ts";
import { history, publishToAll, subscriberCount } from "../connection/topics/calls.ts";
import { asOfDial } from "./clients/dialing.ts";
import { checkClient, type CheckedClient } from "./client_options.ts";
import { ServingContext } from "./context.ts";
import { checkCreationInfo } from "./creation_options.ts";
import { checkDestroyOptions } from "./shutdown.ts";
import { mustPoll } from "../service/polling.ts";
import { transportOver } from "../transport/stream_transport.ts";

/**
 * Makes a context: listens, unless told not to, and serves from then on.
 *
 * Needs `--allow-net` to listen and to connect, and `--allow-read` for folders of `mounts` and files of
 * certificates.
 *
 * @category Server and client
 * @throws {LwsError} `invalid-option`, naming everything that is wrong; `address-in-use`;
 *   `permission-denied`, also when `gid` or `uid` can't be changed; `listen-failed`; `invalid-state` when
 *   the system has no such ids; `aborted` when the signal has aborted before.
 *
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({
 *       message: (wsi, _user, message) => void wsi.write(message),
 *     }),
 *   }],
 * });
 * console.log(`ws://127.0.0.1:${context.port}`);
 * ```
 */
export function createContext(info: ContextCreationInfo): Context {
  return new ServingContext(checkCreationInfo(info), (context) => new ContextFace(context)).face;
}

const contextOf = behind<ServingContext>;

/** Has nothing that `Context` has not: whatever else a context is made of, no program reaches it. */
class ContextFace extends Face<ServingContext> implements Context {
  /** What a log or a debugger shows of it. */
  get [Symbol.toStringTag](): string {
    if (!isFace(this)) return "Context";
    if (this.isDestroyed) return "Context, destroyed";
    return this.port === CONTEXT_PORT_NO_LISTEN ? "Context" : `Context on port ${this.port}`;
  }

  get port(): number {
    return contextOf(this).listener?.address.port ?? CONTEXT_PORT_NO_LISTEN;
  }

  get user(): unknown {
    return contextOf(this).user;
  }

  get protocols(): readonly ActiveProtocol[] {
    return contextOf(this).protocols.active;
  }

  get limits(): Limits {
    return contextOf(this).limits;
  }

  get fileOps(): FileOps {
    return contextOf(this).fileOps;
  }

  get canonicalHostname(): string {
    return contextOf(this).canonicalHostname;
  }

  get presence(): Presence {
    return contextOf(this).presence;
  }

  get isDestroyed(): boolean {
    return contextOf(this).isDestroyed;
  }

  get closed(): Promise<void> {
    return contextOf(this).closed;
  }

  clientConnect(place: string | URL | ClientConnectInfo, options?: ClientConnectOptions): Wsi {
    return living(this, "clientConnect").clients.connect(checkClient(place, options)).wsi;
  }

  async dial(
    place: string | URL | ClientConnectInfo,
    options?: ClientConnectOptions,
  ): Promise<Wsi> {
    let client: CheckedClient;
    const { clients } = living(this, "dial");
    try {
      client = checkClient(place, options);
    } catch (error) {
      throw asOfDial(error);
    }
    return await clients.dial(client);
  }

  adopt(conn: StreamConn): Wsi | undefined {
    const { admission, hasTcpKeepAlive } = living(this, "adopt");
    for (const method of ["read", "write", "closeWrite", "close"] as const) {
      if (typeof conn?.[method] === "function") continue;
      refuseArgument("adopt", "conn", conn, `a connection, with a method ${method}`);
    }
    return admission.serve(transportOver(conn, hasTcpKeepAlive))?.wsi;
  }

  peerAddresses(socketFd: number): PeerAddresses {
    checkFd("peerAddresses", socketFd);
    return contextOf(this).descriptors.peerAddresses(socketFd);
  }

  async resolvePeerAddresses(socketFd: number): Promise<PeerAddresses> {
    checkFd("resolvePeerAddresses", socketFd);
    const { descriptors, network } = contextOf(this);
    return await descriptors.resolvePeerAddresses(socketFd, network);
  }

  hangupOnClient(socketFd: number): number {
    checkFd("hangupOnClient", socketFd);
    contextOf(this).descriptors.connection(socketFd)?.hangup();
    return 0;
  }

  setCertificate(certificate: CertificateInfo, others: readonly CertificateInfo[] = []): void {
    living(this, "setCertificate").tls.setCertificate(certificate, others);
  }

  setProxy(proxy: string): number {
    const { connector } = living(this, "setProxy");
    if (typeof proxy !== "string") refuseArgument("setProxy", "proxy", proxy, "a text");
    return connector.setProxy(proxy);
  }

  stats(): Stats {
    return contextOf(this).stats();
  }

  connections(protocol?: Protocol | string): IterableIterator<Wsi> {
    return contextOf(this).protocols.connections(protocol);
  }

  callbackOnWritableAllProtocol(protocol: Protocol | string): number {
    return contextOf(this).protocols.callbackOnWritable(protocol);
  }

  rxFlowAllowAllProtocol(protocol: Protocol | string): void {
    contextOf(this).protocols.rxFlowAllow(protocol);
  }

  callbackAllProtocol(protocol: Protocol | string, reason: DatalessReason): number {
    return contextOf(this).protocols.callback(protocol, reason);
  }

  broadcast(protocol: Protocol | string, data: Bytes | string): number {
    return contextOf(this).protocols.broadcast(protocol, data);
  }

  publish(topic: string, data: PublicationData, options?: PublishOptions): Promise<Position> {
    return publishToAll(contextOf(this).topics, topic, data, options);
  }

  history(topic: string, options?: HistoryQuery): Promise<TopicHistory> {
    return history(contextOf(this).topics, topic, options);
  }

  subscriberCount(topic: string): number {
    return subscriberCount(contextOf(this).topics, topic);
  }

  openPort(): MessagePort {
    return living(this, "openPort").inbox.openPort();
  }

  service(timeoutMs: number): Promise<number> {
    return mustPoll(contextOf(this).polling, "service").service(timeoutMs);
  }

  serviceSync(timeoutMs: number): number {
    const { polling, runtimeIsNeededFor } = contextOf(this);
    return mustPoll(polling, "serviceSync").serviceSync(timeoutMs, runtimeIsNeededFor);
  }

  cancelService(): void {
    mustPoll(contextOf(this).polling, "cancelService").scheduler.cancel();
  }

  serviceFd(pollFd: PollFd | null): number {
    return mustPoll(contextOf(this).polling, "serviceFd").serviceFd(pollFd);
  }

  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number> {
    return mustPoll(contextOf(this).polling, "poll").poll(pollFds, timeoutMs);
  }

  pollNow(pollFds: readonly PollFd[]): number {
    return mustPoll(contextOf(this).polling, "pollNow").pollNow(pollFds);
  }

  destroy(options: DestroyOptions = {}): Promise<void> {
    return contextOf(this).destroy(checkDestroyOptions(options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

/** The context, for a call that needs one that is not destroyed. */
function living(face: ContextFace, call: string): ServingContext {
  const context = contextOf(face);
  if (!context.isDestroyed) return context;
  throw new LwsError("destroyed", `${call}: the context is destroyed`);
}

/** Refuses what is no descriptor. */
function checkFd(call: string, socketFd: number): void {
  if (!Number.isInteger(socketFd)) refuseArgument(call, "socketFd", socketFd, "a whole number");
}
