/**
 * Messages that a loop of the program takes, in place of callbacks. An inbox is there for as long as pieces come
 * to it; the loop is what the program has of it.
 */

import type { CloseInfo } from "../../api/reasons.ts";
import { POLLIN } from "../../api/service.ts";
import { LwsError } from "../../base/errors.ts";
import { call, type Called, type Caller } from "../callbacks.ts";
import { closedError, isOrdinary } from "./end.ts";
import { MessageGatherer } from "./gathering.ts";
import type { FrameFacts } from "../../core/websocket/frame_parser.ts";
import { type Sharing, waitForTurn } from "../../service/awaited_turn.ts";
import type { Serviceable } from "../../service/scheduler.ts";

/** At so many queued bytes input is held back in the middle of a read. */
const MOST_QUEUED_BYTES = 64 * 1024;
/** What a message counts beside its payload. */
const MESSAGE_OVERHEAD = 32;

type Message = string | Uint8Array;
type Result = IteratorResult<Message, undefined>;

/** What an inbox asks of its connection. Implemented by Connection. */
export interface Receiving extends Caller, Sharing {
  readonly entry: Called;
  readonly isClient: boolean;
  readonly isEstablished: boolean;
  readonly canDeliver: boolean;
  readonly owner: Sharing["owner"] & {
    readonly scheduler: { request(task: Serviceable, events: number): void };
  };
  /** Has pieces come here, or go to the callback. */
  divert(isOn: boolean): void;
  /** Holds input back while the loop works, whatever the program says by flow control. */
  holdForLoop(held: boolean): void;
  /** What waits for the loop is less. */
  recount(): void;
  dropFor(reason: "receive" | "clientReceive", result: number): void;
  goOn(): boolean;
}

const encoder = new TextEncoder();
const inboxes = new WeakMap<object, Inbox>();

/** What is to be known of a message that the callback gets whole, as one frame in one piece. */
function factsOfWhole(isBinary: boolean): FrameFacts {
  return { isBinary, isFinal: true, isFirstPiece: true, remaining: 0, reservedBits: 0 };
}

const WHOLE_TEXT = factsOfWhole(false);
const WHOLE_BINARY = factsOfWhole(true);

class Inbox {
  readonly #connection: Receiving;
  readonly #gatherer = new MessageGatherer();
  #queued: Message[] = [];
  /** How many of them were taken. */
  #taken = 0;
  #queuedBytes = 0;
  readonly #waiting: PromiseWithResolvers<Result>[] = [];
  #waitsForTurn = false;
  /** Whether a message has begun here; one that had begun before goes on to the callback. */
  #hasBegun = false;
  #holdIsDue = false;
  /** The loop has ended by itself; what is here goes to the callback, unless another loop takes it. */
  isGivenUp = false;
  #end: CloseInfo | undefined;
  #endIsTold = false;
  /** Of the message that is being handed on to the callback. */
  facts: FrameFacts | undefined;

  constructor(connection: Receiving) {
    this.#connection = connection;
  }

  /** Takes a piece; false for one that the callback gets. */
  take(piece: Uint8Array): boolean {
    const { wsi } = this.#connection;
    if (!this.#hasBegun) {
      if (!wsi.isFirstFragment) return false;
      this.#hasBegun = true;
    }
    const message = this.#gatherer.take(wsi, piece);
    if (message === undefined) return true;
    const first = this.#hasQueued ? undefined : this.#waiting.shift();
    if (first !== undefined) first.resolve({ done: false, value: message });
    else {
      this.#queue(message);
      if (this.isGivenUp) this.handOn();
    }
    return true;
  }

