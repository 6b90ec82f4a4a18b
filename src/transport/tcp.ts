/** Streams over sockets: TCP by `Deno.listen` and `Deno.connect`, and what else there is. */

import { reverseLookup } from "./host.ts";
import { isIP } from "node:net";
import { connectName } from "./connect_name.ts";
import { listenOnDescriptor, NodeStream } from "./node_stream.ts";
import { ReadBuffer } from "./read_buffer.ts";
import type {
  Address,
  Listener,
  Network,
  NetworkTarget,
  Transport,
  TransportHandler,
} from "./transport.ts";
import { TransportError } from "./transport_error.ts";
import { connectUnix, listenUnix } from "./unix.ts";

/** What a transport needs of an accepted connection; a `Deno.TcpConn` has it all. */
export interface StreamConn {
  /** Our end: `hostname` and `port`, if it has them. */
  readonly localAddr: unknown;
  /** The peer's end, likewise. */
  readonly remoteAddr: unknown;
  /** Reads some bytes; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some bytes, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending half. */
  closeWrite(): Promise<void>;
  /** Closes both ways. */
  close(): void;
  /** Closes both ways by a reset; `close` is called where there is none, as of the runtime's own sockets. */
  reset?(): void;
  /** Turns Nagle's algorithm off; called when there is one. */
  setNoDelay?(noDelay?: boolean): void;
  /** Turns TCP keep-alive on, with the system's times; called on request when there is one. */
  setKeepAlive?(keepAlive?: boolean): void;
}

const MORE_COMES = 0;
/** The peer will send no more, which the handler has yet to hear. */
const END_IS_DUE = 1;
const END_IS_TOLD = 2;

/** A {@linkcode Transport} over a stream connection. */
export class StreamTransport implements Transport {
  readonly #conn: StreamConn;
  readonly #buffer = new ReadBuffer();
  #handler: TransportHandler | undefined;
  #isPaused = false;
  #isReading = false;
  #end: typeof MORE_COMES | typeof END_IS_DUE | typeof END_IS_TOLD = MORE_COMES;
  #resumeIsDue = false;
  #isWriting = false;
  #endsAfterWrite = false;
  #isClosed = false;
  #isGone = false;

  constructor(conn: StreamConn) {
    this.#conn = conn;
    // A reset before now makes this throw; the first read says so too.
    try {
      conn.setNoDelay?.(true);
    } catch { /* see above */ }
  }

