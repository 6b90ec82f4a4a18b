/** `context.serviceSync`: the thread is blocked, and no promise, timer or microtask of the runtime goes on. */

import { fromFileUrl } from "@std/path";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type ContextCreationInfo,
  createContext,
  LwsError,
  type Protocol,
  type Wsi,
} from "../../../mod.ts";
import type { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { makeSelfSigned } from "../../support/certificates.ts";
import { runProgram } from "../../support/program.ts";
import { captureLog } from "../../support/recorder.ts";
import { testDescriptors } from "./descriptors.ts";

type Callback = Protocol["callback"];

function blocking(
  network: EpollNetwork,
  callback: Callback,
  info: Partial<ContextCreationInfo> = {},
) {
  return createContext({
    port: 0,
    iface: "127.0.0.1",
    service: "manual",
    network,
    ...info,
    protocols: [{ name: "x", callback }],
  });
}

/** Fails when the runtime has had a turn since. */
function noTurn(): () => void {
  let hadTurn = false;
  const turn = setImmediate(() => hadTurn = true);
  return () => {
    clearImmediate(turn);
    assert(!hadTurn, "the runtime had a turn");
  };
}

for (const service of ["manual", "external"] as const) {
  testDescriptors(
    `${service}: a server and its client need no turn of the runtime from connecting to closing`,
    async (network) => {
      const told: string[] = [];
      const context = blocking(network, (wsi, reason, _user, data) => {
        if (["receive", "clientReceive"].includes(reason)) {
          told.push(`${reason} ${new TextDecoder().decode(data as Uint8Array)}`);
        } else if (!/Poll|^filter|ThreadId|Headers|Header/.test(reason)) told.push(reason);
        if (reason === "clientEstablished") wsi.callbackOnWritable();
        if (reason === "clientWriteable") wsi.write("ping");
        if (reason === "receive") wsi.write("pong");
        if (reason === "clientReceive") wsi.close();
      }, { service });
      const check = noTurn();
      context.clientConnect({ address: "127.0.0.1", port: context.port });
      const isOver = () => told.filter((each) => each === "wsiDestroy").length === 2;
      for (let rounds = 0; !isOver() && rounds < 100; rounds++) {
        assertEquals(context.serviceSync(1_000), 0);
      }
      check();
      assertEquals(told.filter((each) => /eive|losed|riteable/.test(each)), [
        "clientWriteable",
        "receive ping",
        "clientReceive pong",
        "closed",
        "closed",
      ]);
      await context.destroy();
      assertEquals(context.serviceSync(0), -1);
    },
  );
}

testDescriptors("timeouts run though the runtime's timers have no turn", async (network) => {
  const reasons: string[] = [];
  const context = blocking(network, (wsi, reason, _user, _data) => {
    reasons.push(reason);
    if (reason === "established") wsi.setTimeout("userReasonBase" as never, 1);
  }, { headerTimeoutMs: 30 });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
  const check = noTurn();
  while (!reasons.includes("wsiDestroy")) context.serviceSync(Infinity);
  check();
  conn.close();
  await context.destroy();
});

testDescriptors(
  "with nothing to do it blocks for its timeout, and cancelService makes the next one return",
  async (network) => {
    const context = blocking(network, () => {});
    const check = noTurn();
    const start = performance.now();
    assertEquals(context.serviceSync(20), 0);
    assert(performance.now() - start >= 19);
    context.cancelService();
    assertEquals(context.serviceSync(Infinity), 0);
    check();
    await context.destroy();
  },
);

testDescriptors(
  "what is written outside a turn leaves before the call returns",
  async (network) => {
    let near: Wsi | undefined;
    const heard: string[] = [];
    const context = blocking(network, (wsi, reason, _user, data) => {
      if (reason === "established") near = wsi;
      if (reason === "clientReceive") heard.push(new TextDecoder().decode(data));
    });
    context.clientConnect({ address: "127.0.0.1", port: context.port });
    while (near === undefined) context.serviceSync(1_000);
    const check = noTurn();
    near.write("one");
    near.write("two");
    while (heard.length < 2) context.serviceSync(1_000);
    assertEquals(heard, ["one", "two"]);
    check();
    await context.destroy();
  },
);

testDescriptors("pages and bodies of requests need no turn either", async (network) => {
  const context = blocking(network, (wsi, reason, _user, _data) => {
    if (reason === "http") return wsi.respond(200, "the page");
    return 0;
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  const check = noTurn();
  for (let i = 0; i < 5; i++) context.serviceSync(20);
  check();
  const answer = await new Response(conn.readable).text();
  assertStringIncludes(answer, "200 OK");
  assertStringIncludes(answer, "the page");
  await context.destroy();
});

testDescriptors(
  "destroying it inside a callback makes the call return a negative number",
  async (network) => {
    const context = blocking(network, (wsi, reason, _user, _data) => {
      if (reason === "established") void wsi.context.destroy();
    });
    context.clientConnect({ address: "127.0.0.1", port: context.port });
    let result = 0;
    while (result >= 0) result = context.serviceSync(1_000);
    assertEquals(result, -1);
    await context.closed;
  },
);

testDescriptors(
  "service from inside a callback serves others, and not the same connection",
  async (network) => {
    let depth = 0;
    let deepest = 0;
    const heard: string[] = [];
    const context = blocking(network, (wsi, reason, _user, data) => {
      if (reason === "clientEstablished") {
        wsi.write("a");
        wsi.write("b");
      }
      if (reason !== "receive") return;
      deepest = Math.max(deepest, ++depth);
      wsi.context.serviceSync(0);
      depth--;
      heard.push(`${wsi.socketFd} ${new TextDecoder().decode(data)}`);
    });
    for (let i = 0; i < 3; i++) context.clientConnect({ address: "127.0.0.1", port: context.port });
    while (heard.length < 6) context.serviceSync(1_000);
    assert(deepest <= 3);
    for (const fd of new Set(heard.map((each) => each.split(" ")[0]!))) {
      assertEquals(heard.filter((each) => each.startsWith(`${fd} `)), [`${fd} a`, `${fd} b`]);
    }
    await context.destroy();
  },
);

for (const reason of ["filterNetworkConnection", "filterProtocolConnection", "http"]) {
  testDescriptors(`a promise of ${reason} is a failure that the log names`, async (network) => {
    using log = captureLog();
    const { lines } = log;
    const context = blocking(network, (_wsi, asked, _user, _data) => {
      if (asked === reason) return Promise.resolve(0);
      return 0;
    });
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
    const upgrade = reason === "filterProtocolConnection"
      ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      : "";
    await conn.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`));
    for (let i = 0; i < 10 && lines.length === 0; i++) context.serviceSync(100);
    assertStringIncludes(lines.join("\n"), `x: ${reason} threw`);
    assertStringIncludes(lines.join("\n"), "can't settle while serviceSync blocks");
    conn.close();
    await context.destroy();
  });
}

testDescriptors(
  "fetch answers by promises, and so with 500 alone, which the log names",
  async (network) => {
    using log = captureLog();
    let calls = 0;
    const fetch = () => (calls++, new Response("x"));
    const context = blocking(network, () => 0, { fetch });
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (let i = 0; i < 10 && log.lines.length === 0; i++) context.serviceSync(100);
    assertStringIncludes(log.lines.join("\n"), "fetch of GET /: ");
    assertStringIncludes(log.lines.join("\n"), "can't settle while serviceSync blocks");
    context.serviceSync(0);
    const answer = new Uint8Array(1024);
    const length = await conn.read(answer);
    assertStringIncludes(new TextDecoder().decode(answer.subarray(0, length!)), "HTTP/1.1 500 ");
    assertEquals(calls, 0);
    conn.close();
    await context.destroy();
  },
);

Deno.test("other networks and policies say what they need", async () => {
  const make = (info: Partial<ContextCreationInfo>) =>
    createContext({
      port: 80,
      network: new MemoryNetwork(),
      ...info,
      protocols: [{ name: "x", callback: () => 0 }],
    });
  for (
    const [info, needed] of [[{ service: "manual" }, "@x/lws/epoll"], [
      {},
      'service "manual"',
    ]] as const
  ) {
    await using context = make(info);
    const error = assertThrows(() => context.serviceSync(0), LwsError, needed);
    assertEquals(error.code, "invalid-state");
  }
});

testDescriptors(
  "TLS and the PROXY protocol are refused, and a timeout that is none",
  async (network) => {
    const { cert, key } = await makeSelfSigned({ name: "localhost" });
    const tls = { sslCertFilepath: cert, sslPrivateKeyFilepath: key };
    for (
      const [info, needed] of [[tls, "TLS"], [
        { proxyProtocol: true },
        "the PROXY protocol",
      ]] as const
    ) {
      const context = blocking(network, () => 0, info);
      const error = assertThrows(() => context.serviceSync(0), LwsError, needed);
      assertEquals(error.code, "unsupported");
      await context.destroy();
    }
    const context = blocking(network, () => 0);
    for (const timeout of [-1, NaN, "1"]) {
      assertThrows(() => context.serviceSync(timeout as number), LwsError, "timeoutMs");
    }
    await context.destroy();
  },
);

Deno.test({
  name: "a thousand connections are served by a blocking loop in another process",
  ignore: !isEpollAvailable(),
  async fn() {
    const server = runProgram(["-A"], fromFileUrl(import.meta.resolve("./blocking_server.ts")));
    const port = Number(await server.until("\n"));
    const conns = await Promise.all(
      Array.from({ length: 1_000 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    const request = new TextEncoder().encode(
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    const answers = await Promise.all(conns.map(async (conn) => {
      await conn.write(request);
      return await new Response(conn.readable).text();
    }));
    assertEquals(answers.filter((each) => each.endsWith("served")).length, 1_000);
    server.process.kill("SIGKILL");
    await server.end();
  },
});
