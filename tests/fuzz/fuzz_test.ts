/** What `deno task fuzz` once found stays mended; and each target still does something. */

import { assert, assertEquals } from "@std/assert";
import { Campaign, faultOf } from "./campaign.ts";
import { corpusOf, corpusTargets, readHex } from "./corpus.ts";
import { Dice, hashOf } from "./dice.ts";
import { mutated } from "./mutate.ts";
import { shrunk } from "./shrink.ts";
import { expectSame, latin1, type Target, textOf, Violation } from "./target.ts";
import { TARGETS, targetsOf } from "./targets.ts";

/** Inputs of each target, beside the corpus. */
const INPUTS = 16;

for (const target of TARGETS) {
  Deno.test(`fuzz ${target.name}: the corpus, and inputs that are the same each time`, async () => {
    for (const { name, input } of corpusOf(target.name)) {
      assertEquals(await faultOf(target, input), undefined, name);
    }
    const campaign = new Campaign(target, 1);
    const finding = await campaign.run(Infinity, INPUTS, () => {});
    assertEquals(finding?.fault, undefined, finding?.input.toHex());
    assertEquals(campaign.count, INPUTS);
    assert(campaign.outcomes.size > 1, "all inputs end in the same way");
  });
}

Deno.test("fuzz: each folder of the corpus is a target's, and has inputs", () => {
  const names = corpusTargets();
  assertEquals(names.filter((name) => targetsOf([name]).length !== 1), []);
  for (const name of names) assert(corpusOf(name).length > 0, name);
});

/** Breaks at any input with these three letters in their order. */
const brittle: Target = {
  name: "brittle",
  covers: "",
  words: [latin1("b")],
  make: (dice) => latin1(dice.pick(["a", "bc", "xyz", "..a..b.."])),
  check(input) {
    const text = textOf(input);
    if (/a.*b.*c/.test(text)) throw new Violation("broken");
    return `${text.includes("a")} ${text.includes("b")} ${text.includes("c")}`;
  },
};

Deno.test("fuzz: a fault is found, shrunk, and found again by its seed", async () => {
  const find = () => new Campaign(brittle, 7, []).run(Infinity, 20_000, () => {});
  const finding = await find();
  assertEquals(textOf(finding!.input), "abc");
  assertEquals(finding!.fault, "broken");
  assertEquals(await find(), finding);
});

Deno.test("fuzz: inputs follow from the seed, and differ with it", () => {
  const inputs = (seed: number) => {
    const campaign = new Campaign(TARGETS[0]!, seed, []);
    return Array.from({ length: 4 }, () => (campaign.count++, campaign.next().toHex())).join();
  };
  assertEquals(inputs(1), inputs(1));
  assert(inputs(1) !== inputs(2));
});

Deno.test("fuzz: a mutation leaves its input as it was", () => {
  const input = latin1("abc 123");
  const dice = new Dice(1);
  const results = new Set(
    dice.times(200, () => mutated(input, [input], [latin1("!")], dice).toHex()),
  );
  assertEquals(textOf(input), "abc 123");
  assert(results.size > 100);
});

Deno.test("fuzz: what an input has beside its fault is shrunk away", async () => {
  const long = new Uint8Array(1000).fill(7);
  long[500] = 0xff;
  const small = await shrunk(long, (input) => Promise.resolve(input.includes(0xff)));
  assertEquals([...small], [0xff]);
  assert(hashOf(small) !== hashOf(long));
});

Deno.test("fuzz: a file of the corpus is hexadecimal digits and comments", () => {
  assertEquals([...readHex("# why\n00 ff\n7F\n")], [0, 255, 127]);
});

Deno.test("fuzz: a target that there is not is named, with those that there are", () => {
  try {
    targetsOf(["frames-14"]);
  } catch (error) {
    assert(error instanceof RangeError && /frames-14: .*frames-13/.test(error.message));
    return;
  }
  expectSame("no error", "", "RangeError");
});
