/** The established phase: messages, control frames and the closing handshake, on either side. */

import type { CloseCause, CloseInfo, Reason } from "../api/reasons.ts";
import { POLLIN } from "../api/service.ts";
import type { TimeoutReason } from "../api/timeouts.ts";
import type { WriteKind, WriteOptions } from "../api/write.ts";
import { type Bytes, bytesOf } from "../base/bytes.ts";
import { line, log, own } from "../base/log.ts";
import { next } from "../base/state_table.ts";
import { call, noteReturn } from "./callbacks.ts";
import type { Connection } from "./connection.ts";
import { checkWriteOptions } from "./frame_writer.ts";
import { endMessages, handOnMessages, takePiece } from "./messages/inbox.ts";
import { IncomingFrames } from "./messages/incoming_frames.ts";
import { failSends } from "./messages/sending.ts";
import type { HeaderSource, Phase } from "./phase.ts";
import { isAnswer, type Probed, type Probing, UNPROBED } from "./probing.ts";
import { PreparedMessage } from "./prepared_message.ts";
import { MESSAGES, noteEstablished, traceReceived } from "./tracing/channels.ts";
import { WEBSOCKET, type WebSocketEvent } from "./states.ts";
import { type MeteredSession, SessionMeter } from "./limits/session_meter.ts";
import {
  causeOf,
  CLOSE_ABNORMAL,
  CLOSE_NO_STATUS,
  closePayload,
  type CloseStatus,
  decodeClose,
  encodeClose,
  type Failure,
  FAILURES,
  fittingReason,
  writtenClose,
} from "../core/websocket/close.ts";
import {
  FIN,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_TEXT,
} from "../core/websocket/frame.ts";
import type { WireCodec } from "../core/websocket/wire/codec.ts";
import {
  attempt,
  type ExtensionLayers,
  failOnRejection,
  logExtensionFailure,
} from "../extensions/pipeline.ts";

/** Our close frame. */
interface SentClose extends CloseStatus {
  /** Bytes that have to leave until it has; 0 once it has, and where its answer is not waited for. */
  behind: number;
}

/** One side of an established WebSocket connection (RFC 6455 sections 5 to 7). */
export class WebSocketSession extends IncomingFrames implements Phase, MeteredSession, Probed {
  /** Those of the request, until the session has begun. */
  headers: HeaderSource | undefined;
  aliveAt: number = UNPROBED;
  probing: Probing | undefined = undefined;
  #state = WEBSOCKET.first;
  // What the close frames say: ours, and the peer's.
  #sentClose: SentClose | undefined;
  #receivedClose: CloseStatus | undefined;
  /** The payload of the peer's close frame, which waits for a loop's turn. */
  #heldClose: Uint8Array | undefined;

  /**
   * @param layers the extensions that were negotiated, if any were
   * @param codec of the version, unless its frames are those of RFC 6455
   */
  constructor(
    connection: Connection,
    layers?: ExtensionLayers,
    headers?: HeaderSource,
    codec?: WireCodec,
  ) {
    super(connection, layers, codec);
    this.headers = headers;
    const { keepAlive } = connection.owner;
    if (codec === undefined || codec.hasPing) keepAlive?.begin(this);
  }

  /** Tells the protocol that the session has begun; the answer or request is on its way. */
  begin(): void {
    const connection = this.connection;
    const { owner: { metering } } = connection;
    noteEstablished(connection);
    this.meter = metering && new SessionMeter(this, metering);
    this.#tellExtensions();
    if (connection.isEstablished) {
      const { entry, isClient } = connection;
      const reason = isClient ? "clientEstablished" : "established";
      const result = call(connection, entry, reason, isClient ? undefined : connection.tls);
      if (result !== 0) this.onReturn(reason, result);
    }
    this.headers = undefined;
    // The head of the request is not held any more.
    connection.recount();
  }

