/** What decides about a WebSocket handshake before it is answered. */

import type { ResponseBodyInit } from "../response.ts";
import type { Wsi } from "../wsi.ts";
import type { IncomingRequest } from "./incoming_request.ts";

/**
 * Header fields: an object of them, the web's `Headers`, or pairs of names and values.
 *
 * @category Protocols
 */
export type HandshakeHeaders =
  | Iterable<readonly [string, string]>
  | { readonly [name: string]: string };

/**
 * What the answer to a handshake says beside what it must: what `accept` of a {@linkcode Handshake} is given.
 *
 * @category Protocols
 */
export interface HandshakeAcceptance {
  /**
   * The subprotocol that the answer names: any of those that the client offers, whatever the name of the protocol
   * that serves it.
   *
   * Default: what was chosen from the client's list; none where none is in common.
   */
  readonly protocol?: string;
  /** More header fields, as `set-cookie`; none that belongs to the handshake itself. Default: none. */
  readonly headers?: HandshakeHeaders;
}

/**
 * A WebSocket handshake that waits for what `upgrade` of a {@linkcode protocol} says of it. Both calls count once, and
 * do nothing when the peer has gone meanwhile; neither needs its `this`, as behind `{ user, accept }`.
 *
 * @category Protocols
 * @typeParam User The type of the per-session data.
 */
export interface Handshake<User = unknown> {
  /** The connection; it can't be written to yet. */
  readonly wsi: Wsi<User>;
  /** What `perSessionData` has made for it, which every method after this gets. */
  readonly user: User;
  /** The subprotocols that the client offers, in its order of preference; empty and frozen without any. */
  readonly protocols: readonly string[];
  /**
   * Adds to the 101 that comes once `upgrade` has returned, or its promise is fulfilled. To accept without more, no
   * call is needed.
   *
   * @throws {LwsError} `invalid-argument` for a protocol that the client doesn't offer, and for a field that can't
   *   stand in the answer: nothing of the call counts then. `invalid-state` when it was accepted or rejected before, and
   *   when `upgrade` is over.
   */
  accept(acceptance?: HandshakeAcceptance): void;
  /**
   * Refuses the handshake by an answer of HTTP, as `wsi.respond` would send it.
   *
   * @param status 200 to 599.
   * @throws {LwsError} `invalid-argument` for what can't be sent; `invalid-state` when it was accepted or rejected
   *   before, and when `upgrade` is over.
   */
  reject(status: number, body?: ResponseBodyInit | null, headers?: HandshakeHeaders): void;
}

/**
 * What `upgrade` of a {@linkcode protocol} may return, or promise: nothing or 0 to go on, 1 or −1 to refuse with 403,
 * or a `Response` that is sent in place of the 101, with its status, its fields and its body.
 *
 * @category Protocols
 */
export type UpgradeResult = void | 0 | 1 | -1 | Response;

/**
 * Decides about a handshake: the type of `upgrade` of a {@linkcode protocol}.
 *
 * @category Protocols
 */
export type UpgradeHandler<User> = (
  request: IncomingRequest,
  handshake: Handshake<User>,
) => UpgradeResult | Promise<UpgradeResult>;
