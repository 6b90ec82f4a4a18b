/** Contexts that believe proxies when they say by header who the peer is. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ContextCreationInfo, createContext, LwsError } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, handshake, readHead, readResponse, serve } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";

const page = named("page", {
  http(wsi) {
    const { ip, port } = wsi.peerAddresses;
    return reply(wsi, 200, `<${ip}|${port}>`);
  },
});

const request = (...forwarded: string[]) =>
  `GET / HTTP/1.1\r\nHost: localhost\r\n${
    forwarded.map((each) => `X-Forwarded-For: ${each}\r\n`).join("")
  }\r\n`;

/** Who a request is of, with that `trustProxy`; the socket is that of 127.0.0.1. */
async function peerOf(
  trustProxy: ContextCreationInfo["trustProxy"],
  ...forwarded: string[]
): Promise<string> {
  await using served = serve([page], trustProxy === undefined ? {} : { trustProxy });
  const peer = await served.dial(request(...forwarded));
  const { body } = await readResponse(peer);
  peer.close();
  return /<([^|>]*)\|/.exec(body)![1]!;
}

for (
  const [trust, forwarded, ip] of [
    [undefined, ["192.0.2.1"], "127.0.0.1"],
    [false, ["192.0.2.1"], "127.0.0.1"],
    [0, ["192.0.2.1"], "127.0.0.1"],
    [[], ["192.0.2.1"], "127.0.0.1"],
    [["10.0.0.0/8"], ["192.0.2.1"], "127.0.0.1"],
    [true, [], "127.0.0.1"],
    [true, ["192.0.2.1, 192.0.2.2"], "192.0.2.1"],
    [true, ["192.0.2.1", "192.0.2.2"], "192.0.2.1"],
    [1, ["192.0.2.1, 192.0.2.2"], "192.0.2.2"],
    [2, ["192.0.2.1, 192.0.2.2"], "192.0.2.1"],
    [1, ["192.0.2.1", "192.0.2.2"], "192.0.2.2"],
    [["127.0.0.0/8"], ["192.0.2.1, 192.0.2.2"], "192.0.2.2"],
    [["127.0.0.1", "192.0.2.2"], ["192.0.2.1, 192.0.2.2"], "192.0.2.1"],
    [true, ["[2001:db8::1]:443"], "2001:db8::1"],
    [true, ["unknown"], "127.0.0.1"],
    [true, ["<script>"], "127.0.0.1"],
  ] as const
) {
  const said = forwarded.join(" and ") || "nothing";
  Deno.test(`with trustProxy ${JSON.stringify(trust)} and ${said} the peer is ${ip}`, async () => {
    assertEquals(await peerOf(trust, ...forwarded), ip);
  });
}

Deno.test("each request of a connection has the peer that its own header names", async () => {
  await using peer = await dialAlone([page], undefined, { trustProxy: true });
  const answers: string[] = [];
  for (const forwarded of [["192.0.2.1"], ["192.0.2.2"], [], ["192.0.2.3"]]) {
    peer.send(request(...forwarded));
    const { body } = await readResponse(peer);
    answers.push(/<([^|>]*)\|(\d+)>/.exec(body)!.slice(1).join(" "));
  }
  const [, , own] = answers;
  assertEquals(own!.startsWith("127.0.0.1 "), true);
  // A proxy says no port; the one of the socket is its own.
  assertEquals(answers, ["192.0.2.1 0", "192.0.2.2 0", own, "192.0.2.3 0"]);
  assertEquals(own === "127.0.0.1 0", false);
  peer.close();
});

Deno.test("a WebSocket keeps the peer of its handshake, for the context as well", async () => {
  const seen: unknown[] = [];
  const recorder = record("x", (...[wsi, reason]) => {
    if (reason !== "filterProtocolConnection" && reason !== "established") return;
    seen.push(wsi.peerAddresses.ip, wsi.context.peerAddresses(wsi.socketFd).ip);
  });
  await using served = serve([recorder.protocol], { trustProxy: 1 });
  const { peer } = await served.open({ headers: ["X-Forwarded-For: 192.0.2.1"] });
  assertEquals(seen, Array(4).fill("192.0.2.1"));
  peer.close();
});

Deno.test("maxConnectionsPerAddress and the network filter go by the socket", async () => {
  using _log = captureLog([]);
  const seen: string[] = [];
  const recorder = record("x", (wsi, reason, _user, data) => {
    if (reason === "filterNetworkConnection") {
      seen.push(wsi.context.peerAddresses(data as number).ip);
    }
  });
  await using served = serve([recorder.protocol], {
    trustProxy: true,
    maxConnectionsPerAddress: 2,
  });
  const open = (ip: string) => served.open({ headers: [`X-Forwarded-For: ${ip}`] });
  const first = await open("192.0.2.1");
  const second = await open("192.0.2.2");
  const third = await served.dial();
  assertEquals((await third.readToEnd()).length, 0);
  third.close();
  // What was counted for the socket is given back to it, and not to whom it speaks for.
  first.peer.close();
  await recorder.until("closed");
  const fourth = await open("192.0.2.3");
  const fifth = await served.dial();
  assertEquals((await fifth.readToEnd()).length, 0);
  assertEquals(seen, Array(3).fill("127.0.0.1"));
  for (const peer of [fifth, second.peer, fourth.peer]) peer.close();
});

