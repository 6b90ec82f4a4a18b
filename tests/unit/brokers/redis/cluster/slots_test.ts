import { assertEquals } from "@std/assert";
import { Keys } from "../../../../../src/brokers/redis/keys.ts";
import { slotOf } from "../../../../../src/brokers/redis/cluster/slots.ts";

Deno.test("keys are in the slots that Redis has them in", () => {
  // As CLUSTER KEYSLOT of Redis 7.0 answers.
  const slots: Readonly<Record<string, number>> = {
    "123456789": 12739,
    foo: 12182,
    "": 0,
    "{foo}.bar": 12182,
    "foo{}{bar}": 8363,
    "foo{{bar}}zap": 4015,
    "foo{bar}{zap}": 5061,
    "{lws:é}:m": 4768,
  };
  assertEquals(Object.keys(slots).map(slotOf), Object.values(slots));
});

Deno.test("all names of a topic are in one slot, whatever its name", () => {
  const keys = new Keys("lws", 0);
  for (const topic of ["a", "}", "{", "{}", "a}b{c", "%7D", "é{"]) {
    const names = [keys.meta, keys.stream, keys.channel, keys.members].map((name) =>
      slotOf(name.call(keys, topic))
    );
    assertEquals(new Set([...names, slotOf(keys.result(topic, "{x}"))]).size, 1, topic);
  }
  assertEquals(new Set([keys.leases, keys.ended, keys.topicsOf("n")].map(slotOf)).size, 1);
});
