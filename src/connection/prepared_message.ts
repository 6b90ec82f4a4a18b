/** Messages that are framed once and sent to many. */

import type { ExtensionSession } from "../api/extension.ts";
import type { PreparedMessage as Prepared } from "../api/write.ts";
import { type Bytes, bytesOf } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { behind, Face, isFace } from "../base/face.ts";
import { SharedBytes } from "../base/shared_bytes.ts";
import {
  FIN,
  headerLength,
  OPCODE_BINARY,
  OPCODE_TEXT,
  writeHeader,
} from "../core/websocket/frame.ts";

/** What {@linkcode prepareMessage} makes: programs see its kind and its length alone. */
export class PreparedMessage extends Face<Framed> implements Prepared {
  /** Use {@linkcode prepareMessage}. */
  constructor(kind: "text" | "binary", payload: Bytes) {
    super(inFrame(kind, bytesOf("prepareMessage: data", payload)));
  }

  get kind(): "text" | "binary" {
    return framedOf(this).kind;
  }

  get byteLength(): number {
    return framedOf(this).byteLength;
  }
}

/** What is sent of it. */
export const framedOf = behind<Framed>;

/** A message in its frame. */
export class Framed {
  readonly kind: "text" | "binary";
  readonly byteLength: number;
  /** Until it is in its frame. */
  #payload: Uint8Array | undefined;
  #frame: SharedBytes | undefined;
  /** What extensions made of it, by their key; the frame itself where they leave it as it is. */
  #encoded: Map<string, SharedBytes> | undefined;

  /** @param payload does not change before the message is in its frame */
  constructor(kind: "text" | "binary", payload: Uint8Array) {
    this.kind = kind;
    this.byteLength = payload.length;
    this.#payload = payload;
  }

  /** The whole frame, as a server sends it; made when it is first asked for. */
  get frame(): SharedBytes {
    return this.#frame ?? this.#makeFrame();
  }

  #makeFrame(): SharedBytes {
    const frame = this.#frame = frameOf(this.opcode | FIN, this.#payload!);
    this.#payload = undefined;
    return frame;
  }

  /** The frame for connections with an extension, made once for all of its kind. */
  frameFor(extension: ExtensionSession, key: string): SharedBytes {
    const known = this.#encoded?.get(key);
    if (known !== undefined) return known;
    const encoded = extension.encodeShared(this.payload);
    const frame = encoded === undefined
      ? this.frame
      : frameOf(this.opcode | FIN | extension.reservedBits << 4, encoded);
    this.#encoded ??= new Map();
    this.#encoded.set(key, frame);
    return frame;
  }

  get opcode(): number {
    return this.kind === "text" ? OPCODE_TEXT : OPCODE_BINARY;
  }

  get isBinary(): boolean {
    return this.kind === "binary";
  }

  get payload(): Uint8Array {
    return this.#payload ?? this.frame.bytes.subarray(this.frame.length - this.byteLength);
  }
}

/**
 * Frames a message once, for `wsi.write` on any number of connections: those of servers send the
 * same bytes and hold no copy of their own of more than 1 KiB, however slowly their peers read. (A
 * client's frames have a masking key each, so that they are copies.) A connection whose unsent bytes would
 * pass `maxUnsentBytes` is closed, as with any write, and delays no other.
 *
 * @category Connections
 * @param data The payload; taken before the call returns. A string is sent as UTF-8, of a view its
 *   bytes, of a buffer all of them.
 * @param kind `"text"` or `"binary"`.
 *   Default: the first for a string, else the second.
 * @throws {LwsError} `invalid-argument` for anything else, a detached or out-of-bounds view included.
 *
 * @example
 * ```ts
 * import { prepareMessage, type Wsi } from "@x/lws";
 *
 * function tellAll(connections: Iterable<Wsi>, news: string): void {
 *   const message = prepareMessage(news);
 *   for (const wsi of connections) wsi.write(message);
 * }
 * tellAll([], "nobody listens");
 * ```
 */
export function prepareMessage(
  data: string | ArrayBufferView | ArrayBufferLike,
  kind: "text" | "binary" = typeof data === "string" ? "text" : "binary",
): Prepared {
  if (kind !== "text" && kind !== "binary") {
    refuseArgument("prepareMessage", "kind", kind, '"text", "binary"');
  }
  return new PreparedMessage(kind, bytesOf("prepareMessage: data", data));
}

/**
 * What a program wants to have sent to many, framed.
 *
 * @throws {LwsError} `invalid-argument` for what is no data; `call` is named in front
 */
export function framed(call: string, data: string | Bytes | Prepared): Framed {
  if (data instanceof PreparedMessage && isFace(data)) return framedOf(data);
  const kind = typeof data === "string" ? "text" : "binary";
  return inFrame(kind, bytesOf(`${call}: data`, data));
}

/** As {@linkcode framed}, of data that is the program's own still: for what is done with it in the same turn. */
export function borrowed(call: string, data: string | Bytes | Prepared): Framed {
  if (data instanceof PreparedMessage && isFace(data)) return framedOf(data);
  const kind = typeof data === "string" ? "text" : "binary";
  return new Framed(kind, bytesOf(`${call}: data`, data));
}

/** A copy of what may change. */
function inFrame(kind: "text" | "binary", payload: Uint8Array): Framed {
  const message = new Framed(kind, payload);
  void message.frame;
  return message;
}

function frameOf(first: number, payload: Uint8Array): SharedBytes {
  const { length } = payload;
  const frame = new Uint8Array(headerLength(length, false) + length);
  frame.set(payload, writeHeader(frame, 0, first, length, false));
  return new SharedBytes(frame);
}
