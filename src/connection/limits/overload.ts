/** When a server takes no new requests, and what it answers them with. */

import { line, log } from "../../base/log.ts";
import type { FieldLine } from "../../core/http/writer.ts";
import type { ContextCounters } from "../stats/counters.ts";

/** Overload ends below so much of the limit, so that it doesn't begin again at once. */
const QUIET_SHARE = 0.5;
/** Seconds: by then the lag has passed, or begun to. */
const RETRY_AFTER = "1";

/** What tells the lag. Implemented by LoopLag. */
export interface Lagging {
  readonly ms: number;
}

/** Whether the event loop lags too much for more work. */
export class Overload {
  readonly #lag: Lagging;
  readonly #mostMs: number;
  #isOn = false;

  /** @param mostMs what is no overload yet */
  constructor(lag: Lagging, mostMs: number) {
    this.#lag = lag;
    this.#mostMs = mostMs;
  }

  get isOn(): boolean {
    this.look();
    return this.#isOn;
  }

  /** Sees whether it begins or ends. */
  look(): void {
    const { ms } = this.#lag;
    const isOn = ms > (this.#isOn ? this.#mostMs * QUIET_SHARE : this.#mostMs);
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    if (isOn) {
      const lagMs = Math.round(ms);
      const mostMs = this.#mostMs;
      log(
        "warn",
        line`the event loop lags ${lagMs} ms, past maxLoopLagMs (${mostMs}): new requests are answered 503`,
      );
    } else log("notice", "the event loop has caught up: requests are served again");
  }
}

/** What of a context says whether it serves. */
export interface Available {
  readonly isDestroyed: boolean;
  readonly overload: Overload | undefined;
  readonly counters: ContextCounters;
}

/** Why a new request is answered 503. */
export interface Unavailability {
  readonly why: string;
  readonly fields: readonly FieldLine[];
}

const DESTROYED: Unavailability = { why: "the context is being destroyed", fields: [] };
const OVERLOADED: Unavailability = {
  why: "the event loop lags too much",
  fields: [["Retry-After", RETRY_AFTER]],
};

/** Undefined when it is to be served; else it is counted. */
export function unavailability(
  { isDestroyed, overload, counters }: Available,
  isHandshake: boolean,
): Unavailability | undefined {
  if (!isDestroyed && !overload?.isOn) return undefined;
  if (isHandshake) counters.refusedFor(isDestroyed ? "destroy" : "overload");
  if (isDestroyed) return DESTROYED;
  counters.hit("maxLoopLagMs");
  return OVERLOADED;
}
