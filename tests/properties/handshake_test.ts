/** Opening handshakes of any version, with any of their fields: what is read of them, and answered. */

import { assert, assertEquals } from "@std/assert";
import { digests } from "../../src/context/digests.ts";
import { requestFraming } from "../../src/core/http/body/reader.ts";
import { RequestHeadParser, ResponseHeadParser } from "../../src/core/http/head.ts";
import { HttpSyntaxError } from "../../src/core/http/syntax.ts";
import { hixieResponse } from "../../src/core/websocket/handshake/hixie_server.ts";
import { readUpgrade, upgradeResponse } from "../../src/core/websocket/handshake/server.ts";
import { WIRE_VERSIONS } from "../../src/core/websocket/wire_version.ts";
import { check, fc } from "./support.ts";

const LIMITS = { maxHeaderBytes: 16_384, maxHeaderFields: 100 };
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Values that each field may have in good handshakes, and in bad ones. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "Upgrade": ["websocket", "WebSocket", "h2c, WebSocket", "h2c"],
  "Connection": ["Upgrade", "keep-alive, upgrade", "close"],
  "Origin": ["http://a", "https://b", "null", "\xff"],
  "Sec-WebSocket-Origin": ["http://a", "https://b"],
  "Sec-WebSocket-Version": ["0", "4", "5", "6", "7", "8", "9", "13", "13, 8"],
  "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ==", "x"],
  "Sec-WebSocket-Key1": ["4 @1  46546xW%0l 1 5", "1 2", "12", "1 3 2 1"],
  "Sec-WebSocket-Key2": ["12998 5 Y3 1  .P00", "0 x", "\xb2 "],
  "Sec-WebSocket-Protocol": ["chat", "chat, talk", "a b", ""],
  "WebSocket-Protocol": ["chat", "a b", ""],
  "Sec-WebSocket-Extensions": ["x", "x; y", ",", ""],
  "Content-Length": ["0", "8", "9"],
};

/** All bytes that a value may have, so that none of them ends its line in an answer. */
const anyValue = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 20,
});
const line = fc.oneof(
  ...Object.entries(VALUES).map(([name, values]) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof({ arbitrary: fc.constantFrom(...values), weight: 9 }, {
        arbitrary: anyValue,
        weight: 1,
      }),
    )
  ),
);
/** The fields without which nothing is a handshake are mostly there. */
const lines = fc.tuple(
  fc.constantFrom<string[][]>([], [["Upgrade", "WebSocket"], ["Connection", "Upgrade"]]),
  fc.constantFrom<string[][]>([], [["Origin", "http://a"]]),
  fc.constantFrom<string[][]>(
    [],
    ...VALUES["Sec-WebSocket-Version"]!.map((version) => [
      ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
      ["Sec-WebSocket-Version", version],
    ]),
    [["Sec-WebSocket-Key1", "1 2"], ["Sec-WebSocket-Key2", "0 x"]],
  ),
  fc.array(line, { maxLength: 4 }),
).map((parts) => parts.flat());
const versions = fc.subarray([...WIRE_VERSIONS], { minLength: 1 });
const target = fc.constantFrom("/", "/a?b=c", "http://localhost/a", "http://localhost");

Deno.test("only versions that are on are taken, and what is echoed stays in its line", () => {
  const taken = new Set<unknown>();
  check(
    { seed: 71, numRuns: 6000 },
    lines,
    versions,
    target,
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    (given, spoken, asked, challenge) => {
      const text = given.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      const parser = new RequestHeadParser(LIMITS);
      parser.parse(latin1(`GET ${asked} HTTP/1.1\r\nHost: localhost\r\n${text}\r\n`));
      const { head } = parser;
      let framing;
      try {
        framing = requestFraming(head);
      } catch (error) {
        assert(error instanceof HttpSyntaxError);
        return;
      }
      const upgrade = readUpgrade(head, framing, spoken);
      if (upgrade.kind !== "websocket") return;
      taken.add(upgrade.version);
      assert(spoken.includes(upgrade.version));
      const [protocol] = upgrade.protocols;
      const fields = [["X-End", "x"]] as const;
      const isHixie = upgrade.version === 0 || upgrade.version === "hixie-75";
      const answer = isHixie
        ? hixieResponse(upgrade, head, { protocol, fields, isSecure: false, challenge }, digests)
        : upgradeResponse(upgrade.key, { protocol, fields, nonce: undefined }, digests);
      const reader = new ResponseHeadParser(LIMITS);
      const length = reader.parse(answer);
      assertEquals(answer.length - length, upgrade.version === 0 ? 16 : 0);
      const names = reader.head.fields.names();
      const echoed = isHixie ? 2 : 1;
      assertEquals(names.length, 2 + echoed + (protocol === undefined ? 0 : 1) + 1);
      assertEquals(names.at(-1), "x-end");
    },
  );
  assertEquals([...taken].map(String).sort(), WIRE_VERSIONS.map(String).sort());
});
