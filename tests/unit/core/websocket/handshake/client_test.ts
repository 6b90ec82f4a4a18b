import { assertEquals, assertThrows } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import { requestFraming } from "../../../../../src/core/http/body/reader.ts";
import {
  checkUpgradeResponse,
  HandshakeError,
  type KeyedRequest,
  nonceOf,
  upgradeRequest,
} from "../../../../../src/core/websocket/handshake/client.ts";
import {
  readUpgrade,
  upgradeResponse,
} from "../../../../../src/core/websocket/handshake/server.ts";
import { readRequest, readResponse, textOf } from "../../../../support/http_messages.ts";

/** The key of RFC 6455 section 1.3, and what it is answered with. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const REQUEST: KeyedRequest = {
  path: "/",
  host: "a",
  protocols: [],
  fields: [],
  key: KEY,
  version: 13,
};

Deno.test("RFC 6455 section 4.1: a client's handshake has all that it must", () => {
  const request = upgradeRequest({
    path: "/chat?x=y",
    host: "server.example.com:81",
    origin: "http://example.com",
    protocols: ["chat", "superchat"],
    key: KEY,
    extensions: "permessage-deflate",
    fields: [["Cookie", "a=b"]],
    version: 13,
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
  const decision = readUpgrade(head, requestFraming(head), [13]);
  assertEquals(decision.kind === "websocket" && decision.protocols, ["b", "a"]);
  assertEquals(decision.kind === "websocket" && decision.extensions, "");
});

Deno.test("a client's path, host, origin, key and protocols are checked before they are sent", () => {
  const send = (change: Partial<KeyedRequest>) => upgradeRequest({ ...REQUEST, ...change });
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
  return checkUpgradeResponse(head, KEY, { protocols, hasExtensions: extensions }, digests);
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
  const head = readResponse(textOf(upgradeResponse(KEY, { protocol: "a", fields: [] }, digests)));
  const offer = { protocols: ["a"], hasExtensions: false };
  assertEquals(checkUpgradeResponse(head, KEY, offer, digests).protocol, "a");
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
  assertEquals(error.message, "the server chose a protocol that was not offered");
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

Deno.test("drafts 04 to 08: the number and the name of the origin's field are their own", () => {
  for (const version of [4, 5, 6, 7, 8] as const) {
    const request = upgradeRequest({ ...REQUEST, origin: "http://b", version });
    assertEquals(
      textOf(request),
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: ${version}\r\n` +
        "Sec-WebSocket-Origin: http://b\r\n\r\n",
    );
  }
});

Deno.test("draft 04: the nonce is one, and 16 bytes of base64", () => {
  const nonce = (...values: string[]) => {
    const lines = values.map((each) => `Sec-WebSocket-Nonce: ${each}`);
    return nonceOf(readResponse(["HTTP/1.1 101 ", ...lines, "", ""].join("\r\n")));
  };
  const good = "AQIDBAUGBwgJCgsMDQ4PEC==";
  assertEquals(nonce(good), good);
  assertThrows(() => nonce(), HandshakeError, "is missing");
  assertThrows(() => nonce(good, good), HandshakeError, "more than one");
  assertThrows(() => nonce("AQID"), HandshakeError, "16 bytes");
});
