/** Accepting. */

import type { Address, NetworkTarget, PolledListener, Transport } from "../../api/network.ts";
import { EAGAIN, EINTR, EPOLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK } from "./constants.ts";
import { failure } from "./failure.ts";
import type { Readiness, Watcher } from "./readiness.ts";
import { addressFrom, ipv4From, portFrom, tune } from "./socket.ts";
import { EpollTransport } from "./transport.ts";
import { bytesOf, SOCKADDR_SIZE } from "./structs.ts";

/** Connections that are accepted before all others have had their turn. */
const BATCH = 64;

/** What of a listener isn't a socket's. */
export interface ListenerOptions extends Pick<NetworkTarget, "keepAlive"> {
  readonly address: Address;
  /** Whether what is accepted has yet to be given `TCP_NODELAY` and its like, which it mostly inherits. */
  readonly tunes: boolean;
  /** Undoes what listening left beside the socket. */
  onClose?(): void;
}

/** A listening socket, which it closes. */
export class EpollListener implements PolledListener, Watcher {
  readonly #loop: Readiness;
  readonly #options: ListenerOptions;
  readonly #peer = new Uint8Array(SOCKADDR_SIZE);
  readonly #peerLength = new Int32Array(1);
  readonly #peerLengthBytes = bytesOf(this.#peerLength);
  #fd: number;
  #isWatched = false;
  #accepted = 0;
  #waiting: PromiseWithResolvers<Transport> | undefined;
  #onReady: (() => void) | undefined;
  /** What was taken in this round, where reading is not the program's to ask for. */
  #fresh: EpollTransport[] | undefined;

  constructor(loop: Readiness, fd: number, options: ListenerOptions) {
    this.#loop = loop;
    this.#fd = fd;
    this.#options = options;
    loop.addListener(fd, EPOLLIN, this);
    this.#isWatched = true;
  }

  get address(): Address {
    return this.#options.address;
  }

  /** The socket's; −1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  accept(): Promise<Transport> {
    if (this.#fd < 0) return Promise.reject(closedError());
    if (this.#waiting !== undefined) return Promise.reject(new Error("an accept is under way"));
    if (this.#accepted < BATCH) {
      try {
        const transport = this.take();
        if (transport !== undefined) return Promise.resolve(transport);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    this.#waiting = Promise.withResolvers();
    this.accepts(true);
    return this.#waiting.promise;
  }

  onReady(): void {
    this.#accepted = 0;
    if (this.#onReady !== undefined) {
      this.#onReady();
      return this.#readFirst();
    }
    const waiting = this.#waiting;
    // No `accept` waits for now.
    if (waiting === undefined) return this.accepts(false);
    try {
      const transport = this.take();
      if (transport === undefined) return;
      this.#waiting = undefined;
      waiting.resolve(transport);
    } catch (error) {
      this.#waiting = undefined;
      waiting.reject(error);
    }
  }

  abandon(): void {
    this.#waiting = undefined;
    this.close();
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    this.#loop.closeListener(fd);
    this.#options.onClose?.();
    this.#waiting?.reject(closedError());
    this.#waiting = undefined;
  }

  watch(onReady: () => void): void {
    this.#onReady = onReady;
    if (!this.#loop.isEager) this.#fresh = [];
  }

  accepts(isOn: boolean): void {
    if (isOn === this.#isWatched || this.#fd < 0) return;
    if (this.#loop.change(this.#fd, isOn ? EPOLLIN : 0)) this.#isWatched = isOn;
  }

  /** The next connection, if there is one. @throws {Error} such as `EMFILE` */
  take(): Transport | undefined {
    if (this.#fd < 0) return undefined;
    const { libc } = this.#loop;
    this.#peerLength[0] = this.#peer.length;
    this.#peer.fill(0, 0, 2);
    const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = libc.accept4(this.#fd, this.#peer, this.#peerLengthBytes, flags);
    if (fd < 0) {
      const errno = libc.errno();
      if (errno === EAGAIN || errno === EINTR) return undefined;
      throw failure(libc, "accept4", errno);
    }
    this.#accepted++;
    if (this.#options.tunes) tune(libc, fd, this.#options);
    const peer = ipv4From(this.#peer) ?? addressFrom(libc, this.#peer);
    const transport = new EpollTransport(this.#loop, fd, peer, portFrom(this.#peer));
    this.#fresh?.push(transport);
    return transport;
  }

  /** A client's first bytes come right behind its connection: they are mostly there, and need no wait. */
  #readFirst(): void {
    const fresh = this.#fresh;
    if (fresh === undefined || fresh.length === 0) return;
    for (const each of fresh) if (each.isReading) this.#loop.serve(each.fd, EPOLLIN);
    fresh.length = 0;
  }
}

function closedError(): Error {
  return new Deno.errors.BadResource("the listener is closed");
}
