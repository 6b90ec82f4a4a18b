import { assert, assertEquals } from "@std/assert";
import {
  formatIp,
  isInRange,
  isLoopback,
  networkOf,
  parseIp,
  parseIpLiteral,
  parseIpRange,
} from "../../../src/proxy/ip_address.ts";

Deno.test("IPv4 is four decimal numbers up to 255, without leading zeros", () => {
  assertEquals(parseIp("0.0.0.0"), Uint8Array.of(0, 0, 0, 0));
  assertEquals(parseIp("255.1.20.255"), Uint8Array.of(255, 1, 20, 255));
  for (
    const text of ["", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "1.2.3.", ".1.2.3"]
      .concat(["1.2.3.4 ", "+1.2.3.4", "0x1.2.3.4", "1.2.3.-4", "1,2,3,4", "a.b.c.d", "１.2.3.4"])
  ) assertEquals(parseIp(text), undefined, JSON.stringify(text));
});

// Text on the left, its one form (RFC 5952 section 4) on the right.
const IPV6 = {
  "::": "::",
  "::1": "::1",
  "1::": "1::",
  "2001:DB8::1": "2001:db8::1",
  "2001:0db8:0000:0000:0001:0000:0000:0001": "2001:db8::1:0:0:1",
  "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
  "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
  "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
  "1:0:0:2:0:0:0:3": "1:0:0:2::3",
  "::ffff:1.2.3.4": "::ffff:1.2.3.4",
  "::ffff:0102:0304": "::ffff:1.2.3.4",
  "64:ff9b::1.2.3.4": "64:ff9b::102:304",
  "1:2:3:4:5:6:1.2.3.4": "1:2:3:4:5:6:102:304",
  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

Deno.test("IPv6 is read in every form of RFC 4291, and written in one", () => {
  for (const [text, form] of Object.entries(IPV6)) {
    assertEquals(formatIp(parseIp(text)!), form, text);
    assertEquals(parseIp(form), parseIp(text));
  }
});

Deno.test("what is no IPv6 address is refused", () => {
  for (
    const text of [":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::"]
      .concat(["1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", ":1::", "::1:"])
      .concat(["[::1]", "fe80::1%eth0", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::", "::1.2.3.256"])
      .concat(["::1/64", " ::1", "1:2:3:4:5:6:7:1.2.3.4"])
  ) assertEquals(parseIp(text), undefined, text);
});

Deno.test("a range is an address and how many of its bits count", () => {
  assertEquals(parseIpRange("10.0.0.0/8")?.prefixLength, 8);
  assertEquals(parseIpRange("10.0.0.0/32")?.prefixLength, 32);
  assertEquals(parseIpRange("10.0.0.0/0")?.prefixLength, 0);
  assertEquals(parseIpRange("10.0.0.1")?.prefixLength, 32);
  assertEquals(parseIpRange("::/128")?.prefixLength, 128);
  assertEquals(parseIpRange("::1")?.prefixLength, 128);
  for (
    const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "/8"]
      .concat(["10.0.0.0/0008", "x/8", "10/8", "10.0.0.0/8 ", ""])
  ) assertEquals(parseIpRange(text), undefined, text);
});

const isIn = (address: string, range: string) => isInRange(parseIp(address)!, parseIpRange(range)!);

Deno.test("a range has the addresses that begin like it, and no others", () => {
  assertEquals(isIn("10.255.0.1", "10.0.0.0/8"), true);
  assertEquals(isIn("11.0.0.0", "10.0.0.0/8"), false);
  assertEquals(isIn("10.1.2.3", "10.9.9.9/8"), true, "bits behind the prefix don't count");
  assertEquals(isIn("172.31.255.255", "172.16.0.0/12"), true);
  assertEquals(isIn("172.32.0.0", "172.16.0.0/12"), false);
  assertEquals(isIn("172.15.255.255", "172.16.0.0/12"), false);
  assertEquals(isIn("1.2.3.4", "1.2.3.4"), true);
  assertEquals(isIn("1.2.3.5", "1.2.3.4"), false);
  assertEquals(isIn("1.2.3.5", "1.2.3.4/31"), true);
  assertEquals(isIn("8.8.8.8", "0.0.0.0/0"), true);
  assertEquals(isIn("fd12::1", "fd00::/8"), true);
  assertEquals(isIn("fe12::1", "fd00::/8"), false);
  assertEquals(isIn("::1", "0.0.0.0/0"), false);
  assertEquals(isIn("1.2.3.4", "::/0"), false);
});

Deno.test("an IPv4 address that is mapped to IPv6 is that IPv4 address", () => {
  assertEquals(isIn("::ffff:10.1.2.3", "10.0.0.0/8"), true);
  assertEquals(isIn("::ffff:11.1.2.3", "10.0.0.0/8"), false);
  assertEquals(isIn("10.1.2.3", "::ffff:10.0.0.0/104"), true);
  assertEquals(isIn("11.1.2.3", "::ffff:10.0.0.0/104"), false);
  assertEquals(isIn("::ffff:10.1.2.3", "::ffff:10.0.0.0/104"), true);
  assertEquals(isIn("::ffff:10.1.2.3", "::/0"), true);
  assertEquals(isIn("::fffe:10.1.2.3", "10.0.0.0/8"), false);
  assertEquals(isIn("::fffe:10.1.2.3", "::ffff:0:0/95"), true, "a range that has more than those");
  assertEquals(isIn("10.1.2.3", "::ffff:0:0/96"), true);
});

Deno.test("an address may be given in brackets, and with a zone where that means something", () => {
  const read = (text: string) => {
    const literal = parseIpLiteral(text);
    return literal && [literal.address, literal.isIpv6, literal.host];
  };
  assertEquals(read("192.0.2.1"), ["192.0.2.1", false, "192.0.2.1"]);
  assertEquals(read("::1"), ["::1", true, "::1"]);
  assertEquals(read("[::1]"), ["::1", true, "::1"]);
  assertEquals(read("fe80::1%eth0"), ["fe80::1", true, "fe80::1%eth0"]);
  assertEquals(read("[fe80::1%eth0]"), ["fe80::1", true, "fe80::1%eth0"]);
  assertEquals(read("[FE80::1%25Eth0.1]"), ["FE80::1", true, "FE80::1%Eth0.1"]);
  // RFC 6874 is about URLs, which have brackets.
  assertEquals(read("fe80::1%25"), ["fe80::1", true, "fe80::1%25"]);
  assertEquals(read("ff02::1%eth0"), ["ff02::1", true, "ff02::1%eth0"]);
  assertEquals(read("[::1%lo]"), ["::1", true, "::1"]);
  assertEquals(read("2001:db8::1%eth0"), ["2001:db8::1", true, "2001:db8::1"]);
  const none = ["", "a", "[192.0.2.1]", "192.0.2.1%eth0", "[::1", "::1]", "[[::1]]", "fe80::1%"];
  for (const text of [...none, "fe80::1%a%b", "fe80::1%a b", "[fe80::1%25]", "[]", "[::1]:80"]) {
    assertEquals(read(text), undefined, text);
  }
});

Deno.test("loopback may be in brackets, and have a zone", () => {
  for (const host of ["[::1]", "::1%lo", "[::1%25lo]"]) assert(isLoopback(host), host);
});

Deno.test("a network is a /64 of IPv6, whatever its zone, and an address of IPv4, mapped or not", () => {
  const of = (...addresses: string[]) => [...new Set(addresses.map(networkOf))];
  assertEquals(of("2001:db8:1:2::1", "2001:DB8:1:2:ffff:ffff:ffff:ffff"), ["2001:db8:1:2::"]);
  assertEquals(of("2001:db8:1:3::1", "2001:db8:1:1:ffff::"), ["2001:db8:1:3::", "2001:db8:1:1::"]);
  assertEquals(of("fe80::1%eth0", "fe80::2"), ["fe80::"]);
  assertEquals(of("192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"), ["192.0.2.1"]);
  assertEquals(of("192.0.2.2", "::ffff:192.0.2.3"), ["192.0.2.2", "192.0.2.3"]);
  assertEquals(of("", "here", "a%b"), ["", "here", "a%b"]);
});
