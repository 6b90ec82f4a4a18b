/** What states a connection and its phases have. `deno task states` draws them in ARCHITECTURE.md. */

import type { StateTable } from "../base/state_table.ts";

/** How far a connection is on its way out. */
export type ConnectionState = "OPEN" | "FLUSHING" | "LINGERING" | "GONE";

export type ConnectionEvent =
  /** It ends, by either side, and what is unsent may still leave. */
  | "ends"
  /** All has left, and the peer is to close as well, or first. */
  | "lingers"
  /** Its transport is closed. */
  | "gone";

/** What is unsent leaves in FLUSHING; in LINGERING input is discarded until the peer closes. */
export const CONNECTION: StateTable<ConnectionState, ConnectionEvent> = {
  name: "connection",
  first: "OPEN",
  unlisted: "ignored",
  steps: {
    OPEN: { ends: "FLUSHING", gone: "GONE" },
    FLUSHING: { lingers: "LINGERING", gone: "GONE" },
    LINGERING: { gone: "GONE" },
    GONE: {},
  },
};

/** Of RFC 6455 section 7.1, as `readyState` of browsers has them. */
export type WebSocketState = "OPEN" | "CLOSING" | "CLOSED";

export type WebSocketEvent =
  /** Our close frame is sent. */
  | "closeSent"
  /** The peer's close frame has come. */
  | "closeReceived"
  /** The connection is gone, in a closing handshake or without one. */
  | "gone";

/** An established WebSocket. What is CLOSING sends no more than its close frame. */
export const WEBSOCKET: StateTable<WebSocketState, WebSocketEvent> = {
  name: "WebSocket",
  first: "OPEN",
  unlisted: "fault",
  steps: {
    OPEN: { closeSent: "CLOSING", closeReceived: "CLOSING", gone: "CLOSED" },
    CLOSING: { gone: "CLOSED" },
    CLOSED: {},
  },
};

type AnyTable = StateTable<string, string>;

/** All of them, in the order in which they are drawn. */
export const STATE_TABLES: readonly AnyTable[] = [CONNECTION, WEBSOCKET];
