/** Clients that connect through an HTTP proxy. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { ClientConnectInfo, Context, ContextCreationInfo } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError } from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { Child } from "../../support/child.ts";
import { connectProxy } from "../../support/connect_proxy.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const FAR: ClientConnectInfo = { address: "far.example", port: 80, path: "/there" };
const ECHO = named("echo", { message: (wsi, _user, message) => void wsi.write(message) });

/** A proxy in memory that a test plays by hand. */
interface Proxy extends Disposable {
  /** The next connection to it. */
  accept(): Promise<MemoryPeer>;
}

function proxyOn({ network }: Served, port = 3128): Proxy {
  const listener = network.listen({ hostname: "proxy", port });
  return {
    accept: async () => new MemoryPeer(await listener.accept() as MemoryTransport),
    [Symbol.dispose]: () => listener.close(),
  };
}

/** A client whose errors are kept. */
function clientOf(served: Served, info: Partial<ContextCreationInfo> = {}) {
  const errors: string[] = [];
  const recorder = record("x", (_wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") errors.push(data as string);
  });
  const context = served.client([recorder.protocol], info);
  return { context, errors, until: recorder.until };
}

/** Passes bytes on between the proxy's two ends. */
function join(one: MemoryPeer, other: MemoryPeer): void {
  for (const [from, to] of [[one, other], [other, one]] as const) {
    (async () => {
      for (;;) {
        const bytes = await from.readUntil((unread) => unread.length > 0);
        to.send(bytes);
      }
    })().catch(() => to.close());
  }
}

Deno.test("a client through a proxy is established, and what came with the answer is its own", async () => {
  await using served = serve([ECHO]);
  using proxy = proxyOn(served);
  const texts: string[] = [];
  const got = Promise.withResolvers<void>();
  const context = served.client([named("x", {
    clientEstablished: (wsi) => void wsi.write("hello"),
    message(_wsi, _user, message) {
      texts.push(message as string);
      got.resolve();
    },
  })], { httpProxyAddress: "me:secret@proxy:3128" });
  context.clientConnect(FAR);
  const near = await proxy.accept();
  const head = await readHead(near);
  assertEquals(
    head,
    "CONNECT far.example:80 HTTP/1.1\r\nHost: far.example:80\r\n" +
      `Proxy-Authorization: Basic ${btoa("me:secret")}\r\n\r\n`,
  );
  const far = await served.dial();
  near.send("HTTP/1.0 200 Connection established\r\nVia: proxy\r\n\r\n");
  join(near, far);
  await got.promise;
  assertEquals(texts, ["hello"]);
  near.close();
});

Deno.test("the credentials are for the proxy alone, and the host is the server's", async () => {
  await using served = serve([ECHO]);
  using proxy = proxyOn(served);
  const { context } = clientOf(served, {
    httpProxyAddress: "me:secret@proxy",
    httpProxyPort: 3128,
  });
  context.clientConnect(FAR);
  const peer = await proxy.accept();
  await readHead(peer);
  peer.send("HTTP/1.1 200 OK\r\n\r\n");
  const head = await readHead(peer);
  assertStringIncludes(head, "GET /there HTTP/1.1\r\nHost: far.example\r\n");
  assertEquals(/authorization/i.test(head), false);
  peer.close();
});

for (
  const [answer, error] of [
    [
      "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
      "can't connect to far.example port 80: the proxy answered 407 Proxy Authentication Required",
    ],
    [
      "HTTP/1.1 403 Forbidden\r\n\r\n",
      "can't connect to far.example port 80: the proxy answered 403 Forbidden",
    ],
    [
      "HTTP/1.1 502 \r\n\r\n",
      "can't connect to far.example port 80: the proxy answered 502 Bad Gateway",
    ],
    ["SSH-2.0-babble\r\n\r\n", "can't connect to far.example port 80: the proxy's answer can't be"],
    [
      `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(101)}\r\n`,
      "can't connect to far.example port 80: the proxy's answer can't be read",
    ],
    [
      "",
      "can't connect to far.example port 80: the proxy closed the connection before it answered",
    ],
  ] as const
) {
  const shown = answer.slice(0, 24).trimEnd() || "nothing";
  Deno.test(`a proxy that says ${shown} gives clientConnectionError`, async () => {
    await using served = serve([ECHO]);
    using proxy = proxyOn(served);
    const { context, errors, until } = clientOf(served, { httpProxyAddress: "proxy:3128" });
    context.clientConnect(FAR);
    const peer = await proxy.accept();
    await readHead(peer);
    if (answer === "") peer.end();
    else peer.send(answer);
    await until("wsiDestroy");
    assertEquals(errors.length, 1);
    assertStringIncludes(errors[0]!, error);
    peer.close();
  });
}

