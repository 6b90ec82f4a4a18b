/** Connecting to an address, a name, or a unix socket. */

import { isIP } from "node:net";
import type { Address, Dialling, NetworkTarget, Transport } from "../../api/network.ts";
import { connectName, type NameSystem, runtimeSystem } from "../connect_name.ts";
import { refuseIpv6 } from "../network.ts";
import { checkPath } from "../unix.ts";
import { EAGAIN, EINPROGRESS, EINTR, EPOLLOUT } from "./constants.ts";
import { failure, must } from "./failure.ts";
import type { Readiness, Watcher } from "./readiness.ts";
import {
  familyOf,
  inetAddress,
  NO_ADDRESS,
  openSocket,
  orClose,
  tune,
  unixAddress,
} from "./socket.ts";
import { AF_UNIX } from "./structs.ts";
import { EpollTransport, socketError } from "./transport.ts";

/** How often a unix socket is tried whose listener's backlog is full; the kernel doesn't tell when it isn't. */
const RETRY_MS = 10;

/** Connects. Rejects as {@linkcode Network.connect} does. */
export async function connectTo(
  loop: Readiness,
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

function systemOf(loop: Readiness, target: NetworkTarget): NameSystem<EpollTransport> {
  return {
    resolve: runtimeSystem.resolve,
    // The runtime has no say in what libc connects to.
    mayConnect: () => true,
    dial: (ip, port, source, signal) =>
      new Promise((resolve, reject) =>
        dial(loop, { ...target, hostname: ip, port }, source, signal, {
          connected: resolve as (transport: Transport) => void,
          failed: reject,
        })
      ),
    dialName: (name) => Promise.reject(new Error(`${name} may not be connected to`)),
  };
}

/** As {@linkcode PolledNetwork.connectNow}. */
export function dialNow(
  loop: Readiness,
  target: NetworkTarget,
  signal: AbortSignal,
  dialling: Dialling,
): boolean {
  const { hostname, path, localAddress } = target;
  if (path !== undefined || isIP(hostname) === 0) return false;
  const sources = [localAddress ?? []].flat();
  const source = sources.find((each) => familyOf(each) === familyOf(hostname));
  if (source === undefined && sources.length > 0) return false;
  try {
    for (const each of [hostname, ...sources]) refuseIpv6(target, each);
    dial(loop, target, source, signal, dialling);
  } catch (error) {
    loop.later(-1, () => dialling.failed(error));
  }
  return true;
}

/** Connects to an IP address. @throws {Error} when that can't be tried */
function dial(
  loop: Readiness,
  target: NetworkTarget,
  source: string | undefined,
  signal: AbortSignal,
  dialling: Dialling,
): void {
  const { libc } = loop;
  const { hostname, port } = target;
  const address = inetAddress(libc, hostname, port);
  const fd = openSocket(libc, familyOf(hostname));
  orClose(libc, fd, () => {
    if (source !== undefined) {
      const from = inetAddress(libc, source, 0);
      must(libc, `bind to ${source}`, libc.bind(fd, from, from.length));
    }
    tune(libc, fd, target);
    const attempt = new Attempt(
      loop,
      fd,
      { hostname: hostname.split("%")[0]!, port },
      signal,
      dialling,
    );
    const isDone = libc.connect(fd, address, address.length) === 0;
    const errno = isDone ? EINPROGRESS : libc.errno();
    // What is connected already is told so as well: soon, and not from inside here.
    if (errno === EINPROGRESS || errno === EINTR) attempt.wait();
    else throw failure(libc, "connect", errno);
  });
}

async function connectUnix(
  loop: Readiness,
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
    if (errno !== EAGAIN && errno !== EINTR) throw failure(libc, "connect", errno);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    signal.throwIfAborted();
  }
}

/** A connection under way. Its descriptor becomes the transport's, or is closed. */
class Attempt implements Watcher {
  readonly #loop: Readiness;
  readonly #fd: number;
  readonly #peer: Address;
  readonly #signal: AbortSignal;
  readonly #dialling: Dialling;

  constructor(
    loop: Readiness,
    fd: number,
    peer: Address,
    signal: AbortSignal,
    dialling: Dialling,
  ) {
    this.#loop = loop;
    this.#fd = fd;
    this.#peer = peer;
    this.#signal = signal;
    this.#dialling = dialling;
  }

  /** Waits for the kernel's answer. */
  wait(): void {
    this.#loop.addAside(this.#fd, EPOLLOUT, this);
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onReady(): void {
    const errno = socketError(this.#loop, this.#fd);
    if (errno !== 0) return this.#fail(failure(this.#loop.libc, "connect", errno));
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#loop.remove(this.#fd);
    this.#dialling.connected(new EpollTransport(this.#loop, this.#fd, this.#peer));
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason);

  abandon(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#loop.forget(this.#fd);
    this.#loop.libc.close(this.#fd);
  }

  #fail(error: unknown): void {
    this.abandon();
    this.#dialling.failed(error);
  }
}
