/** Frames on their way out, of either side (RFC 6455 sections 5.2 to 5.5). */

import { ExtensionFailure, type ExtensionSession, type OutgoingPart } from "../api/extension.ts";
import type { WriteKind, WriteOptions } from "../api/write.ts";
import { type Bytes, bytesOf, lengthOf, plainLength, viewOf } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { isFace } from "../base/face.ts";
import { line, log } from "../base/log.ts";
import type { Connection } from "./connection.ts";
import type { SessionMeter } from "./limits/session_meter.ts";
import { BESIDE } from "./outbox.ts";
import { unfitKind } from "./phase.ts";
import { type Framed, framedOf, PreparedMessage } from "./prepared_message.ts";
import { MESSAGES, traceSent } from "./tracing/channels.ts";
import { CLOSE_NO_STATUS } from "../core/websocket/close.ts";
import {
  CONTROL_BIT,
  FIN,
  headerLength,
  MAX_CONTROL_PAYLOAD,
  MAX_HEADER_LENGTH,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  writeHeader,
} from "../core/websocket/frame.ts";
import { HeldPongs, MOST_UNSENT_PONGS } from "../core/websocket/held_pongs.ts";
import {
  FRESH_KEY,
  type Masking,
  maskPayload,
  UNMASKED,
  ZERO_KEY,
} from "../core/websocket/send_queue.ts";
import type { WireVersion } from "../core/websocket/wire_version.ts";
import type { WireCodec } from "../core/websocket/wire/codec.ts";
import type { ExtensionLayers } from "../extensions/pipeline.ts";
import { BUSY, type Delivery } from "../topics/subscriber.ts";

const encoder = new TextEncoder();
/** Where short strings become UTF-8; used up within one write. */
const scratch = new Uint8Array(16 * 1024);
/** UTF-8 takes at most three bytes a UTF-16 unit. */
const LONGEST_SCRATCH_TEXT = Math.floor(scratch.length / 3);
const FAILED = Symbol("an extension has failed");

/** What is done to the frames of a session before they leave; sessions without extensions have it in common. */
class Framing {
  readonly masks: boolean;
  /** The extensions that were negotiated, if any were. */
  readonly layers: ExtensionLayers | undefined;
  /** Of the version, unless its frames are those of RFC 6455. */
  readonly codec: WireCodec | undefined;
  readonly extension: ExtensionSession | undefined;
  readonly stream: ExtensionSession | undefined;
  /** Whether frames are as RFC 6455 has them when they leave. */
  readonly isDirect: boolean;
  /** Whether nothing is done to a payload. */
  readonly isPlain: boolean;

  constructor(masks: boolean, layers?: ExtensionLayers, codec?: WireCodec) {
    this.masks = masks;
    this.layers = layers;
    this.codec = codec;
    this.extension = layers?.data;
    this.stream = layers?.stream;
    this.isDirect = codec === undefined && this.stream === undefined;
    this.isPlain = !masks && this.extension === undefined && this.isDirect;
  }
}

const PLAIN = new Framing(false);
const MASKED = new Framing(true);

/**
 * Queues frames at a connection; each call gives the payload bytes it took, or −1. The base of a session and
 * no part of it: an object more would cost each idle connection its memory.
 */
export abstract class FrameWriter {
  readonly connection: Connection;
  protected readonly framing: Framing;
  /** Where something bounds the session in time, from its beginning on. */
  protected meter: SessionMeter | undefined = undefined;
  /** Set while a frame is written whose payload is to be readable. */
  #zeroKey = false;
  #sendsMessage = false;
  /** Pongs that wait for a write under way. */
  #pongs: HeldPongs | undefined;

