/** Frames on their way in, of either side: the reader of their version, and how long their messages take. */

import type { Connection } from "../connection.ts";
import { type DecodedDataHandler, ExtendedInput, rulesFor, rulesOf } from "../extended_input.ts";
import { FrameWriter } from "../frame_writer.ts";
import { MessageClock, type TimedSession } from "../limits/message_clock.ts";
import { factsInHand, queuedFor } from "./inbox.ts";
import type { Failure } from "../../core/websocket/close.ts";
import {
  type FrameFacts,
  type FrameHandler,
  FrameParser,
} from "../../core/websocket/frame_parser.ts";
import { NONE, type Progress } from "../../core/websocket/message_in_hand.ts";
import type { FrameReader, WireCodec } from "../../core/websocket/wire/codec.ts";
import type { ExtensionLayers } from "../../extensions/pipeline.ts";

/** The base of a session and no part of it: an object more would cost each idle one its memory. */
export abstract class IncomingFrames extends FrameWriter
  implements FrameHandler, DecodedDataHandler, TimedSession {
  protected readonly parser: FrameReader;
  protected readonly extended: ExtendedInput | undefined;
  /** Only of those that have once had a message in several reads. */
  protected clock: MessageClock | undefined;

  constructor(connection: Connection, layers?: ExtensionLayers, codec?: WireCodec) {
    super(connection, layers, codec);
    if (codec !== undefined) {
      this.parser = codec.reader({ ...rulesOf(connection, layers), handler: this });
    } else this.parser = new FrameParser(rulesFor(connection, layers), this);
    if (layers === undefined) return;
    connection.extensions = layers.names;
    this.extended = new ExtendedInput(connection, this.parser, layers, this);
  }

  abstract readonly isEstablished: boolean;
  abstract onData(piece: Uint8Array): void;
  abstract onControl(opcode: number, payload: Uint8Array): void;
  abstract onFail(failure: Failure, detail?: string): void;

  get frames(): FrameFacts {
    const inHand = this.connection.isDiverted ? factsInHand(this.connection) : undefined;
    return inHand ?? this.extended?.frames ?? this.parser;
  }

  get held(): number {
    const queued = this.connection.isDiverted ? queuedFor(this.connection) : 0;
    return this.parser.held + queued + (this.extended === undefined ? 0 : this.extended.held);
  }

  /** Takes bytes as they came, and says how many. */
  protected take(bytes: Uint8Array): number {
    const taken = this.extended === undefined
      ? this.parser.parse(bytes)
      : this.extended.take(bytes);
    const progress = this.parser.takeProgress();
    if (progress !== NONE || taken < bytes.length || this.clock !== undefined) {
      this.#time(progress, taken, bytes.length);
    }
    return taken;
  }

  #time(progress: Progress, taken: number, length: number): void {
    const { connection } = this;
    const { limits, budget } = connection.owner;
    if (limits.messageTimeoutMs === 0 || !this.isEstablished) return;
    // What waits for the program, or for a turn, may be whole.
    const isInHead = taken < length && !connection.isPaused && !budget.isSpent;
    if (this.clock === undefined && progress === NONE && !isInHead) return;
    this.clock ??= new MessageClock(this);
    this.clock.read(progress, isInHead, taken > 0);
  }

  onSlowMessage(): void {
    this.connection.turn(() => this.onFail("messageTimeout"));
  }
}
