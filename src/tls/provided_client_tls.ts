/** A transport as a stream connection, for programs with a TLS layer of their own. */

import {
  type StreamConn,
  type Transport,
  type TransportHandler,
  writeAndDrain,
} from "../api/network.ts";
import type { TlsMembers } from "../api/tls.ts";
import { LwsError } from "../base/errors.ts";
import { StreamTransport } from "../transport/stream_transport.ts";

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads and writes as promises; one read at a time, and writes in the order of their calls. */
export class TransportConn implements StreamConn, TransportHandler {
  readonly #transport: Transport;
  #reading: Waiting<number | null> & { readonly buffer: Uint8Array } | undefined;
  #writing: Waiting<void> | undefined;
  /** Settles when the writes before are done, well or not. */
  #writesBefore: Promise<unknown> = Promise.resolve();
  /** Whether the peer has ended, or why the transport is gone. */
  #end: { readonly error: unknown } | undefined;

  /** @param transport not started */
  constructor(transport: Transport) {
    this.#transport = transport;
    transport.start(this);
    transport.pause();
  }

  get localAddr(): unknown {
    return this.#transport.localAddress;
  }

  get remoteAddr(): unknown {
    return this.#transport.remoteAddress;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#end !== undefined) return settled(this.#end.error, null);
    if (this.#reading !== undefined) {
      return Promise.reject(new Error("another read of this connection is under way"));
    }
    return new Promise((resolve, reject) => {
      this.#reading = { buffer, resolve, reject };
      this.#transport.resume();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    const write = this.#writesBefore.then(() => this.#write(bytes));
    this.#writesBefore = write.catch(() => {});
    return write;
  }

  async closeWrite(): Promise<void> {
    await this.#writesBefore;
    this.#transport.end();
  }

  close(): void {
    this.#transport.close();
  }

  async #write(bytes: Uint8Array): Promise<number> {
    if (this.#end?.error !== undefined) throw this.#end.error;
    await new Promise<void>((resolve, reject) => {
      this.#writing = { resolve, reject };
      // A copy, also of a `Buffer`, whose `slice` is none.
      writeAndDrain(this.#transport, new Uint8Array(bytes), this);
    });
    return bytes.length;
  }

  onBytes(bytes: Uint8Array): number {
    const reading = this.#reading;
    if (reading === undefined) return 0;
    this.#reading = undefined;
    this.#transport.pause();
    const taken = Math.min(bytes.length, reading.buffer.length);
    reading.buffer.set(bytes.subarray(0, taken));
    reading.resolve(taken);
    return taken;
  }

  onDrain(): void {
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.resolve();
  }

  onEnd(): void {
    this.#end ??= { error: undefined };
    this.#reading?.resolve(null);
    this.#reading = undefined;
  }

  onClose(error?: unknown): void {
    this.#end = { error: error ?? new Error("the connection is closed") };
    if (error === undefined) this.#reading?.resolve(null);
    else this.#reading?.reject(error);
    this.#writing?.reject(this.#end.error);
    this.#reading = undefined;
    this.#writing = undefined;
  }
}

/**
 * Asks the program for the stream behind the handshake. However it ends, nothing stays open: `inner` is
 * closed with a failure, and so is a stream that comes too late.
 */
export function provided(
  provide: NonNullable<TlsMembers["providedClientTls"]>,
  inner: Transport,
  target: { readonly serverName: string; readonly port: number },
  signal: AbortSignal,
): Promise<Transport> {
  if (signal.aborted) {
    inner.close();
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const settle = () => signal.removeEventListener("abort", giveUp);
    const fail = (error: unknown) => {
      settle();
      inner.close();
      reject(error);
    };
    const giveUp = () => fail(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    call(provide, inner, target).then((conn) => {
      if (signal.aborted) return closeQuietly(conn);
      try {
        const transport = transportOver(conn);
        settle();
        resolve(transport);
      } catch (error) {
        closeQuietly(conn);
        fail(error);
      }
    }, fail);
  });
}

function settled<T>(error: unknown, value: T): Promise<T> {
  return error === undefined ? Promise.resolve(value) : Promise.reject(error);
}

/** Has a program's throw come as a rejection, too. */
async function call(
  provide: NonNullable<TlsMembers["providedClientTls"]>,
  inner: Transport,
  { serverName, port }: { readonly serverName: string; readonly port: number },
): Promise<StreamConn> {
  return await provide(serverName, port, new TransportConn(inner));
}

function transportOver(conn: StreamConn): Transport {
  for (const method of ["read", "write", "closeWrite", "close"] as const) {
    if (typeof conn?.[method] === "function") continue;
    throw new LwsError("invalid-argument", `providedClientTls: its connection has no ${method}`);
  }
  for (const member of ["localAddr", "remoteAddr"] as const) {
    if (typeof conn[member] === "object" && conn[member] !== null) continue;
    throw new LwsError("invalid-argument", `providedClientTls: its connection has no ${member}`);
  }
  return new StreamTransport(conn);
}

function closeQuietly(conn: StreamConn): void {
  try {
    conn.close();
  } catch { /* It is closed, or was none. */ }
}
