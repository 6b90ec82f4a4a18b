/** A network in memory, so that protocols can be tested without sockets, permissions or waiting. */

import type { Address, Listener, Network, NetworkTarget } from "../api/network.ts";
import { MemoryPeer } from "./memory_peer.ts";
import { MemoryError, type MemoryOptions, MemoryTransport } from "./memory_transport.ts";
import {
  checkWebSocketOptions,
  type MemoryWebSocket,
  type MemoryWebSocketOptions,
  openWebSocket,
} from "./memory_websocket.ts";

const FIRST_FREE_PORT = 49_152;
const LAST_PORT = 65_535;
const LOOPBACK = "127.0.0.1";
/** Both ends of a connection over a unix socket. */
const NOWHERE: Address = { hostname: "", port: 0 };

/**
 * Listeners and connections that exist in this object only. Host names don't matter: a listener on a
 * port is reached by every name. A `path` is a name like a unix socket's, and no file.
 *
 * @example
 * ```ts
 * import { MemoryNetwork } from "@x/lws/testing";
 *
 * const network = new MemoryNetwork();
 * const listener = network.listen({ hostname: "0.0.0.0", port: 0 });
 * const [peer, server] = await Promise.all([
 *   network.dial(listener.address.port),
 *   listener.accept(),
 * ]);
 * server.start({
 *   onBytes: (bytes) => bytes.length,
 *   onDrain: () => server.close(),
 *   onEnd() {},
 *   onClose() {},
 * });
 * server.write(new TextEncoder().encode("welcome"));
 * const greeting = await peer.readToEnd();
 * if (greeting.length !== 7) throw new Error("not welcome");
 * peer.close();
 * listener.close();
 * ```
 */
export class MemoryNetwork implements Network {
  readonly #options: MemoryOptions;
  readonly #listeners = new Map<number | string, MemoryListener>();
  #clientPort = FIRST_FREE_PORT;
  /** Connection attempts wait for it; `undefined` while the network answers. */
  #gate: PromiseWithResolvers<void> | undefined;

  /**
   * Makes a network without listeners.
   *
   * @param options how each connection is made.
   */
  constructor(options: MemoryOptions = {}) {
    this.#options = options;
  }

  /**
   * Listens on a port, for every host name; port 0 takes a free one. Or listens on a path.
   *
   * @throws {MemoryError} `address-in-use` when there is a listener already.
   * @throws {RangeError} when the port is not a whole number from 0 to 65,535, or a descriptor is
   *   given, as there are none in memory.
   */
  listen(target: NetworkTarget): Listener {
    const { hostname, path, fd } = target;
    if (fd !== undefined) throw new RangeError(`fd is ${fd}; a network in memory has none`);
    if (path !== undefined) return this.#listenOn(path, { hostname: `unix:${path}`, port: 0 });
    if (!(Number.isInteger(target.port) && target.port >= 0 && target.port <= LAST_PORT)) {
      throw new RangeError(`port is ${target.port}; it must be a whole number from 0 to 65,535`);
    }
    const port = target.port === 0 ? this.#freePort() : target.port;
    return this.#listenOn(port, { hostname, port });
  }

