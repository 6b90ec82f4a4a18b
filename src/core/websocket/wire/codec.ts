/**
 * The seam behind which the frames of the protocol's versions differ. What is above it, as the session,
 * its limits and its closing handshake, knows messages and control frames as RFC 6455 has them.
 */

import type { FrameFacts, FrameParserOptions } from "../frame_parser.ts";
import type { Progress } from "../message_in_hand.ts";
import type { Masking } from "../send_queue.ts";
import type { WireVersion } from "../wire_version.ts";

/**
 * The reading half of one connection: bytes in, pieces of frames out. FrameParser is the one of RFC 6455;
 * what is said of its methods holds for all of them.
 */
export interface FrameReader extends FrameFacts {
  parse(bytes: Uint8Array): number;
  stop(): void;
  release(): void;
  readonly held: number;
  takeProgress(): Progress;
}

/**
 * How one connection of a version other than RFC 6455's puts frames on the wire. It may remember what
 * came and went, so that no two connections share one.
 */
export interface WireCodec {
  readonly version: WireVersion;
  /** Whether clients mask what they send. */
  readonly masks: boolean;
  /** Whether a peer can be asked for a sign of life. */
  readonly hasPing: boolean;
  /** Whether a close frame has a code. */
  readonly hasCloseCode: boolean;
  /** Whether there are close frames; if not, the end of the stream is the closing handshake. */
  readonly hasCloseFrame: boolean;
  /** Whether what was encoded so far may be the last before the closing handshake. */
  readonly mayClose: boolean;
  /** Reads what the peer sends, and gives its frames as those of RFC 6455. */
  reader(options: FrameParserOptions): FrameReader;
  /**
   * A frame as it is on the wire.
   *
   * @param first The first byte of the header that RFC 6455 gives it.
   * @param payload Of `length` bytes, by the engine's word and not by what an object says.
   * @throws {LwsError} `unsupported` when the version has no such frame, `invalid-argument` for a payload
   *   that none can carry. Nothing has changed then.
   */
  encode(first: number, payload: Uint8Array, length: number, masking: Masking): Uint8Array;
}
