/** A context as another worker sees it. */

import { type Bytes, bytesOf } from "../base/bytes.ts";
import { LwsError } from "../base/errors.ts";
import { CONTEXT_GONE, type PortCall } from "./message_port.ts";

/**
 * The calls on a context that make sense from another worker; made by {@linkcode remoteContext}. Each is a
 * message: it is done soon after, in the order of the calls, and an error there, as an unknown protocol,
 * is logged there. Keeps its worker running until {@linkcode RemoteContext.close}, or until the context
 * is destroyed.
 *
 * @category Broadcast and workers
 */
export interface RemoteContext extends Disposable {
  /** Whether it was closed here, or is known to be destroyed. */
  readonly isClosed: boolean;
  /**
   * As `context.broadcast`, with the protocol's name. Order and boundaries are kept. The data is taken
   * before the call returns; what the context has not done yet waits in memory.
   *
   * @returns 0 when it was handed over, −1 when {@linkcode isClosed}.
   * @throws {LwsError} `invalid-argument`, which names the argument.
   */
  broadcast(protocol: string, data: string | ArrayBufferView | ArrayBufferLike): number;
  /**
   * As `context.callbackOnWritableAllProtocol`, with the protocol's name.
   *
   * @returns 0 when it was handed over, −1 when {@linkcode isClosed}.
   * @throws {LwsError} `invalid-argument` when the name is no string.
   */
  callbackOnWritableAllProtocol(protocol: string): number;
  /** As `context.cancelService`: ends the call of `context.service` that waits. */
  cancelService(): void;
  /** As `context.destroy`, without waiting for it. */
  destroy(): void;
  /** Closes this end; the context goes on. What was called before is still done. */
  close(): void;
}

/**
 * Makes the other end of a port of `context.openPort()`, in the worker to which it was transferred.
 *
 * @category Broadcast and workers
 * @throws {LwsError} `invalid-argument` when it is no `MessagePort`.
 *
 * @example
 * ```ts
 * import { createContext, handlers, remoteContext } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [{
 *     name: "news",
 *     callback: handlers({
 *       broadcast: (wsi, _user, data) => void wsi.write(data, "text"),
 *     }),
 *   }],
 * });
 * const port = context.openPort();
 * // worker.postMessage(port, [port]), and in the worker:
 * using remote = remoteContext(port);
 * remote.broadcast("news", "It has begun.");
 * ```
 */
export function remoteContext(port: MessagePort): RemoteContext {
  if (!(port instanceof MessagePort)) {
    throw new LwsError("invalid-argument", "remoteContext: port is no MessagePort");
  }
  return new PortRemoteContext(port);
}

class PortRemoteContext implements RemoteContext {
  readonly #port: MessagePort;
  isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      if (data === CONTEXT_GONE) this.#end();
    };
  }

  broadcast(protocol: string, data: Bytes | string): number {
    checkName("broadcast", protocol);
    if (typeof data === "string") return this.#post({ call: "broadcast", protocol, data });
    // A view would take all of its buffer along.
    const copy = new Uint8Array(bytesOf("broadcast: data", data));
    return this.#post({ call: "broadcast", protocol, data: copy }, [copy.buffer]);
  }

  callbackOnWritableAllProtocol(protocol: string): number {
    checkName("callbackOnWritableAllProtocol", protocol);
    return this.#post({ call: "callbackOnWritableAllProtocol", protocol });
  }

  cancelService(): void {
    this.#post({ call: "cancelService" });
  }

  destroy(): void {
    this.#post({ call: "destroy" });
  }

  close(): void {
    this.#post({ call: "close" });
    this.#end();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #post(message: PortCall, transfer: Transferable[] = []): number {
    if (this.isClosed) return -1;
    this.#port.postMessage(message, transfer);
    return 0;
  }

  #end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#port.close();
  }
}

function checkName(call: string, protocol: unknown): void {
  if (typeof protocol === "string") return;
  throw new LwsError(
    "invalid-argument",
    `${call}: protocol is ${protocol === null ? "null" : typeof protocol}; allowed: a name`,
  );
}
