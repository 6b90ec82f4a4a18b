/** `clientConnect` by a URL and options. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { ClientConnectOptions, Context } from "../../../mod.ts";
import { LwsError } from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { record } from "../../support/recorder.ts";
import { playServer, readHead } from "../../support/serve.ts";
import { answerLines, headOf } from "../../conformance/sides.ts";

/** The request that a URL and options come to. */
async function requestFor(url: string | URL, options?: ClientConnectOptions): Promise<string> {
  const recorder = record("chat");
  await using side = playServer([recorder.protocol]);
  const wsi = side.context.clientConnect(url, options);
  const peer = await side.accept();
  const request = await readHead(peer);
  peer.send(headOf(answerLines(request)));
  await recorder.until("clientEstablished");
  assert(wsi.isClient);
  return request;
}

const fieldOf = (request: string, name: string) =>
  new RegExp(`^${name}: (.*)\r$`, "im").exec(request)?.[1];

Deno.test("a URL says where to connect, and the request has its path and its host", async () => {
  for (
    const url of ["ws://server.example.com/rooms?a=b", "http://server.example.com:80/rooms?a=b"]
  ) {
    for (const given of [url, new URL(url)]) {
      const request = await requestFor(given);
      assertMatch(request, /^GET \/rooms\?a=b HTTP\/1\.1\r\n/);
      assertEquals(fieldOf(request, "host"), "server.example.com");
      assertEquals(fieldOf(request, "authorization"), undefined);
    }
  }
});

Deno.test("a user in a URL is sent as Basic, decoded, and nowhere else", async () => {
  const request = await requestFor("ws://us%C3%A9r:p%3Aw@server.example.com/");
  const credentials = new TextEncoder().encode("usér:p:w").toBase64();
  assertEquals(fieldOf(request, "authorization"), `Basic ${credentials}`);
  assertEquals(fieldOf(request, "host"), "server.example.com");
});

Deno.test("options go with a URL, and headers are a Headers, an object or pairs", async () => {
  const pairs = [["x-a", "1"], ["x-b", "2"]] as const;
  for (
    const headers of [
      pairs,
      Object.fromEntries(pairs),
      new Headers(pairs.map(([...it]) => it)),
    ]
  ) {
    const request = await requestFor("ws://server.example.com", {
      headers,
      host: "other.example:81",
      origin: "https://page.example",
      protocol: ["chat"],
    });
    assertEquals(fieldOf(request, "host"), "other.example:81");
    assertEquals(fieldOf(request, "origin"), "https://page.example");
    assertEquals(fieldOf(request, "sec-websocket-protocol"), "chat");
    for (const [name, value] of pairs) assertEquals(fieldOf(request, name), value);
  }
});

Deno.test("beside socketPath a URL still says host and path", async () => {
  const recorder = record("chat");
  await using side = playServer([recorder.protocol]);
  const listener = side.network.listen({ hostname: "", port: 0, path: "/run/server" });
  side.context.clientConnect("ws://user:pw@server.example.com:81/a", { socketPath: "/run/server" });
  const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
  const request = await readHead(peer);
  assertMatch(request, /^GET \/a HTTP/);
  assertEquals(fieldOf(request, "host"), "server.example.com:81");
  assertEquals(fieldOf(request, "authorization"), `Basic ${btoa("user:pw")}`);
  listener.close();
});

Deno.test("what is wrong with a URL or its options is refused by its name", async () => {
  await using side = playServer([record("chat").protocol]);
  const refused: [url: unknown, options: unknown, message: string][] = [
    ["nowhere", undefined, "url is no URL"],
    ["ftp://a/", undefined, 'the scheme "ftp:"'],
    ["ws://a/#b", undefined, "url has a fragment"],
    ["ws://a:0/", undefined, "port is 0"],
    ["ws://a/", { path: "/b" }, "path is a text of 2 characters; allowed: nothing beside a URL"],
    ["ws://a/", { address: "b" }, "address"],
    ["ws://a/", { port: 1 }, "port"],
    ["ws://a/", { header: {} }, "header is {…}; allowed: only socketPath, "],
    ["ws://a/", { subprotocol: "" }, "; did you mean protocol?"],
    [{ adress: "a", port: 1 }, undefined, "; did you mean address?"],
    ["ws://a/", { ssl: 2 }, "ssl is 2; allowed: nothing beside ws:"],
    ["wss://a/", { ssl: 0 }, "ssl is 0; allowed: 1 or 2"],
    ["ws://a/", null, "options is null"],
    ["ws://a/", 1, "options is 1"],
    ["ws://u:p@a/", { headers: { Authorization: "Bearer x" } }, "no authorization beside a user"],
    [
      "ws://a/",
      { headers: "a: b" },
      "headers is a text of 4 characters; allowed: a Headers, an object",
    ],
    ["ws://a/", { headers: new Date() }, "headers"],
    ["ws://a/", { headers: { "a b": "c" } }, "headers"],
    ["ws://a/", { signal: {} }, "signal is {…}; allowed: an AbortSignal"],
    [{ address: "a", port: 1 }, {}, "options is {…}; allowed: nothing beside an object"],
    [undefined, undefined, "info is undefined; allowed: a URL or an object"],
    // As of a variable of the environment that is not set.
    [undefined, { retry: true }, "info is undefined; allowed: a URL or an object"],
    [null, {}, "info is null; allowed: a URL or an object"],
    ["ws://a/", { headers: { a: undefined } }, "header a: the value is undefined, and no text"],
    ["ws://a/", { headers: [["a", 1]] }, "header a: the value is 1, and no text"],
  ];
  const connect = side.context.clientConnect as (this: Context, ...given: unknown[]) => unknown;
  for (const [url, options, message] of refused) {
    const error = assertThrows(() => connect.call(side.context, url, options), LwsError, message);
    assertEquals(error.code, "invalid-argument");
    assertMatch(error.message, /^clientConnect: /);
  }
});
