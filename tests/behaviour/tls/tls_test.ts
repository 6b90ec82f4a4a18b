/** TLS through contexts: wss and https on servers and clients. */

import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { Context, ContextCreationInfo, Protocol, TlsInfo } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { makeAuthority, makeSelfSigned } from "../../support/certificates.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { overStacks, type TestedStack } from "../../support/tls/stacks.ts";

const authority = await makeAuthority("Test CA");
const foreign = await makeAuthority("Foreign CA");
const server = await authority.issue({ name: "localhost", hosts: ["localhost", "127.0.0.1"] });
const expired = await authority.issue({
  name: "localhost",
  hosts: ["localhost"],
  fromDays: -10,
  toDays: -1,
});
const selfSigned = await makeSelfSigned({ name: "localhost", hosts: ["localhost", "127.0.0.1"] });
const client = await authority.issue({ name: "client", purpose: "client" });
const stranger = await foreign.issue({ name: "stranger", purpose: "client" });

const TLS = { sslCertFilepath: server.cert, sslPrivateKeyFilepath: server.key };

function serveTls(
  stack: TestedStack,
  protocol: Protocol,
  info: Partial<ContextCreationInfo> = {},
): Context {
  return createContext({ ...LOOPBACK, ...stack.sockets, ...TLS, ...info, protocols: [protocol] });
}

const echo = () =>
  record("echo", (wsi, reason, _user, data) => {
    if (reason === "receive") wsi.write(data, wsi.frameIsBinary ? "binary" : "text");
  });

interface Outcome {
  readonly established: boolean;
  readonly isSsl: number;
  readonly error: string;
  readonly echoed: string;
  readonly tls: TlsInfo | undefined;
}

/** Connects a client of ours, sends a message, and tells what became of it. */
async function talk(
  stack: TestedStack,
  port: number,
  connect: { ssl: 0 | 1 | 2; address?: string; serverName?: string; version?: 0 | 4 | 8 },
  info: Partial<ContextCreationInfo> = {},
): Promise<Outcome> {
  const outcome = {
    established: false,
    isSsl: 0,
    error: "",
    echoed: "",
    tls: undefined as TlsInfo | undefined,
  };
  const done = Promise.withResolvers<void>();
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    ...stack.sockets,
    // Authorities of one's own alone: those of the world take a tenth of a second to load.
    options: { disableOsCaCerts: info.sslCaFilepath !== undefined },
    ...info,
    protocols: [{
      name: "echo",
      callback(wsi, reason, _user, data) {
        switch (reason) {
          case "clientEstablished":
            outcome.established = true;
            outcome.isSsl = wsi.isSsl;
            outcome.tls = wsi.tls;
            wsi.write("hello");
            break;
          case "clientReceive":
            outcome.echoed = new TextDecoder().decode(data);
            wsi.close(1000);
            break;
          case "clientConnectionError":
            outcome.error = data;
            done.resolve();
            break;
          case "closed":
            done.resolve();
        }
      },
    }],
  });
  context.clientConnect({ address: "127.0.0.1", port, protocol: "echo", ...connect });
  await done.promise;
  return outcome;
}

const CA = { sslCaFilepath: authority.cert };

overStacks(
  "a client of ours talks wss to a server of ours, and both know of the TLS",
  async (stack) => {
    let info: TlsInfo | undefined;
    const seen: number[] = [];
    const recorder = record("echo", (wsi, reason, _user, data) => {
      if (reason === "established") {
        info = data;
        seen.push(wsi.isSsl, Number(wsi.tls === data));
      }
      if (reason === "receive") wsi.write(data, "text");
    });
    await using context = serveTls(stack, recorder.protocol);
    const outcome = await talk(stack, context.port, { ssl: 1, serverName: "localhost" }, CA);
    assertEquals([outcome.echoed, outcome.error, outcome.isSsl], ["hello", "", 1]);
    assertEquals(seen, [1, 1]);
    assertMatch(info!.protocol, /^TLSv1\.[23]$/);
    assertEquals([info!.serverName, info!.alpnProtocol], ["localhost", "http/1.1"]);
    assertEquals(info!.authorized, false, "nobody was asked for a certificate");
    assertEquals(outcome.tls!.authorized, true);
  },
);

