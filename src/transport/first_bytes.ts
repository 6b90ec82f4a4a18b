/** What is said on a connection before its own bytes begin, read off in front of them. */

import { type Address, soon, type Transport, writeAndDrain } from "../api/network.ts";
import { Outcome } from "../base/outcome.ts";
import { Relay } from "../service/relay.ts";
import { type DetachableTransport, detached } from "./network.ts";

/** Reads the preface of one connection. */
export interface Preface {
  /** What we say first, if anything. */
  readonly request?: Uint8Array | undefined;
  /** Whether it has been read: all behind what was taken is the connection's own. */
  readonly isComplete: boolean;
  /** Our end from then on; the transport's own by default. */
  readonly localAddress?: Address | undefined;
  /** The peer's end from then on; the transport's own by default. */
  readonly remoteAddress?: Address | undefined;
  /** Returns how many bytes were taken; the rest comes again. Throws when it is broken. */
  take(bytes: Uint8Array): number;
  /** What is wrong already, while more of it may come: the reason, when the signal aborts meanwhile. */
  readonly refusal?: Error | undefined;
  /** What to say of a peer that ended, or of a connection that broke, before it was complete. */
  cutShort(broken?: { readonly error: unknown }): Error;
}

/**
 * Starts the transport, reads the preface, and fulfils with a transport for what comes behind it, those
 * bytes first that came with it. Else the transport is closed, and the promise rejects: with what the
 * preface throws or refuses with, or with the signal's reason when that aborts first. There is no timeout but the signal.
 */
export function readPreface(
  transport: Transport,
  preface: Preface,
  signal: AbortSignal,
): Promise<Transport> {
  if (signal.aborted) {
    transport.close();
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    new PrefacedTransport(transport, preface, signal, resolve, reject).begin();
  });
}

/** First the handler that reads the preface, then the transport that its owner gets. */
class PrefacedTransport extends Relay implements DetachableTransport {
  readonly #preface: Preface;
  readonly #signal: AbortSignal;
  readonly #resolve: (transport: Transport) => void;
  readonly #reject: (error: unknown) => void;
  #isSettled = false;
  /** Whether what we say has left; a write before that would be a second one. */
  #hasSaid: boolean;

  constructor(
    inner: Transport,
    preface: Preface,
    signal: AbortSignal,
    resolve: (transport: Transport) => void,
    reject: (error: unknown) => void,
  ) {
    super(inner);
    this.#preface = preface;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#hasSaid = preface.request === undefined;
  }

  begin(): void {
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.inner.start(this);
    const { request } = this.#preface;
    if (request !== undefined) writeAndDrain(this.inner, request, this);
  }

  override get localAddress(): Address {
    return this.#preface.localAddress ?? super.localAddress;
  }

  override get remoteAddress(): Address {
    return this.#preface.remoteAddress ?? super.remoteAddress;
  }

  detach(): ReturnType<DetachableTransport["detach"]> {
    const isFree = this.owner === undefined && this.earlyClose === undefined;
    return isFree ? detached(this.inner) : undefined;
  }

  override onDrain(): void {
    if (this.owner !== undefined) return this.owner.onDrain();
    this.#hasSaid = true;
    this.#settleWhenReady();
  }

  protected override onEarlyBytes(bytes: Uint8Array): number {
    if (this.#isSettled) return bytes.length;
    let taken: number;
    try {
      taken = this.#preface.take(bytes);
    } catch (error) {
      this.#fail(error);
      return bytes.length;
    }
    if (this.#preface.isComplete) {
      // The rest waits for the owner, which resumes.
      this.inner.pause();
      this.#settleWhenReady();
    }
    return taken;
  }

  protected override onEarlyEnd(broken?: { readonly error: unknown }): void {
    if (!this.#isSettled) this.#fail(this.#preface.cutShort(broken));
  }

  readonly #onAbort = (): void => this.#fail(this.#preface.refusal ?? this.#signal.reason);

  #settleWhenReady(): void {
    if (this.#isSettled || !this.#hasSaid || !this.#preface.isComplete) return;
    this.#settle();
    this.#resolve(this);
  }

  #fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    this.inner.close();
    this.#reject(error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

/** The first byte of a TLS connection: a handshake record, RFC 8446 section 5.1. */
export const TLS_HANDSHAKE_RECORD = 0x16;
/** The first byte of an alert, with which a TLS server answers what is none. */
export const TLS_ALERT_RECORD = 0x15;

/** Looks at the first byte only. */
export function firstByteOf(bytes: Uint8Array): number {
  return bytes[0]!;
}

/**
 * A transport whose first bytes can be seen before they are taken. What comes first, and all
 * else, stays with the transport below until {@linkcode PeekedTransport.start} gives it a handler.
 */
export class PeekedTransport<Found = number> extends Relay {
  /**
   * Fulfils with what was found in the first bytes, or with `undefined` when the connection ended,
   * broke or was closed before. Never rejects.
   */
  readonly found: Outcome<Found | undefined>;
  readonly #find: (bytes: Uint8Array) => Found | undefined;

  /**
   * Starts `inner`, which is not started.
   *
   * @param find looks at all bytes that are there, from the first, until it finds what it wants
   */
  constructor(inner: Transport, find: (bytes: Uint8Array) => Found | undefined) {
    super(inner);
    this.#find = find;
    this.found = new Outcome((work) => soon(inner, work));
    inner.start(this);
  }

  override close(): void {
    super.close();
    this.found.resolve(undefined);
  }

  override abort(): void {
    super.abort();
    this.found.resolve(undefined);
  }

  protected override onEarlyBytes(bytes: Uint8Array): number {
    const found = this.#find(bytes);
    if (found === undefined) return 0;
    this.inner.pause();
    this.found.resolve(found);
    return 0;
  }

  protected override onEarlyEnd(): void {
    this.found.resolve(undefined);
  }
}
