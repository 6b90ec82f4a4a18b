/**
 * Stream connections by `node:net`: all there are in Node and Bun, and in Deno what its own sockets can't,
 * which are 20 to 30 % faster: connecting from an address, and listening on a descriptor or a port that
 * others have as well.
 */

import net, {
  connect,
  createServer,
  isIP,
  type ListenOptions,
  type NetConnectOpts,
  type Server,
  type Socket,
} from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import { clearInterval, setInterval } from "node:timers";
import type { TLSSocket } from "node:tls";
import { getSystemErrorName } from "node:util";
import type { StreamConn, StreamListener } from "../api/network.ts";
import { LwsError } from "../base/errors.ts";
import { isBun, isDeno, runtime } from "../base/runtime/runtime.ts";

/** What is written at once, so that a longer write is seen to go on. */
const LARGEST_WRITE = 64 * 1024;

interface Reader {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A socket of `node:net` or `node:tls`, or a stream in its place, which may lack what is the system's. */
export type NodeSocket =
  & Duplex
  & Partial<
    & Pick<Socket, "localAddress" | "localPort" | "remoteAddress" | "remotePort" | "unref">
    & Pick<Socket, "resetAndDestroy" | "setKeepAlive" | "setNoDelay" | "setTimeout">
    & Pick<TLSSocket, "encrypted">
  >;

/** A `node:net` socket as the runtime's own connections are: reads are asked for. */
export class NodeStream implements StreamConn {
  readonly localAddr: unknown;
  readonly remoteAddr: unknown;
  readonly #socket: NodeSocket;
  /** What of the last chunk had no room. */
  #rest: Uint8Array | undefined;
  #reader: Reader | undefined;
  #hasEnded = false;
  #error: unknown;

  /**
   * @param socket connected, and with `allowHalfOpen`
   * @param first what comes in front of all that it reads
   */
  constructor(socket: NodeSocket, first?: Uint8Array) {
    this.#socket = socket;
    this.#rest = first;
    this.localAddr = { hostname: socket.localAddress, port: socket.localPort };
    this.remoteAddr = { hostname: socket.remoteAddress, port: socket.remotePort };
    socket.on("readable", () => this.#answer());
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#answer();
    });
    socket.on("error", (error) => {
      this.#error = error;
      this.#answer();
    });
    socket.on("close", () => {
      this.#error ??= new Error("the connection is closed");
      this.#answer();
    });
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#answer();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    // Deno's `node:tls` never says that it has written nothing.
    if (bytes.length === 0) return Promise.resolve(0);
    const part = bytes.length > LARGEST_WRITE ? bytes.subarray(0, LARGEST_WRITE) : bytes;
    return new Promise((resolve, reject) => {
      this.#socket.write(part, (error) => error ? reject(error) : resolve(part.length));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null) => error ? reject(error) : resolve();
      this.#socket.end(done);
    });
  }

  close(): void {
    const socket = this.#socket;
    // Without the notice that ends TLS the peer can't tell the end from an attack.
    const saysGoodbye = socket.encrypted && !socket.writableEnded && socket.writableLength === 0;
    if (!saysGoodbye) return void socket.destroy();
    socket.end();
    setImmediate(() => socket.destroy());
  }