  #queue(message: Message): void {
    this.#queued.push(message);
    this.#queuedBytes += message.length + MESSAGE_OVERHEAD;
    if (this.isGivenUp) return;
    if (this.#queuedBytes >= MOST_QUEUED_BYTES) return this.#hold();
    if (this.#holdIsDue) return;
    // Behind the read, all of which is taken: a stop behind each message would cost far more.
    this.#holdIsDue = true;
    queueMicrotask(() => {
      this.#holdIsDue = false;
      if (this.#hasQueued) this.#hold();
    });
  }

  get #hasQueued(): boolean {
    return this.#taken < this.#queued.length;
  }

  #dequeue(): Message {
    const message = this.#queued[this.#taken++]!;
    this.#queuedBytes -= message.length + MESSAGE_OVERHEAD;
    this.#connection.recount();
    if (!this.#hasQueued) {
      this.#queued = [];
      this.#taken = 0;
    }
    return message;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  #hold(): void {
    if (this.#connection.isEstablished) this.#connection.holdForLoop(true);
  }

  next(): Promise<Result> {
    if (this.#mayTake()) return Promise.resolve({ done: false, value: this.#dequeue() });
    if (this.#end !== undefined && !this.#hasQueued) return this.#tellEnd(this.#end);
    const waiting = Promise.withResolvers<Result>();
    this.#waiting.push(waiting);
    if (!this.#hasQueued) this.#connection.holdForLoop(false);
    return waiting.promise;
  }

  /** Whether there is a message, and the loop may have it before the event loop has come round. */
  #mayTake(): boolean {
    if (!this.#hasQueued || this.#waitsForTurn) return false;
    const { budget } = this.#connection.owner;
    // Behind a read, of which the parser's pieces took next to no time.
    if (this.#taken === 0) budget.lookAnew();
    if (budget.mayGoOn()) return true;
    this.#waitsForTurn = true;
    waitForTurn(this.#connection, () => this.#onTurn(), this.#queuedBytes);
    return false;
  }

  #onTurn(): void {
    this.#waitsForTurn = false;
    if (this.#waiting.length > 0 && this.#hasQueued) this.#give();
    while (this.#waiting.length > 0 && this.#mayTake()) this.#give();
    if (this.#waiting.length === 0 || this.#hasQueued) return;
    if (this.#end !== undefined) this.#tellEnds(this.#end);
    else this.#connection.holdForLoop(false);
  }

  #give(): void {
    this.#waiting.shift()!.resolve({ done: false, value: this.#dequeue() });
  }

  #tellEnd(end: CloseInfo): Promise<Result> {
    const isOver = this.#endIsTold || isOrdinary(end);
    this.#endIsTold = true;
    return isOver ? done() : Promise.reject(closedError("messages", end));
  }

  /**
   * The loop ends by itself. What it has not taken goes to the callback, in a turn of its own: a loop that is
   * begun right behind it has it all.
   */
  giveUp(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    if (this.#end !== undefined) return;
    this.isGivenUp = true;
    this.#hold();
    const { socketFd, owner } = this.#connection;
    const service = () => {
      if (!this.isGivenUp) return;
      this.#connection.holdForLoop(false);
      this.#connection.goOn();
    };
    owner.scheduler.request({ socketFd, service }, POLLIN);
  }

  /** Hands on to the callback what no loop has taken, and ends with it, unless a message is half here. */
  handOn(): void {
    if (!this.isGivenUp || this.#end !== undefined || this.facts !== undefined) return;
    const connection = this.#connection;
    connection.holdForLoop(false);
    while (this.#hasQueued && connection.canDeliver && connection.isEstablished) {
      this.#deliver(this.#dequeue());
      // The callback may have begun another loop. What is left in a turn's middle goes on in the next one.
      if (!this.isGivenUp || !connection.owner.budget.mayGoOn()) return;
    }
    if (!this.#hasQueued && !this.#gatherer.isInside(connection.wsi)) this.#leave();
  }

  #deliver(message: Message): void {
    const connection = this.#connection;
    const isText = typeof message === "string";
    const reason = connection.isClient ? "clientReceive" : "receive";
    this.facts = isText ? WHOLE_TEXT : WHOLE_BINARY;
    const piece = isText ? encoder.encode(message) : message;
    const result = call(connection, connection.entry, reason, piece);
    this.facts = undefined;
    if (connection.isClient ? result !== 0 : result < 0) connection.dropFor(reason, result);
  }

  /** Nothing comes here any more. */
  #leave(): void {
    inboxes.delete(this.#connection);
    this.#connection.divert(false);
  }

  end(end: CloseInfo): void {
    this.#end = end;
    this.#leave();
    // A loop that waits for its turn has what came before.
    if (!this.#hasQueued) this.#tellEnds(end);
  }

  #tellEnds(end: CloseInfo): void {
    for (const [index, { resolve, reject }] of this.#waiting.splice(0).entries()) {
      if (index > 0 || isOrdinary(end)) resolve({ done: true, value: undefined });
      else reject(closedError("messages", end));
      this.#endIsTold = true;
    }
  }
}

/** What the program has: nothing leads from it to the inbox. */
class MessageLoop implements AsyncIterableIterator<Message, undefined> {
  #inbox: Inbox | undefined;

  constructor(inbox: Inbox | undefined) {
    this.#inbox = inbox;
  }

  next(): Promise<Result> {
    return this.#inbox === undefined ? done() : this.#inbox.next();
  }

  return(): Promise<Result> {
    const inbox = this.#inbox;
    this.#inbox = undefined;
    inbox?.giveUp();
    return done();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function done(): Promise<IteratorReturnResult<undefined>> {
  return Promise.resolve({ done: true, value: undefined });
}

/**
 * Begins a loop over the messages of a connection.
 *
 * @throws {LwsError} `invalid-state`
 */
export function messagesOf(
  connection: Receiving & { readonly phase: { readonly frames?: FrameFacts } | undefined },
): AsyncIterableIterator<Message, undefined> {
  const { phase } = connection;
  // It is gone, and a loop over what it was ends at once.
  if (phase === undefined) return new MessageLoop(undefined);
  if (phase.frames === undefined) {
    throw new LwsError("invalid-state", "messages: the connection is no established WebSocket");
  }
  const known = inboxes.get(connection);
  if (known !== undefined && !known.isGivenUp) {
    const why =
      "another loop takes the messages of this connection; end it before, by break or return()";
    throw new LwsError("invalid-state", `messages: ${why}`);
  }
  const inbox = known ?? new Inbox(connection);
  inbox.isGivenUp = false;
  if (known === undefined) {
    inboxes.set(connection, inbox);
    connection.divert(true);
  }
  return new MessageLoop(inbox);
}

/** Gives a piece to the loop of a connection that has one; false for one that the callback gets. */
export function takePiece(connection: object, piece: Uint8Array): boolean {
  return inboxes.get(connection)?.take(piece) ?? false;
}

/** Bytes of messages that no loop has taken yet. */
export function queuedFor(connection: object): number {
  return inboxes.get(connection)?.queuedBytes ?? 0;
}

/** What is known of a message that a loop has left to the callback, while that is called for it. */
export function factsInHand(connection: object): FrameFacts | undefined {
  return inboxes.get(connection)?.facts;
}

/** Receiving goes on: what a loop has left to the callback comes first. */
export function handOnMessages(connection: object): void {
  inboxes.get(connection)?.handOn();
}

/** The connection has closed: the loop ends behind what it has not taken. */
export function endMessages(connection: object, end: CloseInfo): void {
  inboxes.get(connection)?.end(end);
}
