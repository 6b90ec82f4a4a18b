/** TLS by the runtime's own sockets. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:tls";
import { type RuntimeTlsOptions, secureByRuntime } from "../../../src/tls/runtime_client.ts";
import { detached } from "../../../src/transport/network.ts";
import { runtimeNetwork as tcpNetwork } from "../../runtime_network.ts";
import { LwsError } from "../../../src/base/errors.ts";
import type { TlsIdentity } from "../../../src/tls/certificate.ts";
import { TlsServer } from "../../../src/tls/server.ts";
import type { Transport } from "../../../src/api/network.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

const made = await makeCertificates();
const never = new AbortController().signal;
const OPTIONS: RuntimeTlsOptions = {
  serverName: "localhost",
  ca: [made.ca.cert],
  onAbandoned: () => {},
};

/** Both ends of a TCP connection, the first one taken out of its transport. */
async function tcpPair(): Promise<[Deno.TcpConn, Transport]> {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([
    tcpNetwork.connect(listener.address, never),
    listener.accept(),
  ]);
  listener.close();
  return [detached(near)!, far];
}

async function pair(options = OPTIONS): Promise<[Transport, Transport]> {
  const [conn, far] = await tcpPair();
  const server = new TlsServer({ identity: made.localhost });
  const [{ transport }, accepted] = await Promise.all([
    secureByRuntime(conn, options, never),
    server.secure(far).done,
  ]);
  return [transport, accepted];
}

testTransportContract("the runtime's TLS", () => pair());

Deno.test("what the runtime tells of its TLS is little, and never wrong", async () => {
  for (const serverName of ["localhost", "127.0.0.1", "::1"]) {
    const [conn, far] = await tcpPair();
    const server = new TlsServer({ identity: made.localhost });
    const [{ transport, info }, accepted] = await Promise.all([
      secureByRuntime(conn, { ...OPTIONS, serverName }, never),
      server.secure(far).done,
    ]);
    assertEquals(info, {
      protocol: "unknown",
      cipher: "unknown",
      alpnProtocol: "http/1.1",
      serverName: serverName === "localhost" ? serverName : undefined,
      authorized: true,
      authorizationError: undefined,
      peerCertificate: undefined,
      isSsl: 1,
    });
    for (const each of [transport, accepted]) each.close();
  }
});

async function refusal(
  identity: TlsIdentity,
  options: Partial<RuntimeTlsOptions> = {},
): Promise<LwsError> {
  const server = createServer(identity, (socket) => socket.on("error", () => {}));
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const { port } = server.address() as { port: number };
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const error = await assertRejects(
    () => secureByRuntime(conn, { ...OPTIONS, ...options }, never),
    LwsError,
  );
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return error;
}

for (
  const [what, identity, options, code, text] of [
    [
      "a stranger's certificate",
      made.localhost,
      { ca: [] },
      "certificate-unknown-issuer",
      /issued by somebody whom nobody in the CA list vouches for/,
    ],
    [
      "a self-signed one",
      made.selfSigned,
      {},
      "certificate-unknown-issuer",
      /is self-signed, or was issued/,
    ],
    [
      "another host's",
      made.localhost,
      { serverName: "other.test" },
      "certificate-name-mismatch",
      /certificate is for DNS:localhost, IP Address:127\.0\.0\.1.*, not for other\.test$/,
    ],
    [
      "another address's",
      made.localhost,
      { serverName: "127.0.0.2" },
      "certificate-name-mismatch",
      /, not for 127\.0\.0\.2$/,
    ],
    ["an expired one", made.expired, {}, "certificate-expired", /has expired on \d{4}-\d\d-\d\dT/],
    [
      "one of tomorrow",
      made.notYetValid,
      {},
      "certificate-not-yet-valid",
      /is not valid before \d{4}-\d\d-\d\dT/,
    ],
    ["a client's", made.client, {}, "certificate-wrong-purpose", /is not for servers/],
  ] as const
) {
  Deno.test(`${what} is refused as ${code}`, async () => {
    const error = await refusal(identity, options);
    assertEquals(error.code, code);
    assert(text.test(error.message), error.message);
  });
}

