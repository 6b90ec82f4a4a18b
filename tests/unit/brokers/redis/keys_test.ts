import { assertEquals } from "@std/assert";
import { Keys } from "../../../../src/brokers/redis/keys.ts";

/** The part of a key that says its slot, as Redis reads it. */
function hashTag(key: string): string {
  const start = key.indexOf("{");
  const end = key.indexOf("}", start);
  return key.slice(start + 1, end);
}

const TOPICS = ["room/1", "a b", "{x}", "}", "}:m", "a}:i:b", "%", "%7D", "50%25}", "é"];

Deno.test("all names of a topic have one hash tag, and another topic has another", () => {
  const keys = new Keys("lws", 0);
  const tags = TOPICS.map((topic) => {
    const names = [
      keys.meta(topic),
      keys.stream(topic),
      keys.result(topic, "}"),
      keys.channel(topic),
    ];
    assertEquals(new Set(names.map(hashTag)).size, 1, topic);
    return hashTag(names[0]!);
  });
  assertEquals(new Set(tags).size, TOPICS.length);
});

Deno.test("a channel says its topic", () => {
  for (const keys of [new Keys("lws", 0), new Keys("a.b-c", 12)]) {
    assertEquals(TOPICS.map((topic) => keys.topicOf(keys.channel(topic))), TOPICS);
  }
});

Deno.test("no id of a topic makes the name of something of another", () => {
  const keys = new Keys("lws", 0);
  assertEquals(keys.result("a", "b}:m") === keys.meta("a}:i:b"), false);
});

Deno.test("databases have channels of their own, as Redis has one set of channels for all", () => {
  assertEquals(new Keys("lws", 0).channel("a"), "{lws:a}:c");
  assertEquals(new Keys("lws", 5).channel("a"), "{lws:a}:c5");
});
