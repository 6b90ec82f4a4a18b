/** `context.stats().turnedAway`: each cause by its name. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ContextCreationInfo, Protocol, TurnedAwayCause } from "../../../mod.ts";
import { openMetrics } from "../../../src/metrics/mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { reply } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, serve, settle } from "../../support/serve.ts";
import { TLS } from "../tls/server.ts";

interface Provocation {
  readonly cause: TurnedAwayCause;
  readonly info?: Partial<ContextCreationInfo>;
  readonly protocol?: Protocol;
  /** What is sent on a connection each. */
  readonly sent: readonly string[];
  readonly waitMs?: number;
  /** What else counts it. */
  readonly limit?: string;
  readonly handshake?: string;
}

const get = (...fields: string[]) => ["GET / HTTP/1.1", "Host: x", ...fields, "", ""].join("\r\n");
const post = (length: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
const thrower = () => {
  throw new Error("the program's own");
};
const forever = () => new Promise<never>(() => {});
const chat = named("chat", { http: (wsi) => wsi.method === "GET" ? reply(wsi) : 0 });

class FailingNetwork extends MemoryNetwork {
  override listen(...args: Parameters<MemoryNetwork["listen"]>) {
    const listener = super.listen(...args);
    let hasFailed = false;
    const accept = listener.accept.bind(listener);
    listener.accept = () => {
      if (hasFailed) return accept();
      hasFailed = true;
      return Promise.reject(Object.assign(new Error("too many open files"), { code: "EMFILE" }));
    };
    return listener;
  }
}

const PROVOCATIONS: readonly Provocation[] = [
  { cause: "accept", info: { network: new FailingNetwork() }, sent: [] },
  { cause: "fault", protocol: { ...chat, perSessionData: thrower }, sent: [""] },
  { cause: "filter", protocol: named("x", { filterNetworkConnection: () => -1 }), sent: [""] },
  {
    cause: "maxConnectionsPerAddress",
    info: { maxConnectionsPerAddress: 1 },
    sent: ["", ""],
    limit: "maxConnectionsPerAddress",
  },
  {
    cause: "maxPendingHandshakes",
    info: { maxPendingHandshakes: 1 },
    sent: ["", ""],
    limit: "maxPendingHandshakes",
  },
  { cause: "proxyHeader", info: { proxyProtocol: true }, sent: [get()] },
  {
    cause: "proxyHeader",
    info: { proxyProtocol: true },
    sent: ["PROXY"],
    waitMs: 6_000,
    limit: "headerTimeoutMs",
  },
  { cause: "tls", info: TLS, sent: ["this is no hello of TLS"] },
  { cause: "400", sent: ["GET / HTTP/1.1\r\n\r\n"] },
  {
    cause: "400",
    sent: [handshake().replace("Sec-WebSocket-Key: ", "X: ")],
    handshake: "malformed",
  },
  { cause: "400", sent: [handshake({ protocol: "other" })], handshake: "subprotocol" },
  {
    cause: "403",
    sent: [handshake({ headers: ["Origin: http://evil.example"] })],
    handshake: "origin",
  },
  { cause: "403", protocol: named("x", { filterHttpConnection: () => -1 }), sent: [get()] },
  {
    cause: "403",
    protocol: named("x", { filterProtocolConnection: () => -1 }),
    sent: [handshake()],
    handshake: "filter",
  },
  {
    cause: "404",
    protocol: { ...chat, path: "/chat" },
    sent: [handshake()],
    handshake: "path",
  },
  {
    cause: "405",
    info: { mounts: [{ path: "/", folder: "docs" }], protocols: [] },
    sent: [post(0)],
  },
  { cause: "408", sent: ["GET /"], waitMs: 6_000, limit: "headerTimeoutMs" },
  { cause: "408", sent: [post(1)], waitMs: 31_000, limit: "contentTimeoutMs" },
  { cause: "413", info: { maxBodySize: 1 }, sent: [post(2)], limit: "maxBodySize" },
  {
    cause: "414",
    info: { maxHeaderBytes: 64 },
    sent: [`GET /${"x".repeat(64)}`],
    limit: "maxHeaderBytes",
  },
  { cause: "417", sent: [post(1).replace("\r\n\r\n", "\r\nExpect: miracles\r\n\r\n")] },
  {
    cause: "426",
    sent: [handshake().replace("Version: 13", "Version: 12")],
    handshake: "version",
  },
  {
    cause: "429",
    info: { maxHandshakesPerSecond: 1 },
    sent: [handshake(), handshake()],
    limit: "maxHandshakesPerSecond",
    handshake: "rate",
  },
  {
    cause: "431",
    info: { maxHeaderFields: 1 },
    sent: [get("X: y")],
    limit: "maxHeaderFields",
  },
  { cause: "500", protocol: named("x", { http: thrower }), sent: [get()] },
  { cause: "500", info: { fetch: thrower, protocols: [] }, sent: [get()] },
  { cause: "501", sent: ["BREW / HTTP/1.1\r\nHost: x\r\n\r\n"] },
  {
    cause: "503",
    protocol: named("x", { filterHttpConnection: forever }),
    sent: [get()],
    waitMs: 6_000,
    limit: "headerTimeoutMs",
  },
  { cause: "505", sent: ["GET / HTTP/2.0\r\nHost: x\r\n\r\n"] },
];

for (const { cause, info, protocol = chat, sent, ...rest } of PROVOCATIONS) {
  const also = rest.limit ?? rest.handshake ?? "";
  const said = JSON.stringify(sent.at(-1)?.slice(0, 20) ?? "nothing");
  Deno.test(`turnedAway has ${cause} once for ${said}${also && ` (${also})`}`, async () => {
    using _log = captureLog([]);
    await using served = serve(info?.protocols ?? [protocol], { kaTime: 0, ...info });
    for (const each of sent) {
      await served.dial(each);
      await settle();
    }
    if (rest.waitMs !== undefined) {
      assertEquals(served.context.stats().turnedAway, {}, "not before its time");
      await served.pass(rest.waitMs);
    }
    while (cause === "tls" && served.context.stats().http.now > 0) await settle();
    await settle();
    const { turnedAway, limitsHit, handshakesRefused } = served.context.stats();
    assertEquals(turnedAway, { [cause]: 1 });
    assertEquals(limitsHit, rest.limit === undefined ? {} : { [rest.limit]: 1 });
    assertEquals(handshakesRefused, rest.handshake === undefined ? {} : { [rest.handshake]: 1 });
    assertMatch(
      openMetrics(served.context),
      new RegExp(`^lws_turned_away_total\\{cause="${cause}"\\} 1$`, "m"),
    );
  });
}

Deno.test("what a peer does by itself, or the program answers, turns nobody away", async () => {
  const refusing = named("x", { http: (wsi) => reply(wsi, 403) });
  await using served = serve([refusing], { ...TLS, options: { allowNonSslOnSslPort: true } });
  await served.dial(get());
  const silent = await served.dial();
  await settle();
  silent.close();
  await settle();
  assertEquals(served.context.stats().turnedAway, {});
});
