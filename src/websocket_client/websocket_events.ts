/** The types of the events of a WebSocket, and of their handlers. */

/**
 * The events of a {@linkcode WebSocket}, by their types.
 *
 * @example
 * ```ts
 * import type { WebSocketEvents } from "@x/lws/websocket";
 *
 * const log = ({ code, reason }: WebSocketEvents["close"]) => console.log(code, reason);
 * ```
 */
export interface WebSocketEvents {
  /** The connection is open. */
  open: Event;
  /** A message: `data` is a string, or a `Blob` or an `ArrayBuffer` as `binaryType` says. */
  // deno-lint-ignore no-explicit-any -- as the standard's own types have it
  message: MessageEvent<any>;
  /** The connection has failed; `error` is an {@linkcode LwsError}, and `message` its text. */
  error: ErrorEvent;
  /** The connection has ended; nothing comes after it. */
  close: CloseEvent;
  /** The server sent a ping, which has been answered; `data` is its payload. */
  ping: MessageEvent<ArrayBuffer>;
  /** The server sent a pong that answers no probe; `data` is its payload. */
  pong: MessageEvent<ArrayBuffer>;
}

/**
 * An event handler attribute of a {@linkcode WebSocket}: a function, or null.
 *
 * @example
 * ```ts
 * import type { WebSocketHandler } from "@x/lws/websocket";
 *
 * const onclose: WebSocketHandler<CloseEvent> = ({ code }) => console.log(code);
 * ```
 */
export type WebSocketHandler<E extends Event> =
  | ((this: globalThis.WebSocket, event: E) => unknown)
  | null;

type CloseFacts = Pick<CloseEvent, "code" | "reason" | "wasClean">;
type ErrorFacts = Pick<ErrorEvent, "message" | "error">;

/** Node 22 has no class for it. */
export function closeEvent(facts: CloseFacts): CloseEvent {
  if (typeof CloseEvent === "function") return new CloseEvent("close", facts);
  return Object.assign(new Event("close"), facts);
}

/** As {@linkcode closeEvent}. */
export function errorEvent(facts: ErrorFacts): ErrorEvent {
  if (typeof ErrorEvent === "function") return new ErrorEvent("error", facts);
  return Object.assign(new Event("error"), { filename: "", lineno: 0, colno: 0, ...facts });
}