Deno.test("a name that was looked up for one peer does not stick to the next one", async () => {
  const answer = Promise.withResolvers<string>();
  const recorder = record("x", (...[wsi, reason]) => {
    if (reason !== "http") return;
    return reply(wsi);
  });
  const network = Object.assign(new MemoryNetwork(), { reverse: () => answer.promise });
  await using served = serve([recorder.protocol], { trustProxy: true, network });
  const peer = await network.dial(80);
  peer.send(request("192.0.2.1"));
  await readResponse(peer);
  const { context } = served;
  const resolved = context.resolvePeerAddresses(1);
  peer.send(request("192.0.2.2"));
  await readResponse(peer);
  answer.resolve("one.example");
  assertEquals(await resolved, { ip: "192.0.2.1", port: 0, name: "one.example" });
  assertEquals(context.peerAddresses(1), { ip: "192.0.2.2", port: 0, name: "" });
  // Nor does one that it has got.
  await context.resolvePeerAddresses(1);
  assertEquals(context.peerAddresses(1).name, "one.example");
  peer.send(request("192.0.2.3"));
  await readResponse(peer);
  assertEquals(context.peerAddresses(1), { ip: "192.0.2.3", port: 0, name: "" });
  peer.close();
});

Deno.test('who comes by a unix socket is believed with "unix:"', async () => {
  for (const [trustProxy, ip] of [[["unix:"], "192.0.2.1"], [["127.0.0.1"], ""]] as const) {
    await using served = serve([page], { port: 0, socketPath: "/run/page", trustProxy });
    const target = { hostname: "", port: 0, path: "/run/page" };
    const never = new AbortController().signal;
    const peer = new MemoryPeer(await served.network.connect(target, never));
    peer.send(request("192.0.2.1"));
    assertStringIncludes((await readResponse(peer)).body, `<${ip}|`);
    peer.close();
  }
});

/** What a browser's handshake is answered, from a page that came by TLS. */
async function answerTo(info: Partial<ContextCreationInfo>, ...headers: string[]): Promise<string> {
  using _log = captureLog([]);
  await using served = serve([page], info);
  const peer = await served.dial(handshake({ headers: ["Origin: https://localhost", ...headers] }));
  const head = await readHead(peer);
  peer.close();
  return head.slice("HTTP/1.1 ".length, "HTTP/1.1 101".length);
}

Deno.test("behind a proxy with TLS that is believed, pages with TLS are of the same origin", async () => {
  const proto = "X-Forwarded-Proto: https";
  assertEquals(await answerTo({ trustProxy: ["127.0.0.1"] }, proto), "101");
  assertEquals(await answerTo({ trustProxy: ["10.0.0.1"] }, proto), "403");
  assertEquals(await answerTo({}, proto), "403");
  assertEquals(await answerTo({ trustProxy: true }), "403");
  assertEquals(await answerTo({ trustProxy: true }, "X-Forwarded-Proto: http"), "403");
});

for (const trustProxy of [-1, 1.5, "10.0.0.1", ["10.0.0.1/33"], ["proxy"], [1], {}]) {
  Deno.test(`trustProxy ${JSON.stringify(trustProxy)} is refused by name`, () => {
    const error = assertThrows(
      () => createContext({ port: -1, protocols: [page], trustProxy: trustProxy as never }),
      LwsError,
      "trustProxy is ",
    );
    assertEquals(error.code, "invalid-option");
  });
}

Deno.test("a peer that was named keeps its name for as long as requests are its own", async () => {
  const names: string[] = [];
  class Naming extends MemoryNetwork {
    reverse = (ip: string) => Promise.resolve(`${ip}.example`);
  }
  const known = named("named", {
    http(wsi) {
      names.push(wsi.peerAddresses.name);
      return reply(wsi);
    },
  });
  const network = new Naming();
  await using served = serve([known], { network, trustProxy: 1 });
  const peer = await network.dial(80);
  for (const [i, ip] of ["192.0.2.1", "192.0.2.1", "192.0.2.2"].entries()) {
    peer.send(request(ip));
    await readResponse(peer);
    if (i === 0) await served.context.resolvePeerAddresses(1);
  }
  assertEquals(names, ["", "192.0.2.1.example", ""]);
  peer.close();
});
