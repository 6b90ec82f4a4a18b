/**
 * One connection: what HTTP and WebSocket, server and client have in common. What differs is the
 * connection's *phase*, which it changes as the handshake goes on.
 */

import { abortTransport, type Transport, type TransportHandler } from "../api/network.ts";
import type { CloseCause, Reason } from "../api/reasons.ts";
import { POLLOUT } from "../api/service.ts";
import type { LimitName } from "../api/stats/stats.ts";
import type { TlsInfo } from "../api/tls.ts";
import type { TimeoutReason } from "../api/timeouts.ts";
import type { PresenceChange } from "../api/topics/presence.ts";
import type { TopicGap, TopicLag } from "../api/topics/topics.ts";
import type { WriteKind, WriteOptions } from "../api/write.ts";
import type { Wsi } from "../api/wsi.ts";
import type { Bytes } from "../base/bytes.ts";
import { PastLimit } from "../base/errors.ts";
import { line, log } from "../base/log.ts";
import { next } from "../base/state_table.ts";
import { call, type Caller } from "./callbacks.ts";
import { WsiFace } from "./face.ts";
import type { Requested } from "./http/requested.ts";
import { BROKEN } from "./outbox.ts";
import type { ConnectionOwner, ProtocolEntry } from "./owner.ts";
import type { Phase, Successor } from "./phase.ts";
import type { Framed, PreparedMessage } from "./prepared_message.ts";
import { RxFlow } from "./rx_flow.ts";
import { CONNECTION, type ConnectionEvent, type ConnectionState } from "./states.ts";
import { Timeout } from "./timeout.ts";
import { CONNECTIONS, traceEnd } from "./tracing/channels.ts";
import { FAILURES } from "../core/websocket/close.ts";
import type { WireVersion } from "../core/websocket/wire_version.ts";
import { Peer } from "../proxy/peer.ts";
import type { Delivery, Subscriber } from "../topics/subscriber.ts";

/**
 * What follows once all has left. `"closes"`: the end of both halves. `"lingers"`: first that of the sending
 * half, and input is discarded until the peer closes, as closing with unread input would reset the
 * connection and might take the last bytes sent with it. `"awaitsPeer"`: the same with the sending half left
 * open, so that the peer's side of the connection is the one that keeps its address busy for a while.
 */
export type EndMode = "closes" | "lingers" | "awaitsPeer";

interface Ending {
  readonly cause: CloseCause;
  mode: EndMode;
}

const NO_EXTENSIONS: readonly string[] = Object.freeze([]);

/** The connection behind a {@linkcode Wsi}. */
export class Connection extends RxFlow implements Caller, TransportHandler, Subscriber<Framed> {
  /** What the program has of it. */
  readonly wsi: Wsi;
  readonly owner: ConnectionOwner;
  /** Its number in the context, and in the log. */
  readonly socketFd: number;
  /** What {@linkcode Wsi.socketFd} is: the same, or the socket's descriptor while there is one. */
  descriptor: number;
  readonly isClient: boolean;
  entry: ProtocolEntry;
  user: unknown = undefined;
  uri = "";
  requested: Requested = undefined;
  /** What {@linkcode Wsi.isSsl} is. */
  isSsl: 0 | 1 | 2 = 0;
  tls: TlsInfo | undefined = undefined;
  /** What {@linkcode Wsi.wireVersion} is. */
  wireVersion: WireVersion | undefined = undefined;
  extensions: readonly string[] = NO_EXTENSIONS;
  /** Its transport, until its peer is asked for. */
  #peer: Peer | Transport | undefined;
  phase: Phase | undefined;
  #state: ConnectionState = CONNECTION.first;
  /** The peer will send no more. */
  hasPeerEnded = false;
  #timeout: Timeout | undefined;
  /** What ends it, as far as that is known. */
  #ending: Ending | undefined;

  constructor(owner: ConnectionOwner, socketFd: number, isClient: boolean) {
    super();
    this.owner = owner;
    this.socketFd = socketFd;
    this.descriptor = owner.hasDescriptors ? -1 : socketFd;
    this.isClient = isClient;
    this.entry = owner.entries[0]!;
    this.wsi = new WsiFace(this);
  }

