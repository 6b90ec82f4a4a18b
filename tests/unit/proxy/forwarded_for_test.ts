import { assertEquals, assertThrows } from "@std/assert";
import { forwardedAddress, readProxyTrust } from "../../../src/proxy/forwarded_for.ts";
import type { TrustProxy } from "../../../src/api/creation_info.ts";

const SOCKET = "10.0.0.9";

function believed(
  trust: TrustProxy,
  forwarded: string | readonly string[] | undefined,
  socket = SOCKET,
): string {
  return forwardedAddress(socket, forwarded, readProxyTrust(trust));
}

Deno.test("nobody is believed by default, by false and by 0 hops", () => {
  assertEquals(believed(false, "1.2.3.4"), SOCKET);
  assertEquals(believed(0, "1.2.3.4"), SOCKET);
  assertEquals(believed([], "1.2.3.4"), SOCKET);
});

Deno.test("without the field, or with nothing in it, the socket's address stands", () => {
  for (const trust of [true, 1, ["10.0.0.0/8"]]) {
    for (const forwarded of [undefined, "", " ", ",", " , ,", [], [""]]) {
      assertEquals(believed(trust, forwarded), SOCKET, JSON.stringify([trust, forwarded]));
    }
  }
});

Deno.test("where all are believed the leftmost address counts", () => {
  assertEquals(believed(true, "1.2.3.4"), "1.2.3.4");
  assertEquals(believed(true, "1.2.3.4, 5.6.7.8, 9.9.9.9"), "1.2.3.4");
});

Deno.test("a number of hops counts from the socket, and what is further left is not looked at", () => {
  const forwarded = "6.6.6.6, 1.1.1.1, 2.2.2.2";
  assertEquals(believed(1, forwarded), "2.2.2.2");
  assertEquals(believed(2, forwarded), "1.1.1.1");
  assertEquals(believed(3, forwarded), "6.6.6.6");
  assertEquals(believed(4, forwarded), "6.6.6.6");
  assertEquals(believed(1, "garbage, , <script>, 2.2.2.2"), "2.2.2.2");
  assertEquals(believed(Number.MAX_SAFE_INTEGER, forwarded), "6.6.6.6");
});

Deno.test("a list of addresses and ranges counts up to the first who is not in it", () => {
  const trust = ["10.0.0.0/8", "2.2.2.2", "fd00::/8"];
  assertEquals(believed(trust, "6.6.6.6, 1.1.1.1, 2.2.2.2"), "1.1.1.1");
  assertEquals(believed(trust, "6.6.6.6, 1.1.1.1, fd12::3, 10.1.1.1"), "1.1.1.1");
  assertEquals(believed(trust, "6.6.6.6, 1.1.1.1"), "1.1.1.1");
  assertEquals(believed(trust, "10.0.0.1, 10.0.0.2"), "10.0.0.1", "all are trusted");
  assertEquals(believed(trust, "1.1.1.1", "11.0.0.9"), "11.0.0.9", "the socket's peer is not");
});

Deno.test("a proxy whose IPv4 address a socket for both versions maps to IPv6 is in the list", () => {
  assertEquals(believed(["10.0.0.0/8"], "1.1.1.1", "::ffff:10.0.0.9"), "1.1.1.1");
});

Deno.test("who comes by a unix socket has no address, and is trusted as unix:", () => {
  assertEquals(believed(["unix:"], "1.1.1.1", ""), "1.1.1.1");
  assertEquals(believed(["10.0.0.0/8"], "1.1.1.1", ""), "");
  assertEquals(believed(["unix:"], "1.1.1.1"), SOCKET);
  assertEquals(believed(["unix:"], "1.1.1.1", "fe80::1%eth0"), "fe80::1%eth0");
  assertEquals(believed(1, "1.1.1.1", ""), "1.1.1.1");
});

Deno.test("several field lines are one list, in their order", () => {
  assertEquals(believed(1, ["1.1.1.1, 2.2.2.2", "3.3.3.3"]), "3.3.3.3");
  assertEquals(believed(2, ["1.1.1.1, 2.2.2.2", "3.3.3.3"]), "2.2.2.2");
  assertEquals(believed(true, ["1.1.1.1", "2.2.2.2"]), "1.1.1.1");
});

