/** What is on its way to one port. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromColumns } from "../../../../src/remote/broker/columns.ts";
import type { ShareMessage } from "../../../../src/remote/broker/messages.ts";
import { OVERHEAD, PortOutbox } from "../../../../src/remote/broker/outbox.ts";
import { captureLog } from "../../../support/recorder.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An outbox, and its messages in short. */
function outbox(maxUnread = Infinity) {
  const posted: string[][] = [];
  const transferred: number[] = [];
  const it = new PortOutbox(maxUnread, ({ items }, transfer) => {
    posted.push(items.flatMap(inShort));
    transferred.push(transfer.length);
  });
  const publish = (topic: string, length = 0) =>
    it.publication(topic, { epoch: "e", offset: 1, data: new Uint8Array(length), isBinary: true });
  return { it, posted, transferred, publish };
}

function inShort(item: ShareMessage["items"][number]): string[] {
  switch (item.kind) {
    case "publications": {
      const all: string[] = [];
      fromColumns(item.columns, (topic, { data }) => all.push(`${topic} ${data.length}`));
      return all;
    }
    case "answer":
      return [`answer ${item.id}`];
    case "refusal":
      return [`refusal ${item.id}`];
    case "interrupted":
      return [`interrupted ${item.topics?.join() ?? "all"}`];
    case "state":
      return [item.isUp ? "up" : "down"];
  }
}

Deno.test("all that comes in a turn is one message, in its order", async () => {
  const { it, posted, publish } = outbox();
  publish("a", 1);
  publish("b", 2);
  it.answer({ kind: "answer", id: 1, result: undefined });
  it.interrupted(["a"]);
  publish("a", 3);
  it.state(false);
  assertEquals(posted, []);
  await turn();
  assertEquals(posted, [["a 1", "b 2", "answer 1", "interrupted a", "a 3", "down"]]);
  await turn();
  assertEquals(posted.length, 1);
  publish("a");
  await turn();
  assertEquals(posted[1], ["a 0"]);
});

Deno.test("what is flushed goes by itself, and a closed one sends nothing", async () => {
  const { it, posted, publish } = outbox();
  publish("a");
  it.flush();
  it.flush();
  publish("b");
  it.flush();
  publish("c");
  it.close();
  await turn();
  assertEquals(posted, [["a 0"], ["b 0"]]);
});

Deno.test("long payloads are handed over, of publications and of answers", () => {
  const { it, publish, transferred } = outbox();
  publish("a", 20_000);
  it.answer({ kind: "answer", id: 1, result: undefined }, new Uint8Array(20_000));
  it.flush();
  publish("a", 1);
  it.flush();
  assertEquals(transferred, [2, 0]);
});

Deno.test("maxUnread: as much is on its way; what is past it is missed, and told when half is taken", () => {
  using log = captureLog();
  const { it, posted, publish } = outbox(3 * (100 + OVERHEAD));
  for (const topic of ["a", "b", "c"]) publish(topic, 100);
  it.flush();
  assertEquals(posted, [["a 100", "b 100", "c 100"]]);
  assertEquals(log.lines, []);
  publish("d");
  publish("a");
  publish("d");
  it.flush();
  assertEquals(posted.length, 1, "nothing");
  assertEquals(log.lines.length, 1);
  assertStringIncludes(log.lines[0]!, "684 bytes are unread");
  it.taken(1);
  publish("e");
  it.flush();
  assertEquals(posted[1], ["interrupted d,a", "e 0"]);
});

Deno.test("until half of it is taken all is missed, also what would have room", () => {
  using _log = captureLog();
  const { it, posted, publish } = outbox(3 * OVERHEAD);
  for (const topic of ["a", "b", "c"]) {
    publish(topic);
    it.flush();
  }
  publish("d");
  it.taken(1);
  publish("e");
  it.flush();
  assertEquals(posted.length, 3);
  it.taken(1);
  it.flush();
  assertEquals(posted[3], ["interrupted d,e"]);
});

Deno.test("one that is longer than maxUnread goes alone", () => {
  using _log = captureLog();
  const { it, posted, publish } = outbox(1_000);
  publish("a", 5_000);
  publish("b");
  it.flush();
  assertEquals(posted, [["a 5000"]]);
});

Deno.test("answers are never left out", () => {
  using _log = captureLog();
  const { it, posted, publish } = outbox(OVERHEAD);
  publish("a");
  publish("b");
  it.answer({ kind: "answer", id: 1, result: undefined }, new Uint8Array(500));
  it.answer({ kind: "refusal", id: 2, code: "aborted", message: "" });
  it.flush();
  assertEquals(posted, [["a 0", "answer 1", "refusal 2"]]);
});

for (
  const [what, told, states, interrupted, expected] of [
    ["that it was away is told", [], [false, true], [], ["down", "up", "interrupted b"]],
    ["that it was away often is told once", [], [false, true, false, true], [], [
      "down",
      "up",
      "interrupted b",
    ]],
    ["that it is away is told", [], [false], [], ["down", "interrupted b"]],
    ["that it is there again is told", [false], [true], [], ["up", "interrupted b"]],
    ["interruptions are told", [], [], [["x"], ["b"]], ["interrupted b,x"]],
    ["an interruption of all is told", [], [], [["x"], undefined], ["interrupted all"]],
  ] as [string, boolean[], boolean[], (string[] | undefined)[], string[]][]
) {
  Deno.test(`behind what was missed, ${what}`, () => {
    using _log = captureLog();
    const { it, posted, publish } = outbox((2 + told.length) * OVERHEAD);
    publish("a");
    for (const isUp of told) it.state(isUp);
    publish("a");
    publish("b");
    for (const isUp of states) it.state(isUp);
    for (const topics of interrupted) it.interrupted(topics);
    it.flush();
    assertEquals(posted.length, 1);
    it.taken(1);
    it.flush();
    assertEquals(posted[1]!.map(sorted), expected);
  });
}

function sorted(told: string): string {
  const [what, topics] = told.split(" ");
  return topics === undefined ? told : `${what} ${topics.split(",").sort().join()}`;
}

Deno.test("what is told beside publications counts, and is kept in short past the limit", () => {
  using log = captureLog();
  const { it, posted } = outbox(2 * OVERHEAD);
  it.state(false);
  it.state(true);
  it.flush();
  assertEquals([posted, log.lines.length], [[["down", "up"]], 0]);
  for (let i = 0; i < 1_000; i++) it.state(i % 2 === 1);
  it.interrupted(["a"]);
  it.flush();
  assertEquals([posted.length, log.lines.length], [1, 1]);
  it.taken(1);
  it.flush();
  assertEquals(posted[1], ["down", "up", "interrupted a"]);
});

Deno.test("of up to 1,000 topics it is told which were missed, of one more all", () => {
  using _log = captureLog();
  for (const [count, expected] of [[1_000, 1_000], [1_001, 1]] as const) {
    const { it, posted, publish } = outbox(OVERHEAD);
    publish("a");
    for (let i = 0; i < count; i++) publish(`t${i}`);
    it.flush();
    it.taken(1);
    it.flush();
    assertEquals(posted[1]![0]!.split(",").length, expected);
    assertEquals(posted[1]![0] === "interrupted all", expected === 1);
  }
});
