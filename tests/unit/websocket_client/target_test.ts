/** URLs and subprotocols as the constructor takes them. */

import { assertEquals, assertThrows } from "@std/assert";
import { checkProtocols, parseUrl } from "../../../src/websocket_client/target.ts";

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
  assertThrows(() => checkProtocols(["a/b"]), DOMException, "a subprotocol is no token");
  assertThrows(() => checkProtocols(["ab", "c", "AB"]), DOMException, "a subprotocol comes twice");
});
