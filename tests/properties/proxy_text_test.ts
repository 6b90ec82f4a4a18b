/** Text from peers and environments never does more than be refused. */

import { assert, assertEquals } from "@std/assert";
import { forwardedAddress, readProxyTrust } from "../../src/proxy/forwarded_for.ts";
import { formatIp, parseIp } from "../../src/proxy/ip_address.ts";
import { readNoProxy } from "../../src/proxy/selection.ts";
import { parseProxy, ProxySettingsError } from "../../src/proxy/selection.ts";
import { check, fc } from "./support.ts";

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'a1.:[],/@%*"\\ \t'), maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const element = fc.oneof(address, address.map((each) => `[${each}]:80`), text);
const trust = fc.oneof(
  fc.boolean(),
  fc.nat(5),
  fc.array(fc.tuple(fc.ipV4(), fc.nat(32)).map((range) => range.join("/")), { maxLength: 3 }),
);

Deno.test("a client's address is the socket's own, or an address in its one form", () => {
  const given = fc.tuple(fc.array(element, { maxLength: 6 }), address, trust);
  check({ seed: 61, numRuns: 2000 }, given, ([elements, socket, proxies]) => {
    const found = forwardedAddress(socket, elements.join(", "), readProxyTrust(proxies));
    if (found !== socket) assertEquals(formatIp(parseIp(found)!), found);
  });
});

Deno.test("what the nearest proxy wrote counts, whatever stands left of it", () => {
  const one = readProxyTrust(1);
  check({ seed: 62, numRuns: 2000 }, fc.array(text, { maxLength: 5 }), address, (left, client) => {
    const found = forwardedAddress("192.0.2.1", [...left, client], one);
    assertEquals(found, formatIp(parseIp(client)!));
  });
});

Deno.test("a proxy's text is read or refused, and what was read is in range", () => {
  const proxy = fc.tuple(fc.constantFrom("", "http://", "https://", "u:p@", "http://u:p@"), text)
    .map((parts) => parts.join(""));
  check({ seed: 63, numRuns: 2000 }, proxy, (each) => {
    try {
      const { host, port } = parseProxy(each, 3128);
      assert(host.length > 0 && port > 0 && port < 65_536);
    } catch (error) {
      if (!(error instanceof ProxySettingsError)) throw error;
    }
  });
});

Deno.test("any list of hosts without a proxy can be asked, and an entry holds beside any other", () => {
  check({ seed: 64, numRuns: 1000 }, text, fc.domain(), fc.nat(65_535), (list, host, port) => {
    readNoProxy(list)(host, port);
    assert(readNoProxy(`${list},${host}`)(`sub.${host}`, port));
  });
});