  reset(): void {
    // TLS that ends without its notice was cut.
    if (this.#socket.encrypted) this.#socket.destroy();
    else this.#socket.resetAndDestroy?.();
  }

  /** Keeps no program running from now on. */
  unref(): void {
    this.#socket.unref?.();
  }

  setNoDelay(noDelay = true): void {
    this.#socket.setNoDelay?.(noDelay);
  }

  setKeepAlive(keepAlive = true): void {
    this.#socket.setKeepAlive?.(keepAlive);
  }

  #answer(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const chunk = this.#rest ?? this.#socket.read() as Uint8Array | null;
    if (chunk !== null) {
      const count = Math.min(chunk.length, reader.buffer.length);
      reader.buffer.set(chunk.subarray(0, count));
      this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
      this.#reader = undefined;
      reader.resolve(count);
    } else if (this.#hasEnded) {
      this.#reader = undefined;
      reader.resolve(null);
    } else if (this.#error !== undefined) {
      this.#reader = undefined;
      reader.reject(this.#error);
    }
  }
}

/** What {@linkcode connectByNode} connects. */
export interface NodeTarget {
  /** An IP address, or a name, whose first address of the family is taken. */
  readonly address: string;
  readonly port: number;
  /** An IP address of this machine, of the same family. */
  readonly source: string | undefined;
  /** 0 for any. */
  readonly family: 0 | 4 | 6;
}

/** Connects. Rejects as {@linkcode Network.connect} does. */
export function connectByNode(target: NodeTarget, signal: AbortSignal): Promise<NodeStream> {
  const { address, port, source, family } = target;
  const localAddress = source === undefined ? {} : { localAddress: source };
  return connectSocket({ host: address, port, family, ...localAddress }, signal);
}

/** As {@linkcode connectByNode}, to a unix socket; the name of an abstract one begins with a NUL. */
export function connectUnixByNode(path: string, signal: AbortSignal): Promise<NodeStream> {
  return connectSocket({ path }, signal);
}

async function connectSocket(
  target: NetConnectOpts,
  signal: AbortSignal,
): Promise<NodeStream> {
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const socket = connect({ ...target, allowHalfOpen: true });
    const settle = (outcome: () => void) => {
      signal.removeEventListener("abort", abort);
      outcome();
    };
    const abort = () => {
      socket.destroy();
      settle(() => reject(signal.reason));
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("connect", () => {
      socket.off("error", fail);
      settle(() => resolve(new NodeStream(socket)));
    });
    const fail = (error: Error) => settle(() => reject(error));
    socket.once("error", fail);
  });
}

/** Connections that wait for `accept`; more are cut, as by a backlog that is full. */
const MOST_WAITING = 511;
/** How long a listener stays deaf, at most, once there are descriptors again. */
const RELISTEN_MS = 500;

/** What `node:net` keeps of a socket; its own, so that it may be missing or different. */
interface ListeningHandle {
  listen?(backlog: number): number;
  close?(): void;
}

/** What of `node:net` opens and binds a socket; a number is the reason why there is none. */
type CreateServerHandle = (
  ip: string,
  port: number,
  family: number,
  fd: undefined,
  flags: number,
) => ListeningHandle | number;

/**
 * Listens on a socket that the program was started with. Needs no permission: the parent process has
 * opened it.
 *
 * @throws {LwsError} `invalid-option` when the descriptor is none, or none that can be listened on.
 */
export function listenOnDescriptor(fd: number): StreamListener {
  const listener = listenerOver({ fd });
  if (listener !== undefined) return listener;
  throw new LwsError(
    "invalid-option",
    `can't listen on descriptor ${fd}; it must be open, and a TCP or unix socket`,
  );
}

/**
 * Listens on a port on which others may listen as well (`SO_REUSEPORT`). `listen` of `node:net` would tell
 * a turn later whether that has failed, so that its parts are called here.
 *
 * @throws {LwsError} `invalid-option` for a name, and where there are no such parts.
 */
export function listenShared(ip: string, port: number): StreamListener {
  if (isIP(ip) === 0) refuseSharing(`${ip} is a name; give its address`);
  const create = handleMaker();
  if (isBun) return listenUntold({ host: ip, port, reusePort: true }, `${ip} port ${port}`, true);
  const flags = tcpFlags()?.["UV_TCP_REUSEPORT"];
  if (create === undefined || flags === undefined) {
    return refuseSharing("this runtime's node:net can't");
  }
  return listenOn(create(ip, port, isIP(ip), undefined, flags), `${ip} port ${port}`);
}

/**
 * Listens on a port, where the runtime is not Deno.
 *
 * @throws {LwsError} `invalid-option` for a name other than `localhost`, which can't be looked up at once.
 */
export function listenByNode(hostname: string, port: number): StreamListener {
  const ip = hostname === "localhost" ? "127.0.0.1" : hostname;
  if (isIP(ip) === 0) {
    throw new LwsError("invalid-option", `${ip} is a name; give its address to listen on`);
  }
  const where = `${ip} port ${port}`;
  const create = handleMaker();
  if (create !== undefined) return listenOn(create(ip, port, isIP(ip), undefined, 0), where);
  return listenUntold({ host: ip, port }, where, port >= FIRST_FREE_PORT);
}