  constructor(
    connection: Connection,
    layers: ExtensionLayers | undefined,
    codec: WireCodec | undefined,
  ) {
    this.connection = connection;
    const { isClient, owner } = connection;
    const masks = isClient && !owner.options.defeatClientMask && (codec?.masks ?? true);
    if (layers !== undefined || codec !== undefined) {
      this.framing = new Framing(masks, layers, codec);
    } else this.framing = masks ? MASKED : PLAIN;
  }

  /** An extension can't go on, so that the connection can't. */
  abstract onExtensionFailure(error: unknown): void;

  /** What the program writes, as any kind but a close frame. */
  protected writeFrame(
    data: Bytes | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number {
    // The first of the two is the faster one.
    if (data instanceof PreparedMessage && isFace(data)) {
      return this.#writePrepared(framedOf(data), kind, options);
    }
    if (options !== undefined && options.ignoreXorMask) {
      return this.#writeReadable(data, kind, options);
    }
    const fin = options === undefined || (options.fin ?? true);
    const compress = options === undefined ? undefined : options.compress;
    switch (kind) {
      case undefined:
        return this.#data(
          typeof data === "string" ? OPCODE_TEXT : OPCODE_BINARY,
          data,
          fin,
          compress,
        );
      case "text":
        return this.#data(OPCODE_TEXT, data, fin, compress);
      case "binary":
        return this.#data(OPCODE_BINARY, data, fin, compress);
      case "continuation":
        return this.#data(OPCODE_CONTINUATION, data, fin, compress);
      case "ping":
        return this.#control(OPCODE_PING, data, fin);
      case "pong":
        return this.#control(OPCODE_PONG, data, fin);
      default:
        return unfitKind(kind);
    }
  }

  #writePrepared(
    message: Framed,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number {
    if (kind === undefined && options === undefined) return this.#prepared(message);
    throw new LwsError(
      "invalid-argument",
      "write: a prepared message has its kind already, and no options",
    );
  }

