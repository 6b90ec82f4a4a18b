/** Every log level has a line of the library's, which a program's own emitter can see. */

import { assert, assertEquals } from "@std/assert";
import type { LogLevel } from "../../../mod.ts";
import { hostFileOps, LOG_LEVELS, permessageDeflate, setLogLevel } from "../../../mod.ts";
import { record } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";

/** Does a bit of everything: a request, a client with an extension, a throw, a refusal. */
async function exercise(): Promise<void> {
  const server = record("x", (wsi, reason, _user, _data) => {
    if (reason === "http") {
      return reply(wsi);
    }
    if (reason === "established") throw new Error("on purpose");
  });
  await using served = serve([server.protocol], {
    extensions: [permessageDeflate()],
    tokenLimits: { "user-agent": 1 },
    options: { libev: true },
  });
  const peer = await served.dial(
    "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: secret\r\n\r\nBAD\r\n\r\n",
  );
  await settle();
  peer.close();
  const client = record("x");
  served.client([client.protocol], { extensions: [permessageDeflate()] })
    .clientConnect({ address: "localhost", port: 80 });
  await client.until("closed");
}

function linesOf(levels: readonly LogLevel[]): Disposable & { lines: [LogLevel, string][] } {
  const lines: [LogLevel, string][] = [];
  setLogLevel(levels, (level, line) => lines.push([level, line]));
  return { lines, [Symbol.dispose]: () => setLogLevel(["err", "warn"]) };
}

Deno.test("each of the ten levels has lines, none with a line break or the values of headers", async () => {
  using log = linesOf(LOG_LEVELS);
  await exercise();
  const seen = new Set(log.lines.map(([level]) => level));
  assertEquals(LOG_LEVELS.filter((level) => !seen.has(level)), []);
  assertEquals(LOG_LEVELS.length, 10);
  for (const [level, line] of log.lines) {
    assert(!line.includes("secret"), line);
    // A stack comes with what a program has thrown.
    if (level !== "err") assert(!line.includes("\n"), line);
  }
});

for (const level of LOG_LEVELS) {
  Deno.test(`with ${level} alone, no line of another level comes`, async () => {
    using log = linesOf([level]);
    await exercise();
    assertEquals(new Set(log.lines.map((each) => each[0])), new Set([level]));
  });
}

Deno.test("the default log tells of a subprotocol and a version that are not spoken", async () => {
  using log = linesOf(["err", "warn", "notice"]);
  await using served = serve([record("chat").protocol, record("echo").protocol]);
  const refused = [handshake({ protocol: "mqtt, stomp" }), handshake().replace(": 13", ": 8")];
  for (const request of refused) {
    const peer = await served.dial(request);
    await readHead(peer);
    peer.close();
  }
  assertEquals(log.lines, [
    ["notice", "connection 1: 400 none of the client's 2 subprotocols is spoken here (chat, echo)"],
    ["notice", "connection 2: 426 a Sec-WebSocket-Version other than 13"],
  ]);
});

Deno.test("the default log tells of a file that --allow-read does not cover, and of no other", async () => {
  for (const hidden of [true, false]) {
    using log = linesOf(["err", "warn", "notice"]);
    const { NotCapable, NotFound } = Deno.errors;
    const open = () => Promise.reject(hidden ? new NotCapable("no read access") : new NotFound());
    await using served = serve([
      named("files", { http: (wsi) => wsi.serveHttpFile("/srv/page.html") }),
    ], { fileOps: { ...hostFileOps(), open } });
    const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert((await readHead(peer)).startsWith("HTTP/1.1 404 "));
    peer.close();
    const line = "/srv/page.html: --allow-read does not cover it: ";
    assertEquals(log.lines.map(([level, text]) => [level, text.slice(0, line.length)]), [
      ...(hidden ? [["warn", line]] : []),
    ]);
  }
});

Deno.test("whatever becomes of a handshake, no line has the value of a header", async () => {
  const secret = "hunter2";
  using log = linesOf(LOG_LEVELS);
  await using served = serve([record("echo").protocol], {
    trustProxy: ["127.0.0.1"],
    tokenLimits: { cookie: 3 },
  });
  const cases: readonly string[] = [
    `Origin: http://${secret}.example`,
    `Origin: ${secret}`,
    `Sec-WebSocket-Protocol: ${secret}`,
    `Sec-WebSocket-Protocol: ${secret} ${secret}`,
    `Sec-WebSocket-Extensions: ${secret}; a=${secret}`,
    `Sec-WebSocket-Extensions: ${secret}; =`,
    `X-Forwarded-For: ${secret}`,
    `X-Forwarded-Proto: ${secret}`,
    `Cookie: ${secret}`,
    `Authorization: Basic ${secret}`,
    `Content-Length: ${secret}`,
    `Transfer-Encoding: ${secret}`,
    `Expect: ${secret}`,
    `Connection: ${secret}`,
  ];
  const requests = cases.map((line) => handshake({ headers: [line] }));
  requests.push(
    handshake().replace("localhost", `${secret}.example`).replace("13", secret),
    handshake().replace("localhost", `${secret} ${secret}`),
    handshake().replace("dGhlIHNhbXBsZSBub25jZQ==", secret),
    handshake().replace("Upgrade: websocket", `Upgrade: ${secret}`),
  );
  for (const request of requests) {
    const peer = await served.dial(request);
    await settle();
    peer.close();
    await settle();
  }
  assert(log.lines.length > requests.length);
  assertEquals(log.lines.filter(([, line]) => line.includes(secret)), []);
});
