/**
 * One connection: what HTTP and WebSocket, server and client have in common. What differs is the
 * connection's *phase*, which it changes as the handshake goes on.
 */

import { abortTransport, type Transport, type TransportHandler } from "../api/network.ts";
import type { CloseCause, Reason } from "../api/reasons.ts";
import { POLLOUT } from "../api/service.ts";
import type { TlsInfo } from "../api/tls.ts";
import { TIMEOUT_REASONS, type TimeoutReason } from "../api/timeouts.ts";
import type { WriteKind, WriteOptions } from "../api/write.ts";
import type { Wsi } from "../api/wsi.ts";
import type { Bytes } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { log } from "../base/log.ts";
import { call, type Caller } from "./callbacks.ts";
import { WsiFace } from "./face.ts";
import { BROKEN, Outbox } from "./outbox.ts";
import type { ConnectionOwner, ProtocolEntry } from "./owner.ts";
import { Peer } from "./peer.ts";
import type { HeaderSource, HttpExchange, Phase } from "./phase.ts";
import type { PreparedMessage } from "./prepared_message.ts";
import type { FrameFacts } from "../core/websocket/frame_parser.ts";
import type { Serviceable } from "../service/scheduler.ts";
import { WheelTimer } from "../service/timer_wheel.ts";
import type { TurnTaker } from "../service/turn_budget.ts";

/** The longest delay that the runtime's timers can wait. */
const MAX_TIMEOUT_SECONDS = 2_147_483;

/** How often a verdict waits for the connection's turn. */
const LONGEST_HOLD_UP = 4;

/** How far a connection is on its way out. */
const OPEN = 0;
/** What is unsent leaves, then the socket closes. */
const FLUSHING = 1;
/** All has left; input is discarded until the peer closes, too, or first. */
const LINGERING = 2;
const CLOSED = 3;

/** What follows once all has left: the end of both halves, or first that of ours, or of the peer's. */
const CLOSING_AT_ONCE = 0;
const ENDING_FIRST = 1;
const AWAITING_END = 2;

const NO_EXTENSIONS: readonly string[] = Object.freeze([]);

/** The connection behind a {@linkcode Wsi}. */
export class Connection implements Caller, TransportHandler, Serviceable, TurnTaker {
  /** What the program has of it. */
  readonly wsi: Wsi;
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
  isSsl: 0 | 1 | 2 = 0;
  tls: TlsInfo | undefined = undefined;
  extensions: readonly string[] = NO_EXTENSIONS;
  /** Undefined before it has a transport. */
  peer: Peer | undefined;
  phase: Phase | undefined;
  readonly outbox: Outbox;
  #transport: Transport | undefined;
  #state = OPEN;
  #parting = CLOSING_AT_ONCE;
  #peerEnded = false;
  #writableWanted = false;
  #writableIsDue = false;
  #pausedByUser = false;
  #pausedByPhase = false;
  #waitsForTurn = false;
  servedMs = 0;
  #timer: WheelTimer | undefined;
  #timeoutReason: TimeoutReason = "noPendingTimeout";
  /** Whether the program has chosen the timeout that it is under, or was last. */
  isTimeoutOfProgram = false;
  /** What ends it, as far as that is known. */
  #cause: CloseCause | undefined;

  constructor(owner: ConnectionOwner, socketFd: number, isClient: boolean) {
    this.owner = owner;
    this.socketFd = socketFd;
    this.isClient = isClient;
    this.entry = owner.entries[0]!;
    this.wsi = new WsiFace(this);
    this.outbox = new Outbox(this);
  }

  get isOpen(): boolean {
    return this.#state === OPEN;
  }

  /** Whether it is a WebSocket that is not closing. */
  get isEstablished(): boolean {
    return this.#state === OPEN && this.phase !== undefined && this.phase.isEstablished;
  }

  // Transport and turns.

