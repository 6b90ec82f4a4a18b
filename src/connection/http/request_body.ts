/** The body of one request: read for the program, or read away behind an answer that is complete. */

import { LwsError, withoutStack } from "../../base/errors.ts";
import type { AwaitedCallbacks, AwaitingPhase } from "../awaited_callback.ts";
import type { Connection } from "../connection.ts";
import type { ExchangeTimer } from "./exchange_timer.ts";
import type { HttpEvent, HttpState } from "../states.ts";
import { type BodyFraming, BodyReader } from "../../core/http/body/reader.ts";

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** The request that it is a part of. Implemented by HttpSession. */
export interface BodyExchange extends AwaitingPhase {
  readonly callbacks: AwaitedCallbacks<BodyExchange>;
  readonly timer: ExchangeTimer;
  readonly state: HttpState;
  /** That of the request in hand; undefined while a head is waited for or comes. */
  readonly body: RequestBody | undefined;
  step(event: HttpEvent): void;
  /** Whether a part of the response was written. */
  readonly hasAnswered: boolean;
  /** The program has returned this for a piece. */
  onPiece(result: number): void;
  /** All of it is read, for the program. */
  onWhole(): void;
  /** All of it is read away. */
  onDrained(): void;
}

/** What takes a body in place of `httpBody`. Implemented by IncomingBody. */
export interface BodyTaker {
  /** @param piece a copy */
  take(piece: Uint8Array<ArrayBuffer>): void;
  end(): void;
  fail(error: unknown): void;
  /** What it keeps of the pieces until all have come, in bytes. */
  readonly held: number;
}

/** Of what has come a taker gets so much at a time. */
const LONGEST_TAKEN = 64 * 1024;

/** A body on its way in, in what pieces it comes. */
export class RequestBody {
  readonly #connection: Connection;
  readonly #exchange: BodyExchange;
  readonly #reader: BodyReader;
  /** The client waits for `100 Continue` or an answer before it sends anything of it. */
  #isHeldBack: boolean;
  /** Bytes that may still be read away. */
  #drainLeft = 0;
  /** Whether the program is told of it; not, when its filter has answered. */
  isHeard = true;
  /** In its place. */
  #taker: BodyTaker | undefined;
  /** The next piece waits until the taker wants it. */
  isParked = false;
  /** The taker is being given a piece, and what is behind it comes anyway. */
  #isHanding = false;
  /** Bytes that have come and were not read: of the body, and maybe of what follows it. */
  pending: number;

  /**
   * @param isHeldBack whether the request has `Expect: 100-continue`
   * @param pending bytes that came with the head
   * @throws {HttpSyntaxError} 413 for a length above `maxBodySize`
   */
  constructor(
    connection: Connection,
    exchange: BodyExchange,
    framing: BodyFraming,
    isHeldBack: boolean,
    pending: number,
  ) {
    this.#connection = connection;
    this.#exchange = exchange;
    this.#reader = new BodyReader(framing, connection.owner.limits.maxBodySize);
    this.#isHeldBack = isHeldBack;
    this.pending = pending;
  }

  /** Whether its last byte was read, which the program may still think about; at once for an empty one. */
  get hasEnded(): boolean {
    return this.#reader.done;
  }

