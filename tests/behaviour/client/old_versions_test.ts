/** Clients of the versions before RFC 6455: what they ask, and which answers they take. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import type { ClientConnectInfo, Wsi } from "../../../mod.ts";
import { LwsError, permessageDeflate } from "../../../mod.ts";
import { fieldOf } from "../../support/http.ts";
import { record, type Recorder } from "../../support/recorder.ts";
import { acceptOf, playServer, readHead, settle, TARGET } from "../../support/serve.ts";
import { bytesOf } from "../../support/http_messages.ts";

type Version = NonNullable<ClientConnectInfo["version"]>;

const HOST = "server.example.com";

/** The request of a client, and the peer that it came to. */
async function ask(recorder: Recorder, info: Partial<ClientConnectInfo>) {
  const side = playServer([recorder.protocol], { extensions: [permessageDeflate()] });
  const wsi = side.context.clientConnect({ ...TARGET, ...info });
  const peer = await side.accept();
  const request = await readHead(peer);
  const key3 = info.version === 0 ? await peer.readBytes(8) : new Uint8Array();
  return { ...side, wsi, peer, request, key3 };
}

/** What a key hides, as draft 00 section 5.2 says it. */
function numberIn(key: string): number {
  return Number(key.replaceAll(/\D/g, "")) / (key.split(" ").length - 1);
}

/** What a server answers to version 0, by another MD5. */
function answerTo(request: string, key3: Uint8Array, ...lines: string[]): Uint8Array {
  const sum = new DataView(new ArrayBuffer(8));
  sum.setUint32(0, numberIn(fieldOf(request, "Sec-WebSocket-Key1")!));
  sum.setUint32(4, numberIn(fieldOf(request, "Sec-WebSocket-Key2")!));
  const proof = createHash("md5").update(new Uint8Array(sum.buffer)).update(key3).digest();
  const head = [
    "HTTP/1.1 101 WebSocket Protocol Handshake",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Origin: ${fieldOf(request, "Origin")}`,
    `Sec-WebSocket-Location: ws://${HOST}/`,
    ...lines,
    "",
    "",
  ];
  return Uint8Array.from([...bytesOf(head.join("\r\n")), ...proof]);
}

/** A recorder that keeps why its client failed. */
function failing() {
  const whys: unknown[] = [];
  const recorder = record("chat", {
    clientConnectionError: (_wsi, _user, why) => void whys.push(why),
  });
  return { recorder, whys };
}

/** The names and values of a request, in its order. */
const linesOf = (request: string) => request.trimEnd().split("\r\n").slice(1);

Deno.test("version 0: the request has what the draft asks for, an origin and no extension among it", async () => {
  const recorder = record("chat");
  await using side = await ask(recorder, { version: 0 });
  const lines = linesOf(side.request).map((line) => line.replace(/(Key\d): .*/, "$1"));
  assertEquals(lines, [
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    `Host: ${HOST}`,
    `Origin: http://${HOST}`,
    "Sec-WebSocket-Key1",
    "Sec-WebSocket-Key2",
  ]);
  assert(!recorder.reasons.includes("clientConfirmExtensionSupported"));
  side.peer.send(answerTo(side.request, side.key3));
  await recorder.until("clientEstablished");
  assertEquals([side.wsi.wireVersion, side.wsi.extensions], [0, []]);
});

Deno.test("versions 4 to 8: number and origin are the draft's, the rest is as in RFC 6455", async () => {
  for (const version of [4, 5, 6, 7, 8, 13, -1] as const) {
    const recorder = record("chat", {
      clientAppendHandshakeHeader: (_wsi, _user, data) => data.add("X-Late", "2"),
    });
    const info = { version, origin: "http://a", protocol: "chat, talk" };
    await using side = await ask(recorder, info);
    const number = version === -1 ? 13 : version;
    const lines = linesOf(side.request).map((line) => line.replace(/(-Key|-deflate)[:;] .*/, "$1"));
    assertEquals(lines, [
      `Host: ${HOST}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key",
      `Sec-WebSocket-Version: ${number}`,
      `${number === 13 ? "" : "Sec-WebSocket-"}Origin: http://a`,
      "Sec-WebSocket-Protocol: chat, talk",
      "Sec-WebSocket-Extensions: permessage-deflate",
      "X-Late: 2",
    ]);
    assertEquals(side.wsi.wireVersion, number);
    side.peer.send(accepting(side.request, number, "Sec-WebSocket-Protocol: chat"));
    await recorder.until("clientEstablished");
  }
});

