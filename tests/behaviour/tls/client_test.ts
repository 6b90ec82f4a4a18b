/** TLS clients of contexts: by which ways, with whose TLS, and how they fail. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Context, ContextCreationInfo, Protocol, Wsi } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { StreamTransport } from "../../../src/transport/stream_transport.ts";
import { TlsClient } from "../../../src/tls/client.ts";
import { TransportConn } from "../../../src/tls/provided_client_tls.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { connectProxy } from "../../support/connect_proxy.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record, type Recorder } from "../../support/recorder.ts";
import { settle } from "../../support/serve.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { overStacks, type TestedStack } from "../../support/tls/stacks.ts";

/** How exact the limits in time are. */
const TICK_MS = 100;

const made = await makeCertificates();
const TLS = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };
const TRUST = { sslCaFilepath: made.ca.cert, options: { disableOsCaCerts: true } };
const CLIENT = { address: "localhost", port: 80, ssl: 1, protocol: "echo" } as const;

const echo: Protocol = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason === "receive") wsi.write(data, "text");
  },
};

interface Talker extends Recorder {
  /** What came back, or why nothing did. */
  readonly outcome: Promise<string>;
  /** How the connection was when it was established. */
  readonly facts: Partial<Pick<Wsi, "isSsl" | "tls">>;
}

/** A protocol of a client that says one thing. */
function talker(): Talker {
  const { promise, resolve } = Promise.withResolvers<string>();
  const facts: { isSsl?: 0 | 1 | 2; tls?: Wsi["tls"] } = {};
  const recorder = record("echo", (wsi, reason, _user, data) => {
    switch (reason) {
      case "clientEstablished":
        facts.isSsl = wsi.isSsl;
        facts.tls = wsi.tls;
        wsi.write("hello");
        break;
      case "clientReceive":
        resolve(new TextDecoder().decode(data));
        wsi.close(1000);
        break;
      case "clientConnectionError":
        resolve(data);
    }
  });
  return { ...recorder, outcome: promise, facts };
}

function clientOn(
  stack: TestedStack,
  protocol: Protocol<{ of: string }>,
  info: Partial<ContextCreationInfo>,
): Context {
  return createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    ...stack.sockets,
    ...info,
    protocols: [protocol],
  });
}

async function until(satisfied: () => boolean): Promise<void> {
  while (!satisfied()) await new Promise((resolve) => setImmediate(resolve));
}

// Ways.

overStacks(
  "wss goes through a CONNECT proxy, with credentials, and the server's name is checked",
  async (stack) => {
    using _log = captureLog([]);
    await using proxy = connectProxy({ credentials: "me:secret" });
    await using server = createContext({
      ...LOOPBACK,
      ...stack.sockets,
      ...TLS,
      protocols: [echo],
    });
    const cases = [["localhost", /^hello$/], ["other.test", /not for other/]] as const;
    for (const [serverName, message] of cases) {
      const talk = talker();
      await using context = clientOn(stack, talk.protocol, {
        ...TRUST,
        httpProxyAddress: `me:secret@127.0.0.1:${proxy.port}`,
      });
      context.clientConnect({ ...CLIENT, address: "127.0.0.1", port: server.port, serverName });
      assertMatch(await talk.outcome, message);
    }
    assertEquals(proxy.requests.length, 2);
    assertMatch(proxy.requests[0]!, new RegExp(`^CONNECT 127\\.0\\.0\\.1:${server.port} `));
  },
);

overStacks("a proxy that refuses wss is what the client is told", async (stack) => {
  using _log = captureLog([]);
  await using proxy = connectProxy({ refusal: "HTTP/1.1 403 Forbidden\r\n\r\n" });
  const talk = talker();
  await using context = clientOn(stack, talk.protocol, {
    ...TRUST,
    httpProxyAddress: `127.0.0.1:${proxy.port}`,
  });
  const wsi = context.clientConnect({ ...CLIENT, address: "127.0.0.1", port: 443 });
  assertMatch(await talk.outcome, /403/);
  assertEquals([wsi.isSsl, wsi.tls], [0, undefined]);
});

overStacks("TLS goes over a unix socket, for localhost by default", async (stack) => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const socketPath = `${folder}/tls.sock`;
  const hosts: (string | undefined)[] = [];
  const server = record("echo", (wsi, reason, _user, data) => {
    if (reason === "filterProtocolConnection") hosts.push(wsi.hdrCopy("host"));
    if (reason === "receive") wsi.write(data, "text");
  });
  await using _server = createContext({
    socketPath,
    ...PATIENT,
    ...stack.sockets,
    ...TLS,
    protocols: [server.protocol],
  });
  const talk = talker();
  await using context = clientOn(stack, talk.protocol, TRUST);
  context.clientConnect({ socketPath, ssl: 1, protocol: "echo" });
  assertEquals(await talk.outcome, "hello");
  assertEquals([talk.facts.isSsl, talk.facts.tls?.serverName], [1, "localhost"]);
  assertEquals(hosts, ["localhost"]);
});

