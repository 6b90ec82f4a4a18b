/** Connections by `node:net`: from an address of this machine, and without IPv6. */

import { assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:net";
import { interfaceAddresses } from "../../../src/transport/interfaces.ts";
import { NodeStream } from "../../../src/transport/node_stream.ts";
import { StreamTransport } from "../../../src/transport/stream_transport.ts";
import { runtimeNetwork as tcpNetwork } from "../../runtime_network.ts";
import type { NetworkTarget, Transport } from "../../../src/api/network.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { Child } from "../../support/child.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

const never = new AbortController().signal;

/** Other systems have to be given every loopback address but the first. */
const hasManyLoopbacks = Deno.build.os === "linux";

/** A connection from `127.0.0.2` where there is one. */
async function pairFrom(target: Partial<NetworkTarget>): Promise<[Transport, Transport]> {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.address;
  const [client, server] = await Promise.all([
    tcpNetwork.connect({ hostname: "127.0.0.1", port, ...target }, never),
    listener.accept(),
  ]);
  listener.close();
  return [client, server];
}

testTransportContract("node:net", () => pairFrom({ localAddress: "127.0.0.1" }));

/** Both ends by `node:net`; the contract has the accepting end near too. */
async function nodePair(): Promise<[Transport, Transport]> {
  const accepted = Promise.withResolvers<Transport>();
  const server = createServer(
    { allowHalfOpen: true },
    (socket) => accepted.resolve(new StreamTransport(new NodeStream(socket))),
  );
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const { port } = server.address() as { port: number };
  const target = { hostname: "localhost", port, disableIpv6: true };
  const pair = await Promise.all([accepted.promise, tcpNetwork.connect(target, never)]);
  server.close();
  return pair;
}

testTransportContract("node:net at both ends", nodePair);

Deno.test({
  name: "a connection comes from the local address that it was given",
  ignore: !hasManyLoopbacks,
  async fn() {
    for (const localAddress of ["127.0.0.2", "127.5.6.7"]) {
      const [client, server] = await pairFrom({ localAddress });
      assertEquals(client.localAddress.hostname, localAddress);
      assertEquals(server.remoteAddress, client.localAddress);
      assertEquals(client.remoteAddress, server.localAddress);
      client.close();
      server.close();
    }
  },
});

Deno.test("an address that this machine does not have can't be connected from", async () => {
  const target = { hostname: "127.0.0.1", port: 9, localAddress: "192.0.2.77" };
  await assertRejects(() => tcpNetwork.connect(target, never), Error, "192.0.2.77");
});

Deno.test("a local address that is none, or of the other kind, is refused by name", async () => {
  for (const localAddress of ["lo", "", "127.0.0", "::1"]) {
    const target = { hostname: "127.0.0.1", port: 9, localAddress };
    const error = await assertRejects(
      () => tcpNetwork.connect(target, never),
      LwsError,
      localAddress,
    );
    assertEquals(error.code, "invalid-option");
  }
});

Deno.test("without IPv6 a name stands for its IPv4 address, and what is found is used", async () => {
  const [client, server] = await pairFrom({ hostname: "localhost", disableIpv6: true });
  assertEquals(client.remoteAddress.hostname, "127.0.0.1");
  client.close();
  server.close();
});

Deno.test("without IPv6 its addresses are refused by name", async () => {
  for (const hostname of ["::1", "::", "fe80::1%lo", "::ffff:127.0.0.1"]) {
    const target = { hostname, port: 0, disableIpv6: true };
    for (const localAddress of [undefined, "127.0.0.1"]) {
      const error = await assertRejects(
        () => tcpNetwork.connect({ ...target, localAddress }, never),
        LwsError,
        hostname,
      );
      assertEquals(error.code, "invalid-option");
    }
    try {
      tcpNetwork.listen(target).close();
      throw new Error("it listens");
    } catch (error) {
      assertEquals((error as Error).message, `${hostname} is IPv6, which disableIpv6 turns off`);
    }
  }
});

Deno.test("without IPv6 nothing connects from an IPv6 address", async () => {
  const target = { hostname: "localhost", port: 9, disableIpv6: true, localAddress: "::1" };
  await assertRejects(() => tcpNetwork.connect(target, never), LwsError, "::1 is IPv6, which");
});

Deno.test("without IPv6 a name that has no IPv4 address is not found", async () => {
  const target = { hostname: "no-such-host.invalid", port: 9, disableIpv6: true };
  await assertRejects(() => tcpNetwork.connect(target, never), Error, "no-such-host.invalid");
});

Deno.test("nobody listens: the connection is refused, by node:net too", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.address;
  listener.close();
  const target = { hostname: "127.0.0.1", port, localAddress: "127.0.0.1" };
  await assertRejects(() => tcpNetwork.connect(target, never), Error, "ECONNREFUSED");
});

