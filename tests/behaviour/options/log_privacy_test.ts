/** With every level on, no line and no error tells a secret of a peer's or the program's. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type ClientConnectInfo,
  type ContextCreationInfo,
  createContext,
  LOG_LEVELS,
  memoryBroker,
  permessageDeflate,
  setLogLevel,
} from "../../../mod.ts";
import { natsBroker } from "../../../src/brokers/nats/mod.ts";
import { redisBroker } from "../../../src/brokers/redis/mod.ts";
import { resumable } from "../../../src/resume/mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { WebSocket } from "../../../src/websocket_client/mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import {
  acceptOf,
  handshake,
  playServer,
  readHead,
  serve,
  settle,
  TARGET,
} from "../../support/serve.ts";

const SECRET = "hunter2";
/** What it becomes on its way. */
const FORMS = [SECRET, btoa(SECRET), btoa(`u:${SECRET}`).slice(0, -2), encodeURIComponent(SECRET)];

function assertNone(lines: readonly string[]): void {
  assertEquals(lines.filter((line) => FORMS.some((form) => line.includes(form))), []);
}

/** What a call throws or rejects with; nothing where what it is given is good. */
async function failureOf(call: () => unknown): Promise<string[]> {
  try {
    await call();
  } catch (error) {
    return [`${error}`];
  }
  return [];
}

const BODIES = ["", `token=${SECRET}`, `{"password":"${SECRET}"`];

