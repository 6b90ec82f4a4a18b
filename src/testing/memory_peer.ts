/** The other side of a protocol test: sends what it is told and waits for what it expects. */

import { type TransportHandler, writeAndDrain } from "../api/network.ts";
import { MemoryError, type MemoryTransport } from "./memory_transport.ts";

interface Reader {
  /** How many unread bytes answer this reader; `undefined` while they don't. */
  readonly measure: (unread: Uint8Array) => number | undefined;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A client, or a server, that tests drive by hand. It takes all it is sent; reads go through that
 * in order and wait for events, not for time. A read that the end of
 * the stream leaves unsatisfied rejects with a {@linkcode MemoryError} `connection-ended`.
 *
 * @example
 * ```ts
 * import { MemoryNetwork } from "@x/lws/testing";
 *
 * const network = new MemoryNetwork();
 * const listener = network.listen({ hostname: "127.0.0.1", port: 80 });
 * const peer = await network.dial(80);
 * const server = await listener.accept();
 * server.start({
 *   onBytes(bytes) {
 *     server.write(new TextEncoder().encode("HTTP/1.1 204 No Content\r\n\r\n"));
 *     return bytes.length;
 *   },
 *   onDrain: () => server.close(),
 *   onEnd() {},
 *   onClose() {},
 * });
 *
 * peer.send("GET / HTTP/1.1\r\n\r\n");
 * const head = await peer.readUntil((bytes) => new TextDecoder().decode(bytes).endsWith("\r\n\r\n"));
 * if (head.length !== 27) throw new Error("what an answer");
 * await peer.readToEnd();
 * peer.close();
 * listener.close();
 * ```
 */
export class MemoryPeer {
  /** The end that this peer is; its `peer` is the end under test, and both have faults to offer. */
  readonly transport: MemoryTransport;
  /** Fulfils when the transport is gone: with `undefined` after a `close`, else with the error. */
  readonly closed: Promise<unknown>;
  readonly #handler: TransportHandler;
  readonly #close: (error: unknown) => void;
  #gone = false;
  #ended = false;

  #received = new Uint8Array(1024);
  #length = 0;
  #read = 0;
  readonly #readers: Reader[] = [];

  readonly #unsent: Uint8Array[] = [];
  #writing = false;
  /** What is to happen once all has left. */
  #parting: "end" | "close" | undefined;

  /** Starts the transport and takes it over. */
  constructor(transport: MemoryTransport) {
    this.transport = transport;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.closed = promise;
    this.#close = resolve;
    this.#handler = {
      onBytes: (bytes) => this.#onBytes(bytes),
      onDrain: () => {
        this.#writing = false;
        this.#sendNext();
      },
      onEnd: () => {
        this.#ended = true;
        this.#answer();
      },
      onClose: (error) => {
        this.#gone = true;
        this.#answer();
        this.#close(error);
      },
    };
    transport.start(this.#handler);
  }

  /** A copy of all that has come so far, read or not. */
  get received(): Uint8Array {
    return this.#received.slice(0, this.#length);
  }

  /** Whether the other end has said that it sends no more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends bytes, or text as UTF-8, behind what was sent before. */
  send(data: Uint8Array | string): void {
    if (this.#parting !== undefined) throw new Error(`send came after ${this.#parting}`);
    this.#unsent.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
    this.#sendNext();
  }

  /** Reads exactly `count` bytes, from 0. */
  readBytes(count: number): Promise<Uint8Array> {
    return this.#readWhen((unread) => unread.length >= count ? count : undefined);
  }

  /** Reads all that is unread, once there is something. */
  readSome(): Promise<Uint8Array> {
    return this.#readWhen((unread) => unread.length > 0 ? unread.length : undefined);
  }

  /**
   * Reads the fewest bytes that satisfy `predicate`, whatever pieces they come in; what follows is
   * left to the next read.
   *
   * @param predicate asked with the first unread byte, the first two, and so on.
   */
  readUntil(predicate: (unread: Uint8Array) => boolean): Promise<Uint8Array> {
    let asked = 0;
    return this.#readWhen((unread) => {
      while (asked < unread.length) {
        if (predicate(unread.slice(0, ++asked))) return asked;
      }
      return undefined;
    });
  }

  /** Reads all that is unread once the other end has ended or the transport is gone. */
  readToEnd(): Promise<Uint8Array> {
    return this.#readWhen((unread) => this.#finished ? unread.length : undefined);
  }

  /** Ends the sending half once all has left. */
  end(): void {
    this.#parting ??= "end";
    this.#sendNext();
  }

  /** Closes once all has left; an other end that doesn't read can put that off for ever. */
  close(): void {
    this.#parting = "close";
    this.#sendNext();
  }

  /** Breaks the connection at once, with {@linkcode MemoryTransport.reset}. */
  reset(error?: unknown): void {
    this.transport.reset(error);
  }

  get #finished(): boolean {
    return this.#ended || this.#gone;
  }

  #onBytes(bytes: Uint8Array): number {
    const length = this.#length + bytes.length;
    if (length > this.#received.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#received.length));
      grown.set(this.#received);
      this.#received = grown;
    }
    this.#received.set(bytes, this.#length);
    this.#length = length;
    this.#answer();
    return bytes.length;
  }

  #readWhen(measure: Reader["measure"]): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#readers.push({ measure, resolve, reject });
    this.#answer();
    return promise;
  }

  #answer(): void {
    for (let reader = this.#readers[0]; reader; reader = this.#readers[0]) {
      const unread = this.#received.subarray(this.#read, this.#length);
      let size: number | undefined;
      try {
        size = reader.measure(unread);
      } catch (error) {
        this.#readers.shift();
        reader.reject(error);
        continue;
      }
      if (size === undefined && !this.#finished) return;
      this.#readers.shift();
      if (size === undefined) {
        const message =
          `the connection ended; ${unread.length} unread bytes don't satisfy the read`;
        reader.reject(new MemoryError("connection-ended", message));
        continue;
      }
      this.#read += size;
      reader.resolve(unread.slice(0, size));
    }
  }

  #sendNext(): void {
    if (this.#writing || this.#gone) return;
    const next = this.#unsent.shift();
    if (next !== undefined) {
      this.#writing = true;
      writeAndDrain(this.transport, next, this.#handler);
      return;
    }
    if (this.#parting === "end") this.transport.end();
    if (this.#parting === "close") this.transport.close();
  }
}
