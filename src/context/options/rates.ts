/** The rule of the option for rates. */

import type { RateExcess, RateInfo } from "../../api/creation/rate_info.ts";
import type { Limits } from "../../api/limits.ts";
import type { Inquiry, Rule } from "../../base/option_rules.ts";

const EXCESSES: readonly unknown[] = ["pause", "close"] satisfies RateExcess[];

/** The rules of {@linkcode RateInfo}. */
export const RATE_RULES = {
  rateExcess: {
    kind: "text",
    allowed: '"pause" or "close", beside maxMessagesPerSecond or maxBytesPerSecond',
    default: '`"pause"`',
    about: "What becomes of a WebSocket whose peer sends too fast: reading waits, or 1008.",
    check(value, ask: Inquiry<unknown>): RateExcess {
      if (value === undefined) return "pause";
      const { maxMessagesPerSecond, maxBytesPerSecond } = ask.info as Partial<Limits>;
      const isOfUse = maxMessagesPerSecond !== undefined || maxBytesPerSecond !== undefined;
      if (!EXCESSES.includes(value) || !isOfUse) ask.refuse(value);
      return value as RateExcess;
    },
  },
} satisfies Record<keyof RateInfo, Rule<unknown, unknown>>;
