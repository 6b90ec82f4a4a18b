/** Streams over sockets: TCP by `Deno.listen` and `Deno.connect`, elsewhere by `node:net`, and what else there is. */

import { isIP } from "node:net";
import type {
  Listener,
  Network,
  NetworkTarget,
  StreamConn,
  StreamListener,
  Transport,
} from "../api/network.ts";
import { LwsError } from "../base/errors.ts";
import { isDeno } from "../base/runtime/runtime.ts";
import { connectName, runtimeSystem } from "./connect_name.ts";
import { reverseLookup } from "./machine.ts";
import {
  connectByNode,
  listenByNode,
  listenOnDescriptor,
  listenShared,
  NodeStream,
} from "./node_stream.ts";
import { addressOf, keepAliveOn, StreamTransport, transportOver } from "./stream_transport.ts";
import { connectUnix, listenUnix } from "./unix.ts";

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

/**
 * Takes over a listener that is open already; the caller accepts from it and closes it from then on.
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
  features: ["reusePort"],
  listen(target: NetworkTarget): Listener {
    return adoptListener(open(target), isKeptAlive(target));
  },
  async connect(target: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    const conn = await dial(target, signal);
    keepAliveOn(conn, isKeptAlive(target));
    const isOwn = target.path === undefined && !(conn instanceof NodeStream);
    return isOwn ? new DialledTransport(conn as Deno.TcpConn) : new StreamTransport(conn);
  },
  reverse: reverseLookup,
};

/** TCP, by connections that keep no program running which has nothing else to do. */
export const backgroundNetwork: Network = {
  ...tcpNetwork,
  async connect({ hostname, port }: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    const conn = isDeno
      ? await Deno.connect({ hostname, port, signal })
      : await connectByNode({ address: hostname, port, source: undefined, family: 0 }, signal);
    conn.unref();
    return transportOver(conn);
  },
};

/** The runtime has no say in the times. */
function isKeptAlive({ keepAlive = false }: NetworkTarget): boolean {
  return keepAlive !== false;
}

function open(target: NetworkTarget): StreamListener {
  const { hostname, path, mode, fd } = target;
  if (fd === undefined && path !== undefined) return listenUnix(path, mode);
  if (fd === undefined) refuseIpv6(target, hostname);
  const listener = fd === undefined ? listenOnPort(target) : listenOnDescriptor(fd);
  try {
    // A name may stand for an IPv6 address, and a descriptor be bound to one.
    refuseIpv6(target, addressOf(listener.addr).hostname);
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

function listenOnPort({ hostname, port, reusePort = false }: NetworkTarget): StreamListener {
  if (!isDeno) return reusePort ? listenShared(hostname, port) : listenByNode(hostname, port);
  if (!reusePort) return Deno.listen({ hostname, port });
  // Without that flag, by which this is there, the runtime ends the program.
  const mayShare = typeof (Deno as { listenDatagram?: unknown }).listenDatagram === "function";
  return mayShare ? Deno.listen({ hostname, port, reusePort }) : listenShared(hostname, port);
}

function dial(target: NetworkTarget, signal: AbortSignal): Promise<StreamConn> {
  const { hostname, port, path, localAddress } = target;
  if (path !== undefined) return connectUnix(path, signal);
  refuseIpv6(target, hostname);
  for (const each of [localAddress ?? []].flat()) refuseIpv6(target, each);
  if (!isDeno || localAddress !== undefined || (target.disableIpv6 && isIP(hostname) === 0)) {
    return connectName(target, signal, runtimeSystem);
  }
  // This does by itself what `connectName` does.
  return Deno.connect({ hostname, port, signal });
}

/**
 * Leaves IPv6 alone, where the target says so.
 *
 * @throws {LwsError} `invalid-option` for an address of IPv6
 */
export function refuseIpv6(target: NetworkTarget, hostname: string): void {
  if (!target.disableIpv6 || isIP(hostname) !== 6) return;
  throw new LwsError("invalid-option", `${hostname} is IPv6, which disableIpv6 turns off`);
}