Deno.test("a proxy's address may be IPv6 with a zone, and a server's may not, which the error says", async () => {
  await using served = serve([ECHO]);
  using proxy = proxyOn(served);
  for (const httpProxyAddress of ["[fe80::1%eth0]:3128", "http://[fe80::1%25eth0]:3128", "::1"]) {
    const { context, errors, until } = clientOf(served, { httpProxyAddress, httpProxyPort: 3128 });
    context.clientConnect({ address: "[2001:db8::1]", port: 80 });
    const peer = await proxy.accept();
    assertStringIncludes(await readHead(peer), "CONNECT [2001:db8::1]:80 HTTP/1.1\r\n");
    peer.close();
    await until("wsiDestroy");
    errors.length = 0;
    context.clientConnect({ address: "fe80::2%eth0", port: 80 });
    (await proxy.accept()).close();
    await settle();
    assertStringIncludes(errors.join(), 'no proxy can be asked for "fe80::2%eth0" port 80');
  }
});

Deno.test("a proxy that nobody runs gives clientConnectionError", async () => {
  await using served = serve([ECHO]);
  const { context, errors, until } = clientOf(served, { httpProxyAddress: "proxy:3128" });
  context.clientConnect(FAR);
  await until("wsiDestroy");
  assertStringIncludes(errors.join(), "can't connect to far.example port 80: nobody listens");
});

Deno.test("the proxy's answer may take clientTimeoutMs, as connecting and the handshake may", async () => {
  await using served = serve([ECHO]);
  using proxy = proxyOn(served);
  const { context, errors, until } = clientOf(served, {
    httpProxyAddress: "proxy:3128",
    clientTimeoutMs: 1_000,
  });
  served.network.hold();
  context.clientConnect(FAR);
  await settle();
  served.clock.advance(900);
  served.network.release();
  const peer = await proxy.accept();
  await readHead(peer);
  await served.pass(900);
  assertEquals(errors, []);
  peer.send("HTTP/1.1 200 OK\r\n\r\n");
  await readHead(peer);
  await served.pass(900);
  assertEquals(errors, []);
  served.clock.advance(300);
  await until("wsiDestroy");
  assertStringIncludes(errors.join(), "waiting for the server's answer");
  peer.close();

  context.clientConnect(FAR);
  const slow = await proxy.accept();
  await readHead(slow);
  slow.send("HTTP/1.1 200");
  await settle();
  served.clock.advance(1_200);
  await until("wsiDestroy", 2);
  assertStringIncludes(errors[1]!, "timed out while connecting (awaitingProxyResponse");
  assertEquals((await slow.readToEnd()).length, 0);
  slow.close();
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: a tunnel's outcome is told in service, and its timeout runs there`, async () => {
    await using served = serve([ECHO]);
    using proxy = proxyOn(served);
    const { context, errors } = clientOf(served, {
      httpProxyAddress: "proxy:3128",
      clientTimeoutMs: 1_000,
      service,
    });
    context.clientConnect(FAR);
    const peer = await proxy.accept();
    await readHead(peer);
    peer.send("HTTP/1.1 403 Forbidden\r\n\r\n");
    await settle();
    assertEquals(errors, []);
    for (let i = 0; i < 5; i++) await context.service(0);
    assertStringIncludes(errors.join(), "403 Forbidden");
    peer.close();

    context.clientConnect(FAR);
    const slow = await proxy.accept();
    await readHead(slow);
    await served.pass(1_200);
    assertEquals(errors.length, 1);
    for (let i = 0; i < 5; i++) {
      await context.service(0);
      await settle();
    }
    assertStringIncludes(errors[1]!, "awaitingProxyResponse");
    slow.close();
  });
}

Deno.test("destroying the context, and closing the connection, give up the tunnel", async () => {
  await using served = serve([ECHO]);
  using proxy = proxyOn(served);
  const { context, errors, until } = clientOf(served, { httpProxyAddress: "proxy:3128" });
  const wsi = context.clientConnect(FAR);
  const first = await proxy.accept();
  await readHead(first);
  wsi.close();
  await until("wsiDestroy");
  assertEquals((await first.readToEnd()).length, 0);
  first.close();

  context.clientConnect(FAR);
  const second = await proxy.accept();
  await readHead(second);
  const destroyed = context.destroy();
  assertEquals((await second.readToEnd()).length, 0);
  second.close();
  await destroyed;
  assertEquals(errors, ["closed before it was established", "the context was destroyed"]);
});

