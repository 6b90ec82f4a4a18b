/** Connecting to an address, a name, or a unix socket. */

import type { Address, NetworkTarget } from "../../api/network.ts";
import { connectName, type NameSystem, runtimeSystem } from "../connect_name.ts";
import { refuseIpv6 } from "../network.ts";
import { checkPath } from "../unix.ts";
import { EAGAIN, EINPROGRESS, EINTR, EPOLLOUT } from "./constants.ts";
import { failure, must } from "./failure.ts";
import type { EpollLoop, Watcher } from "./loop.ts";
import { familyOf, openSocket, orClose, tune } from "./socket.ts";
import { inetAddress, NO_ADDRESS, unixAddress } from "./address.ts";
import { AF_UNIX } from "./structs.ts";
import { EpollTransport, socketError } from "./transport.ts";

/** How often a unix socket is tried whose listener's backlog is full; the kernel doesn't tell when it isn't. */
const RETRY_MS = 10;

/** Connects. Rejects as {@linkcode Network.connect} does. */
export async function connectTo(
  loop: EpollLoop,
  target: NetworkTarget,
  signal: AbortSignal,
): Promise<EpollTransport> {
  const { hostname, path, localAddress } = target;
  signal.throwIfAborted();
  if (path !== undefined) return unlessAborted(await connectUnix(loop, path, signal), signal);
  refuseIpv6(target, hostname);
  for (const each of [localAddress ?? []].flat()) refuseIpv6(target, each);
  return unlessAborted(await connectName(target, signal, systemOf(loop, target)), signal);
}

/** The kernel may connect within the call: what is given up behind that is closed. */
function unlessAborted(transport: EpollTransport, signal: AbortSignal): EpollTransport {
  if (!signal.aborted) return transport;
  transport.close();
  throw signal.reason;
}

function systemOf(loop: EpollLoop, target: NetworkTarget): NameSystem<EpollTransport> {
  return {
    resolve: runtimeSystem.resolve,
    // The runtime has no say in what libc connects to.
    mayConnect: () => true,
    dial: (ip, port, source, signal) =>
      dial(loop, { ...target, hostname: ip, port }, source, signal),
    dialName: (name) => Promise.reject(new Error(`${name} may not be connected to`)),
  };
}

/** Connects to an IP address. Never throws within the call: the next address of a name waits for a rejection. */
async function dial(
  loop: EpollLoop,
  target: NetworkTarget,
  source: string | undefined,
  signal: AbortSignal,
): Promise<EpollTransport> {
  const { libc } = loop;
  const { hostname, port } = target;
  const address = inetAddress(libc, hostname, port);
  const fd = openSocket(libc, familyOf(hostname));
  return await orClose(libc, fd, () => {
    if (source !== undefined) {
      const from = inetAddress(libc, source, 0);
      must(libc, `bind to ${source}`, libc.bind(fd, from, from.length));
    }
    tune(libc, fd, target);
    const attempt = new Attempt(loop, fd, { hostname: hostname.split("%")[0]!, port }, signal);
    if (libc.connect(fd, address, address.length) === 0) attempt.connected();
    else {
      const errno = libc.errno();
      if (errno !== EINPROGRESS && errno !== EINTR) throw failure(libc, "connect", errno);
      attempt.wait();
    }
    return attempt.promise;
  });
}

async function connectUnix(
  loop: EpollLoop,
  path: string,
  signal: AbortSignal,
): Promise<EpollTransport> {
  const { libc } = loop;
  const address = unixAddress(checkPath(path));
  for (;;) {
    const fd = openSocket(libc, AF_UNIX);
    if (libc.connect(fd, address, address.length) === 0) {
      return new EpollTransport(loop, fd, NO_ADDRESS);
    }
    const errno = libc.errno();
    libc.close(fd);
    if (errno !== EAGAIN) throw failure(libc, "connect", errno);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    signal.throwIfAborted();
  }
}

/** A connection under way. Its descriptor becomes the transport's, or is closed. */
class Attempt implements Watcher {
  readonly promise: Promise<EpollTransport>;
  readonly #loop: EpollLoop;
  readonly #fd: number;
  readonly #peer: Address;
  readonly #signal: AbortSignal;
  readonly #settle: PromiseWithResolvers<EpollTransport>;
  #isWatched = false;

  constructor(loop: EpollLoop, fd: number, peer: Address, signal: AbortSignal) {
    this.#loop = loop;
    this.#fd = fd;
    this.#peer = peer;
    this.#signal = signal;
    this.#settle = Promise.withResolvers();
    this.promise = this.#settle.promise;
  }

  /** Waits for the kernel's answer. */
  wait(): void {
    this.#loop.add(this.#fd, EPOLLOUT, this);
    this.#isWatched = true;
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onReady(): void {
    const errno = socketError(this.#loop, this.#fd);
    if (errno === 0) this.connected();
    else this.#fail(failure(this.#loop.libc, "connect", errno));
  }

  connected(): void {
    this.#done();
    if (this.#isWatched) this.#loop.remove(this.#fd);
    this.#settle.resolve(new EpollTransport(this.#loop, this.#fd, this.#peer));
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason);

  abandon(): void {
    this.#done();
    this.#loop.forget(this.#fd);
    this.#loop.libc.close(this.#fd);
  }

  #fail(error: unknown): void {
    this.abandon();
    this.#settle.reject(error);
  }

  #done(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}
