/** What programs call for presence: their arguments, and their promises. */

import type { PresenceEntry, PresenceOptions, PresenceQuery } from "../../api/topics/presence.ts";
import type { Wsi } from "../../api/wsi.ts";
import { describeValue, refuseArgument } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { behind, isFace } from "../../base/face.ts";
import { messageOf } from "../../base/log.ts";
import { isWhole } from "../../base/option_rules.ts";
import type { Connection } from "../connection.ts";
import type { Framed } from "../prepared_message.ts";
import { checkName, checkTopic } from "../../topics/topic_name.ts";
import type { TopicCalls } from "../../topics/topics.ts";
import { checkOptions, promised } from "./calls.ts";

type Topics = TopicCalls<Framed>;

const encoder = new TextEncoder();

export function join(
  topics: Topics,
  wsi: Wsi,
  topic: string,
  options: PresenceOptions | undefined,
): Promise<void> {
  return promised(() => {
    const connection = connectionOf("join", topics, wsi);
    checkTopic("join", topic);
    checkOptions("join", options, ["key", "info"]);
    const key = options?.key;
    if (key !== undefined) checkName("join", "key", key);
    return topics.presence.join(connection, topic, { key, info: infoOf(topics, options?.info) });
  });
}

/** As JSON. */
function infoOf({ presence }: Topics, info: unknown): string | undefined {
  if (info === undefined) return undefined;
  const text = jsonOf(info);
  const { maxMemberInfo } = presence.limits;
  const { length } = encoder.encode(text);
  if (length <= maxMemberInfo) return text;
  presence.onLimit("maxMemberInfo");
  const what = `join: info has ${length} bytes as JSON, more than topics.maxMemberInfo`;
  throw new LwsError("topic-limit", `${what} (${maxMemberInfo})`);
}

function jsonOf(info: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(info);
  } catch (cause) {
    const what = `join: info is ${describeValue(info)}; allowed: what has a form as JSON`;
    throw new LwsError("invalid-argument", `${what} (${messageOf(cause)})`, { cause });
  }
  return text ?? refuseArgument("join", "info", info, "what has a form as JSON");
}

export function leave(topics: Topics, wsi: Wsi, topic: string): Promise<void> {
  return promised(() => {
    const connection = connectionOf("leave", topics, wsi);
    checkTopic("leave", topic);
    return topics.presence.leave(connection, topic);
  });
}

/** One of another context would be left in the topic when it ends. */
function connectionOf(call: string, topics: Topics, wsi: Wsi): Connection {
  if (typeof wsi === "object" && wsi !== null && isFace(wsi)) {
    const connection = behind<Connection>(wsi);
    if (connection.owner?.topics === topics) return connection;
  }
  refuseArgument(call, "wsi", wsi, "a Wsi of this context");
}

export function list(
  topics: Topics,
  topic: string,
  options: PresenceQuery | undefined,
): Promise<PresenceEntry[]> {
  return promised(() => {
    checkTopic("list", topic);
    checkOptions("list", options, ["limit"]);
    const { maxMembers } = topics.presence.limits;
    const limit = options?.limit ?? maxMembers;
    if (!isWhole(limit, 1, maxMembers)) {
      refuseArgument("list", "limit", limit, `a whole number from 1 to ${maxMembers}`);
    }
    return topics.presence.list(topic, limit);
  });
}

export function count(topics: Topics, topic: string): Promise<number> {
  return promised(() => {
    checkTopic("count", topic);
    return topics.presence.count(topic);
  });
}