/** What a server answers to the other versions. */
function accepting(request: string, version: Version, ...lines: string[]): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(fieldOf(request, "Sec-WebSocket-Key")!)}`,
    ...version === 4 ? ["Sec-WebSocket-Nonce: AQIDBAUGBwgJCgsMDQ4PEC=="] : [],
    ...lines,
    "",
    "",
  ].join("\r\n");
}

Deno.test("version 4: an answer without a nonce fails the connection", async () => {
  const { recorder, whys } = failing();
  await using side = await ask(recorder, { version: 4 });
  side.peer.send(accepting(side.request, 5));
  await recorder.until("clientConnectionError");
  assertEquals(whys, ["Sec-WebSocket-Nonce is missing"]);
});

Deno.test("version 0: an answer may be cut anywhere, and establishes when it is whole", async () => {
  for (let cut = 1;; cut++) {
    const recorder = record("chat");
    await using side = await ask(recorder, { version: 0, protocol: "chat" });
    const answer = answerTo(side.request, side.key3, "Sec-WebSocket-Protocol: chat");
    if (cut === answer.length) break;
    side.peer.send(answer.subarray(0, cut));
    await settle();
    assert(!recorder.reasons.includes("clientFilterPreEstablish"), `cut at ${cut}`);
    side.peer.send(answer.subarray(cut));
    await recorder.until("clientEstablished");
  }
});

Deno.test("version 0: an interim answer in front, and one read for all, change nothing", async () => {
  for (const apart of [false, true]) {
    const recorder = record("chat");
    await using side = await ask(recorder, { version: 0 });
    const interim = bytesOf("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    const answer = answerTo(side.request, side.key3);
    const all = Uint8Array.from([...interim, ...answer]);
    if (apart) { for (const byte of all) side.peer.send(Uint8Array.of(byte)); }
    else side.peer.send(all);
    await recorder.until("clientEstablished");
  }
});

Deno.test("version 0: the answer and its sixteen bytes can be read before it is established", async () => {
  const seen: unknown[] = [];
  const tell = (wsi: Wsi) =>
    void seen.push([wsi.hdrCopy("challenge body"), wsi.hdrCopy("sec-websocket-location")]);
  const recorder = record("chat", { clientFilterPreEstablish: tell, clientEstablished: tell });
  await using side = await ask(recorder, { version: 0 });
  const answer = answerTo(side.request, side.key3);
  side.peer.send(answer);
  await recorder.until("clientEstablished");
  const proof = new TextDecoder("latin1").decode(answer.subarray(-16));
  assertEquals(proof.length, 16);
  assertEquals(seen, [
    [String.fromCharCode(...answer.subarray(-16)), `ws://${HOST}/`],
    [undefined, undefined],
  ]);
});