  get localAddress(): Address {
    return addressOf(this.#conn.localAddr);
  }

  get remoteAddress(): Address {
    return addressOf(this.#conn.remoteAddr);
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#read();
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#isWriting = true;
    this.#conn.write(bytes).then(
      (count) => this.#onWritten(bytes, count),
      this.#break,
    );
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#resumeIsDue || this.#isClosed) return;
    this.#resumeIsDue = true;
    queueMicrotask(() => this.#onResumed());
  }

  end(): void {
    if (this.#isWriting) this.#endsAfterWrite = true;
    else if (!this.#isClosed) this.#conn.closeWrite().catch(this.#break);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeConn();
    queueMicrotask(() => this.#gone(undefined));
  }

  abort(): void {
    if (this.#isClosed) return;
    // What is left for `close` is done already then.
    this.#conn.reset?.();
    this.close();
  }

  /** Whether a write is under way. */
  protected get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Whether a failure of a read is the peer's way to end. */
  protected isEnd(_error: unknown): boolean {
    return false;
  }

  /** Lets go of the connection, if nothing of it is in use. */
  protected letGo(): boolean {
    const isBusy = this.#isReading || this.#isWriting || this.#resumeIsDue;
    if (this.#isClosed || isBusy || this.#end !== MORE_COMES || this.#buffer.length > 0) {
      return false;
    }
    this.#isClosed = true;
    this.#isGone = true;
    this.#buffer.release();
    return true;
  }

  /**
   * Asks for the next bytes, unless that is done or of no use. No async function: what one keeps
   * while it waits is a third of an idle connection's objects.
   */
  #read(): void {
    if (this.#isReading || this.#isPaused || this.#isClosed) return;
    if (this.#end !== MORE_COMES) return;
    this.#isReading = true;
    this.#conn.read(this.#buffer.room()).then(this.#onRead, this.#break);
  }

  readonly #onRead = (count: number | null): void => {
    this.#isReading = false;
    if (this.#isClosed) return;
    try {
      if (count !== null) {
        this.#buffer.filled(count);
        if (this.#isPaused) return;
        this.#offer();
        this.#read();
      } else {
        this.#end = END_IS_DUE;
        this.#tellEnd();
      }
    } catch (error) {
      this.#break(error);
    }
  };

  #offer(): void {
    const bytes = this.#buffer.bytes();
    this.#buffer.taken(this.#handler!.onBytes(bytes));
  }

  #onResumed(): void {
    this.#resumeIsDue = false;
    if (this.#isPaused || this.#isClosed) return;
    if (this.#buffer.length > 0) this.#offer();
    this.#tellEnd();
    this.#read();
  }

  /** Behind all that was read: a rest whose turn is due comes first. */
  #tellEnd(): void {
    if (this.#isPaused || this.#resumeIsDue || this.#isClosed) return;
    if (this.#end !== END_IS_DUE) return;
    this.#end = END_IS_TOLD;
    this.#handler!.onEnd();
  }

  #onWritten(bytes: Uint8Array, count: number): void {
    if (this.#isClosed) return;
    if (count < bytes.length) {
      if (count > 0) this.#handler!.onProgress?.();
      return this.write(bytes.subarray(count));
    }
    this.#isWriting = false;
    if (this.#endsAfterWrite) {
      this.#endsAfterWrite = false;
      this.end();
    }
    this.#handler!.onDrain();
  }

  /** The peer or the network ended the connection. */
  readonly #break = (error: unknown): void => {
    if (this.#isClosed) return;
    if (this.isEnd(error)) return this.#onRead(null);
    this.#isClosed = true;
    this.#closeConn();
    this.#gone(error);
  };

  #closeConn(): void {
    this.#buffer.release();
    try {
      this.#conn.close();
    } catch { /* The runtime closed it already, after a failure. */ }
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#handler?.onClose(error);
  }
}

/** A transport that may give away what it is made of. */
export interface DetachableTransport extends Transport {
  /** As {@linkcode detached}. */
  detach(): Deno.TcpConn | undefined;
}

/**
 * Takes the runtime's own connection out of a transport, for TLS of the runtime's own, while nothing is
 * read or written; undefined where there is none, or that can't be. The transport is closed then, without
 * a word to its handler.
 */
export function detached(transport: Transport): Deno.TcpConn | undefined {
  return "detach" in transport ? (transport as DetachableTransport).detach() : undefined;
}

/** Over a connection that the runtime itself has made. */
class DialledTransport extends StreamTransport implements DetachableTransport {
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    super(conn);
    this.#conn = conn;
  }

  detach(): Deno.TcpConn | undefined {
    return this.letGo() ? this.#conn : undefined;
  }
}

/** What gives accepted connections; a `Deno.TcpListener` and a `Deno.UnixListener` do. */
export interface StreamListener {
  /** Where it listens: `hostname` and `port`, if it has them. */
  readonly addr: unknown;
  /** The next connection; rejects once the listener is closed. */
  accept(): Promise<StreamConn>;
  /** Stops listening. */
  close(): void;
}

/**
 * Takes over a listener that is open already: who accepts from it is the new owner's matter, and so
 * is closing it.
 *
 * @param keepAlive whether TCP keep-alive is on for what is accepted
 */
export function adoptListener(listener: StreamListener, keepAlive = false): Listener {
  return {
    address: addressOf(listener.addr),
    async accept() {
      return transportOver(await listener.accept(), keepAlive);
    },
    close() {
      try {
        listener.close();
      } catch { /* It is closed. */ }
    },
  };
}

/** The operating system's TCP and unix sockets. Listening and connecting need `--allow-net`. */
export const tcpNetwork: Network = {
  listen(target: NetworkTarget): Listener {
    return adoptListener(open(target), target.keepAlive);
  },
  async connect(target: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    const conn = await dial(target, signal);
    keepAliveOn(conn, target.keepAlive);
    const isOwn = target.path === undefined && !(conn instanceof NodeStream);
    return isOwn ? new DialledTransport(conn as Deno.TcpConn) : new StreamTransport(conn);
  },
  reverse: reverseLookup,
};

/** TCP, by connections that keep no program running which has nothing else to do. */
export const backgroundNetwork: Network = {
  ...tcpNetwork,
  async connect({ hostname, port }: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    const conn = await Deno.connect({ hostname, port, signal });
    conn.unref();
    return transportOver(conn);
  },
};

function open(target: NetworkTarget): StreamListener {
  const { hostname, port, path, mode, fd } = target;
  if (fd === undefined && path !== undefined) return listenUnix(path, mode);
  if (fd === undefined) refuseIpv6(target, hostname);
  const listener = fd === undefined ? Deno.listen({ hostname, port }) : listenOnDescriptor(fd);
  try {
    // A name may stand for an IPv6 address, and a descriptor be bound to one.
    refuseIpv6(target, addressOf(listener.addr).hostname);
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

function dial(target: NetworkTarget, signal: AbortSignal): Promise<StreamConn> {
  const { hostname, port, path, localAddress } = target;
  if (path !== undefined) return connectUnix(path, signal);
  refuseIpv6(target, hostname);
  for (const each of [localAddress ?? []].flat()) refuseIpv6(target, each);
  if (localAddress !== undefined || (target.disableIpv6 && isIP(hostname) === 0)) {
    return connectName(target, signal);
  }
  // This does by itself what `connectName` does.
  return Deno.connect({ hostname, port, signal });
}

function refuseIpv6(target: NetworkTarget, hostname: string): void {
  if (!target.disableIpv6 || isIP(hostname) !== 6) return;
  throw new TransportError("invalid-option", `${hostname} is IPv6, which disableIpv6 turns off`);
}

/**
 * A transport over a connection that is open already.
 *
 * @param keepAlive whether TCP keep-alive is switched on
 */
export function transportOver(conn: StreamConn, keepAlive = false): Transport {
  keepAliveOn(conn, keepAlive);
  return new StreamTransport(conn);
}

function keepAliveOn(conn: StreamConn, isWanted = false): void {
  // As with Nagle's algorithm: a reset before now makes this throw, and the first read says so too.
  try {
    if (isWanted) conn.setKeepAlive?.(true);
  } catch { /* see above */ }
}

function addressOf(address: unknown): Address {
  const { hostname, port } = address as Partial<Address>;
  return { hostname: hostname ?? "", port: port ?? 0 };
}
