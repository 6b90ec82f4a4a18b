/** The contexts that WebSockets connect in: one for all that have the same settings and subprotocols. */

import type { Context } from "../api/context.ts";
import type { CloseInfo } from "../api/reasons.ts";
import type { Wsi } from "../api/wsi.ts";
import { createContext } from "../context/face.ts";
import { handlers } from "../context/handlers.ts";
import { permessageDeflate } from "../extensions/permessage_deflate.ts";
import type { ContextSettings } from "./options.ts";

/** What a context tells one of its connections, whose `user` it is. Implemented by Link. */
export interface Client {
  /** The server has agreed; 1 refuses its answer. */
  onAnswer(wsi: Wsi): 0 | 1;
  onEstablished(): void;
  onMessage(message: string | Uint8Array): void;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  onWritable(): void;
  onClosed(info: CloseInfo): void;
  /** It never was established. */
  onRefused(wsi: Wsi, why: string): void;
}

/** A context for one connection, until it is released. */
export interface Lease {
  readonly context: Context;
  /** The context goes with the last of its leases. */
  release(): void;
}

interface Shared {
  readonly context: Context;
  leases: number;
}

/** The name of the protocol where no subprotocol is asked for. */
const UNNAMED = "websocket";

const callback = handlers<Client>({
  clientFilterPreEstablish: (wsi, client) => client.onAnswer(wsi),
  clientEstablished: (_wsi, client) => client.onEstablished(),
  message: (_wsi, client, message) => client.onMessage(message),
  clientReceivePing: (_wsi, client, payload) => client.onPing(payload),
  clientReceivePong: (_wsi, client, payload) => client.onPong(payload),
  clientWriteable: (_wsi, client) => client.onWritable(),
  closed: (_wsi, client, info) => client.onClosed(info),
  clientConnectionError: (wsi, client, why) => (client as Client).onRefused(wsi, why),
});

const contexts = new Map<string, Shared>();

/**
 * Takes a context that is there, or makes one. A server may only choose a subprotocol that the context has,
 * so that those asked for count among its settings.
 *
 * @throws {LwsError} as `createContext`
 */
export function leaseContext(settings: ContextSettings, protocols: readonly string[]): Lease {
  const key = keyOf(settings, protocols);
  const shared = contexts.get(key) ?? { context: make(settings, protocols), leases: 0 };
  contexts.set(key, shared);
  shared.leases++;
  let isHeld = true;
  return {
    context: shared.context,
    release() {
      if (!isHeld) return;
      isHeld = false;
      if (--shared.leases > 0) return;
      contexts.delete(key);
      void shared.context.destroy();
    },
  };
}

/** How many contexts there are; none when no connection is. */
export function countContexts(): number {
  return contexts.size;
}

function make({ info, deflate }: ContextSettings, protocols: readonly string[]): Context {
  const names = protocols.length === 0 ? [UNNAMED] : protocols;
  return createContext({
    ...info,
    extensions: deflate === undefined ? [] : [permessageDeflate(deflate)],
    protocols: names.map((name) => ({ name, callback })),
  });
}

/** Networks and clocks have numbers in it, as they are what they are and nothing that they say. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function keyOf({ info, deflate }: ContextSettings, protocols: readonly string[]): string {
  return JSON.stringify([info, deflate, protocols], (name, value) => {
    if (value === Infinity) return "Infinity";
    return name === "network" || name === "clock" ? numberOf(value) : value;
  });
}

function numberOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const number = numbers.get(value) ?? ++lastNumber;
  numbers.set(value, number);
  return number;
}
