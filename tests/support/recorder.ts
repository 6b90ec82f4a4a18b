/** Protocols that write down what they are called with. */

import type { CallbackResult, LogLevel, Protocol, ReasonData, Wsi } from "../../mod.ts";
import { setLogLevel } from "../../mod.ts";

export interface Recorder {
  readonly protocol: Protocol<{ of: string }>;
  /** The reasons in the order of their calls. */
  readonly reasons: string[];
  /** Resolves once `reason` has come `count` times in all. */
  until(reason: string, count?: number): Promise<void>;
}

type CallbackArgs = Parameters<Protocol<{ of: string }>["callback"]>;

/** What is done for a reason, under its name. */
type Answers = {
  readonly [R in keyof ReasonData]?: (
    wsi: Wsi<{ of: string }>,
    user: CallbackArgs[2],
    data: ReasonData[R],
  ) => CallbackResult;
};

/**
 * A protocol that records its reasons, into `reasons` if that is shared, with the protocol's name in
 * front then.
 */
export function record(
  name: string,
  answer: ((...args: CallbackArgs) => CallbackResult) | Answers = {},
  shared?: string[],
): Recorder {
  const reasons: string[] = [];
  const waiting: { reason: string; count: number; resolve: () => void }[] = [];
  const protocol: Protocol<{ of: string }> = {
    name,
    perSessionData: () => ({ of: name }),
    callback(...args) {
      const reason = args[1];
      reasons.push(reason);
      shared?.push(`${name}: ${reason}`);
      try {
        if (typeof answer === "function") return answer(...args);
        return answer[reason as keyof ReasonData]?.(args[0], args[2], args[3] as never);
      } finally {
        for (const each of waiting.splice(0)) {
          if (countOf(each.reason) >= each.count) each.resolve();
          else waiting.push(each);
        }
      }
    },
  };
  const countOf = (reason: string) => reasons.filter((each) => each === reason).length;
  return {
    protocol,
    reasons,
    until(reason, count = 1) {
      if (countOf(reason) >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ reason, count, resolve }));
    },
  };
}

/** Collects log lines instead of printing them, for as long as it is in use. */
export function captureLog(levels: readonly LogLevel[] = ["err", "warn"]): Disposable & {
  readonly lines: string[];
} {
  const lines: string[] = [];
  setLogLevel(levels, (level, line) => lines.push(`${level}: ${line}`));
  return { lines, [Symbol.dispose]: () => setLogLevel(["err", "warn"]) };
}
