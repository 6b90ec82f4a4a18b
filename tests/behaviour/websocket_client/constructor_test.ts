/**
 * What the constructor takes and refuses, and what it asks a server for. A name of a file in a comment is that
 * of the test in `websockets/` of the web platform tests that has the fact as well.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, type Protocol } from "../../../mod.ts";
import { WebSocket, type WebSocketOptions } from "../../../src/websocket_client/mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { readHead } from "../../support/serve.ts";
import { echo, finish, next, openSocket, play, stand, story } from "./standard_socket.ts";

/** Asserts a DOMException of a name. */
function assertDom(name: string, call: () => unknown, message?: string): void {
  const error = assertThrows(call, DOMException, undefined, message);
  assertEquals(error.name, name, message);
}

/** Made on a network without servers; its end is waited for. */
async function made(
  url: string,
  use: (socket: WebSocket) => void | Promise<void>,
  options: WebSocketOptions = {},
): Promise<void> {
  const socket = new WebSocket(url, { network: new MemoryNetwork(), ...options });
  const closed = next(socket, "close");
  await use(socket);
  await closed;
}

Deno.test("URLs that are none, have another scheme or a fragment are a SyntaxError", () => {
  for (
    const url of [
      // Create-invalid-urls
      "ws://foo bar.com/",
      "wss://foo bar.com/",
      "ftp://example.com/",
      "mailto:example@example.org",
      "about:blank",
      "ws://example.com/#",
      "http://example.com/#test",
      "#test",
      // Create-non-absolute-url, where there is no location
      "test",
      "?",
      // constructor/017
      "ws:",
      "ws://",
      "wss:/",
      // Create-wrong-scheme
      "data:text/plain,x",
    ]
  ) assertDom("SyntaxError", () => new WebSocket(url), url);
});

Deno.test("url is what the parser makes of it, and http means ws", async () => {
  for (
    const [given, parsed] of [
      // Create-http-urls
      ["http://example.com/", "ws://example.com/"],
      ["https://example.com/", "wss://example.com/"],
      ["http://example.com:443/", "ws://example.com:443/"],
      ["https://example.com:80/", "wss://example.com:80/"],
      // constructor/019, constructor/020
      ["WS://example.com/", "ws://example.com/"],
      ["ws://EXAMPLE.com/", "ws://example.com/"],
      // Create-verify-url-set-default-port
      ["ws://example.com:80/a", "ws://example.com/a"],
      ["wss://example.com:443/a", "wss://example.com/a"],
      // interfaces/WebSocket/url
      ["ws://example.com", "ws://example.com/"],
      ["ws://example.com/?a b", "ws://example.com/?a%20b"],
      ["ws://example.com/a/../b", "ws://example.com/b"],
      ["ws://user:pw@example.com/", "ws://user:pw@example.com/"],
    ] as const
  ) await made(given, (socket) => assertEquals(socket.url, parsed));
  // constructor/006: the first argument is made a string.
  const socket = new WebSocket(new URL("ws://example.com/x"), { network: new MemoryNetwork() });
  assertEquals(socket.url, "ws://example.com/x");
  await next(socket, "close");
});

Deno.test("subprotocols that are no tokens or come twice are a SyntaxError", () => {
  const wrong: (string | string[])[] = [
    "", // constructor/004
    "ec ho", // Create-protocol-with-space
    "a,b", // Create-asciiSep-protocol-string
    "\u0080echo", // Create-nonAscii-protocol-string
    "a\0b",
    "a\x7fb",
    ["echo", "echo"], // Create-protocols-repeated, constructor/021
    ["echo", "EcHo"], // Create-protocols-repeated-case-insensitive
    ["echo", ""],
  ];
  for (const protocols of wrong) {
    assertDom("SyntaxError", () => new WebSocket("ws://a/", protocols), `${protocols}`);
    assertDom("SyntaxError", () => new WebSocket("ws://a/", { protocols }), `${protocols}`);
  }
});

Deno.test("it takes a URL at least, and is no function", () => {
  // constructor/001
  assertThrows(() => Reflect.construct(WebSocket, []), TypeError, "1 argument required");
  assertThrows(() => (WebSocket as unknown as () => void)(), TypeError);
});

