import { assertEquals, assertMatch } from "@std/assert";
import { Layout, nameOf, tokenOf } from "../../../../src/brokers/nats/subjects.ts";

Deno.test("a topic's name is one token, and no two names are the same one", () => {
  const names = [
    "a.b",
    "a%2eb",
    "a%2Eb",
    "a%b",
    "*",
    ">",
    "a b",
    "a\tb",
    "a\u00a0b",
    "é.é",
    "%",
    "%25",
  ];
  const tokens = names.map(tokenOf);
  assertEquals(new Set(tokens).size, names.length);
  for (const token of tokens) assertMatch(token, /^[^\s.*>]+$|\u00a0/);
  assertEquals(tokens.map(nameOf), names);
  assertEquals(tokenOf("a.b *>%"), "a%2eb%20%2a%3e%25");
  assertEquals(tokenOf("plain-name_1:é"), "plain-name_1:é");
});

Deno.test("every sign of ASCII makes a token of its own that is read back", () => {
  const signs = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const tokens = signs.map(tokenOf);
  assertEquals(new Set(tokens).size, signs.length);
  assertEquals(tokens.map(nameOf), signs);
  // deno-lint-ignore no-control-regex -- none may be left
  assertEquals(tokens.filter((token) => /[\x00-\x20\x7f.*>]/.test(token)), []);
});

Deno.test("the longest name stays far below the longest line of the protocol", () => {
  const subject = new Layout("p".repeat(32), 64).kept(63, tokenOf(".".repeat(255)));
  assertEquals(new TextEncoder().encode(subject).length, 32 + 1 + 2 + 1 + 2 + 1 + 3 * 255);
});

Deno.test("topics are spread over all shards, and each always over the same one", () => {
  const layout = new Layout("lws", 4);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4_000; i++) counts[layout.shardOf(`room ${i}`)]!++;
  assertEquals(counts.every((count) => count > 800 && count < 1_200), true, counts.join());
  assertEquals(layout.shardOf("room"), new Layout("other", 4).shardOf("room"));
  assertEquals(new Layout("lws", 1).shardOf("room"), 0);
});

Deno.test("what goes in is not what comes out, and streams don't overlap", () => {
  const layout = new Layout("lws", 2);
  assertEquals([layout.stream(0), layout.stream(1), layout.onceStream], [
    "lws_0",
    "lws_1",
    "lws_once",
  ]);
  assertEquals([layout.kept(1, "a"), layout.once("a"), layout.live("a")], [
    "lws.1.in.a",
    "lws.once.a",
    "lws.live.a",
  ]);
});