// A client of version 0 takes no answer whose location has another scheme than what it asked for.
overStacks(
  "the versions before RFC 6455 are spoken over wss as well, and say so",
  async (stack) => {
    const origins: unknown[] = [];
    const recorder = record("echo", (wsi, reason, _user, data) => {
      if (reason === "established") {
        origins.push([wsi.wireVersion, wsi.hdrCopy("origin"), wsi.hdrCopy("sec-websocket-origin")]);
      }
      if (reason === "receive") wsi.write(data, "text");
    });
    await using context = serveTls(stack, recorder.protocol, { versions: [0, 4, 8] });
    for (const version of [0, 4, 8] as const) {
      const asked = { ssl: 1, serverName: "localhost", version } as const;
      const outcome = await talk(stack, context.port, asked, CA);
      assertEquals([outcome.echoed, outcome.error], ["hello", ""]);
    }
    const origin = `https://127.0.0.1:${context.port}`;
    assertEquals(origins, [[0, origin, undefined], [4, undefined, undefined], [
      8,
      undefined,
      undefined,
    ]]);
  },
);

overStacks(
  "the certificate has to be for the host, whom somebody vouches for, and now",
  async (stack) => {
    using _log = captureLog([]);
    await using context = serveTls(stack, echo().protocol);
    const { port } = context;
    const cases: [Parameters<typeof talk>[2], Partial<ContextCreationInfo>, RegExp][] = [
      [{ ssl: 1, serverName: "other.example" }, CA, /not for other\.example/],
      [{ ssl: 1 }, {}, /CA list/],
      [{ ssl: 1 }, { sslCaFilepath: foreign.cert }, /CA list/],
    ];
    for (const [connect, info, message] of cases) {
      const { established, error } = await talk(stack, port, connect, info);
      assertEquals(established, false);
      assertMatch(error, message);
    }
    assertEquals((await talk(stack, port, { ssl: 1 }, CA)).echoed, "hello");
  },
);

overStacks("ssl 2 forgives self-signing, reports 2, and forgives nothing else", async (stack) => {
  using _log = captureLog([]);
  const own = { sslCertFilepath: selfSigned.cert, sslPrivateKeyFilepath: selfSigned.key };
  await using context = serveTls(stack, echo().protocol, own);
  const { port } = context;
  const forgiven = await talk(stack, port, { ssl: 2, serverName: "localhost" });
  assertEquals([forgiven.echoed, forgiven.isSsl], ["hello", 2]);
  assertMatch((await talk(stack, port, { ssl: 1, serverName: "localhost" })).error, /self-signed/);
  assertMatch(
    (await talk(stack, port, { ssl: 2, serverName: "other.example" })).error,
    /not for other/,
  );
});

overStacks(
  "an expired, a foreign or a missing key pair fails the creation, saying which",
  (stack) => {
    const cases: [Partial<ContextCreationInfo>, RegExp][] = [
      [
        { sslCertFilepath: expired.cert, sslPrivateKeyFilepath: expired.key },
        /sslCertFilepath.*expired/,
      ],
      [
        { sslCertFilepath: server.cert, sslPrivateKeyFilepath: client.key },
        /sslPrivateKeyFilepath/,
      ],
      [
        { sslCertFilepath: "/nowhere.pem", sslPrivateKeyFilepath: server.key },
        /sslCertFilepath.*nowhere/,
      ],
      [{ sslPrivateKeyFilepath: null }, /sslPrivateKeyFilepath.*opensslContextRequiresPrivateKey/],
      [{ ...TLS, sslCaFilepath: "-----BEGIN nothing" }, /sslCaFilepath/],
      [
        { ...TLS, sslCipherList: "none" },
        stack.tunes ? /sslCipherList.*has no "none"/ : /sslCipherList.*fixed/,
      ],
      [
        { sslCertFilepath: undefined as never, sslPrivateKeyFilepath: server.key },
        /sslPrivateKeyFilepath/,
      ],
      [{ ...TLS, options: { peerCertNotRequired: true } }, /peerCertNotRequired/],
    ];
    for (const [info, message] of cases) {
      const error = assertThrows(() => serveTls(stack, echo().protocol, info), LwsError);
      assertEquals(error.code, "invalid-option");
      assertMatch(error.message, message);
    }
  },
);

overStacks("the private key can come from a callback", async (stack) => {
  const recorder = record("echo", (wsi, reason, _user, data) => {
    if (reason === "opensslContextRequiresPrivateKey") data.setPrivateKey(server.key);
    if (reason === "receive") wsi.write(data, "text");
  });
  await using context = createContext({
    ...LOOPBACK,
    ...stack.sockets,
    sslCertFilepath: server.cert,
    protocols: [recorder.protocol],
  });
  assertEquals((await talk(stack, context.port, { ssl: 1 }, CA)).echoed, "hello");
});

