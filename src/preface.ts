/** What is said on a connection before its own bytes begin, read off in front of them. */

import { type DetachableTransport, detached } from "./transport/tcp.ts";
import type { Address, Transport, TransportHandler } from "./transport/transport.ts";

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
