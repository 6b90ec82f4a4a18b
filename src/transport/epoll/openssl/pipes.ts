/** What all connections of a thread have in common: memory for what is read, and for what is to be written. */

import { LwsError } from "../../../base/errors.ts";
import type { Openssl, Pointer } from "./library.ts";

/** The most that is decrypted before all others have had their turn: one read of the epoll network's. */
export const LARGEST_FEED = 256 * 1024 + 64;
/** A record that was begun before, RFC 8446 section 5.1. */
const PARTIAL_RECORD = 17 * 1024;
/** What is encrypted at once. */
export const LARGEST_WRITE = 64 * 1024;
/** With what is added to each record of it. */
const LARGE_OUTPUT = LARGEST_WRITE + 1024;
const SMALL_OUTPUT = 4 * 1024;

/**
 * Two memory BIOs that all connections share, one after the other: what was fed is consumed, and what came out is
 * taken, before the next one's turn. OpenSSL itself never touches a socket, so that nothing of it can raise a signal
 * or wait.
 */
export class Pipes {
  readonly openssl: Openssl;
  readonly #input: Pointer;
  readonly #output: Pointer;
  #plain: Uint8Array<ArrayBuffer> | undefined;
  /** Each a view from the begin of its buffer, as long as what it held last. */
  #small: Uint8Array<ArrayBuffer> | undefined;
  #large: Uint8Array<ArrayBuffer> | undefined;
  #view: Uint8Array | undefined;

  /** @throws {LwsError} `unsupported` without memory for it */
  constructor(openssl: Openssl) {
    this.openssl = openssl;
    this.#input = openssl.BIO_new(openssl.BIO_s_mem());
    this.#output = openssl.BIO_new(openssl.BIO_s_mem());
    if (this.#input === null || this.#output === null) {
      throw new LwsError("unsupported", "OpenSSL has no memory left");
    }
  }

  /** Has a connection read and write here; it gives the references back by itself. */
  lend(ssl: Pointer): void {
    this.openssl.BIO_up_ref(this.#input);
    this.openssl.BIO_up_ref(this.#output);
    this.openssl.SSL_set_bio(ssl, this.#input, this.#output);
  }

  /**
   * Puts down what was received; at most {@linkcode LARGEST_FEED} bytes.
   *
   * @throws {LwsError} `connection-closed` without memory for it
   */
  feed(bytes: Uint8Array): void {
    const { length } = bytes;
    const count = this.openssl.BIO_write(this.#input, bytes as Uint8Array<ArrayBuffer>, length);
    if (count === length) return;
    this.discard();
    throw new LwsError("connection-closed", "OpenSSL has no memory left");
  }

  /** Whether all that was fed has been taken. */
  get isConsumed(): boolean {
    return this.openssl.BIO_ctrl_pending(this.#input) === 0;
  }

  /** Drops what was fed and is of no use any more: the next one would get it. */
  discard(): void {
    if (!this.isConsumed) this.openssl.BIO_ctrl(this.#input, BIO_CTRL_RESET, 0n, null);
  }

  /** Drops what came out and won't be sent: it would leave with the next one's. */
  discardOutput(): void {
    if (this.produced > 0) this.openssl.BIO_ctrl(this.#output, BIO_CTRL_RESET, 0n, null);
  }

  /** How many bytes there are to send. */
  get produced(): number {
    return this.openssl.BIO_ctrl_pending(this.#output);
  }

  /**
   * Takes what there is to send, in a buffer that is the caller's until {@linkcode giveBack}.
   *
   * @param front bytes that are to stand in front of it
   * @throws {RangeError} without memory for it; then it is dropped
   */
  take(produced: number, front?: Uint8Array): Uint8Array<ArrayBuffer> {
    const at = front === undefined ? 0 : front.length;
    const buffer = this.#outputBuffer(at + produced);
    if (front !== undefined) buffer.set(front);
    this.openssl.BIO_read(this.#output, at === 0 ? buffer : buffer.subarray(at), produced);
    return buffer;
  }

  #outputBuffer(length: number): Uint8Array<ArrayBuffer> {
    let buffer: Uint8Array<ArrayBuffer>;
    try {
      if (length <= SMALL_OUTPUT) {
        buffer = this.#small ?? new Uint8Array(SMALL_OUTPUT);
        this.#small = undefined;
      } else if (length <= LARGE_OUTPUT) {
        buffer = this.#large ?? new Uint8Array(LARGE_OUTPUT);
        this.#large = undefined;
      } else buffer = new Uint8Array(length);
    } catch (error) {
      this.discardOutput();
      throw error;
    }
    // Most are as long as the one before.
    return buffer.length === length ? buffer : new Uint8Array(buffer.buffer, 0, length);
  }

  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    const { byteLength } = bytes.buffer;
    if (byteLength === SMALL_OUTPUT) this.#small ??= bytes;
    else if (byteLength === LARGE_OUTPUT) this.#large ??= bytes;
  }

  /**
   * Memory for what is decrypted, until {@linkcode giveBackPlain}; a read inside of another one's callback has its
   * own.
   *
   * @param held bytes that are to stand in front of it
   */
  borrowPlain(held: number): Uint8Array<ArrayBuffer> {
    const size = LARGEST_FEED + PARTIAL_RECORD;
    if (held > 0) return new Uint8Array(held + size);
    const buffer = this.#plain ?? new Uint8Array(size);
    this.#plain = undefined;
    return buffer;
  }

  giveBackPlain(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === LARGEST_FEED + PARTIAL_RECORD) this.#plain = buffer;
  }

  /** What was decrypted into such memory: most reads bring as much as the one before, and a view is valid during it only. */
  viewOf(buffer: Uint8Array<ArrayBuffer>, length: number): Uint8Array {
    const view = this.#view;
    if (view?.length === length && view.buffer === buffer.buffer) return view;
    return this.#view = new Uint8Array(buffer.buffer, 0, length);
  }
}

// <openssl/bio.h>
const BIO_CTRL_RESET = 1;

const pipesOfLibraries = new WeakMap<Openssl, Pipes>();

/** Those of a table of functions; they last as long as the program. */
export function pipesOf(openssl: Openssl): Pipes {
  let pipes = pipesOfLibraries.get(openssl);
  if (pipes === undefined) pipesOfLibraries.set(openssl, pipes = new Pipes(openssl));
  return pipes;
}
