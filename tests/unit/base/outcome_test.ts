/** What is told without the runtime's promises: by whatever its maker has for that. */

import { assertEquals } from "@std/assert";
import { Outcome } from "../../../src/base/outcome.ts";

/** Work that waits until it is asked for, and what was told. */
function waiting() {
  const works: (() => void)[] = [];
  const told: unknown[] = [];
  return {
    told,
    later: (work: () => void) => void works.push(work),
    tell: (what: unknown) => void told.push(what),
    round: () => works.splice(0).forEach((work) => work()),
  };
}

Deno.test("listeners before and behind are told in later work, once, what was said first", () => {
  const { told, later, tell, round } = waiting();
  const outcome = new Outcome<number>(later);
  outcome.then(tell);
  outcome.resolve(1);
  outcome.resolve(2);
  outcome.reject(new Error("no"));
  assertEquals(told, [], "never from inside the call");
  outcome.then((value) => tell(`again ${value}`));
  round();
  round();
  assertEquals(told, [1, "again 1"]);
});

Deno.test("a chain follows what its listeners return, another outcome included, and what they throw", () => {
  const { told, later, tell, round } = waiting();
  const outcome = new Outcome<number>(later);
  const inner = new Outcome<string>(later);
  outcome.then((value) => value + 1).then(() => inner).then(tell);
  outcome.then(() => {
    throw new Error("thrown");
  }).then(tell, (error) => tell(`caught ${error}`));
  outcome.resolve(1);
  for (let rounds = 0; rounds < 3; rounds++) round();
  assertEquals(told, ["caught Error: thrown"]);
  inner.resolve("inner");
  for (let rounds = 0; rounds < 3; rounds++) round();
  assertEquals(told, ["caught Error: thrown", "inner"]);
});

Deno.test("a failure that nobody listens to is none of the runtime's, and passes what has no use for it", async () => {
  const { told, later, tell, round } = waiting();
  const outcome = new Outcome<number>(later);
  outcome.reject("failed");
  outcome.then(tell).then(tell, (error) => tell(error));
  for (let rounds = 0; rounds < 3; rounds++) round();
  assertEquals(told, ["failed"]);
  const now = new Outcome<number>(queueMicrotask);
  now.reject("failed as well");
  assertEquals(await now.catch((error) => error), "failed as well");
});
