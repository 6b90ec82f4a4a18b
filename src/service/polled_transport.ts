/** A transport whose events wait until the program calls for service. */

import {
  abortTransport,
  type Address,
  type Transport,
  type TransportHandler,
} from "../api/network.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../api/service.ts";
import type { PollSlot } from "./poll_slot.ts";
import type { Scheduler, Serviceable } from "./scheduler.ts";

/** Stands between a connection and its transport, and holds one read at a time. */
export class GatedTransport implements Transport, TransportHandler, Serviceable {
  readonly socketFd: number;
  readonly #inner: Transport;
  readonly #slot: PollSlot;
  readonly #scheduler: Scheduler;
  readonly #gatesWrites: boolean;
  #handler!: TransportHandler;
  /** What was read and not taken. */
  #held: Uint8Array | undefined;
  /** The peer will send no more, which is not told yet. */
  #hasEnded = false;
  #isPaused = false;
  /** Stopped and resumed with something left to tell, so that a service for it is due. */
  #isAsked = false;
  #isClosing = false;

  /** @param gatesWrites whether bytes, too, leave only when the program says that they can */
  constructor(inner: Transport, slot: PollSlot, scheduler: Scheduler, gatesWrites: boolean) {
    this.socketFd = slot.fd;
    this.#inner = inner;
    this.#slot = slot;
    this.#scheduler = scheduler;
    this.#gatesWrites = gatesWrites;
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#slot.setWriting(false);
    this.#slot.setReading(!this.#isPaused);
    this.#inner.start(this);
  }

  write(bytes: Uint8Array): void {
    this.#slot.setWriting(true);
    if (!this.#gatesWrites) return this.#inner.write(bytes);
    this.#tell(() => this.#inner.write(bytes), POLLOUT);
  }

  pause(): void {
    this.#isPaused = true;
    this.#slot.setReading(false);
    this.#inner.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#slot.setReading(true);
    if (this.#held === undefined && !this.#hasEnded) this.#inner.resume();
    else {
      this.#isAsked = true;
      this.#scheduler.request(this, POLLIN);
    }
  }

  end(): void {
    this.#inner.end();
  }

  close(): void {
    this.#isClosing = true;
    this.#inner.close();
  }

  abort(): void {
    this.#isClosing = true;
    abortTransport(this.#inner);
  }

  // From the transport below.

  onBytes(bytes: Uint8Array): number {
    const rest = this.#held;
    if (rest === undefined) this.#held = bytes.slice();
    else {
      this.#held = new Uint8Array(rest.length + bytes.length);
      this.#held.set(rest);
      this.#held.set(bytes, rest.length);
    }
    // The next read waits for the program as well.
    this.#inner.pause();
    this.#scheduler.arrived(this, POLLIN);
    return bytes.length;
  }

  onEnd(): void {
    this.#hasEnded = true;
    this.#scheduler.arrived(this, POLLIN);
  }

  /** No callback of the program follows from this, so that it waits for nothing. */
  onProgress(): void {
    this.#handler.onProgress?.();
  }

  onDrain(): void {
    this.#tell(() => {
      this.#slot.setWriting(false);
      this.#handler.onDrain();
    }, POLLOUT);
  }

  onClose(error?: unknown): void {
    this.#tell(() => {
      this.#offer();
      this.#handler.onClose(error);
    }, POLLHUP);
  }

  /** The program has called: what was read, or that there is no more, is told. */
  service(): void {
    this.#isAsked = false;
    this.#offer();
    // A rest whose turn is due comes before the end.
    if (this.#isPaused || this.#isClosing || this.#isAsked) return;
    if (this.#hasEnded) {
      this.#hasEnded = false;
      this.#handler.onEnd();
    } else this.#inner.resume();
  }

  #offer(): void {
    const held = this.#held;
    if (held === undefined || this.#isPaused || this.#isClosing) return;
    const taken = this.#handler.onBytes(held);
    this.#held = taken === held.length ? undefined : held.subarray(taken);
  }

  #tell(service: () => void, events: number): void {
    this.#scheduler.arrived({ socketFd: this.socketFd, service }, events);
  }
}
