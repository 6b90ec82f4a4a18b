/** HAProxy's proxy-protocol.txt, sections 2.1 and 2.2. */

import { assertEquals } from "@std/assert";
import {
  parseProxyHeader,
  PROXY_V1_LONGEST,
  PROXY_V2_FIXED,
  PROXY_V2_LONGEST,
  type ProxyHeader,
} from "../../../src/proxy/proxy_protocol.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** A header of version 2 with so many bytes behind its first 16. */
function v2(command: number, family: number, rest: Uint8Array, announced = rest.length) {
  return Uint8Array.of(
    ...latin1(SIGNATURE),
    command,
    family,
    announced >> 8,
    announced & 0xff,
    ...rest,
  );
}

const parseText = (text: string): ProxyHeader => parseProxyHeader(latin1(text));

function assertInvalid(bytes: Uint8Array, what: string): void {
  assertEquals(parseProxyHeader(bytes).kind, "invalid", what);
}

const IPV4_ENDS = Uint8Array.of(192, 0, 2, 1, 198, 51, 100, 255, 0xff, 0xff, 0, 80);
const IPV6_ENDS = Uint8Array.of(
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
  ...[0xdc, 0x04, 0x01, 0xbb],
);

Deno.test("version 1 names both ends over IPv4", () => {
  assertEquals(parseText("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET /"), {
    kind: "proxied",
    length: 47,
    source: { hostname: "192.168.0.1", port: 56_324 },
    destination: { hostname: "192.168.0.11", port: 443 },
  });
});

Deno.test("version 1 names both ends over IPv6, and an address has one form", () => {
  const line = "PROXY TCP6 2001:DB8:0::1 ::ffff:1.2.3.4 0 65535\r\n";
  assertEquals(parseText(line), {
    kind: "proxied",
    length: line.length,
    source: { hostname: "2001:db8::1", port: 0 },
    destination: { hostname: "::ffff:1.2.3.4", port: 65_535 },
  });
});

Deno.test("an UNKNOWN line leaves the socket's addresses, whatever follows the word", () => {
  for (const rest of ["", " ", " a b c", " ffff::1 \n\0\xff 1"]) {
    const line = `PROXY UNKNOWN${rest}\r\n`;
    assertEquals(parseText(`${line}GET`), { kind: "own", length: line.length });
  }
});

Deno.test("a line of 107 bytes is the longest, and one of 108 is refused", () => {
  const line = (length: number) => `PROXY UNKNOWN ${"x".repeat(length - 16)}\r\n`;
  assertEquals(line(PROXY_V1_LONGEST).length, 107);
  assertEquals(parseText(line(PROXY_V1_LONGEST)), { kind: "own", length: 107 });
  const tooLong = latin1(line(PROXY_V1_LONGEST + 1));
  assertEquals(tooLong.length, 108);
  assertInvalid(tooLong, "whole");
  // It is known with the 107th byte, which would have to be LF.
  assertInvalid(tooLong.subarray(0, 107), "107 bytes of it");
  assertEquals(parseProxyHeader(tooLong.subarray(0, 106)).kind, "incomplete");
  assertInvalid(latin1(`PROXY UNKNOWN ${"x".repeat(93)}`), "107 bytes without CR");
});

Deno.test("the longest lines for both families fit", () => {
  const longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  assertEquals(parseText(`PROXY TCP6 ${longest} ${longest} 65535 65535\r\n`).kind, "proxied");
  const ipv4 = "255.255.255.255";
  assertEquals(parseText(`PROXY TCP4 ${ipv4} ${ipv4} 65535 65535\r\n`).kind, "proxied");
});