Deno.test("blanks don't matter, and empty elements are no hops", () => {
  assertEquals(believed(1, "\t 2.2.2.2 \t"), "2.2.2.2");
  assertEquals(believed(2, "1.1.1.1,,2.2.2.2,"), "1.1.1.1");
  assertEquals(believed(true, ",1.1.1.1"), "1.1.1.1");
  let asked = 0;
  const trust = { isTrusted: () => (asked++, true) };
  assertEquals(forwardedAddress(SOCKET, `1.1.1.1${",".repeat(15_000)}`, trust), "1.1.1.1");
  assertEquals(asked, 2, "once an address");
});

Deno.test("of 64 proxies each may be trusted, and one more makes it garbage", () => {
  const proxies = (count: number) => Array.from({ length: count }, () => "10.0.0.1").join();
  for (const trust of [["0.0.0.0/5", SOCKET, "10.0.0.0/8"], true, 1000]) {
    assertEquals(believed(trust, `9.9.9.9,${proxies(64)}`), "9.9.9.9");
    assertEquals(believed(trust, `9.9.9.9,${proxies(65)}`), SOCKET);
  }
});

Deno.test("ports and brackets are taken off, and an address has one form", () => {
  const forms = {
    "1.2.3.4:5678": "1.2.3.4",
    "1.2.3.4:0": "1.2.3.4",
    "1.2.3.4:65535": "1.2.3.4",
    "2001:DB8::1": "2001:db8::1",
    "[2001:db8:0::1]": "2001:db8::1",
    "[::1]:443": "::1",
    "::ffff:1.2.3.4": "::ffff:1.2.3.4",
    "[::ffff:1.2.3.4]:80": "::ffff:1.2.3.4",
  };
  for (const [element, address] of Object.entries(forms)) {
    assertEquals(believed(1, `6.6.6.6, ${element}`), address);
  }
});

Deno.test("garbage where an address has to be leaves the socket's own", () => {
  for (
    const element of ["unknown", "_hidden", "example.com", "1.2.3", "1.2.3.4:", "1.2.3.4:65536"]
      .concat(["1.2.3.4:+1", "1.2.3.4:x", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]:70000"])
      .concat(["[1.2.3.4]", "fe80::1%eth0", '"1.2.3.4"', "1.2.3.4 5.6.7.8", "for=1.2.3.4"])
      .concat(["1.2.3.4/8", "\0", "1.2.3.4\0", "𝟏.2.3.4", "x".repeat(10_000), "1:".repeat(5000)])
  ) {
    assertEquals(believed(1, `6.6.6.6, ${element}`), SOCKET, element.slice(0, 40));
    assertEquals(believed(true, `${element}, 6.6.6.6`), SOCKET, element.slice(0, 40));
    assertEquals(believed(["0.0.0.0/0"], `1.1.1.1, ${element}`), SOCKET, element.slice(0, 40));
  }
});

Deno.test("what a client sent can't hide what the proxy wrote behind it", () => {
  // In other lists a comma between quotation marks does not part.
  assertEquals(believed(1, '", 2.2.2.2'), "2.2.2.2");
  assertEquals(believed(1, '"6.6.6.6, 2.2.2.2'), "2.2.2.2");
  assertEquals(believed(1, ['"', "2.2.2.2"]), "2.2.2.2");
  assertEquals(believed(1, "\\, 2.2.2.2"), "2.2.2.2");
});

Deno.test("a wrong trust is refused, and the message has what is wrong", () => {
  for (
    const entry of ["10.0.0.0/33", "example.com", "", "10.0.0", "::/129", "unix", "*", "[::1]"]
  ) {
    assertThrows(() => readProxyTrust(["::1", entry]), RangeError, JSON.stringify(entry));
  }
  for (const hops of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => readProxyTrust(hops), RangeError, String(hops));
  }
});