  /**
   * Whether the connection can't be used again behind an answer that leaves now: too much of the body is
   * still to come, or it may never come (RFC 9110 section 10.1.1).
   */
  get outlivesAnswer(): boolean {
    if (this.#reader.done) return false;
    if (this.#isHeldBack && this.pending === 0) return true;
    return this.#reader.remaining > this.pending + this.#connection.owner.limits.maxDrainBytes;
  }

  /** What is kept until it is whole. */
  get held(): number {
    return this.#taker?.held ?? 0;
  }

  /** From now on a piece comes when it is wanted. */
  giveTo(taker: BodyTaker | undefined): void {
    this.#taker = taker;
    this.isHeard = false;
    this.isParked = true;
  }

  /** Called by the taker: the next piece may come. */
  want(): void {
    if (!this.isParked || this.#exchange.body !== this || !this.#connection.isOpen) return;
    this.isParked = false;
    this.listen();
    if (this.pending > 0 && !this.#isHanding) this.#connection.offerAgain();
  }

  /** The taker gets no more. */
  fail(error: unknown): void {
    this.#taker?.fail(error);
    this.#taker = undefined;
  }

  /** The next piece may come, unless the program has stopped it, or not said its word yet. */
  listen(): void {
    const connection = this.#connection;
    const { state, callbacks, hasAnswered } = this.#exchange;
    if (this.isParked || state === "RESPOND") return;
    if (!connection.canDeliver || callbacks.isBusy) return;
    if (state === "BODY" && this.#isHeldBack && !hasAnswered) {
      this.#isHeldBack = false;
      // RFC 9110 section 10.1.1: a client that asked first waits for this, and one that didn't wait
      // needs none.
      if (this.pending === 0) connection.outbox.say(CONTINUE);
    }
    this.#exchange.timer.listens();
  }

  /** The program has stopped receiving. */
  rest(): void {
    if (this.#exchange.state !== "RESPOND") this.#exchange.timer.rests();
  }

  /** Takes what of `bytes` is the body's, and returns how many bytes that are. */
  take(bytes: Uint8Array): number {
    this.#isHeldBack = false;
    if (this.#exchange.state === "DRAIN") return this.#readAway(bytes);
    return this.#taker === undefined ? this.#read(bytes) : this.#hand(this.#taker, bytes);
  }

  /**
   * From now on it is read away: what has come, and `maxDrainBytes` more. The program
   * may have stopped it, which counts no more.
   */
  drain(): void {
    const connection = this.#connection;
    this.isParked = false;
    const why = "the request was answered before all of its body was read";
    this.fail(withoutStack(() => new LwsError("aborted", why)));
    this.#drainLeft = this.pending + connection.owner.limits.maxDrainBytes;
    connection.allowInput(true);
    if (this.pending > 0) connection.offerAgain();
    this.listen();
  }

  #read(bytes: Uint8Array): number {
    const connection = this.#connection;
    const { callbacks, timer } = this.#exchange;
    const [first] = connection.owner.entries;
    const { rxBufferSize } = first!;
    const part = bytes.length > rxBufferSize ? bytes.subarray(0, rxBufferSize) : bytes;
    this.pending = bytes.length - part.length;
    const taken = this.#reader.readJoined(part, (piece) => {
      if (!this.isHeard) return;
      const result = callbacks.call(first!, "httpBody", piece);
      if (typeof result === "number") return this.#exchange.onPiece(result);
      callbacks.await(first!, "httpBody", result, (late) => {
        this.#exchange.onPiece(late);
        this.#goOn();
      });
    });
    timer.heard(taken);
    if (!callbacks.isAwaiting) this.#goOn();
    return taken;
  }

  /** One piece, behind which the next one has to be wanted. */
  #hand(taker: BodyTaker, bytes: Uint8Array): number {
    const { timer } = this.#exchange;
    const part = bytes.subarray(0, LONGEST_TAKEN);
    this.pending = bytes.length - part.length;
    const taken = this.#reader.readJoined(part, (piece) => {
      this.isParked = true;
      this.#isHanding = true;
      taker.take(piece);
      this.#isHanding = false;
    });
    timer.heard(taken);
    if (this.isParked) timer.rests();
    this.#goOn();
    return taken;
  }

  #readAway(bytes: Uint8Array): number {
    const taken = this.#reader.read(bytes, () => {});
    this.#exchange.timer.heard(taken);
    this.#drainLeft -= taken;
    if (this.#drainLeft < 0) this.#connection.end("self", "lingers");
    else this.#goOn();
    return taken;
  }

  #goOn(): void {
    const exchange = this.#exchange;
    // With its last piece the program may have answered, and hears no more of this request.
    if (!this.#connection.isOpen || exchange.body !== this) return;
    if (!this.#reader.done) return this.listen();
    exchange.timer.rests();
    exchange.step("whole");
    if (exchange.state === "IDLE") exchange.onDrained();
    else if (this.#taker !== undefined) this.#taken(this.#taker);
    else if (this.isHeard) exchange.onWhole();
  }

  #taken(taker: BodyTaker): void {
    taker.end();
    if (!this.#exchange.hasAnswered) this.#exchange.timer.asks();
  }
}
