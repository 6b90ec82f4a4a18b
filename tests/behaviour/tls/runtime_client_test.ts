/** By whose TLS a client of a context comes to its server: the runtime's own, or `node:tls`. */

import { unlessEpoll } from "../../runtime_network.ts";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError, type Protocol } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { Child } from "../../support/child.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { connectProxy } from "../../support/connect_proxy.ts";
import { temporaryFolder } from "../../support/folder.ts";

const made = await makeCertificates();
const echo: Protocol = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason === "receive") wsi.write(data, "text");
  },
};

type Way = readonly [info: Record<string, unknown>, target: Record<string, unknown>];

/** What a program that trusts the tests' authority, as the runtime's user wants, says of the ways. */
async function outcomes(
  ways: readonly Way[],
  trustBy = "DENO_CERT",
  flags: readonly string[] = ["-A"],
): Promise<string[]> {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await Deno.writeTextFile(`${folder}/ca.pem`, made.ca.cert);
  await using child = new Child(
    ["env", `${trustBy}=${folder}/ca.pem`],
    "tls/runtime_client.ts",
    flags,
    [JSON.stringify(ways)],
  );
  const lines: string[] = [];
  for (let i = 0; i < ways.length; i++) lines.push(await child.line());
  return lines;
}

const serving = (identity = made.localhost) =>
  createContext({
    ...LOOPBACK,
    sslCertFilepath: identity.cert,
    sslPrivateKeyFilepath: identity.key,
    protocols: [echo],
  });

const BY_RUNTIME = "unknown unseen";
const BY_NODE = "TLSv1.3 CN=localhost";

Deno.test("whoever needs nothing special goes over the runtime's own TLS, directly and through proxies", async () => {
  await using server = serving();
  await using proxy = connectProxy({ credentials: "me:secret" });
  const { port } = server;
  const proxied = { httpProxyAddress: `me:secret@127.0.0.1:${proxy.port}` };
  const lines = await outcomes([
    [{}, { port }],
    [{}, { port, address: "127.0.0.1" }],
    [proxied, { port }],
    [{ options: { disableIpv6: true } }, { port }],
    [{}, { port, address: "127.0.0.1", serverName: "localhost" }],
  ]);
  assertEquals(lines, Array(5).fill(BY_RUNTIME));
  assertEquals(proxy.requests.length, 1);
});

Deno.test("own authorities, a certificate, forgiveness, details and a source address take node:tls", async () => {
  await using server = serving();
  const { port } = server;
  const { cert, key } = made.client;
  const lines = await outcomes([
    [{}, { port, peerCertificate: true }],
    [{}, { port, ssl: 2 }],
    [{ sslCaFilepath: made.ca.cert }, { port }],
    [{ sslCertFilepath: cert, sslPrivateKeyFilepath: key }, { port }],
    [{}, { port, address: "127.0.0.1", iface: "127.0.0.1" }],
    [{ options: { disableOsCaCerts: true } }, { port }],
  ]);
  assertEquals(lines.slice(0, 5), Array(5).fill(BY_NODE));
  assertMatch(lines[5]!, /not in the CA list|nobody in the CA list/);
});

for (
  const [flags, isTrusted] of [
    [["--allow-net"], false],
    [["--allow-net", "--allow-sys"], true],
    [["--allow-net", "--allow-sys", "--allow-env"], true],
  ] as const
) {
  const whose = isTrusted ? "beside the runtime's" : "alone";
  Deno.test(`with ${flags.join(" ")} own authorities count ${whose}`, async () => {
    await using server = serving();
    const ways: Way[] = [[{ sslCaFilepath: made.foreignCa.cert }, { port: server.port }]];
    const [line] = await outcomes(ways, "NODE_EXTRA_CA_CERTS", flags);
    assertMatch(line!, isTrusted ? /^TLSv1.3 CN=localhost$/ : /not in the CA list|nobody in the/);
  });
}

Deno.test("a certificate that is not good is refused by both in the same words", async () => {
  await using server = serving();
  await using elsewhere = serving(made.example);
  await using stranger = serving(made.selfSigned);
  const ports = [server.port, elsewhere.port, stranger.port];
  for (const peerCertificate of [false, true]) {
    const [good, other, self] = await outcomes(
      ports.map((port) => [{}, { port, peerCertificate }] as const),
    );
    assertEquals(good, peerCertificate ? BY_NODE : BY_RUNTIME);
    assertMatch(other!, /the server's certificate is for DNS:example\.test.*, not for localhost$/);
    assertMatch(self!, /self-signed.*CA list/);
  }
});

Deno.test({
  ...unlessEpoll(
    "once a silent server was given up, whose socket nobody can close, node:tls is used",
    "the runtime's TLS needs sockets of its own",
  ),
  async fn() {
    using _log = captureLog([]);
    await using server = serving();
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const clock = new FakeClock();
    let told = (_text: string) => {};
    const recorder = record("echo", (_wsi, reason, _user, data) => {
      if (reason === "clientConnectionError") told(data);
    });
    const context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      clock,
      clientTimeoutMs: 1000,
      protocols: [recorder.protocol],
    });
    const connect = (port: number) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      told = resolve;
      context.clientConnect({ address: "127.0.0.1", port, ssl: 1 });
      return promise;
    };
    // Nobody vouches for the server here, which both say in words of their own.
    assertMatch(await connect(server.port), /UnknownIssuer/);
    const outcome = connect(silent.addr.port);
    const accepted = await silent.accept();
    // The handshake's first bytes are there: it has begun.
    await accepted.read(new Uint8Array(1));
    clock.advance(1100);
    assertMatch(await outcome, /timed out while connecting \(establishWithServer/);
    assertMatch(await connect(server.port), /UNABLE_TO|SELF_SIGNED|self-signed and not/);
    accepted.close();
    await context.destroy();
  },
});

Deno.test("peerCertificate is true or false", async () => {
  await using context = createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [echo] });
  const peerCertificate = 1 as unknown as boolean;
  const error = assertThrows(
    () => context.clientConnect({ address: "localhost", port: 1, ssl: 1, peerCertificate }),
    LwsError,
    "peerCertificate",
  );
  assertEquals(error.code, "invalid-argument");
});