Deno.test("a line that is not to the letter is refused", () => {
  for (
    const rest of ["TCP4 1.2.3.4 1.2.3.4 1 65536", "TCP4 1.2.3.4 1.2.3.4 65536 1"]
      .concat(["TCP4 1.2.3.4 1.2.3.4 01 1", "TCP4 1.2.3.4 1.2.3.4 1 00", "TCP4 1.2.3.4 1.2.3.4 1"])
      .concat(["TCP4 1.2.3.4 1.2.3.4 1 1 1", "TCP4 1.2.3.4 1.2.3.4 1 1 ", "TCP4"])
      .concat(["TCP4  1.2.3.4 1.2.3.4 1 1", "TCP4 1.2.3.256 1.2.3.4 1 1", "TCP4 ::1 ::1 1 1"])
      .concat(["TCP4 1.2.3.4 1.2.03.4 1 1", "TCP6 1.2.3.4 1.2.3.4 1 1", "TCP6 ::1 ::g 1 1"])
      .concat(["TCP4 1.2.3.4 1.2.3.4 +1 1", "TCP4 1.2.3.4 1.2.3.4 -1 1", "TCP4 1.2.3.4 1.2.3.4  1"])
      .concat(["TCP4 1.2.3.4 1.2.3.4 0x1 1", "TCP6 ::1%lo ::1 1 1", "TCP4 a b 1 1", ""])
      .concat(["tcp4 1.2.3.4 1.2.3.4 1 1", "TCP5 1.2.3.4 1.2.3.4 1 1", "UNKNOWNX", "unknown"])
      .concat([
        "TCP4 1.2.3.4 1.2.3.4 1 1\n",
        "TCP4\t1.2.3.4\t1.2.3.4\t1\t1",
        "UDP4 1.2.3.4 1.2.3.4 1 1",
      ])
  ) assertInvalid(latin1(`PROXY ${rest}\r\n`), rest);
});

Deno.test("a bare CR or a bare LF ends no line", () => {
  assertInvalid(latin1("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX"), "CR");
  assertInvalid(latin1("PROXY UNKNOWN\r\r\n"), "CR in UNKNOWN");
  assertEquals(parseText("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n").kind, "incomplete");
  assertInvalid(latin1("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\nGET / HTTP/1.1\r\n"), "LF");
});

Deno.test("what is no header is refused with the first byte that shows it", () => {
  for (
    const text of ["G", "GET / HTTP/1.1\r\n", "PRO ", "PROXYX", "proxy ", "\x16\x03\x01", "\n"]
  ) {
    assertInvalid(latin1(text), text);
  }
  for (let length = 1; length <= SIGNATURE.length; length++) {
    const bytes = latin1(SIGNATURE.slice(0, length));
    assertEquals(parseProxyHeader(bytes).kind, "incomplete", `${length}`);
    bytes[length - 1]! ^= 0x80;
    assertInvalid(bytes, `byte ${length} of the signature`);
  }
  assertEquals(parseProxyHeader(new Uint8Array()).kind, "incomplete");
});

Deno.test("version 2 names both ends over IPv4 and IPv6", () => {
  assertEquals(parseProxyHeader(v2(0x21, 0x11, IPV4_ENDS)), {
    kind: "proxied",
    length: 28,
    source: { hostname: "192.0.2.1", port: 65_535 },
    destination: { hostname: "198.51.100.255", port: 80 },
  });
  assertEquals(parseProxyHeader(v2(0x21, 0x21, IPV6_ENDS)), {
    kind: "proxied",
    length: 52,
    source: { hostname: "2001:db8::1", port: 56_324 },
    destination: { hostname: "2001:db8::2", port: 443 },
  });
});

Deno.test("version 2 over a unix socket names ends without address and port", () => {
  const end = { hostname: "", port: 0 };
  assertEquals(parseProxyHeader(v2(0x21, 0x31, new Uint8Array(216))), {
    kind: "proxied",
    length: 232,
    source: end,
    destination: end,
  });
});

Deno.test("vectors behind the addresses are skipped, whatever is in them", () => {
  const vectors = Uint8Array.of(0x04, 0xff, 0xff, 1, 2, 3, 0x20);
  const header = parseProxyHeader(v2(0x21, 0x11, Uint8Array.of(...IPV4_ENDS, ...vectors)));
  assertEquals(header.kind === "proxied" && [header.length, header.source.port], [35, 65_535]);
});