const IDENTITY = { sslCertFilepath: client.cert, sslPrivateKeyFilepath: client.key };
const STRANGER = { sslCertFilepath: stranger.cert, sslPrivateKeyFilepath: stranger.key };

overStacks(
  "a client without a certificate, or with a foreign one, is refused; a good one is known",
  async (stack) => {
    using _log = captureLog([]);
    let info: TlsInfo | undefined;
    const recorder = record("echo", (wsi, reason, _user, data) => {
      if (reason === "established") info = data;
      if (reason === "receive") wsi.write(data, "text");
    });
    await using context = serveTls(stack, recorder.protocol, {
      ...CA,
      options: { requireValidClientCert: true },
    });
    const { port } = context;
    assertEquals((await talk(stack, port, { ssl: 1 }, { ...CA, ...IDENTITY })).echoed, "hello");
    assertEquals(info!.authorized, true);
    assertStringIncludes(info!.peerCertificate!.subject, "client");
    assertEquals((await talk(stack, port, { ssl: 1 }, CA)).established, false);
    assertEquals((await talk(stack, port, { ssl: 1 }, { ...CA, ...STRANGER })).established, false);
    assertEquals(recorder.reasons.filter((each) => each === "established").length, 1);
  },
);

for (
  const [verdict, info, isLetIn] of [["accepts", STRANGER, true], [1, IDENTITY, false]] as const
) {
  overStacks(
    `a verification that ${verdict === 1 ? "returns 1" : verdict} overrules the chain's verdict`,
    async (stack) => {
      using _log = captureLog([]);
      const trials: boolean[] = [];
      const recorder = record("echo", (wsi, reason, _user, data) => {
        if (reason === "receive") wsi.write(data, "text");
        if (reason !== "opensslPerformClientCertVerification") return;
        trials.push(data.isTrusted);
        if (verdict === 1) return 1;
        data.accept();
      });
      await using context = serveTls(stack, recorder.protocol, {
        ...CA,
        options: { requireValidClientCert: true },
      });
      const outcome = await talk(stack, context.port, { ssl: 1 }, { ...CA, ...info });
      assertEquals(outcome.echoed, isLetIn ? "hello" : "");
      assertEquals(trials, [!isLetIn]);
    },
  );
}

overStacks("peerCertNotRequired asks, and lets in who has none", async (stack) => {
  const recorder = echo();
  await using context = serveTls(stack, recorder.protocol, {
    ...CA,
    options: { requireValidClientCert: true, peerCertNotRequired: true },
  });
  assertEquals((await talk(stack, context.port, { ssl: 1 }, CA)).echoed, "hello");
});

overStacks(
  "plain HTTP and wss share a port where that is allowed, and isSsl tells",
  async (stack) => {
    using _log = captureLog([]);
    const kinds: number[] = [];
    const recorder = record("echo", (wsi, reason, _user, data) => {
      if (reason === "established") kinds.push(wsi.isSsl);
      if (reason === "receive") wsi.write(data, "text");
    });
    await using context = serveTls(stack, recorder.protocol, {
      options: { allowNonSslOnSslPort: true },
    });
    assertEquals((await talk(stack, context.port, { ssl: 1 }, CA)).echoed, "hello");
    assertEquals((await talk(stack, context.port, { ssl: 0 })).echoed, "hello");
    assertEquals(kinds, [1, 0]);
    await using strict = serveTls(stack, echo().protocol);
    assertEquals((await talk(stack, strict.port, { ssl: 0 })).established, false);
  },
);

overStacks(
  "certificates by server name, and a swap in the middle of open connections",
  async (stack) => {
    const other = await authority.issue({ name: "other.example", hosts: ["other.example"] });
    await using context = serveTls(stack, echo().protocol, { certificates: [other] });
    const { port } = context;
    const shown = async (serverName: string) =>
      (await talk(stack, port, { ssl: 1, serverName }, CA)).tls?.peerCertificate?.subject;
    assertStringIncludes((await shown("other.example"))!, "other.example");
    assertStringIncludes((await shown("localhost"))!, "localhost");

    const renewed = await authority.issue({ name: "renewed", hosts: ["localhost", "127.0.0.1"] });
    context.setCertificate(renewed, [other]);
    assertStringIncludes((await shown("localhost"))!, "renewed");
    const error = assertThrows(
      () => context.setCertificate({ cert: renewed.cert, key: other.key }),
      LwsError,
    );
    assertEquals(error.code, "invalid-argument");
    assertStringIncludes((await shown("localhost"))!, "renewed");
  },
);