for (
  const [address, host] of [
    ["::1", "[::1]:80"],
    ["[::1]", "[::1]:80"],
    ["::1%lo", "[::1]:80"],
    ["127.0.0.1", "127.0.0.1:80"],
  ] as const
) {
  overStacks(
    `an address as the server's name, ${address}, has to be in its certificate`,
    async (stack) => {
      using _log = captureLog([]);
      const hosts: (string | undefined)[] = [];
      const server = record("echo", (wsi, reason, _user, data) => {
        if (reason === "established") hosts.push(wsi.tls?.serverName);
        if (reason === "filterProtocolConnection") hosts.push(wsi.hdrCopy("host"));
        if (reason === "receive") wsi.write(data, "text");
      });
      await using served = stack.serve([server.protocol], TLS);
      const talk = talker();
      served.client([talk.protocol], TRUST).clientConnect({ ...CLIENT, address });
      assertEquals(await talk.outcome, "hello");
      // RFC 6066 section 3: an address is not asked for by name.
      assertEquals(hosts, [host, undefined]);
      const other = talker();
      const names = { serverName: address === "127.0.0.1" ? "127.0.0.2" : "[::2]" };
      served.client([other.protocol], TRUST).clientConnect({ ...CLIENT, address, ...names });
      assertMatch(await other.outcome, /not for/);
    },
  );
}

