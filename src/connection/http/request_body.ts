/** The body of one request: read for the program, or read away behind an answer that is complete. */

import type { Asking, AskingPhase } from "../awaited_callback.ts";
import type { Connection } from "../connection.ts";
import type { ExchangeTimer } from "./exchange_timer.ts";
import { type BodyFraming, BodyReader } from "../../core/http/body/reader.ts";

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** Pieces are on their way to the program. */
const READING = 0;
/** All of it is read. */
const WHOLE = 1;
/** The response is complete, and the program is told nothing more. */
const DRAINING = 2;

/** The request that it is a part of. Implemented by HttpSession. */
export interface BodyExchange extends AskingPhase {
  readonly asking: Asking<BodyExchange>;
  readonly timer: ExchangeTimer;
  /** Whether a part of the response was written. */
  readonly hasAnswered: boolean;
  /** The program has returned this for a piece. */
  onPiece(result: number): void;
  /** All of it is read, for the program. */
  onWhole(): void;
  /** All of it is read away. */
  onDrained(): void;
}

/** A body on its way in, in what pieces it comes. */
export class RequestBody {
  readonly #connection: Connection;
  readonly #exchange: BodyExchange;
  readonly #reader: BodyReader;
  #state: typeof READING | typeof WHOLE | typeof DRAINING = READING;
  /** The client waits for `100 Continue` or an answer before it sends anything of it. */
  #isHeldBack: boolean;
  /** Bytes that may still be read away. */
  #drainLeft = 0;
  /** Whether the program is told of it; not, when its filter has answered. */
  isHeard = true;
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
    if (this.#reader.done) this.#state = WHOLE;
  }

  /** Whether pieces of it are on their way to the program. */
  get isReading(): boolean {
    return this.#state === READING;
  }

  /** Whether the request is whole; at once for one without a body. */
  get isWhole(): boolean {
    return this.#state === WHOLE;
  }

  get isDraining(): boolean {
    return this.#state === DRAINING;
  }

  /** Whether its last byte was read, which the program may still think about. */
  get hasEnded(): boolean {
    return this.#reader.done;
  }

  /**
   * Whether the connection can't be used again behind an answer that leaves now: too much of the body is
   * still to come, or nobody knows whether it will (RFC 9110 section 10.1.1).
   */
  get outlivesAnswer(): boolean {
    if (this.#state !== READING || this.#reader.done) return false;
    if (this.#isHeldBack && this.pending === 0) return true;
    return this.#reader.remaining > this.pending + this.#connection.owner.limits.maxDrainBytes;
  }

  /** The next piece may come, unless the program has stopped it, or not said its word yet. */
  listen(): void {
    const connection = this.#connection;
    if (this.#state === WHOLE || !connection.canDeliver || this.#exchange.asking.isBusy) return;
    if (this.#state === READING && this.#isHeldBack && !this.#exchange.hasAnswered) {
      this.#isHeldBack = false;
      // RFC 9110 section 10.1.1: a client that asked first waits for this, and one that didn't wait
      // needs none.
      if (this.pending === 0) connection.outbox.say(CONTINUE);
    }
    this.#exchange.timer.listens();
  }

  /** The program has stopped receiving. */
  rest(): void {
    if (this.#state !== WHOLE) this.#exchange.timer.rests();
  }

  /** Takes what of `bytes` is the body's, and returns how many bytes that are. */
  take(bytes: Uint8Array): number {
    this.#isHeldBack = false;
    return this.#state === DRAINING ? this.#readAway(bytes) : this.#read(bytes);
  }

  /**
   * From now on nobody wants it: what has come, and `maxDrainBytes` more, may be read away. The program
   * may have stopped it, which counts no more. A body that is read to its end has only this to say.
   */
  drain(): void {
    const connection = this.#connection;
    if (this.#reader.done) {
      this.#state = WHOLE;
      return this.#exchange.onDrained();
    }
    this.#state = DRAINING;
    this.#drainLeft = this.pending + connection.owner.limits.maxDrainBytes;
    connection.allowInput(true);
    if (this.pending > 0) connection.offerAgain();
    this.listen();
  }

  #read(bytes: Uint8Array): number {
    const connection = this.#connection;
    const { asking, timer } = this.#exchange;
    const [first] = connection.owner.entries;
    const { rxBufferSize } = first!;
    const part = bytes.length > rxBufferSize ? bytes.subarray(0, rxBufferSize) : bytes;
    this.pending = bytes.length - part.length;
    const taken = this.#reader.read(part, (piece) => {
      if (!this.isHeard) return;
      // A piece of its own: who awaits something needs it for longer than the call.
      const result = asking.call(first!, "httpBody", piece.slice());
      if (typeof result === "number") this.#exchange.onPiece(result);
      else {
        asking.await(first!, "httpBody", result, (late) => {
          this.#exchange.onPiece(late);
          this.#goOn();
        });
      }
      const goesOn = this.#state === READING && !asking.isAwaiting;
      const mayGoOn = connection.owner.budget.mayGoOn();
      if (!connection.canDeliver || !goesOn || !mayGoOn) this.#reader.pause();
    });
    timer.heard(taken);
    if (!asking.isAwaiting) this.#goOn();
    return taken;
  }

  #readAway(bytes: Uint8Array): number {
    const taken = this.#reader.read(bytes, () => {});
    this.#exchange.timer.heard(taken);
    this.#drainLeft -= taken;
    if (this.#drainLeft < 0) this.#connection.finish("self", true);
    else this.#goOn();
    return taken;
  }

  #goOn(): void {
    // With its last piece the program may have answered, and hears no more of this request.
    if (!this.#connection.isOpen || this.#state === WHOLE) return;
    if (!this.#reader.done) return this.listen();
    this.#exchange.timer.rests();
    if (this.#state === DRAINING) return this.#exchange.onDrained();
    this.#state = WHOLE;
    if (this.isHeard) this.#exchange.onWhole();
  }
}
