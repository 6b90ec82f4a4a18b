/** What a PROXY header says depends on its bytes, and never on what follows or how it was split. */

import { assert, assertEquals } from "@std/assert";
import { formatIp, parseIp } from "../../src/proxy/ip_address.ts";
import { parseProxyHeader, type ProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import { bytes, check, concat, fc } from "./support.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const SIGNATURE = latin1("\r\n\r\n\0\r\nQUIT\n");

const port = fc.nat(65_535);
const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();

const line = fc.oneof(
  fc.tuple(fc.constant("TCP4"), ipv4, ipv4, port, port),
  fc.tuple(fc.constant("TCP6"), ipv6, ipv6, port, port),
  fc.tuple(fc.constant("UNKNOWN"), fc.string({ maxLength: 120 })),
).map((parts) => latin1(`PROXY ${parts.join(" ")}\r\n`));

const block = fc.tuple(
  fc.constantFrom(0x20, 0x21, 0x21, 0x21, 0x22, 0x11),
  fc.constantFrom(0x11, 0x21, 0x31, 0x00, 0x12, 0x41, 0x13),
  fc.constantFrom(0, 11, 12, 35, 36, 40, 215, 216, 4096, 4097),
  bytes(60),
).map(([command, family, length, content]) => {
  const rest = new Uint8Array(length);
  rest.set(content.subarray(0, length));
  return concat(SIGNATURE, Uint8Array.of(command, family, length >> 8, length & 0xff), rest);
});

/** At times with a byte changed. */
const header = fc.tuple(
  fc.oneof(line, block),
  fc.option(fc.tuple(fc.nat(1000), fc.nat(255)), { freq: 2 }),
).map(([whole, mutation]) => {
  if (mutation === null) return whole;
  const at = Math.floor(mutation[0] * Math.min(whole.length - 1, 120) / 1000);
  whole[at]! ^= mutation[1];
  return whole;
});

/** What becomes of it when it is asked after with each byte. */
function byteByByte(whole: Uint8Array): ProxyHeader {
  for (let length = 0; length <= whole.length; length++) {
    const outcome = parseProxyHeader(whole.slice(0, length));
    if (outcome.kind !== "incomplete") return outcome;
  }
  return { kind: "incomplete" };
}

function checkSplit(whole: Uint8Array): void {
  const outcome = parseProxyHeader(whole);
  const split = byteByByte(whole);
  // What is wrong may show sooner, and then something else may be said of it.
  assertEquals(split.kind, outcome.kind);
  if (outcome.kind !== "invalid") assertEquals(split, outcome);
  if ("length" in outcome) assert(outcome.length <= whole.length);
}

Deno.test("a PROXY header is the same in one read and byte by byte, whatever follows", () => {
  check({ seed: 51, numRuns: 2000 }, header, bytes(20), (whole, behind) => {
    checkSplit(concat(whole, behind));
    const alone = parseProxyHeader(whole);
    if ("length" in alone) assertEquals(parseProxyHeader(concat(whole, behind)), alone);
  });
});

Deno.test("random bytes are no PROXY header, in one read and byte by byte", () => {
  const anyBytes = fc.oneof(
    bytes(130),
    bytes(60).map((rest) => concat(SIGNATURE, rest)),
    fc.string({ unit: fc.constantFrom(..."PROXY TCP46UNKW.:1\r\n"), maxLength: 130 }).map(latin1),
    fc.string({ unit: fc.constantFrom(..." TCP46.:1a\r\n"), maxLength: 110 })
      .map((rest) => latin1(`PROXY ${rest}`)),
  );
  check({ seed: 52, numRuns: 3000 }, anyBytes, checkSplit);
});

Deno.test("what both versions say of the same ends is the same", () => {
  const ends = fc.oneof(fc.tuple(ipv4, ipv4, port, port), fc.tuple(ipv6, ipv6, port, port));
  check({ seed: 53, numRuns: 500 }, ends, ([from, to, fromPort, toPort]) => {
    const is4 = !from.includes(":");
    const first = parseProxyHeader(
      latin1(`PROXY ${is4 ? "TCP4" : "TCP6"} ${from} ${to} ${fromPort} ${toPort}\r\n`),
    );
    const ports = Uint8Array.of(fromPort >> 8, fromPort & 0xff, toPort >> 8, toPort & 0xff);
    const addresses = concat(parseIp(from)!, parseIp(to)!);
    const second = parseProxyHeader(concat(
      SIGNATURE,
      Uint8Array.of(0x21, is4 ? 0x11 : 0x21, 0, addresses.length + 4),
      addresses,
      ports,
    ));
    assert(first.kind === "proxied" && second.kind === "proxied");
    assertEquals(first.source, second.source);
    assertEquals(first.destination, second.destination);
  });
});

Deno.test("an address has one text, which is read as that address", () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
      .map((each) => Uint8Array.from(each)),
  );
  check(
    { seed: 54, numRuns: 1000 },
    address,
    (each) => assertEquals(parseIp(formatIp(each)), each),
  );
  const given = fc.string({ unit: fc.constantFrom(..."0:1.fF"), maxLength: 24 });
  check({ seed: 55, numRuns: 3000 }, given, (text) => {
    const parsed = parseIp(text);
    if (parsed !== undefined) assertEquals(parseIp(formatIp(parsed)), parsed);
  });
});
