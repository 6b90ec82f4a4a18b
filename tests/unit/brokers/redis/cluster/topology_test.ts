import { assertEquals } from "@std/assert";
import {
  nameOf,
  readOwners,
  readRedirection,
} from "../../../../../src/brokers/redis/cluster/topology.ts";

Deno.test("each slot has the primary of its range, or none", () => {
  const owners = readOwners([
    [0, 99, ["10.0.0.1", 7000, "id1", []], ["10.0.0.9", 7009, "id9", []]],
    [100, 100, ["", 7001, "id2", []]],
    [16383, 16383, [null, 7002, "id3", []]],
  ], "10.0.0.7");
  assertEquals(owners.length, 16384);
  const at = [0, 99, 100, 101, 16382, 16383].map((slot) => owners[slot]);
  assertEquals(at.map((each) => each && nameOf(each)), [
    "10.0.0.1:7000",
    "10.0.0.1:7000",
    "10.0.0.7:7001",
    undefined,
    undefined,
    "10.0.0.7:7002",
  ]);
});

Deno.test("a node is one text, an address of IPv6 in brackets", () => {
  assertEquals(nameOf({ host: "::1", port: 7 }), "[::1]:7");
  assertEquals(nameOf({ host: "a.example", port: 7 }), "a.example:7");
});

Deno.test("an error says where a slot is, for good or for what is not here any more", () => {
  const read = (message: string) => readRedirection(message, "10.0.0.7");
  assertEquals(read("MOVED 12182 127.0.0.1:7001"), {
    kind: "MOVED",
    address: { host: "127.0.0.1", port: 7001 },
  });
  assertEquals(read("ASK 1 2001:db8::1:7001")?.address, { host: "2001:db8::1", port: 7001 });
  assertEquals(read("ASK 1 :7001"), { kind: "ASK", address: { host: "10.0.0.7", port: 7001 } });
  for (const other of ["", "ERR x", "MOVED", "TRYAGAIN Multiple keys", "MOVED 1 a:b"]) {
    assertEquals(read(other), undefined, other);
  }
});
