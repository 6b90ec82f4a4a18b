/** Frames on their way out, of either side (RFC 6455 sections 5.2 to 5.5). */

import {
  CONTROL_BIT,
  FIN,
  headerLength,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BITS,
  OPCODE_CONTINUATION,
  writeHeader,
} from "./core/frame.ts";
import { mask, newMaskingKey, writeMaskingKey } from "./core/mask.ts";
import type { Connection } from "./connection.ts";
import { LwsError } from "./errors.ts";
import type { ExtensionLayers } from "./extension_layers.ts";
import { ExtensionFailure, type ExtensionSession } from "./extensions/extension.ts";
import { takePadded } from "./padded.ts";
import { PreparedMessage } from "./prepared_message.ts";

const encoder = new TextEncoder();
/** Where short strings become UTF-8; used up within one write. */
const scratch = new Uint8Array(16 * 1024);
/** UTF-8 takes at most three bytes a UTF-16 unit. */
const LONGEST_SCRATCH_TEXT = Math.floor(scratch.length / 3);

/** Whom the writer tells. */
export interface FrameWriterHost {
  /** An extension can't go on, so that the connection can't. */
  onExtensionFailure(error: ExtensionFailure): void;
}

/** Queues frames at a connection; each call gives the payload bytes it took, or −1. */
export class FrameWriter {
  readonly masks: boolean;
  /** Set while a frame is written whose payload is to be readable. */
  zeroKey = false;
  readonly #connection: Connection;
  readonly #extension: ExtensionSession | undefined;
  readonly #stream: ExtensionSession | undefined;
  readonly #host: FrameWriterHost;
  #sendsMessage = false;

  constructor(
    connection: Connection,
    layers: ExtensionLayers | undefined,
    host: FrameWriterHost,
  ) {
    this.#connection = connection;
    this.masks = connection.isClient && !connection.owner.options.defeatClientMask;
    this.#extension = layers?.data;
    this.#stream = layers?.stream;
    this.#host = host;
  }

  /** A whole message that was framed before. */
  prepared(message: PreparedMessage): number {
    this.#checkOrder(message.opcode);
    const extension = this.#extension;
    const key = extension?.sharedKey;
    if (extension !== undefined && (key === undefined || this.#stream !== undefined)) {
      return this.#sendEncoded(extension, message.opcode | FIN, message.payload, undefined);
    }
    if (this.masks || this.#stream !== undefined) {
      return this.send(message.opcode | FIN, message.payload);
    }
    const connection = this.#connection;
    const frame = key === undefined ? message.frame : message.frameFor(extension!, key);
    if (!connection.hasRoom(frame.length)) return -1;
    if (frame !== message.frame) extension!.sentShared();
    connection.tx.append(frame, true);
    connection.queued();
    return message.byteLength;
  }

  /** A message, or a part of one. */
  data(
    opcode: number,
    data: Uint8Array | string | PreparedMessage,
    fin: boolean,
    compress: boolean | undefined,
  ): number {
    this.#checkOrder(opcode);
    const first = fin ? opcode | FIN : opcode;
    const sent = this.#extension === undefined
      ? this.send(first, data)
      : this.#sendEncoded(this.#extension, first, data, compress);
    if (sent >= 0) this.#sendsMessage = !fin;
    return sent;
  }

  #sendEncoded(
    extension: ExtensionSession,
    first: number,
    data: Uint8Array | string | PreparedMessage,
    compress: boolean | undefined,
  ): number {
    const payload = typeof data === "string" ? encodeText(data) : bytesOf(data);
    const isFirst = (first & OPCODE_BITS) !== OPCODE_CONTINUATION;
    const isLast = (first & FIN) !== 0;
    let encoded: Uint8Array | undefined;
    try {
      encoded = extension.encode({ payload, isFirst, isLast, compress });
    } catch (error) {
      if (!(error instanceof ExtensionFailure)) throw error;
      this.#host.onExtensionFailure(error);
      return -1;
    }
    if (encoded === undefined) return this.send(first, payload);
    // Of a message only the first frame says that it is transformed.
    const hasBits = isFirst || extension.unit === "frame";
    const bits = extension.encodedBits ?? (hasBits ? extension.reservedBits : 0);
    return this.send(first | bits << 4, encoded) < 0 ? -1 : payload.length;
  }

