import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { InterfaceAddress } from "../../../src/transport/interfaces.ts";
import { interfaceAddresses, sourceAddress } from "../../../src/transport/interfaces.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { Child } from "../../support/child.ts";

const LISTED: readonly InterfaceAddress[] = [
  { name: "eth0", family: "IPv6", address: "fe80::1" },
  { name: "eth0", family: "IPv6", address: "2001:db8::1" },
  { name: "eth0", family: "IPv4", address: "192.0.2.1" },
  { name: "eth0", family: "IPv4", address: "192.0.2.2" },
  { name: "six", family: "IPv6", address: "fe80::6%six" },
  { name: "six", family: "IPv6", address: "febf::6" },
  { name: "six", family: "IPv6", address: "fec0::6" },
];
const list = () => LISTED;

Deno.test("an interface's addresses are IPv4's first, then IPv6's, then those with a scope", () => {
  assertEquals(
    interfaceAddresses("eth0", { list }),
    ["192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1%eth0"],
  );
  assertEquals(interfaceAddresses("six", { list }), ["fec0::6", "fe80::6%six", "febf::6%six"]);
});

Deno.test("without IPv6 there are the IPv4 addresses, and none is an error", () => {
  const options = { list, disableIpv6: true };
  assertEquals(interfaceAddresses("eth0", options), ["192.0.2.1", "192.0.2.2"]);
  const error = assertThrows(() => interfaceAddresses("six", options), LwsError);
  assertEquals(error.code, "invalid-option");
  assertEquals(
    error.message,
    'the interface "six" has no IPv4 address, and disableIpv6 turns off the others',
  );
});

Deno.test("an IP address is itself, without any look at the interfaces", () => {
  const none = { list: () => undefined };
  for (const address of ["127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1%eth0", "203.0.113.9"]) {
    assertEquals(interfaceAddresses(address, none), [address]);
  }
  assertEquals(interfaceAddresses("127.0.0.1", { ...none, disableIpv6: true }), ["127.0.0.1"]);
  for (const address of ["::", "::1", "fe80::1%eth0"]) {
    assertThrows(
      () => interfaceAddresses(address, { ...none, disableIpv6: true }),
      LwsError,
      `${address} is IPv6, which disableIpv6 turns off`,
    );
  }
});

Deno.test("an unknown interface is an error with those that there are", () => {
  for (const iface of ["eth1", "ETH0", "", "127.0.0", "eth0 "]) {
    const error = assertThrows(() => interfaceAddresses(iface, { list }), LwsError);
    assertEquals(error.code, "invalid-option");
    assertEquals(error.message, `no interface "${iface}"; there are: eth0, six`);
  }
});

Deno.test("where interfaces may not be listed the error names the permission", async () => {
  const error = assertThrows(
    () => interfaceAddresses("eth0", { list: () => undefined }),
    LwsError,
    "--allow-sys=networkInterfaces",
  );
  assertEquals(error.code, "permission-denied");
  await using denied = new Child([], "interface_addresses.ts", [], ["lo", "127.0.0.1"]);
  assertEquals(JSON.parse(await denied.line()).code, "permission-denied");
  assertEquals(JSON.parse(await denied.line()), ["127.0.0.1"]);
  const flags = ["--allow-sys=networkInterfaces"];
  await using granted = new Child([], "interface_addresses.ts", flags, ["nothing0"]);
  assertStringIncludes(JSON.parse(await granted.line()).message, 'no interface "nothing0"');
});

Deno.test("every address of this machine's interfaces can be listened on", async () => {
  const names = new Set(Deno.networkInterfaces().map(({ name }) => name));
  assert(names.size > 0);
  for (const name of names) {
    for (const hostname of interfaceAddresses(name)) {
      const listener = tcpNetwork.listen({ hostname, port: 0 });
      const { port } = listener.address;
      const ends = await Promise.all([
        tcpNetwork.connect({ hostname, port }, new AbortController().signal),
        listener.accept(),
      ]);
      for (const end of ends) end.close();
      listener.close();
    }
  }
});

Deno.test("what is connected from is of the target's kind", () => {
  const addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
  assertEquals(sourceAddress(addresses, "198.51.100.1"), "192.0.2.1");
  assertEquals(sourceAddress(addresses, "::1"), "2001:db8::1");
  const error = assertThrows(() => sourceAddress(["192.0.2.1"], "::1"), LwsError);
  assertEquals(error.code, "invalid-option");
  assertEquals(error.message, "there is no way from 192.0.2.1 to ::1: one is IPv4, the other IPv6");
});

Deno.test("what is connected to on a link is connected to from that link", () => {
  const addresses = ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"];
  assertEquals(sourceAddress(addresses, "fe80::2%eth0"), "fe80::1%eth0");
  const error = assertThrows(() => sourceAddress(addresses, "fe80::2%eth1"), LwsError);
  assertEquals(error.code, "invalid-option");
  assertEquals(
    error.message,
    "there is no way from 192.0.2.1, 2001:db8::1, fe80::1%eth0 to fe80::2%eth1: " +
      "the interface must be eth1 itself",
  );
});
