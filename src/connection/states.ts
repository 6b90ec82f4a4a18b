/** What states a connection and its phases have. `deno task states` draws them in ARCHITECTURE.md. */

import type { StateTable } from "../base/state_table.ts";
import { TOPIC } from "../topics/broker/states.ts";

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
  /** This end's close frame is sent. */
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

export type HttpState =
  /** Accepted, and nothing has come. */
  | "NEW"
  /** A part of a head has come. */
  | "HEAD"
  /** The body comes, for the program. */
  | "BODY"
  /** The request is whole, and its answer is not. */
  | "RESPOND"
  /** The answer is whole, and what is left of the body is read away. */
  | "DRAIN"
  /** Nothing of the next request has come. */
  | "IDLE"
  /** It is a WebSocket. */
  | "UPGRADED"
  | "CLOSED";

export type HttpEvent =
  /** Bytes have come. */
  | "bytes"
  /** The head is read, and a body follows. */
  | "head"
  /** The last byte of the request is read. */
  | "whole"
  /** The answer is complete. */
  | "answered"
  /** The answer was 101. */
  | "upgraded"
  /** The connection is gone. */
  | "gone";

/** A server's side of HTTP, of the request in hand. Refusals close it, wherever it is. */
export const HTTP_SERVER: StateTable<HttpState, HttpEvent> = {
  name: "HTTP server",
  first: "NEW",
  unlisted: "fault",
  steps: {
    NEW: { bytes: "HEAD", gone: "CLOSED" },
    HEAD: { head: "BODY", whole: "RESPOND", gone: "CLOSED" },
    BODY: { whole: "RESPOND", answered: "DRAIN", gone: "CLOSED" },
    RESPOND: { answered: "IDLE", upgraded: "UPGRADED", gone: "CLOSED" },
    DRAIN: { whole: "IDLE", gone: "CLOSED" },
    IDLE: { bytes: "HEAD", gone: "CLOSED" },
    UPGRADED: {},
    CLOSED: {},
  },
};

export type HandshakeState =
  /** The way to the server is looked for, or to its proxy. */
  | "CONNECT"
  /** The proxy is asked for a tunnel. */
  | "PROXY"
  | "TLS"
  /** There is a way, and the request waits for service. */
  | "REQUEST"
  /** The head of the server's answer is waited for. */
  | "ANSWER"
  /** What the server says of its refusal is read. */
  | "REFUSED"
  /** The server sends elsewhere, and the connection to it is being closed. */
  | "REDIRECTED"
  | "ESTABLISHED"
  | "FAILED";

/** The two steps that a route may have behind its connection. */
export type RouteStep = "proxy" | "tls";

export type HandshakeEvent =
  | RouteStep
  /** The route is there. */
  | "connected"
  /** The request is sent. */
  | "asked"
  /** The answer is none that leads to a WebSocket. */
  | "refused"
  /** The answer says where to ask. */
  | "redirected"
  /** The connection is gone that a redirect has ended. */
  | "again"
  /** The answer is 101, and nothing speaks against it. */
  | "accepted"
  /** The connection is gone, or never was. */
  | "gone";

/** A client on its way to a WebSocket. */
export const CLIENT_HANDSHAKE: StateTable<HandshakeState, HandshakeEvent> = {
  name: "client handshake",
  first: "CONNECT",
  unlisted: "fault",
  steps: {
    CONNECT: { proxy: "PROXY", tls: "TLS", connected: "REQUEST", gone: "FAILED" },
    PROXY: { tls: "TLS", connected: "REQUEST", gone: "FAILED" },
    TLS: { connected: "REQUEST", gone: "FAILED" },
    REQUEST: { asked: "ANSWER", gone: "FAILED" },
    ANSWER: {
      refused: "REFUSED",
      redirected: "REDIRECTED",
      accepted: "ESTABLISHED",
      gone: "FAILED",
    },
    REFUSED: { gone: "FAILED" },
    REDIRECTED: { again: "CONNECT", gone: "FAILED" },
    ESTABLISHED: {},
    FAILED: {},
  },
};

type AnyTable = StateTable<string, string>;

/** All of them, in the order in which they are drawn. */
export const STATE_TABLES: readonly AnyTable[] = [
  CONNECTION,
  HTTP_SERVER,
  CLIENT_HANDSHAKE,
  WEBSOCKET,
  TOPIC,
];
