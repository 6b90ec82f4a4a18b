import { assertEquals, assertThrows } from "@std/assert";
import { digests } from "../../../../../src/context/digests.ts";
import { requestFraming } from "../../../../../src/core/http/body/reader.ts";
import type { RequestHead } from "../../../../../src/core/http/head.ts";
import type {
  Hixie75Upgrade,
  Hixie76Upgrade,
  UpgradeDecision,
} from "../../../../../src/core/websocket/handshake/decision.ts";
import { hixieResponse } from "../../../../../src/core/websocket/handshake/hixie_server.ts";
import { readUpgrade } from "../../../../../src/core/websocket/handshake/server.ts";
import type { WireVersion } from "../../../../../src/core/websocket/wire_version.ts";
import { bytesOf, readRequest, textOf } from "../../../../support/http_messages.ts";

const HIXIE_75 = [
  "Upgrade: WebSocket",
  "Connection: Upgrade",
  "Host: example.com",
  "Origin: http://example.com",
];

/** The handshake of draft 00 section 1.2. */
const HIXIE_76 = [
  "Host: example.com",
  "Connection: Upgrade",
  "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
  "Sec-WebSocket-Protocol: sample",
  "Upgrade: WebSocket",
  "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
  "Origin: http://example.com",
];
const CHALLENGE = bytesOf("^n:ds[4U");

const BOTH: readonly WireVersion[] = [0, "hixie-75"];

function headOf(lines: readonly string[], target = "/demo"): RequestHead {
  return readRequest([`GET ${target} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
}

function decide(
  lines: readonly string[],
  versions: readonly WireVersion[] = BOTH,
): UpgradeDecision {
  const head = headOf(lines);
  return readUpgrade(head, requestFraming(head), versions);
}

/** A list of lines without those that begin with `name`, and with `added`. */
function changed(lines: readonly string[], name: string, ...added: string[]): string[] {
  return [...lines.filter((line) => !line.startsWith(`${name}:`)), ...added];
}

function assertRefused(lines: readonly string[], reason: string, versions = BOTH): void {
  const decision = decide(lines, versions);
  if (decision.kind !== "refused") throw new Error(`${reason}: not refused but ${decision.kind}`);
  assertEquals([decision.status, decision.fields], [400, []]);
  if (!decision.reason.includes(reason)) throw new Error(`${decision.reason} instead of ${reason}`);
}

Deno.test("hixie-76: the draft's handshake is read and answered as the draft has it", () => {
  const upgrade = decide(HIXIE_76) as Hixie76Upgrade;
  assertEquals(upgrade, {
    kind: "websocket",
    version: 0,
    protocols: ["sample"],
    extensions: "",
    origin: "http://example.com",
    numbers: [829309203, 259970620],
  });
  const answer = { protocol: "sample", fields: [], isSecure: false, challenge: CHALLENGE };
  assertEquals(
    textOf(hixieResponse(upgrade, headOf(HIXIE_76), answer, digests)),
    [
      "HTTP/1.1 101 WebSocket Protocol Handshake",
      "Upgrade: WebSocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Origin: http://example.com",
      "Sec-WebSocket-Location: ws://example.com/demo",
      "Sec-WebSocket-Protocol: sample",
      "",
      "8jKS'y:G*Co,Wxa-",
    ].join("\r\n"),
  );
});

Deno.test("hixie-75: its handshake is read and answered in its own words", () => {
  const lines = [...HIXIE_75, "WebSocket-Protocol: sample"];
  const upgrade = decide(lines) as Hixie75Upgrade;
  assertEquals(upgrade, {
    kind: "websocket",
    version: "hixie-75",
    protocols: ["sample"],
    extensions: "",
    origin: "http://example.com",
  });
  const fields = [["Set-Cookie", "a=b"]] as const;
  const answer = { protocol: "sample", fields, isSecure: true, challenge: undefined };
  assertEquals(
    textOf(hixieResponse(upgrade, headOf(lines, "/demo?a=b"), answer, digests)),
    [
      "HTTP/1.1 101 Web Socket Protocol Handshake",
      "Upgrade: WebSocket",
      "Connection: Upgrade",
      "WebSocket-Origin: http://example.com",
      "WebSocket-Location: wss://example.com/demo?a=b",
      "WebSocket-Protocol: sample",
      "Set-Cookie: a=b",
      "",
      "",
    ].join("\r\n"),
  );
});

Deno.test("the location is the target as it was sent, without what an absolute one has in front", () => {
  const upgrade = decide(HIXIE_75) as Hixie75Upgrade;
  const locations = [
    ["/a/../b%2Fc?x=%41", "/a/../b%2Fc?x=%41"],
    ["http://example.com/a?b", "/a?b"],
    ["http://example.com", "/"],
    ["http://example.com?b", "/?b"],
  ] as const;
  for (const [target, path] of locations) {
    const answer = { protocol: undefined, fields: [], isSecure: false, challenge: undefined };
    const text = textOf(hixieResponse(upgrade, headOf(HIXIE_75, target), answer, digests));
    assertEquals(/^WebSocket-Location: (.*)\r$/m.exec(text)![1], `ws://example.com${path}`);
  }
});