Deno.test("LOCAL leaves the socket's addresses, whatever family and addresses it has", () => {
  assertEquals(parseProxyHeader(v2(0x20, 0x00, new Uint8Array())), { kind: "own", length: 16 });
  assertEquals(parseProxyHeader(v2(0x20, 0x11, IPV4_ENDS)), { kind: "own", length: 28 });
  assertEquals(parseProxyHeader(v2(0x20, 0xff, new Uint8Array(3))), { kind: "own", length: 19 });
});

Deno.test("unspecified families and datagrams leave the socket's addresses", () => {
  for (const family of [0x00, 0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x32]) {
    const header = parseProxyHeader(v2(0x21, family, new Uint8Array(5)));
    assertEquals(header, { kind: "own", length: 21 }, `${family}`);
  }
});

Deno.test("unknown versions, commands, families and transports are refused", () => {
  for (let nibble = 0; nibble < 16; nibble++) {
    const isVersion = parseProxyHeader(v2(nibble << 4 | 1, 0x11, IPV4_ENDS)).kind === "proxied";
    assertEquals(isVersion, nibble === 2, `version ${nibble}`);
    const isCommand = parseProxyHeader(v2(0x20 | nibble, 0x11, IPV4_ENDS)).kind !== "invalid";
    assertEquals(isCommand, nibble < 2, `command ${nibble}`);
    const isFamily = parseProxyHeader(v2(0x21, nibble << 4, new Uint8Array())).kind !== "invalid";
    assertEquals(isFamily, nibble < 4, `family ${nibble}`);
    const isTransport = parseProxyHeader(v2(0x21, nibble, new Uint8Array())).kind !== "invalid";
    assertEquals(isTransport, nibble < 3, `transport ${nibble}`);
  }
});

Deno.test("a length that has no room for the addresses is refused", () => {
  for (const [family, length] of [[0x11, 12], [0x21, 36], [0x31, 216]] as const) {
    const header = (size: number) => parseProxyHeader(v2(0x21, family, new Uint8Array(size))).kind;
    assertEquals(header(length), "proxied");
    assertEquals(header(length - 1), "invalid");
    assertEquals(header(0), "invalid");
  }
});

Deno.test("4,096 bytes behind the first 16 are the most, and one more is refused at once", () => {
  const rest = new Uint8Array(PROXY_V2_LONGEST);
  for (const command of [0x20, 0x21]) {
    const whole = parseProxyHeader(v2(command, 0x11, rest));
    assertEquals(whole.kind !== "invalid" && whole.kind !== "incomplete" && whole.length, 4112);
    assertInvalid(v2(command, 0x11, new Uint8Array(), PROXY_V2_LONGEST + 1), "one more");
    assertInvalid(v2(command, 0x11, new Uint8Array(), 65_535), "the most that can be said");
  }
});

Deno.test("every header is complete with its last byte, and incomplete with any fewer", () => {
  const headers = [
    latin1("PROXY TCP4 1.2.3.4 255.255.255.255 1 65535\r\n"),
    latin1("PROXY TCP6 ::1 ffff::1 1 65535\r\n"),
    latin1("PROXY UNKNOWN\r\n"),
    v2(0x21, 0x11, Uint8Array.of(...IPV4_ENDS, 4, 0, 1, 9)),
    v2(0x21, 0x21, IPV6_ENDS),
    v2(0x21, 0x31, new Uint8Array(216)),
    v2(0x20, 0x00, new Uint8Array()),
  ];
  for (const header of headers) {
    for (let length = 0; length < header.length; length++) {
      assertEquals(parseProxyHeader(header.subarray(0, length)), { kind: "incomplete" });
    }
    const whole = parseProxyHeader(header);
    assertEquals(parseProxyHeader(Uint8Array.of(...header, 0x47, 0x0d, 0x0a)), whole);
    assertEquals("length" in whole && whole.length, header.length);
  }
  assertEquals(PROXY_V2_FIXED, 16);
});
