/** The names of peers, by reverse lookup. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Context, PeerAddresses, Wsi } from "../../../mod.ts";
import { createContext, LwsError } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { reverseLookup } from "../../../src/transport/machine.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";

/** A network that knows names, and counts how often it is asked. */
class NamingNetwork extends MemoryNetwork {
  asked = 0;
  answer: () => Promise<string> = () => Promise.resolve("peer.example");

  reverse(_ip: string): Promise<string> {
    this.asked++;
    return this.answer();
  }
}

/** A context on `network`, and the descriptor that its filter was given. */
function naming(
  network: NamingNetwork,
  onFilter: (context: Context, fd: number) => void = () => {},
) {
  let wsi: Wsi | undefined;
  const http = record("http", (each, reason, _user, data) => {
    if (reason === "filterNetworkConnection") onFilter(each.context, data);
    if (reason === "wsiCreate") wsi = each;
  });
  const served = serve([http.protocol], { network });
  const dial = async () => {
    const peer = await network.dial(served.context.port);
    await http.until("wsiCreate");
    return { peer, wsi: wsi! };
  };
  return { served, dial, http };
}

Deno.test("a name is there for all who ask once it was resolved, and is looked up once", async () => {
  const network = new NamingNetwork();
  const { served, dial } = naming(network);
  await using context = served.context;
  const { peer, wsi } = await dial();
  const { ip, port } = wsi.peerAddresses;
  assertEquals(wsi.peerAddresses, { name: "", ip: "127.0.0.1", port });
  const named: PeerAddresses = { name: "peer.example", ip, port };
  assertEquals(await context.resolvePeerAddresses(wsi.socketFd), named);
  assertEquals(wsi.peerAddresses, named);
  assertEquals(context.peerAddresses(wsi.socketFd), named);
  assertEquals(await context.resolvePeerAddresses(wsi.socketFd), named);
  assertEquals(network.asked, 1);
  peer.close();
});

Deno.test("a filter may ask for a connection that it has not let in yet", async () => {
  const network = new NamingNetwork();
  const resolved: Promise<PeerAddresses>[] = [];
  const { served, dial } = naming(network, (context, fd) => {
    resolved.push(context.resolvePeerAddresses(fd));
  });
  await using _context = served.context;
  const { peer, wsi } = await dial();
  assertEquals((await resolved[0]!).name, "peer.example");
  assertEquals(wsi.peerAddresses.name, "peer.example");
  peer.close();
});

Deno.test("a connection that ends during the lookup has its name all the same", async () => {
  const network = new NamingNetwork();
  const { promise, resolve } = Promise.withResolvers<string>();
  network.answer = () => promise;
  const { served, dial, http } = naming(network);
  await using context = served.context;
  const { peer, wsi } = await dial();
  const resolved = context.resolvePeerAddresses(wsi.socketFd);
  peer.close();
  await http.until("wsiDestroy");
  resolve("late.example");
  assertEquals((await resolved).name, "late.example");
  assertEquals(wsi.peerAddresses.name, "late.example");
});

Deno.test("without a name, a lookup or a connection the name is empty, never an error", async () => {
  using _log = captureLog([]);
  const network = new NamingNetwork();
  network.answer = () => Promise.reject(new Error("NXDOMAIN"));
  const { served, dial } = naming(network);
  await using context = served.context;
  const { peer, wsi } = await dial();
  assertEquals((await context.resolvePeerAddresses(wsi.socketFd)).name, "");
  assertEquals(await context.resolvePeerAddresses(99), { name: "", ip: "", port: 0 });
  assertEquals(network.asked, 1);
  await assertRejects(() => context.resolvePeerAddresses(0.5), LwsError, "socketFd");
  peer.close();

  await using plain = serve([record("x").protocol]);
  const other = await plain.dial();
  await settle();
  assertEquals(await plain.context.resolvePeerAddresses(1), plain.context.peerAddresses(1));
  other.close();
});

Deno.test("over TCP loopback has the name that the hosts file gives it", async () => {
  const lookup = await reverseLookup("127.0.0.1");
  const http = record("http");
  await using context = createContext({ ...LOOPBACK, protocols: [http.protocol] });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
  await http.until("wsiCreate");
  assertEquals((await context.resolvePeerAddresses(1)).name, lookup);
  const hosts = await Deno.readTextFile("/etc/hosts").catch(() => "");
  const line = hosts.split("\n").find((each) => /^127\.0\.0\.1\s/.test(each));
  if (line !== undefined) assertEquals(lookup, line.split(/\s+/)[1]);
  conn.close();
});

Deno.test("an address without a name, or that is none, has an empty one", async () => {
  for (const ip of ["192.0.2.1", "2001:db8::1", "nonsense", ""]) {
    assertEquals(await reverseLookup(ip), "", ip);
  }
});

Deno.test({
  name: "without --allow-net for the address the name is empty, and nobody is asked for it",
  permissions: { net: ["127.0.0.2"] },
  fn: async () => assertEquals(await reverseLookup("127.0.0.1"), ""),
});

Deno.test("a reverse lookup that is no function is refused by name", () => {
  const network = Object.assign(new MemoryNetwork(), { reverse: "name" }) as never;
  const error = assertThrows(
    () => createContext({ port: 80, network, protocols: [record("x").protocol] }),
    LwsError,
    "network.reverse",
  );
  assertEquals(error.code, "invalid-option");
});