  /** Apart from {@linkcode writeFrame}, in which its closure would cost every call. */
  #writeReadable(
    data: Bytes | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions,
  ): number {
    return this.readable(() => this.writeFrame(data, kind, { ...options, ignoreXorMask: false }));
  }

  /** The masking key of the frames that `send` queues is zero. */
  protected readable(send: () => number): number {
    if (!this.framing.masks) {
      refuseArgument("write", "ignoreXorMask", true, "false where frames are not masked");
    }
    this.#zeroKey = true;
    try {
      return send();
    } finally {
      this.#zeroKey = false;
    }
  }

  /** Sends a publication, if it can stand here. */
  deliver(message: Framed): Delivery {
    if (this.#sendsMessage) return BUSY;
    try {
      this.#prepared(message);
    } catch (error) {
      // The version of the protocol may have no frame for it.
      if (error instanceof LwsError) return error;
      throw error;
    }
  }

  /** A whole message that was framed before. */
  #prepared(message: Framed): number {
    this.#checkOrder(message.opcode);
    const sent = this.#sendPrepared(message);
    if (sent >= 0) this.#count(message.byteLength, true, message.opcode);
    return sent;
  }

  #sendPrepared(message: Framed): number {
    const extension = this.framing.extension;
    const key = extension?.sharedKey;
    if (extension !== undefined && (key === undefined || !this.framing.isDirect)) {
      return this.#sendEncoded(extension, message.opcode | FIN, message.payload, undefined);
    }
    if (this.framing.masks || !this.framing.isDirect) {
      return this.send(message.opcode | FIN, message.payload);
    }
    const frame = key === undefined ? message.frame : message.frameFor(extension!, key);
    if (!this.connection.outbox.share(frame, message.byteLength)) return -1;
    if (frame !== message.frame) extension!.sentShared();
    return message.byteLength;
  }

  /** A message. Most are bytes that a server sends as they are, by the straight line here. */
  protected whole(opcode: number, data: Bytes | string): number {
    const length = plainLength(data);
    if (length < 0 || !this.framing.isPlain || this.#sendsMessage) {
      return this.#data(opcode, data, true, undefined);
    }
    const first = opcode | FIN;
    if (!this.connection.outbox.sendFrame(first, data as Uint8Array, length, length, UNMASKED)) {
      return -1;
    }
    this.#count(length, true, opcode);
    return length;
  }

  #count(payload: number, isLast: boolean, opcode: number): void {
    const { counters } = this.connection.entry;
    counters.payloadSent += payload;
    if (isLast) counters.messagesSent++;
    if (this.meter !== undefined) this.meter.sent();
    if (MESSAGES.hasSubscribers) traceSent(this.connection, payload, isLast, opcode);
  }

  /** A message, or a part of one. */
  #data(
    opcode: number,
    data: Bytes | string,
    fin: boolean,
    compress: boolean | undefined,
  ): number {
    this.#checkOrder(opcode);
    const first = fin ? opcode | FIN : opcode;
    const sent = this.framing.extension === undefined
      ? this.send(first, data)
      : this.#sendEncoded(this.framing.extension, first, data, compress);
    if (sent < 0) return sent;
    this.#count(sent, fin, opcode);
    const mayRelease = this.#sendsMessage && fin;
    this.#sendsMessage = !fin;
    if (mayRelease) this.connection.owner.topics.release(this.connection);
    return sent;
  }

  #sendEncoded(
    extension: ExtensionSession,
    first: number,
    data: Bytes | string,
    compress: boolean | undefined,
  ): number {
    const payload = bytesOf("write: data", data);
    const isFirst = (first & OPCODE_BITS) !== OPCODE_CONTINUATION;
    const isLast = (first & FIN) !== 0;
    const encoded = this.#encode(extension, { payload, isFirst, isLast, compress });
    if (encoded === FAILED) return -1;
    if (encoded === undefined) return this.send(first, payload);
    // Of a message only the first frame says that it is transformed.
    const hasBits = isFirst || extension.unit === "frame";
    const bits = extension.encodedBits ?? (hasBits ? extension.reservedBits : 0);
    const size = lengthOf(encoded);
    const given = Math.min(payload.length, size);
    return this.#queue(first | bits << 4, encoded, size, given) < 0 ? -1 : payload.length;
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

  #control(
    opcode: number,
    data: Bytes | string,
    fin: boolean,
  ): number {
    const payload = bytesOf("write: data", data);
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
  protected send(first: number, data: Bytes | string): number {
    const length = plainLength(data);
    if (length > 0) return this.#queue(first, data as Uint8Array, length, length);
    const payload = typeof data === "string" ? encodeText(data) : viewOf("write: data", data);
    return this.#queue(first, payload, payload.length, payload.length);
  }

  /**
   * Queues a frame that is none of the program's, which keep themselves few: no limit of what it may
   * write stands against a pong, a probe or the close frame, and none of its writes waits for one.
   */
  protected beside(first: number, payload: Uint8Array): void {
    this.#queue(first, payload, payload.length, BESIDE);
  }

  /** Queues the close frame; false where the version has none, or none that could stand here. */
  protected closeFrame(payload: Uint8Array, code: number): boolean {
    const { codec } = this.framing;
    if (codec !== undefined) {
      if (!codec.hasCloseCode && code !== CLOSE_NO_STATUS) this.#logUnsent(code, codec.version);
      if (!codec.hasCloseFrame || !codec.mayClose) return false;
    }
    this.beside(OPCODE_CLOSE | FIN, payload);
    return true;
  }

  #logUnsent(code: number, version: WireVersion): void {
    log(
      "info",
      () =>
        line`connection ${this.connection.socketFd}: ${code} is not sent, as version ${version} of the protocol has no close codes`,
    );
  }

  /** Each ping is answered; of those that come while a write is under way, as many as may be unsent. */
  protected pong(payload: Uint8Array): void {
    const outbox = this.connection.outbox;
    const room = MOST_UNSENT_PONGS - outbox.besides;
    if (!outbox.isWriting && payload.length + MAX_HEADER_LENGTH <= room) {
      return this.beside(OPCODE_PONG | FIN, payload);
    }
    this.#pongs ??= new HeldPongs(this.framing.masks);
    this.#pongs.hold(payload, room);
  }

  /** All that wait become frames. */
  protected sendPongs(): void {
    const pongs = this.#pongs;
    this.#pongs = undefined;
    for (let pong = pongs?.next(); pong !== undefined; pong = pongs!.next()) {
      this.beside(OPCODE_PONG | FIN, pong);
    }
  }

  /** In front, so that a peer that is sent much learns that we live; but behind pongs that wait. */
  protected releasePongs(): void {
    if (this.#pongs === undefined) return;
    const outbox = this.connection.outbox;
    // What a stream has made of them has one order only.
    if (this.framing.stream !== undefined || outbox.besides > 0) this.sendPongs();
    else outbox.ahead(() => this.sendPongs());
  }

  /** @param given how many bytes were written, which an extension may have made more or fewer */
  #queue(first: number, payload: Uint8Array, length: number, given: number): number {
    if (!this.framing.isDirect) return this.#sendConverted(first, payload, length, given);
    const { outbox } = this.connection;
    return outbox.sendFrame(first, payload, length, given, this.#masking) ? length : -1;
  }

  get #masking(): Masking {
    if (!this.framing.masks) return UNMASKED;
    return this.#zeroKey ? ZERO_KEY : FRESH_KEY;
  }

  /** A frame that something is done to as a whole: by the version, by an extension, or by both. */
  #sendConverted(
    first: number,
    payload: Uint8Array,
    length: number,
    given: number,
  ): number {
    const frame = this.#frameOf(first, payload, length);
    if (this.framing.stream === undefined) {
      return this.connection.outbox.send(frame, frame.length, given) ? length : -1;
    }
    const isControl = (first & CONTROL_BIT) !== 0;
    const part = { payload: frame, isFirst: true, isLast: true, compress: undefined, isControl };
    const encoded = this.#encode(this.framing.stream, part);
    if (encoded === FAILED) return -1;
    const bytes = encoded ?? frame;
    const size = lengthOf(bytes);
    return this.connection.outbox.send(bytes, size, Math.min(size, given)) ? length : -1;
  }

  #frameOf(first: number, payload: Uint8Array, length: number): Uint8Array {
    const { masks, codec } = this.framing;
    if (codec !== undefined) return codec.encode(first, payload, length, this.#masking);
    const frame = new Uint8Array(headerLength(length, masks) + length);
    const body = writeHeader(frame, 0, first, length, masks);
    frame.set(payload, body);
    if (masks) maskPayload(frame, body, length, this.#masking);
    return frame;
  }

  /** What an extension makes of a part, if it does; FAILED when it can't, or made what is no bytes. */
  #encode(session: ExtensionSession, part: OutgoingPart): Uint8Array | undefined | typeof FAILED {
    let encoded: Uint8Array | undefined;
    try {
      encoded = session.encode(part);
    } catch (error) {
      if (!(error instanceof ExtensionFailure)) throw error;
      this.onExtensionFailure(error);
      return FAILED;
    }
    try {
      return encoded === undefined ? undefined : viewOf("encode: data", encoded);
    } catch (error) {
      this.onExtensionFailure(error);
      return FAILED;
    }
  }
}

function encodeText(text: string): Uint8Array {
  if (text.length > LONGEST_SCRATCH_TEXT) return encoder.encode(text);
  const { written } = encoder.encodeInto(text, scratch);
  return scratch.subarray(0, written);
}

/** @throws {LwsError} `invalid-argument` for what no members can be read of */
export function checkWriteOptions(options: WriteOptions): void {
  if (typeof options === "object" && options !== null) return;
  refuseArgument("write", "options", options, "an object");
}