overStacks(
  "garbage, a half handshake and a stranger cost their own connection only",
  async (stack) => {
    using _log = captureLog([]);
    const recorder = echo();
    // Nobody is late before the clock says so.
    const clock = new FakeClock();
    await using context = serveTls(stack, recorder.protocol, { clock, headerTimeoutMs: 2_000 });
    const target = { hostname: "127.0.0.1", port: context.port };
    const strangers = [[22, 3, 1, 255, 255, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [22, 3], []];
    const ends = strangers.map(async (bytes) => {
      const conn = await Deno.connect(target);
      await conn.write(new Uint8Array(bytes));
      const buffer = new Uint8Array(100);
      try {
        while (await conn.read(buffer) !== null);
      } catch { /* A reset will do. */ }
      conn.close();
    });
    await recorder.until("filterNetworkConnection", strangers.length);
    clock.advance(2_100);
    await Promise.all(ends);
    assertEquals((await talk(stack, context.port, { ssl: 1 }, CA)).echoed, "hello");
    assertEquals(recorder.reasons.filter((each) => each === "established").length, 1);
  },
);

overStacks("a TLS layer of the program's own makes client connections", async (stack) => {
  const asked: [string, number][] = [];
  await using context = serveTls(stack, echo().protocol);
  const outcome = await talk(stack, context.port, { ssl: 1, serverName: "localhost" }, {
    async providedClientTls(hostname, port, conn) {
      asked.push([hostname, port]);
      conn.close();
      return await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [authority.cert] });
    },
  });
  assertEquals(outcome.echoed, "hello");
  assertEquals(outcome.isSsl, 1);
  assertEquals(asked, [["localhost", context.port]]);
});

overStacks("a name with another one in it is no name of the server's", async (stack) => {
  const joined = await authority.issue({ name: "x", hosts: ["other.example, DNS:localhost"] });
  await using context = serveTls(stack, echo().protocol, {
    sslCertFilepath: joined.cert,
    sslPrivateKeyFilepath: joined.key,
  });
  const outcome = await talk(stack, context.port, { ssl: 1, serverName: "localhost" }, CA);
  assertEquals(outcome.established, false);
  assertMatch(outcome.error, /name that can't be one|not for localhost/);
});

overStacks("plain clients beside required certificates are warned of", async (stack) => {
  using log = captureLog(["warn"]);
  await using _context = serveTls(stack, echo().protocol, {
    ...CA,
    options: { requireValidClientCert: true, allowNonSslOnSslPort: true },
  });
  assertMatch(log.lines.join(), /allowNonSslOnSslPort.*no certificate/);
});

overStacks("a key that lost its frame is not repeated in the error about it", (stack) => {
  const bare = server.key.replace(/-----[^-]*-----|\s/g, "");
  for (const sslPrivateKeyFilepath of [bare, server.key.replaceAll("-----", "--")]) {
    const error = assertThrows(
      () => serveTls(stack, echo().protocol, { sslPrivateKeyFilepath }),
      LwsError,
      "sslPrivateKeyFilepath",
    );
    assertEquals(error.message.includes(bare.slice(20, 60)), false);
    assertEquals(String(error.cause).includes(bare.slice(20, 60)), false);
  }
});

overStacks(
  "ciphers and versions count by OpenSSL, and are refused by name by node:tls",
  async (stack) => {
    const sslCipherList = "ECDHE-ECDSA-CHACHA20-POLY1305";
    const info = { sslMaxVersion: "TLSv1.2", sslCipherList } as const;
    if (!stack.tunes) {
      for (const [name, value] of Object.entries(info)) {
        assertThrows(() => serveTls(stack, echo().protocol, { [name]: value }), LwsError, name);
      }
      return;
    }
    await using context = serveTls(stack, echo().protocol, info);
    const { tls } = await talk(stack, context.port, { ssl: 1 }, CA);
    assertEquals([tls?.protocol, tls?.cipher], ["TLSv1.2", sslCipherList]);
    const newer = { ...CA, sslMinVersion: "TLSv1.3" } as const;
    assertMatch((await talk(stack, context.port, { ssl: 1 }, newer)).error, /TLS handshake failed/);
  },
);

overStacks("the program serves TLS over sockets itself, in its own time", async (stack) => {
  await using context = serveTls(stack, echo().protocol, { service: "manual" });
  let isOver = false;
  const serving = (async () => {
    while (!isOver) await context.service(5);
  })();
  assertEquals((await talk(stack, context.port, { ssl: 1 }, CA)).echoed, "hello");
  isOver = true;
  await serving;
});
