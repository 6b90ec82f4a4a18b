import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import { HandshakeError } from "../../../../../src/core/websocket/handshake/client.ts";
import { numberInKey, proofOf } from "../../../../../src/core/websocket/handshake/hixie_keys.ts";
import { acceptValue, connectionKey } from "../../../../../src/core/websocket/handshake/keys.ts";
import {
  type ClientVersion,
  newOpening,
  type OpeningRequest,
} from "../../../../../src/core/websocket/handshake/opening.ts";
import { readRequest, readResponse, textOf } from "../../../../support/http_messages.ts";

const REQUEST: OpeningRequest = {
  path: "/",
  host: "a",
  origin: "http://a",
  protocols: [],
  fields: [],
  isSecure: false,
};

const open = (version: ClientVersion, change: Partial<OpeningRequest> = {}) =>
  newOpening(version, { ...REQUEST, ...change }, digests);

/** The key that a handshake asks with. */
function keyOf(request: Uint8Array): string {
  return readRequest(textOf(request)).fields.get("sec-websocket-key")!;
}

/** The head of an answer to it. */
function accepting(key: string, ...lines: string[]) {
  const all = ["Upgrade: websocket", "Connection: Upgrade", ...lines];
  const accept = `Sec-WebSocket-Accept: ${acceptValue(key, digests)}`;
  return readResponse(["HTTP/1.1 101 ", ...all, accept, "", ""].join("\r\n"));
}

Deno.test("each handshake has keys of its own, and asks for its version", () => {
  for (const version of [4, 5, 6, 7, 8, 13] as const) {
    const opening = open(version);
    const { fields } = readRequest(textOf(opening.write()));
    assertEquals(fields.get("sec-websocket-version"), String(version));
    assertNotEquals(keyOf(opening.write()), keyOf(open(version).write()));
    assertEquals(opening.proofLength, 0);
  }
  assertNotEquals(textOf(open(0).write()), textOf(open(0).write()));
});

Deno.test("an answer is judged by the handshake's own key and offers", () => {
  const opening = open(13, { protocols: ["x"], extensions: "permessage-deflate" });
  const key = keyOf(opening.write());
  const lines = ["Sec-WebSocket-Protocol: x", "Sec-WebSocket-Extensions: permessage-deflate"];
  assertEquals(opening.check(accepting(key, ...lines)), {
    protocol: "x",
    extensions: "permessage-deflate",
  });
  assertThrows(() => open(13).check(accepting(key)), HandshakeError, "Accept is wrong");
  const bare = open(13);
  const head = accepting(keyOf(bare.write()), lines[1]!);
  assertThrows(() => bare.check(head), HandshakeError, "none was offered");
});

Deno.test("draft 04 alone needs a nonce, and makes a key of it for the connection", () => {
  const nonce = "AQIDBAUGBwgJCgsMDQ4PEC==";
  for (const version of [4, 5] as const) {
    const opening = open(version);
    const key = keyOf(opening.write());
    const answer = opening.check(accepting(key, `Sec-WebSocket-Nonce: ${nonce}`));
    const expected = version === 4 ? connectionKey(key, nonce, digests) : undefined;
    assertEquals(answer.connectionKey, expected);
  }
  const opening = open(4);
  const head = accepting(keyOf(opening.write()));
  assertThrows(() => opening.check(head), HandshakeError, "Sec-WebSocket-Nonce is missing");
});

Deno.test("hixie-76 proves itself by sixteen bytes behind the head", () => {
  const opening = open(0);
  assertEquals(opening.proofLength, 16);
  const request = opening.write();
  const { fields } = readRequest(textOf(request));
  const names = ["sec-websocket-key1", "sec-websocket-key2"] as const;
  const [first, second] = names.map((name) => numberInKey(fields.get(name)!)!);
  const proof = proofOf(first!, second!, request.slice(-8), digests);
  opening.checkProof(proof);
  assertThrows(() => open(0).checkProof(proof), HandshakeError, "no answer to the keys");
  const lines = ["Sec-WebSocket-Origin: http://a", "Sec-WebSocket-Location: ws://a/"];
  assertEquals(opening.check(accepting("", ...lines)), { protocol: undefined, extensions: "" });
});
