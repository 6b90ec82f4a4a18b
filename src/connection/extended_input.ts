/** What comes in on a WebSocket: by which rules, and through which extensions. */

import type { Connection } from "./connection.ts";
import type { Failure } from "../core/websocket/close.ts";
import type { FrameFacts } from "../core/websocket/frame_parser.ts";
import type { FrameReader } from "../core/websocket/wire/codec.ts";
import { type FrameRuleOptions, FrameRules } from "../core/websocket/frame_rules.ts";
import { type DecodedMessageHandler, MessageDecoder } from "../extensions/message_decoder.ts";
import type { ExtensionLayers } from "../extensions/pipeline.ts";
import { type DecodedStreamHandler, StreamDecoder } from "../extensions/stream_decoder.ts";

/** The session that it comes to. Implemented by WebSocketSession. */
export interface DecodedDataHandler {
  onData(piece: Uint8Array): void;
  onFail(failure: Failure, detail?: string): void;
}

/** Decodes before and behind the parser. Only a session with extensions has one. */
export class ExtendedInput implements DecodedMessageHandler, DecodedStreamHandler {
  readonly #connection: Connection;
  readonly #parser: FrameReader;
  readonly #layers: ExtensionLayers;
  readonly #handler: DecodedDataHandler;
  readonly #stream: StreamDecoder | undefined;
  #messages: MessageDecoder | undefined;
  /** Set while a decoded piece is delivered. */
  #isDecoded = false;

  constructor(
    connection: Connection,
    parser: FrameReader,
    layers: ExtensionLayers,
    handler: DecodedDataHandler,
  ) {
    this.#connection = connection;
    this.#parser = parser;
    this.#layers = layers;
    this.#handler = handler;
    if (layers.stream !== undefined) this.#stream = new StreamDecoder(layers.stream, this);
  }

  /** Bytes as they came. */
  take(bytes: Uint8Array): number {
    if (this.#messages?.isStopped) {
      this.resume();
      if (!this.mayGoOn) return 0;
    }
    return this.#stream?.take(bytes) ?? this.#parser.parse(bytes);
  }

  /** What a stream is decoded to, of which each step takes its time, a whole frame or not. */
  parse(bytes: Uint8Array): number {
    const taken = this.#parser.parse(bytes);
    this.#connection.owner.budget.mayGoOn();
    return taken;
  }

  /** Gives a piece that was parsed to the decoder, if it is transformed. */
  decodes(piece: Uint8Array): boolean {
    const { data: extension, appliesToAll } = this.#layers;
    if (extension === undefined || this.#isDecoded) return false;
    if (this.#parser.reservedBits === 0 && extension.unit !== "frame" && !appliesToAll) {
      return false;
    }
    const { entry, owner } = this.#connection;
    this.#messages ??= new MessageDecoder(
      extension,
      appliesToAll,
      this,
      entry.rxBufferSize,
      owner.limits.maxMessageSize,
    );
    this.#messages.take(piece, this.#parser);
    return true;
  }

  onDecoded(piece: Uint8Array): void {
    this.#isDecoded = true;
    this.#handler.onData(piece);
    this.#isDecoded = false;
  }

  /** What is known of the frame that a piece is of. */
  get frames(): FrameFacts {
    return this.#isDecoded ? this.#messages! : this.#parser;
  }

  pieceDone(): boolean {
    return this.#connection.owner.budget.mayGoOn() && this.#connection.canDeliver;
  }

  get mayGoOn(): boolean {
    return this.#connection.canDeliver && !this.#connection.owner.budget.isSpent;
  }

  get isListening(): boolean {
    return this.#connection.isEstablished;
  }

  onFail(failure: Failure, detail?: string): void {
    this.#handler.onFail(failure, detail);
  }

  /** Bytes that it holds of what has come. */
  get held(): number {
    return (this.#messages?.held ?? 0) + (this.#stream?.held ?? 0);
  }

  /** Whether something decoded waits for receiving to go on, or for a turn. */
  get isHolding(): boolean {
    return this.#messages?.isStopped === true || this.#stream?.isHolding === true;
  }

  /** Whether receiving has to be told of its going on: the transport may have nothing more. */
  get mayHold(): boolean {
    return this.#messages?.isStopped === true || this.#stream !== undefined;
  }

  /** Goes on with what was held. */
  resume(): void {
    this.#messages?.resume();
    this.#stream?.resume();
  }
}

/** By what a session reads frames: without extensions all of a protocol, on one side, have the same. */
export function rulesFor(connection: Connection, layers: ExtensionLayers | undefined): FrameRules {
  const { entry } = connection;
  if (layers !== undefined) return new FrameRules(rulesOf(connection, layers));
  return connection.isClient
    ? entry.clientRules ??= new FrameRules(rulesOf(connection, undefined))
    : entry.serverRules ??= new FrameRules(rulesOf(connection, undefined));
}

/** The same, for readers that look at it in their own way. */
export function rulesOf(
  { isClient, entry, owner }: Connection,
  layers: ExtensionLayers | undefined,
): FrameRuleOptions {
  return {
    masked: !isClient,
    acceptsEither: !isClient && owner.options.defeatClientMask,
    pieceSize: entry.rxBufferSize,
    limits: owner.limits,
    reservedBits: layers?.reservedBits ?? 0,
    frameBits: layers?.frameBits ?? 0,
    pace: owner.budget,
    checksText: !(layers?.appliesToAll || layers?.data?.unit === "frame"),
  };
}
