/** How the connections of a context that is destroyed are closed. */

import type { DestroyOptions } from "../api/context.ts";
import { refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import type { Connection } from "../connection/connection.ts";
import { type TimerWheel, WheelTimer, type WheelTimerOwner } from "../service/timer_wheel.ts";

/** The longest delay that the runtime's timers can wait. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Checks and completes them.
 *
 * @throws {LwsError} `invalid-argument`, which names the option.
 */
export function checkDestroyOptions(options: DestroyOptions): Required<DestroyOptions> {
  if (typeof options !== "object" || options === null) {
    refuseArgument("destroy", "options", options, "an object with graceMs and spreadMs");
  }
  const { graceMs = Infinity, spreadMs = 0 } = options;
  for (const name of Object.keys(options)) {
    if (name === "graceMs" || name === "spreadMs") continue;
    const hint = didYouMean(name, ["graceMs", "spreadMs"]);
    const value = options[name as keyof DestroyOptions];
    refuseArgument("destroy", name, value, `graceMs and spreadMs${hint}`);
  }
  const isDelay = (value: unknown) => typeof value === "number" && value >= 0;
  if (!isDelay(spreadMs) || spreadMs > MAX_DELAY_MS) {
    refuseArgument("destroy", "spreadMs", spreadMs, `a number from 0 to ${MAX_DELAY_MS}`);
  }
  if (!isDelay(graceMs) || graceMs < spreadMs) {
    refuseArgument("destroy", "graceMs", graceMs, `a number from spreadMs, ${spreadMs}`);
  }
  return { graceMs, spreadMs };
}

/** Closes connections one after the other, evenly over a time, and cuts what is left after another. */
export class Shutdown implements WheelTimerOwner {
  readonly #wheel: TimerWheel;
  readonly #connections: readonly Connection[];
  /** Those whose end is spread. What is asked of an idle one meanwhile would be refused: it ends at once. */
  readonly #spread: readonly Connection[];
  readonly #startedAt: number;
  readonly #spreadMs: number;
  readonly #spreading: WheelTimer = new WheelTimer(this);
  readonly #grace: WheelTimer = new WheelTimer({ onTimeout: () => this.#abortAll() });
  #left = 0;

  constructor(
    wheel: TimerWheel,
    connections: readonly Connection[],
    { graceMs, spreadMs }: Required<DestroyOptions>,
  ) {
    this.#wheel = wheel;
    this.#connections = connections;
    this.#spread = connections.filter(({ phase }) => phase?.isIdle !== true);
    this.#startedAt = wheel.now();
    this.#spreadMs = spreadMs;
    if (graceMs !== Infinity) wheel.arm(this.#grace, graceMs);
    for (const each of connections) if (each.phase?.isIdle === true) each.leave();
    this.onTimeout();
  }

  /** Lets go of as many as the time wants by now. */
  onTimeout(): void {
    const total = this.#spread.length;
    const elapsed = this.#wheel.now() - this.#startedAt;
    const due = elapsed >= this.#spreadMs ? total : Math.ceil(total * elapsed / this.#spreadMs);
    while (this.#left < due) this.#spread[this.#left++]!.leave();
    if (this.#left < total) this.#wheel.arm(this.#spreading, this.#spreadMs / total);
  }

  /** Called when no connection is left. */
  stop(): void {
    this.#wheel.cancel(this.#spreading);
    this.#wheel.cancel(this.#grace);
  }

  #abortAll(): void {
    for (const connection of this.#connections) connection.abort("destroy");
  }
}
