/** `maxPendingHandshakes`: at the limit, and one past it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ContextCreationInfo, createContext } from "../../../mod.ts";
import { descriptorLimit } from "../../../src/transport/machine.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { reply } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { dialTls } from "../../support/tls_peer.ts";
import { CA, TLS } from "../tls/server.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const PROXY = "PROXY TCP4 203.0.113.9 198.51.100.1 50000 443\r\n";
const page = named("page", { http: (wsi) => reply(wsi) });

function serving(info: Partial<ContextCreationInfo>) {
  const served = serve([page], { kaTime: 0, ...info });
  return {
    served,
    async dialAll(...sent: readonly string[]): Promise<MemoryPeer[]> {
      const peers = [];
      for (const each of sent) {
        peers.push(await served.dial(each));
        await settle();
      }
      return peers;
    },
    hits: () => served.context.stats().limitsHit.maxPendingHandshakes ?? 0,
  };
}

const states = (peers: readonly MemoryPeer[]) => peers.map(({ ended }) => ended);

async function isServed(peer: MemoryPeer, rest: string): Promise<void> {
  peer.send(rest);
  assertMatch((await readResponse(peer)).head, /^HTTP\/1\.1 200 /);
}

Deno.test("as many as maxPendingHandshakes may be silent, and one more closes the oldest", async () => {
  using log = captureLog(["err", "warn", "notice"]);
  const { served, dialAll, hits } = serving({ maxPendingHandshakes: 3 });
  await using _served = served;
  const peers = await dialAll("", "", "");
  assertEquals([states(peers), hits()], [[false, false, false], 0], "at the limit");
  peers.push(...await dialAll(""));
  assertEquals([states(peers), hits()], [[true, false, false, false], 1]);
  for (const each of peers.slice(1)) await isServed(each, GET);
  assertEquals(log.lines, []);
});

Deno.test("a silent one goes where they are as many as the others, however old these are", async () => {
  const { served, dialAll, hits } = serving({ maxPendingHandshakes: 4 });
  await using _served = served;
  const peers = await dialAll("GET / HT", "GET", "", "", "");
  assertEquals([states(peers), hits()], [[false, false, true, false, false], 1]);
  await isServed(peers[0]!, GET.slice(8));
});

Deno.test("of those that have sent something the oldest goes where they are more, and no newcomer", async () => {
  const { served, dialAll, hits } = serving({ maxPendingHandshakes: 4 });
  await using _served = served;
  const strangers = await dialAll("GET / HT", "G", "G");
  const newcomers = await dialAll("");
  strangers.push(...await dialAll("G", "G", "G"));
  assertEquals([states(strangers), hits()], [[true, true, true, false, false, false], 3]);
  await isServed(newcomers[0]!, GET);
  await isServed(strangers[3]!, GET.slice(1));
});

Deno.test("between two requests, and as a WebSocket, a connection isn't pending", async () => {
  const { served, dialAll, hits } = serving({ maxPendingHandshakes: 1 });
  await using _served = served;
  const [idle] = await dialAll(GET) as [MemoryPeer];
  await readResponse(idle);
  const [socket] = await dialAll(handshake()) as [MemoryPeer];
  assertMatch(await readHead(socket), / 101 /);
  const peers = await dialAll("", "");
  assertEquals([states([idle, socket, ...peers]), hits()], [[false, false, true, false], 1]);
  idle.send("GET /");
  await settle();
  assertEquals(states([idle, ...peers]), [false, true, false], "a later head counts for nothing");
  await isServed(idle, " HTTP/1.1\r\nHost: x\r\n\r\n");
});

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`${service}: the header of the PROXY protocol, and the request behind it, count together`, async () => {
    using log = captureLog(["err", "warn", "notice"]);
    const { served, hits } = serving({ maxPendingHandshakes: 2, proxyProtocol: true, service });
    await using _served = served;
    const dial = async (sent: string) => {
      const peer = await served.dial(sent);
      for (let i = 0; i < 3; i++) {
        await settle();
        if (service !== "automatic") await served.context.service(0);
      }
      return peer;
    };
    const peers = [await dial(PROXY), await dial("")];
    assertEquals([states(peers), hits()], [[false, false], 0]);
    peers.push(await dial(""));
    assertEquals([states(peers), hits()], [[true, false, false], 1]);
    peers.push(await dial(PROXY + "GET"));
    assertEquals([states(peers), hits()], [[true, true, false, false], 2]);
    assertEquals(log.lines, []);
  });
}

Deno.test("TLS counts, and whose handshake is done goes last", async () => {
  using _log = captureLog([]);
  const { served, dialAll, hits } = serving({ ...TLS, maxPendingHandshakes: 2 });
  await using _served = served;
  const { peer } = await dialTls(served.network, CA);
  const silent = await dialAll("", "");
  await silent[0]!.readToEnd();
  assertEquals([peer.ended, ...states(silent), hits()], [false, true, false, 1]);
  await isServed(peer, GET);
  for (const each of [peer, ...silent]) each.close();
  await Promise.all([peer, ...silent].map((each) => each.closed));
});

const SILENT = 1_200;

Deno.test({
  name: `${SILENT} that say nothing keep no client out`,
  ignore: (descriptorLimit() ?? 0) < 4 * SILENT,
  async fn() {
    await using context = createContext({ ...LOOPBACK, protocols: [page] });
    const { port } = context;
    const crowd: Deno.Conn[] = [];
    const dial = () => Deno.connect({ hostname: "127.0.0.1", port });
    while (crowd.length < SILENT) {
      crowd.push(...await Promise.all(Array.from({ length: 100 }, dial)));
    }
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
    const { limitsHit, http } = context.stats();
    assertEquals(limitsHit, { maxPendingHandshakes: SILENT + 1 - 1_000 });
    assert(http.now <= 1_001, `${http.now} are there`);
    for (const each of crowd) each.close();
  },
});