Deno.test("a server that speaks no TLS, or ends at once, is an error of the handshake", async () => {
  for (
    const [answer, code] of [
      ["HTTP/1.1 400 Bad Request\r\n\r\n", "tls-handshake-failed"],
      ["", "connection-closed"],
    ] as const
  ) {
    const [conn, far] = await tcpPair();
    const server = new Recorder(far);
    const securing = secureByRuntime(conn, OPTIONS, never);
    securing.catch(() => {});
    await server.until(() => server.takenLength > 0);
    if (answer === "") far.end();
    else far.write(new TextEncoder().encode(answer));
    assertEquals((await assertRejects(() => securing, LwsError)).code, code);
    far.close();
  }
});

Deno.test("a server that ends without a notice has ended, and nothing has broken", async () => {
  const [conn, raw] = await tcpPair();
  const [{ transport }, accepted] = await Promise.all([
    secureByRuntime(conn, OPTIONS, never),
    new TlsServer({ identity: made.localhost }).secure(raw).done,
  ]);
  const [near, far] = [new Recorder(transport), new Recorder(accepted)];
  await near.write("hello");
  await far.untilTaken(5);
  raw.end();
  await near.until(() => near.events.length > 1);
  assertEquals(near.events, ["drain", "end"]);
  near.transport.close();
  far.transport.close();
  await near.until(() => near.count("close") === 1);
});

Deno.test("who gives up before the handshake has everything closed, and abandons no socket", async () => {
  const [conn, far] = await tcpPair();
  const server = new Recorder(far);
  let abandoned = 0;
  const options = { ...OPTIONS, onAbandoned: () => void abandoned++ };
  await assertRejects(
    () => secureByRuntime(conn, options, AbortSignal.abort(new Error("enough"))),
    Error,
    "enough",
  );
  await server.until(() => server.events.length > 0);
  assertEquals(abandoned, 0);
  far.close();
});

Deno.test("who gives up while the server is silent is told why, and abandons a socket", async () => {
  const [conn, far] = await tcpPair();
  const server = new Recorder(far);
  let abandoned = 0;
  const options = { ...OPTIONS, onAbandoned: () => void abandoned++ };
  const aborter = new AbortController();
  const securing = secureByRuntime(conn, options, aborter.signal);
  securing.catch(() => {});
  await server.until(() => server.takenLength > 0);
  aborter.abort(new Error("enough"));
  await assertRejects(() => securing, Error, "enough");
  assertEquals(abandoned, 1);
  far.close();
});

Deno.test("whoever closes with a write under way abandons a socket, and else none", async () => {
  for (const length of [0, 64 * 1024 * 1024]) {
    let abandoned = 0;
    const [near, far] = await pair({ ...OPTIONS, onAbandoned: () => void abandoned++ });
    const client = new Recorder(near);
    if (length > 0) near.write(new Uint8Array(length));
    near.close();
    await client.until(() => client.events.includes("close"));
    assertEquals(abandoned, length === 0 ? 0 : 1);
    far.close();
  }
});

Deno.test("only what nobody uses is taken out of a transport, and once", async () => {
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const dial = async (target = {}) => {
    const [near, far] = await Promise.all([
      tcpNetwork.connect({ ...listener.address, ...target }, never),
      listener.accept(),
    ]);
    return { near, far };
  };
  for (const use of ["reading", "closed", "by node:net"]) {
    const { near, far } = await dial(use === "by node:net" ? { localAddress: "127.0.0.1" } : {});
    if (use === "reading") new Recorder(near);
    if (use === "closed") near.close();
    assertEquals(detached(near), undefined, use);
    near.close();
    far.close();
  }
  const { near, far } = await dial();
  detached(near)!.close();
  assertEquals(detached(near), undefined);
  near.close();
  far.close();
  listener.close();
});
