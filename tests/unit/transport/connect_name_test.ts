/** Names with several addresses, connected to from an address of this machine or without IPv6. */

import { assertEquals, assertRejects } from "@std/assert";
import type { NameSystem } from "../../../src/transport/connect_name.ts";
import { connectName, runtimeSystem } from "../../../src/transport/connect_name.ts";
import type { StreamConn } from "../../../src/api/network.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { LwsError } from "../../../src/base/errors.ts";

const never = new AbortController().signal;
const TARGET = { hostname: "name.test", port: 80 };

interface Dialled {
  readonly address: string;
  readonly source: string | undefined;
}

/** A system in which a name has the addresses, and only `open` answers. */
function systemOf(addresses: readonly string[], open: string, permitted = addresses) {
  const dialled: Dialled[] = [];
  const system: NameSystem<StreamConn> = {
    resolve: () => Promise.resolve(addresses),
    mayConnect: (address) => permitted.includes(address),
    dial(address, _port, source) {
      dialled.push({ address, source });
      if (address !== open) return Promise.reject(new Error("refused"));
      return Promise.resolve({ remoteAddr: { hostname: address } } as StreamConn);
    },
    dialName: (name, port, source, family, signal) =>
      system.dial(`${name} by IPv${family}`, port, source, signal),
    after: () => () => {},
  };
  return { system, dialled };
}

Deno.test("from an interface each address is tried, from one of its own family", async () => {
  const { system, dialled } = systemOf(["2001:db8::5", "192.0.2.5", "192.0.2.6"], "192.0.2.6");
  const localAddress = ["192.0.2.1", "2001:db8::1"];
  await connectName({ ...TARGET, localAddress }, never, system);
  assertEquals(dialled, [
    { address: "2001:db8::5", source: "2001:db8::1" },
    { address: "192.0.2.5", source: "192.0.2.1" },
    { address: "192.0.2.6", source: "192.0.2.1" },
  ]);
});

Deno.test("from an address of one family only that family is tried", async () => {
  const addresses = ["2001:db8::5", "192.0.2.5", "2001:db8::6"];
  const { system, dialled } = systemOf(addresses, "2001:db8::6");
  await connectName({ ...TARGET, localAddress: "2001:db8::1" }, never, system);
  assertEquals(dialled.map(({ address }) => address), ["2001:db8::5", "2001:db8::6"]);
});

Deno.test("with disableIpv6 every IPv4 address is tried, and no other", async () => {
  const { system, dialled } = systemOf(["2001:db8::5", "192.0.2.5", "192.0.2.6"], "192.0.2.6");
  await connectName({ ...TARGET, disableIpv6: true }, never, system);
  assertEquals(dialled, [
    { address: "192.0.2.5", source: undefined },
    { address: "192.0.2.6", source: undefined },
  ]);
});

Deno.test("a name without an address that will do is an error that says what it has", async () => {
  const { system, dialled } = systemOf(["2001:db8::5"], "2001:db8::5");
  await assertRejects(
    () => connectName({ ...TARGET, disableIpv6: true }, never, system),
    Error,
    "name.test has only 2001:db8::5, and disableIpv6 turns IPv6 off",
  );
  await assertRejects(
    () => connectName({ ...TARGET, localAddress: "192.0.2.1" }, never, system),
    Error,
    "name.test has only 2001:db8::5, and there is no way from 192.0.2.1 to that",
  );
  for (const more of [{}, { disableIpv6: true }]) {
    await assertRejects(
      () => connectName({ ...TARGET, ...more }, never, systemOf([], "").system),
      Error,
      "name.test has no address",
    );
  }
  assertEquals(dialled, []);
});

Deno.test("addresses that are not permitted are left out; where none is, the name is dialled", async () => {
  const some = systemOf(["192.0.2.5", "192.0.2.6"], "192.0.2.6", ["192.0.2.6"]);
  await connectName({ ...TARGET, disableIpv6: true }, never, some.system);
  assertEquals(some.dialled, [{ address: "192.0.2.6", source: undefined }]);
  for (const [localAddress, family] of [["192.0.2.1", 4], ["2001:db8::1", 6]] as const) {
    const dialled = `name.test by IPv${family}`;
    const none = systemOf(["192.0.2.5", "2001:db8::5"], dialled, []);
    await connectName({ ...TARGET, localAddress }, never, none.system);
    assertEquals(none.dialled, [{ address: dialled, source: localAddress }]);
  }
});

Deno.test("who gives up while the name is looked up does not wait for it", async () => {
  const lookup = Promise.withResolvers<readonly string[]>();
  const { system, dialled } = systemOf([], "");
  const aborter = new AbortController();
  const connecting = connectName({ ...TARGET, disableIpv6: true }, aborter.signal, {
    ...system,
    resolve: () => lookup.promise,
  });
  aborter.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
  lookup.resolve(["192.0.2.5"]);
  await lookup.promise;
  assertEquals(dialled, []);
});

Deno.test("on real sockets the address that listens is found behind one that refuses", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.address;
  const resolve = () => Promise.resolve(["::1", "127.0.0.1"]);
  const ways = [{ localAddress: ["127.0.0.1", "::1"] }, { disableIpv6: true }];
  for (const way of ways) {
    const [conn, accepted] = await Promise.all([
      connectName({ hostname: "name.test", port, ...way }, never, { ...runtimeSystem, resolve }),
      listener.accept(),
    ]);
    assertEquals((conn.remoteAddr as { hostname: string }).hostname, "127.0.0.1");
    conn.close();
    accepted.close();
  }
  listener.close();
});

Deno.test("a source that is no address is refused by name, before anything is looked up", async () => {
  const { system } = systemOf(["192.0.2.5"], "192.0.2.5");
  const error = await assertRejects(
    () => connectName({ ...TARGET, localAddress: "eth0" }, never, system),
    LwsError,
    "eth0",
  );
  assertEquals(error.code, "invalid-option");
});

Deno.test({
  name: "a lookup that is not permitted says with what to run",
  permissions: { net: false },
  async fn() {
    const error = await assertRejects(
      () => Promise.resolve(runtimeSystem.resolve("localhost", 80)),
      LwsError,
      "may not look up localhost; run with --allow-net=localhost:80",
    );
    assertEquals(error.code, "permission-denied");
  },
});