/** Whom a client asks, by the port of the proxy. */
async function proxyAsked(
  served: Served,
  context: Context,
  port: number,
  target: ClientConnectInfo = FAR,
): Promise<string> {
  using proxy = proxyOn(served, port);
  context.clientConnect(target);
  const peer = await proxy.accept();
  const head = await readHead(peer);
  peer.close();
  return head.slice(0, head.indexOf("\r\n"));
}

Deno.test("setProxy goes before the struct, and takes the struct's port where it says none", async () => {
  await using served = serve([ECHO]);
  const { context } = clientOf(served, { httpProxyAddress: "proxy:1", httpProxyPort: 3129 });
  assertEquals(context.setProxy("other:2"), 0);
  assertEquals(context.setProxy("other"), 0);
  assertEquals(await proxyAsked(served, context, 3129), "CONNECT far.example:80 HTTP/1.1");
});

Deno.test("httpProxyPort alone names no proxy", async () => {
  await using served = serve([ECHO]);
  const { context, until } = clientOf(served, { httpProxyPort: 3128 });
  context.clientConnect({ ...FAR, port: served.context.port });
  await until("clientEstablished");
});

Deno.test("a port in the struct's address goes before httpProxyPort", async () => {
  await using served = serve([ECHO]);
  const { context } = clientOf(served, {
    httpProxyAddress: "http://me@proxy:3129/",
    httpProxyPort: 3128,
  });
  const target = { ...FAR, address: "2001:db8::1", port: 8080 };
  assertEquals(
    await proxyAsked(served, context, 3129, target),
    "CONNECT [2001:db8::1]:8080 HTTP/1.1",
  );
});

Deno.test("a proxy that the program names is for this machine as well", async () => {
  await using served = serve([ECHO]);
  const { context } = clientOf(served, { httpProxyAddress: "proxy:3128" });
  const target = { ...FAR, address: "127.0.0.1" };
  assertEquals(await proxyAsked(served, context, 3128, target), "CONNECT 127.0.0.1:80 HTTP/1.1");
});

Deno.test("setProxy comes before the first connect, and after it is refused", async () => {
  await using served = serve([ECHO]);
  const { context, until } = clientOf(served);
  context.clientConnect({ ...FAR, port: served.context.port });
  const error = assertThrows(() => context.setProxy("proxy:3128"), LwsError, "setProxy");
  assertEquals(error.code, "invalid-state");
  await until("clientEstablished");
});

for (const text of ["", "proxy", "proxy:0", "proxy:65536", "https://proxy:1", "me:s3cret@:1", 7]) {
  Deno.test(`setProxy ${JSON.stringify(text)} is refused by name, and changes nothing`, async () => {
    await using served = serve([ECHO]);
    const { context } = clientOf(served, { httpProxyAddress: "proxy:3128" });
    const error = assertThrows(() => context.setProxy(text as string), LwsError, "setProxy: proxy");
    assertEquals(error.code, "invalid-argument");
    assertEquals(error.message.includes("s3cret"), false);
    assertEquals(await proxyAsked(served, context, 3128), "CONNECT far.example:80 HTTP/1.1");
  });
}

Deno.test("a unix socket is connected to without any proxy", async () => {
  await using served = serve([ECHO], { port: 0, socketPath: "/run/echo" });
  const { context, until } = clientOf(served, { httpProxyAddress: "proxy:3128" });
  context.clientConnect({ socketPath: "/run/echo" });
  await until("clientEstablished");
});

// On real sockets.

/** What becomes of a client: "established", or why not. */
async function outcome(
  info: Partial<ContextCreationInfo>,
  port: number,
  address = "127.0.0.1",
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    ...info,
    protocols: [named("x", {
      clientEstablished: () => resolve("established"),
      clientConnectionError: (_wsi, _user, text) => resolve(text),
    })],
  });
  context.clientConnect({ address, port });
  return await promise;
}

