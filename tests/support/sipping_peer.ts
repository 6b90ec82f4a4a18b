/** Peers that are slow to take what is sent to them. */

import { type Transport, type TransportHandler, writeAndDrain } from "../../src/api/network.ts";

/** What a slow peer takes at once, in bytes. */
export const SIP = 64 * 1024;

/** A peer in memory that takes no more than it is told to. */
export class SippingPeer implements TransportHandler {
  /** All that came and was not looked at. */
  received = new Uint8Array(0);
  readonly #transport: Transport & { chop(size: number): void };
  readonly #unsent: Uint8Array[] = [];
  #isWriting = false;
  isGone = false;

  constructor(transport: Transport) {
    this.#transport = transport as Transport & { chop(size: number): void };
    this.#transport.start(this);
    this.#transport.chop(SIP);
  }

  onBytes(bytes: Uint8Array): number {
    const both = new Uint8Array(this.received.length + bytes.length);
    both.set(this.received);
    both.set(bytes, this.received.length);
    this.received = both;
    this.#transport.pause();
    return bytes.length;
  }

  onDrain(): void {
    this.#isWriting = false;
    this.#sendNext();
  }

  onEnd(): void {}

  onClose(): void {
    this.isGone = true;
  }

  send(bytes: Uint8Array): void {
    this.#unsent.push(bytes);
    this.#sendNext();
  }

  /** Lets the next bytes come, up to {@linkcode SIP}. */
  sip(): void {
    this.#transport.resume();
  }

  close(): void {
    this.#transport.close();
  }

  /** Takes a frame's header off what came: its opcode and length. */
  header(): { opcode: number; length: number } {
    const [first, second] = this.received as unknown as [number, number];
    const isMasked = second >= 128;
    const view = new DataView(this.received.buffer, this.received.byteOffset);
    const short = second & 127;
    const length = short < 126 ? short : short === 126 ? view.getUint16(2) : view.getUint32(6);
    this.received = this.received.slice(
      (short < 126 ? 2 : short === 126 ? 4 : 10) + (isMasked ? 4 : 0),
    );
    return { opcode: first & 15, length };
  }

  #sendNext(): void {
    if (this.#isWriting) return;
    const next = this.#unsent.shift();
    if (next === undefined) return;
    this.#isWriting = true;
    writeAndDrain(this.#transport, next, this);
  }
}

/** Enough microtasks for a transport in memory, in much less time than turns of the runtime take. */
export async function pause(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
