/** Which texts name a topic. */

import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import { checkTopic } from "../../../src/topics/topic_name.ts";

const GOOD = [
  "a",
  " ",
  "room.1/*>{}#",
  "a".repeat(255),
  "ä".repeat(127),
  `${"ä".repeat(127)}b`,
  "€".repeat(85),
  "😀".repeat(63),
  `${"😀".repeat(63)}abc`,
];

const BAD: readonly unknown[] = [
  "",
  "a".repeat(256),
  "ä".repeat(128),
  `${"ä".repeat(127)}bc`,
  "€".repeat(86),
  "😀".repeat(64),
  `${"😀".repeat(63)}abcd`,
  "a\nb",
  "\0",
  "\x7f",
  "\x9f",
  "\ud83d",
  "\ude00a",
  undefined,
  null,
  7,
  ["a"],
  new String("a"),
];

Deno.test("a topic has 1 to 255 bytes of UTF-8 without controls and halves of characters", () => {
  for (const topic of GOOD) checkTopic("subscribe", topic);
  for (const topic of BAD) {
    const error = assertThrows(() => checkTopic("subscribe", topic), LwsError);
    assertEquals(error.code, "invalid-argument");
    assertEquals(error.message.startsWith("subscribe: topic is "), true, error.message);
  }
});
