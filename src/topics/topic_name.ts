/** What may be the name of a topic. */

import { refuseArgument } from "../base/check.ts";

/** Bytes of UTF-8. */
const LONGEST_TOPIC = 255;
/** The most that a UTF-16 unit becomes. */
const LONGEST_UNIT = 3;

const CONTROL = /\p{Cc}/u;
const encoder = new TextEncoder();
const scratch = new Uint8Array(LONGEST_TOPIC);

/** @throws {LwsError} `invalid-argument` for what is none; `call` is named in front */
export function checkTopic(call: string, topic: unknown): asserts topic is string {
  checkName(call, "topic", topic);
}

/** The same for what else is named by such texts. */
export function checkName(call: string, parameter: string, name: unknown): asserts name is string {
  if (isTopic(name)) return;
  refuseArgument(
    call,
    parameter,
    name,
    `a text of 1 to ${LONGEST_TOPIC} bytes of UTF-8 without control characters`,
  );
}

/** Whether a value may be one. */
export function isTopic(topic: unknown): topic is string {
  if (typeof topic !== "string" || topic === "" || topic.length > LONGEST_TOPIC) return false;
  if (CONTROL.test(topic) || !topic.isWellFormed()) return false;
  if (topic.length * LONGEST_UNIT <= LONGEST_TOPIC) return true;
  return encoder.encodeInto(topic, scratch).read === topic.length;
}
