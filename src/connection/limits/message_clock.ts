/** How long one message of a peer's may take, from its first byte to its last one. */

import {
  BEGUN,
  BEGUN_IN_FRONT,
  NONE,
  type Progress,
} from "../../core/websocket/message_in_hand.ts";
import { type TimerWheel, WheelEntry } from "../../service/timer_wheel.ts";

/** Whose messages are timed. Implemented by IncomingFrames. */
export interface TimedSession {
  readonly connection: {
    readonly owner: {
      readonly wheel: TimerWheel;
      readonly limits: { readonly messageTimeoutMs: number };
    };
    readonly isPausedByThisEnd: boolean;
    isHeldUp(times: number): boolean;
  };
  /** The message has had its time. */
  onSlowMessage(): void;
}

/**
 * Of one session, made by the first read that ends inside of a message. It stays armed when the message has come:
 * most that come in many reads follow each other.
 */
export class MessageClock extends WheelEntry {
  readonly #session: TimedSession;
  /** When the message began, less the time for which this end did not read. */
  #since = 0;
  #isRunning = false;
  /** How long it has run, while this end does not read. */
  #spentMs: number | undefined;
  /** Whether the last read has ended inside of the head of a frame. */
  #wasInHead = false;

  constructor(session: TimedSession) {
    super();
    this.#session = session;
  }

  get #wheel(): TimerWheel {
    return this.#session.connection.owner.wheel;
  }

  /**
   * A read was taken.
   *
   * @param progress of the parser
   * @param isInHead whether the read ends inside of a frame's head, or of a control frame
   * @param hasTaken whether anything of the read was taken
   */
  read(progress: Progress, isInHead: boolean, hasTaken: boolean): void {
    const wasInHead = this.#wasInHead;
    this.#wasInHead = isInHead;
    if (progress === NONE && !isInHead) {
      this.#isRunning = false;
      return;
    }
    const begins = progress === BEGUN || (progress === BEGUN_IN_FRONT && !wasInHead) ||
      (progress === NONE && hasTaken);
    if (this.#isRunning && !begins) return;
    this.#isRunning = true;
    this.#since = this.#wheel.now();
    this.#spentMs = undefined;
    if (this.#session.connection.isPausedByThisEnd) this.#spentMs = 0;
    else if (!this.pending) this.#arm();
  }

  /** Reading was stopped, or goes on. */
  onPause(): void {
    if (!this.#isRunning) return;
    const now = this.#wheel.now();
    if (this.#session.connection.isPausedByThisEnd) this.#spentMs ??= now - this.#since;
    else if (this.#spentMs !== undefined) {
      this.#since = now - this.#spentMs;
      this.#spentMs = undefined;
      if (!this.pending) this.#arm();
    }
  }

  stop(): void {
    this.#isRunning = false;
    this.#wheel.cancel(this);
  }

  override isHeldUp(times: number): boolean {
    return this.#isRunning && this.#session.connection.isHeldUp(times);
  }

  onDue(): void {
    if (!this.#isRunning || this.#spentMs !== undefined) return;
    if (this.#leftMs > 0) this.#arm();
    else this.#session.onSlowMessage();
  }

  get #leftMs(): number {
    const { messageTimeoutMs } = this.#session.connection.owner.limits;
    return this.#since + messageTimeoutMs - this.#wheel.now();
  }

  #arm(): void {
    this.#wheel.arm(this, this.#leftMs);
  }
}
