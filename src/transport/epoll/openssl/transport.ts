/** A TLS connection by OpenSSL over any transport: its handshake, and then what is said. */

import {
  abortTransport,
  type Address,
  afterATurn,
  soon,
  type Transport,
  type TransportHandler,
} from "../../../api/network.ts";
import type { TlsInfo } from "../../../api/tls.ts";
import { leftOf } from "../../../base/buffers.ts";
import { LwsError, PastLimit } from "../../../base/errors.ts";
import { Outcome } from "../../../base/outcome.ts";
import type { TurnBudget } from "../../../service/turn_budget.ts";
import { HandshakeTurns } from "../../../service/turns/handshake_turns.ts";
import type { SecuredTransport, TrialPointers } from "../../../tls/stack.ts";
import { lendTrial } from "./peer.ts";
import { LARGEST_WRITE } from "./pipes.ts";
import { Sender } from "./sender.ts";
import type { Session } from "./session.ts";

const LOST = "the peer closed the connection in the TLS handshake, or it was lost";
/**
 * RFC 8446 section 6: a fatal alert, handshake_failure, for a peer that doesn't speak TLS at all. OpenSSL sends none
 * then.
 */
const HANDSHAKE_FAILURE = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 40);

/** First the handshake, then the decrypted bytes, both ways. */
export class OpensslTransport implements SecuredTransport, TransportHandler {
  /** Fulfils when the handshake is over and the peer is one to talk to; rejects, and all is closed then. */
  readonly done: Outcome<OpensslTransport>;
  readonly #inner: Transport;
  readonly #session: Session;
  readonly #sender: Sender;
  readonly #judge: (session: Session) => TlsInfo;
  readonly #answersGarbage: boolean;
  /** Of a server's handshake, until it is over. */
  #turns: HandshakeTurns | undefined;
  #isSettled = false;
  #info: TlsInfo | undefined;
  #handler: TransportHandler | undefined;
  /** What was decrypted and not taken. */
  #rest: Uint8Array | undefined;
  #isPaused = false;
  #isOffering = false;
  #resumeIsDue = false;
  #hasEnded = false;
  #endIsTold = false;
  /** What is still to be encrypted of the write under way. */
  #unwritten: Uint8Array | undefined;
  /** Whether that waits for the rest of what OpenSSL reads for itself: that is read in a pause as well. */
  #awaitsPeer = false;
  #endIsDue = false;
  #isEnding = false;
  #isClosed = false;
  #isGone = false;
  /** Why it broke before there was a handler to hear it. */
  #earlyClose: { readonly error: unknown } | undefined;

  /**
   * @param session is freed when the transport is gone
   * @param judge says what the handshake told, or throws when the peer is not one to talk to
   * @param budget the turns in which the handshake goes on; whenever something of it has come without
   */
  constructor(
    inner: Transport,
    session: Session,
    isServer: boolean,
    judge: (session: Session) => TlsInfo,
    budget?: TurnBudget,
  ) {
    this.#inner = inner;
    this.#session = session;
    this.#judge = judge;
    this.#answersGarbage = isServer;
    this.#sender = new Sender(inner, session.pipes);
    this.#turns = budget && new HandshakeTurns(budget, inner);
    this.done = new Outcome((work) => soon(inner, work));
  }

