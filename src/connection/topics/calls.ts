/** What programs call for topics: their arguments, and their promises. */

import type {
  Position,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from "../../api/topics/topics.ts";
import type { PreparedMessage } from "../../api/write.ts";
import type { Bytes } from "../../base/bytes.ts";
import { refuseArgument } from "../../base/check.ts";
import { behind, isFace } from "../../base/face.ts";
import { log, messageOf } from "../../base/log.ts";
import { type Framed, framed } from "../prepared_message.ts";
import type { Hub, Subscriber } from "../../topics/hub.ts";
import { checkTopic } from "../../topics/topic_name.ts";

type Topics = Hub<Framed>;
type Member = Subscriber<Framed>;

export function subscribe(
  topics: Topics,
  member: Member,
  topic: string,
  options: SubscribeOptions | undefined,
): Promise<Subscription> {
  return promised(() => {
    checkTopic("subscribe", topic);
    return topics.subscribe(member, topic, sinceOf(options));
  });
}

function sinceOf(options: SubscribeOptions | undefined): Position | undefined {
  checkOptions("subscribe", options, "since");
  const since = options?.since;
  if (since === undefined) return undefined;
  if (typeof since?.epoch === "string" && Number.isSafeInteger(since.offset)) return since;
  refuseArgument("subscribe", "since", since, "a position, of an epoch and an offset");
}

export function unsubscribe(topics: Topics, member: Member, topic: string): boolean {
  checkTopic("unsubscribe", topic);
  return topics.unsubscribe(member, topic);
}

/** A program's publication to all but `except`. */
export function publish(
  topics: Topics,
  topic: string,
  data: string | Bytes | PreparedMessage,
  except?: Member,
): Promise<Position> {
  return promised(() => {
    if (!topics.has(topic)) checkTopic("publish", topic);
    return topics.publish(topic, framed("publish", data), except);
  });
}

/** The same by the context, whose options say who is left out. */
export function publishToAll(
  topics: Topics,
  topic: string,
  data: string | Bytes | PreparedMessage,
  options: PublishOptions | undefined,
): Promise<Position> {
  return promised(() => {
    if (!topics.has(topic)) checkTopic("publish", topic);
    return topics.publish(topic, framed("publish", data), exceptOf(options));
  });
}

function exceptOf(options: PublishOptions | undefined): Member | undefined {
  checkOptions("publish", options, "except");
  const except: object | undefined = options?.except;
  if (except === undefined) return undefined;
  if (typeof except === "object" && except !== null && isFace(except)) {
    return behind<Member>(except);
  }
  refuseArgument("publish", "except", except, "a Wsi");
}

export function subscriberCount(topics: Topics, topic: string): number {
  checkTopic("subscriberCount", topic);
  return topics.subscriberCount(topic);
}

function checkOptions(call: string, options: object | undefined, member: string): void {
  if (options === undefined) return;
  const isObject = typeof options === "object" && options !== null;
  const stray = isObject ? Object.keys(options).find((name) => name !== member) : undefined;
  if (isObject && stray === undefined) return;
  if (!isObject) refuseArgument(call, "options", options, `an object with ${member}`);
  refuseArgument(call, stray!, options[stray as keyof typeof options], `only ${member}`);
}

/**
 * What comes of a call. A rejection that the program doesn't look at must not end the process, which the
 * runtime would have it do: a peer may have caused it, as by a message that is too long to be published.
 */
function promised<Result>(call: () => Result): Promise<Result> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    log("warn", () => messageOf(error));
    const rejected = Promise.reject<Result>(error);
    rejected.catch(() => {});
    return rejected;
  }
}
