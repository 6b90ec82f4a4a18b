/** RFC 6455 section 4.1: the opening handshake as a client sends it, and the answers it takes. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { ClientConnectInfo, ContextCreationInfo, Protocol } from "../../mod.ts";
import { handlers, LwsError, permessageDeflate } from "../../mod.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import { concat, frame } from "../support/frames.ts";
import { fieldOf } from "../support/http.ts";
import type { PlayedServer } from "../support/serve.ts";
import { playServer, readFrame, readHead, settle, TARGET } from "../support/serve.ts";
import { rule } from "./rule.ts";
import { acceptFor, answerLines, DEFLATE, headOf } from "./sides.ts";
import { named } from "../support/named.ts";

/** A client that knows `first`, `chat` and `superchat`, and what became of its connections. */
function setUp(
  info: Partial<ContextCreationInfo> = {},
): PlayedServer & { readonly heard: string[] } {
  const heard: string[] = [];
  const protocol = (name: string): Protocol => ({
    name,
    callback: handlers({
      clientEstablished: () => void heard.push(`established ${name}`),
      clientReceive: () => void heard.push("received"),
      clientReceivePing: () => void heard.push("pinged"),
      clientConnectionError: (_wsi, _user, text) => void heard.push(`error ${text}`),
      closed: () => void heard.push("closed"),
    }),
  });
  return { ...playServer(["first", "chat", "superchat"].map(protocol), info), heard };
}

/** The request that a client makes of this. */
async function requestOf(info: Partial<ClientConnectInfo> = {}): Promise<string> {
  await using played = setUp();
  played.context.clientConnect({ ...TARGET, ...info });
  const peer = await played.accept();
  const request = await readHead(peer);
  assertEquals(peer.received.length, request.length, "something came behind the request");
  return request;
}

const namesOf = (request: string) =>
  request.trimEnd().split("\r\n").slice(1).map((line) => line.split(":")[0]!.toLowerCase());

// What the client sends.

