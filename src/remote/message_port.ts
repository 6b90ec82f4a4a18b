/** The context's end of a port that it gave to another worker, and what goes over it. */

import type { Context } from "../api/context.ts";
import { LwsError } from "../base/errors.ts";
import { line, log } from "../base/log.ts";

/** How a port's messages get to their context. Implemented by BroadcastInbox. */
export interface PortInbox {
  readonly context: Context;
  /** Does `work` at once, or when the context is next serviced; all in the order of the calls. */
  deliver(work: () => void): void;
  /** As `Context.cancelService`, but for a context that serves by itself nothing happens. */
  cancelService(): void;
  /** The other end is closed; the last call. */
  forget(port: ContextPort): void;
}

/** Does for a context what the other end asks for. */
export class ContextPort {
  readonly #port: MessagePort;
  readonly #inbox: PortInbox;

  constructor(port: MessagePort, inbox: PortInbox) {
    this.#port = port;
    this.#inbox = inbox;
    port.onmessage = (event) => this.#onMessage(event.data);
    port.onmessageerror = () => log("warn", "port of a context: a message can't be read");
  }

  /** Says that the context is gone, and closes. */
  close(): void {
    this.#port.postMessage(CONTEXT_GONE);
    this.#port.close();
  }

  #onMessage(message: unknown): void {
    if (!isPortCall(message)) {
      return log("warn", "port of a context: a message that no RemoteContext sends is ignored");
    }
    // What has to come at once does: it may be what a service call waits for.
    if (message.call === "cancelService") return this.#inbox.cancelService();
    if (message.call === "destroy") return void this.#inbox.context.destroy();
    if (message.call !== "close") return this.#inbox.deliver(() => this.#do(message));
    this.#port.close();
    this.#inbox.forget(this);
  }

  #do(message: PortCall): void {
    const { context } = this.#inbox;
    try {
      switch (message.call) {
        case "broadcast":
          context.broadcast(message.protocol, message.data);
          break;
        case "callbackOnWritableAllProtocol":
          context.callbackOnWritableAllProtocol(message.protocol);
          break;
      }
    } catch (error) {
      if (!(error instanceof LwsError)) throw error;
      log("warn", () => line`port of a context: ${message.call}: ${error.message}`);
    }
  }
}

/** A call of a `RemoteContext`, as its port carries it. */
export type PortCall =
  | { readonly call: "broadcast"; readonly protocol: string; readonly data: Uint8Array | string }
  | { readonly call: "callbackOnWritableAllProtocol"; readonly protocol: string }
  | { readonly call: "cancelService" | "destroy" | "close" };

/** What the context says: that it is destroyed, and hears no more. */
export const CONTEXT_GONE = "destroyed";

/** Whether a message is a call; the worker that has the port can send anything. */
export function isPortCall(message: unknown): message is PortCall {
  if (typeof message !== "object" || message === null) return false;
  const { call, protocol, data } = message as Record<string, unknown>;
  switch (call) {
    case "broadcast":
      return typeof protocol === "string" &&
        (typeof data === "string" || data instanceof Uint8Array);
    case "callbackOnWritableAllProtocol":
      return typeof protocol === "string";
    default:
      return call === "cancelService" || call === "destroy" || call === "close";
  }
}
