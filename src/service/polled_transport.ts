/** A transport whose events wait until the program calls for service. */

import { type Transport, type TransportHandler, writeAndDrain } from "../api/network.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../api/service.ts";
import { joined, leftOf } from "../base/buffers.ts";
import type { Slot } from "./poll_slot.ts";
import { Relay } from "./relay.ts";
import type { Scheduler, Serviceable } from "./scheduler.ts";

/** Stands between a connection and its transport, and holds one read at a time. */
export class PolledTransport extends Relay implements Serviceable {
  readonly socketFd: number;
  readonly #slot: Slot;
  readonly #scheduler: Scheduler;
  readonly #gatesWrites: boolean;
  /** What was read and not taken. */
  #held: Uint8Array | undefined;
  /** Stopped and resumed with something left to tell, so that a service for it is due. */
  #isAsked = false;

  /** @param gatesWrites whether bytes, too, leave only when the program says that they can */
  constructor(inner: Transport, slot: Slot, scheduler: Scheduler, gatesWrites: boolean) {
    super(inner);
    this.socketFd = slot.id;
    this.#slot = slot;
    this.#scheduler = scheduler;
    this.#gatesWrites = gatesWrites;
  }

  override start(handler: TransportHandler): void {
    this.owner = handler;
    this.#slot.setWriting(false);
    this.#slot.setReading(!this.isPaused);
    this.inner.start(this);
  }

  override write(bytes: Uint8Array): void {
    this.#slot.setWriting(true);
    if (!this.#gatesWrites) return writeAndDrain(this.inner, bytes, this);
    this.#tell(() => writeAndDrain(this.inner, bytes, this), POLLOUT);
  }

  override pause(): void {
    this.#slot.setReading(false);
    super.pause();
  }

  override resume(): void {
    if (!this.isPaused) return;
    this.#slot.setReading(true);
    if (this.#held === undefined && !this.hasEnded) return super.resume();
    this.isPaused = false;
    this.#isAsked = true;
    this.#scheduler.request(this, POLLIN);
  }

  // From the transport below. Progress waits for nothing: no callback of the program follows from it.

  override onBytes(bytes: Uint8Array): number {
    this.#held = this.#held === undefined ? bytes.slice() : joined([this.#held, bytes]);
    // The next read waits for the program as well.
    this.inner.pause();
    this.#scheduler.arrived(this, POLLIN);
    return bytes.length;
  }

  override onEnd(): void {
    this.hasEnded = true;
    this.#scheduler.arrived(this, POLLIN);
  }

  override onDrain(): void {
    this.#tell(() => {
      this.#slot.setWriting(false);
      this.owner!.onDrain();
    }, POLLOUT);
  }

  override onClose(error?: unknown): void {
    this.#tell(() => {
      this.#offer();
      this.owner!.onClose(error);
    }, POLLHUP);
  }

  /** The program has called: what was read, or that there is no more, is told. */
  service(): void {
    this.#isAsked = false;
    this.#offer();
    // A rest whose turn is due comes before the end.
    if (this.isPaused || this.isClosed || this.#isAsked) return;
    if (this.hasEnded) {
      this.hasEnded = false;
      this.owner!.onEnd();
    } else this.inner.resume();
  }

  #offer(): void {
    const held = this.#held;
    if (held === undefined || this.isPaused || this.isClosed) return;
    const taken = this.owner!.onBytes(held);
    this.#held = taken === held.length ? undefined : leftOf(held, taken);
  }

  #tell(service: () => void, events: number): void {
    this.#scheduler.arrived({ socketFd: this.socketFd, service }, events);
  }
}
