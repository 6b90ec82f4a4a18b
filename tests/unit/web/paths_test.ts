/** The patterns of paths, and what their groups have matched. */

import { assertEquals, assertThrows } from "@std/assert";
import { compilePath } from "../../../src/web/paths.ts";

function match(pattern: string, path: string): Record<string, string> | undefined {
  const params = compilePath(pattern).match(path);
  return params === undefined ? undefined : { ...params };
}

Deno.test("a path without pattern characters fits itself, and nothing else", () => {
  for (const path of ["/", "/chat", "/chat/", "/a.b~c-d_e", "/~user"]) {
    assertEquals(match(path, path), {}, path);
    assertEquals(match(path, `${path}x`), undefined, path);
    assertEquals(match(path, `/x${path}`), undefined, path);
  }
  assertEquals(match("/chat", "/CHAT"), undefined);
  assertEquals(match("/chat", "/chat/"), undefined);
  assertEquals(match("/chat", "*"), undefined);
});

Deno.test("both kinds of path are normalised as in a URL, and their escapes are in any case", () => {
  for (const pattern of ["/a/caf\u00e9", "/:first/caf\u00e9"]) {
    for (
      const path of [
        "/a/caf%C3%A9",
        "/a/caf%c3%a9",
        "/a/./caf%C3%A9",
        "/x/../a/caf%C3%A9",
        "/x/%2e%2E/a/caf%C3%A9",
        "/x/.y/../../a/caf%C3%A9",
        "/x/.%2e/a/caf%C3%A9",
        "/a\\caf%C3%A9",
      ]
    ) assertEquals(match(pattern, path) !== undefined, true, `${pattern} ${path}`);
    for (const path of ["//a/caf%C3%A9", "/a//caf%C3%A9", "/a%2Fcaf%C3%A9", "/a/caf%E9"]) {
      assertEquals(match(pattern, path), undefined, `${pattern} ${path}`);
    }
  }
});

Deno.test("escapes in a pattern are those of a path, of letters and others", () => {
  const cases: [pattern: string, ...paths: string[]][] = [
    ["/~u/:id", "/~u/1", "/%7Eu/1"],
    ["/%7eu/:id", "/~u/1", "/%7Eu/1"],
    ["/%61.%2e/:id", "/a../1", "/%61%2e./1"],
    ["/:x%61/:id", "/1a/1"],
    ["/%2e%2Ex/:id(\\d+%2e\\d)", "/..x/1.2"],
    ["/%c3%a9/:id", "/%C3%A9/1", "/%c3%a9/1"],
    ["/a%2bb/:id", "/a%2Bb/1", "/a%2bb/1"],
    ["/(a%40b|c)/:id", "/a%40b/1", "/c/1"],
  ];
  for (const [pattern, ...paths] of cases) {
    for (const path of paths) {
      assertEquals(match(pattern, path) !== undefined, true, `${pattern} ${path}`);
    }
  }
  assertEquals(match("/%61.%2e/:id", "/axx/1"), undefined);
  assertEquals(match("/:id(\\d%2e\\d)", "/1x2"), undefined, "a point is no other character");
  assertEquals(match("/a%2bb/:id", "/a+b/1"), undefined, "a reserved one is another");
});

Deno.test("groups have a name or a number, and what they match is decoded", () => {
  assertEquals(match("/chat/:room", "/chat/kitchen"), { room: "kitchen" });
  assertEquals(match("/chat/:room", "/chat/k%20%E2%82%AC%3f"), { room: "k \u20ac?" });
  assertEquals(match("/chat/:room", "/chat/"), undefined);
  assertEquals(match("/chat/:room", "/chat/a/b"), undefined);
  assertEquals(match("/:a/*", "/1/2/3"), { a: "1", 0: "2/3" });
  assertEquals(match("/(\\d+)/:b", "/12/x"), { 0: "12", b: "x" });
  assertEquals(match("/:id(\\d+)", "/12"), { id: "12" });
  assertEquals(match("/:id(\\d+)", "/x"), undefined);
  assertEquals(match("/a{/b}?", "/a"), {});
  assertEquals(match("*", "/any/thing"), { 0: "/any/thing" });
});

Deno.test("an encoded slash divides no segment, but is one in what was matched", () => {
  assertEquals(match("/chat/:room", "/chat/a%2Fb"), { room: "a/b" });
  assertEquals(match("/chat/:room/:more", "/chat/a%2Fb"), undefined);
});

Deno.test("a group that has matched nothing is left out", () => {
  assertEquals(match("/chat/:room?", "/chat"), {});
  assertEquals(match("/chat/:room?", "/chat/x"), { room: "x" });
});

Deno.test("what is no UTF-8 stays as it was sent", () => {
  assertEquals(match("/:a/:b", "/%ff/%41"), { a: "%FF", b: "A" });
  assertEquals(match("/:a", "/%"), { a: "%" });
  assertEquals(match("/:a", "/100%zz"), { a: "100%zz" });
});

Deno.test("the parameters are frozen and inherit nothing, whatever a group is called", () => {
  const params = compilePath("/:__proto__/:constructor").match("/1/2")!;
  assertEquals(Object.getPrototypeOf(params), null);
  assertEquals(Object.isFrozen(params), true);
  assertEquals(Object.entries(params).sort(), [["__proto__", "1"], ["constructor", "2"]]);
  const none = compilePath("/a").match("/a")!;
  assertEquals(Object.getPrototypeOf(none), null);
  assertEquals(Object.isFrozen(none), true);
  assertEquals((none as Record<string, unknown>).toString, undefined);
});

Deno.test("what is no pathname of a URLPattern is refused", () => {
  for (const pattern of ["", "chat", ":room", "/(", "/:", "/{a", "/:a/:a", "/a?b", "https://x/a"]) {
    assertThrows(() => compilePath(pattern), TypeError, undefined, pattern);
  }
});
