/** Upgrades that servers of `node:http` and `node:https` hand over. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import {
  createServer as createSecureServer,
  type ServerOptions as SecureServerOptions,
} from "node:https";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import {
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  LwsError,
  protocol,
  type Wsi,
} from "../../../mod.ts";
import type { Context, ContextCreationInfo } from "../../../mod.ts";
import { handleUpgrade } from "../../../src/node/mod.ts";
import { isBun } from "../../../src/base/runtime/runtime.ts";
import { makeCertificates, makeSelfSigned, type TestIdentity } from "../../support/certificates.ts";
import { get } from "../../support/http.ts";
import { PATIENT } from "../../support/patience.ts";
import { handshake } from "../../support/serve.ts";

const { localhost, ca } = await makeCertificates();

const echo = protocol({
  name: "echo",
  path: "/echo",
  message: (wsi, _user, message) => void wsi.write(message),
});

function contextOf(info: Partial<ContextCreationInfo> = {}): Context {
  return createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [echo], ...PATIENT, ...info });
}

interface Front extends AsyncDisposable {
  readonly port: number;
  readonly server: Server;
  /** What was handed over, the oldest first. */
  readonly handed: (Wsi | undefined)[];
}

/** A server that answers `GET PATH` itself, and hands over what wants an upgrade. */
async function front(
  context: Context,
  isTls = false,
  options: SecureServerOptions = {},
): Promise<Front> {
  const answer = (request: IncomingMessage) => `${request.method} ${request.url}`;
  const server: Server = isTls
    ? createSecureServer({ cert: localhost.cert, key: localhost.key, ...options })
    : createServer();
  server.on("request", (request, response) => void response.end(answer(request)));
  const handed: (Wsi | undefined)[] = [];
  server.on("upgrade", (request, socket, head) => {
    handed.push(handleUpgrade(context, request, socket, head));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const end = async () => {
    await context.destroy();
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { port, server, handed, [Symbol.asyncDispose]: end };
}

/** A client that writes what it is told, and keeps all that comes. */
class Caller implements Disposable {
  readonly socket: Socket;
  /** Of each byte a character. */
  text = "";
  hasEnded = false;

  constructor(port: number, isTls: boolean, first: string, identity?: TestIdentity) {
    const begin = () => this.socket.write(first, "latin1");
    const place = { port, host: "127.0.0.1", allowHalfOpen: true };
    this.socket = isTls
      ? connectTls({ ...place, servername: "localhost", ca: [ca.cert], ...identity }, begin)
      : connect(place, begin);
    this.socket.on("data", (bytes) => this.text += bytes.toString("latin1"));
    this.socket.on("end", () => this.hasEnded = true);
  }

  /** Waits until enough has come, or the end. */
  async until(enough: (text: string) => boolean): Promise<string> {
    while (!enough(this.text) && !this.hasEnded) {
      await Promise.race([once(this.socket, "data"), once(this.socket, "end")]);
    }
    return this.text;
  }

  async toEnd(): Promise<string> {
    return await this.until(() => false);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** A masked frame of a short text. */
const frameOf = (text: string) => String.fromCharCode(0x81, 0x80 | text.length, 0, 0, 0, 0) + text;

for (const isTls of [false, true]) {
  const over = isTls ? "node:https" : "node:http";
  const scheme = isTls ? "wss" : "ws";
  const test = (name: string, fn: () => Promise<void>) => Deno.test(`${over}: ${name}`, fn);

  test("WebSockets are the context's, with what it knows of them, and the rest is the server's", async () => {
    const seen: unknown[] = [];
    const told = protocol({
      name: "told",
      path: "/told/:room",
      upgrade({ url, headers, params }) {
        seen.push(url.href, headers.get("x-a"), params["room"], headers.get("connection"));
      },
      open(wsi) {
        seen.push(wsi.isSsl, wsi.peerAddresses.ip, wsi.protocol?.name);
        if (!isTls) assertEquals(wsi.tls, undefined);
        else if (!isBun) assertMatch(wsi.tls!.protocol, /^TLSv1\./);
      },
      message: (wsi, _user, message) => void wsi.write(message),
    });
    const context = contextOf({ protocols: [echo, told] });
    await using served = await front(context, isTls);
    const host = `localhost:${served.port}`;
    await using clients = contextOf({
      sslCaFilepath: ca.cert,
      protocols: [protocol({ name: "told" })],
    });
    const wsi = await clients.dial(`${scheme}://${host}/told/a%20b?x=1`, {
      protocol: "told",
      headers: { "x-a": "caf\xe9" },
    });
    const messages = wsi.messages();
    for (const sent of ["", "short", new Uint8Array(200_000).fill(7)]) await wsi.send(sent);
    const got: number[] = [];
    for await (const { length } of messages) {
      if (got.push(length) === 3) break;
    }
    assertEquals(got, [0, 5, 200_000]);
    const scheme2 = isTls ? "https" : "http";
    assertEquals(seen, [
      `${scheme2}://${host}/told/a%20b?x=1`,
      "caf\xe9",
      "a b",
      "Upgrade, close",
      isTls ? 1 : 0,
      "127.0.0.1",
      "told",
    ]);
    assertEquals(served.handed.map((each) => each?.protocol?.name), ["told"]);
    using plain = new Caller(served.port, isTls, get("/page"));
    assertMatch(await plain.until((text) => text.endsWith("GET /page")), /^HTTP\/1\.1 200 /);
  });
  test("what has come behind the request is read, and an answer to a closing frame leaves", async () => {
    await using served = await front(contextOf(), isTls);
    const first = handshake({ path: "/echo", protocol: "echo" }) + frameOf("at once");
    using caller = new Caller(served.port, isTls, first);
    await caller.until((text) => text.endsWith("\x81\x07at once"));
    caller.socket.end("\x88\x80\0\0\0\0", "latin1");
    const text = await caller.toEnd();
    const [head, frames] = text.split("\r\n\r\n");
    assertMatch(head!, /^HTTP\/1\.1 101 /);
    assertEquals(frames, "\x81\x07at once\x88\x00");
  });

  test("a page of the same origin is let in, and others are not", async () => {
    await using served = await front(contextOf(), isTls);
    const own = isTls ? "https" : "http";
    const origins = [[own, 101], [isTls ? "http" : "https", 403], [`${own}://evil.`, 403]] as const;
    for (const [origin, status] of origins) {
      const headers = [`Origin: ${origin.includes(":") ? origin : `${origin}://`}localhost`];
      const head = handshake({ path: "/echo", protocol: "echo", headers });
      using caller = new Caller(served.port, isTls, head);
      const text = await caller.until((text) => text.includes("\r\n\r\n"));
      assertEquals(text.split(" ")[1], `${status}`, origin);
    }
  });

  test("behind an answer that is no 101 the connection ends, and the next request is nobody's", async () => {
    const context = contextOf({ fetch: ({ url }) => new Response(`of the context: ${url}`) });
    await using served = await front(context, isTls);
    const upgrade = ["Connection: Upgrade", "Upgrade: h2c"];
    const requests = [
      [get("/other", ...upgrade), 200],
      [get("/other", "Connection: keep-alive, Upgrade", "Upgrade: websocket"), 200],
      [handshake({ path: "/echo", protocol: "echo" }).replace("Version: 13", "Version: 99"), 426],
      [handshake({ path: "/echo", protocol: "other" }), 400],
    ] as const;
    for (const [request, status] of requests) {
      using caller = new Caller(served.port, isTls, request + get("/second"));
      const text = await caller.toEnd();
      assertEquals(text.split(" ")[1], `${status}`, request);
      assertEquals(text.split("HTTP/1.1 ").length, 2, text);
      assertMatch(text.toLowerCase(), /\r\nconnection: (upgrade, )?close\r\n/);
    }
  });

  test("maxConnections holds: the next one is answered 503, and served when one has gone", async () => {
    const context = contextOf({ maxConnections: 2 });
    await using served = await front(context, isTls);
    const head = handshake({ path: "/echo", protocol: "echo" });
    const statusOf = async (caller: Caller) =>
      (await caller.until((text) => text.includes("\r\n\r\n"))).split(" ")[1];
    using one = new Caller(served.port, isTls, head);
    assertEquals(await statusOf(one), "101");
    {
      using two = new Caller(served.port, isTls, head);
      assertEquals(await statusOf(two), "101");
      using three = new Caller(served.port, isTls, head);
      assertEquals(await statusOf(three), "503");
      await three.toEnd();
      assertEquals(served.handed.at(-1), undefined);
      const { limitsHit, turnedAway, servers } = context.stats();
      assertEquals([limitsHit.maxConnections, turnedAway["503"]], [1, 1]);
      assertEquals(servers.now, 2);
      two.socket.end("\x88\x80\0\0\0\0", "latin1");
      await two.toEnd();
    }
    while (context.stats().http.now + context.stats().servers.now > 1) {
      await new Promise((done) => setImmediate(done));
    }
    using four = new Caller(served.port, isTls, head);
    assertEquals(await statusOf(four), "101");
  });

  test("a context that ends closes what it was handed, and answers 503 from then on", async () => {
    const context = contextOf();
    await using served = await front(context, isTls);
    const head = handshake({ path: "/echo", protocol: "echo" });
    using caller = new Caller(served.port, isTls, head);
    await caller.until((text) => text.includes("\r\n\r\n"));
    const ended = context.destroy();
    using late = new Caller(served.port, isTls, head);
    assertMatch(await late.toEnd(), /^HTTP\/1\.1 503 [^]*\r\n\r\n$/);
    const text = await caller.until((text) => text.includes("\x88\x02"));
    assertEquals(text.slice(-4), "\x88\x02\x03\xe9");
    caller.socket.end("\x88\x82\0\0\0\0\x03\xe9", "latin1");
    await caller.toEnd();
    await ended;
  });

  test("the server's own times end with the request, and a peer that breaks off is told", async () => {
    const closed = Promise.withResolvers<unknown>();
    const context = contextOf({
      protocols: [
        protocol({ name: "echo", close: (_wsi, _user, info) => closed.resolve(info.cause) }),
      ],
    });
    await using served = await front(context, isTls);
    served.server.setTimeout(60_000);
    const socket = Promise.withResolvers<Socket>();
    served.server.prependListener("upgrade", (_request, given) => socket.resolve(given as Socket));
    using caller = new Caller(served.port, isTls, handshake({ protocol: "echo" }));
    await caller.until((text) => text.includes("\r\n\r\n"));
    assertEquals((await socket.promise).timeout || 0, 0);
    caller.socket.end();
    assertEquals(await closed.promise, "peer");
    await caller.toEnd();
  });

  test("a client that has ended its half is answered all the same", async () => {
    const peerEnded = Promise.withResolvers<void>();
    const context = contextOf({
      halfOpenHttp: true,
      async fetch() {
        await peerEnded.promise;
        return new Response("late");
      },
    });
    await using served = await front(context, isTls);
    served.server.on("upgrade", (_request, socket) => {
      socket.on("end", () => setImmediate(peerEnded.resolve));
    });
    const head = get("/", "Connection: Upgrade", "Upgrade: h2c");
    using caller = new Caller(served.port, isTls, head);
    caller.socket.on(isTls ? "secureConnect" : "connect", () => caller.socket.end());
    assertEquals((await caller.toEnd()).split("\r\n\r\n")[1], "late");
  });

  test("a filter of connections that is awaited lets the request in, or nothing of it", async () => {
    for (const isIn of [true, false]) {
      const context = contextOf({
        protocols: [
          protocol({
            name: "echo",
            filterNetworkConnection: async () => await Promise.resolve(isIn ? 0 : 1),
          }),
        ],
      });
      await using served = await front(context, isTls);
      using caller = new Caller(served.port, isTls, handshake({ protocol: "echo" }));
      const text = await caller.until((text) => text.includes("\r\n\r\n"));
      assertEquals(text.slice(0, 12), isIn ? "HTTP/1.1 101" : "");
      assertEquals(served.handed, [undefined]);
    }
  });
}

Deno.test("a context that speaks TLS at its own port takes what has none, and the other way round", async () => {
  const context = contextOf({
    port: 0,
    iface: "127.0.0.1",
    sslCertFilepath: localhost.cert,
    sslPrivateKeyFilepath: localhost.key,
  });
  await using served = await front(context);
  await using clients = contextOf({ sslCaFilepath: ca.cert });
  const options = { protocol: "echo" };
  for (const place of [`ws://localhost:${served.port}`, `wss://localhost:${context.port}`]) {
    const wsi = await clients.dial(`${place}/echo`, options);
    const messages = wsi.messages();
    await wsi.send("heard");
    assertEquals((await messages.next()).value, "heard");
  }
});

Deno.test("what a client's certificate is worth is what the server has found", async () => {
  const stranger = await makeSelfSigned({ name: "stranger", purpose: "client" });
  const seen: unknown[] = [];
  const context = contextOf({
    protocols: [protocol({
      name: "echo",
      open({ tls }) {
        const { authorized, authorizationError, peerCertificate, serverName } = tls!;
        seen.push([authorized, authorizationError, peerCertificate?.subject, serverName]);
      },
    })],
  });
  await using served = await front(context, true, {
    ca: [ca.cert],
    requestCert: true,
    rejectUnauthorized: false,
  });
  const identities = [await ca.issue({ name: "ann", purpose: "client" }), stranger, undefined];
  for (const identity of identities) {
    using caller = new Caller(served.port, true, handshake({ protocol: "echo" }), identity);
    await caller.until((text) => text.includes("\r\n\r\n"));
  }
  const unknown = [false, undefined, undefined, "localhost"];
  const [ann, other, none] = seen as [unknown[], unknown[], unknown[]];
  assertEquals(ann, isBun ? unknown : [true, undefined, "CN=ann", "localhost"]);
  assertEquals([other[0], other[2]], isBun ? [false, undefined] : [false, "CN=stranger"]);
  if (!isBun) assertMatch(String(other[1]), /SELF_SIGNED|self.signed|UNKNOWN|ISSUER|VERIFY/i);
  assertEquals(none, unknown);
});

/** A stream that isn't the system's. */
function streamPair(): [Duplex, Duplex] {
  const sides: Duplex[] = [];
  for (const other of [1, 0]) {
    sides.push(
      new Duplex({
        read() {},
        write(bytes, _encoding, done) {
          sides[other]!.push(bytes);
          done();
        },
        final(done) {
          sides[other]!.push(null);
          done();
        },
      }),
    );
  }
  return sides as [Duplex, Duplex];
}

const REQUEST = {
  method: "GET",
  url: "/echo",
  httpVersion: "1.1",
  rawHeaders: handshake({ protocol: "echo" }).trim().split("\r\n").slice(1).flatMap((line) =>
    line.split(": ")
  ),
};
const NOTHING = new Uint8Array(0);

async function answerTo(request: Partial<typeof REQUEST>, head = NOTHING): Promise<string> {
  await using context = contextOf();
  const [near, far] = streamPair();
  handleUpgrade(context, { ...REQUEST, ...request }, near, head);
  let text = "";
  far.on("data", (bytes) => text += bytes.toString("latin1"));
  while (!text.includes("\r\n\r\n")) await once(far, "data");
  far.end();
  return text;
}

Deno.test("a stream that is no socket does as well", async () => {
  assertMatch(await answerTo({}), /^HTTP\/1\.1 101 /);
});

Deno.test("a request that the program has changed is no way to make two of one line", async () => {
  const { rawHeaders } = REQUEST;
  for (
    const request of [
      { url: "/echo HTTP/1.1\r\nX-A: 1\r\nX-B:" },
      { url: "/echo\u010d\u010aX-A: 1" },
      { method: "GET\n" },
      { httpVersion: "1.1\rX-A: 1" },
      { rawHeaders: [...rawHeaders, "X-A", "1\r\nX-B: 2"] },
      { rawHeaders: [...rawHeaders, "X-A", "1\u{1f600}"] },
      { rawHeaders: [...rawHeaders, "X-A\nX-B", "1"] },
    ]
  ) {
    assertMatch(await answerTo(request), /^HTTP\/1\.1 400 /, JSON.stringify(request));
  }
  assertMatch(await answerTo({ rawHeaders: [...rawHeaders, "X-A", "\xff\t"] }), /^HTTP\/1\.1 101 /);
});

Deno.test("wrong arguments of handleUpgrade are named", async () => {
  await using context = contextOf();
  const [near] = streamPair();
  const wrong: [string, unknown[]][] = [
    ["no object of the library", [{}, REQUEST, near, NOTHING]],
    ["request", [context, undefined, near, NOTHING]],
    ["request", [context, { url: "/" }, near, NOTHING]],
    ["socket", [context, REQUEST, null, NOTHING]],
    ["socket", [context, REQUEST, {}, NOTHING]],
    ["head", [context, REQUEST, near, undefined]],
    ["head", [context, REQUEST, near, "text"]],
  ];
  for (const [name, given] of wrong) {
    const call = () => handleUpgrade(...given as Parameters<typeof handleUpgrade>);
    assertEquals(assertThrows(call, LwsError, name).code, "invalid-argument");
  }
  near.destroy();
});