  /** Gives the handshake up and closes the connection below; harmless once it is done. */
  giveUp(): void {
    if (!this.#isSettled) this.close();
  }

  /** Starts the transport below, and says the first word where that is ours. */
  begin(): void {
    this.#inner.start(this);
    if (!this.#answersGarbage) this.#shakeHands();
  }

  get info(): TlsInfo {
    return this.#info!;
  }

  lendTrial<T>(use: (trial: TrialPointers) => T): T {
    return lendTrial(this.#session, use);
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  get fd(): number | undefined {
    return this.#inner.fd;
  }

  get later(): Transport["later"] {
    return this.#inner.later;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    const earlyClose = this.#earlyClose;
    if (earlyClose !== undefined) soon(this.#inner, () => handler.onClose(earlyClose.error));
    else if (!this.#isClosed && !this.#isPaused) this.#resumeSoon();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnding) return false;
    this.#unwritten = bytes;
    return this.#encrypt();
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#awaitsPeer) this.#inner.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#resumeIsDue || this.#isClosed || this.#handler === undefined) return;
    const isDue = this.#isOffering || this.#rest !== undefined || this.#isEndDue;
    if (isDue || this.#sender.isHolding) this.#resumeSoon();
    else this.#inner.resume();
  }

  end(): void {
    if (this.#isClosed || this.#isEnding) return;
    if (this.#unwritten !== undefined || this.#sender.isSending) {
      this.#endIsDue = true;
      return;
    }
    this.#isEnding = true;
    this.#sayGoodbye();
    if (!this.#sender.isSending) this.#inner.end();
  }

  close(): void {
    if (this.#isClosed) return;
    // Without the notice the peer can't tell the end from an attack; its way is not waited for.
    const canSayGoodbye = this.#info !== undefined && !this.#isEnding && !this.#sender.isSending;
    if (canSayGoodbye) this.#sayGoodbye();
    this.#shut();
    this.#failHandshake(new LwsError("connection-closed", "the TLS handshake was given up"));
    if (this.#sender.isSending && canSayGoodbye) afterATurn(this.#inner, () => this.#inner.close());
    else this.#inner.close();
  }

  /** Without the notice that ends the stream: the peer knows that it was cut (RFC 8446 section 6.1). */
  abort(): void {
    if (this.#isClosed) return;
    this.#shut();
    this.#failHandshake(new LwsError("connection-closed", "the TLS handshake was given up"));
    abortTransport(this.#inner);
  }

  // What the transport below tells.

  onBytes(bytes: Uint8Array): number {
    if (this.#turns === undefined) return this.#take(bytes);
    return this.#turns.offer(bytes, (some) => this.#take(some));
  }

  #take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      // What comes behind the peer's end counts for nothing.
      if (this.#isClosed || this.#hasEnded) return bytes.length;
      if (this.#isHeldBack && !this.#awaitsPeer) return at;
      // The transport below is held back until there is a handler.
      if (this.#info !== undefined && this.#handler === undefined) return at;
      const from = at;
      try {
        at = this.#session.feed(bytes, from);
        if (this.#info !== undefined || this.#shakeHands()) this.#decrypt(at - from);
      } catch (error) {
        // What is left of it would be read by the next connection.
        this.#session.pipes.discard();
        if (this.#info === undefined) this.#refuse(error);
        else this.#break(error);
        return bytes.length;
      }
      if (this.#awaitsPeer) this.#writeOn();
    }
    return at;
  }

  onDrain(): void {
    if (this.#isClosed || !this.#sender.drained()) return;
    if (this.#isEnding) return this.#inner.end();
    if (this.#unwritten === undefined) {
      if (this.#endIsDue) this.end();
      return;
    }
    this.#writeOn();
  }

  /** Goes on with the write under way, and tells of it. */
  #writeOn(): void {
    if (this.#isClosed) return;
    if (!this.#encrypt()) {
      if (!this.#isClosed) this.#handler?.onProgress?.();
      return;
    }
    try {
      this.#handler?.onDrain();
    } catch (error) {
      this.#break(error);
    }
  }

  onProgress(): void {
    if (this.#unwritten !== undefined) this.#handler?.onProgress?.();
  }

  onEnd(): void {
    if (this.#isClosed) return;
    if (this.#info === undefined) {
      return this.#refuse(new LwsError("connection-closed", LOST));
    }
    if (this.#awaitsPeer) {
      return this.#break(new LwsError("connection-closed", "the peer ended amid a TLS message"));
    }
    this.#hasEnded = true;
    this.#tellEnd();
  }

  onClose(error?: unknown): void {
    if (this.#isClosed) return this.#gone(undefined);
    if (this.#info === undefined) {
      this.#shut();
      return this.#failHandshake(new LwsError("connection-closed", LOST, { cause: error }));
    }
    this.#break(error ?? new LwsError("connection-closed", "the connection below was closed"));
  }

  /** Goes on with the handshake; whether it is done, and the peer is one to talk to. */
  #shakeHands(): boolean {
    try {
      const isDone = this.#session.handshake();
      // A ticket leaves with the answer to what the client has sent with its last word.
      if (isDone && !this.#session.pipes.isConsumed) this.#sender.hold();
      else this.#sender.flush();
      if (!isDone) return false;
      const info = this.#judge(this.#session);
      if (this.#isClosed) return false;
      this.#info = info;
    } catch (error) {
      this.#refuse(error);
      return false;
    }
    this.#inner.pause();
    this.#isSettled = true;
    this.#turns = undefined;
    this.done.resolve(this);
    return true;
  }

  /** Nothing comes of the handshake; an alert may be on its way. */
  #refuse(cause: unknown): void {
    const error = cause instanceof LwsError
      ? cause
      : new LwsError("tls-handshake-failed", `the TLS handshake failed: ${cause}`, { cause });
    this.#session.pipes.discard();
    this.#tryToFlush();
    if (this.#answersGarbage && !this.#sender.hasSent && error.code === "tls-handshake-failed") {
      this.#sender.send(HANDSHAKE_FAILURE);
    }
    this.#shut();
    this.#failHandshake(error);
    if (this.#sender.isSending) afterATurn(this.#inner, () => this.#inner.close());
    else this.#inner.close();
  }

  #sayGoodbye(): void {
    this.#session.sayGoodbye();
    this.#tryToFlush();
  }

  /** The last word, which need not be heard: without memory for it the connection ends all the same. */
  #tryToFlush(): void {
    try {
      this.#sender.flush();
    } catch { /* It is dropped. */ }
  }

  #failHandshake(error: LwsError): void {
    this.#isSettled = true;
    this.done.reject(error);
  }

  /** Decrypts what was fed, and offers it. */
  #decrypt(fed: number): void {
    const { pipes } = this.#session;
    const rest = this.#rest;
    const held = rest === undefined ? 0 : rest.length;
    const buffer = pipes.borrowPlain(held);
    try {
      if (rest !== undefined) buffer.set(rest);
      let failure: unknown;
      let end = held;
      try {
        end = this.#session.read(buffer, held, fed);
      } catch (error) {
        failure = error;
      }
      // Such as an answer to a change of keys, or an alert.
      if (this.#sender.flush() === false) failure ??= flooded();
      if (failure !== undefined) return this.#break(failure);
      if (this.#session.hasEnded) this.#hasEnded = true;
      if (end > held) this.#offer(pipes.viewOf(buffer, end), false);
      this.#tellEnd();
    } finally {
      pipes.giveBackPlain(buffer);
    }
  }

  /** @param isOwn whether it is this transport's rest, and no view of memory that others use as well */
  #offer(bytes: Uint8Array, isOwn: boolean): void {
    if (this.#handler === undefined || this.#isHeldBack) {
      this.#rest = isOwn ? bytes : bytes.slice();
      return;
    }
    this.#isOffering = true;
    try {
      const taken = this.#handler.onBytes(bytes);
      if (this.#isClosed || taken >= bytes.length) this.#rest = undefined;
      else this.#rest = isOwn ? leftOf(bytes, taken) : bytes.slice(taken);
    } catch (error) {
      this.#break(error);
    } finally {
      this.#isOffering = false;
    }
  }

  #resumeSoon(): void {
    this.#resumeIsDue = true;
    soon(this.#inner, () => this.#onResumed());
  }

  #onResumed(): void {
    this.#resumeIsDue = false;
    if (this.#isPaused || this.#isClosed) return;
    const rest = this.#rest;
    if (rest !== undefined) {
      this.#rest = undefined;
      this.#offer(rest, true);
    }
    if (!this.#isClosed) this.#sender.release();
    this.#tellEnd();
    if (!this.#isPaused && !this.#resumeIsDue && !this.#isClosed) this.#inner.resume();
  }

  get #isHeldBack(): boolean {
    return this.#isPaused || this.#resumeIsDue;
  }

  get #isEndDue(): boolean {
    return this.#hasEnded && !this.#endIsTold;
  }

  /** Behind all that was read: a rest whose turn is due comes first. */
  #tellEnd(): void {
    if (this.#handler === undefined || this.#isHeldBack) return;
    if (this.#isClosed || !this.#isEndDue) return;
    this.#endIsTold = true;
    this.#handler.onEnd();
  }

  /** Encrypts and sends as much as leaves at once; whether that is all. */
  #encrypt(): boolean {
    let left = this.#unwritten!;
    let isTaken = true;
    try {
      while (left.length > 0 && !this.#sender.isSending) {
        const isLast = left.length <= LARGEST_WRITE;
        isTaken = this.#session.write(isLast ? left : left.subarray(0, LARGEST_WRITE));
        if (!isTaken) break;
        this.#sender.flush();
        left = isLast ? NO_BYTES : left.subarray(LARGEST_WRITE);
      }
    } catch (error) {
      soon(this.#inner, () => this.#break(error));
      return false;
    }
    this.#unwritten = left;
    if (isTaken === this.#awaitsPeer) this.#readForItself(!isTaken);
    if (left.length > 0 || this.#sender.isSending) return false;
    this.#unwritten = undefined;
    if (this.#endIsDue) {
      this.#endIsDue = false;
      this.end();
    }
    return true;
  }

  #readForItself(awaitsPeer: boolean): void {
    this.#awaitsPeer = awaitsPeer;
    if (awaitsPeer) this.#inner.resume();
    else if (this.#isHeldBack) this.#inner.pause();
  }

  /** The peer, the network or the handler's failure ended the connection. */
  #break(error: unknown): void {
    if (this.#isClosed) return;
    this.#shut();
    this.#inner.close();
    this.#gone(error);
  }

  #shut(): void {
    this.#isClosed = true;
    this.#rest = this.#unwritten = undefined;
    this.#session.free();
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (this.#handler === undefined) this.#earlyClose = { error };
    else this.#handler.onClose(error);
  }
}

const NO_BYTES = new Uint8Array(0);

function flooded(): PastLimit {
  return new PastLimit("the peer asks for answers, and reads none");
}
