/** The rules of the limits of topics, and their check. */

import type { Broker } from "../../api/topics/broker.ts";
import type { BrokerPresence } from "../../api/topics/broker_presence.ts";
import { DEFAULT_TOPIC_LIMITS, type TopicInfo, type TopicLimits } from "../../api/topics/limits.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import {
  checkAll,
  type Inquiry,
  missingMethods,
  type Rule,
  wholeNumber,
} from "../../base/option_rules.ts";

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
  maxPending: limit(
    "number",
    "maxPending",
    1,
    "Publications that wait for the broker; more are refused.",
  ),
  lingerMs: limit("milliseconds", "lingerMs", 0, "A topic without subscribers stays subscribed."),
  positionCheckMs: limit(
    "milliseconds",
    "positionCheckMs",
    1,
    "Of silence of a topic, until the broker is asked whether something was missed.",
  ),
  brokerTimeoutMs: limit("milliseconds", "brokerTimeoutMs", 1, "A call waits for the broker."),
  maxMembers: limit("number", "maxMembers", 1, "Connections in a topic that are listed."),
  maxMemberInfo: limit("bytes", "maxMemberInfo", 4, "Of what the others know of a connection."),
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
  broker: {
    kind: "object",
    allowed: "a broker, as `memoryBroker()`",
    default: "none: publications stay in this context, and none is kept",
    about: "Carries publications to other contexts, and keeps them for clients that were away.",
    check: checkBroker,
  },
} satisfies Record<keyof TopicInfo, Rule<unknown, unknown>>;

function limit(
  kind: "bytes" | "milliseconds" | "number",
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

/** What each has to have. */
const BROKER_METHODS = [
  "start",
  "subscribe",
  "unsubscribe",
  "publish",
  "history",
  "tops",
] as const satisfies (keyof Broker)[];

const PRESENCE_METHODS = ["join", "leave", "tend", "members"] as const satisfies (
  keyof BrokerPresence
)[];

function checkBroker(given: unknown, ask: Inquiry<unknown>): Broker | undefined {
  if (given === undefined) return undefined;
  const missing: string[] = missingMethods(given, BROKER_METHODS);
  if (typeof (given as Partial<Broker> | null)?.[Symbol.asyncDispose] !== "function") {
    missing.push("Symbol.asyncDispose");
  }
  if (missing.length > 0) ask.refuse(given, `an object with ${missing.join(", ")}`);
  else if (typeof (given as Broker).keepsHistory !== "boolean") {
    ask.refusePart(".keepsHistory", (given as Broker).keepsHistory, "true or false");
  }
  const presence = (given as Partial<Broker> | null)?.presence;
  if (presence !== undefined) {
    const lacking = missingMethods(presence, PRESENCE_METHODS);
    if (lacking.length > 0) {
      ask.refusePart(".presence", presence, `an object with ${lacking.join(", ")}`);
    }
  }
  return given as Broker;
}
