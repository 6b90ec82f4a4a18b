import { assertEquals, assertThrows } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import { requestFraming } from "../../../../../src/core/http/body/reader.ts";
import type { UpgradeDecision } from "../../../../../src/core/websocket/handshake/decision.ts";
import {
  type KeyedAnswer,
  readUpgrade,
  upgradeResponse,
} from "../../../../../src/core/websocket/handshake/server.ts";
import { acceptValue } from "../../../../../src/core/websocket/handshake/keys.ts";
import type { WireVersion } from "../../../../../src/core/websocket/wire_version.ts";
import { readRequest, textOf } from "../../../../support/http_messages.ts";

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

function decide(
  lines: readonly string[],
  requestLine = "GET /chat HTTP/1.1",
  versions: readonly WireVersion[] = [13],
): UpgradeDecision {
  const head = readRequest([requestLine, ...lines, "", ""].join("\r\n"));
  return readUpgrade(head, requestFraming(head), versions);
}

/** The handshake without the lines that begin with `name`, and with `lines`. */
function handshake(name: string, ...lines: string[]): string[] {
  return [...HANDSHAKE.filter((line) => !line.startsWith(`${name}:`)), ...lines];
}

function respond(chosen: Partial<KeyedAnswer>): Uint8Array {
  return upgradeResponse(KEY, { protocol: undefined, fields: [], ...chosen }, digests);
}

function assertRefused(decision: UpgradeDecision, status: number, reason: string): void {
  if (decision.kind !== "refused") throw new Error(`not refused but ${decision.kind}`);
  assertEquals(decision.status, status, decision.reason);
  if (!decision.reason.includes(reason)) throw new Error(decision.reason);
}

Deno.test("RFC 6455 section 4.2.1: a whole handshake is a websocket", () => {
  assertEquals(decide(HANDSHAKE), {
    kind: "websocket",
    key: KEY,
    version: 13,
    protocols: [],
    extensions: "",
    origin: undefined,
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
    origin: undefined,
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
    textOf(respond({ protocol: "chat", fields: [["Server", "x"]] })),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Protocol: chat\r\nServer: x\r\n\r\n`,
  );
});

Deno.test("an answer without more than the accept value has that of its own key, time and again", () => {
  const keys = [KEY, "AAAAAAAAAAAAAAAAAAAAAA==", KEY];
  for (const key of keys) {
    const answer = upgradeResponse(key, { protocol: undefined, fields: [] }, digests);
    assertEquals(
      textOf(answer),
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptValue(key, digests)}\r\n\r\n`,
    );
  }
});

Deno.test("a 101 can't be made to carry a header through a subprotocol or a field", () => {
  assertThrows(() => respond({ protocol: "a\r\nX: y" }), TypeError, "protocol");
  assertThrows(() => respond({ protocol: "" }), TypeError, "protocol");
  assertThrows(() => respond({ fields: [["X", "\r\n"]] }), TypeError, "header X");
});

const DRAFTS = [4, 5, 6, 7, 8] as const;

Deno.test("drafts 04 to 08: the handshake is that of RFC 6455 with another number", () => {
  for (const version of DRAFTS) {
    const lines = handshake("Sec-WebSocket-Version", `Sec-WebSocket-Version: ${version}`);
    assertEquals(decide(lines, undefined, [13, version]), {
      kind: "websocket",
      key: KEY,
      version,
      protocols: [],
      extensions: "",
      origin: undefined,
    });
    assertRefused(decide(lines), 426, "other than 13");
  }
});

Deno.test("a 426 lists the numbers that are on, in their order, and no other version", () => {
  const lists: [versions: WireVersion[], listed: string | undefined][] = [
    [[13, 8, 7], "13, 8, 7"],
    [["hixie-75", 8, 0, 13], "8, 13"],
    [[0, "hixie-75"], undefined],
  ];
  for (const [versions, listed] of lists) {
    for (const asked of ["6", "0", "hixie-75", "08", "13, 8", ""]) {
      const lines = handshake("Sec-WebSocket-Version", `Sec-WebSocket-Version: ${asked}`);
      const decision = decide(lines, undefined, versions);
      const why = listed === undefined ? "which none of the versions has" : `one of ${listed}`;
      assertRefused(decision, 426, why);
      const upgrade = ["Upgrade: websocket", "Connection: Upgrade"];
      assertEquals(
        decision.kind === "refused" && decision.fields.map((field) => field.join(": ")),
        listed === undefined ? upgrade : [`Sec-WebSocket-Version: ${listed}`, ...upgrade],
      );
    }
  }
});

Deno.test("the origin is Sec-WebSocket-Origin in drafts 04 to 08, and Origin in RFC 6455", () => {
  const drafted = "Sec-WebSocket-Origin: http://a";
  const cases: [lines: string[], draft: string | number | undefined, rfc: string | undefined][] = [
    [[drafted], "http://a", undefined],
    [["Origin: http://a"], "http://a", "http://a"],
    [[drafted, "Origin: http://a"], "http://a", "http://a"],
    [[drafted, "Origin: http://b"], 400, "http://b"],
    [[drafted, "Origin: HTTP://A"], 400, "HTTP://A"],
    [[drafted, drafted], 400, undefined],
    [["Sec-WebSocket-Origin:", "Origin: http://a"], 400, "http://a"],
  ];
  for (const version of [...DRAFTS, 13] as const) {
    for (const [lines, draft, rfc] of cases) {
      const all = handshake("Sec-WebSocket-Version", `Sec-WebSocket-Version: ${version}`, ...lines);
      const decision = decide(all, undefined, [version]);
      const found = decision.kind === "websocket"
        ? decision.origin
        : decision.kind === "refused" && decision.status;
      assertEquals(found, version === 13 ? rfc : draft, `${version}: ${lines.join(", ")}`);
    }
  }
});

Deno.test("draft 04: the answer has a nonce behind the accept value", () => {
  const nonce = "AQIDBAUGBwgJCgsMDQ4PEC==";
  assertEquals(
    textOf(respond({ protocol: "chat", nonce })),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Nonce: ${nonce}\r\n` +
      "Sec-WebSocket-Protocol: chat\r\n\r\n",
  );
});