Deno.test("an answer can't be made to carry another line", () => {
  const upgrade = decide(HIXIE_75) as Hixie75Upgrade;
  const answer = { protocol: undefined, fields: [], isSecure: false, challenge: undefined };
  const respond = (origin: string, protocol?: string) =>
    hixieResponse({ ...upgrade, origin }, headOf(HIXIE_75), { ...answer, protocol }, digests);
  assertThrows(() => respond("http://a\r\nX: y"), TypeError, "WebSocket-Origin");
  assertThrows(() => respond("http://a", "a\r\nX: y"), TypeError, "WebSocket-Protocol");
});

Deno.test("which version a request without Sec-WebSocket-Version is of", () => {
  const both = [...HIXIE_75, "Sec-WebSocket-Key1: 1 2", "Sec-WebSocket-Key2: 1 2"];
  const missing = "Sec-WebSocket-Version is missing";
  const off76 = "a handshake of version 0 (hixie-76), which is not among the versions";
  const off75 = "a handshake of version hixie-75, which is not among the versions";
  const table: [lines: string[], versions: WireVersion[], outcome: WireVersion | string][] = [
    [HIXIE_75, ["hixie-75"], "hixie-75"],
    [HIXIE_75, [13, 0], off75],
    [both, [0], 0],
    [both, ["hixie-75", 0], 0],
    // One that asks for a proof is not served without.
    [both, ["hixie-75"], off76],
    [both, [13], off76],
    [changed(HIXIE_75, "Origin"), ["hixie-75", 0], missing],
    [changed(HIXIE_75, "Upgrade", "Upgrade: websocket"), ["hixie-75"], missing],
    [changed(HIXIE_75, "Upgrade", "Upgrade: h2c, WebSocket"), ["hixie-75"], missing],
    [[...HIXIE_75, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], ["hixie-75"], missing],
    [[...both, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], [0], missing],
  ];
  for (const [lines, versions, outcome] of table) {
    const shown = `${lines.join(", ")} with ${versions}`;
    const decision = decide(lines, versions);
    const isRefused = decision.kind === "refused";
    assertEquals(
      isRefused ? decision.reason : (decision as Hixie76Upgrade).version,
      outcome,
      shown,
    );
    assertEquals(isRefused && decision.isOfOtherVersion, outcome === off75 || outcome === off76);
  }
});

Deno.test("hixie-76: what is missing, repeated or hides no number is 400", () => {
  const cases: [lines: string[], reason: string][] = [
    [changed(HIXIE_76, "Origin"), "Origin is missing"],
    [changed(HIXIE_76, "Connection"), "Connection"],
    [changed(HIXIE_76, "Sec-WebSocket-Key1"), "Sec-WebSocket-Key1 hides no number"],
    [changed(HIXIE_76, "Sec-WebSocket-Key2"), "Sec-WebSocket-Key2 hides no number"],
    [
      changed(HIXIE_76, "Sec-WebSocket-Key1", "Sec-WebSocket-Key1: 1 3 2 1"),
      "Sec-WebSocket-Key1 hides no number",
    ],
    [
      changed(HIXIE_76, "Sec-WebSocket-Key2", "Sec-WebSocket-Key2: 42949 67296"),
      "Sec-WebSocket-Key2 hides no number",
    ],
    [[...HIXIE_76, "Sec-WebSocket-Key1: 1 2"], "more than one Sec-WebSocket-Key1"],
    [[...HIXIE_76, "Sec-WebSocket-Key2: 1 2"], "more than one Sec-WebSocket-Key2"],
    [[...HIXIE_76, "Sec-WebSocket-Protocol: a"], "more than one Sec-WebSocket-Protocol"],
    [[...HIXIE_76, "Origin: http://example.com"], "more than one Origin"],
    [changed(HIXIE_76, "Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol:"), "is empty"],
    [[...HIXIE_76, "Content-Length: 0"], "another length"],
    [[...HIXIE_76, "Content-Length: 9"], "another length"],
    [[...HIXIE_76, "Transfer-Encoding: chunked"], "another length"],
  ];
  for (const [lines, reason] of cases) assertRefused(lines, reason);
});

Deno.test("hixie-76: eight bytes that are announced are the same eight bytes", () => {
  assertEquals(decide([...HIXIE_76, "Content-Length: 8"]), decide(HIXIE_76));
});

Deno.test("hixie-75: a repeated or empty subprotocol, and a body, are 400", () => {
  const twice = [...HIXIE_75, "WebSocket-Protocol: a", "WebSocket-Protocol: b"];
  assertRefused(twice, "more than one WebSocket-Protocol");
  assertRefused([...HIXIE_75, "WebSocket-Protocol:"], "is empty");
  assertRefused([...HIXIE_75, "Content-Length: 8"], "body");
});

Deno.test("a subprotocol of these versions is one name, whatever it has in it", () => {
  const protocols = (lines: string[]) => (decide(lines) as Hixie76Upgrade).protocols;
  assertEquals(
    protocols(changed(HIXIE_76, "Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: a, b c")),
    ["a, b c"],
  );
  assertEquals(protocols(changed(HIXIE_76, "Sec-WebSocket-Protocol")), []);
  assertEquals(protocols([...HIXIE_75, "WebSocket-Protocol: a b"]), ["a b"]);
  // That of the other version says nothing here.
  assertEquals(protocols([...HIXIE_75, "Sec-WebSocket-Protocol: a"]), []);
});
