/** What is said on a connection before its own bytes begin, read off in front of them. */

import {
  abortTransport,
  type Address,
  type Transport,
  type TransportHandler,
} from "../api/network.ts";
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
  /** What is wrong already, while more of it may come; it is what whoever gives up is told. */
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
class PrefacedTransport implements DetachableTransport, TransportHandler {
  readonly #inner: Transport;
  readonly #preface: Preface;
  readonly #signal: AbortSignal;
  readonly #resolve: (transport: Transport) => void;
  readonly #reject: (error: unknown) => void;
  #isSettled = false;
  /** Whether what we say has left; a write before that would be a second one. */
  #hasSaid: boolean;
  #owner: TransportHandler | undefined;
  /** How the transport went while nobody owned this one yet. */
  #end: { readonly error: unknown } | undefined;

  constructor(
    inner: Transport,
    preface: Preface,
    signal: AbortSignal,
    resolve: (transport: Transport) => void,
    reject: (error: unknown) => void,
  ) {
    this.#inner = inner;
    this.#preface = preface;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#hasSaid = preface.request === undefined;
  }

  begin(): void {
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#inner.start(this);
    const { request } = this.#preface;
    if (request !== undefined) this.#inner.write(request);
  }

  get localAddress(): Address {
    return this.#preface.localAddress ?? this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#preface.remoteAddress ?? this.#inner.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#owner = handler;
    const end = this.#end;
    if (end !== undefined) queueMicrotask(() => handler.onClose(end.error));
    else this.#inner.resume();
  }

  write(bytes: Uint8Array): void {
    this.#inner.write(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  close(): void {
    this.#inner.close();
  }

  detach(): ReturnType<DetachableTransport["detach"]> {
    const isFree = this.#owner === undefined && this.#end === undefined;
    return isFree ? detached(this.#inner) : undefined;
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#owner !== undefined) return this.#owner.onBytes(bytes);
    if (this.#isSettled) return bytes.length;
    let taken: number;
    try {
      taken = this.#preface.take(bytes);
    } catch (error) {
      this.#fail(error);
      return bytes.length;
    }
    if (this.#preface.isComplete) {
      // The rest waits for the owner, who resumes.
      this.#inner.pause();
      this.#settleWhenReady();
    }
    return taken;
  }

  onDrain(): void {
    if (this.#owner !== undefined) return this.#owner.onDrain();
    this.#hasSaid = true;
    this.#settleWhenReady();
  }

  onProgress(): void {
    this.#owner?.onProgress?.();
  }

  onEnd(): void {
    if (this.#owner !== undefined) return this.#owner.onEnd();
    if (!this.#isSettled) this.#fail(this.#preface.cutShort());
  }

  onClose(error?: unknown): void {
    if (this.#owner !== undefined) return this.#owner.onClose(error);
    this.#end = { error };
    if (!this.#isSettled) this.#fail(this.#preface.cutShort({ error }));
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
    this.#inner.close();
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
 * A transport whose first bytes can be seen before anybody takes them. What comes first, and all
 * else, stays with the transport below until {@linkcode PeekedTransport.start} gives it a handler.
 */
export class PeekedTransport<Found = number> implements Transport, TransportHandler {
  /**
   * Fulfils with what was found in the first bytes, or with `undefined` when the connection ended,
   * broke or was closed before. Never rejects.
   */
  readonly found: Promise<Found | undefined>;
  readonly #inner: Transport;
  readonly #find: (bytes: Uint8Array) => Found | undefined;
  readonly #tell: (found: Found | undefined) => void;
  #handler: TransportHandler | undefined;
  #isPaused = false;
  #hasEnded = false;
  #isClosed = false;
  /** Why the transport below is gone, before there was a handler to hear it. */
  #fate: { readonly error: unknown } | undefined;

  /**
   * Starts `inner`, which nobody may have started.
   *
   * @param find looks at all bytes that are there, from the first, until it finds what it wants
   */
  constructor(inner: Transport, find: (bytes: Uint8Array) => Found | undefined) {
    this.#inner = inner;
    this.#find = find;
    const { promise, resolve } = Promise.withResolvers<Found | undefined>();
    this.found = promise;
    this.#tell = resolve;
    inner.start(this);
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    if (this.#fate !== undefined || this.#hasEnded) queueMicrotask(() => this.#tellFate());
    // Held back since the first byte, or so that nothing comes before the end that is due above.
    this.#inner.pause();
    if (!this.#isPaused) this.#inner.resume();
  }

  write(bytes: Uint8Array): void {
    this.#inner.write(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#handler !== undefined) this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  close(): void {
    this.#isClosed = true;
    this.#inner.close();
    this.#tell(undefined);
  }

  abort(): void {
    this.#isClosed = true;
    abortTransport(this.#inner);
    this.#tell(undefined);
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#handler !== undefined) return this.#handler.onBytes(bytes);
    const found = this.#find(bytes);
    if (found === undefined) return 0;
    this.#inner.pause();
    this.#tell(found);
    return 0;
  }

  onDrain(): void {
    this.#handler?.onDrain();
  }

  onProgress(): void {
    this.#handler?.onProgress?.();
  }

  onEnd(): void {
    if (this.#handler !== undefined) return this.#handler.onEnd();
    this.#hasEnded = true;
    this.#tell(undefined);
  }

  onClose(error?: unknown): void {
    if (this.#handler !== undefined) return this.#handler.onClose(error);
    this.#fate = { error };
    this.#tell(undefined);
  }

  #tellFate(): void {
    if (this.#hasEnded && !this.#isClosed) this.#handler!.onEnd();
    if (this.#fate !== undefined) this.#handler!.onClose(this.#fate.error);
  }
}
