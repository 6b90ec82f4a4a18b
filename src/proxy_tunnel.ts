/** A tunnel through an HTTP proxy, as a transport like any other. */

import type { HeadLimits } from "./core/http_head.ts";
import {
  TunnelAnswer,
  TunnelError,
  type TunnelRequest,
  tunnelRequest,
} from "./core/proxy_connect.ts";
import type { Address, Transport, TransportHandler } from "./transport/transport.ts";

/**
 * Asks the proxy at the transport's other end for a tunnel, and waits for its answer.
 *
 * Fulfils with a transport whose bytes are the tunnel's, those first that came with the answer. Its
 * addresses stay those of the connection to the proxy. Else the transport is closed, and the promise
 * rejects: with a {@linkcode TunnelError} that has the proxy's status when it refuses, with the
 * signal's reason when that aborts first. There is no timeout but the signal.
 *
 * @param proxy connected, and not started
 * @param limits what a head of the proxy's may have
 */
export function openTunnel(
  proxy: Transport,
  request: TunnelRequest,
  limits: HeadLimits,
  signal: AbortSignal,
): Promise<Transport> {
  let head: Uint8Array;
  try {
    signal.throwIfAborted();
    head = tunnelRequest(request);
  } catch (error) {
    proxy.close();
    return Promise.reject(error);
  }
  return new Promise((resolve, reject) => {
    new Tunnel(proxy, new TunnelAnswer(limits), signal, resolve, reject).ask(head);
  });
}

/** The proxy's transport twice over: while it is asked for the tunnel, and then as the tunnel. */
class Tunnel implements Transport, TransportHandler {
  readonly #proxy: Transport;
  readonly #answer: TunnelAnswer;
  readonly #signal: AbortSignal;
  readonly #resolve: (tunnel: Transport) => void;
  readonly #reject: (error: unknown) => void;
  #isSettled = false;
  /** Whether the request has left; a write before that would be a second one. */
  #hasAsked = false;
  #owner: TransportHandler | undefined;
  /** How the transport went while nobody owned the tunnel yet. */
  #end: { readonly error: unknown } | undefined;

  constructor(
    proxy: Transport,
    answer: TunnelAnswer,
    signal: AbortSignal,
    resolve: (tunnel: Transport) => void,
    reject: (error: unknown) => void,
  ) {
    this.#proxy = proxy;
    this.#answer = answer;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  ask(head: Uint8Array): void {
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#proxy.start(this);
    this.#proxy.write(head);
  }

  get localAddress(): Address {
    return this.#proxy.localAddress;
  }

  get remoteAddress(): Address {
    return this.#proxy.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#owner = handler;
    const end = this.#end;
    if (end !== undefined) queueMicrotask(() => handler.onClose(end.error));
    else this.#proxy.resume();
  }

  write(bytes: Uint8Array): void {
    this.#proxy.write(bytes);
  }

  pause(): void {
    this.#proxy.pause();
  }

  resume(): void {
    this.#proxy.resume();
  }

  end(): void {
    this.#proxy.end();
  }

  close(): void {
    this.#proxy.close();
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#owner !== undefined) return this.#owner.onBytes(bytes);
    if (this.#isSettled) return bytes.length;
    let taken: number;
    try {
      taken = this.#answer.take(bytes);
    } catch (error) {
      this.#fail(error);
      return bytes.length;
    }
    if (this.#answer.isOpen) {
      // The rest waits for the owner, who resumes.
      this.#proxy.pause();
      this.#settleWhenReady();
    }
    return taken;
  }

  onDrain(): void {
    if (this.#owner !== undefined) return this.#owner.onDrain();
    this.#hasAsked = true;
    this.#settleWhenReady();
  }

  onEnd(): void {
    if (this.#owner !== undefined) return this.#owner.onEnd();
    this.#fail(new TunnelError("the proxy closed the connection before it answered"));
  }

  onClose(error?: unknown): void {
    if (this.#owner !== undefined) return this.#owner.onClose(error);
    this.#end = { error };
    const why = error instanceof Error ? `: ${error.message}` : "";
    this.#fail(new TunnelError(`the connection to the proxy broke${why}`));
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason);

  #settleWhenReady(): void {
    if (this.#isSettled || !this.#hasAsked || !this.#answer.isOpen) return;
    this.#settle();
    this.#resolve(this);
  }

  #fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#proxy.close();
    this.#reject(error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}