  /** All that the context lists hear of it, and those in use are called from now on. */
  #tellExtensions(): void {
    const connection = this.connection;
    const { owner } = connection;
    if (owner.extensions.length === 0) return;
    this.#guard(() => {
      for (const extension of owner.extensions) {
        failOnRejection(connection, extension.anyEstablished?.(connection.wsi));
      }
    });
    this.framing.layers?.startSeconds(connection, (work) => {
      if (connection.isOpen) connection.turn(() => this.#guard(work));
    });
  }

  /** Runs what extensions do beside the data; one that throws costs its connection. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.onExtensionFailure(error);
    }
  }

  onExtensionFailure(error: unknown): void {
    logExtensionFailure(this.connection, error);
    this.#failWith("extensionThrew");
  }

  onBytes(bytes: Uint8Array): number {
    if (this.aliveAt !== UNPROBED) this.connection.owner.keepAlive!.heard(this);
    if (this.#heldClose !== undefined) this.#takeHeldClose();
    return this.take(bytes);
  }

  /** The callback is called from here, plain or decoded: one call deeper it would not be inlined. */
  onData(piece: Uint8Array): void {
    if (this.extended !== undefined && this.extended.decodes(piece)) return;
    // Once the closing handshake has begun only the peer's close frame still counts.
    if (this.#state !== "OPEN") return;
    const frames = this.extended?.frames ?? this.parser;
    const isLast = frames.isFinal && frames.remaining === 0;
    if (this.meter !== undefined && !this.meter.received(piece.length, isLast)) return;
    const connection = this.connection;
    const { counters } = connection.entry;
    counters.payloadReceived += piece.length;
    if (isLast) counters.messagesReceived++;
    if (MESSAGES.hasSubscribers) traceReceived(connection, piece.length, isLast, frames.isBinary);
    if (connection.isDiverted && takePiece(connection, piece)) return;
    if (connection.isClient) {
      const result = call(connection, connection.entry, "clientReceive", piece);
      if (result !== 0) this.onReturn("clientReceive", result);
    } else {
      const result = call(connection, connection.entry, "receive", piece);
      if (result < 0) this.onReturn("receive", result);
    }
  }

  get isEstablished(): boolean {
    return this.#state === "OPEN";
  }

  onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_CLOSE) return this.#onClose(payload);
    // Section 5.5.2: a ping is answered until the peer's close frame has come, even behind this end's.
    if (opcode === OPCODE_PING) this.pong(payload);
    if (this.#state !== "OPEN") return;
    const connection = this.connection;
    const isPing = opcode === OPCODE_PING;
    if (!isPing && this.aliveAt !== UNPROBED && isAnswer(payload)) return;
    const reason = connection.isClient
      ? isPing ? "clientReceivePing" : "clientReceivePong"
      : isPing
      ? "receivePing"
      : "receivePong";
    const result = call(connection, connection.entry, reason, payload);
    if (connection.isClient ? result !== 0 : result < 0) this.onReturn(reason, result);
  }

  /** Section 7.1.7, "Fail the WebSocket Connection". */
  onFail(failure: Failure, detail?: string): void {
    log("info", () => {
      const [code, reason] = FAILURES[failure];
      return line`connection ${this.connection.socketFd}: ${own(code)} ${detail ?? reason}`;
    });
    this.#failWith(failure, detail);
  }

  onEnd(): void {
    if (!this.extended?.isHolding) return this.#onEnded();
    // All that came before it is told first, and onTurn looks for the end then.
    if (!this.connection.isPaused) this.connection.goOn();
  }

  #onEnded(): void {
    if (this.#heldClose !== undefined) return this.#takeHeldClose();
    this.connection.endsFor("peer");
    if (this.#state === "OPEN") {
      this.#flushExtensions();
      // What has no close frames is closed like this, but not inside a frame.
      if (this.framing.codec?.hasCloseFrame === false && this.parser.remaining === 0) {
        this.#sentClose = { code: CLOSE_NO_STATUS, reason: "", behind: 0 };
      }
    }
    this.connection.end("peer");
  }

  onLeft(bytes: number): void {
    const isProbed = this.aliveAt !== UNPROBED;
    if (isProbed && (bytes === 0 || this.probing !== undefined)) {
      this.connection.owner.keepAlive!.left(this, bytes);
    }
    const sent = this.#sentClose;
    if (sent !== undefined && sent.behind > 0) {
      // A close frame that has not left, or just did, is not unanswered.
      sent.behind = Math.max(0, sent.behind - bytes);
      this.#awaitAnswer();
    }
    if (bytes > 0) this.releasePongs();
  }

  onDrain(): void {
    const { topics } = this.connection.owner;
    if (topics.hasLagging) topics.drained(this.connection);
  }

  onWritable(): void {
    const connection = this.connection;
    if (this.#state !== "OPEN") return;
    const reason = connection.isClient ? "clientWriteable" : "serverWriteable";
    const result = call(connection, connection.entry, reason, undefined);
    if (result !== 0) this.onReturn(reason, result);
  }

  sendProbe(payload: Uint8Array): void {
    this.connection.turn(() => this.beside(OPCODE_PING | FIN, payload));
  }

  onMissed(): void {
    this.connection.entry.counters.probesMissed++;
  }

  onSilent(): void {
    log("info", () => line`connection ${this.connection.socketFd}: the peer answers no probe`);
    this.connection.abort("keepAlive");
  }

  onTimeout(_reason: TimeoutReason): void {
    this.connection.abort("timeout");
  }

  onLeave(): void {
    if (this.#state !== "OPEN") return;
    const [code, reason] = FAILURES.contextLeaves;
    this.#beginClose(causeOf("contextLeaves"), encodeClose(code, reason), code, reason);
  }

  onThrow(): void {
    this.#failWith("callbackThrew");
  }

  /** What a callback's return value asks for: no close frame, but all that was written leaves. */
  onReturn(reason: Reason, result: number): void {
    const connection = this.connection;
    // One that threw has closed already.
    if (connection.isOpen) {
      if (!this.#mayClose) return;
      noteReturn(connection, reason, result);
      connection.endsFor("callback");
      if (this.framing.layers !== undefined) this.#flushExtensions();
    }
    this.parser.stop();
    connection.end("callback");
  }

  onTurn(): void {
    const connection = this.connection;
    this.extended?.resume();
    if (connection.isDiverted) handOnMessages(connection);
    // A program that has stopped receiving is not told of the end either.
    const mayGoOn = connection.canDeliver && !connection.owner.budget.isSpent;
    if (connection.hasPeerEnded && mayGoOn) this.#onEnded();
  }

  onPause(paused: boolean): void {
    if (this.aliveAt !== UNPROBED) this.connection.owner.keepAlive!.pause(this, paused);
    const connection = this.connection;
    const { socketFd } = connection;
    if (this.clock !== undefined) this.clock.onPause();
    if (paused) this.parser.stop();
    else if (this.extended?.mayHold || connection.hasPeerEnded || connection.isDiverted) {
      // In a turn of its own, as all that was held back is.
      const service = () => {
        if (connection.phase === this && connection.canDeliver) connection.goOn();
      };
      connection.owner.scheduler.request({ socketFd, service }, POLLIN);
    }
  }

  onClose(cause: CloseCause): CloseInfo {
    const connection = this.connection;
    const wasClean = this.#isClean;
    // In order and without a close frame: nothing was said, as in versions whose frames have no code.
    const said = this.#receivedClose ?? (wasClean ? undefined : this.#sentClose);
    const { code, reason } = said ??
      { code: wasClean ? CLOSE_NO_STATUS : CLOSE_ABNORMAL, reason: "" };
    this.#step("gone");
    this.parser.release();
    this.connection.owner.keepAlive?.end(this);
    const info = { code, reason, wasClean, cause };
    connection.entry.counters.closed(info);
    call(connection, connection.entry, "closed", info);
    if (connection.isDiverted) endMessages(connection, info);
    failSends(connection, info);
    this.framing.layers?.close();
    for (const extension of connection.owner.extensions) {
      attempt("anyClosing", () => extension.anyClosing?.(connection.wsi));
    }
    return info;
  }

  /** Whether it was closed in order: where there are no close frames, by the end of both streams. */
  get #isClean(): boolean {
    const { codec } = this.framing;
    if (this.#sentClose === undefined) return false;
    if (codec === undefined || codec.hasCloseFrame) return this.#receivedClose !== undefined;
    return codec.mayClose && this.parser.remaining === 0 && this.connection.hasPeerEnded;
  }

  write(
    data: Bytes | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number {
    if (this.#state !== "OPEN") return -1;
    // Apart from the rest, so that the engine inlines what nearly every write is.
    const isPlain = options === undefined && (kind === "binary" || kind === "text");
    if (isPlain && !(data instanceof PreparedMessage)) {
      return this.whole(kind === "text" ? OPCODE_TEXT : OPCODE_BINARY, data);
    }
    if (options !== undefined) checkWriteOptions(options);
    if (kind === "close") return this.#writeClose(data, options);
    return this.writeFrame(data, kind, options);
  }

  close(cause: CloseCause, code: number | undefined, reason: string): number {
    if (this.#state !== "OPEN") return -1;
    const payload = closePayload(code, reason);
    if (cause === "self" && !this.#mayClose) return -1;
    this.#beginClose(cause, payload, code ?? CLOSE_NO_STATUS, reason);
    return 0;
  }

  /** Whether no extension keeps the program from closing. */
  get #mayClose(): boolean {
    return this.framing.layers === undefined || this.framing.layers.mayClose;
  }

  /** Puts what extensions still have to send in front of the close frame; false when none may follow. */
  #flushExtensions(): boolean {
    return this.framing.layers === undefined || this.framing.layers.flush(this.connection);
  }

  /** Section 7.1.2, "Start the WebSocket Closing Handshake". */
  #beginClose(cause: CloseCause, payload: Uint8Array, code: number, reason: string): void {
    const connection = this.connection;
    connection.endsFor(cause);
    if (!this.#flushExtensions()) return connection.end(cause);
    // An extension may have closed it meanwhile.
    if (this.#state !== "OPEN") return;
    this.#step("closeSent");
    this.#sentClose = { code, reason, behind: 0 };
    this.connection.owner.keepAlive?.end(this);
    if (!this.closeFrame(payload, code)) return connection.end(cause, "lingers");
    this.#sentClose.behind = connection.outbox.unsent;
    this.#awaitAnswer();
    connection.allowClose();
  }

  #awaitAnswer(): void {
    const connection = this.connection;
    connection.armTimeout("closeAck", connection.owner.limits.closeTimeoutMs);
  }

  #onClose(payload: Uint8Array): void {
    const { connection } = this;
    if (!connection.isDiverted || this.#state !== "OPEN") return this.#closeBy(payload);
    // A loop answers in microtasks what came in the same read, as a callback has by now.
    this.#heldClose = payload.slice();
    this.parser.stop();
    const { socketFd } = connection;
    const service = () => {
      if (connection.phase === this && connection.isOpen) {
        connection.turn(() => this.#takeHeldClose());
      }
    };
    connection.owner.scheduler.request({ socketFd, service }, POLLIN);
  }

  #takeHeldClose(): void {
    const payload = this.#heldClose;
    this.#heldClose = undefined;
    if (payload !== undefined) this.#closeBy(payload);
  }

  /** Section 5.5.1: answers the first close frame with the same; then nothing more is sent. */
  #closeBy(payload: Uint8Array): void {
    const status = decodeClose(payload);
    if (typeof status === "string") return this.onFail(status);
    this.parser.stop();
    this.#receivedClose = status;
    this.connection.endsFor("peer");
    if (this.#state === "OPEN") {
      // At once, so that no extension closes once more.
      this.#step("closeReceived");
      if (!this.#flushExtensions()) return this.connection.end("peer");
      this.sendPongs();
      if (this.closeFrame(payload, status.code)) this.#sentClose = { ...status, behind: 0 };
    }
    // Section 7.1.1: the server closes the connection first.
    this.connection.end("peer", this.connection.isClient ? "awaitsPeer" : "lingers");
  }

  #step(event: WebSocketEvent): void {
    const { connection } = this;
    this.#state = next(WEBSOCKET, this.#state, event, connection.socketFd);
    connection.owner.topics.end(connection);
    this.meter?.stop();
    this.clock?.stop();
  }

  #failWith(failure: Failure, detail?: string): void {
    this.connection.owner.counters.failsFor(failure);
    const cause = causeOf(failure);
    this.connection.endsFor(cause);
    const [code, fault] = FAILURES[failure];
    // An extension may say more of what is broken than there is room for.
    const reason = fittingReason(detail ?? fault);
    if (this.#state === "OPEN") {
      this.#step("closeSent");
      this.#sentClose = { code, reason, behind: 0 };
      if (this.#flushExtensions()) this.closeFrame(encodeClose(code, reason), code);
    }
    this.parser.stop();
    this.connection.end(cause, "lingers");
  }

  #writeClose(data: Bytes | string | PreparedMessage, options: WriteOptions | undefined): number {
    const send = () => this.#sendClosePayload(data, options?.fin ?? true);
    return options?.ignoreXorMask ? this.readable(send) : send();
  }

  #sendClosePayload(data: Bytes | string | PreparedMessage, fin: boolean): number {
    const payload = bytesOf("write: data", data);
    const status = writtenClose(payload, fin);
    if (!this.#mayClose) return -1;
    this.#beginClose("self", payload, status.code, status.reason);
    return payload.length;
  }
}
