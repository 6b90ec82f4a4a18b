/** What a program has sent and the connection has not taken yet, in order. */

import type { Wsi } from "../api/wsi.ts";

/** A message that waits. */
interface Message {
  readonly kind: "text" | "binary";
  readonly size: number;
  /** Undefined until a Blob's bytes have come. */
  bytes: Uint8Array | undefined;
}

/** The closing handshake, which begins behind all messages. */
interface Closing {
  readonly kind: "close";
  readonly code: number | undefined;
  readonly reason: string;
}

/** Implemented by Link. */
export interface OutgoingOwner {
  /** So many bytes of payload have left. */
  onSent(bytes: number): void;
  /** A Blob could not be read: nothing behind it may be sent. */
  onUnreadable(error: unknown): void;
}

const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);

/** How many bytes a text is as UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** The bytes that an argument of `send` shows now; those of a detached buffer are none. */
export function bytesAt(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(data)) return data.byteLength === 0 ? EMPTY : new Uint8Array(data);
  const { buffer, byteOffset, byteLength } = data;
  return byteLength === 0 ? EMPTY : new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * Hands messages over while the connection has room, each with its bytes as they were at the call; the rest
 * waits here, as the connection counts what it holds with headers and compressed.
 */
export class Outgoing {
  readonly #wsi: Wsi;
  readonly #owner: OutgoingOwner;
  readonly #waiting: (Message | Closing)[] = [];
  /** Bytes of payload that were handed over, and have not left as far as is known. */
  #handed = 0;
  #hasAsked = false;
  /** Whether the connection takes nothing any more: either end has begun to close it. */
  isShut = false;

  constructor(wsi: Wsi, owner: OutgoingOwner) {
    this.#wsi = wsi;
    this.#owner = owner;
  }

  /** Returns the bytes of UTF-8. */
  sendText(text: string): number {
    if (this.#mustWait) {
      const bytes = encoder.encode(text);
      this.#wait({ kind: "text", size: bytes.length, bytes });
      return bytes.length;
    }
    const taken = this.#wsi.write(text, "text");
    if (taken < 0) return this.#shut(utf8Length(text));
    this.#handOver(taken);
    return taken;
  }

  /** Returns how many bytes they are. */
  sendBytes(bytes: Uint8Array): number {
    const size = bytes.length;
    if (this.#mustWait) this.#wait({ kind: "binary", size, bytes: bytes.slice() });
    else if (this.#wsi.write(bytes, "binary") < 0) this.#shut(size);
    else this.#handOver(size);
    return size;
  }

  /** Returns its size; what comes behind it waits for its bytes. */
  sendBlob(blob: Blob): number {
    const message: Message = { kind: "binary", size: blob.size, bytes: undefined };
    this.#wait(message);
    blob.arrayBuffer().then(
      (buffer) => {
        message.bytes = new Uint8Array(buffer);
        this.#pump();
      },
      (error) => {
        if (!this.isShut) this.#owner.onUnreadable(error);
      },
    );
    return blob.size;
  }

  /** Begins the closing handshake behind what waits. */
  close(code: number | undefined, reason: string): void {
    this.#wait({ kind: "close", code, reason });
    this.#pump();
  }

  /** As `clientWriteable`: all that was handed over has left. */
  onWritable(): void {
    this.#hasAsked = false;
    this.settle();
    this.#pump();
  }

  /** Reports what has left meanwhile. */
  settle(): void {
    if (this.#handed === 0 || this.#wsi.unsentBytes > 0) return;
    const left = this.#handed;
    this.#handed = 0;
    this.#owner.onSent(left);
  }

  /** Gives up what waits. */
  stop(): void {
    this.isShut = true;
    this.#waiting.length = 0;
  }

  get #mustWait(): boolean {
    return this.#waiting.length > 0 || this.#wsi.partialBuffered;
  }

  #wait(item: Message | Closing): void {
    if (this.isShut) return;
    this.#waiting.push(item);
    this.#askForRoom();
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const item = this.#waiting[0]!;
      if (item.kind === "close") {
        this.stop();
        this.#wsi.close(item.code, item.reason);
        return;
      }
      if (item.bytes === undefined) return;
      if (this.#wsi.partialBuffered) return this.#askForRoom();
      if (this.#wsi.write(item.bytes, item.kind) < 0) return void this.#shut(0);
      this.#waiting.shift();
      this.#handOver(item.size);
    }
  }

  #handOver(bytes: number): void {
    this.#handed += bytes;
    this.#askForRoom();
  }

  #askForRoom(): void {
    if (this.#hasAsked) return;
    this.#hasAsked = true;
    this.#wsi.callbackOnWritable();
  }

  #shut(size: number): number {
    this.stop();
    return size;
  }
}