  /** Section 5.4: the fragments of a message are sent one after the other. */
  #checkOrder(opcode: number): void {
    if ((opcode === OPCODE_CONTINUATION) === this.#sendsMessage) return;
    throw new LwsError(
      "invalid-state",
      this.#sendsMessage
        ? "write: a fragmented message is open; send its rest as continuation"
        : "write: there is no fragmented message to continue",
    );
  }

  control(
    opcode: number,
    data: Uint8Array | string | PreparedMessage,
    fin: boolean,
  ): number {
    const payload = bytesOf(data);
    if (!fin) throw new LwsError("invalid-argument", "write: a control frame can't be fragmented");
    if (payload.length > MAX_CONTROL_PAYLOAD) {
      throw new LwsError(
        "invalid-argument",
        `write: a control frame holds ${MAX_CONTROL_PAYLOAD} bytes, not ${payload.length}`,
      );
    }
    return this.send(opcode | FIN, payload);
  }

  /** Queues one frame; header and payload lie together, so that they leave in one write. */
  send(first: number, data: Uint8Array | string | PreparedMessage): number {
    const payload = typeof data === "string" ? encodeText(data) : data as Uint8Array;
    const length = payload?.length;
    // A property that the data has is the cheapest of checks, and this is the hottest of paths.
    if (length === undefined) throw notWritable(data);
    if (this.#stream !== undefined) return this.#sendStreamed(this.#stream, first, payload);
    const connection = this.#connection;
    const header = headerLength(length, this.masks);
    if (!connection.hasRoom(header + length)) return -1;
    if (takePadded(payload)) this.#sendPadded(first, payload, header);
    else {
      const target = connection.tx.reserve(header + length);
      const start = connection.tx.position;
      const body = writeHeader(target, start, first, length, this.masks);
      target.set(payload, body);
      if (this.masks) maskFrame(target, body, length, this.zeroKey);
    }
    connection.queued();
    return length;
  }

  #sendStreamed(stream: ExtensionSession, first: number, payload: Uint8Array): number {
    const { length } = payload;
    const frame = new Uint8Array(headerLength(length, this.masks) + length);
    const body = writeHeader(frame, 0, first, length, this.masks);
    frame.set(payload, body);
    if (this.masks) maskFrame(frame, body, length, this.zeroKey);
    const connection = this.#connection;
    const isControl = (first & CONTROL_BIT) !== 0;
    const part = { payload: frame, isFirst: true, isLast: true, compress: undefined, isControl };
    let encoded: Uint8Array;
    try {
      encoded = stream.encode(part) ?? frame;
    } catch (error) {
      if (!(error instanceof ExtensionFailure)) throw error;
      this.#host.onExtensionFailure(error);
      return -1;
    }
    if (!connection.hasRoom(encoded.length)) return -1;
    connection.tx.reserve(encoded.length).set(encoded, connection.tx.position);
    connection.queued();
    return length;
  }

  #sendPadded(first: number, payload: Uint8Array, header: number): void {
    const start = payload.byteOffset - header;
    const frame = new Uint8Array(payload.buffer, start, header + payload.length);
    writeHeader(frame, 0, first, payload.length, this.masks);
    if (this.masks) maskFrame(frame, header, payload.length, this.zeroKey);
    this.#connection.tx.append(frame);
  }
}

/** Section 5.3: puts a fresh key, or zero, in front of the payload at `body` and masks it. */
function maskFrame(target: Uint8Array, body: number, length: number, zeroKey: boolean): void {
  const key = zeroKey ? 0 : newMaskingKey();
  writeMaskingKey(target, body - 4, key);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  mask(target, view, body, body + length, key, 0);
}

/** What was given to a write, as bytes. @throws {LwsError} `invalid-argument` when it is none */
export function bytesOf(data: Uint8Array | string | PreparedMessage): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return data;
  throw notWritable(data);
}

function notWritable(data: unknown): LwsError {
  return new LwsError(
    "invalid-argument",
    data instanceof PreparedMessage
      ? "write: a prepared message has its kind already, and no options"
      : "write: data is neither string nor Uint8Array",
  );
}

function encodeText(text: string): Uint8Array {
  if (text.length > LONGEST_SCRATCH_TEXT) return encoder.encode(text);
  const { written } = encoder.encodeInto(text, scratch);
  return scratch.subarray(0, written);
}