Deno.test("a proxy on a real socket tunnels, with credentials, and refuses without", async () => {
  await using server = createContext({ ...LOOPBACK, protocols: [ECHO] });
  await using proxy = connectProxy({ credentials: "me:secret" });
  const at = `127.0.0.1:${proxy.port}`;
  const { port } = server;
  assertEquals(await outcome({ httpProxyAddress: `me:secret@${at}` }, port), "established");
  assertStringIncludes(
    await outcome({ httpProxyAddress: at }, port),
    "the proxy answered 407 Proxy Authentication Required",
  );
  // By node's sockets.
  assertEquals(
    await outcome({ httpProxyAddress: `me:secret@${at}`, iface: "127.0.0.1" }, port),
    "established",
  );
});

/** Proxies that are recognized by how they refuse. */
interface Environment {
  readonly env: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Whether the client is to have a network of its own. */
  readonly more?: readonly string[];
}

/** What becomes of a client in a process whose environment is this and no more. */
async function inEnvironment({ env, flags = ["-A"] }: Environment, url: string): Promise<string> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const keep = ["PATH", "HOME", "DENO_DIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  await using child = new Child(
    ["env", "-i", ...keep, ...variables],
    "proxied_client.ts",
    flags,
    [url],
  );
  return await child.line();
}

const refusal = (status: number) => ({ refusal: `HTTP/1.1 ${status} Proxy\r\n\r\n` });

Deno.test("the environment's proxy is for the world outside, but for what no_proxy lists", async () => {
  await using proxy = connectProxy(refusal(418));
  await using server = createContext({ ...LOOPBACK, protocols: [ECHO] });
  const http_proxy = `http://me:secret@127.0.0.1:${proxy.port}`;
  const env = { http_proxy };
  const far = "ws://far.invalid/";
  assertStringIncludes(await inEnvironment({ env }, far), "the proxy answered 418");
  assertStringIncludes(proxy.requests[0]!, `CONNECT far.invalid:80 HTTP/1.1`);
  assertStringIncludes(proxy.requests[0]!, `Basic ${btoa("me:secret")}`);
  const own = `ws://127.0.0.1:${server.port}/`;
  assertEquals(await inEnvironment({ env }, own), "established");
  const named = `ws://localhost:${server.port}/`;
  assertEquals(await inEnvironment({ env }, named), "established");
  const spared = await inEnvironment({ env: { http_proxy, no_proxy: ".invalid" } }, far);
  assertEquals(spared.includes("proxy"), false);
  assertEquals(proxy.requests.length, 1);
});

Deno.test("the environment is not looked at without the permission, and nobody is asked", async () => {
  await using proxy = connectProxy(refusal(418));
  const env = { http_proxy: `127.0.0.1:${proxy.port}` };
  const far = "ws://far.invalid/";
  const error = await inEnvironment({ env, flags: ["--allow-net"] }, far);
  assertStringIncludes(error, "can't connect to far.invalid");
  assertEquals(proxy.requests.length, 0);
  const flags = ["--allow-net", "--allow-env=http_proxy,no_proxy"];
  assertStringIncludes(await inEnvironment({ env, flags }, far), "the proxy answered 418");
});

Deno.test("the struct goes before the environment, and setProxy before both", async () => {
  await using own = connectProxy(refusal(418));
  await using other = connectProxy(refusal(451));
  const env = {
    http_proxy: `127.0.0.1:${own.port}`,
    no_proxy: "*",
    STRUCT_PROXY: `127.0.0.1:${other.port}`,
  };
  const far = "ws://far.invalid/";
  assertStringIncludes(await inEnvironment({ env }, far), "the proxy answered 451");
  const both = { ...env, SET_PROXY: env.http_proxy };
  assertStringIncludes(await inEnvironment({ env: both }, far), "the proxy answered 418");
});

Deno.test("a variable that names no proxy is logged without its text, and does not count", async () => {
  const env = { http_proxy: "ftp://me:s3cret@proxy:1", LOG: "1" };
  await using server = createContext({ ...LOOPBACK, protocols: [ECHO] });
  const said = await inEnvironment({ env }, `ws://far.invalid:${server.port}/`);
  assertStringIncludes(said, "http_proxy: a ftp:// proxy is not supported");
  assertStringIncludes(said, "can't connect to far.invalid");
  assertEquals(said.includes("s3cret"), false);
});

Deno.test("the environment is not for a network of the program's own", async () => {
  using _log = captureLog([]);
  await using proxy = connectProxy(refusal(418));
  const env = { http_proxy: `127.0.0.1:${proxy.port}`, OWN_NETWORK: "1" };
  assertStringIncludes(await inEnvironment({ env }, "ws://far.invalid/"), "nobody listens");
  assertEquals(proxy.requests.length, 0);
});