rule("4.1", "the request is valid HTTP, and every field comes once", async () => {
  for (
    const info of [
      {},
      { path: "/a?b=c", host: "example.com:81", origin: "https://example.com" },
      { protocol: "chat, superchat", headers: [["Cookie", "a=b"]] as const },
    ]
  ) {
    const request = await requestOf(info);
    const [requestLine, ...lines] = request.slice(0, -4).split("\r\n");
    assertMatch(requestLine!, /^GET \/[\x21-\x7e]* HTTP\/1\.1$/);
    for (const line of lines) assertMatch(line, /^[-!#$%&'*+.^_`|~0-9A-Za-z]+: ?[\x20-\x7e]*$/);
    const names = namesOf(request);
    assertEquals(new Set(names).size, names.length);
    assert(!names.includes("content-length") && !names.includes("transfer-encoding"));
  }
});

rule("4.1", "the method is GET, the version 1.1 and the target the resource name", async () => {
  for (const path of ["/", "/chat", "/a/b/c?d=e&f=%20", "//", "/?", "/:80"]) {
    assertEquals((await requestOf({ path })).split("\r\n")[0], `GET ${path} HTTP/1.1`);
  }
  assertEquals((await requestOf()).split("\r\n")[0], "GET / HTTP/1.1");
});

rule("4.1", "Host has the host, and the port unless it is the default one", async () => {
  const hosts: [info: Partial<ClientConnectInfo>, host: string][] = [
    [{}, "server.example.com"],
    [{ address: "127.0.0.1" }, "127.0.0.1"],
    [{ address: "::1" }, "[::1]"],
    [{ host: "other.example.com:81" }, "other.example.com:81"],
  ];
  for (const [info, host] of hosts) assertEquals(fieldOf(await requestOf(info), "Host"), host);
  await using played = setUp();
  const listener = played.network.listen({ hostname: "", port: 8080 });
  for (const [address, host] of [["a.example", "a.example:8080"], ["::1", "[::1]:8080"]] as const) {
    played.context.clientConnect({ address, port: 8080 });
    const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
    assertEquals(fieldOf(await readHead(peer), "Host"), host);
  }
  listener.close();
});

rule("4.1", "Upgrade has websocket, Connection has Upgrade, the version is 13", async () => {
  const request = await requestOf();
  assertEquals(fieldOf(request, "Upgrade")!.toLowerCase(), "websocket");
  assertEquals(fieldOf(request, "Connection")!.toLowerCase(), "upgrade");
  assertEquals(fieldOf(request, "Sec-WebSocket-Version"), "13");
});

rule("4.1", "the key is 16 random bytes in base64, drawn for each connection", async () => {
  await using played = setUp();
  const drawn: string[] = [];
  const draw = crypto.getRandomValues;
  crypto.getRandomValues = ((array: Uint8Array) => {
    draw.call(crypto, array);
    if (array.length === 16) drawn.push(array.toBase64());
    return array;
  }) as typeof draw;
  try {
    const keys: string[] = [];
    for (let i = 0; i < 200; i++) {
      played.context.clientConnect(TARGET);
      const peer = await played.accept();
      keys.push(fieldOf(await readHead(peer), "Sec-WebSocket-Key")!);
      peer.close();
      await settle();
    }
    assertEquals(keys, drawn);
    assertEquals(new Set(keys).size, 200);
    for (const key of keys) assertMatch(key, /^[A-Za-z0-9+/]{21}[AQgw]==$/);
  } finally {
    crypto.getRandomValues = draw;
  }
});

rule("4.1", "Origin is sent when the program gives one, and only then", async () => {
  const origin = "https://www.example.com";
  assertEquals(fieldOf(await requestOf({ origin }), "Origin"), origin);
  assertEquals(fieldOf(await requestOf(), "Origin"), undefined);
});

rule("4.1", "subprotocols are listed in their order, and the field is absent without", async () => {
  const name = "Sec-WebSocket-Protocol";
  assertEquals(fieldOf(await requestOf({ protocol: ["b", "a"] }), name), "b, a");
  assertEquals(fieldOf(await requestOf({ protocol: "superchat,chat" }), name), "superchat, chat");
  for (const protocol of [undefined, null, "", []]) {
    assertEquals(
      fieldOf(await requestOf(protocol === undefined ? {} : { protocol }), name),
      undefined,
    );
  }
});

rule("4.1", "only extensions that the context has are asked for", async () => {
  assertEquals(fieldOf(await requestOf(), "Sec-WebSocket-Extensions"), undefined);
  await using played = setUp({ extensions: [permessageDeflate()] });
  played.context.clientConnect(TARGET);
  const request = await readHead(await played.accept());
  assertMatch(fieldOf(request, "Sec-WebSocket-Extensions")!, /^permessage-deflate/);
});

rule("4.1", "further header fields are sent, but none of the handshake's own", async () => {
  const request = await requestOf({
    headers: [["Cookie", "a=b"], ["Authorization", "Basic eDp5"]],
  });
  assertEquals(fieldOf(request, "Cookie"), "a=b");
  assertEquals(fieldOf(request, "Authorization"), "Basic eDp5");
  await using played = setUp();
  for (const name of new Set([...namesOf(request).slice(0, 5), "sec-websocket-protocol"])) {
    const connect = () => played.context.clientConnect({ ...TARGET, headers: [[name, "x"]] });
    assertThrows(connect, LwsError, name);
  }
});

/** What can't be a part of a WebSocket URI, or of the header fields made of it. */
const INVALID: readonly Partial<ClientConnectInfo>[] = [
  { address: "" },
  { port: 0 },
  { port: 65_536 },
  { port: -1 },
  { port: 1.5 },
  { port: NaN },
  { path: "" },
  { path: "chat" },
  { path: "*" },
  { path: "/a b" },
  { path: "/\xe9" },
  { path: "/\0" },
  { path: "/\r\nX: y" },
  { host: "" },
  { host: "a b" },
  { host: "a/b" },
  { host: "user@a" },
  { host: "a:b" },
  { address: "a/b" },
  { host: "a\r\nX: y" },
  { origin: "" },
  { origin: "a b" },
  { origin: "a\r\nX: y" },
  { origin: "http://a", headers: [["Origin", "http://b"]] },
];

rule("4.1", "a client that is given invalid components does not connect", async () => {
  await using played = setUp();
  for (const info of INVALID) {
    assertThrows(() => played.context.clientConnect({ ...TARGET, ...info }), LwsError);
  }
  await settle();
  assertEquals(played.heard, []);
});

rule("4.1", "subprotocols are different tokens, or the client does not connect", async () => {
  await using played = setUp();
  for (const protocol of ["a b", "a/b", "a;b", "(a)", "\xe9", "a, a", ["a", "a"], ["a,b"], [""]]) {
    assertThrows(() => played.context.clientConnect({ ...TARGET, protocol }), LwsError, "protocol");
  }
});

rule("3", "a fragment identifier is not used", async () => {
  await using played = setUp();
  for (const path of ["/#", "/#part", "/a?b#c"]) {
    assertThrows(() => played.context.clientConnect({ ...TARGET, path }), LwsError, "path");
  }
  assertEquals((await requestOf({ path: "/%23" })).split(" ")[1], "/%23");
});

rule("4.1", "a request that can't be made fails, and its connection is closed", async () => {
  const errors: string[] = [];
  await using played = playServer([named("p", {
    clientAppendHandshakeHeader: (_wsi, _user, appender) => appender.add("Origin", "http://b"),
    clientConnectionError: (_wsi, _user, text) => void errors.push(text),
  })]);
  played.context.clientConnect({ ...TARGET, origin: "http://a" });
  assertEquals((await (await played.accept()).readToEnd()).length, 0);
  assertEquals(errors.length, 1);
  assertMatch(errors[0]!, /Origin/);
});

rule("4.1", "a connection that can't be opened fails", async () => {
  await using played = setUp();
  played.context.clientConnect({ ...TARGET, port: 81 });
  await settle();
  assertEquals(played.heard.length, 1);
  assertMatch(played.heard[0]!, /^error can't connect to server\.example\.com port 81/);
});

rule("4.1", "nothing is sent behind the request before the answer is whole", async () => {
  await using played = setUp();
  const wsi = played.context.clientConnect(TARGET);
  const peer = await played.accept();
  const request = await readHead(peer);
  const answer = headOf(answerLines(request));
  for (const character of answer.slice(0, -1)) {
    peer.send(character);
    await settle();
    assertEquals(wsi.write("early"), -1);
    assertEquals(wsi.write("", "ping"), -1);
  }
  assertEquals([peer.received.length, played.heard.length], [request.length, 0]);
  peer.send(answer.slice(-1));
  await settle();
  assertEquals(played.heard, ["established first"]);
  wsi.write("now");
  assertEquals((await readFrame(peer)).opcode, 1);
});

// The answer.

type Answer = (lines: string[], request: string) => readonly string[];

/** Answers a handshake by hand, with a ping right behind; gives the peer and what was heard. */
async function answerWith(
  played: ReturnType<typeof setUp>,
  answer: Answer,
  info: Partial<ClientConnectInfo> = {},
  chop = Infinity,
): Promise<{ peer: MemoryPeer; heard: string[] }> {
  played.heard.length = 0;
  played.context.clientConnect({ ...TARGET, ...info });
  const peer = await played.accept();
  peer.transport.peer.chop(chop);
  const request = await readHead(peer);
  const head = headOf(answer(answerLines(request), request));
  peer.send(concat(new TextEncoder().encode(head), frame({ opcode: 9, payload: "ping" })));
  await settle();
  return { peer, heard: [...played.heard] };
}

/** What is asked for, of whom, and who takes the connection. */
interface Asking {
  readonly ask?: Partial<ClientConnectInfo>;
  readonly info?: Partial<ContextCreationInfo>;
  readonly protocol?: string;
}

/** Every answer establishes the connection. */
async function takes(answers: readonly Answer[], asking: Asking = {}): Promise<void> {
  await using played = setUp(asking.info);
  for (const answer of answers) {
    for (const chop of [Infinity, 1]) {
      const { peer, heard } = await answerWith(played, answer, asking.ask, chop);
      assertEquals((await readFrame(peer)).opcode, 10);
      assertEquals(heard[0], `established ${asking.protocol ?? "first"}`);
      peer.close();
      await settle();
    }
  }
}

/** Every answer fails the connection, with one error that matches `text` and nothing else. */
async function fails(
  text: RegExp,
  answers: readonly Answer[],
  asking: Asking = {},
): Promise<void> {
  await using played = setUp(asking.info);
  for (const answer of answers) {
    for (const chop of [Infinity, 1]) {
      const { peer, heard } = await answerWith(played, answer, asking.ask, chop);
      assertEquals(heard.length, 1, `${answer} made ${heard}`);
      assertMatch(heard[0]!, new RegExp(`^error .*${text.source}`, text.flags));
      // Closed, and without a frame.
      assertEquals((await peer.readToEnd()).length, 0);
    }
  }
}

/** The answer with `replacements` in place of the field `name`. */
function change(name: string, ...replacements: readonly string[]): Answer {
  return (lines) => {
    const [start, ...fields] = lines as [string, ...string[]];
    return [start, ...fields.filter((line) => !line.startsWith(`${name}:`)), ...replacements];
  };
}

const asStatus = (status: string, ...more: string[]): Answer => (lines) => [
  `HTTP/1.1 ${status}`,
  ...lines.slice(1),
  ...more,
];

rule("4.1", "a good answer establishes the connection, at every split of it", async () => {
  await takes([(lines) => lines]);
  await using played = setUp();
  const length = headOf(answerLines(await requestOf())).length;
  for (let cut = 1; cut < length; cut++) {
    played.heard.length = 0;
    played.context.clientConnect(TARGET);
    const peer = await played.accept();
    const answer = headOf(answerLines(await readHead(peer)));
    peer.send(answer.slice(0, cut));
    await settle();
    assertEquals(played.heard, []);
    peer.send(answer.slice(cut));
    await settle();
    assertEquals(played.heard, ["established first"]);
    peer.close();
    await settle();
  }
});

rule("4.1", "order and case of the answer's fields do not matter", async () => {
  const cased = (by: (text: string) => string): Answer => (lines) =>
    lines.map((line, i) => i === 0 ? line : line.replace(/^[^:]+/, by));
  await takes([
    ([start, ...fields]) => [start!, ...fields.reverse()],
    ([start, a, b, c]) => [start!, b!, c!, a!],
    ([start, a, b, c]) => [start!, c!, a!, b!],
    cased((name) => name.toLowerCase()),
    cased((name) => name.toUpperCase()),
    change("Upgrade", "Upgrade: WebSocket"),
    change("Upgrade", "UPGRADE:WEBSOCKET"),
    change("Connection", "connection: UPGRADE"),
    change("Connection", "Connection: keep-alive, Upgrade"),
    change("Connection", "Connection: keep-alive", "Connection: upgrade"),
  ]);
});

rule("4.1", "reason phrase, blanks and further fields of the answer do not matter", async () => {
  await takes([
    asStatus("101 Web Socket Protocol Handshake"),
    asStatus("101 "),
    change("X", "Server: x", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Set-Cookie: a=b", "X-Empty:"),
    (lines) => lines.map((line, i) => i === 0 ? line : `${line.replace(": ", ":\t ")} \t`),
  ]);
});

rule("4.1", "any other status than 101 is no WebSocket, whatever the fields say", async () => {
  const statuses = [
    ...["200 OK", "204 No Content", "206 Partial Content", "301 Moved Permanently", "302 Found"],
    ...["307 Temporary Redirect", "400 Bad Request", "401 Unauthorized", "403 Forbidden"],
    ...["404 Not Found", "407 Proxy Authentication Required", "426 Upgrade Required"],
    ...["500 Internal Server Error", "503 Service Unavailable"],
  ];
  for (const status of statuses) {
    await fails(new RegExp(status), [
      asStatus(status),
      asStatus(status, "Location: ws://server.example.com/", "WWW-Authenticate: Basic"),
    ]);
  }
});

rule("4.1", "interim responses before the answer are passed over", async () => {
  const interims = [["100 Continue"], ["103 Early Hints", "Link: </x>"], [
    "102 Processing",
    "X: y",
  ]];
  const ahead = interims.map(([status, ...lines]) => headOf([`HTTP/1.1 ${status}`, ...lines]));
  await takes([...ahead, ahead.join("")].map((each): Answer => ([start, ...rest]) => [
    each + start,
    ...rest,
  ]));
  await fails(/interim/, [([start, ...rest]) => [ahead.join("").repeat(10) + start, ...rest]]);
});

rule("4.1", "an answer without Upgrade: websocket fails the connection", async () => {
  const values = ["", "h2c", "websockets", "h2c, websocket", "websocket, h2c", '"websocket"'];
  await fails(/upgrade/i, [
    change("Upgrade"),
    ...values.map((value) => change("Upgrade", `Upgrade: ${value}`)),
    change("X", "Upgrade: websocket"),
    change("X", "Upgrade: h2c"),
  ]);
});

rule("4.1", "an answer without the token Upgrade in Connection fails the connection", async () => {
  const values = ["", "keep-alive", "close", "upgraded", "not upgrade", '"upgrade"'];
  await fails(/connection/i, [
    change("Connection"),
    ...values.map((value) => change("Connection", `Connection: ${value}`)),
  ]);
});

rule("4.1", "an answer without the right accept value fails the connection", async () => {
  const accepting = (by: (right: string, key: string) => string): Answer => (lines, request) => {
    const key = fieldOf(request, "Sec-WebSocket-Key")!;
    const value = by(acceptFor(key), key);
    return change("Sec-WebSocket-Accept", `Sec-WebSocket-Accept: ${value}`)(lines, request);
  };
  await fails(/accept/i, [
    change("Sec-WebSocket-Accept"),
    accepting(() => ""),
    accepting(() => acceptFor("dGhlIHNhbXBsZSBub25jZQ==")),
    accepting((_right, key) => key),
    accepting((_right, key) => acceptFor(` ${key}`)),
    accepting((right) => right.slice(0, -1)),
    accepting((right) => `${right}=`),
    accepting((right) => `"${right}"`),
    accepting((right) => `${right}, ${right}`),
    accepting((right) => right.slice(1) + right[0]),
    (lines) => [...lines, lines.at(-1)!],
    (lines) => [...lines, "Sec-WebSocket-Accept: AAAA"],
  ]);
  // Letters of the other case are other bytes; in one of 10^8 values there are none.
  await fails(/accept/i, [accepting((right) => right.toLowerCase())]);
});

rule("4.1", "blanks around the accept value are ignored", async () => {
  await takes([(lines) => lines.map((line) => line.replace("Accept: ", "Accept: \t ") + "\t ")]);
});

/** An answer that chooses these extensions. */
const extending = (value: string) => change("X", `Sec-WebSocket-Extensions: ${value}`);

rule("4.1", "an extension that was not asked for fails the connection", async () => {
  await fails(/extension/i, ["permessage-deflate", "x-unknown; a=b", "a, b"].map(extending));
  const values = ["x-unknown", "Permessage-Deflate", "permessage-deflate, x-unknown"];
  await fails(/extension/i, values.map(extending), { info: { extensions: [permessageDeflate()] } });
});

rule("4.1", "extensions that break their grammar fail the connection", async () => {
  const values = [",", "a b", "permessage-deflate;", "permessage-deflate; a=", 'a; b="'];
  for (const extensions of [[], [permessageDeflate()]]) {
    await fails(/extension/i, values.map(extending), { info: { extensions } });
  }
});

rule("4.1", "an empty line of extensions chooses none", async () => {
  const line = "Sec-WebSocket-Extensions:";
  for (const extensions of [[], [permessageDeflate()]]) {
    await takes([change("X", line), change("X", `${line} `, line)], { info: { extensions } });
  }
  const info = { extensions: [permessageDeflate()] };
  await takes([change("X", line, DEFLATE, line)], { info });
});

rule("4.1", "an extension that was asked for is in use when the answer says so", async () => {
  const info = { extensions: [permessageDeflate()] };
  await takes([(lines) => lines, change("X", DEFLATE)], { info });
});

rule("4.1", "a subprotocol that was not asked for fails the connection", async () => {
  const choosing = (value: string) => change("X", `Sec-WebSocket-Protocol: ${value}`);
  await fails(/protocol/i, [choosing("chat"), choosing("first"), choosing("")]);
  const values = ["first", "other", "Chat", "", "chat, superchat", "chat;x", '"chat"'];
  await fails(/protocol/i, [
    ...values.map(choosing),
    change("X", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"),
    change("X", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"),
  ], { ask: { protocol: "chat, superchat" } });
});

rule("4.1", "the subprotocol in use is the one in the answer, or none", async () => {
  const ask = { protocol: "chat, superchat" };
  for (const protocol of ["chat", "superchat"]) {
    await takes([change("X", `Sec-WebSocket-Protocol: ${protocol}`)], { ask, protocol });
  }
  await takes([(lines) => lines], { ask });
});

rule("4.1", "an answer that is no HTTP/1.1 fails the connection", async () => {
  await fails(/./, [
    ([start, ...fields]) => [start!.replace("1.1", "1.0"), ...fields],
    ([start, ...fields]) => [start!.replace("1.1", "2.0"), ...fields],
    ([start, ...fields]) => [start!.replace("HTTP", "http"), ...fields],
    ([start, ...fields]) => [start!.replace("101", "1O1"), ...fields],
    ([start, ...fields]) => [start!.replace("101", "0101"), ...fields],
    (lines) => lines.slice(1),
    (lines) => ["", ...lines],
    () => ["SSH-2.0-OpenSSH_9.2"],
    change("X", "no colon"),
    change("X", "X : a blank before the colon"),
    change("X", " folded"),
    change("X", "X: \0"),
    (lines) => [lines.join("\n")],
  ]);
});

rule("4.1", "an answer without an end fails the connection", async () => {
  await using played = setUp();
  played.context.clientConnect(TARGET);
  const peer = await played.accept();
  await readHead(peer);
  peer.send(`HTTP/1.1 101 Switching Protocols\r\nX: ${"x".repeat(20_000)}`);
  await settle();
  assertMatch(played.heard.join(), /^error /);
  assertEquals((await peer.readToEnd()).length, 0);
});

rule("4.1", "a server that never answers fails the connection", async () => {
  await using played = setUp();
  played.context.clientConnect(TARGET);
  const peer = await played.accept();
  await readHead(peer);
  await played.pass(60_000);
  assertMatch(played.heard.join(), /^error timed out/);
  assertEquals((await peer.readToEnd()).length, 0);
});

rule("4.1", "an error is told once, and its connection can't be used", async () => {
  await using played = setUp();
  const wsi = played.context.clientConnect(TARGET);
  const peer = await played.accept();
  await readHead(peer);
  peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  await settle();
  assertEquals(played.heard, ["error the server answered 403 Forbidden"]);
  assertEquals([wsi.write("x"), wsi.close(1000), wsi.callbackOnWritable()], [-1, -1, -1]);
});