overStacks("the server's name comes from host, unless serverName says otherwise", async (stack) => {
  using _log = captureLog([]);
  await using served = stack.serve([echo], { ...TLS, certificates: [made.example] });
  const cases = [
    [{ host: "sub.example.test:8443" }, "sub.example.test"],
    [{ host: "elsewhere.test", serverName: "example.test" }, "example.test"],
    [{ host: "[::1]:443" }, undefined],
    [{}, "localhost"],
  ] as const;
  for (const [info, serverName] of cases) {
    const talk = talker();
    served.client([talk.protocol], TRUST).clientConnect({ ...CLIENT, ...info });
    assertEquals(await talk.outcome, "hello");
    assertEquals(talk.facts.tls?.serverName, serverName);
  }
  for (const serverName of ["a b", "ü", "a..b", "x".repeat(300)]) {
    const talk = talker();
    served.client([talk.protocol], TRUST).clientConnect({ ...CLIENT, serverName });
    assertMatch(await talk.outcome, /can't connect/);
  }
});

overStacks("ssl 2 forgives self-signing only, and says 2; ssl 1 doesn't", async (stack) => {
  using _log = captureLog([]);
  const cases = [
    ["selfSigned", 2, /^hello$/],
    ["selfSigned", 1, /self-signed/],
    ["selfSignedElsewhere", 2, /not for/],
    ["selfSignedForClients", 2, /not for servers/],
    ["localhost", 2, /^hello$/],
  ] as const;
  for (const [name, ssl, message] of cases) {
    const { cert, key } = made[name];
    await using served = stack.serve([echo], { sslCertFilepath: cert, sslPrivateKeyFilepath: key });
    const talk = talker();
    served.client([talk.protocol], TRUST).clientConnect({ ...CLIENT, ssl });
    assertMatch(await talk.outcome, message);
    if (message.test("hello")) {
      assertEquals([talk.facts.isSsl, talk.facts.tls?.isSsl], [ssl, ssl]);
      assertEquals(talk.facts.tls?.authorized, name === "localhost");
    }
  }
});

// Failures.

for (const how of ["timeout", "destroy", "close", "hangup", "reset"] as const) {
  overStacks(
    `${how} in the middle of a client's handshake is one error, and leaves nothing`,
    async (stack) => {
      using _log = captureLog([]);
      const network = stack.bring(new MemoryNetwork());
      const clock = new FakeClock();
      const listener = network.listen({ hostname: "127.0.0.1", port: 80 });
      const talk = talker();
      const context = clientOn(stack, talk.protocol, {
        ...TRUST,
        network,
        clock,
        clientTimeoutMs: 1_000,
      });
      const wsi = context.clientConnect(CLIENT);
      const accepted = await listener.accept();
      let heard = 0;
      const gone = Promise.withResolvers<void>();
      accepted.start({
        onBytes: (bytes) => {
          heard += bytes.length;
          return bytes.length;
        },
        onDrain() {},
        onEnd: () => accepted.close(),
        onClose: () => gone.resolve(),
      });
      await until(() => heard > 100);
      if (how === "timeout") {
        clock.advance(1_000 - TICK_MS);
        await settle();
        assertEquals(talk.reasons.includes("clientConnectionError"), false);
        clock.advance(2 * TICK_MS);
      } else if (how === "destroy") void context.destroy();
      else if (how === "close") wsi.close();
      else if (how === "hangup") context.hangupOnClient(wsi.socketFd);
      else accepted.close();
      await talk.until("wsiDestroy");
      await gone.promise;
      listener.close();
      await context.destroy();
      assertEquals(talk.reasons.slice(-3), [
        "clientConnectionError",
        "wsiDestroy",
        "protocolDestroy",
      ]);
      assertEquals(talk.reasons.filter((each) => each === "clientConnectionError").length, 1);
      assertMatch(
        await talk.outcome,
        {
          timeout: /timed out while connecting \(establishWithServer/,
          destroy: /destroyed/,
          close: /closed before/,
          hangup: /closed before/,
          reset: /TLS handshake/,
        }[how],
      );
    },
  );
}

overStacks(
  "a server that speaks no TLS, or ends at once, is an error of the handshake",
  async (stack) => {
    using _log = captureLog([]);
    await using served = stack.serve([echo]);
    const talk = talker();
    served.client([talk.protocol], TRUST).clientConnect(CLIENT);
    assertMatch(await talk.outcome, /can't connect to localhost port 80: the TLS handshake failed/);
  },
);

overStacks("a client without TLS is told that its server speaks TLS", async (stack) => {
  using _log = captureLog([]);
  await using served = stack.serve([echo], TLS);
  const talk = talker();
  served.client([talk.protocol]).clientConnect({ ...CLIENT, ssl: 0 });
  assertEquals(await talk.outcome, "the server speaks TLS; connect with wss:, or ssl: 1");
});

// A TLS layer of the program's own.

type Provide = NonNullable<ContextCreationInfo["providedClientTls"]>;

overStacks(
  "a TLS layer of the program's own works over the connection that it is given",
  async (stack) => {
    const asked: unknown[] = [];
    await using served = stack.serve([echo], TLS);
    const talk = talker();
    const providedClientTls: Provide = async (hostname, port, conn) => {
      asked.push(hostname, port);
      const transport = new TlsClient({ ca: [made.ca.cert], disableOsCaCerts: true })
        .secure(new StreamTransport(conn), { serverName: hostname });
      return new TransportConn(await transport.done);
    };
    const context = served.client([talk.protocol], { providedClientTls });
    context.clientConnect({ ...CLIENT, ssl: 2 });
    assertEquals(await talk.outcome, "hello");
    assertEquals(asked, ["localhost", 80]);
    assertEquals(talk.facts, { isSsl: 2, tls: undefined });
    assertEquals(talk.reasons.includes("opensslLoadExtraClientVerifyCerts"), false);
  },
);

const BROKEN: readonly (readonly [string, Provide, RegExp])[] = [
  ["rejects", () => Promise.reject(new Error("no such host")), /can't connect.*no such host/],
  [
    "throws",
    () => {
      throw new Error("not today");
    },
    /can't connect.*not today/,
  ],
  ["gives nothing", () => Promise.resolve(undefined as never), /providedClientTls.*no read/],
  [
    "gives half a connection",
    () => Promise.resolve({ read() {}, close() {} } as never),
    /providedClientTls.*no write/,
  ],
  [
    "gives one from nowhere",
    (_host, _port, conn) =>
      Promise.resolve({
        read: () => conn.read(new Uint8Array(1)),
        write: () => conn.write(new Uint8Array(1)),
        closeWrite: () => conn.closeWrite(),
        close: () => conn.close(),
      } as never),
    /providedClientTls.*no localAddr/,
  ],
];

for (const [what, provide, message] of BROKEN) {
  overStacks(
    `a TLS layer that ${what} is an error, and the connection is closed`,
    async (stack) => {
      using _log = captureLog([]);
      const server = record("echo");
      await using served = stack.serve([server.protocol]);
      const talk = talker();
      served.client([talk.protocol], { providedClientTls: provide }).clientConnect(CLIENT);
      assertMatch(await talk.outcome, message);
      await server.until("wsiDestroy");
    },
  );
}

for (const how of ["timeout", "destroy", "close"] as const) {
  overStacks(
    `${how} while the program's TLS layer takes its time: all is closed, what comes late as well`,
    async (stack) => {
      using _log = captureLog([]);
      const server = record("echo");
      await using served = stack.serve([server.protocol], { headerTimeoutMs: 60_000 });
      const talk = talker();
      const layer = Promise.withResolvers<TransportConn>();
      let given: TransportConn | undefined;
      const context = served.client([talk.protocol], {
        clientTimeoutMs: 1_000,
        providedClientTls(_hostname, _port, conn) {
          given = conn as TransportConn;
          return layer.promise;
        },
      });
      const wsi = context.clientConnect(CLIENT);
      await until(() => given !== undefined);
      if (how === "timeout") served.clock.advance(1_000 + TICK_MS);
      else if (how === "destroy") void context.destroy();
      else wsi.close();
      await talk.until("wsiDestroy");
      await server.until("wsiDestroy");
      await context.destroy();
      let isClosed = false;
      given!.close = () => void (isClosed = true);
      layer.resolve(given!);
      await settle();
      assert(isClosed);
    },
  );
}
