/** The timeout that a connection is under. */

import { TIMEOUT_REASONS, type TimeoutReason } from "../api/timeouts.ts";
import { refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/did_you_mean.ts";
import { line, log, own } from "../base/log.ts";
import { type TimerWheel, WheelEntry } from "../service/timer_wheel.ts";

/** The longest delay that the runtime's timers can wait. */
const MAX_SECONDS = 2_147_483;

/** Whose timeout it is. Implemented by Connection. */
export interface TimedConnection {
  readonly socketFd: number;
  readonly owner: { readonly wheel: TimerWheel };
  isHeldUp(times: number): boolean;
  onTimeout(reason: TimeoutReason): void;
}

/** One at a time: each takes the place of the last. */
export class Timeout extends WheelEntry {
  readonly #connection: TimedConnection;
  #reason: TimeoutReason = "noPendingTimeout";
  /** Whether the program has chosen it, or has lifted the one before. */
  isOfProgram = false;

  constructor(connection: TimedConnection) {
    super();
    this.#connection = connection;
  }

  arm(reason: TimeoutReason, delayMs: number, isOfProgram: boolean): void {
    const { wheel } = this.#connection.owner;
    this.#reason = reason;
    this.isOfProgram = isOfProgram;
    if (reason === "noPendingTimeout") wheel.cancel(this);
    else wheel.arm(this, delayMs);
  }

  override isHeldUp(times: number): boolean {
    return this.#connection.isHeldUp(times);
  }

  onDue(): void {
    const reason = this.#reason;
    log("info", () => line`connection ${this.#connection.socketFd}: timeout ${own(reason)}`);
    this.#connection.onTimeout(reason);
  }
}

/** @throws {LwsError} `invalid-argument` for what can't be a program's timeout */
export function checkTimeout(reason: TimeoutReason, seconds: number): void {
  if (!TIMEOUT_REASONS.includes(reason)) {
    const allowed = `one of ${TIMEOUT_REASONS.join(", ")}${didYouMean(reason, TIMEOUT_REASONS)}`;
    refuseArgument("setTimeout", "reason", reason, allowed);
  }
  if (typeof seconds !== "number" || !(seconds >= 0 && seconds <= MAX_SECONDS)) {
    refuseArgument("setTimeout", "seconds", seconds, `0 to ${MAX_SECONDS}`);
  }
}
