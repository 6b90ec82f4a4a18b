/** Contexts with TLS by OpenSSL, over sockets: both sides, by what the creation struct says. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  createContext,
  type TlsInfo,
} from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import { connectProxy } from "../../support/connect_proxy.ts";
import { named } from "../../support/named.ts";
import { CLIENT, echo, made, TLS, TRUST_ONLY } from "./server.ts";

const network = epollNetwork({ tls: "openssl" });
const SERVER = { port: 0, iface: "127.0.0.1", network, protocols: [echo], ...TLS } as const;
const TEXT = "hello".repeat(50_000);

interface Talk {
  /** What came back, in short, or why nothing did. */
  readonly outcome: string;
  readonly isSsl?: number;
  readonly tls?: TlsInfo | undefined;
}

/** What comes of a client that says one thing. */
async function talk(
  port: number,
  client: Partial<ContextCreationInfo> = TRUST_ONLY,
  ssl: 0 | 1 | 2 = 1,
): Promise<Talk> {
  const { promise, resolve } = Promise.withResolvers<Talk>();
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    network,
    ...client,
    protocols: [named("echo", {
      clientEstablished: (wsi) => void wsi.write(TEXT),
      message(wsi, _user, message) {
        const outcome = message === TEXT ? "echoed" : "damaged";
        resolve({ outcome, isSsl: wsi.isSsl, tls: wsi.tls });
        wsi.close(1000);
      },
      clientConnectionError: (_wsi, _user, outcome) => resolve({ outcome }),
      closed: () => resolve({ outcome: "closed" }),
    })],
  });
  context.clientConnect({ ...CLIENT, address: "127.0.0.1", host: "localhost", port, ssl });
  return await promise;
}

Deno.test("a context over OpenSSL serves wss and its clients, and tells what was agreed", async () => {
  await using server = createContext(SERVER);
  const { outcome, isSsl, tls } = await talk(server.port);
  assertEquals([outcome, isSsl, tls?.protocol, tls?.authorized], ["echoed", 1, "TLSv1.3", true]);
  assertEquals(tls?.alpnProtocol, "http/1.1");
  assertEquals(tls?.peerCertificate?.subject, "CN=localhost");
});

Deno.test("plain HTTP on the port of TLS is served where that is allowed, and else closed", async () => {
  const options = { allowNonSslOnSslPort: true };
  await using both = createContext({ ...SERVER, options });
  await using one = createContext(SERVER);
  assertEquals((await talk(both.port, {}, 0)).outcome, "echoed");
  assertEquals((await talk(both.port)).outcome, "echoed");
  assertEquals((await talk(one.port, {}, 0)).outcome === "echoed", false);
});

Deno.test("certificates by host name, and one that is changed, are those that clients see", async () => {
  await using server = createContext({ ...SERVER, certificates: [made.example] });
  assertEquals((await talk(server.port)).tls?.peerCertificate?.subject, "CN=localhost");
  server.setCertificate(made.renewed);
  assertEquals((await talk(server.port)).tls?.peerCertificate?.subject, "CN=renewed");
});

Deno.test("clients show a certificate where one is required", async () => {
  const options = { requireValidClientCert: true };
  await using server = createContext({ ...SERVER, options, sslCaFilepath: made.ca.cert });
  const showing = ({ cert, key }: { cert: string; key: string }) => ({
    ...TRUST_ONLY,
    sslCertFilepath: cert,
    sslPrivateKeyFilepath: key,
  });
  assertEquals((await talk(server.port, showing(made.client))).outcome, "echoed");
  for (const client of [TRUST_ONLY, showing(made.foreignClient), showing(made.expiredClient)]) {
    const { outcome } = await talk(server.port, client).catch((error) => ({ outcome: error.code }));
    assertEquals(outcome === "echoed", false, outcome);
  }
});

Deno.test("a self-signed server is refused, and forgiven with ssl 2", async () => {
  const { cert, key } = made.selfSigned;
  const shown = { sslCertFilepath: cert, sslPrivateKeyFilepath: key };
  await using server = createContext({ ...SERVER, ...shown });
  assertStringIncludes((await talk(server.port)).outcome, "self-signed");
  const { outcome, isSsl } = await talk(server.port, TRUST_ONLY, 2);
  assertEquals([outcome, isSsl], ["echoed", 2]);
  // The system's authorities are those that count by themselves, and none of them has signed it.
  assertStringIncludes((await talk(server.port, {})).outcome, "self-signed");
});

Deno.test("a client goes to a server over OpenSSL through a tunnel", async () => {
  await using proxy = connectProxy();
  await using server = createContext(SERVER);
  const through = { ...TRUST_ONLY, httpProxyAddress: `127.0.0.1:${proxy.port}` };
  assertEquals((await talk(server.port, through)).outcome, "echoed");
  assertEquals(proxy.requests.length, 1);
});

Deno.test("ciphers and versions of a context count", async () => {
  await using server = createContext({
    ...SERVER,
    sslMaxVersion: "TLSv1.2",
    sslCipherList: "ECDHE-ECDSA-CHACHA20-POLY1305",
  });
  const { tls } = await talk(server.port);
  assertEquals([tls?.protocol, tls?.cipher], ["TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"]);
  const { outcome } = await talk(server.port, { ...TRUST_ONLY, sslMinVersion: "TLSv1.3" });
  assertStringIncludes(outcome, "TLS handshake failed");
});

Deno.test("the program serves TLS by OpenSSL itself, in its own time", async () => {
  await using server = createContext({ ...SERVER, service: "manual" });
  const serving = new AbortController();
  const served = (async () => {
    while (!serving.signal.aborted) await server.service(5);
  })();
  assertEquals((await talk(server.port)).outcome, "echoed");
  serving.abort();
  await served;
});
