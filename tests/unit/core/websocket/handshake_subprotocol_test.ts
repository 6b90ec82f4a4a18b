import { assertEquals } from "@std/assert";
import { chooseSubprotocol } from "../../../../src/core/websocket/handshake.ts";

Deno.test("RFC 6455 section 4.2.2: the first of the client's subprotocols that is known is chosen", () => {
  const known = new Set(["b", "c"]);
  const supported = (name: string) => known.has(name);
  assertEquals(chooseSubprotocol(["a", "c", "b"], supported), "c");
  assertEquals(chooseSubprotocol(["a"], supported), undefined);
  assertEquals(chooseSubprotocol([], supported), undefined);
  assertEquals(chooseSubprotocol(["B"], supported), undefined);
});