  /** Takes over a transport and lets it read. */
  attach(transport: Transport): void {
    this.#transport = this.owner.gated(this.socketFd, transport);
    this.outbox.open(this.#transport);
    this.peer = new Peer(transport.remoteAddress);
    this.#transport.start(this);
  }

  onBytes(bytes: Uint8Array): number {
    const { budget } = this.owner;
    if (!budget.begin(this)) return this.#waitForTurn(0);
    if (this.#state !== OPEN) return bytes.length;
    const { outbox } = this;
    outbox.beginTurn();
    const taken = this.phase!.onBytes(bytes);
    outbox.endTurn();
    if (!budget.isSpent) return taken;
    budget.charge(this);
    return this.#waitForTurn(taken);
  }

  /** The time of all is used up: what was not taken, and what follows, comes when it is our turn. */
  #waitForTurn(taken: number): number {
    if (this.#waitsForTurn || this.#transport === undefined) return taken;
    this.#waitsForTurn = true;
    this.#transport.pause();
    this.owner.budget.wait(this);
    return taken;
  }

  onTurn(): void {
    this.#waitsForTurn = false;
    if (this.#state === OPEN && !this.isPaused && !this.goOn()) return;
    if (this.#state === OPEN && this.isPaused) return;
    this.#transport?.resume();
  }

  /** Goes on with what was held back in the middle of a read; false when the rest waits for a turn. */
  goOn(): boolean {
    const { budget } = this.owner;
    if (budget.begin(this)) {
      this.turn(() => this.phase?.onTurn());
      if (!budget.isSpent) return true;
      budget.charge(this);
    }
    this.#waitForTurn(0);
    return false;
  }

  onDrain(): void {
    const { outbox } = this;
    const left = outbox.written();
    if (left === BROKEN) return this.cut("self");
    if (this.#state === OPEN) {
      outbox.beginTurn();
      this.phase!.onLeft(left);
      if (outbox.endTurn()) return;
    } else if (this.#state === FLUSHING) {
      this.#awaitFlush();
      if (outbox.flush()) return;
    }
    if (this.#state === FLUSHING) return this.#flushed();
    if (this.#state !== OPEN) return;
    outbox.beginTurn();
    this.phase!.onDrain();
    outbox.endTurn();
    if (outbox.unsent === 0) this.#offerWritable();
  }

  onProgress(): void {
    if (this.#state === OPEN) this.phase!.onLeft(0);
    else if (this.#state === FLUSHING) this.#awaitFlush();
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (this.#state === LINGERING) return this.cut("peer");
    if (this.#state === OPEN) this.turn(() => this.phase!.onEnd());
  }

  onClose(error?: unknown): void {
    this.#state = CLOSED;
    this.#transport = undefined;
    this.outbox.close();
    if (this.#timer !== undefined) this.owner.wheel.cancel(this.#timer);
    this.owner.unwatch(this.socketFd);
    this.phase?.onClose(this.#cause ?? "reset", error);
    this.phase = undefined;
    this.headers = undefined;
    this.http = undefined;
    this.frames = undefined;
    call(this, this.owner.entries[0]!, "wsiDestroy", undefined);
    this.entry.connections.delete(this);
    this.owner.forget(this);
  }

  /** Whether the peer will send no more. */
  get hasPeerEnded(): boolean {
    return this.#peerEnded;
  }

  /** Runs `work` as a turn of this connection: what it writes leaves in one write at its end. */
  turn(work: () => void): void {
    this.outbox.turn(work);
  }

  // Callbacks.

  /** What the program does for this connection has failed, outside any call of it. */
  hasFailed(): void {
    if (this.#state !== OPEN || this.phase === undefined) return;
    const service = () => {
      if (this.#state === OPEN) this.turn(() => this.phase?.onThrow());
    };
    this.owner.scheduler.arrived({ socketFd: this.socketFd, service }, POLLOUT);
  }

  /** Ends it for a number that a callback returned, where the reason has no rule of its own. */
  dropFor(reason: Reason, result: number): void {
    if (this.#state === OPEN) this.turn(() => this.phase?.onReturn(reason, result));
  }

  /** Moves to another protocol, with per-session data of its own. */
  enter(entry: ProtocolEntry): void {
    this.entry.connections.delete(this);
    this.entry = entry;
    entry.connections.add(this);
  }

  // Writing.

  write(
    data: Bytes | string | PreparedMessage,
    kind?: WriteKind,
    options?: WriteOptions,
  ): number {
    if (this.#state !== OPEN || this.phase === undefined) return -1;
    return this.phase.write(data, kind, options);
  }

  callbackOnWritable(): number {
    if (this.#state !== OPEN) return -1;
    this.#writableWanted = true;
    if (this.outbox.unsent === 0) this.#offerWritable();
    return 1;
  }

  /** Whether a writeable callback was asked for, and has not come. */
  get wantsWritable(): boolean {
    return this.#writableWanted;
  }

  service(): void {
    this.#writableIsDue = false;
    // What was written since then leaves first; onDrain offers the callback again.
    if (this.#state !== OPEN || !this.#writableWanted || this.outbox.unsent > 0) return;
    if (this.phase === undefined) return;
    this.#writableWanted = false;
    this.turn(() => this.phase!.onWritable());
  }

  #offerWritable(): void {
    if (!this.#writableWanted || this.#writableIsDue) return;
    this.#writableIsDue = true;
    this.owner.scheduler.request(this, POLLOUT);
  }

  // Receiving.

  /** Lets the peer's bytes in, or holds them back, as the program wants; −1 on its way out. */
  allowInput(isAllowed: boolean): number {
    if (this.#state !== OPEN) return -1;
    this.#pausedByUser = !isAllowed;
    this.#applyPause();
    return 0;
  }

  /** Whether the user has stopped receiving; a phase then stops in the middle of a read. */
  get isPaused(): boolean {
    return this.#pausedByUser || this.#pausedByPhase;
  }

  /** Whether the program may be told of what has come. */
  get canDeliver(): boolean {
    return this.#state === OPEN && !this.isPaused;
  }

  /** Holds input back while a phase can't take any, whatever the user says. */
  holdInput(held: boolean): void {
    if (this.#pausedByPhase === held) return;
    this.#pausedByPhase = held;
    this.#applyPause();
  }

  /** Has what was not taken offered once more, in a turn of its own. */
  offerAgain(): void {
    if (this.#pausedByPhase) return this.holdInput(false);
    if (this.isPaused || this.#waitsForTurn || this.#transport === undefined) return;
    this.#transport.pause();
    this.#transport.resume();
  }

  #applyPause(): void {
    if (this.#transport === undefined) return;
    if (this.isPaused) this.#transport.pause();
    else if (!this.#waitsForTurn) this.#transport.resume();
    this.phase?.onPause(this.isPaused);
  }

  // Timeouts.

  setTimeout(reason: TimeoutReason, seconds: number): void {
    if (!TIMEOUT_REASONS.includes(reason)) {
      refuseArgument("setTimeout", "reason", reason, `one of ${TIMEOUT_REASONS.join(", ")}`);
    }
    if (typeof seconds !== "number" || !(seconds >= 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
      refuseArgument("setTimeout", "seconds", seconds, `0 to ${MAX_TIMEOUT_SECONDS}`);
    }
    this.armTimeout(reason, seconds * 1000);
    this.isTimeoutOfProgram = this.#state === OPEN;
  }

  /**
   * Puts the connection under a timeout, in place of the one it is under. On its way out it is under
   * timeouts that neither the program nor a phase may lift.
   */
  armTimeout(reason: TimeoutReason, delayMs: number): void {
    if (this.#state === OPEN) this.#arm(reason, delayMs);
  }

  #arm(reason: TimeoutReason, delayMs: number): void {
    this.isTimeoutOfProgram = false;
    this.#timeoutReason = reason;
    if (reason === "noPendingTimeout") {
      if (this.#timer !== undefined) this.owner.wheel.cancel(this.#timer);
      // A WebSocket mostly lives on without one.
      this.#timer = undefined;
      return;
    }
    this.#timer ??= new WheelTimer(this);
    this.owner.wheel.arm(this.#timer, delayMs);
  }

  /** What waits for the program, or for this connection's turn, is not its peer's silence. */
  isHeldUp(times: number): boolean {
    return this.owner.scheduler.hasToTell(this.socketFd) ||
      // Everybody's turn comes within that, and whoever sends without an end must not evade it.
      (this.#waitsForTurn && times < LONGEST_HOLD_UP);
  }

  onTimeout(): void {
    const reason = this.#timeoutReason;
    this.#timeoutReason = "noPendingTimeout";
    log("info", () => `connection ${this.socketFd}: timeout ${reason}`);
    // Without all of it an answer must not look whole; behind it nothing is left to be lost.
    if (this.#state === FLUSHING) return this.abort("timeout");
    if (this.#state !== OPEN || this.phase === undefined) return this.cut("timeout");
    this.turn(() => this.phase!.onTimeout(reason));
  }

  // Closing.

  /** Begins the closing handshake of a WebSocket; an HTTP connection ends once its writes have left. */
  close(cause: CloseCause, code: number | undefined, reason: string): number {
    if (this.#state !== OPEN || this.phase === undefined) return -1;
    return this.phase.close(cause, code, reason);
  }

  /** Says why it ends, which is known before it does so; of several causes the first one counts. */
  endsFor(cause: CloseCause): void {
    this.#cause ??= cause;
  }

  /**
   * Lets what is unsent leave and closes then. With `lingers` the sending half is closed first and
   * input is discarded until the peer closes: closing with unread input would reset the connection
   * and might take our last words with it. Without `endsFirst` the sending half stays open until then,
   * so that the peer is the one whose side of the connection keeps its address busy for a while.
   */
  finish(cause: CloseCause, lingers: boolean, endsFirst = true): void {
    if (this.#state !== OPEN) return;
    // The program's own head may say that the connection ends the body, and this be what it means.
    const { http } = this;
    if (http?.endsWithConnection && !http.isComplete && !http.isEndedByProgram) {
      return this.abort(cause);
    }
    this.endsFor(cause);
    this.#state = FLUSHING;
    if (lingers) this.#parting = endsFirst ? ENDING_FIRST : AWAITING_END;
    this.#awaitFlush();
    if (this.outbox.unsent === 0) return this.#flushed();
    // A peer may want to send all before it reads anything.
    if (lingers && !this.#waitsForTurn) this.#transport?.resume();
    if (!this.outbox.isInTurn) this.outbox.flush();
  }

  /** A peer that takes something of what is unsent has as much time again. */
  #awaitFlush(): void {
    const { closeTimeoutMs, sendTimeoutMs } = this.owner.limits;
    const isAnswer = this.http !== undefined && !this.owner.isDestroyed;
    this.#arm("flushStoredSendBeforeClose", isAnswer ? sendTimeoutMs : closeTimeoutMs);
  }

  /** Closes at once; unsent bytes may be lost. */
  cut(cause: CloseCause): void {
    if (this.#state === CLOSED) return;
    const { http } = this;
    const isCutShort = this.outbox.unsent > 0 || (this.#state === OPEN && !http?.isComplete);
    if (isCutShort && http?.endsWithConnection) return this.abort(cause);
    this.endsFor(cause);
    if (this.#state === OPEN) this.#state = FLUSHING;
    // Without a transport a client is still connecting; its phase sees the state and lets go.
    this.#transport?.close();
  }

  /** As {@linkcode cut}, so that the peer takes what it has for no whole answer, where it could. */
  abort(cause: CloseCause): void {
    if (this.#state === CLOSED) return;
    this.endsFor(cause);
    if (this.#state === OPEN) this.#state = FLUSHING;
    if (this.#transport !== undefined) abortTransport(this.#transport);
  }

  /** Ends the connection at once, for whoever knows its descriptor; nothing more is received. */
  hangup(): void {
    // What is not established fails, and says why.
    if (this.isClient && this.frames === undefined) {
      this.close("self", undefined, "");
      return;
    }
    this.holdInput(true);
    this.cut("self");
  }

  /** The context goes: a WebSocket is closed with 1001, anything else once its writes have left. */
  leave(): void {
    if (this.#state === OPEN && this.phase !== undefined) this.phase.onLeave();
    else if (this.#state === FLUSHING) this.#awaitFlush();
  }

  #flushed(): void {
    if (this.#parting === CLOSING_AT_ONCE || this.#peerEnded) return this.#transport?.close();
    this.#state = LINGERING;
    this.#arm("closeAck", this.owner.limits.closeTimeoutMs);
    if (this.#parting === ENDING_FIRST) this.#transport?.end();
    if (!this.#waitsForTurn) this.#transport?.resume();
  }
}