Deno.test("a new socket is CONNECTING, and has nothing", async () => {
  await made("ws://example.com/", (socket) => {
    assertEquals(socket.readyState, 0);
    assertEquals(socket.bufferedAmount, 0);
    assertEquals([socket.protocol, socket.extensions, socket.binaryType], ["", "", "blob"]);
    assertEquals([socket.onopen, socket.onmessage, socket.onerror, socket.onclose], [
      null,
      null,
      null,
      null,
    ]);
    assert(socket instanceof EventTarget);
    assertEquals(String(socket), "[object WebSocket]");
  });
});

Deno.test("the constants are there on class and instances, and stay", async () => {
  // interfaces/WebSocket/constants
  await made("ws://example.com/", (socket) => {
    for (const [value, name] of (["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const).entries()) {
      for (const owner of [WebSocket, WebSocket.prototype, socket]) {
        assertEquals(owner[name], value);
        assertThrows(() => Object.assign(owner, { [name]: 7 }), TypeError);
        assertEquals(owner[name], value);
      }
      assertThrows(() => Reflect.deleteProperty(WebSocket, name) || raise(), TypeError);
      assertEquals(Object.getOwnPropertyDescriptor(WebSocket, name)!.enumerable, true);
    }
  });
});

function raise(): never {
  throw new TypeError("it stays");
}

Deno.test("attributes are on the prototype, seen by a loop, and read-only where the standard says so", async () => {
  // interfaces/WebSocket/bufferedAmount, readyState, url: getting, readonly
  await made("ws://example.com/", (socket) => {
    const seen = new Set<string>();
    for (const name in socket) seen.add(name);
    for (const name of ["url", "readyState", "bufferedAmount", "extensions", "protocol"]) {
      assert(seen.has(name), name);
      assertEquals(Object.hasOwn(socket, name), false);
      assertThrows(() => Object.assign(socket, { [name]: "x" }), TypeError, undefined, name);
    }
    for (
      const name of ["onopen", "onmessage", "onerror", "onclose", "binaryType", "send", "close"]
    ) {
      assert(seen.has(name), name);
    }
  });
});

Deno.test("the request has path, query and host of the URL, and asks for compression", async () => {
  await using side = play();
  const socket = new WebSocket(
    "http://Server.example.com/a%20b/../c?d=%41#".slice(0, -1),
    side.way,
  );
  const { request } = await side.open();
  const lines = request.toLowerCase().split("\r\n");
  assertEquals(request.split("\r\n")[0], "GET /c?d=%41 HTTP/1.1");
  assert(lines.includes("host: server.example.com"), request);
  assert(lines.some((line) => line.startsWith("sec-websocket-extensions: permessage-deflate")));
  assertEquals(
    lines.some((line) => /^(origin|authorization|sec-websocket-protocol)/.test(line)),
    false,
  );
  await next(socket, "open");
  assertEquals(socket.extensions, "");
});

Deno.test("user and password of the URL are sent as Basic, unless the program sends an authorization", async () => {
  // basic-auth: browsers send them once they were asked, which ends a WebSocket's handshake.
  await using side = play();
  const url = "ws://f%C3%B6o:b%3Ar@server.example.com/";
  const expected = `authorization: Basic ${new TextEncoder().encode("föo:b:r").toBase64()}`;
  const first = new WebSocket(url, side.way);
  assertStringIncludes((await side.open()).request, `\r\n${expected}\r\n`);
  assertEquals(first.url, url);
  new WebSocket(url, { ...side.way, headers: { Authorization: "Bearer 1" } });
  const { request } = await side.open();
  assertStringIncludes(request, "\r\nAuthorization: Bearer 1\r\n");
  assertEquals(request.includes("Basic"), false);
});

/** A server with two subprotocols. */
const other: Protocol = { ...echo, name: "other" };

Deno.test("protocol is what the server chose of a name, of a list, and of the options", async () => {
  // constructor/009, constructor/022, constructor/option-bag, Create-valid-url-protocol-setCorrectly
  await using side = stand([echo, other]);
  for (const protocols of ["other", ["x", "other"], new Set(["other", "echo"])]) {
    const socket = await openSocket({ ...side.way, protocols: protocols as string[] });
    assertEquals([socket.protocol, socket.readyState], ["other", 1]);
    await finish(socket);
    assertEquals(socket.protocol, "other");
  }
  const plain = await openSocket(side.way);
  assertEquals(plain.protocol, "");
  await finish(plain);
});

Deno.test("arguments are made what the standard wants, as undefined, null, a number and an empty bag", async () => {
  await using side = play();
  const asked = async (...args: unknown[]) => {
    const socket = Reflect.construct(WebSocket, args);
    const closed = next(socket, "close");
    socket.close();
    await closed;
  };
  // Without a network of their own they would look for the server elsewhere; they never get as far.
  for (const second of [undefined, null, {}, [], 5]) {
    await asked("ws://127.0.0.1:1/", second);
  }
  const socket = new WebSocket("ws://server.example.com/", { ...side.way, protocols: "5" });
  assertStringIncludes((await side.open("Sec-WebSocket-Protocol: 5")).request, "Protocol: 5\r\n");
  await next(socket, "open");
  assertEquals(socket.protocol, "5");
});

Deno.test("a server that answers with another subprotocol, or none of those asked for, fails the connection", async () => {
  for (
    const [protocols, answer] of [
      [[], "sec-websocket-protocol: echo"], // constructor/010
      [["echo"], "sec-websocket-protocol: other"], // constructor/011
      [["echo"], "x-none: 1"], // constructor/012
      [["echo", "other"], "sec-websocket-protocol: echo, other"],
    ] as const
  ) {
    await using side = play();
    const socket = new WebSocket("ws://server.example.com/", { ...side.way, protocols });
    const told = story(socket);
    const error = next<ErrorEvent>(socket, "error");
    const closed = next(socket, "close");
    await side.open(answer);
    assert((await error).message.length > 0);
    await closed;
    assertEquals(told, ["error", 'close 1006 "" false'], answer);
  }
});

Deno.test("two sockets have connections of their own", async () => {
  // constructor/013
  await using side = stand();
  const sockets = [await openSocket(side.way), await openSocket(side.way)];
  const heard = sockets.map((socket) => next<MessageEvent>(socket, "message"));
  sockets.forEach((socket, i) => socket.send(`to ${i}`));
  assertEquals((await Promise.all(heard)).map(({ data }) => data), ["to 0", "to 1"]);
  await finish(sockets[0]!);
  assertEquals(sockets[1]!.readyState, 1);
  await finish(sockets[1]!);
});

Deno.test("a refusal fails the connection, and its error names the status", async () => {
  const closedDoor: Protocol = {
    name: "echo",
    callback: handlers({ filterProtocolConnection: () => 1 }),
  };
  await using side = stand([closedDoor]);
  const socket = new WebSocket("ws://server.example.com/", side.way);
  const told = story(socket);
  const error = await next<ErrorEvent>(socket, "error");
  assertStringIncludes(error.message, "403");
  assertEquals([error.error.code, error.error.message], ["handshake-refused", error.message]);
  assertEquals(socket.readyState, 3);
  await next(socket, "close");
  assertEquals(told, ["error", 'close 1006 "" false']);
});

Deno.test("where no server listens, and at port 0, the connection fails in a task of its own", async () => {
  for (const url of ["ws://example.com/", "ws://example.com:0/"]) {
    await made(url, async (socket) => {
      // constructor/014, interfaces/WebSocket/events/020
      const told = story(socket);
      await Promise.resolve();
      assertEquals([socket.readyState, told], [0, []], "nothing happens within the caller's task");
      const error = await next<ErrorEvent>(socket, "error");
      assertEquals([error.error.code, socket.readyState], ["connect-failed", 3]);
    });
  }
});

Deno.test("binaryType keeps its value when it is set to another one than the two", async () => {
  // binaryType-wrong-value, Create-valid-url-binaryType-blob
  await made("ws://example.com/", (socket) => {
    socket.binaryType = "arraybuffer";
    for (const wrong of ["notBlobOrArrayBuffer", "BLOB", "", null, 5]) {
      Object.assign(socket, { binaryType: wrong });
      assertEquals(socket.binaryType, "arraybuffer");
    }
    socket.binaryType = "blob";
    assertEquals(socket.binaryType, "blob");
  });
});

Deno.test("a stray third argument is no matter", async () => {
  // constructor
  await using side = play();
  const args = ["ws://server.example.com/", { ...side.way, protocols: "echo" }, "stray"];
  const socket: WebSocket = Reflect.construct(WebSocket, args);
  const peer = await side.accept();
  assertStringIncludes(await readHead(peer), "echo");
  await finish(socket);
});