/** As {@linkcode listenByNode}, on a unix socket; the name of an abstract one begins with a NUL. */
export function listenUnixByNode(path: string): StreamListener {
  return listenUntold({ path }, path, path[0] === "\0" || exists(path));
}

function exists(path: string): boolean {
  try {
    return runtime.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** Ports below are for root, and what fails there mostly fails for that. */
const FIRST_FREE_PORT = 1024;

/** Listens where the runtime tells a turn later why it doesn't; `isTaken` says whether another one is why. */
function listenUntold(target: ListenOptions, where: string, isTaken: boolean): StreamListener {
  const listener = listenerOver(target);
  if (listener !== undefined) return listener;
  const Kind = isTaken ? runtime.errors.AddrInUse : Error;
  throw new Kind(`${where}: the runtime can't listen there`);
}

function listenOn(handle: ListeningHandle | number, where: string): StreamListener {
  if (typeof handle === "number") throw listenError(handle, where);
  const failed = handle.listen!(MOST_WAITING);
  const listener = failed < 0 ? undefined : listenerOver(handle);
  if (listener !== undefined) return listener;
  handle.close!();
  throw listenError(failed, where);
}

function handleMaker(): CreateServerHandle | undefined {
  return (net as { _createServerHandle?: CreateServerHandle })._createServerHandle;
}

function refuseSharing(why: string): never {
  throw new LwsError("invalid-option", `reusePort: ${why}, or run with --unstable-net`);
}

/** The flags of a TCP socket, by their names in libuv. */
function tcpFlags(): Readonly<Record<string, number>> | undefined {
  const { binding } = process as {
    binding?(name: "tcp_wrap"): { readonly constants?: Readonly<Record<string, number>> };
  };
  return binding?.("tcp_wrap").constants;
}

/** As the runtime's own listening throws it. */
function listenError(errno: number, where: string): Error {
  const name = errno < 0 ? getSystemErrorName(errno) : "no socket";
  const Kind =
    { EADDRINUSE: runtime.errors.AddrInUse, EACCES: runtime.errors.PermissionDenied }[name];
  return new (Kind ?? Error)(`${where}: ${name}`);
}

/** Accepts from what `Server.listen` takes; undefined when it can't be listened on. */
function listenerOver(
  socket: ListenOptions | { readonly fd: number } | ListeningHandle,
): StreamListener | undefined {
  const waiting: NodeStream[] = [];
  const accepting: PromiseWithResolvers<NodeStream>[] = [];
  let isClosed = false;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const stream = new NodeStream(socket);
    const first = accepting.shift();
    if (first !== undefined) first.resolve(stream);
    else if (isClosed || waiting.length === MOST_WAITING) stream.close();
    else waiting.push(stream);
  });
  // Comes a turn later, when `listening` has told already.
  server.on("error", () => {});
  server.listen(socket);
  if (!server.listening) return undefined;
  const stopListening = keepListening(server);
  const address = server.address();
  return {
    // There is no address for a unix socket.
    addr: address === null || typeof address === "string"
      ? { hostname: `unix:${address ?? ""}`, port: 0 }
      : { hostname: address.address, port: address.port },
    accept() {
      const promised = Promise.withResolvers<NodeStream>();
      const stream = waiting.shift();
      if (isClosed) promised.reject(new Error("the listener is closed"));
      else if (stream !== undefined) promised.resolve(stream);
      else accepting.push(promised);
      return promised.promise;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      stopListening();
      server.close();
      for (const each of accepting.splice(0)) each.reject(new Error("the listener is closed"));
      for (const stream of waiting.splice(0)) stream.close();
    },
  };
}

/**
 * Deno's `node:net` never accepts again after an accept that found no descriptor left, and
 * doesn't tell. Listening once more, which the system takes for a change of the backlog, wakes it.
 */
function keepListening(server: Server): () => void {
  if (!isDeno) return () => {};
  const timer = setInterval(() => {
    (server as { _handle?: ListeningHandle })._handle?.listen?.(MOST_WAITING);
  }, RELISTEN_MS);
  timer.unref();
  return () => clearInterval(timer);
}
