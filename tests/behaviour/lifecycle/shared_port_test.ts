/** Contexts that listen on one port, and such that leave IPv4 out. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Context, ContextCreationInfo } from "../../../mod.ts";
import { createContext, handlers, LwsError } from "../../../mod.ts";
import { epollNetwork, isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { MemoryNetwork } from "../../../src/testing/mod.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { PATIENT } from "../../support/patience.ts";

const isLinux = Deno.build.os === "linux";

/** A context that answers with its name. */
function named(name: string, info: Partial<ContextCreationInfo>): Context {
  return createContext({
    port: 0,
    iface: "127.0.0.1",
    ...PATIENT,
    protocols: [{ name, callback: handlers({ http: (wsi) => wsi.respond(200, name) }) }],
    ...info,
  });
}

/** The answers to that many connections, one request each. */
async function answers(host: string, port: number, count: number): Promise<Set<string>> {
  const found = new Set<string>();
  for (let i = 0; i < count; i++) {
    const conn = await Deno.connect({ hostname: host, port });
    const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    await conn.write(new TextEncoder().encode(request));
    const text = await new Response(conn.readable).text();
    found.add(text.slice(text.indexOf("\r\n\r\n") + 4));
  }
  return found;
}

function refusal(info: Partial<ContextCreationInfo>): string {
  const error = assertThrows(() => named("refused", info), LwsError);
  assertEquals(error.code, "invalid-option", error.message);
  return error.message;
}

const NETWORKS = [
  ["the runtime's TCP", isLinux, () => undefined],
  ["epoll", isEpollAvailable(), () => epollNetwork()],
] as const;

for (const [what, isThere, make] of NETWORKS) {
  const network = () => {
    const made = make();
    return made === undefined ? {} : { network: made };
  };

  Deno.test({
    name: `a port and a path over ${what} are free once destroy has resolved`,
    ignore: !isThere,
    async fn() {
      await using folder = await temporaryFolder();
      for (const where of [{}, { socketPath: `${folder.path}/socket`, iface: null }]) {
        const first = named("first", { ...network(), ...where });
        const { port } = first;
        // An accept is under way behind the one that it has had.
        if (port > 0) await answers("127.0.0.1", port, 1);
        await first.destroy();
        await using _second = named("second", { ...network(), ...where, port });
      }
    },
  });

  Deno.test({
    name: `two contexts with reusePort share a port over ${what}; one goes on without the other`,
    ignore: !isThere,
    async fn() {
      await using one = named("one", { ...network(), reusePort: true });
      const { port } = one;
      {
        await using _other = named("other", { ...network(), reusePort: true, port });
        assertEquals(await answers("127.0.0.1", port, 100), new Set(["one", "other"]));
        const error = assertThrows(() => named("alone", { ...network(), port }), LwsError);
        assertEquals(error.code, "address-in-use");
      }
      assertEquals(await answers("127.0.0.1", port, 20), new Set(["one"]));
    },
  });
}

Deno.test({
  name: "ipv6Only leaves IPv4's port to another context over epoll, and IPv4 comes in without it",
  ignore: !isEpollAvailable(),
  async fn() {
    await using six = named("six", { network: epollNetwork(), iface: "::", ipv6Only: true });
    const { port } = six;
    await using _four = named("four", { network: epollNetwork(), iface: "0.0.0.0", port });
    assertEquals(await answers("::1", port, 1), new Set(["six"]));
    assertEquals(await answers("127.0.0.1", port, 1), new Set(["four"]));
    await using both = named("both", { network: epollNetwork(), iface: "::" });
    assertEquals(await answers("127.0.0.1", both.port, 1), new Set(["both"]));
  },
});

Deno.test({
  name: "ipv6Only on an address of IPv4 is refused, and the port is free again",
  ignore: !isEpollAvailable(),
  async fn() {
    const network = epollNetwork();
    assertEquals(
      refusal({ network, ipv6Only: true }),
      "ipv6Only is true; allowed: false on 127.0.0.1, which is IPv4",
    );
    await using free = named("free", { network });
    const { port } = free;
    await free.destroy();
    assert(refusal({ network, port, ipv6Only: true }).startsWith("ipv6Only"));
    await using _again = named("again", { network, port });
  },
});

Deno.test("what can't be honoured is refused by name", () => {
  for (const name of ["reusePort", "ipv6Only"] as const) {
    const on = { [name]: true };
    assertEquals(
      refusal({ ...on, network: new MemoryNetwork() }),
      `${name} is true; allowed: false, as the network has no such feature`,
    );
    for (const place of ["socketPath", "listenFd", "listener"] as const) {
      const value = {
        socketPath: "@x",
        listenFd: 3,
        listener: { addr: {}, accept: () => Promise.reject(), close() {} },
      }[place];
      assertEquals(
        refusal({ ...on, [place]: value, iface: null }),
        `${name} is true; allowed: false beside ${place}`,
      );
    }
    assertEquals(
      refusal({ ...on, port: -1 }),
      `${name} is true; allowed: false beside a port of CONTEXT_PORT_NO_LISTEN`,
    );
    assertEquals(
      refusal({ [name]: 1 as unknown as boolean }),
      `${name} is 1; allowed: true or false`,
    );
  }
  assertEquals(
    refusal({ ipv6Only: true, iface: "::" }),
    "ipv6Only is true; allowed: false, as the network has no such feature",
  );
});
