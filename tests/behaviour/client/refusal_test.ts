/** Handshakes that a server or a proxy refuses, and what a program can read of the answer. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ContextCreationInfo, Wsi } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, POLLIN, POLLOUT } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { playServer, readHead, settle, TARGET } from "../../support/serve.ts";

/** What `clientConnectionError` sees. */
interface Seen {
  readonly text: string;
  readonly status: string | undefined;
  readonly fields: readonly (string | undefined)[];
  readonly body: string | undefined;
}

const FIELDS = ["retry-after", "www-authenticate", "location", "proxy-authenticate"] as const;

/** A client, and the server or proxy that it gets to, which the test plays. */
async function asking(info: Partial<ContextCreationInfo> = {}) {
  const seen: Seen[] = [];
  const recorder = record("chat", (wsi, reason, _user, data) => {
    if (reason !== "clientConnectionError") return;
    const fields = FIELDS.map((name) => wsi.hdrCopy(name));
    seen.push({
      text: data,
      status: wsi.hdrCopy("http status"),
      fields,
      body: wsi.hdrCopy("http body"),
    });
  });
  const played = playServer([recorder.protocol], info);
  const wsi: Wsi = played.context.clientConnect(TARGET);
  const peer = await played.accept();
  await readHead(peer);
  return {
    seen,
    clock: played.clock,
    wsi,
    peer,
    until: recorder.until,
    async [Symbol.asyncDispose]() {
      await played[Symbol.asyncDispose]();
      peer.close();
    },
  };
}

const ANSWER = [
  "HTTP/1.1 401 Unauthorized",
  "Retry-After: 120",
  'WWW-Authenticate: Basic realm="x"',
  "WWW-Authenticate: Bearer",
  "Location: /login",
];

for (
  const [framing, body] of [
    ["Content-Length: 9", "who goes?"],
    ["Transfer-Encoding: chunked", "4\r\nwho \r\n5\r\ngoes?\r\n0\r\n\r\n"],
  ] as const
) {
  Deno.test(`a refusal can be read, with ${framing}, in one piece and byte by byte`, async () => {
    const bytes = new TextEncoder().encode([...ANSWER, framing, "", body].join("\r\n"));
    for (const size of [bytes.length, 1]) {
      await using side = await asking();
      for (let at = 0; at < bytes.length; at += size) {
        side.peer.send(bytes.subarray(at, at + size));
        if (size === 1) await settle();
      }
      await side.until("wsiDestroy");
      assertEquals(side.seen, [{
        text: "the server answered 401 Unauthorized",
        status: "401 Unauthorized",
        fields: ["120", 'Basic realm="x", Bearer', "/login", undefined],
        body: "who goes?",
      }]);
    }
  });
}

Deno.test("a body that ends with the connection can be read, and headers are gone behind the callback", async () => {
  await using side = await asking();
  side.peer.send("HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nlater, ");
  await settle();
  assertEquals(side.seen, []);
  side.peer.send("please");
  side.peer.end();
  await side.until("wsiDestroy");
  assertEquals(side.seen[0]!.body, "later, please");
  assertEquals(side.wsi.hdrCopy("http status"), undefined);
});

Deno.test("a status without a reason is the number alone, and no body is none", async () => {
  await using side = await asking();
  side.peer.send("HTTP/1.1 404\r\n\r\n");
  await side.until("wsiDestroy");
  const { text, status, body } = side.seen[0]!;
  assertEquals([text, status, body], ["the server answered 404", "404", undefined]);
});

Deno.test("who refuses and keeps the connection is waited for until clientTimeoutMs, and no longer", async () => {
  await using side = await asking({ clientTimeoutMs: 1000 });
  side.peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nonly this");
  await settle();
  side.clock.advance(900);
  await settle();
  assertEquals(side.seen, []);
  side.clock.advance(200);
  await side.until("wsiDestroy");
  const { text, status, body } = side.seen[0]!;
  assertEquals(
    [text, status, body],
    ["the server answered 401 Unauthorized", "401 Unauthorized", "only this"],
  );
});

for (const how of ["a reset", "close", "more than 4 KiB"]) {
  Deno.test(`${how} ends the wait for the rest of a refusal, which is what is told`, async () => {
    await using side = await asking();
    side.peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 10000\r\n\r\nthis");
    await settle();
    if (how === "a reset") side.peer.reset();
    else if (how === "close") side.wsi.close();
    else side.peer.send("x".repeat(4096));
    await side.until("wsiDestroy");
    assertEquals(side.seen.length, 1);
    assertEquals(side.seen[0]!.text, "the server answered 401 Unauthorized");
    assertMatch(side.seen[0]!.body!, /^thisx*$/);
    assertEquals(side.seen[0]!.body!.length, how === "more than 4 KiB" ? 4096 : 4);
  });
}

