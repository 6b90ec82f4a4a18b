/** A transport as a stream connection, for programs with a TLS layer of their own. */

import type { StreamConn } from "./transport/tcp.ts";
import type { Transport, TransportHandler } from "./transport/transport.ts";

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads and writes one at a time, as promises. */
export class TransportConn implements StreamConn, TransportHandler {
  readonly #transport: Transport;
  #reading: Waiting<number | null> & { readonly buffer: Uint8Array } | undefined;
  #writing: Waiting<void> | undefined;
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
    return new Promise((resolve, reject) => {
      this.#reading = { buffer, resolve, reject };
      this.#transport.resume();
    });
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#end?.error !== undefined) throw this.#end.error;
    await new Promise<void>((resolve, reject) => {
      this.#writing = { resolve, reject };
      this.#transport.write(bytes.slice());
    });
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    this.#transport.end();
    return Promise.resolve();
  }

  close(): void {
    this.#transport.close();
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
    this.#writing?.resolve();
    this.#writing = undefined;
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
