/** The established phase: messages, control frames and the closing handshake, on either side. */

import {
  CLOSE_ABNORMAL,
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL_ERROR,
  CLOSE_NO_STATUS,
  decodeClose,
  encodeClose,
} from "./core/close.ts";
import {
  CONTROL_BIT,
  FIN,
  headerLength,
  MAX_CONTROL_PAYLOAD,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  writeHeader,
} from "./core/frame.ts";
import { type FrameHandler, FrameParser } from "./core/frame_parser.ts";
import { mask, newMaskingKey, writeMaskingKey } from "./core/mask.ts";
import { refuseArgument } from "./arguments.ts";
import { closePayload } from "./close_arguments.ts";
import type { Connection, Phase } from "./connection.ts";
import { LwsError } from "./errors.ts";
import { type ExtensionLayers, logExtensionFailure } from "./extension_layers.ts";
import { ExtensionFailure, type ExtensionSession } from "./extensions/extension.ts";
import { log } from "./log.ts";
import { type DecoderHost, MessageDecoder } from "./message_decoder.ts";
import { StreamDecoder, type StreamHost } from "./stream_decoder.ts";
import { takePadded } from "./padded.ts";
import { PreparedMessage } from "./prepared_message.ts";
import type { CloseInfo } from "./reasons.ts";
import { POLLIN } from "./service/polling.ts";
import { unfitKind } from "./write_kinds.ts";
import type { TimeoutReason, WriteKind, WriteOptions } from "./wsi.ts";

const encoder = new TextEncoder();
/** Where short strings become UTF-8; used up within one write. */
const scratch = new Uint8Array(16 * 1024);
/** UTF-8 takes at most three bytes a UTF-16 unit. */
const LONGEST_SCRATCH_TEXT = Math.floor(scratch.length / 3);

/** One side of an established WebSocket connection (RFC 6455 sections 5 to 7). */
export class WebSocketSession implements Phase, FrameHandler, DecoderHost, StreamHost {
  readonly #connection: Connection;
  readonly #parser: FrameParser;
  readonly #masks: boolean;
  readonly #layers: ExtensionLayers | undefined;
  /** What transforms messages or frames, and what transforms all bytes. */
  readonly #extension: ExtensionSession | undefined;
  readonly #stream: ExtensionSession | undefined;
  #decoder: MessageDecoder | undefined;
  /** Set while a decoded piece is delivered. */
  #isDecoded = false;
  #streamDecoder: StreamDecoder | undefined;
  /** The code and reason of the close frame that we sent. */
  #sentClose: CloseInfo | undefined;
  /** The code and reason of the close frame that the peer sent. */
  #receivedClose: CloseInfo | undefined;
  #sendsMessage = false;
  /** Set while a frame is written whose payload is to be readable. */
  #zeroKey = false;
  #pendingPong: Uint8Array | undefined;

