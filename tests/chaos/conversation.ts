/** What a client says on one connection, and what it has to hear there. */

import { randomOf } from "./decisions.ts";
import { faultOf, makeMessage, type Message } from "./messages.ts";

/** A client's end of a connection, whoever made it. */
export interface Socket {
  /** Whether it can send frames of messages, and pings. */
  readonly hasFrames: boolean;
  /** Sends a frame, or a message in one. */
  send(
    bytes: Uint8Array<ArrayBuffer>,
    kind: "text" | "binary" | "continuation",
    fin: boolean,
  ): void;
  ping(payload: Uint8Array<ArrayBuffer>): void;
  /** Begins the closing handshake with 1000. */
  close(): void;
}

/** How a connection has ended, as its client tells. */
export interface Ending {
  readonly code: number;
  readonly wasClean: boolean;
}

/** What came of a conversation. */
export interface Outcome {
  /** Echoes that came. */
  readonly confirmed: number;
  /** Bytes of these. */
  readonly bytes: number;
  readonly wasEstablished: boolean;
  /** The code of its end; 0 without an end. */
  readonly code: number;
  /** Whether all that was due came, and the closing handshake with it. */
  readonly isWhole: boolean;
  /** What must not be, broken or not. */
  readonly faults: readonly string[];
}

const MOST_MESSAGES = 40;
const WIDEST_WINDOW = 12;

/** The conversation of this name; what it says is decided by that alone. */
export class Conversation {
  /** Resolves at its end. */
  readonly done: Promise<Outcome>;
  readonly #below: (most: number) => number;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #total: number;
  readonly #window: number;
  /** How many echoes it waits for before it closes: often all. */
  readonly #leavesAfter: number;
  readonly #unconfirmed: Message[] = [];
  readonly #faults: string[] = [];
  #socket: Socket | undefined;
  #sent = 0;
  #confirmed = 0;
  #bytes = 0;
  #pings = 0;
  #pongs = 0;
  #isClosing = false;
  #hasEnded = false;

  constructor(name: string) {
    this.#below = randomOf(`${name} says`);
    this.#total = 1 + this.#below(MOST_MESSAGES);
    this.#window = 1 + this.#below(WIDEST_WINDOW);
    this.#leavesAfter = this.#below(4) === 0 ? this.#below(this.#total) : this.#total;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.done = promise;
    this.#resolve = resolve;
  }

  /** The handshake is done. */
  opened(socket: Socket): void {
    if (this.#socket !== undefined) this.#faults.push("it was opened twice");
    this.#socket = socket;
    this.#proceed();
  }

  /** A message has come. */
  received(isText: boolean, bytes: Uint8Array): void {
    const message = this.#unconfirmed.shift();
    if (message === undefined) return void this.#faults.push("an echo of nothing came");
    const fault = this.#hasEnded
      ? "an echo came behind the end"
      : isText !== message.isText
      ? `the kind of message ${this.#confirmed} has changed`
      : faultOf(isText, bytes, this.#confirmed);
    if (fault !== undefined) this.#faults.push(fault);
    this.#confirmed++;
    this.#bytes += bytes.length;
    this.#proceed();
  }

  /** A pong has come: one may be left out (RFC 6455 section 5.5.3), none may come out of order, or twice. */
  ponged(payload: Uint8Array): void {
    const number = payload.length === 4
      ? new DataView(payload.buffer, payload.byteOffset).getUint32(0)
      : -1;
    if (number < this.#pongs || number >= this.#pings) {
      this.#faults.push(`pong ${number} came where ${this.#pongs} to ${this.#pings - 1} could`);
    }
    this.#pongs = number + 1;
  }

  /** The connection has ended, or was never established. */
  ended(ending: Ending | undefined): void {
    if (this.#hasEnded) return void this.#faults.push("it ended twice");
    this.#hasEnded = true;
    const wasEstablished = this.#socket !== undefined;
    if (wasEstablished !== (ending !== undefined)) this.#faults.push("its end is not of its kind");
    this.#resolve({
      confirmed: this.#confirmed,
      bytes: this.#bytes,
      wasEstablished,
      code: ending?.code ?? 0,
      isWhole: this.#isClosing && ending?.wasClean === true && ending.code === 1000 &&
        this.#confirmed >= this.#leavesAfter,
      // Read once all that may still come behind the end has come.
      faults: this.#faults,
    });
  }

  #proceed(): void {
    if (this.#isClosing || this.#hasEnded) return;
    const socket = this.#socket!;
    while (this.#sent < this.#total && this.#unconfirmed.length < this.#window) this.#say(socket);
    if (this.#confirmed < this.#leavesAfter) return;
    this.#isClosing = true;
    socket.close();
  }

  #say(socket: Socket): void {
    const message = makeMessage(this.#below, this.#sent++);
    const { isText, bytes } = message;
    this.#unconfirmed.push(message);
    const cuts = socket.hasFrames ? message.cuts : [];
    [0, ...cuts].forEach((start, index) => {
      const end = cuts[index] ?? bytes.length;
      const kind = index > 0 ? "continuation" : isText ? "text" : "binary";
      socket.send(bytes.subarray(start, end), kind, index === cuts.length);
      if (socket.hasFrames && this.#below(4) === 0) socket.ping(this.#nextPing());
    });
  }

  #nextPing(): Uint8Array<ArrayBuffer> {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#pings++);
    return payload;
  }
}
