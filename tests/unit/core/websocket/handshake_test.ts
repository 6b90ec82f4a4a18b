import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { requestFraming } from "../../../../src/core/http/body/reader.ts";
import {
  acceptValue,
  checkUpgradeResponse,
  chooseSubprotocol,
  HandshakeError,
  newKey,
  readUpgrade,
  type UpgradeDecision,
  type UpgradeRequest,
  upgradeRequest,
  upgradeResponse,
} from "../../../../src/core/websocket/handshake.ts";
import { readRequest, readResponse, textOf } from "../../../support/http_messages.ts";

/** The key of RFC 6455 section 1.3, and what it is answered with. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const HANDSHAKE: readonly string[] = [
  "Host: server.example.com",
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Key: ${KEY}`,
  "Sec-WebSocket-Version: 13",
];

function decide(lines: readonly string[], requestLine = "GET /chat HTTP/1.1"): UpgradeDecision {
  const head = readRequest([requestLine, ...lines, "", ""].join("\r\n"));
  return readUpgrade(head, requestFraming(head));
}

/** The handshake without the lines that begin with `name`, and with `lines`. */
function handshake(name: string, ...lines: string[]): string[] {
  return [...HANDSHAKE.filter((line) => !line.startsWith(`${name}:`)), ...lines];
}

function assertRefused(decision: UpgradeDecision, status: number, reason: string): void {
  if (decision.kind !== "refused") throw new Error(`not refused but ${decision.kind}`);
  assertEquals(decision.status, status, decision.reason);
  if (!decision.reason.includes(reason)) throw new Error(decision.reason);
}

Deno.test("RFC 6455 section 1.3: the example key gives the example accept value", () => {
  assertEquals(acceptValue(KEY), ACCEPT);
});

Deno.test("RFC 6455 section 4.2.1: a whole handshake is a websocket", () => {
  assertEquals(decide(HANDSHAKE), {
    kind: "websocket",
    key: KEY,
    version: 13,
    protocols: [],
    extensions: "",
  });
});

Deno.test("RFC 6455 section 4.2.1: upgrade names are found in any case and in lists", () => {
  const lines = [
    "Host: a",
    "uPGRADE: h2c, WebSocket",
    "Connection: keep-alive",
    "Connection: UPGRADE",
    `sec-websocket-key:${KEY}`,
    "SEC-WEBSOCKET-VERSION:13",
  ];
  assertEquals(decide(lines).kind, "websocket");
});

Deno.test("RFC 9110 section 7.8: without an upgrade to websocket a request is plain", () => {
  assertEquals(decide(["Host: a"]), { kind: "plain" });
  assertEquals(decide(handshake("Upgrade")), { kind: "plain" });
  assertEquals(decide(handshake("Upgrade", "Upgrade: h2c")), { kind: "plain" });
  assertEquals(decide(handshake("Upgrade", "Upgrade: websockets")), { kind: "plain" });
  assertEquals(decide(["Host: a", "Upgrade: h2c"], "POST / HTTP/1.1"), { kind: "plain" });
});

Deno.test("RFC 6455 section 4.2.1: a handshake that is no GET is 405 with Allow", () => {
  const decision = decide(HANDSHAKE, "POST /chat HTTP/1.1");
  assertRefused(decision, 405, "GET");
  assertEquals(decision.kind === "refused" && decision.fields, [["Allow", "GET"]]);
});

Deno.test("RFC 6455 section 4.2.1: a handshake in HTTP/1.0 is 400", () => {
  assertRefused(decide(HANDSHAKE, "GET /chat HTTP/1.0"), 400, "HTTP/1.0");
});

Deno.test("RFC 6455 section 4.2.1: a missing or wrong Connection is 400", () => {
  assertRefused(decide(handshake("Connection")), 400, "Connection");
  assertRefused(decide(handshake("Connection", "Connection: keep-alive")), 400, "Connection");
  assertRefused(decide(handshake("Connection", "Connection: upgraded")), 400, "Connection");
});