Deno.test("connecting by node:net stops when its signal aborts, before and meanwhile", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.address;
  const target = { hostname: "127.0.0.1", port, localAddress: "127.0.0.1" };
  const aborter = new AbortController();
  const connecting = tcpNetwork.connect(target, aborter.signal);
  aborter.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
  await assertRejects(() => tcpNetwork.connect(target, aborter.signal), Error, "enough");
  // Had it gone on, it would be accepted in place of one of these.
  for (let i = 0; i < 3; i++) {
    const [client, server] = await Promise.all([
      tcpNetwork.connect({ ...target, localAddress: undefined }, never),
      listener.accept(),
    ]);
    assertEquals(server.remoteAddress, client.localAddress);
    client.close();
    server.close();
  }
  listener.close();
});

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

Deno.test({
  name: "without IPv6 a name's IPv4 address is taken, and permission for the name is enough",
  ignore: !isRoot,
  async fn() {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const port = String(server.addr.port);
    const hosts = await Deno.makeTempFile();
    // Not ::1, which the system's own look-up takes for 127.0.0.1 where IPv4 is asked for.
    await Deno.writeTextFile(hosts, "2001:db8::1 both.test six.test\n127.0.0.1 both.test\n");
    // In a mount namespace of its own the child has a hosts file of its own.
    const own = `mount --bind ${hosts} /etc/hosts && exec "$@"`;
    await using child = new Child(
      ["unshare", "--mount", "sh", "-c", own, "sh"],
      "ipv4_client.ts",
      [`--allow-net=both.test:${port},six.test:${port}`],
      [port, "both.test", "six.test"],
    );
    assertEquals(await child.line(), "127.0.0.1");
    assertEquals(
      await child.line(),
      "six.test has only 2001:db8::1, and disableIpv6 turns IPv6 off",
    );
    (await server.accept()).close();
    await Deno.remove(hosts);
  },
});

Deno.test({
  name: "a name's addresses are tried one by one: plainly, without IPv6, and from an address",
  ignore: !isRoot,
  async fn() {
    using server = Deno.listen({ hostname: "127.0.0.3", port: 0 });
    const { port } = server.addr;
    const hosts = await Deno.makeTempFile();
    await Deno.writeTextFile(
      hosts,
      ["::1", "127.0.0.1", "127.0.0.2", "127.0.0.3"].map((each) => `${each} many.test\n`).join(""),
    );
    const own = `mount --bind ${hosts} /etc/hosts && exec "$@"`;
    await using child = new Child(
      ["unshare", "--mount", "sh", "-c", own, "sh"],
      "many_addresses.ts",
      ["--allow-net"],
      [String(port), "many.test"],
    );
    for (let way = 0; way < 3; way++) {
      assertEquals(await child.line(), "127.0.0.3");
      (await server.accept()).close();
    }
    await Deno.remove(hosts);
  },
});

Deno.test({
  name: "who may not bind to the address to connect from is told so, and the program goes on",
  async fn() {
    await using child = new Child([], "unbound_client.ts", ["--allow-net=127.0.0.1:9"]);
    assertEquals(
      await child.line(),
      "may not connect from 127.0.0.1; run with --allow-net=127.0.0.1:0",
    );
    assertEquals(await child.line(), "goes on");
  },
});

const onLink = Deno.networkInterfaces().find(({ address }) => address.startsWith("fe80:"));

Deno.test({
  name: "an address of a link is connected to by its zone, and from that link",
  ignore: onLink === undefined,
  async fn() {
    const { address, name } = onLink!;
    const hostname = `${address}%${name}`;
    const listener = tcpNetwork.listen({ hostname, port: 0 });
    const { port } = listener.address;
    for (const localAddress of [undefined, interfaceAddresses(name)]) {
      const [client, server] = await Promise.all([
        tcpNetwork.connect({ hostname, port, localAddress }, never),
        listener.accept(),
      ]);
      assertEquals(client.remoteAddress.hostname, address);
      client.close();
      server.close();
    }
    listener.close();
  },
});

Deno.test("a peer's reset closes a node:net transport once", async () => {
  const [client, server] = await pairFrom({ localAddress: "127.0.0.1" });
  const near = new Recorder(client);
  const far = new Recorder(server);
  far.take = () => {
    // Closing with unread input resets the connection.
    server.close();
    return 0;
  };
  near.whenDrained = () => near.transport.write(new Uint8Array(100_000));
  near.transport.write(new Uint8Array(1_000_000));
  await near.until(() => near.count("close") === 1);
  await far.until(() => far.count("close") === 1);
});
