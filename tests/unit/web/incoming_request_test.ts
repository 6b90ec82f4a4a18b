import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { RequestHeadParser } from "../../../src/core/http/head.ts";
import { RequestHeaders } from "../../../src/connection/http/header_reader.ts";
import { ConnectionRequest, NO_PARAMS } from "../../../src/web/incoming_request.ts";

interface Given {
  readonly isSecure?: boolean;
  readonly isFiltered?: boolean;
  readonly version?: string;
  readonly method?: string;
}

function requestOf(target: string, lines: readonly string[], given: Given = {}): ConnectionRequest {
  const { isSecure = false, isFiltered = false, version = "1.1", method = "GET" } = given;
  const text = [`${method} ${target} HTTP/${version}`, ...lines, "", ""].join("\r\n");
  const parser = new RequestHeadParser({ maxHeaderBytes: 4096, maxHeaderFields: 100 });
  parser.parse(Uint8Array.from(text, (each) => each.charCodeAt(0)));
  const shown = new RequestHeaders(parser.head, undefined);
  return new ConnectionRequest(shown, { isSecure, isFiltered, remoteAddress: "::1" }, NO_PARAMS);
}

const HOST = ["Host: a.example"];

Deno.test("the URL is that of the target at the host, by the scheme that was spoken", () => {
  const urls: [target: string, lines: string[], href: string, given?: Given][] = [
    ["/", HOST, "http://a.example/"],
    ["/", HOST, "https://a.example/", { isSecure: true }],
    ["/p?x=1&y=%41", ["Host: A.example:80"], "http://a.example/p?x=1&y=%41"],
    ["/%61%40%2f%c3%a9", HOST, "http://a.example/a%40%2F%C3%A9"],
    ["/%61%40%2f%c3%a9", HOST, "http://a.example/a@%2F%C3%A9", { isFiltered: true }],
    ["/p", ["Host: a.example:443"], "https://a.example/p", { isSecure: true }],
    ["/p", ["Host: a.example:81"], "http://a.example:81/p"],
    ["/p", ["Host: [::1]:8080"], "http://[::1]:8080/p"],
    ["/admin/.x/../../login?/../y", HOST, "http://a.example/login?/../y"],
    ["http://a.example/a/.x/../b?c", HOST, "http://a.example/a/b?c"],
    ["/a/../b%2Fc", HOST, "http://a.example/b%2Fc"],
    ["//evil.example/x", HOST, "http://a.example//evil.example/x"],
    ["/@evil.example", HOST, "http://a.example/@evil.example"],
    ["/a?b?c", HOST, "http://a.example/a?b?c"],
    ["*", HOST, "http://a.example/", { method: "OPTIONS" }],
    ["http://a.example/p?q", HOST, "http://a.example/p?q"],
    ["HTTPS://A.example?q", ["Host: a.example:443"], "http://a.example:443/?q"],
    ["http://a.example", HOST, "http://a.example/"],
    ["/p", [], "http://unknown.invalid/p", { version: "1.0" }],
    ["http://a.example:8/p", [], "http://a.example:8/p", { version: "1.0" }],
    ["/p", ["Host: 1.2.3.256"], "http://unknown.invalid/p"],
    ["/p", ["Host: [1:2]"], "http://unknown.invalid/p"],
    ["/p", ["Host: xn--a"], "http://unknown.invalid/p"],
  ];
  for (const [target, lines, href, given] of urls) {
    assertEquals(requestOf(target, lines, given).url.href, href, `${target} ${lines}`);
  }
});

Deno.test("path and arguments are decoded, each by its own rules", () => {
  const request = requestOf("/x/../a%2Fc?x=a+b&y=%C3%A9&y=%ff&=z", HOST);
  assertEquals(request.path, "/a/c");
  assertEquals([...request.args], [["x", "a b"], ["y", "é"], ["y", "\ufffd"], ["", "z"]]);
  assertEquals([...requestOf("/?", HOST).args, ...requestOf("/", HOST).args], []);
  assertEquals([...requestOf("http://a.example?x=1", HOST).args], [["x", "1"]]);
});

Deno.test("the fields are all there, whatever their bytes are", () => {
  const { headers, cookies } = requestOf("/", [
    ...HOST,
    "X-A: 1",
    "x-a: 2",
    "Set-Cookie: a=1",
    "Set-Cookie: b=2",
    "Cookie: a=1; b",
    "Cookie: =0; c=3; a=4",
    "__proto__: x",
    "X-Odd: \xff\xe9\t\x80",
    "X-Empty:",
    "!#$%&'*+-.^_`|~: token",
  ]);
  assertEquals(headers.get("x-a"), "1, 2");
  assertEquals(headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(headers.get("cookie"), "a=1; b; =0; c=3; a=4");
  assertEquals(headers.get("__proto__"), "x");
  assertEquals(headers.get("x-odd"), "\xff\xe9\t\x80");
  assertEquals(headers.get("x-empty"), "");
  assertEquals(headers.get("!#$%&'*+-.^_`|~"), "token");
  assertEquals([...cookies], [["a", "1"], ["c", "3"]]);
});

Deno.test("each part is made once, and the rest is told as it is", () => {
  const request = requestOf("/p", HOST, { version: "1.0", method: "PUT" });
  for (const part of ["url", "args", "headers", "cookies", "params"] as const) {
    assertStrictEquals(request[part], request[part], part);
  }
  assert(request.url instanceof URL && request.headers instanceof Headers);
  assertEquals([request.method, request.httpVersion, request.remoteAddress], ["PUT", "1.0", "::1"]);
  assertEquals(requestOf("/", HOST).httpVersion, "1.1");
});

Deno.test("the parameters of a path that is matched late are there in a request that was asked for", () => {
  const request = requestOf("/", HOST);
  assert(Object.isFrozen(request.params) && Object.keys(request.params).length === 0);
  const params = { room: "a" };
  ConnectionRequest.fit(request, params);
  assertStrictEquals(request.params, params);
});