Deno.test("RFC 6455 section 4.4: another version is 426 and told which one is known", () => {
  for (const version of ["8", "0", "14", "013", "13, 8", "", "+13", "13.0"]) {
    const lines = handshake("Sec-WebSocket-Version", `Sec-WebSocket-Version: ${version}`);
    const decision = decide(lines);
    assertRefused(decision, 426, "Version");
    assertEquals(decision.kind === "refused" && decision.fields, [
      ["Sec-WebSocket-Version", "13"],
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
    ]);
  }
  assertRefused(decide(handshake("Sec-WebSocket-Version")), 400, "missing");
});

Deno.test("RFC 6455 section 4.2.1: a key that is not 16 bytes of base64 is 400", () => {
  const keys = ["", "dGhl", "dGhlIHNhbXBsZSBub25jZQ=", KEY + "=", "A".repeat(24), "=".repeat(24)];
  keys.push("dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZ-==", "dGhlIHNhbXBsZSBub25jZQ=A");
  for (const key of keys) {
    const lines = handshake("Sec-WebSocket-Key", `Sec-WebSocket-Key: ${key}`);
    assertRefused(decide(lines), 400, "base64");
  }
  assertRefused(decide(handshake("Sec-WebSocket-Key")), 400, "missing");
});

Deno.test("a duplicate key, version or upgrade header is 400", () => {
  for (const index of [1, 3, 4]) {
    const line = HANDSHAKE[index]!;
    assertRefused(decide([...HANDSHAKE, line]), 400, `more than one ${line.split(":")[0]}`);
  }
});

Deno.test("an upgrade with a body is 400", () => {
  assertRefused(decide([...HANDSHAKE, "Content-Length: 5"]), 400, "body");
  assertRefused(decide([...HANDSHAKE, "Transfer-Encoding: chunked"]), 400, "body");
  assertEquals(decide([...HANDSHAKE, "Content-Length: 0"]).kind, "websocket");
});

Deno.test("subprotocols and extensions are read from all their lines, in order", () => {
  const decision = decide([
    ...HANDSHAKE,
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Protocol: __proto__",
    "Sec-WebSocket-Extensions: a; b=c",
    "Sec-WebSocket-Extensions: d",
  ]);
  assertEquals(decision, {
    kind: "websocket",
    key: KEY,
    version: 13,
    protocols: ["chat", "superchat", "__proto__"],
    extensions: "a; b=c, d",
  });
});

