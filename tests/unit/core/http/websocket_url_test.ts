/** URLs of WebSockets, and what of them goes where. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  authorizationOf,
  placeOf,
  readWebSocketUrl,
} from "../../../../src/core/http/websocket_url.ts";

function read(text: string, base?: string): URL {
  const url = readWebSocketUrl(text, base);
  assert(typeof url !== "string", `${text}: ${url}`);
  return url;
}

Deno.test("a URL says where to connect, with the port of its scheme", () => {
  for (
    const [url, address, port, ssl, path] of [
      ["ws://a", "a", 80, 0, "/"],
      ["wss://a/b?c", "a", 443, 1, "/b?c"],
      ["https://a:8443/", "a", 8443, 1, "/"],
      ["http://[::1]:81/%7E?", "[::1]", 81, 0, "/%7E"],
      ["ws://a:0/", "a", 0, 0, "/"],
      ["ws://münchen.example/ü?ü", "xn--mnchen-3ya.example", 80, 0, "/%C3%BC?%C3%BC"],
    ] as const
  ) assertEquals(placeOf(read(url)), { address, port, ssl, path }, url);
  assertEquals(read("/b", "wss://a/c").href, "wss://a/b");
});

Deno.test("what is wrong with a URL is said, and never a password", () => {
  for (
    const [url, why] of [
      ["nothing", 'url is no URL: "nothing"'],
      ["/path", "url is no URL"],
      ["ftp://user:secret@a/", 'url has the scheme "ftp:"; allowed: ws:, wss:, http: and https:'],
      ["ws://user:secret@a/#", "url has a fragment"],
      ["ws://a/?#b", "url has a fragment"],
      ["ws://user:secret@a:99999/", 'url is no URL: "ws://...@a:99999/"'],
      ["ws://user:se/cret@ a@b/", "url is no URL"],
      ["//user:secret@a b", "url is no URL"],
    ] as const
  ) {
    const fault = readWebSocketUrl(url);
    assert(typeof fault === "string", url);
    assertStringIncludes(fault, why);
    assert(!/se.?cret/.test(fault), fault);
  }
  assertEquals(read("ws://a/%23").href, "ws://a/%23", "an encoded # begins none");
});

Deno.test("a user alone, a password alone, and escapes that are none are credentials as well", () => {
  const basic = (text: string) => `Basic ${btoa(text)}`;
  for (
    const [url, credentials] of [
      ["ws://a/", undefined],
      ["ws://user@a/", basic("user:")],
      ["ws://:pw@a/", basic(":pw")],
      ["ws://u%3Ax:p%@a/", basic("u:x:p%")],
      ["ws://%C3%BC:%E2%82%AC@a/", `Basic ${new TextEncoder().encode("ü:€").toBase64()}`],
    ] as const
  ) assertEquals(authorizationOf(new URL(url)), credentials, url);
});
