/** The members of one topic: what is told of keys as connections come and go. */

import { assertEquals } from "@std/assert";
import type { PresenceChange } from "../../../../mod.ts";
import { changesBetween, Room } from "../../../../src/topics/presence/room.ts";

function member(id: string, key = id, info: unknown = null) {
  return { id, key, info: JSON.stringify(info) };
}

function keysOf(change: PresenceChange | undefined): string {
  if (change === undefined) return "nothing";
  const part = (sign: string, entries: PresenceChange["joins"]) =>
    entries.map(({ key, info, connections }) => `${sign}${key}:${info}:${connections}`);
  const { joins, updates, leaves } = change;
  return [...part("+", joins), ...part("=", updates), ...part("-", leaves)].join(" ");
}

Deno.test("moves of connections are told by keys: the first that joins, the last that leaves, other info", () => {
  const room = new Room();
  const steps: [kind: "join" | "leave", of: ReturnType<typeof member>, expected: string][] = [
    ["join", member("1", "a", "x"), "+a:x:1"],
    ["join", member("1", "a", "x"), "nothing"],
    ["join", member("3", "a", "y"), "=a:y:2"],
    // Of several the one that joined last counts, whichever is heard of last.
    ["join", member("2", "a", "z"), "nothing"],
    ["join", member("4", "b"), "+b:null:1"],
    ["leave", member("3", "a", "y"), "=a:z:2"],
    ["leave", member("3", "a", "y"), "nothing"],
    ["leave", member("5", "a"), "nothing"],
    ["join", member("2", "b", "z"), "=a:x:1"],
    ["join", member("4", "c", "w"), "=b:z:1 +c:w:1"],
    ["leave", member("1", "a", "x"), "-a:x:0"],
    ["leave", member("2", "a", "x"), "-b:z:0"],
  ];
  for (const [kind, of, expected] of steps) {
    const told = keysOf(room.apply("t", { kind, member: of })).split(" ").toSorted();
    assertEquals(told, expected.split(" ").toSorted(), `${kind} ${of.id}`);
  }
  assertEquals([room.size, room.keyCount], [1, 1]);
});

Deno.test("entries are of keys, up to a limit, and the caller's own", () => {
  const members = [member("1", "a", { n: 1 }), member("2", "b"), member("3", "a", { n: 1 })];
  const room = new Room(members);
  assertEquals(room.entries(2), [
    { key: "a", info: { n: 1 }, connections: 2 },
    { key: "b", info: null, connections: 1 },
  ]);
  assertEquals(room.entries(1).length, 1);
  assertEquals(room.entries(Infinity).length, 2);
  (room.entries(1)[0]!.info as { n: number }).n = 7;
  assertEquals(room.entries(1)[0]!.info, { n: 1 });
});

Deno.test("between two rooms, what came and went again is not told", () => {
  const before = new Room([member("1", "a"), member("2", "b"), member("3", "c", 1)]);
  const after = new Room([member("4", "a"), member("3", "c", 2), member("5", "d")]);
  assertEquals(keysOf(changesBetween("t", before, after)), "+d:null:1 =c:2:1 -b:null:0");
  assertEquals(changesBetween("t", after, new Room(after.members)), undefined);
});
