import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import {
  newChallenge,
  numberInKey,
  proofOf,
} from "../../../../../src/core/websocket/handshake/hixie_keys.ts";
import { bytesOf, textOf } from "../../../../support/http_messages.ts";

/** The examples of draft 00 and of hixie-76: in section 1.2, in the steps of section 5.2, and in 1.3. */
const EXAMPLES: readonly [key1: string, key2: string, key3: string, proof: string][] = [
  ["4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", "^n:ds[4U", "8jKS'y:G*Co,Wxa-"],
  ["3e6b263  4 17 80", "17  9 G`ZD9   2 2b 7X 3 /r90", "WjN}|M(6", "n`9eBk9z$R8pOtVb"],
  [
    "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
    "1_ tx7X d  <  nw  334J702) 7]o}` 0",
    "Tm[K T2u",
    "fQJ,fN/4F4!~K~MH",
  ],
];

Deno.test("hixie-76: the examples of the drafts are answered as they say", () => {
  for (const [key1, key2, key3, proof] of EXAMPLES) {
    const [number1, number2] = [numberInKey(key1), numberInKey(key2)];
    assertEquals(textOf(proofOf(number1!, number2!, bytesOf(key3), digests)), proof, key1);
  }
  assertEquals([numberInKey(EXAMPLES[0]![0]), numberInKey(EXAMPLES[0]![1])], [
    829309203,
    259970620,
  ]);
  assertEquals([numberInKey(EXAMPLES[2]![0]), numberInKey(EXAMPLES[2]![1])], [
    155712099,
    173347027,
  ]);
  // Section 4.1's example of a client, by its numbers.
  const key3 = Uint8Array.of(0x47, 0x30, 0x22, 0x2d, 0x5a, 0x3f, 0x47, 0x58);
  assertEquals(textOf(proofOf(777007543, 114997259, key3, digests)), "0st3Rl&q-2ZU^weu");
});

Deno.test("a number's last bytes are at the end, and all 32 bits count", () => {
  const proof = proofOf(
    0xffff_fffe,
    1,
    new Uint8Array(8),
    {
      sha1: () => new Uint8Array(),
      md5: (bytes: Uint8Array) => bytes,
    } as typeof digests,
  );
  assertEquals(proof.toHex(), "fffffffe000000010000000000000000");
});

Deno.test("a key that no client has made hides no number", () => {
  const cases: [string, number | undefined][] = [
    ["1 2", 12],
    ["1 0 ", 5],
    ["007 ", 7],
    ["0 ", 0],
    ["4294967295 ", 4294967295],
    ["8589934590  ", undefined],
    ["4294967296 ", undefined],
    ["12", undefined],
    [" ", undefined],
    ["", undefined],
    ["x y", undefined],
    ["1 3 x ", undefined],
    ["7  ", undefined],
    // No other blank is a space, and no other digit is one.
    ["12\t", undefined],
    ["12\xa0", undefined],
    ["\xb2 ", undefined],
    [`${"9".repeat(400)} `, undefined],
  ];
  for (const [key, number] of cases) assertEquals(numberInKey(key), number, JSON.stringify(key));
});

Deno.test("draft 00 section 4.1: a client's keys hide numbers among blanks and other characters", () => {
  const spaces = new Set<number>();
  const junk = new Set<number>();
  let largest = 0;
  for (let i = 0; i < 300; i++) {
    const { key1, key2, key3 } = newChallenge();
    assertNotEquals(key1, key2);
    assertEquals(key3.length, 8);
    for (const key of [key1, key2]) {
      const number = numberInKey(key);
      assert(number !== undefined, key);
      largest = Math.max(largest, number);
      assertEquals(key.trim(), key);
      assert(/^[\x20-\x7e]+$/.test(key), key);
      spaces.add(key.split(" ").length - 1);
      const others = key.replaceAll(/[ \d]/g, "");
      junk.add(others.length);
    }
  }
  const oneToTwelve = Array.from({ length: 12 }, (_, i) => i + 1);
  assertEquals([...spaces].sort((a, b) => a - b), oneToTwelve);
  assertEquals([...junk].sort((a, b) => a - b), oneToTwelve);
  assert(largest > 2 ** 31, "the upper half of the range is used");
});
