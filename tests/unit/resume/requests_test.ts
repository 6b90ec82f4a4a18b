/** What a client says, and what is wrong with it. */

import { assertEquals } from "@std/assert";
import { readRequest } from "../../../src/resume/requests.ts";

Deno.test("requests are read by the one member that says what they are; what is unknown is left alone", () => {
  const since = { epoch: "", offset: 0 };
  const subscribe = { kind: "subscribe", id: 0, topic: "t" };
  const most = Number.MAX_SAFE_INTEGER;
  const cases: readonly [text: string, request: unknown][] = [
    ['{"s":0,"t":"t"}', { ...subscribe, since: undefined }],
    ['{"s":0,"t":"t","e":"","o":0}', { ...subscribe, since }],
    [`{"s":${most},"t":"","z":1}`, { ...subscribe, id: most, topic: "", since: undefined }],
    ['{"u":"t"}', { kind: "unsubscribe", topic: "t" }],
    ['{"p":3}', { kind: "probe", id: 3 }],
    ['{"d":{"s":1}}', { kind: "data", data: { s: 1 } }],
    ['{"d":null,"t":5}', { kind: "data", data: null }],
  ];
  for (const [text, request] of cases) assertEquals(readRequest(text), request as never, text);
});

Deno.test("what is malformed is told in words", () => {
  const cases: readonly [text: string, complaint: string][] = [
    ["", "the message is no JSON"],
    ['{"s":1', "the message is no JSON"],
    ["[]", "the message is no JSON object"],
    ["null", "the message is no JSON object"],
    ['"s"', "the message is no JSON object"],
    ["{}", "the message has to have one of s, u, p and d"],
    ['{"toString":1}', "the message has to have one of s, u, p and d"],
    ['{"s":1,"t":"t","u":"t"}', "the message has to have one of s, u, p and d"],
    ['{"s":"1","t":"t"}', "s is no whole number"],
    ['{"s":-1,"t":"t"}', "s is no whole number"],
    ['{"s":0.5,"t":"t"}', "s is no whole number"],
    [`{"s":${2 ** 53},"t":"t"}`, "s is no whole number"],
    ['{"s":1}', "t is no text"],
    ['{"s":1,"t":null}', "t is no text"],
    ['{"s":1,"t":"t","o":1}', "e is no text of at most 255 characters"],
    ['{"s":1,"t":"t","e":1,"o":1}', "e is no text of at most 255 characters"],
    [`{"s":1,"t":"t","e":"${"e".repeat(256)}","o":1}`, "e is no text of at most 255 characters"],
    [`{"s":1,"t":"t","e":"${"e".repeat(255)}"}`, "o is no whole number"],
    ['{"s":1,"t":"t","e":"e"}', "o is no whole number"],
    ['{"s":1,"t":"t","e":"e","o":-1}', "o is no whole number"],
    ['{"s":1,"t":"t","e":"e","o":1e99}', "o is no whole number"],
    ['{"u":3}', "u is no text"],
    ['{"p":"1"}', "p is no whole number"],
  ];
  for (const [text, complaint] of cases) assertEquals(readRequest(text), complaint, text);
});