Deno.test("RFC 6455 section 4.1: a subprotocol that is no token, or comes twice, is 400", () => {
  for (const value of ["a b", "a;b", '"a, b"', "a/b", "\xe9"]) {
    const lines = [...HANDSHAKE, `Sec-WebSocket-Protocol: ${value}`];
    assertRefused(decide(lines), 400, "not a token");
  }
  assertRefused(decide([...HANDSHAKE, "Sec-WebSocket-Protocol: a, b, a"]), 400, "twice");
  const lines = [...HANDSHAKE, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"];
  assertRefused(decide(lines), 400, "twice");
});

Deno.test("RFC 6455 section 4.2.2: a 101 has the accept value, the protocol and further fields", () => {
  assertEquals(
    textOf(upgradeResponse(KEY, "chat", [["Server", "x"]])),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\nServer: x\r\n\r\n`,
  );
});

Deno.test("a 101 can't be made to carry a header through a subprotocol or a field", () => {
  assertThrows(() => upgradeResponse(KEY, "a\r\nX: y", []), TypeError, "protocol");
  assertThrows(() => upgradeResponse(KEY, "", []), TypeError, "protocol");
  assertThrows(() => upgradeResponse(KEY, undefined, [["X", "\r\n"]]), TypeError, "header X");
});

Deno.test("a new key is 16 bytes of base64 and another each time", () => {
  const key = newKey();
  assertEquals(Uint8Array.fromBase64(key).length, 16);
  assertNotEquals(newKey(), key);
});

const REQUEST: UpgradeRequest = { path: "/", host: "a", protocols: [], key: KEY, fields: [] };

Deno.test("RFC 6455 section 4.1: a client's handshake has all that it must", () => {
  const request = upgradeRequest({
    path: "/chat?x=y",
    host: "server.example.com:81",
    origin: "http://example.com",
    protocols: ["chat", "superchat"],
    key: KEY,
    extensions: "permessage-deflate",
    fields: [["Cookie", "a=b"]],
  });
  assertEquals(
    textOf(request),
    "GET /chat?x=y HTTP/1.1\r\nHost: server.example.com:81\r\nUpgrade: websocket\r\n" +
      `Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n` +
      "Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n" +
      "Sec-WebSocket-Extensions: permessage-deflate\r\nCookie: a=b\r\n\r\n",
  );
});

Deno.test("a server understands what a client sends", () => {
  const bytes = upgradeRequest({ ...REQUEST, protocols: ["b", "a"], extensions: "" });
  const head = readRequest(textOf(bytes));
  const decision = readUpgrade(head, requestFraming(head));
  assertEquals(decision.kind === "websocket" && decision.protocols, ["b", "a"]);
  assertEquals(decision.kind === "websocket" && decision.extensions, "");
});

Deno.test("a client's path, host, origin, key and protocols are checked before they are sent", () => {
  const send = (change: Partial<UpgradeRequest>) => upgradeRequest({ ...REQUEST, ...change });
  for (const path of ["", "a", "*", "/a b", "/\r\nX: y", "/#a", "/\xe9", "/\0", "http://a/"]) {
    assertThrows(() => send({ path }), TypeError, "path");
  }
  for (const host of ["", "a b", "a\r\nX: y", "a/b", "u@a", "a:b"]) {
    assertThrows(() => send({ host }), TypeError, "host");
  }
  for (const origin of ["", "a b", "a\r\nX: y", "\xe9"]) {
    assertThrows(() => send({ origin }), TypeError, "origin");
  }
  assertThrows(() => send({ key: "a" }), TypeError, "key");
  assertThrows(() => send({ protocols: ["a, b"] }), TypeError, "protocols");
  assertThrows(() => send({ protocols: ["a\r\nX: y"] }), TypeError, "protocols");
  assertThrows(() => send({ protocols: ["a", "a"] }), TypeError, "protocols");
  assertThrows(() => send({ extensions: "a\r\nX: y" }), TypeError, "Sec-WebSocket-Extensions");
  assertThrows(() => send({ fields: [["X", "a\r\nb"]] }), TypeError, "header X");
});

Deno.test("further fields of a client can't repeat the handshake's own or add a body", () => {
  const names = ["Host", "upgrade", "Connection", "Sec-WebSocket-Key", "sec-websocket-version"];
  names.push("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Content-Length");
  names.push("Transfer-Encoding");
  for (const name of names) {
    const fields: [string, string][] = [[name, "x"]];
    assertThrows(() => upgradeRequest({ ...REQUEST, fields }), TypeError, name);
  }
  const fields: [string, string][] = [["origin", "x"]];
  assertThrows(
    () => upgradeRequest({ ...REQUEST, origin: "http://a", fields }),
    TypeError,
    "origin",
  );
  upgradeRequest({ ...REQUEST, fields });
});

const ANSWER: readonly string[] = [
  "Upgrade: WebSocket",
  "Connection: keep-alive, upgrade",
  `Sec-WebSocket-Accept: ${ACCEPT}`,
];

function check(
  lines: readonly string[],
  { status = "HTTP/1.1 101 Switching Protocols", protocols = [] as string[], extensions = false } =
    {},
) {
  const head = readResponse([status, ...lines, "", ""].join("\r\n"));
  return checkUpgradeResponse(head, KEY, protocols, extensions);
}

function answer(name: string, ...lines: string[]): string[] {
  return [...ANSWER.filter((line) => !line.startsWith(`${name}:`)), ...lines];
}

Deno.test("RFC 6455 section 4.1: a client takes a whole 101", () => {
  assertEquals(check(ANSWER), { protocol: undefined, extensions: "" });
  const lines = [...ANSWER, "Sec-WebSocket-Protocol: b", "Sec-WebSocket-Extensions: x; y"];
  const checked = check(lines, { protocols: ["a", "b"], extensions: true });
  assertEquals(checked, { protocol: "b", extensions: "x; y" });
  const none = check(ANSWER, { protocols: ["a"], extensions: true });
  assertEquals(none, { protocol: undefined, extensions: "" });
});

Deno.test("a client takes what the server of this module answers", () => {
  const head = readResponse(textOf(upgradeResponse(KEY, "a", [])));
  assertEquals(checkUpgradeResponse(head, KEY, ["a"], false).protocol, "a");
});

Deno.test("RFC 6455 section 4.1: a status other than 101 fails with its status and reason", () => {
  const refused = () => check(ANSWER, { status: "HTTP/1.1 403 Forbidden" });
  assertEquals(assertThrows(refused, HandshakeError).message, "the server answered 403 Forbidden");
  const bare = assertThrows(() => check([], { status: "HTTP/1.1 200 " }), HandshakeError);
  assertEquals([bare.name, bare.message], ["HandshakeError", "the server answered 200"]);
});

Deno.test("a 101 in HTTP/1.0 fails", () => {
  assertThrows(() => check(ANSWER, { status: "HTTP/1.0 101 OK" }), HandshakeError, "HTTP/1.0");
});

Deno.test("RFC 6455 section 4.1: a missing, wrong or repeated Upgrade or Connection fails", () => {
  const cases: [string[], string][] = [
    [answer("Upgrade"), "Upgrade"],
    [answer("Upgrade", "Upgrade: h2c"), "Upgrade"],
    [[...ANSWER, "Upgrade: websocket"], "more than one Upgrade"],
    [answer("Connection"), "Connection"],
    [answer("Connection", "Connection: close"), "Connection"],
  ];
  for (const [lines, message] of cases) {
    assertThrows(() => check(lines), HandshakeError, message);
  }
});

Deno.test("RFC 6455 section 4.1: a missing, wrong or repeated accept value fails", () => {
  const wrong = answer("Sec-WebSocket-Accept", `Sec-WebSocket-Accept: ${ACCEPT.toLowerCase()}`);
  assertThrows(() => check(wrong), HandshakeError, "Sec-WebSocket-Accept is wrong");
  assertThrows(() => check(answer("Sec-WebSocket-Accept")), HandshakeError, "is missing");
  const twice = [...ANSWER, `Sec-WebSocket-Accept: ${ACCEPT}`];
  assertThrows(() => check(twice), HandshakeError, "more than one Sec-WebSocket-Accept");
});

Deno.test("RFC 6455 section 4.1: a subprotocol that was not offered fails", () => {
  const lines = [...ANSWER, "Sec-WebSocket-Protocol: x"];
  const error = assertThrows(() => check(lines, { protocols: ["a"] }), HandshakeError);
  assertEquals(error.message, 'the server chose the protocol "x", which was not offered');
  for (const value of ["A", "a, b", ""]) {
    const other = [...ANSWER, `Sec-WebSocket-Protocol: ${value}`];
    assertThrows(() => check(other, { protocols: ["a", "b"] }), HandshakeError, "not offered");
  }
  const twice = [...ANSWER, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"];
  assertThrows(() => check(twice, { protocols: ["a"] }), HandshakeError, "more than one");
});

Deno.test("RFC 6455 section 4.1: an extension fails when none was offered", () => {
  const lines = [...ANSWER, "Sec-WebSocket-Extensions: permessage-deflate"];
  assertThrows(() => check(lines), HandshakeError, "none was offered");
});

Deno.test("RFC 6455 section 4.2.2: the first of the client's subprotocols that is known is chosen", () => {
  const known = new Set(["b", "c"]);
  const supported = (name: string) => known.has(name);
  assertEquals(chooseSubprotocol(["a", "c", "b"], supported), "c");
  assertEquals(chooseSubprotocol(["a"], supported), undefined);
  assertEquals(chooseSubprotocol([], supported), undefined);
  assertEquals(chooseSubprotocol(["B"], supported), undefined);
});