Deno.test("an answer that is 101 and not good can be read, too", async () => {
  await using side = await asking();
  side.peer.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Location: /here\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nbytes",
  );
  await side.until("wsiDestroy");
  const { status, fields, body } = side.seen[0]!;
  assertEquals([status, fields[2], body], ["101 Switching Protocols", "/here", undefined]);
});

Deno.test("what never answered has nothing to read", async () => {
  await using side = await asking();
  side.peer.close();
  await side.until("wsiDestroy");
  const { status, body } = side.seen[0]!;
  assertEquals([status, body], [undefined, undefined]);
});

Deno.test("tokenLimits count for a refusal as for any answer", async () => {
  using _log = captureLog(["warn"]);
  await using side = await asking({ tokenLimits: { location: 2 } });
  side.peer.send("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  await side.until("wsiDestroy");
  assertEquals(side.seen[0]!.fields[2], "/e");
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: a refusal is told in service, when its body is there`, async () => {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    const listener = network.listen({ hostname: "server", port: 80 });
    const bodies: unknown[] = [];
    const fds = new Set<number>();
    const recorder = record("chat", (wsi, reason, _user, data) => {
      if (reason === "clientConnectionError") bodies.push(wsi.hdrCopy("http body"));
      if (reason === "addPollFd") fds.add((data as { fd: number }).fd);
      if (reason === "delPollFd") fds.delete((data as { fd: number }).fd);
    });
    const protocols = [recorder.protocol];
    const context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      network,
      clock,
      protocols,
      service,
    });
    const serve = async () => {
      for (let i = 0; i < 5; i++) {
        await settle();
        if (service === "manual") await context.service(0);
        else {
          const pollFds = [...fds].map((fd) => ({ fd, events: POLLIN | POLLOUT, revents: 0 }));
          await context.poll(pollFds, 0);
          for (const each of pollFds) if (each.revents !== 0) context.serviceFd(each);
        }
      }
    };
    context.clientConnect({ address: "server", port: 80 });
    await serve();
    const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
    await serve();
    await readHead(peer);
    peer.send("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\nwh");
    await serve();
    peer.send("o?");
    await settle();
    assertEquals(bodies, []);
    await serve();
    assertEquals(bodies, ["who?"]);
    const gone = context.destroy();
    await serve();
    clock.advance(60_000);
    await serve();
    await gone;
    listener.close();
  });
}

// Proxies.

const PROXY = { httpProxyAddress: "server:80" };
const REFUSED =
  "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nRetry-After: 5\r\n";

Deno.test("a proxy's refusal can be read as a server's", async () => {
  for (const size of [1, 1000]) {
    await using side = await asking(PROXY);
    const answer = `${REFUSED}Transfer-Encoding: chunked\r\n\r\n5\r\nlogin\r\n0\r\n\r\n`;
    for (let at = 0; at < answer.length; at += size) {
      side.peer.send(answer.slice(at, at + size));
      await settle();
    }
    await side.until("wsiDestroy");
    assertEquals(side.seen, [{
      text:
        "can't connect to server.example.com port 80: the proxy answered 407 Proxy Authentication Required",
      status: "407 Proxy Authentication Required",
      fields: ["5", undefined, undefined, "Basic"],
      body: "login",
    }]);
  }
});

for (const how of ["a timeout", "a reset", "the end", "close"]) {
  Deno.test(`${how} ends the wait for the rest of a proxy's refusal, which is what is told`, async () => {
    await using side = await asking({ ...PROXY, clientTimeoutMs: 1000 });
    side.peer.send(`${REFUSED}Content-Length: 100\r\n\r\nlogin`);
    await settle();
    assertEquals(side.seen, []);
    if (how === "a timeout") side.clock.advance(1100);
    else if (how === "a reset") side.peer.reset();
    else if (how === "the end") side.peer.end();
    else side.wsi.close();
    await side.until("wsiDestroy");
    const { text, status, body } = side.seen[0]!;
    assertMatch(text, /the proxy answered 407 Proxy Authentication Required$/);
    assertEquals([status, body], ["407 Proxy Authentication Required", "login"]);
  });
}
