/** A transport as a stream connection, for programs with a TLS layer of their own. */

import type { StreamConn } from "./transport/tcp.ts";
import type { Transport, TransportHandler } from "./transport/transport.ts";

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

  /** @param transport which nobody may have started */
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
      this.#transport.write(new Uint8Array(bytes));
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

function settled<T>(error: unknown, value: T): Promise<T> {
  return error === undefined ? Promise.resolve(value) : Promise.reject(error);
}
