/** What comes in through an extension that transforms all bytes behind the handshake. */

import { ExtensionFailure, type ExtensionSession } from "../api/extension.ts";
import { messageOf } from "../base/log.ts";
import type { Failure } from "../core/websocket/close.ts";
import { readDecoded } from "./decoded_bytes.ts";

/** What a {@linkcode StreamDecoder} hands its bytes to. Implemented by ExtendedInput. */
export interface DecodedStreamHandler {
  /** Whether more may be parsed: receiving is not stopped, nor has the time of the turn been used up. */
  readonly mayGoOn: boolean;
  /** Parses in place and returns how many bytes were taken. */
  parse(bytes: Uint8Array): number;
  /** The stream is broken. */
  onFail(failure: Failure, detail?: string): void;
}

/** Decoded bytes between two calls of `parse`. */
const STEP = 16 * 1024;

/** Decodes and parses step by step, so that what expands a thousandfold never lies there whole. */
export class StreamDecoder {
  readonly #extension: ExtensionSession;
  readonly #handler: DecodedStreamHandler;
  /** Decoded and not parsed: the begin of a frame, or what came while receiving was stopped. */
  #rest: Uint8Array = new Uint8Array(0);
  #hasMore = false;
  /** Whether the rest was not looked at to its end. */
  #isStopped = false;

  constructor(extension: ExtensionSession, handler: DecodedStreamHandler) {
    this.#extension = extension;
    this.#handler = handler;
  }

  /** Whether frames wait for receiving to go on, or for a turn. */
  get isHolding(): boolean {
    return this.#hasMore || (this.#isStopped && this.#rest.length > 0);
  }

  /** Bytes that it holds, of what has come and of what that stands for. */
  get held(): number {
    return this.#rest.length + (this.#extension.held ?? 0);
  }

  /** Takes all of `bytes`, or nothing while what came before can't be parsed. */
  take(bytes: Uint8Array): number {
    this.resume();
    if (this.#hasMore) return 0;
    const extension = this.#extension;
    try {
      // Only lent: an extension without `keep` could not copy them at a stop.
      extension.push(extension.keep === undefined ? bytes.slice() : bytes, false);
    } catch (error) {
      this.#fail(error);
      return bytes.length;
    }
    this.#hasMore = true;
    this.resume();
    if (this.#hasMore) this.#keep();
    return bytes.length;
  }

  /** Goes on after a stop. */
  resume(): void {
    let isNew = this.#rest.length > 0;
    this.#isStopped = isNew;
    while (this.#handler.mayGoOn) {
      if (isNew && this.#parse()) continue;
      // What was parsed may have been the end of it: a failure, of which there is one, or a stop.
      if (isNew && !this.#handler.mayGoOn) break;
      this.#isStopped = false;
      if (!this.#hasMore) return;
      isNew = this.#decode();
      this.#isStopped = isNew;
    }
  }

  /** Takes off what can be parsed; whether there may be more, as when receiving was stopped for a while. */
  #parse(): boolean {
    const taken = this.#handler.parse(this.#rest);
    this.#rest = this.#rest.subarray(taken);
    return taken > 0 && this.#rest.length > 0;
  }

  /** Puts a step behind the rest; whether there was one. */
  #decode(): boolean {
    const { length } = this.#rest;
    const bytes = new Uint8Array(length + STEP);
    bytes.set(this.#rest);
    try {
      const count = readDecoded(this.#extension, bytes.subarray(length));
      this.#hasMore = count === STEP;
      this.#rest = bytes.subarray(0, length + count);
      return count > 0;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #keep(): void {
    try {
      this.#extension.keep?.();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#hasMore = false;
    if (error instanceof ExtensionFailure) this.#handler.onFail("extensionThrew");
    else this.#handler.onFail("brokenStream", messageOf(error));
  }
}
