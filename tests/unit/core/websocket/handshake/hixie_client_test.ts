import { assertEquals, assertThrows } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import { HandshakeError } from "../../../../../src/core/websocket/handshake/client.ts";
import {
  checkHixieResponse,
  checkProof,
  type HixieRequest,
  hixieRequest,
} from "../../../../../src/core/websocket/handshake/hixie_client.ts";
import { bytesOf, readResponse, textOf } from "../../../../support/http_messages.ts";

/** The handshake of draft 00 section 1.2. */
const REQUEST: HixieRequest = {
  path: "/demo",
  host: "example.com",
  origin: "http://example.com",
  protocols: ["sample"],
  fields: [],
  isSecure: false,
};
const CHALLENGE = {
  key1: "4 @1  46546xW%0l 1 5",
  key2: "12998 5 Y3 1  .P00",
  key3: bytesOf("^n:ds[4U"),
};
const ANSWER = [
  "Upgrade: WebSocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Origin: http://example.com",
  "Sec-WebSocket-Location: ws://example.com/demo",
  "Sec-WebSocket-Protocol: sample",
];

function check(lines: readonly string[], request: Partial<HixieRequest> = {}) {
  const status = "HTTP/1.1 101 WebSocket Protocol Handshake";
  const head = readResponse([status, ...lines, "", ""].join("\r\n"));
  return checkHixieResponse(head, { ...REQUEST, ...request });
}

function changed(name: string, ...added: string[]): string[] {
  return [...ANSWER.filter((line) => !line.startsWith(`${name}:`)), ...added];
}

Deno.test("a client's handshake has all that the draft asks for, and eight bytes behind it", () => {
  assertEquals(
    textOf(hixieRequest({ ...REQUEST, fields: [["Cookie", "a=b"]] }, CHALLENGE)),
    [
      "GET /demo HTTP/1.1",
      "Upgrade: WebSocket",
      "Connection: Upgrade",
      "Host: example.com",
      "Origin: http://example.com",
      "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
      "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
      "Sec-WebSocket-Protocol: sample",
      "Cookie: a=b",
      "",
      "^n:ds[4U",
    ].join("\r\n"),
  );
});

Deno.test("what can't be asked for is refused by its name", () => {
  const send = (change: Partial<HixieRequest>) =>
    hixieRequest({ ...REQUEST, ...change }, CHALLENGE);
  assertThrows(() => send({ origin: undefined }), TypeError, "origin");
  assertThrows(() => send({ origin: "a\r\nX: y" }), TypeError, "origin");
  assertThrows(() => send({ path: "demo" }), TypeError, "path");
  assertThrows(() => send({ host: "" }), TypeError, "host");
  assertThrows(() => send({ protocols: ["a", "b"] }), TypeError, "protocols");
  for (const name of ["Origin", "sec-websocket-protocol", "Content-Length", "Host"]) {
    assertThrows(() => send({ fields: [[name, "x"]] }), TypeError, name);
  }
});

Deno.test("the answer of the draft is taken", () => {
  assertEquals(check(ANSWER), { protocol: "sample", extensions: "" });
  const bare = check(changed("Sec-WebSocket-Protocol"), { protocols: [] });
  assertEquals(bare, { protocol: undefined, extensions: "" });
});

Deno.test("the case of origin, scheme and host does not matter, that of the path does", () => {
  const origin = changed("Sec-WebSocket-Origin", "Sec-WebSocket-Origin: HTTP://Example.com");
  assertEquals(check(origin).protocol, "sample");
  const location = (text: string) =>
    changed("Sec-WebSocket-Location", `Sec-WebSocket-Location: ${text}`);
  assertEquals(check(location("WS://Example.com/demo")).protocol, "sample");
  for (
    const other of [
      "ws://example.com/Demo",
      "ws://example.net/demo",
      "wss://example.com/demo",
      "ws://example.com:80/demo",
      "ws://example.com/demo/",
      "ws://example.com",
      "",
    ]
  ) {
    assertThrows(() => check(location(other)), HandshakeError, "Sec-WebSocket-Location");
  }
  const secure = { isSecure: true };
  assertEquals(check(location("wss://example.com/demo"), secure).protocol, "sample");
  assertThrows(() => check(ANSWER, secure), HandshakeError, "not where the request went");
});

Deno.test("what of an answer is missing, repeated or another's fails", () => {
  const cases: [lines: string[], message: string][] = [
    [changed("Upgrade"), "Upgrade"],
    [changed("Upgrade", "Upgrade: h2c"), "Upgrade"],
    [changed("Connection"), "Connection"],
    [changed("Sec-WebSocket-Origin"), "Sec-WebSocket-Origin is missing"],
    [changed("Sec-WebSocket-Origin", "Sec-WebSocket-Origin: http://b"), "not what was sent"],
    [[...ANSWER, "Sec-WebSocket-Origin: http://example.com"], "more than one"],
    [changed("Sec-WebSocket-Location"), "Sec-WebSocket-Location is missing"],
    [[...ANSWER, "Sec-WebSocket-Location: ws://example.com/demo"], "more than one"],
    [changed("Sec-WebSocket-Protocol"), "Protocol is missing"],
    [changed("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: Sample"), "not offered"],
    [[...ANSWER, "Sec-WebSocket-Protocol: sample"], "more than one"],
  ];
  for (const [lines, message] of cases) assertThrows(() => check(lines), HandshakeError, message);
  assertThrows(() => check(ANSWER, { protocols: [] }), HandshakeError, "not offered");
  const refused = readResponse("HTTP/1.1 403 Forbidden\r\n\r\n");
  const error = assertThrows(() => checkHixieResponse(refused, REQUEST), HandshakeError);
  assertEquals(error.message, "the server answered 403 Forbidden");
});

Deno.test("the bytes behind the answer prove that the request was read", () => {
  checkProof(bytesOf("8jKS'y:G*Co,Wxa-"), CHALLENGE, digests);
  for (const proof of ["8jKS'y:G*Co,Wxa.", "9jKS'y:G*Co,Wxa-", "\0".repeat(16)]) {
    assertThrows(() => checkProof(bytesOf(proof), CHALLENGE, digests), HandshakeError, "keys");
  }
});
