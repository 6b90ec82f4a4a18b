import { assertEquals } from "@std/assert";
import { chooseByScore } from "../../../../src/brokers/redis/rendezvous.ts";

const NAMES = ["10.0.0.1:6379/0", "10.0.0.2:6379/0", "10.0.0.3:6379/0"];
const TOPICS = Array.from({ length: 9_000 }, (_, i) => `room/${i}`);

Deno.test("each server has about as many topics as another", () => {
  const counts = NAMES.map((_, i) =>
    TOPICS.filter((each) => chooseByScore(NAMES, each) === i).length
  );
  for (const count of counts) {
    assertEquals(Math.abs(count - 3_000) < 300, true, counts.join());
  }
});

Deno.test("the order of the list does not matter", () => {
  const turned = NAMES.toReversed();
  for (const topic of TOPICS) {
    assertEquals(turned[chooseByScore(turned, topic)], NAMES[chooseByScore(NAMES, topic)]);
  }
});

Deno.test("a server that is added takes its part, and no topic moves between the others", () => {
  const more = [...NAMES, "10.0.0.4:6379/0"];
  let moved = 0;
  for (const topic of TOPICS) {
    const [before, after] = [NAMES[chooseByScore(NAMES, topic)], more[chooseByScore(more, topic)]];
    if (before === after) continue;
    assertEquals(after, more[3]);
    moved++;
  }
  assertEquals(Math.abs(moved - 2_250) < 250, true, String(moved));
});

Deno.test("topics stay where they are from release to release", () => {
  const chosen = ["a", "b", "c", "é", "", "news", "x/1", "x/2"].map((each) =>
    chooseByScore(NAMES, each)
  );
  assertEquals(chosen, [1, 1, 2, 1, 0, 1, 0, 2]);
});
