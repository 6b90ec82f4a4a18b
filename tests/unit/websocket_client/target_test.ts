/** URLs and subprotocols as the constructor takes them. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  authorizationOf,
  checkProtocols,
  connectInfoOf,
  parseUrl,
} from "../../../src/websocket_client/target.ts";

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
  ) assertEquals(connectInfoOf(parseUrl(url)), { address, port, ssl, path }, url);
});

Deno.test("what is wrong with a URL is said", () => {
  for (
    const [url, why] of [
      ["nothing", "url"],
      ["ftp://a/", 'the scheme "ftp:"'],
      ["ws://a/#", "a fragment"],
      ["ws://a/?#b", "a fragment"],
    ] as const
  ) assertThrows(() => parseUrl(url), DOMException, why);
  assertEquals(parseUrl("ws://a/%23").href, "ws://a/%23", "an encoded # begins none");
});

Deno.test("tokens are subprotocols, each once", () => {
  checkProtocols([]);
  checkProtocols(["a", "b.c", "!#$%&'*+-.^_`|~"]);
  assertThrows(() => checkProtocols(["a/b"]), DOMException, '"a/b" is no token');
  assertThrows(() => checkProtocols(["ab", "c", "AB"]), DOMException, '"AB" comes twice');
});

Deno.test("a user alone, a password alone, and escapes that are none are credentials as well", () => {
  const basic = (text: string) => `Basic ${btoa(text)}`;
  for (
    const [url, credentials] of [
      ["ws://a/", undefined],
      ["ws://user@a/", basic("user:")],
      ["ws://:pw@a/", basic(":pw")],
      ["ws://u%3Ax:p%@a/", basic("u:x:p%")],
    ] as const
  ) assertEquals(authorizationOf(new URL(url)), credentials, url);
});
