/** What the proxy does is decided by the seed and the place in the stream alone. */

import { assert, assertEquals } from "@std/assert";
import { decide, type Direction } from "./decisions.ts";
import { randomOf } from "./decisions.ts";
import { faultOf, makeMessage } from "./messages.ts";

function steps(direction: Direction) {
  return [direction.end, ...Array.from({ length: 500 }, () => direction.next())];
}

Deno.test("the same name has the same decisions, in whatever order the directions are asked", () => {
  const one = decide("7/case/0/3");
  const other = decide("7/case/0/3");
  const fromServer = steps(one.fromServer);
  const fromClient = steps(one.fromClient);
  assertEquals(steps(other.fromClient), fromClient);
  assertEquals(steps(other.fromServer), fromServer);
  assert(fromClient.some((step, i) => step !== fromServer[i]));
  assert(JSON.stringify(steps(decide("8/case/0/3").fromClient)) !== JSON.stringify(fromClient));
});

Deno.test("the decisions know every kind, and hold a direction up for no longer than 1.5 s", () => {
  const all = Array.from({ length: 400 }, (_, i) => decide(`${i}`));
  const ends = all.flatMap(({ fromClient, fromServer }) => [fromClient.end, fromServer.end]);
  assertEquals(new Set(ends.map((end) => end?.kind)).size, 4);
  assert(ends.some((end) => end?.at === 0) && ends.some((end) => end && end.at > 100_000));
  for (const { fromClient } of all) {
    let waited = 0;
    for (let i = 0; i < 2_000; i++) waited += fromClient.next().waitMs ?? 0;
    assert(waited <= 1_500);
  }
});

Deno.test("a message tells when it is another one, or not whole", () => {
  const below = randomOf("messages");
  for (let number = 0; number < 60; number++) {
    const { isText, bytes } = makeMessage(below, number);
    assertEquals(faultOf(isText, bytes, number), undefined);
    assert(faultOf(isText, bytes, number + 1) !== undefined, "another one");
    if (bytes.length < 17) continue;
    assert(faultOf(isText, bytes.subarray(0, -1), number) !== undefined, "not all of it");
    const changed = bytes.slice();
    changed[changed.length - 1]! ^= 1;
    assert(faultOf(isText, changed, number) !== undefined, "another byte");
  }
});