  /**
   * Connects to the listener on the port or path. Rejects with a {@linkcode MemoryError}
   * `connection-refused` when there is none, or with the signal's reason when that aborts first.
   */
  async connect(target: NetworkTarget, signal: AbortSignal): Promise<MemoryTransport> {
    signal.throwIfAborted();
    await answered(this.#gate?.promise, signal);
    signal.throwIfAborted();
    const place = target.path ?? target.port;
    const listener = this.#listeners.get(place);
    if (listener === undefined) {
      throw new MemoryError("connection-refused", `nobody listens on ${describe(place)}`);
    }
    const [near, far] = target.path === undefined
      ? [
        {
          hostname: [target.localAddress ?? []].flat()[0] ?? LOOPBACK,
          port: this.#nextClientPort(),
        },
        { hostname: isIpAddress(target.hostname) ? target.hostname : LOOPBACK, port: target.port },
      ]
      : [NOWHERE, NOWHERE];
    const [client, server] = MemoryTransport.pair(near, far, this.#options);
    listener.offer(server);
    return client;
  }

  /** Connects a {@linkcode MemoryPeer}, for tests that play the client by hand. */
  async dial(port: number): Promise<MemoryPeer> {
    const never = new AbortController().signal;
    return new MemoryPeer(await this.connect({ hostname: LOOPBACK, port }, never));
  }

  /**
   * Connects and becomes a WebSocket, for tests that speak messages and not bytes. Rejects with a
   * {@linkcode MemoryError} `handshake-refused`, whose `status` the server has answered, when that is none.
   *
   * @example A handshake that is refused
   * ```ts
   * import { handlers } from "@x/lws";
   * import { MemoryError, serve } from "@x/lws/testing";
   *
   * const callback = handlers({
   *   filterProtocolConnection: (wsi) => wsi.hdrCopy("authorization") === "open sesame" ? 0 : -1,
   * });
   * await using served = serve({ name: "cave", callback });
   * const { network, port } = served;
   * const headers = { authorization: "open sesame" };
   * await network.dialWebSocket(port, { protocol: "cave", headers });
   * try {
   *   await network.dialWebSocket(port, { protocol: "cave" });
   * } catch (error) {
   *   if (!(error instanceof MemoryError) || error.status !== 403) throw error;
   * }
   * ```
   */
  async dialWebSocket(
    port: number,
    options: MemoryWebSocketOptions = {},
  ): Promise<MemoryWebSocket> {
    checkWebSocketOptions(options);
    return await openWebSocket(await this.dial(port), options);
  }

  /** Leaves connection attempts without an answer, as a firewall does. */
  hold(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  /** Undoes {@linkcode MemoryNetwork.hold}. */
  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  #listenOn(place: number | string, address: Address): Listener {
    if (this.#listeners.has(place)) {
      throw new MemoryError("address-in-use", `somebody listens on ${describe(place)} already`);
    }
    const listener = new MemoryListener(address, () => this.#listeners.delete(place));
    this.#listeners.set(place, listener);
    return listener;
  }

  #freePort(): number {
    for (let port = FIRST_FREE_PORT; port <= LAST_PORT; port++) {
      if (!this.#listeners.has(port)) return port;
    }
    throw new MemoryError("address-in-use", "every free port is taken");
  }

  #nextClientPort(): number {
    const port = this.#clientPort;
    this.#clientPort = port === LAST_PORT ? FIRST_FREE_PORT : port + 1;
    return port;
  }
}

class MemoryListener implements Listener {
  readonly address: Address;
  readonly #leave: () => void;
  readonly #offered: MemoryTransport[] = [];
  readonly #accepting: PromiseWithResolvers<MemoryTransport>[] = [];
  #closed = false;

  constructor(address: Address, leave: () => void) {
    this.address = address;
    this.#leave = leave;
  }

  accept(): Promise<MemoryTransport> {
    const accepting = Promise.withResolvers<MemoryTransport>();
    const offered = this.#offered.shift();
    if (this.#closed) accepting.reject(listenerClosed());
    else if (offered !== undefined) accepting.resolve(offered);
    else this.#accepting.push(accepting);
    return accepting.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
    for (const accepting of this.#accepting.splice(0)) accepting.reject(listenerClosed());
    // As a kernel does with its backlog: connections that were never accepted are reset.
    for (const transport of this.#offered.splice(0)) transport.reset();
  }

  offer(transport: MemoryTransport): void {
    const accepting = this.#accepting.shift();
    if (accepting === undefined) this.#offered.push(transport);
    else accepting.resolve(transport);
  }
}

function listenerClosed(): MemoryError {
  return new MemoryError("listener-closed", "the listener is closed");
}

function answered(gate: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (gate === undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    gate.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

function describe(place: number | string): string {
  return typeof place === "number" ? `port ${place}` : place;
}

function isIpAddress(hostname: string): boolean {
  return /^[\d.]+$|:/.test(hostname);
}
