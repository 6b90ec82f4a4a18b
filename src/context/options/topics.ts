/** The rules of the limits of topics, and their check. */

import { DEFAULT_TOPIC_LIMITS, type TopicInfo, type TopicLimits } from "../../api/topics/limits.ts";
import { didYouMean } from "../../base/did_you_mean.ts";
import { checkAll, type Inquiry, type Rule, wholeNumber } from "../../base/option_rules.ts";

/** The rules, in the order of {@linkcode TopicLimits}. */
export const TOPIC_LIMIT_RULES = {
  maxUnsent: limit(
    "bytes",
    "maxUnsent",
    0,
    "Unsent on a connection, above which the next publication closes it with 1013.",
  ),
  maxPerConnection: limit("number", "maxPerConnection", 1, "Topics of one connection."),
  maxTopics: limit("number", "maxTopics", 1, "Topics with a subscriber, in all."),
  maxPublication: limit("bytes", "maxPublication", 0, "Of a publication; more is refused."),
} satisfies Record<keyof TopicLimits, Rule<number>>;

/** The rules of {@linkcode TopicInfo}. */
export const TOPIC_RULES = {
  topics: {
    kind: "object",
    allowed: "an object of limits of topics",
    default: "all of them are the defaults",
    about: "What bounds `wsi.subscribe` and `context.publish`: see below.",
    check: checkTopicLimits,
  },
} satisfies Record<keyof TopicInfo, Rule<unknown, unknown>>;

function limit(
  kind: "bytes" | "number",
  name: keyof TopicLimits,
  from: number,
  about: string,
): Rule<number> {
  return wholeNumber(kind, { from, to: Infinity, fallback: DEFAULT_TOPIC_LIMITS[name] }, about);
}

function checkTopicLimits(given: unknown, ask: Inquiry<unknown>): TopicLimits {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  if (given !== undefined && !isObject) ask.refuse(given);
  const limits = isObject ? given : {};
  for (const [name, value] of Object.entries(limits)) {
    if (Object.hasOwn(TOPIC_LIMIT_RULES, name)) continue;
    const names = Object.keys(TOPIC_LIMIT_RULES);
    ask.refusePart(`.${name}`, value, `one of ${names.join(", ")}${didYouMean(name, names)}`);
  }
  return checkAll(TOPIC_LIMIT_RULES, limits, {
    info: undefined,
    problems: ask.problems,
    prefix: `${ask.field}.`,
  });
}