  get isOpen(): boolean {
    return this.#state === "OPEN";
  }

  #go(event: ConnectionEvent): void {
    this.#state = next(CONNECTION, this.#state, event, this.socketFd);
    this.owner.topics.end(this);
  }

  /** Whether it is a WebSocket that is not closing. */
  get isEstablished(): boolean {
    return this.isOpen && (this.phase?.isEstablished ?? false);
  }

  /** Undefined before it has a transport. */
  get peer(): Peer | undefined {
    const peer = this.#peer;
    if (peer === undefined || peer instanceof Peer) return peer;
    return this.#peer = new Peer(peer.remoteAddress);
  }

  // Transport.

  /** Takes over a transport and lets it read. */
  attach(transport: Transport): void {
    this.transport = this.owner.polled(this.socketFd, transport);
    this.#peer = transport;
    this.transport.start(this);
  }

  onDrain(): void {
    const { outbox, entry } = this;
    const left = outbox.written();
    if (left === BROKEN) return this.abort("self");
    entry.counters.wireSent += left;
    if (entry.hearsDrain) this.#hasLeft(left);
    if (this.isOpen) {
      outbox.beginTurn();
      this.phase!.onLeft(left);
      if (outbox.endTurn()) return;
    } else if (this.#state === "FLUSHING") {
      this.#awaitFlush();
      if (outbox.flush()) return;
    }
    if (this.#state === "FLUSHING") return this.#flushed();
    if (!this.isOpen) return;
    outbox.beginTurn();
    this.phase!.onDrain();
    outbox.endTurn();
    outbox.offerWritable();
    this.owner.roomLine.goOn();
  }

  /** Of so many bytes that have left the last ones may be those behind which it is congested no more. */
  #hasLeft(left: number): void {
    const { outbox, owner: { limits: { softUnsentBytes } } } = this;
    const wasCongested = outbox.unsent + left > softUnsentBytes;
    if (wasCongested && !outbox.isCongested && this.isEstablished) outbox.offerDrain();
  }

  onProgress(): void {
    if (this.isOpen) this.phase!.onLeft(0);
    else if (this.#state === "FLUSHING") this.#awaitFlush();
  }

  onEnd(): void {
    this.hasPeerEnded = true;
    if (this.#state === "LINGERING") return this.abort("peer");
    if (this.isOpen) this.turn(() => this.phase!.onEnd());
  }

  onClose(error?: unknown): void {
    const successor = this.isOpen ? this.phase?.successor?.() : undefined;
    if (successor !== undefined) return this.#goOnWith(successor);
    this.#go("gone");
    this.transport = undefined;
    this.drop();
    this.owner.buffered.forget(this);
    this.#liftTimeout();
    // Before the program hears of it: what it does for all of a protocol in there is not for this one.
    this.entry.connections.delete(this);
    this.owner.unwatch(this.socketFd);
    const isPastLimit = error instanceof PastLimit;
    if (isPastLimit) log("info", () => line`connection ${this.socketFd}: ${error.message}`);
    const cause = this.#ending?.cause ?? (isPastLimit ? "limit" : "reset");
    const end = this.phase?.onClose(cause, error);
    if (CONNECTIONS.hasSubscribers) traceEnd(this, end ?? undefined);
    if (end !== undefined && this.isClient) this.owner.clients.ended(this, end);
    this.phase = undefined;
    call(this, this.owner.entries[0]!, "wsiDestroy", undefined);
    this.owner.pendingHandshakes.forget(this);
    this.owner.forget(this);
    if (this.owner.hasDescriptors) this.descriptor = -1;
  }

  /** The transport is gone, and the connection goes on over another one. */
  #goOnWith(successor: Successor): void {
    this.transport = undefined;
    this.drop();
    this.owner.buffered.forget(this);
    this.#peer = undefined;
    this.hasPeerEnded = false;
    this.isSsl = 0;
    this.tls = undefined;
    this.phase = successor;
    if (this.owner.reopen(this)) successor.start();
    else successor.abandon("addPollFd can't watch the connection");
  }

  // Callbacks.

  /** Called when the program's work for this connection has failed outside of a callback. */
  hasFailed(): void {
    if (!this.isOpen || this.phase === undefined) return;
    const service = () => {
      if (this.isOpen) this.turn(() => this.phase?.onThrow());
    };
    this.owner.scheduler.arrived({ socketFd: this.socketFd, service }, POLLOUT);
  }

  /** Ends it for a number that a callback returned, where the reason has no rule of its own. */
  dropFor(reason: Reason, result: number): void {
    if (this.isOpen) this.turn(() => this.phase?.onReturn(reason, result));
  }

  /** Moves to another protocol, with per-session data of its own. */
  enter(entry: ProtocolEntry): void {
    this.entry.connections.delete(this);
    this.entry = entry;
    if (this.#state !== "GONE") entry.connections.add(this);
  }

  // Writing.

  write(
    data: Bytes | string | PreparedMessage,
    kind?: WriteKind,
    options?: WriteOptions,
  ): number {
    if (!this.isOpen || this.phase === undefined) return -1;
    return this.phase.write(data, kind, options);
  }

  callbackOnWritable(): number {
    if (!this.isOpen) return -1;
    this.outbox.askWritable();
    return 1;
  }

  onWritable(): void {
    this.phase?.onWritable();
  }

  // Topics.

  deliver(message: Framed): Delivery {
    return this.phase?.deliver?.(message);
  }

  get encoder(): ProtocolEntry | undefined {
    return this.entry.protocol.encode === undefined ? undefined : this.entry;
  }

  get hearsPresence(): boolean {
    return this.entry.hearsPresence;
  }

  closeLagging(): void {
    this.close("unsent", ...FAILURES.lagging);
  }

  tellLagging(lag: TopicLag): void {
    if (call(this, this.entry, "topicLagging", lag) !== 0) this.closeLagging();
  }

  tellGap(gap: TopicGap): void {
    const result = call(this, this.entry, "topicGap", gap);
    if (result !== 0) this.dropFor("topicGap", result);
  }

  tellPresence(change: PresenceChange): void {
    const result = call(this, this.entry, "presence", change);
    if (result !== 0) this.dropFor("presence", result);
  }

  // Timeouts.

  /**
   * Puts the connection under a timeout, in place of the one it is under. On its way out it is under
   * timeouts that neither the program nor a phase may lift.
   */
  armTimeout(reason: TimeoutReason, delayMs: number, isOfProgram = false): void {
    if (this.isOpen) this.#arm(reason, delayMs, isOfProgram);
  }

  #arm(reason: TimeoutReason, delayMs: number, isOfProgram = false): void {
    // A WebSocket mostly lives on without one.
    if (reason === "noPendingTimeout" && !isOfProgram) return this.#liftTimeout();
    this.#timeout ??= new Timeout(this);
    this.#timeout.arm(reason, delayMs, isOfProgram);
  }

  #liftTimeout(): void {
    if (this.#timeout !== undefined) this.owner.wheel.cancel(this.#timeout);
    this.#timeout = undefined;
  }

  /** Whether the program has chosen the timeout that it is under, or was last. */
  get isTimeoutOfProgram(): boolean {
    return this.#timeout?.isOfProgram ?? false;
  }

  /** What waits for the program, or for this connection's turn, is not its peer's silence. */
  isHeldUp(times: number): boolean {
    return this.owner.scheduler.hasToTell(this.socketFd) || this.isWaitingFor(times);
  }

  onTimeout(reason: TimeoutReason): void {
    const limit = this.isTimeoutOfProgram ? undefined : this.#limitOf(reason);
    if (limit !== undefined) this.owner.counters.hit(limit);
    // Without all of it an answer must not look whole; behind it nothing is left to be lost.
    if (this.#state === "FLUSHING") return this.reset("timeout");
    if (!this.isOpen || this.phase === undefined) return this.abort("timeout");
    this.turn(() => this.phase!.onTimeout(reason));
  }

  /** Whose time is up, unless the phase has to find out. */
  #limitOf(reason: TimeoutReason): LimitName | undefined {
    if (reason === "httpContent") return undefined;
    if (reason === "flushStoredSendBeforeClose") {
      return this.#isAnswering ? "sendTimeoutMs" : "closeTimeoutMs";
    }
    if (reason === "closeAck") return "closeTimeoutMs";
    return this.isClient ? "clientTimeoutMs" : "headerTimeoutMs";
  }

  // Closing.

  /** Begins the closing handshake of a WebSocket; of an HTTP connection as {@linkcode end}. */
  close(cause: CloseCause, code: number | undefined, reason: string): number {
    const { phase } = this;
    const result = this.isOpen && phase !== undefined ? phase.close(cause, code, reason) : -1;
    if (result === 0 || cause !== "self" || !this.isClient) return result;
    return this.owner.clients.cancel(this) ? 0 : result;
  }

  /** Says why it ends, which is known before it does so; of several causes the first one counts. */
  endsFor(cause: CloseCause): void {
    this.#ending ??= { cause, mode: "closes" };
  }

  /** Lets what is unsent leave and closes the socket then, without a closing handshake. */
  end(cause: CloseCause, mode: EndMode = "closes"): void {
    if (!this.isOpen) return;
    // The program's own head may say that the connection ends the body, and this be what it means.
    const response = this.phase?.response;
    if (response?.endsWithConnection && !response.isComplete && !response.isEndedByProgram) {
      return this.reset(cause);
    }
    this.endsFor(cause);
    this.#go("ends");
    this.#ending!.mode = mode;
    this.#awaitFlush();
    if (this.outbox.unsent === 0) return this.#flushed();
    // A peer may want to send all before it reads anything.
    if (mode !== "closes") this.discardInput();
    if (!this.outbox.isInTurn) this.outbox.flush();
  }

  /** Whether what is unsent is an answer, which has a time of its own. */
  get #isAnswering(): boolean {
    return this.phase?.response !== undefined && !this.owner.isDestroyed;
  }

  /** A peer that takes something of what is unsent has as much time again. */
  #awaitFlush(): void {
    const { closeTimeoutMs, sendTimeoutMs } = this.owner.limits;
    this.#arm("flushStoredSendBeforeClose", this.#isAnswering ? sendTimeoutMs : closeTimeoutMs);
  }

  /** Closes the socket now; unsent bytes may be lost. */
  abort(cause: CloseCause): void {
    if (this.#state === "GONE") return;
    const response = this.phase?.response;
    const isCutShort = this.outbox.unsent > 0 || (this.isOpen && !response?.isComplete);
    if (isCutShort && response?.endsWithConnection) return this.reset(cause);
    this.endsFor(cause);
    this.#go("ends");
    // Without a transport a client is still connecting; its phase sees the state and lets go.
    this.transport?.close();
  }

  cutForMemory(cause: CloseCause): void {
    this.abort(cause);
    this.drop();
  }

  /**
   * As {@linkcode abort}, with a reset (RFC 9293 section 3.5.2) where the transport can, so that the peer takes
   * what it has for no whole answer.
   */
  reset(cause: CloseCause): void {
    if (this.#state === "GONE") return;
    this.endsFor(cause);
    this.#go("ends");
    if (this.transport !== undefined) abortTransport(this.transport);
  }

  /** As `Context.hangupOnClient`: ends the connection at once; nothing more is received. */
  hangup(): void {
    // What is not established fails, and says why.
    if (this.isClient && this.phase?.frames === undefined) {
      this.close("self", undefined, "");
      return;
    }
    this.holdInput(true);
    this.abort("self");
  }

  /** The context goes: a WebSocket is closed with 1001, anything else once its writes have left. */
  leave(): void {
    if (this.isOpen && this.phase !== undefined) this.phase.onLeave();
    else if (this.#state === "FLUSHING") this.#awaitFlush();
  }

  #flushed(): void {
    const { mode } = this.#ending!;
    if (mode === "closes" || this.hasPeerEnded) return this.transport?.close();
    this.#go("lingers");
    this.#arm("closeAck", this.owner.limits.closeTimeoutMs);
    if (mode === "lingers") this.transport?.end();
    this.discardInput();
  }
}