Deno.test("requests and handshakes of all kinds tell nothing of themselves", async () => {
  using log = captureLog(LOG_LEVELS);
  const rejects = () => Promise.reject(new Error("no"));
  await using served = serve([
    record("echo", { receive: () => 1 }).protocol,
    { ...record("silent").protocol, allowedOrigins: ["https://a"], path: "/silent" },
    { ...record("fetching").protocol, path: "/fetch", fetch: rejects } as never,
    resumable({ path: "/resume", authorize: () => false } as never) as never,
  ], {
    trustProxy: 1,
    tokenLimits: { cookie: 3 },
    extensions: [permessageDeflate()],
    broker: memoryBroker(),
  } as never);
  const fields = [
    ...["Origin: https://", "Origin: ", "Sec-WebSocket-Protocol: ", "Sec-WebSocket-Protocol: a, "],
    ...["Sec-WebSocket-Extensions: ", "Sec-WebSocket-Extensions: permessage-deflate; "],
    ...["Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=", "Cookie: a="],
    ...["Authorization: Bearer ", "X-Forwarded-For: ", "Forwarded: for=", "Referer: http://a/?"],
    ...["Content-Length: ", "Transfer-Encoding: ", "Expect: ", "Connection: ", "Range: bytes="],
    ...["If-None-Match: ", "Sec-WebSocket-Key: ", "Sec-WebSocket-Version: ", "X-A: "],
  ].map((start) => `${start}${SECRET}`);
  const paths = ["/", "/silent", "/fetch", "/resume", "/none"].map((each) => `${each}?t=${SECRET}`);
  const requests = [
    ...paths.map((path) => handshake({ path })),
    ...fields.map((field) => handshake({ path: paths[0]!, headers: [field] })),
    ...fields.map((field) => `GET ${paths[2]} HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`),
    ...BODIES.map((body) => {
      return `POST ${
        paths[2]
      } HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    }),
    `GET http://u:${SECRET}@a/?${SECRET} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET /?${SECRET} HTTP/1.1\r\nHost: ${SECRET} a\r\n\r\n`,
    `GET /#${SECRET} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET /?${SECRET}\x01 HTTP/1.1\r\n\r\n`,
    `${SECRET}\r\n\r\n`,
    `GET / ${SECRET}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${SECRET}\r\n\r\n`,
  ];
  for (const request of requests) {
    const peer = await served.dial(request);
    await settle();
    peer.close();
    // Behind a second no line is held back.
    await served.pass(1_000);
  }
  const payload = new TextEncoder().encode(SECRET);
  const frames: [opcode: number, payload: Uint8Array][] = [
    ...[1, 2, 9, 10, 3].map((opcode) => [opcode, payload] as [number, Uint8Array]),
    [8, Uint8Array.of(0x03, 0xe8, ...payload)],
    [8, Uint8Array.of(0, 1, ...payload)],
    [1, Uint8Array.of(0xff, ...payload)],
  ];
  for (const path of [paths[0]!, paths[3]!]) {
    for (const [opcode, bytes] of frames) {
      const protocol = path === paths[3] ? "lws.resume.v1" : "echo";
      const peer = await served.dial(handshake({ path, protocol }));
      if ((await readHead(peer)).startsWith("HTTP/1.1 101")) {
        const mask = Uint8Array.of(0x80 | opcode, 0x80 | bytes.length, 0, 0, 0, 0);
        peer.send(Uint8Array.of(...mask, ...bytes));
      }
      await settle();
      peer.close();
      await served.pass(1_000);
    }
  }
  assert(log.lines.length > 2 * requests.length);
  assertNone(log.lines);
});

/** Fields of answers that a client is given. */
const ANSWERS = [
  `HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=${SECRET}\r\nContent-Length: 7\r\n\r\n${SECRET}`,
  `HTTP/1.1 302 Found\r\nLocation: http://u:${SECRET}@b/?${SECRET}\r\n\r\n`,
  `HTTP/1.1 302 Found\r\nLocation: gopher://${SECRET}\r\n\r\n`,
  `HTTP/1.1 302 Found\r\nLocation: http://[${SECRET}\r\n\r\n`,
  `HTTP/1.1 101 a\r\nUpgrade: ${SECRET}\r\nConnection: ${SECRET}\r\n\r\n`,
  `HTTP/1.1 101 a\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${SECRET}\r\n\r\n`,
  `HTTP/1.1 200 OK\r\nSet-Cookie: a=${SECRET}\r\nContent-Length: ${SECRET}\r\n\r\n`,
  `HTTP/1.1 101 a\r\n${SECRET}\r\n\r\n`,
  `${SECRET}\r\n\r\n`,
];

/** What a client asks with. */
const ASKS: readonly Partial<ClientConnectInfo>[] = [
  { path: `/?token=${SECRET}`, origin: `https://${SECRET}`, protocol: `a, ${SECRET}` },
  { headers: [["authorization", `Bearer ${SECRET}`], ["cookie", `a=${SECRET}`]] },
  { version: 0, path: `/?${SECRET}`, origin: `http://${SECRET}`, protocol: SECRET },
] as never;

Deno.test("clients tell nothing of what they ask with, and of what they are answered", async () => {
  using log = captureLog(LOG_LEVELS);
  const told: string[] = [];
  for (const proxy of [undefined, `u:${SECRET}@${TARGET.address}:80`]) {
    await using side = playServer([
      record("x", {
        clientConnectionError: (_wsi, _user, data) => void told.push(String(data)),
      }).protocol,
    ], proxy === undefined ? {} : { httpProxyAddress: proxy } as never);
    for (const ask of ASKS) {
      for (const answer of [...ANSWERS, "accept"]) {
        side.context.clientConnect({ ...TARGET, redirects: 1, ...ask } as never);
        const peer = await side.accept();
        const request = await readHead(peer);
        const [, key] = /Sec-WebSocket-Key: (\S+)/i.exec(request) ?? [];
        if (answer !== "accept") peer.send(answer);
        else if (key !== undefined) {
          peer.send(
            "HTTP/1.1 101 a\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " +
              `${
                acceptOf(key)
              }\r\nSec-WebSocket-Protocol: ${SECRET}\r\nSet-Cookie: ${SECRET}\r\n\r\n`,
          );
        }
        await settle();
        peer.close();
        await side.pass(1_000);
      }
    }
  }
  assert(told.length > 30, `${told.length}`);
  assertNone([...log.lines, ...told]);
});

const PEM = `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`;
const LISTENS = [
  { sslCertFilepath: PEM, sslPrivateKeyFilepath: PEM },
  { sslCertFilepath: `${SECRET}\n`.repeat(3), sslPrivateKeyFilepath: PEM },
  { sslCertFilepath: SECRET.repeat(20), sslPrivateKeyFilepath: SECRET.repeat(20) },
  { sslCaFilepath: PEM },
  { sslPrivateKeyPassword: 5, sslCertFilepath: PEM },
  { iface: PEM },
  { hostname: PEM },
  { port: PEM },
  { httpProxyAddress: `ftp://u:${SECRET}@a` },
  { httpProxyAddress: `u:${SECRET}@:0` },
  { httpProxyAddress: `http://u:${SECRET}%@a:1` },
  { allowedOrigins: [`http://u:${SECRET}@a`] },
  { mounts: [{ path: `/?${SECRET}`, folder: "." }] },
  { [`x`]: SECRET },
];

Deno.test("what a program is refused, it is refused without the secrets in it", async () => {
  using log = captureLog(LOG_LEVELS);
  const failed: string[] = [];
  const { protocol } = record("x");
  await using served = serve([protocol]);
  const base = { network: new MemoryNetwork(), clock: new FakeClock(), port: 80 };
  for (const given of LISTENS) {
    const info = { ...base, protocols: [protocol], ...given } as never as ContextCreationInfo;
    failed.push(...await failureOf(() => createContext(info)));
  }
  const wrong: Partial<Record<keyof ClientConnectInfo, unknown>>[] = [
    { path: `no?token=${SECRET}` },
    { path: `/ ?token=${SECRET}` },
    { origin: `http://${SECRET}\n` },
    { protocol: `${SECRET}, ${SECRET}` },
    { protocol: `${SECRET}/` },
    { host: `u:${SECRET}@a` },
    { address: `u:${SECRET}@a` },
    { address: `wss://u:${SECRET}@a/?${SECRET}` },
    { headers: [["cookie", `${SECRET}\n`]] },
    { headers: [["authorization", `${SECRET}\u0100`]] },
    { headers: `authorization: ${SECRET}` },
    { version: `a?${SECRET}` },
    { ssl: PEM },
  ];
  for (const each of wrong) {
    failed.push(
      ...await failureOf(() => {
        served.context.clientConnect({ address: "a", port: 80, ...each } as never);
        // What is wrong is told by an error, or by a callback that the log has a line of.
        throw new Error("told later");
      }),
    );
  }
  const urls = [
    `wss://u:${SECRET}@`,
    `ws://a:x/?${SECRET}`,
    `x://u:${SECRET}@a`,
    `ws://a/#${SECRET}`,
  ];
  for (const url of urls) {
    failed.push(...await failureOf(() => served.context.clientConnect(url)));
    failed.push(...await failureOf(() => served.context.dial(url)));
    failed.push(...await failureOf(() => new WebSocket(url)));
  }
  for (const protocols of [[`${SECRET}/`], [SECRET, SECRET]]) {
    failed.push(...await failureOf(() => new WebSocket("ws://a", protocols)));
  }
  const proxies = [`https://u:${SECRET}@a`, `u:${SECRET}@a b`, `u:${SECRET}@`];
  for (const proxy of proxies) {
    failed.push(...await failureOf(() => served.context.setProxy(proxy)));
  }
  const brokers = [
    () => redisBroker({ url: `http://u:${SECRET}@a` }),
    () => redisBroker({ url: `redis://u:${SECRET}@a/x` }),
    () => redisBroker({ url: `redis://u:${SECRET}@a/?${SECRET}` }),
    () => redisBroker({ url: `redis://u:${SECRET}%@a` }),
    () => redisBroker({ url: "rediss://a", tls: { key: PEM } } as never),
    () => redisBroker({ url: "redis://a", pasword: SECRET } as never),
    () => natsBroker({ servers: `nats://u:${SECRET}@a` }),
    () => natsBroker({ servers: "a", password: SECRET }),
    () => natsBroker({ servers: "a", tokn: SECRET } as never),
    () => natsBroker({ servers: "a", tls: { key: [PEM] } } as never),
  ];
  for (const make of brokers) failed.push(...await failureOf(make));
  await settle();
  assert(failed.length > 40, `${failed.length}`);
  assertNone([...log.lines, ...failed]);
});

Deno.test("an answer that can't be sent is refused without its fields and its body", async () => {
  using log = captureLog(LOG_LEVELS);
  const failed: string[] = [];
  const attempts = [
    { headers: { "set-cookie": `a=${SECRET}\n` } },
    { headers: { "content-length": SECRET } },
    { headers: { "transfer-encoding": SECRET } },
    { status: SECRET },
    { statusText: `${SECRET}\n` },
  ];
  for (const options of attempts) {
    const { protocol } = record("x", {
      http(wsi) {
        try {
          wsi.respond(options as never);
        } catch (error) {
          failed.push(`${error}`);
        }
        throw new Error("as an error of the program's");
      },
    });
    await using served = serve([protocol]);
    const peer = await served.dial(`GET /?${SECRET} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await readHead(peer);
    peer.close();
  }
  assert(failed.length >= 3, failed.join());
  assertNone([...log.lines, ...failed]);
});

Deno.test("a server of Redis that repeats the login is not repeated", async () => {
  const lines: string[] = [];
  const isAway = new Promise<void>((resolve) => {
    setLogLevel(LOG_LEVELS, (level, line) => {
      lines.push(`${level}: ${line}`);
      if (line.includes("unknown command")) resolve();
    });
  });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served = (async () => {
    for await (const conn of listener) {
      const bytes = new Uint8Array(4_096);
      const count = await conn.read(bytes) ?? 0;
      const said = new TextDecoder().decode(bytes.subarray(0, count)).replace(/[\r\n]+/g, " ");
      await conn.write(new TextEncoder().encode(`-ERR unknown command, with args: ${said}\r\n`));
      conn.close();
    }
  })().catch(() => {});
  const broker = redisBroker({ url: `redis://u:${SECRET}@127.0.0.1:${port}` });
  const { protocol } = record("x");
  const network = new MemoryNetwork();
  const context = createContext({ network, port: 80, protocols: [protocol], broker });
  const failed = context.publish("t", "x").then(() => "", String);
  await isAway;
  await context.destroy();
  listener.close();
  await served;
  setLogLevel(["err", "warn"]);
  assertNone([...lines, await failed]);
});

Deno.test("the test would see a secret", () => {
  assertThrows(() => assertNone([`a line with ${SECRET}`]));
});