Deno.test("version 0: a wrong proof, origin, location or subprotocol fails the connection", async () => {
  const wrong: [
    change: (answer: string) => string,
    why: string,
    info?: Partial<ClientConnectInfo>,
  ][] = [
    // The record of a TLS alert begins with this byte; behind a head it is no such thing.
    [(answer) => answer.slice(0, -16) + "\x15" + answer.slice(-15), "no answer to the keys"],
    [(answer) => answer.slice(0, -16) + "x".repeat(16), "no answer to the keys"],
    [(answer) => answer.replace(`Origin: http://${HOST}`, "Origin: http://b"), "not what was sent"],
    [(answer) => answer.replace("Location: ws:", "Location: wss:"), "Sec-WebSocket-Location"],
    [(answer) => answer.replace("101 WebSocket", "200 WebSocket"), "answered 200"],
    [(answer) => answer, "Protocol is missing", { protocol: "chat" }],
    [
      (answer) => answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a\r\n\r\n"),
      "not offered",
    ],
  ];
  for (const [change, why, info] of wrong) {
    const { recorder, whys } = failing();
    await using side = await ask(recorder, { version: 0, ...info });
    const answer = bytesOf(change(String.fromCharCode(...answerTo(side.request, side.key3))));
    side.peer.send(answer.subarray(0, -16));
    await settle();
    side.peer.send(answer.subarray(-16));
    side.peer.end();
    await recorder.until("clientConnectionError");
    assertEquals(whys.length, 1);
    assertStringIncludes(String(whys[0]), why);
    assert(!recorder.reasons.includes("clientEstablished"));
  }
});

Deno.test("version 0: a proof that ends early, or does not come in time, fails the connection", async () => {
  for (const how of ["ends", "waits"] as const) {
    const { recorder, whys } = failing();
    await using side = await ask(recorder, { version: 0 });
    const answer = answerTo(side.request, side.key3);
    side.peer.send(answer.subarray(0, -1));
    await settle();
    if (how === "ends") side.peer.end();
    else for (let turn = 0; turn < 10; turn++) await side.pass(side.context.limits.clientTimeoutMs);
    await recorder.until("clientConnectionError");
    assertMatch(String(whys[0]), how === "ends" ? /closed the connection/ : /timed out/);
  }
});

Deno.test("version 0: origin, host and path are those that were asked for", async () => {
  const recorder = record("chat");
  await using side = await ask(recorder, {
    version: 0,
    origin: "https://page.example",
    host: "other.example:81",
    path: "/a?b=c",
    headers: [["X-Early", "1"]],
  });
  assert(side.request.startsWith("GET /a?b=c HTTP/1.1\r\n"));
  assertEquals(fieldOf(side.request, "Origin"), "https://page.example");
  assertEquals(fieldOf(side.request, "X-Early"), "1");
  const answer = String.fromCharCode(...answerTo(side.request, side.key3));
  side.peer.send(bytesOf(answer.replace(`ws://${HOST}/`, "ws://other.example:81/a?b=c")));
  await recorder.until("clientEstablished");
});

Deno.test("a callback that adds an Origin to version 0 fails it, as the handshake has one", async () => {
  const whys: unknown[] = [];
  const adding = record("chat", {
    clientAppendHandshakeHeader: (_wsi, _user, data) => data.add("Origin", "http://b"),
    clientConnectionError: (_wsi, _user, why) => void whys.push(why),
  });
  await using side = playServer([adding.protocol]);
  side.context.clientConnect({ ...TARGET, version: 0 });
  await adding.until("clientConnectionError");
  assertStringIncludes(String(whys[0]), "Origin");
});

Deno.test("what no version can be asked for is refused by its name", async () => {
  await using side = playServer([record("chat").protocol]);
  const refused: [info: object, field: string][] = [
    [{ version: "hixie-75" }, "version"],
    [{ version: 1 }, "version"],
    [{ version: 9 }, "version"],
    [{ version: "13" }, "version"],
    [{ version: null }, "version"],
    [{ version: 4, draft04Masking: "c" }, "draft04Masking"],
    [{ version: 0, protocol: "a, b" }, "protocol"],
    [{ version: 0, headers: [["Origin", "http://a"]] }, "headers"],
    [{ version: 8, headers: [["origin", "http://a"]] }, "headers"],
    [{ headers: [["Sec-WebSocket-Key1", "1 2"]] }, "headers"],
  ];
  for (const [info, field] of refused) {
    const error = assertThrows(
      () => side.context.clientConnect({ ...TARGET, ...info } as ClientConnectInfo),
      LwsError,
      field,
    );
    assertEquals(error.code, "invalid-argument");
  }
});
