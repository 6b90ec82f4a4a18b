/** Which messages count as those of a port, and which as those of a share. */

import { assert, assertEquals } from "@std/assert";
import { toColumns } from "../../../../src/remote/broker/columns.ts";
import {
  isCall,
  isHello,
  isPortMessage,
  isShareMessage,
} from "../../../../src/remote/broker/messages.ts";

const DATA = new Uint8Array(3);
const LIVE = { isBinary: false, history: false };
const MEMBER = { id: "1", key: "ada", info: "{}" };
const topics = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);

const GOOD: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  start: [[]],
  subscribe: [[[]], [["a", "é"]], [topics(1_000)]],
  unsubscribe: [[["a"]]],
  publish: [["t", DATA, LIVE], ["t", DATA, { ...LIVE, id: "1", sender: "a.1" }]],
  history: [["t", undefined, 0], ["t", { epoch: "", offset: 0 }, Infinity]],
  tops: [[["a"]]],
  reconnect: [[]],
  join: [["t", MEMBER, true]],
  leave: [["t", "1", false]],
  tend: [[15_000, true, true]],
  members: [["t", 1_000]],
};

const BAD: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  start: [[1]],
  subscribe: [[], ["a"], [[1]], [[""]], [["a\n"]], [["x".repeat(256)]], [topics(1_001)], [
    ["a"],
    1,
  ]],
  unsubscribe: [[undefined]],
  publish: [
    ["t", DATA],
    ["", DATA, LIVE],
    [7, DATA, LIVE],
    ["t", "text", LIVE],
    ["t", new Uint8Array(new SharedArrayBuffer(3)), LIVE],
    ["t", DATA, null],
    ["t", DATA, { isBinary: false }],
    ["t", DATA, { ...LIVE, isBinary: 1 }],
    ["t", DATA, { ...LIVE, id: 7 }],
    ["t", DATA, { ...LIVE, sender: null }],
  ],
  history: [
    ["t", null, 1],
    ["t", { epoch: "e" }, 1],
    ["t", { epoch: 1, offset: 1 }, 1],
    ["t", { epoch: "e", offset: -1 }, 1],
    ["t", undefined, -1],
    ["t", undefined, NaN],
    ["t", undefined],
  ],
  tops: [[topics(1_001)]],
  reconnect: [[[]]],
  join: [["t", { ...MEMBER, info: {} }, true], ["t", MEMBER], ["t", MEMBER, 1]],
  leave: [["t", 1, false], ["", "1", false]],
  tend: [["15", true, true], [15, true]],
  members: [["t", 0.5], ["t"]],
};

Deno.test("calls with what they need are calls, and others are not", () => {
  for (const [call, all] of Object.entries(GOOD)) {
    for (const args of all) assert(isCall({ id: 1, call, args }), `${call} ${Deno.inspect(args)}`);
  }
  for (const [call, all] of Object.entries(BAD)) {
    for (const args of all) {
      assertEquals(isCall({ id: 1, call, args }), false, `${call} ${Deno.inspect(args)}`);
    }
  }
  assertEquals(Object.keys(BAD), Object.keys(GOOD));
  for (
    const each of [
      null,
      "start",
      {},
      { id: -1, call: "start", args: [] },
      { call: "start", args: [] },
      { id: 1, call: "start" },
      { id: 1, call: "toString", args: [] },
      { id: 1, call: 7, args: [] },
    ]
  ) assertEquals(isCall(each), false, Deno.inspect(each));
});

Deno.test("a port's message has calls, and says how many it has taken", () => {
  assert(isPortMessage({ taken: 0, calls: [] }));
  for (
    const each of [null, 7, {}, { calls: [] }, { taken: -1, calls: [] }, { taken: 1, calls: {} }]
  ) {
    assertEquals(isPortMessage(each), false, Deno.inspect(each));
  }
});

Deno.test("a share's messages are those that a port can do something with", () => {
  const item = (item: unknown) => isShareMessage({ items: [item] });
  const good = [
    { kind: "publications", columns: toColumns([]) },
    { kind: "answer", id: 1, result: undefined },
    { kind: "refusal", id: 1, code: "aborted", message: "m" },
    { kind: "refusal", id: 1, code: "aborted", message: "m", parts: ["p"] },
    { kind: "interrupted", topics: undefined },
    { kind: "interrupted", topics: ["t"] },
    { kind: "state", isUp: true },
  ];
  for (const each of good) assert(item(each), Deno.inspect(each));
  const bad = [
    null,
    {},
    { kind: "publications" },
    { kind: "answer" },
    { kind: "refusal", id: 1, code: "aborted" },
    { kind: "refusal", id: 1, code: "aborted", message: "m", parts: [1] },
    { kind: "interrupted", topics: [1] },
    { kind: "interrupted", topics: "t" },
    { kind: "state", isUp: 1 },
    { kind: "other" },
  ];
  for (const each of bad) assertEquals(item(each), false, Deno.inspect(each));
  for (const each of [null, {}, { items: 7 }]) assertEquals(isShareMessage(each), false);
  const hello = {
    kind: "broker",
    keepsHistory: true,
    hasPresence: false,
    canReconnect: false,
    hasParts: false,
  };
  assert(isHello(hello));
  for (const each of [null, {}, { ...hello, kind: "x" }, { ...hello, keepsHistory: undefined }]) {
    assertEquals(isHello(each), false);
  }
});
