/** Two transports that are joined in memory, keep to a socket's contract and fail on demand. */

import type { Address, Transport, TransportHandler } from "../api/network.ts";

/** What went wrong in memory, as {@linkcode MemoryError.code} says it. */
export type MemoryErrorCode =
  | "address-in-use"
  | "broken-pipe"
  | "connection-ended"
  | "connection-refused"
  | "connection-reset"
  | "handshake-refused"
  | "listener-closed";

/**
 * An error of the in-memory network, with a `code` like those that a real network's errors have.
 *
 * @example
 * ```ts
 * import { MemoryError, MemoryNetwork } from "@x/lws/testing";
 *
 * const target = { hostname: "127.0.0.1", port: 80 };
 * try {
 *   await new MemoryNetwork().connect(target, new AbortController().signal);
 * } catch (error) {
 *   if (!(error instanceof MemoryError) || error.code !== "connection-refused") throw error;
 * }
 * ```
 */
export class MemoryError extends Error {
  /** `MemoryError`. */
  override readonly name = "MemoryError";
  /** Which error it is; the message may change, this does not. */
  readonly code: MemoryErrorCode;
  /** The status of the answer to a handshake that was refused; undefined for other errors. */
  readonly status: number | undefined;

  /** Makes an error; `message` says what happened. */
  constructor(code: MemoryErrorCode, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** How a pair of ends is made, for {@linkcode memoryPair} and `MemoryNetwork`. */
export interface MemoryOptions {
  /**
   * Undelivered bytes, from 0, past which an end lets its peer's writes wait, like a full socket
   * buffer.
   *
   * Default: `65536`.
   */
  readonly capacity?: number;
  /**
   * Whether a write that the peer has room for has left when {@linkcode Transport.write} returns, which says so
   * then, in place of an `onDrain` that follows.
   *
   * Default: `false`.
   */
  readonly writesAtOnce?: boolean;
}

const DEFAULT_CAPACITY = 64 * 1024;
/** What a view holds once it is no longer valid: a handler that kept it reads this. */
const POISON = 0xDD;
/** Views don't start their buffer, so that `view.buffer` alone, or an assumed alignment, shows. */
const LEAD = 1;
const NO_BYTES = new Uint8Array(0);

/** Why an end is gone; an object, because a close in order has no error. */
interface Ending {
  readonly error: unknown;
}

/**
 * One end of a connection in memory. All events come in microtasks, never from inside a call, and
 * one delivery a microtask.
 *
 * Beyond the contract of {@linkcode Transport} it is strict, to catch what a socket would forgive:
 * views are poisoned with 0xDD after the call, and writing before `onDrain`, after `end` or before
 * `start` throws. Writes to an end that is gone by {@linkcode MemoryTransport.close} or
 * {@linkcode MemoryTransport.reset} are ignored, since its `onClose` may still be on its way.
 *
 * An end that closes leaves its peer what it wrote, then `onEnd`. A peer that writes to it gets
 * `onClose` with a `broken-pipe` error: after what there still is to read, or at once when it
 * doesn't read.
 */
export class MemoryTransport implements Transport {
  /** Where this end is. */
  readonly localAddress: Address;
  /** Where its peer is. */
  readonly remoteAddress: Address;
  readonly #capacity: number;
  readonly #writesAtOnce: boolean;
  #peer!: MemoryTransport;
  #handler: TransportHandler | undefined;

  /** What the peer wrote and no delivery has taken up yet. */
  #arriving: Uint8Array[] = [];
  #arrivingLength = 0;
  /** What was offered and not taken. */
  #rest = NO_BYTES;
  /** Whether the rest is due without further bytes, after a `resume`. */
  #offerRest = false;
  #chop = Infinity;
  #paused = false;
  #reading = true;
  #held = false;
  #peerEnded = false;
  #endSeen = false;

  #writing = false;
  /** The write under way has left; only `onDrain` hasn't been called yet. */
  #left = false;
  /** The peer has taken up a part of it, which `onProgress` is yet to tell. */
  #progressed = false;
  #ended = false;
  /** Wrote to an end that is gone. */
  #broken = false;

  #ending: Ending | undefined;
  #resetByPeer: Ending | undefined;
  #gone = false;
  #scheduled = false;

  private constructor(
    local: Address,
    remote: Address,
    capacity: number,
    writesAtOnce: boolean,
  ) {
    this.localAddress = local;
    this.remoteAddress = remote;
    this.#capacity = capacity;
    this.#writesAtOnce = writesAtOnce;
  }

  /** Joins two ends that have the given addresses. */
  static pair(
    first: Address,
    second: Address,
    options: MemoryOptions = {},
  ): [MemoryTransport, MemoryTransport] {
    const { capacity = DEFAULT_CAPACITY, writesAtOnce = false } = options;
    if (!(capacity >= 0)) throw new RangeError(`capacity is ${capacity}; it must be from 0`);
    const one = new MemoryTransport(first, second, capacity, writesAtOnce);
    const other = new MemoryTransport(second, first, capacity, writesAtOnce);
    one.#peer = other;
    other.#peer = one;
    return [one, other];
  }

  /** The other end, to make it fail too. */
  get peer(): MemoryTransport {
    return this.#peer;
  }

  /** How many bytes the peer wrote that were not offered to this end's handler yet. */
  get undelivered(): number {
    return this.#arrivingLength;
  }

  start(handler: TransportHandler): void {
    if (this.#handler !== undefined) throw new Error("start comes once");
    this.#handler = handler;
    this.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    this.#mustBeStarted("write");
    if (this.#ending !== undefined) return false;
    if (this.#ended) throw new Error("write came after end");
    if (this.#writing) throw new Error("write came before onDrain: one write at a time");
    this.#writing = true;
    if (this.#peer.#ending !== undefined) {
      this.#broken = true;
      this.#schedule();
      return false;
    }
    if (bytes.length > 0) this.#peer.#receive(bytes.slice());
    if (this.#writesAtOnce && this.#peer.#hasRoom) {
      this.#writing = false;
      return true;
    }
    this.#letLeave();
    return false;
  }

  get #hasRoom(): boolean {
    return this.#arrivingLength <= this.#capacity;
  }

  pause(): void {
    this.#mustBeStarted("pause");
    this.#paused = true;
  }

  resume(): void {
    this.#mustBeStarted("resume");
    if (!this.#paused) return;
    this.#paused = false;
    this.#offerRest = true;
    this.#schedule();
  }

  end(): void {
    this.#mustBeStarted("end");
    this.#ended = true;
    this.#peer.#peerEnded = true;
    this.#peer.#schedule();
  }

  close(): void {
    this.#die(undefined);
  }

  /** Closes this end, and resets the peer's. */
  abort(): void {
    const error = new MemoryError("connection-reset", "the connection was reset by its peer");
    this.#peer.#resetByPeer ??= { error };
    this.#die(undefined);
  }

  /**
   * Breaks the connection: both ends get `onClose(error)`, and what was not delivered is lost. An
   * end that closed already keeps its own `onClose()`; one that is held learns when released.
   *
   * @param error what the handlers get; a {@linkcode MemoryError} `connection-reset` by default.
   */
  reset(error: unknown = new MemoryError("connection-reset", "the connection was reset")): void {
    this.#peer.#resetByPeer ??= { error };
    if (this.#heardEnding() === undefined) this.#die(error);
  }

  /**
   * Delivers at most `size` new bytes at a time to this end, each with its own `onBytes`; a rest
   * that was not taken comes in front and doesn't count.
   *
   * @param size from 1; `Infinity`, the default of a new end, delivers all there is as one view.
   */
  chop(size: number): void {
    if (size !== Infinity && !(Number.isInteger(size) && size >= 1)) {
      throw new RangeError(`size is ${size}; it must be a whole number from 1, or Infinity`);
    }
    this.#chop = size;
  }

  /** Delays all that comes from the peer (bytes, its end, its reset), as a slow network does. */
  hold(): void {
    this.#held = true;
  }

  /** Undoes {@linkcode MemoryTransport.hold}. */
  release(): void {
    this.#held = false;
    this.#schedule();
  }

  /**
   * Leaves what arrives undelivered, without the handler's doing, so that the peer's writes wait
   * once `capacity` is full.
   */
  stopReading(): void {
    this.#reading = false;
  }

  /** Undoes {@linkcode MemoryTransport.stopReading}. */
  startReading(): void {
    this.#reading = true;
    this.#schedule();
  }

  #mustBeStarted(call: string): void {
    if (this.#handler === undefined) throw new Error(`${call} came before start`);
  }

  #receive(bytes: Uint8Array): void {
    this.#arriving.push(bytes);
    this.#arrivingLength += bytes.length;
    this.#schedule();
  }

  /** The write under way has left once the bytes in flight fit in the peer's buffer. */
  #letLeave(): void {
    if (!this.#writing || this.#broken) return;
    if (!this.#peer.#hasRoom) return;
    this.#left = true;
    this.#schedule();
  }

  #noteProgress(): void {
    if (!this.#writing || this.#left || this.#broken) return;
    this.#progressed = true;
    this.#schedule();
  }

  #die(error: unknown): void {
    if (this.#ending !== undefined) return;
    this.#ending = { error };
    const peer = this.#peer;
    peer.#peerEnded = true;
    if (peer.#writing && !peer.#left) peer.#broken = true;
    this.#schedule();
    peer.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined) return;
    this.#scheduled = true;
    queueMicrotask(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const handler = this.#handler!;
    if (this.#gone) return;
    const ending = this.#heardEnding();
    if (ending !== undefined) {
      this.#gone = true;
      this.#arriving = [];
      this.#arrivingLength = 0;
      this.#rest = NO_BYTES;
      handler.onClose(ending.error);
      return;
    }
    if (this.#left) {
      this.#left = false;
      this.#writing = false;
      this.#progressed = false;
      handler.onDrain();
    } else if (this.#progressed) {
      this.#progressed = false;
      handler.onProgress?.();
    }
    // The handler may have closed or paused meanwhile.
    if (this.#heardEnding() === undefined && this.#hasNews()) this.#deliver(handler);
    if (this.#broken && !this.#held && !this.#hasNews()) {
      this.#die(new MemoryError("broken-pipe", "the peer of this connection has closed it"));
    }
    if (this.#heardEnding() !== undefined || this.#left || this.#hasNews()) this.#schedule();
  };

  #heardEnding(): Ending | undefined {
    return this.#ending ?? (this.#held ? undefined : this.#resetByPeer);
  }

  #hasNews(): boolean {
    if (this.#held || this.#paused || !this.#reading) return false;
    return this.#hasBytes() || (this.#peerEnded && !this.#endSeen);
  }

  #hasBytes(): boolean {
    return this.#arrivingLength > 0 || (this.#offerRest && this.#rest.length > 0);
  }

  #deliver(handler: TransportHandler): void {
    if (!this.#hasBytes()) {
      this.#endSeen = true;
      handler.onEnd();
      return;
    }
    const arriving = Math.min(this.#chop, this.#arrivingLength);
    const buffer = new Uint8Array(LEAD + this.#rest.length + arriving);
    const view = buffer.subarray(LEAD);
    view.set(this.#rest);
    this.#takeUp(view.subarray(this.#rest.length));
    this.#rest = NO_BYTES;
    this.#offerRest = false;
    this.#peer.#letLeave();
    this.#peer.#noteProgress();
    try {
      const taken = handler.onBytes(view);
      if (!(Number.isInteger(taken) && taken >= 0 && taken <= view.length)) {
        throw new RangeError(`onBytes took ${taken} of ${view.length} bytes`);
      }
      if (this.#heardEnding() === undefined) this.#rest = view.slice(taken);
    } finally {
      buffer.fill(POISON);
    }
  }

  /** Fills `target` with the first bytes that arrived. */
  #takeUp(target: Uint8Array): void {
    this.#arrivingLength -= target.length;
    let filled = 0;
    let emptied = 0;
    while (filled < target.length) {
      const chunk = this.#arriving[emptied]!;
      const wanted = target.length - filled;
      target.set(chunk.length > wanted ? chunk.subarray(0, wanted) : chunk, filled);
      filled += Math.min(chunk.length, wanted);
      if (chunk.length > wanted) this.#arriving[emptied] = chunk.subarray(wanted);
      else emptied++;
    }
    this.#arriving.splice(0, emptied);
  }
}

/**
 * Two ends of one connection, without a network around them.
 *
 * @example
 * ```ts
 * import { MemoryPeer, memoryPair } from "@x/lws/testing";
 *
 * const [client, server] = memoryPair();
 * server.chop(1); // byte by byte, whatever the client writes at once
 * server.start({
 *   onBytes(bytes) {
 *     server.write(bytes); // one byte, and "one write at a time" is kept to
 *     return bytes.length;
 *   },
 *   onDrain() {},
 *   onEnd: () => server.close(),
 *   onClose() {},
 * });
 *
 * const peer = new MemoryPeer(client);
 * peer.send("echo");
 * const answer = await peer.readBytes(4);
 * if (new TextDecoder().decode(answer) !== "echo") throw new Error("no echo");
 * peer.close();
 * await peer.closed;
 * ```
 */
export function memoryPair(options: MemoryOptions = {}): [MemoryTransport, MemoryTransport] {
  return MemoryTransport.pair(
    { hostname: "127.0.0.1", port: 49_152 },
    { hostname: "127.0.0.1", port: 80 },
    options,
  );
}