  /** @param layers the extensions that were negotiated, if any were */
  constructor(connection: Connection, layers?: ExtensionLayers) {
    const { isClient, entry, owner } = connection;
    this.#connection = connection;
    this.#masks = isClient && !owner.options.defeatClientMask;
    this.#layers = layers;
    this.#extension = layers?.data;
    this.#stream = layers?.stream;
    if (this.#stream !== undefined) this.#streamDecoder = new StreamDecoder(this.#stream, this);
    this.#parser = new FrameParser({
      masked: !isClient,
      acceptsEither: !isClient && owner.options.defeatClientMask,
      pieceSize: entry.rxBufferSize,
      limits: owner.limits,
      handler: this,
      reservedBits: layers?.reservedBits ?? 0,
      frameBits: layers?.frameBits ?? 0,
      checksText: !(layers?.appliesToAll || layers?.data?.unit === "frame"),
    });
    if (layers !== undefined) connection.extensions = layers.names;
    connection.frames = this.#parser;
  }

  /** Tells the protocol that the session has begun; the answer or request is on its way. */
  begin(): void {
    const connection = this.#connection;
    this.#tellExtensions();
    if (this.#sentClose !== undefined || !connection.isOpen) return;
    const reason = connection.isClient ? "clientEstablished" : "established";
    if (connection.call(connection.entry, reason, undefined) !== 0) this.#drop();
  }

  /** All that the context lists hear of it, and those in use are called from now on. */
  #tellExtensions(): void {
    const connection = this.#connection;
    const { owner } = connection;
    if (owner.extensions.length === 0) return;
    this.#guard(() => {
      for (const extension of owner.extensions) extension.anyEstablished?.(connection);
    });
    this.#layers?.startSeconds(owner.wheel, (work) => {
      if (connection.isOpen) connection.turn(() => this.#guard(work));
    });
  }

  /** Runs what extensions do beside the data; one that throws costs its connection. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failExtension(error);
    }
  }

  #failExtension(error: unknown): void {
    logExtensionFailure(this.#connection, error);
    this.#failWith(CLOSE_INTERNAL_ERROR, "");
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#decoder?.isHolding) {
      this.#resume();
      if (!this.canDeliver) return 0;
    }
    if (this.#streamDecoder !== undefined) return this.#streamDecoder.take(bytes);
    return this.#parser.parse(bytes);
  }

  parse(bytes: Uint8Array): number {
    return this.#parser.parse(bytes);
  }

  /** The callback is called from here, plain or decoded: one call deeper it would not be inlined. */
  onData(piece: Uint8Array): void {
    if (this.#extension !== undefined && this.#decodes(this.#extension, piece)) return;
    // Whoever closes wants to hear no more; only the peer's close frame still counts.
    if (this.#sentClose !== undefined) return;
    const connection = this.#connection;
    if (connection.isClient) {
      if (connection.call(connection.entry, "clientReceive", piece) !== 0) this.#drop();
    } else if (connection.call(connection.entry, "receive", piece) < 0) this.#drop();
  }

  /** Gives a piece to the decoder, if it is transformed. */
  #decodes(extension: ExtensionSession, piece: Uint8Array): boolean {
    if (this.#isDecoded) return false;
    const { appliesToAll } = this.#layers!;
    if (this.#parser.reservedBits === 0 && extension.unit !== "frame" && !appliesToAll) {
      return false;
    }
    const { entry, owner } = this.#connection;
    this.#decoder ??= new MessageDecoder(
      extension,
      appliesToAll,
      this,
      entry.rxBufferSize,
      owner.limits.maxMessageSize,
    );
    this.#decoder.take(piece, this.#parser);
    return true;
  }

  onDecoded(piece: Uint8Array): void {
    const connection = this.#connection;
    connection.frames = this.#decoder;
    this.#isDecoded = true;
    this.onData(piece);
    this.#isDecoded = false;
    // The last reason of a connection that was cut meanwhile has come already.
    if (connection.frames !== undefined) connection.frames = this.#parser;
  }

  get canDeliver(): boolean {
    return !this.#connection.isPaused;
  }

  get isEstablished(): boolean {
    return this.#sentClose === undefined;
  }

  get isListening(): boolean {
    return this.#sentClose === undefined && this.#connection.isOpen;
  }

  onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_CLOSE) return this.#onClose(payload);
    // Section 5.5.2: a ping is answered until the peer's close frame has come, even behind ours.
    if (opcode === OPCODE_PING) this.#answerPing(payload);
    if (this.#sentClose !== undefined) return;
    const connection = this.#connection;
    const isPing = opcode === OPCODE_PING;
    if (connection.isClient) {
      const reason = isPing ? "clientReceivePing" : "clientReceivePong";
      if (connection.call(connection.entry, reason, payload) !== 0) this.#drop();
    } else {
      const reason = isPing ? "receivePing" : "receivePong";
      if (connection.call(connection.entry, reason, payload) < 0) this.#drop();
    }
  }

  /** Section 7.1.7, "Fail the WebSocket Connection". */
  onFail(code: number, reason: string): void {
    log("info", `connection ${this.#connection.socketFd}: ${code} ${reason}`);
    this.#failWith(code, reason);
  }

  onEnd(): void {
    this.#resume();
    if (this.#sentClose === undefined) this.#flushExtensions();
    this.#connection.finish(false);
  }

  onDrain(): void {
    const pong = this.#pendingPong;
    if (pong === undefined) return;
    this.#pendingPong = undefined;
    this.#send(OPCODE_PONG | FIN, pong);
  }

  onWritable(): void {
    const connection = this.#connection;
    if (this.#sentClose !== undefined) return;
    const reason = connection.isClient ? "clientWriteable" : "serverWriteable";
    if (connection.call(connection.entry, reason, undefined) !== 0) this.#drop();
  }

  onTimeout(_reason: TimeoutReason): void {
    this.#connection.cut();
  }

  onLeave(): void {
    if (this.#sentClose === undefined) {
      this.#beginClose(encodeClose(CLOSE_GOING_AWAY), CLOSE_GOING_AWAY, "");
    }
  }

  onThrow(): void {
    this.#failWith(CLOSE_INTERNAL_ERROR, "");
  }

  onPause(paused: boolean): void {
    if (paused) this.#parser.stop();
    else if (this.#decoder?.isHolding || this.#streamDecoder !== undefined) {
      // In a turn of its own, as all that was held back is.
      const { owner, socketFd } = this.#connection;
      const service = () => {
        if (this.#connection.phase === this) this.#connection.turn(() => this.#resume());
      };
      owner.scheduler.request({ socketFd, service }, POLLIN);
    }
  }

  #resume(): void {
    this.#decoder?.resume();
    this.#streamDecoder?.resume();
  }

  onClose(_error: unknown): void {
    const connection = this.#connection;
    const sent = this.#sentClose;
    const received = this.#receivedClose;
    const wasClean = sent !== undefined && received !== undefined;
    const { code, reason } = received ?? sent ?? { code: CLOSE_ABNORMAL, reason: "" };
    this.#parser.release();
    connection.call(connection.entry, "closed", { code, reason, wasClean });
    this.#layers?.close();
    for (const extension of connection.owner.extensions) extension.anyClosing?.(connection);
  }

  write(
    data: Uint8Array | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number {
    if (this.#sentClose !== undefined) return -1;
    if (options !== undefined && options.ignoreXorMask) {
      return this.#writeReadable(data, kind, options);
    }
    const fin = options === undefined || (options.fin ?? true);
    const compress = options === undefined ? undefined : options.compress;
    switch (kind) {
      case undefined:
        if (data instanceof PreparedMessage && options === undefined) {
          return this.#sendPrepared(data);
        }
        return this.#sendData(OPCODE_TEXT, data, fin, compress);
      case "text":
        return this.#sendData(OPCODE_TEXT, data, fin, compress);
      case "binary":
        return this.#sendData(OPCODE_BINARY, data, fin, compress);
      case "continuation":
        return this.#sendData(OPCODE_CONTINUATION, data, fin, compress);
      case "ping":
        return this.#sendControl(OPCODE_PING, data, fin);
      case "pong":
        return this.#sendControl(OPCODE_PONG, data, fin);
      case "close":
        return this.#sendClosePayload(data, fin);
      default:
        return unfitKind(kind);
    }
  }

  /** A frame whose masking key is zero. */
  #writeReadable(
    data: Uint8Array | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions,
  ): number {
    if (!this.#masks) {
      refuseArgument("write", "ignoreXorMask", true, "false where frames are not masked");
    }
    this.#zeroKey = true;
    try {
      return this.write(data, kind, { ...options, ignoreXorMask: false });
    } finally {
      this.#zeroKey = false;
    }
  }

  close(code: number | undefined, reason: string, isFailure: boolean): number {
    if (this.#sentClose !== undefined) return -1;
    const payload = closePayload(code, reason);
    if (!isFailure && !this.#mayClose) return -1;
    this.#beginClose(payload, code ?? CLOSE_NO_STATUS, reason);
    return 0;
  }

  /** Whether no extension keeps the program from closing. */
  get #mayClose(): boolean {
    return this.#layers === undefined || this.#layers.mayClose;
  }

  /** Puts what extensions still have to send in front of our last words, if these may follow. */
  #flushExtensions(): boolean {
    return this.#layers === undefined || this.#layers.flush(this.#connection);
  }

  /** Section 7.1.2, "Start the WebSocket Closing Handshake". */
  #beginClose(payload: Uint8Array, code: number, reason: string): void {
    const connection = this.#connection;
    if (!this.#flushExtensions()) return connection.finish(false);
    // An extension may have closed it meanwhile.
    if (this.#sentClose !== undefined) return;
    this.#sentClose = { code, reason, wasClean: false };
    this.#send(OPCODE_CLOSE | FIN, payload);
    connection.armTimeout("closeAck", connection.owner.limits.closeTimeoutMs);
    // The answer must be seen, however little the program wants to receive.
    connection.rxFlowControl(true);
  }

  /** Section 5.5.1: answers the first close frame; then nothing more is sent. */
  #onClose(payload: Uint8Array): void {
    const status = decodeClose(payload);
    if (typeof status === "number") return this.onFail(status, "malformed close frame");
    const { code, reason } = status;
    this.#parser.stop();
    this.#receivedClose = { code, reason, wasClean: true };
    if (this.#sentClose === undefined) {
      // Ours already, so that no extension closes once more.
      this.#sentClose = { code, reason: "", wasClean: true };
      if (!this.#flushExtensions()) {
        this.#sentClose = undefined;
        return this.#connection.finish(false);
      }
      this.#send(OPCODE_CLOSE | FIN, code === CLOSE_NO_STATUS ? NO_BYTES : payload.slice(0, 2));
    }
    this.#connection.finish(true);
  }

  #answerPing(payload: Uint8Array): void {
    // Section 5.5.3: only the latest ping needs an answer when the peer does not read.
    if (this.#connection.tx.isWriting) this.#pendingPong = payload.slice();
    else this.#send(OPCODE_PONG | FIN, payload);
  }

  #failWith(code: number, reason: string): void {
    if (this.#sentClose === undefined) {
      this.#sentClose = { code, reason, wasClean: false };
      if (this.#flushExtensions()) this.#send(OPCODE_CLOSE | FIN, encodeClose(code, reason));
    }
    this.#parser.stop();
    this.#connection.finish(true);
  }

  /** What a callback's return value asks for: no close frame, but all that was written leaves. */
  #drop(): void {
    // One that threw has closed already.
    if (this.#connection.isOpen && this.#layers !== undefined) {
      if (!this.#mayClose) return;
      this.#flushExtensions();
    }
    this.#parser.stop();
    this.#connection.finish(false);
  }

  #sendPrepared(message: PreparedMessage): number {
    this.#checkOrder(message.opcode);
    const extension = this.#extension;
    const key = extension?.sharedKey;
    if (extension !== undefined && (key === undefined || this.#stream !== undefined)) {
      return this.#sendEncoded(extension, message.opcode | FIN, message.payload, undefined);
    }
    if (this.#masks || this.#stream !== undefined) {
      return this.#send(message.opcode | FIN, message.payload);
    }
    const connection = this.#connection;
    const frame = key === undefined ? message.frame : message.frameFor(extension!, key);
    if (!connection.hasRoom(frame.length)) return -1;
    if (frame !== message.frame) extension!.sentShared();
    connection.tx.append(frame, true);
    connection.queued();
    return message.byteLength;
  }

  #sendData(
    opcode: number,
    data: Uint8Array | string | PreparedMessage,
    fin: boolean,
    compress: boolean | undefined,
  ): number {
    this.#checkOrder(opcode);
    const first = fin ? opcode | FIN : opcode;
    const sent = this.#extension === undefined
      ? this.#send(first, data)
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
      this.#failExtension(error);
      return -1;
    }
    if (encoded === undefined) return this.#send(first, payload);
    // Of a message only the first frame says that it is transformed.
    const hasBits = isFirst || extension.unit === "frame";
    const bits = extension.encodedBits ?? (hasBits ? extension.reservedBits : 0);
    return this.#send(first | bits << 4, encoded) < 0 ? -1 : payload.length;
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

  #sendControl(
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
    return this.#send(opcode | FIN, payload);
  }

  #sendClosePayload(data: Uint8Array | string | PreparedMessage, fin: boolean): number {
    const payload = bytesOf(data);
    const status = decodeClose(payload);
    if (!fin || payload.length > MAX_CONTROL_PAYLOAD || typeof status === "number") {
      throw new LwsError("invalid-argument", "write: not the payload of a close frame");
    }
    if (!this.#mayClose) return -1;
    this.#beginClose(payload, status.code, status.reason);
    return payload.length;
  }

  /** Queues one frame; header and payload lie together, so that they leave in one write. */
  #send(first: number, data: Uint8Array | string | PreparedMessage): number {
    const payload = typeof data === "string" ? encodeText(data) : data as Uint8Array;
    const length = payload?.length;
    // A property that the data has is the cheapest of checks, and this is the hottest of paths.
    if (length === undefined) throw notWritable(data);
    if (this.#stream !== undefined) return this.#sendStreamed(this.#stream, first, payload);
    const connection = this.#connection;
    const header = headerLength(length, this.#masks);
    if (!connection.hasRoom(header + length)) return -1;
    if (takePadded(payload)) this.#sendPadded(first, payload, header);
    else {
      const target = connection.tx.reserve(header + length);
      const start = connection.tx.position;
      const body = writeHeader(target, start, first, length, this.#masks);
      target.set(payload, body);
      if (this.#masks) maskFrame(target, body, length, this.#zeroKey);
    }
    connection.queued();
    return length;
  }

  #sendStreamed(stream: ExtensionSession, first: number, payload: Uint8Array): number {
    const { length } = payload;
    const frame = new Uint8Array(headerLength(length, this.#masks) + length);
    const body = writeHeader(frame, 0, first, length, this.#masks);
    frame.set(payload, body);
    if (this.#masks) maskFrame(frame, body, length, this.#zeroKey);
    const connection = this.#connection;
    const isControl = (first & CONTROL_BIT) !== 0;
    const part = { payload: frame, isFirst: true, isLast: true, compress: undefined, isControl };
    let encoded: Uint8Array;
    try {
      encoded = stream.encode(part) ?? frame;
    } catch (error) {
      if (!(error instanceof ExtensionFailure)) throw error;
      this.#failExtension(error);
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
    writeHeader(frame, 0, first, payload.length, this.#masks);
    if (this.#masks) maskFrame(frame, header, payload.length, this.#zeroKey);
    this.#connection.tx.append(frame);
  }
}

const NO_BYTES = new Uint8Array(0);

/** Section 5.3: puts a fresh key, or zero, in front of the payload at `body` and masks it. */
function maskFrame(target: Uint8Array, body: number, length: number, zeroKey: boolean): void {
  const key = zeroKey ? 0 : newMaskingKey();
  writeMaskingKey(target, body - 4, key);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  mask(target, view, body, body + length, key, 0);
}

function bytesOf(data: Uint8Array | string | PreparedMessage): Uint8Array {
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
