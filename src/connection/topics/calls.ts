/** What programs call for topics: their arguments, and their promises. */

import type {
  HistoryQuery,
  Position,
  PublishOptions,
  SubscribeOptions,
  Subscription,
  TopicHistory,
} from "../../api/topics/topics.ts";
import type { PreparedMessage } from "../../api/write.ts";
import type { Bytes } from "../../base/bytes.ts";
import { disregard } from "../../base/callback_results.ts";
import { refuseArgument } from "../../base/check.ts";
import { didYouMean } from "../../base/did_you_mean.ts";
import { behind, isFace } from "../../base/face.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf, own, thrown } from "../../base/log.ts";
import { isWhole } from "../../base/option_rules.ts";
import { borrowed, type Framed, framed } from "../prepared_message.ts";
import type { Subscriber } from "../../topics/subscriber.ts";
import { checkTopic } from "../../topics/topic_name.ts";
import type { Begin, PublishChoices, TopicCalls } from "../../topics/topics.ts";

type Topics = TopicCalls<Framed>;
type Member = Subscriber<Framed>;

const MOST_HISTORY = 1_000;
const LONGEST_ID = 255;
const NO_CHOICES: PublishChoices<Framed> = {};

export function subscribe(
  topics: Topics,
  member: Member,
  topic: string,
  options: SubscribeOptions | undefined,
): Promise<Subscription> {
  return promised(() => {
    checkTopic("subscribe", topic);
    const since = sinceOf("subscribe", options, ["since", "begin"]);
    return topics.subscribe(member, topic, since, beginOf(member, options));
  });
}

function beginOf(member: Member, options: SubscribeOptions | undefined): Begin | undefined {
  const begin = options?.begin;
  if (begin === undefined) return undefined;
  if (typeof begin !== "function") refuseArgument("subscribe", "begin", begin, "a function");
  return (start) => {
    try {
      disregard(begin(start), "subscribe: begin", () => member.hasFailed());
    } catch (error) {
      log("err", () => line`subscribe: begin threw: ${thrown(error)}`);
      member.hasFailed();
    }
  };
}

function sinceOf(
  call: string,
  options: SubscribeOptions | undefined,
  members: readonly string[],
): Position | undefined {
  checkOptions(call, options, members);
  const since = options?.since;
  if (since === undefined) return undefined;
  if (typeof since?.epoch === "string" && isWhole(since.offset, 0, Number.MAX_SAFE_INTEGER)) {
    return { epoch: since.epoch, offset: since.offset };
  }
  refuseArgument(call, "since", since, "a position, of an epoch and an offset from 0");
}

export function unsubscribe(topics: Topics, member: Member, topic: string): boolean {
  checkTopic("unsubscribe", topic);
  return topics.unsubscribe(member, topic);
}

/** A program's publication to all but a connection of its own. */
export function publish(
  topics: Topics,
  topic: string,
  data: string | Bytes | PreparedMessage,
  except: Member,
  options: Omit<PublishOptions, "except"> | undefined,
): Promise<Position> {
  return promised(() => {
    if (!topics.has(topic)) checkTopic("publish", topic);
    checkOptions("publish", options, ["id", "history", "signal"]);
    const choices = { ...choicesOf(topics, options), except };
    return topics.publish(topic, publicationOf(topics, data), choices);
  });
}

/** The same by the context, whose options say which connection is left out. */
export function publishToAll(
  topics: Topics,
  topic: string,
  data: string | Bytes | PreparedMessage,
  options: PublishOptions | undefined,
): Promise<Position> {
  return promised(() => {
    if (!topics.has(topic)) checkTopic("publish", topic);
    checkOptions("publish", options, ["id", "except", "history", "signal"]);
    return topics.publish(topic, publicationOf(topics, data), choicesOf(topics, options));
  });
}

function publicationOf(topics: Topics, data: string | Bytes | PreparedMessage): Framed {
  return topics.takesAtOnce ? borrowed("publish", data) : framed("publish", data);
}

function choicesOf(topics: Topics, options: PublishOptions | undefined): PublishChoices<Framed> {
  if (options === undefined) return NO_CHOICES;
  const { id, history, signal } = options;
  if (id !== undefined && !isId(id)) {
    refuseArgument("publish", "id", id, `a text of 1 to ${LONGEST_ID} characters, well-formed`);
  }
  if (history !== undefined && typeof history !== "boolean") {
    refuseArgument("publish", "history", history, "true or false");
  }
  if (history && !topics.keepsHistory) {
    refuseArgument("publish", "history", history, "false, as no broker of this context keeps any");
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    refuseArgument("publish", "signal", signal, "an AbortSignal");
  }
  return { id, history, signal, except: exceptOf(options) };
}

/** What is ill-formed is not told from others of that kind where it is encoded. */
function isId(id: unknown): boolean {
  return typeof id === "string" && id !== "" && id.length <= LONGEST_ID && id.isWellFormed();
}

function exceptOf({ except }: PublishOptions): Member | undefined {
  if (except === undefined) return undefined;
  if (typeof except === "object" && except !== null && isFace(except)) {
    const member = behind<Member>(except);
    // A context has a face as well.
    if (typeof member.deliver === "function") return member;
  }
  refuseArgument("publish", "except", except, "a Wsi");
}

export function history(
  topics: Topics,
  topic: string,
  options: HistoryQuery | undefined,
): Promise<TopicHistory> {
  return promised(() => {
    checkTopic("history", topic);
    const since = sinceOf("history", options, ["since", "limit"]);
    const limit = options?.limit ?? MOST_HISTORY;
    if (!isWhole(limit, 1, MOST_HISTORY)) {
      refuseArgument("history", "limit", limit, `a whole number from 1 to ${MOST_HISTORY}`);
    }
    return topics.history(topic, since === undefined ? { limit } : { since, limit });
  });
}

export function subscriberCount(topics: Topics, topic: string): number {
  checkTopic("subscriberCount", topic);
  return topics.subscriberCount(topic);
}

export function checkOptions(
  call: string,
  options: object | undefined,
  members: readonly string[],
): void {
  if (options === undefined) return;
  const allowed = members.join(", ");
  if (typeof options !== "object" || options === null) {
    refuseArgument(call, "options", options, `an object with ${allowed}`);
  }
  const stray = Object.keys(options).find((name) => !members.includes(name));
  if (stray === undefined) return;
  const hint = didYouMean(stray, members);
  refuseArgument(call, stray, options[stray as keyof typeof options], `only ${allowed}${hint}`);
}

/**
 * What comes of a call. A rejection that the program doesn't look at must not end the process, which the
 * runtime would have it do: a peer may have caused it, as by a message that is too long to be published.
 */
export function promised<Result>(call: () => Result | Promise<Result>): Promise<Result> {
  let result: Promise<Result>;
  try {
    const called = call();
    if (!(called instanceof Promise)) return Promise.resolve(called);
    result = called;
  } catch (error) {
    result = Promise.reject(error);
  }
  result.catch(logRejection);
  return result;
}

/** A connection that ends meanwhile is nothing to be warned of. */
function logRejection(error: unknown): void {
  const isOfPeer = error instanceof LwsError && error.code === "connection-closed";
  log(
    isOfPeer ? "info" : "warn",
    () => line`${isOfPeer ? messageOf(error) : own(messageOf(error))}`,
  );
}
