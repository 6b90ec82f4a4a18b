/** Response heads that a program builds by itself. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { HEADER_TOKENS, HttpHeaderBlock, LwsError, type Protocol } from "../../../mod.ts";
import { request } from "../../support/http.ts";
import { dialAlone, readHead, readResponse } from "../../support/serve.ts";

const DATE = /^date: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT\r\n/m;

/** A head as text, without its date. */
const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes).replace(DATE, "");

Deno.test("a block is a status line, fields in order and a blank line", () => {
  const block = new HttpHeaderBlock();
  assertEquals(block.addStatus(404), 0);
  assertEquals(block.addByName("X-One", "1"), 0);
  assertEquals(block.addByName("x-two:", "caf\u00e9"), 0);
  assertEquals(block.addByToken("content-type", "text/plain"), 0);
  assertEquals(block.addByToken(HEADER_TOKENS.indexOf("etag"), '"a"'), 0);
  assertEquals(block.addContentLength(5), 0);
  const expected = "HTTP/1.1 404 Not Found\r\nX-One: 1\r\nx-two: caf\u00e9\r\n" +
    'content-type: text/plain\r\netag: "a"\r\ncontent-length: 5\r\n\r\n';
  assertEquals(block.length, expected.length - 2);
  assertEquals(text(block.finalize()), expected);
});

Deno.test("a status may have a reason of its own", () => {
  const block = new HttpHeaderBlock();
  block.addStatus(299, "Fine");
  assertEquals(text(block.finalize()), "HTTP/1.1 299 Fine\r\n\r\n");
});

Deno.test("a block has a date, unless the program has added one or there is no room", () => {
  const end = (size: number, ...fields: [string, string][]) => {
    const block = new HttpHeaderBlock(size);
    block.addStatus(200);
    for (const [name, value] of fields) block.addByName(name, value);
    return new TextDecoder().decode(block.finalize());
  };
  const length = "HTTP/1.1 200 OK\r\n".length + 37 + 2;
  assertMatch(end(length), DATE);
  assertEquals(end(length).length, length);
  assertEquals(end(length - 1), "HTTP/1.1 200 OK\r\n\r\n");
  assertEquals(end(256, ["Date", "mine"]), "HTTP/1.1 200 OK\r\nDate: mine\r\n\r\n");
});

Deno.test("what does not fit is left out, and the end always fits", () => {
  // "HTTP/1.1 204 \r\n" has 15 bytes, "a: b\r\n" has 6, and the end has 2.
  for (const [size, second] of [[22, 1], [23, 0], [24, 0]] as const) {
    const block = new HttpHeaderBlock(size);
    assertEquals(block.addStatus(204, ""), 0);
    assertEquals(block.addByName("a", "b"), second, `in ${size} bytes`);
    assertEquals(block.finalize().length, second === 0 ? 23 : 17);
  }
  const small = new HttpHeaderBlock(17);
  assertEquals(small.addStatus(204), 1, "No Content has no room");
  assertEquals(small.addStatus(204, ""), 0);
  assertEquals(small.addContentLength(0), 1);
  assertEquals(text(small.finalize()), "HTTP/1.1 204 \r\n\r\n");
});

Deno.test("bad sizes, statuses, names, tokens, values and lengths are refused by name", () => {
  const block = () => {
    const begun = new HttpHeaderBlock();
    begun.addStatus(200);
    return begun;
  };
  const wrong: readonly [named: string, call: () => unknown][] = [
    ["maxBytes", () => new HttpHeaderBlock(16)],
    ["maxBytes", () => new HttpHeaderBlock(NaN)],
    ["code", () => new HttpHeaderBlock().addStatus(199)],
    ["code", () => new HttpHeaderBlock().addStatus(600)],
    ["code", () => new HttpHeaderBlock().addStatus(200.5)],
    ["reason", () => new HttpHeaderBlock().addStatus(200, "a\r\nb: c")],
    ["name", () => block().addByName("a b", "c")],
    ["name", () => block().addByName("a::", "c")],
    ["name", () => block().addByName("", "c")],
    ["name", () => block().addByName(":", "c")],
    ["name", () => block().addByName("a\r\nb", "c")],
    ["name", () => block().addByName(5 as never, "c")],
    ["value of a", () => block().addByName("a", "b\r\nc: d")],
    ["value of a", () => block().addByName("a", "\u20ac")],
    ["value of a", () => block().addByName("a", 5 as never)],
    ["token", () => block().addByToken("uri args", "a")],
    ["token", () => block().addByToken(":status", "200")],
    ["token", () => block().addByToken("x-own" as never, "a")],
    ["token", () => block().addByToken(999, "a")],
    ["token", () => block().addByToken(0, "a")],
    ["length", () => block().addContentLength(-1)],
    ["length", () => block().addContentLength(1.5)],
  ];
  for (const [named, call] of wrong) {
    assertEquals(assertThrows(call, LwsError, `${named} is `).code, "invalid-argument");
  }
});

Deno.test("the status comes first and once, and nothing comes after the end", () => {
  const codeOf = (call: () => unknown) => assertThrows(call, LwsError, "HttpHeaderBlock").code;
  const block = new HttpHeaderBlock();
  assertEquals(codeOf(() => block.addByName("a", "b")), "invalid-state");
  assertEquals(codeOf(() => block.addContentLength(1)), "invalid-state");
  assertEquals(codeOf(() => block.finalize()), "invalid-state");
  block.addStatus(200);
  assertEquals(codeOf(() => block.addStatus(200)), "invalid-state");
  block.finalize();
  assertEquals(codeOf(() => block.addByName("a", "b")), "invalid-state");
  assertEquals(codeOf(() => block.finalize()), "invalid-state");
});

Deno.test("a block goes out by write, and the connection takes the next request", async () => {
  const protocol: Protocol = {
    name: "http",
    callback(wsi, reason, _user, _data) {
      if (reason !== "http") return;
      const block = new HttpHeaderBlock(256);
      block.addStatus(203);
      block.addByToken("content-type", "text/plain");
      block.addContentLength(5);
      const head = block.finalize();
      assertEquals(wsi.write(head, "httpHeaders"), head.length);
      assertEquals(wsi.write("hello", "httpFinal"), 5);
    },
  };
  await using peer = await dialAlone([protocol]);
  for (let i = 0; i < 2; i++) {
    peer.send(request("GET", "/"));
    const { head, body } = await readResponse(peer);
    assertEquals(head.replace(DATE, "").split("\r\n"), [
      "HTTP/1.1 203 Non-Authoritative Information",
      "content-type: text/plain",
      "content-length: 5",
      "",
      "",
    ]);
    assertEquals(body, "hello");
  }
  peer.send(request("HEAD", "/"));
  assertEquals((await readHead(peer)).split(" ")[1], "203");
  peer.send(request("GET", "/"));
  assertEquals((await readResponse(peer)).body, "hello", "HEAD got no body");
  peer.close();
});
