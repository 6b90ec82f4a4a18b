/** Keep-alive, both IP versions, and listeners that are open already. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { adoptListener, tcpNetwork } from "../../../src/transport/network.ts";
import type { NetworkTarget, Transport } from "../../../src/api/network.ts";

const never = new AbortController().signal;
const isLinux = Deno.build.os === "linux";

function canUse(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

const hasIpv6 = canUse("::1");

async function pair(
  listening: Partial<NetworkTarget>,
  connecting: Partial<NetworkTarget>,
): Promise<[client: Transport, server: Transport]> {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0, ...listening });
  const { port } = listener.address;
  const ends = await Promise.all([
    tcpNetwork.connect({ hostname: "127.0.0.1", port, ...connecting }, never),
    listener.accept(),
  ]);
  listener.close();
  return ends;
}

/** Whether Linux has a keep-alive timer running for the socket with these ends. */
function isKeptAlive({ localAddress, remoteAddress }: Transport): boolean {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const ends = new RegExp(`:${hex(localAddress.port)} \\w+:${hex(remoteAddress.port)} `);
  const line = Deno.readTextFileSync("/proc/net/tcp").split("\n").find((each) => ends.test(each));
  assert(line !== undefined, "the socket is there");
  // The field `tr`: 02 is the keep-alive timer.
  return line.trim().split(/\s+/)[5]!.startsWith("02:");
}

for (const localAddress of [undefined, "127.0.0.1"]) {
  const way = localAddress === undefined ? "plain" : "by node:net";
  Deno.test({
    name: `keep-alive is on where it was asked for, ${way}, and off elsewhere`,
    ignore: !isLinux,
    async fn() {
      for (const [listening, connecting] of [[true, false], [false, true], [true, true]]) {
        const [client, server] = await pair(
          { keepAlive: listening },
          { keepAlive: connecting, localAddress },
        );
        assertEquals([isKeptAlive(server), isKeptAlive(client)], [listening, connecting]);
        client.close();
        server.close();
      }
      const [client, server] = await pair({}, { localAddress });
      assertEquals([isKeptAlive(server), isKeptAlive(client)], [false, false]);
      client.close();
      server.close();
    },
  });
}

Deno.test({
  name: "keep-alive on a unix socket is nothing, and no failure",
  ignore: !isLinux,
  async fn() {
    const path = `@x-lws-test-${crypto.randomUUID()}`;
    const ends = await pair({ path, keepAlive: true }, { path, keepAlive: true });
    for (const end of ends) end.close();
  },
});

Deno.test({
  name: "a listener on :: takes IPv4 as well, whose addresses it has as mapped ones",
  ignore: !hasIpv6 || !isLinux,
  async fn() {
    const listener = tcpNetwork.listen({ hostname: "::", port: 0 });
    const { port } = listener.address;
    for (const [hostname, seen] of [["127.0.0.1", "::ffff:127.0.0.1"], ["::1", "::1"]] as const) {
      const ends = await Promise.all([
        tcpNetwork.connect({ hostname, port }, never),
        listener.accept(),
      ]);
      assertEquals(ends[0].remoteAddress.hostname, hostname);
      assertEquals(ends[1].remoteAddress.hostname, seen);
      for (const end of ends) end.close();
    }
    listener.close();
  },
});

Deno.test({
  name: "a listener on an address of IPv6 takes no IPv4, and one of IPv4 no IPv6",
  ignore: !hasIpv6,
  async fn() {
    for (const [ours, other] of [["::1", "127.0.0.1"], ["0.0.0.0", "::1"]] as const) {
      const listener = tcpNetwork.listen({ hostname: ours, port: 0 });
      const { port } = listener.address;
      await assertRejects(() => tcpNetwork.connect({ hostname: other, port }, never));
      listener.close();
    }
  },
});

Deno.test("a listener that is open already is taken over, and closed with the new owner", async () => {
  const own = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listener = adoptListener(own);
  assertEquals(listener.address, { hostname: "127.0.0.1", port: own.addr.port });
  const ends = await Promise.all([tcpNetwork.connect(listener.address, never), listener.accept()]);
  assertEquals(ends[1].remoteAddress, ends[0].localAddress);
  for (const end of ends) end.close();
  const accepting = listener.accept();
  listener.close();
  listener.close();
  await assertRejects(() => accepting);
  assertThrows(() => own.close(), Deno.errors.BadResource);
});

Deno.test({
  name: "a listener on a unix socket that is open already is taken over",
  ignore: !isLinux,
  async fn() {
    const path = `\0x-lws-test-${crypto.randomUUID()}`;
    const listener = adoptListener(Deno.listen({ transport: "unix", path }), true);
    assertEquals(listener.address, { hostname: "", port: 0 });
    const [conn, server] = await Promise.all([
      Deno.connect({ transport: "unix", path }),
      listener.accept(),
    ]);
    conn.close();
    server.close();
    listener.close();
  },
});
