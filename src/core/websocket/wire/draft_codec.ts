/** The frames of drafts 04, 05 and 06 of the protocol ("Data Framing"), the writing half. */

import { CLOSE_STATUS } from "../close.ts";
import type { Digests } from "../digests.ts";
import {
  headerLength,
  OPCODE_BINARY,
  OPCODE_BITS,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  writeHeader,
} from "../frame.ts";
import type { FrameParserOptions } from "../frame_parser.ts";
import { newMaskingKey, writeMaskingKey } from "../mask.ts";
import { FRESH_KEY, type Masking } from "../send_queue.ts";
import type { FrameReader, WireCodec } from "./codec.ts";
import {
  connectionKeys,
  type FrameKeys,
  hashedKeys,
  maskFrame,
  NONCE_LENGTH,
  nonceKeys,
  unlessZero,
} from "./draft_mask.ts";
import { DraftReader } from "./draft_reader.ts";

/** What the handshake of a draft has led to. */
export interface DraftSetup {
  /** Whether this end is the client: it masks, and its close frames of draft 05 say so. */
  readonly isClient: boolean;
  readonly sha1: Digests["sha1"];
  /** Of draft 04, and needed there: what both ends have made of the keys of the handshake. */
  readonly connectionKey?: Uint8Array | undefined;
  /**
   * Whether draft 04 is masked as libwebsockets did until 2012, which only spoke it with itself: with the
   * connection's key, in place of the hash of each frame's nonce and that.
   *
   * @default {false}
   */
  readonly cCompatible?: boolean;
}

/** @throws {TypeError} for draft 04 without a connection's key */
export function draftCodec(version: 4 | 5 | 6, setup: DraftSetup): WireCodec {
  return new DraftCodec(version, setup);
}

/** What the drafts call an opcode of RFC 6455; a continuation is 0 in both. */
const OPCODES: Readonly<Record<number, number>> = {
  [OPCODE_CLOSE]: 1,
  [OPCODE_PING]: 2,
  [OPCODE_PONG]: 3,
  [OPCODE_TEXT]: 4,
  [OPCODE_BINARY]: 5,
};

/** All that a close frame of draft 05 says: which side has sent it. */
const SAID_BY_CLIENT = /* @__PURE__ */ Uint8Array.of(0x43);
const SAID_BY_SERVER = /* @__PURE__ */ Uint8Array.of(0x53);

const EMPTY = new Uint8Array(0);

class DraftCodec implements WireCodec {
  readonly version: 4 | 5 | 6;
  readonly masks = true;
  readonly hasPing = true;
  readonly hasCloseFrame = true;
  readonly mayClose = true;
  readonly #isClient: boolean;
  readonly #keys: FrameKeys;
  /** In draft 04: what an answer to the peer's close frame has to repeat, for it to be one. */
  #closeOfPeer = EMPTY;

  constructor(version: 4 | 5 | 6, setup: DraftSetup) {
    this.version = version;
    this.#isClient = setup.isClient;
    this.#keys = version === 4 ? keysOf(setup) : nonceKeys;
  }

  get hasCloseCode(): boolean {
    return this.version === 6;
  }

  reader(options: FrameParserOptions): FrameReader {
    const keys = options.acceptsEither ? unlessZero(this.#keys) : this.#keys;
    return new DraftReader(options, keys, (payload) => this.#readClose(payload));
  }

  encode(first: number, payload: Uint8Array, length: number, masking: Masking): Uint8Array {
    const opcode = first & OPCODE_BITS;
    if (opcode === OPCODE_CLOSE) {
      payload = this.#closePayload(payload);
      length = payload.length;
    }
    const start = this.#isClient ? NONCE_LENGTH : 0;
    const frame = new Uint8Array(start + headerLength(length, false) + length);
    const draftFirst = first & ~OPCODE_BITS | (OPCODES[opcode] ?? opcode);
    frame.set(payload, writeHeader(frame, start, draftFirst, length, false));
    // Otherwise the nonce is zero, and all lies open behind it.
    if (this.#isClient && masking === FRESH_KEY) {
      writeMaskingKey(frame, 0, newMaskingKey());
      maskFrame(frame, start, frame.length, this.#keys(frame.subarray(0, start)), 0);
    }
    return frame;
  }

  #closePayload(payload: Uint8Array): Uint8Array {
    if (this.version === 4) return this.#closeOfPeer;
    if (this.version === 5) return this.#isClient ? SAID_BY_CLIENT : SAID_BY_SERVER;
    return recoded(payload, CLOSE_STATUS.messageTooLarge, CLOSE_STATUS.payloadTooLarge);
  }

  #readClose(payload: Uint8Array): Uint8Array {
    if (this.version === 6) {
      return recoded(payload, CLOSE_STATUS.payloadTooLarge, CLOSE_STATUS.messageTooLarge);
    }
    if (this.version === 4) this.#closeOfPeer = payload.slice();
    return EMPTY;
  }
}

function keysOf({ connectionKey, sha1, cCompatible }: DraftSetup): FrameKeys {
  if (connectionKey === undefined) throw new TypeError("draft 04 needs the key of the connection");
  return cCompatible ? connectionKeys(connectionKey) : hashedKeys(connectionKey, sha1);
}

/** A close payload with another code for the same: what became 1009 was 1004 in draft 06. */
function recoded(payload: Uint8Array, from: number, to: number): Uint8Array {
  if (payload.length < 2 || (payload[0]! << 8 | payload[1]!) !== from) return payload;
  const copy = payload.slice();
  copy[0] = to >>> 8;
  copy[1] = to;
  return copy;
}
