/** What a peer's frames may be: what many connections have in common for their {@linkcode FrameParser}s. */

import { LENGTH_16 } from "./frame.ts";

/** Bounds on what a peer may send. */
export interface FrameLimits {
  /** Bytes of payload in one frame; more fails the connection with 1009. */
  readonly maxFramePayload: number;
  /** Frames in one message; more fail the connection with 1008. */
  readonly maxFragments: number;
  /** Frames without payload in one message; more fail the connection with 1008. */
  readonly maxEmptyFragments: number;
}

/** How frames are read. */
export interface FrameRuleOptions {
  /** Whether the peer must mask: true on a server, false on a client (section 5.1). */
  readonly masked: boolean;
  /** Whether frames that break that rule are taken all the same, for tests. @default {false} */
  readonly acceptsEither?: boolean;
  /** Frames up to this many bytes come in one piece, longer ones in several. */
  readonly pieceSize: number;
  /** What is too much. */
  readonly limits: FrameLimits;
  /**
   * The reserved bits, 0 to 7, that extensions have given a meaning to on the first frame of a
   * message (section 9.1). What such a message carries is not the text itself, so that it is not
   * checked here.
   *
   * @default {0}
   */
  readonly reservedBits?: number;
  /** Those of them that stand on every data frame for itself. @default {0} */
  readonly frameBits?: number;
  /**
   * Whether a message without any of them carries its text itself, which is checked here then.
   *
   * @default {true}
   */
  readonly checksText?: boolean;
  /** Asked behind each frame, or piece of one. @default {none, and nothing stops it} */
  readonly pace?: ParserPace | undefined;
}

/** How far a parser goes in one call. Implemented by TurnBudget, which shares out the event loop's time. */
export interface ParserPace {
  /** Asked behind each frame, or piece of one; when false, the bytes behind it are left untaken. */
  mayGoOn(): boolean;
}

/** The same as a parser reads it. One object serves all connections to which it applies. */
export class FrameRules {
  /** {@linkcode FrameRuleOptions.masked}. */
  readonly masked: boolean;
  /** {@linkcode FrameRuleOptions.pieceSize}. */
  readonly pieceSize: number;
  /** {@linkcode FrameRuleOptions.limits}. */
  readonly limits: FrameLimits;
  /** {@linkcode FrameRuleOptions.reservedBits} where a header has them. */
  readonly extensionBits: number;
  /** {@linkcode FrameRuleOptions.frameBits} where a header has them. */
  readonly frameBits: number;
  /** {@linkcode FrameRuleOptions.checksText}. */
  readonly checksText: boolean;
  /** Up to this length a frame may be plain in every way, with a short header; 0 for none. */
  readonly plainSize: number;
  /** {@linkcode FrameRuleOptions.pace}. */
  readonly pace: ParserPace | undefined;
  /** Those for frames that break the rule of masking, where these are taken. */
  readonly others: FrameRules | undefined;

  /** The rules of these options; `others` are those of the constructor alone. */
  constructor(options: FrameRuleOptions, others?: FrameRules) {
    const { masked, pieceSize, limits } = options;
    this.masked = masked;
    this.pieceSize = pieceSize;
    this.limits = limits;
    this.extensionBits = (options.reservedBits ?? 0) << 4;
    this.frameBits = (options.frameBits ?? 0) << 4;
    this.checksText = options.checksText ?? true;
    const longest = Math.min(pieceSize, limits.maxFramePayload, LENGTH_16 - 1);
    this.plainSize = this.checksText ? longest : 0;
    this.pace = options.pace;
    this.others = others;
    if (others === undefined && options.acceptsEither) {
      this.others = new FrameRules({ ...options, masked: !masked }, this);
    }
  }
}
