/** A tunnel through an HTTP proxy, as a transport like any other. */

import type { HeadLimits } from "./core/http_head.ts";
import {
  TunnelAnswer,
  TunnelError,
  type TunnelRequest,
  tunnelRequest,
} from "./core/proxy_connect.ts";
import { type Preface, readPreface } from "./preface.ts";
import type { Transport } from "./transport/transport.ts";

/**
 * Asks the proxy at the transport's other end for a tunnel, and waits for its answer.
 *
 * Fulfils with a transport whose bytes are the tunnel's, those first that came with the answer. Its
 * addresses stay those of the connection to the proxy. Else the transport is closed, and the promise
 * rejects: with a {@linkcode TunnelError} that has the proxy's answer when it refuses, with the
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
  try {
    return readPreface(proxy, new TunnelPreface(tunnelRequest(request), limits), signal);
  } catch (error) {
    proxy.close();
    return Promise.reject(error);
  }
}

class TunnelPreface implements Preface {
  readonly request: Uint8Array;
  readonly #answer: TunnelAnswer;

  constructor(request: Uint8Array, limits: HeadLimits) {
    this.request = request;
    this.#answer = new TunnelAnswer(limits);
  }

  get isComplete(): boolean {
    return this.#answer.isOpen;
  }

  get refusal(): TunnelError | undefined {
    return this.#answer.refusal;
  }

  take(bytes: Uint8Array): number {
    return this.#answer.take(bytes);
  }

  cutShort(broken?: { readonly error: unknown }): Error {
    if (this.refusal !== undefined) return this.refusal;
    if (broken === undefined) {
      return new TunnelError("the proxy closed the connection before it answered");
    }
    const why = broken.error instanceof Error ? `: ${broken.error.message}` : "";
    return new TunnelError(`the connection to the proxy broke${why}`);
  }
}
