/** The names of numbers: versions, tokens, statuses, close codes, timeout reasons. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  CLOSE_STATUS,
  HEADER_TOKENS,
  HTTP_STATUS,
  libraryVersion,
  LwsError,
  TIMEOUT_REASONS,
  tokenToString,
} from "../../mod.ts";
import { isCloseCode } from "../../src/core/websocket/close.ts";
import { HTTP_STATUS_TEXT } from "../../src/core/http/status.ts";
import { UNKNOWN_HASH, versionModule } from "../../tools/version.ts";
import config from "../../deno.json" with { type: "json" };

Deno.test("libraryVersion is deno.json's version and a hash, as tools/version.ts writes it", async () => {
  assertEquals(libraryVersion, `${config.version} unknown-build-hash`);
  assertMatch(libraryVersion, /^\d+\.\d+\.\d+\S* \S+$/);
  const text = await Deno.readTextFile(new URL("../../src/base/version.ts", import.meta.url));
  assertEquals(text, versionModule(config.version, UNKNOWN_HASH));
  assertEquals(versionModule("1.2.3", "178d78c").includes('"1.2.3 178d78c"'), true);
});

Deno.test("tokenToString gives a header's name with a colon, and null for all else", () => {
  assertEquals(tokenToString(3), "host:");
  assertEquals(tokenToString(72), "www-authenticate:");
  assertEquals(tokenToString(35), ":authority");
  for (const n of [0, 8, 15, 76, 83, 84, 1000, -1]) assertEquals(tokenToString(n), null, String(n));
  for (let n = 0; n < HEADER_TOKENS.length; n++) {
    assertEquals(tokenToString(n) === null, HEADER_TOKENS[n]!.includes(" "));
  }
  for (const n of [1.5, NaN, "3", undefined]) {
    assertThrows(() => tokenToString(n as number), LwsError, "n is ");
  }
});

Deno.test("HTTP_STATUS has every registered status, by its phrase in camelCase", () => {
  const camelCase = (phrase: string) =>
    phrase.toLowerCase().replace(/[ -](.)/g, (_, letter) => letter.toUpperCase());
  assertEquals(
    Object.entries(HTTP_STATUS),
    [...HTTP_STATUS_TEXT].map(([code, phrase]) => [camelCase(phrase), code]),
  );
  assertEquals([HTTP_STATUS.ok, HTTP_STATUS.notFound, HTTP_STATUS.imUsed], [200, 404, 226]);
});

Deno.test("CLOSE_STATUS has the C library's names, and every code that may be sent", () => {
  const { nostatus, payloadTooLarge, noStatus, tlsFailure, nostatusContextDestroy } = CLOSE_STATUS;
  assertEquals(
    [nostatus, payloadTooLarge, noStatus, tlsFailure, nostatusContextDestroy],
    [0, 1004, 1005, 1015, 9999],
  );
  const named = new Set<number>(Object.values(CLOSE_STATUS));
  for (let code = 1000; code < 3000; code++) {
    if (isCloseCode(code)) assertEquals(named.has(code), true, String(code));
  }
});

Deno.test("TIMEOUT_REASONS has the numbers of the C library", () => {
  assertEquals(TIMEOUT_REASONS.indexOf("noPendingTimeout"), 0);
  assertEquals(TIMEOUT_REASONS.indexOf("closeAck"), 6);
  assertEquals(TIMEOUT_REASONS.indexOf("flushStoredSendBeforeClose"), 12);
  assertEquals(TIMEOUT_REASONS.length, 14);
});
