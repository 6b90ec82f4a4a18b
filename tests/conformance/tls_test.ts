/** RFC 6455 sections 4, 7.1.1 and 10 where they concern TLS, on servers and on clients. */

import { X509Certificate } from "node:crypto";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ClientConnectInfo, CloseInfo, ContextCreationInfo, Protocol } from "../../mod.ts";
import { handlers } from "../../mod.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import type { Network } from "../../src/api/network.ts";
import { TlsClient } from "../../src/tls/client.ts";
import type { TlsInfo } from "../../src/api/tls.ts";
import { TlsServer } from "../../src/tls/server.ts";
import { makeCertificates, type TestIdentity } from "../support/certificates.ts";
import { concat, frame, KEY } from "../support/frames.ts";
import { fieldOf, statusOf } from "../support/http.ts";
import { captureLog } from "../support/recorder.ts";
import type { Served } from "../support/serve.ts";
import { handshake, playServer, readFrame, readHead, serve } from "../support/serve.ts";
import { dialTls, openTls } from "../support/tls_peer.ts";
import { recordsOf, tapped, TLS_RECORD, type Wire } from "./tls_wire.ts";
import { rule } from "./rule.ts";
import { answerLines, headOf } from "./sides.ts";

const made = await makeCertificates();
const TLS = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };
const TRUST = { sslCaFilepath: made.ca.cert, options: { disableOsCaCerts: true } };
const CA = { ca: made.ca.cert };
const SECRET = "the secret of the message";

/** What the callbacks of one side were told. */
interface Heard {
  readonly protocol: Protocol;
  readonly events: string[];
  readonly closed: Promise<CloseInfo>;
  readonly failed: Promise<string>;
}

function listening(name = "chat"): Heard {
  const events: string[] = [];
  const closed = Promise.withResolvers<CloseInfo>();
  const failed = Promise.withResolvers<string>();
  const protocol: Protocol = {
    name,
    callback: handlers({
      filterProtocolConnection: () => void events.push("filter"),
      established: () => void events.push("established"),
      clientEstablished(wsi) {
        events.push("established");
        wsi.write(SECRET);
      },
      message(wsi, _user, message) {
        events.push(String(message));
        if (!wsi.isClient) wsi.write(message);
      },
      clientConnectionError(_wsi, _user, text) {
        events.push("error");
        failed.resolve(text);
      },
      closed(_wsi, _user, info) {
        events.push("closed");
        closed.resolve(info);
      },
    }),
  };
  return { protocol, events, closed: closed.promise, failed: failed.promise };
}

/** A client that is played by hand over TLS, and the bytes below it. */
async function dialTapped(served: Served): Promise<{ peer: MemoryPeer; wire: Wire }> {
  const target = { hostname: "localhost", port: 80 };
  const wire = tapped(await served.network.connect(target, new AbortController().signal));
  const client = new TlsClient({ ca: [made.ca.cert], disableOsCaCerts: true });
  const transport = await client.secure(wire.transport, { serverName: "localhost" }).done;
  return { peer: new MemoryPeer(transport as unknown as MemoryTransport), wire };
}

/** A client of ours, the server that a test plays for it over TLS, and the bytes below our client. */
async function clientOf(
  heard: Heard,
  connect: Partial<ClientConnectInfo> = {},
  info: Partial<ContextCreationInfo> = TRUST,
  identity: TestIdentity = made.localhost,
) {
  const inner = new MemoryNetwork();
  const wires: Wire[] = [];
  const network: Network = {
    listen: (target) => inner.listen(target),
    async connect(target, signal) {
      const wire = tapped(await inner.connect(target, signal));
      wires.push(wire);
      return wire.transport;
    },
  };
  const played = playServer([heard.protocol], { ...info, network });
  const port = connect.port ?? 443;
  const listener = inner.listen({ hostname: "localhost", port });
  played.context.clientConnect({ address: "localhost", port, ssl: 1, ...connect });
  const below = await listener.accept() as MemoryTransport;
  listener.close();
  return {
    ...played,
    below,
    wire: () => wires[0]!,
    /** The server's end of TLS, once hands are shaken. */
    async secure(): Promise<{ peer: MemoryPeer; info: TlsInfo }> {
      const transport = await serverWith(identity).secure(below).done;
      return {
        peer: new MemoryPeer(transport as unknown as MemoryTransport),
        info: transport.info,
      };
    },
  };
}

/** A server's TLS, even with a certificate that ours would not show. */
function serverWith(identity: TestIdentity): TlsServer {
  const { now } = Date;
  const { validFrom, validTo } = new X509Certificate(identity.cert);
  Date.now = () => (Date.parse(validFrom) + Date.parse(validTo)) / 2;
  try {
    return new TlsServer({ identity });
  } finally {
    Date.now = now;
  }
}

const holds = (bytes: Uint8Array, text: string) =>
  new TextDecoder("latin1").decode(bytes).includes(text);

// Clients.

rule("4.1", "TLS comes before the request, and all goes through it, both ways", async () => {
  const heard = listening();
  await using client = await clientOf(heard);
  const { peer } = await client.secure();
  const request = await readHead(peer);
  assertMatch(request, /^GET \/ HTTP\/1\.1\r\n/);
  peer.send(headOf(answerLines(request)));
  assertEquals(new TextDecoder().decode((await readFrame(peer)).payload), SECRET);
  peer.send(frame({ opcode: 1, payload: "the server's secret" }));
  peer.send(frame({ opcode: 8 }));
  assertEquals((await readFrame(peer)).opcode, 8);
  peer.end();
  await heard.closed;
  assertEquals(heard.events, ["established", "the server's secret", "closed"]);
  const wire = client.wire();
  assertEquals(recordsOf(wire.sent())[0]!.type, TLS_RECORD.handshake);
  for (const bytes of [wire.sent(), wire.received()]) {
    assert(recordsOf(bytes).length > 2);
    for (const text of ["HTTP", "websocket", "secret"]) assert(!holds(bytes, text), text);
  }
  peer.close();
});

rule("4.1", "a client asks for its server by name, in TLS", async () => {
  const names = [
    [{}, "localhost"],
    [{ host: "localhost:8443" }, "localhost"],
    [{ host: "example.test" }, "example.test"],
    [{ host: "localhost", serverName: "example.test" }, "example.test"],
  ] as const;
  for (const [connect, expected] of names) {
    const identity = expected === "localhost" ? made.localhost : made.example;
    await using client = await clientOf(listening(), connect, TRUST, identity);
    const { peer, info } = await client.secure();
    assertEquals(info.serverName, expected);
    await readHead(peer);
    peer.close();
  }
});

rule("4.1", "with TLS the default port is 443, and Host says any other", async () => {
  for (const [port, host] of [[443, "localhost"], [80, "localhost:80"]] as const) {
    await using client = await clientOf(listening(), { port });
    const { peer } = await client.secure();
    assertEquals(fieldOf(await readHead(peer), "Host"), host);
    peer.close();
  }
});

rule("4.1", "a certificate that can't be verified fails the connection, unasked", async () => {
  using _log = captureLog([]);
  const cases = [
    [made.selfSigned, {}, /self-signed/],
    [made.selfSignedForClients, { ssl: 2 }, /not for servers/],
    [made.example, {}, /not for localhost/],
    [made.expired, {}, /expired/],
    [made.notYetValid, {}, /not valid before/],
    [made.localhost, { serverName: "elsewhere.test" }, /not for elsewhere/],
    [made.selfSignedElsewhere, { ssl: 2 }, /not for localhost/],
  ] as const;
  for (const [identity, connect, expected] of cases) {
    const heard = listening();
    await using client = await clientOf(heard, connect, TRUST, identity);
    // The server may believe that all is well until the client has gone.
    const received = client.secure().then(
      async ({ peer }) => {
        const bytes = await peer.readToEnd();
        peer.close();
        return bytes;
      },
      () => new Uint8Array(0),
    );
    assertMatch(await heard.failed, expected);
    assertEquals(heard.events, ["error"]);
    assertEquals((await received).length, 0, "the request left");
  }
});

rule("4.1", "a server without TLS fails the connection, and gets no request", async () => {
  using _log = captureLog([]);
  const heard = listening();
  await using client = await clientOf(heard);
  const peer = new MemoryPeer(client.below);
  peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  await heard.failed;
  assertEquals(heard.events, ["error"]);
  const got = await peer.readToEnd();
  assertEquals(recordsOf(got)[0]!.type, TLS_RECORD.handshake);
  assert(!holds(got, "HTTP"));
  peer.close();
});

// Servers.

rule("4.2.2", "on a TLS port the handshake and all behind it go through the tunnel", async () => {
  const heard = listening();
  await using served = serve([heard.protocol], TLS);
  const { peer, wire } = await dialTapped(served);
  peer.send(handshake({ protocol: "chat" }));
  assertEquals(statusOf(await readHead(peer)), 101);
  peer.send(frame({ opcode: 1, payload: SECRET, key: KEY }));
  assertEquals(new TextDecoder().decode((await readFrame(peer)).payload), SECRET);
  peer.send(frame({ opcode: 8, key: KEY }));
  assertEquals((await readFrame(peer)).opcode, 8);
  await peer.readToEnd();
  for (const bytes of [wire.sent(), wire.received()]) {
    assertEquals(recordsOf(bytes)[0]!.type, TLS_RECORD.handshake);
    for (const text of ["HTTP", "websocket", "secret"]) assert(!holds(bytes, text), text);
  }
  peer.close();
});

rule(
  "4.2.2",
  "a TLS handshake that fails closes the connection, and nobody is told of a request",
  async () => {
    using _log = captureLog([]);
    const heard = listening();
    await using served = serve([heard.protocol], TLS);
    const hello = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
    for (const offence of [handshake({ protocol: "chat" }), new Uint8Array(hello), "\0\0\0"]) {
      const peer = await served.dial(offence);
      if (offence === "\0\0\0") peer.end();
      // Nothing comes but an alert.
      for (const { type } of recordsOf(await peer.readToEnd())) {
        assertEquals(type, TLS_RECORD.alert);
      }
      peer.close();
    }
    assertEquals(heard.events, []);
  },
);

rule("7.1.1", "the TLS session is closed with its connection, cleanly", async () => {
  const heard = listening();
  await using served = serve([heard.protocol], TLS);
  const { peer, wire } = await dialTapped(served);
  peer.send(concat(
    new TextEncoder().encode(handshake({ protocol: "chat" })),
    frame({ opcode: 8, key: KEY }),
  ));
  await readHead(peer);
  assertEquals((await readFrame(peer)).opcode, 8);
  await peer.readToEnd();
  peer.close();
  // RFC 8446 section 6.1: close_notify, of two bytes, with its type and the tag of the cipher.
  assertEquals(recordsOf(wire.received()).at(-1)!.length, 2 + 1 + 16);
});

rule("10.2", "with TLS the own origin of a server is one with https", async () => {
  using _log = captureLog([]);
  await using served = serve([listening().protocol], TLS);
  const cases = [["https://localhost", 101], ["http://localhost", 403], ["https://a.test", 403]];
  for (const [origin, status] of cases) {
    const { peer } = await dialTls(served.network, CA);
    peer.send(handshake({ headers: [`Origin: ${origin}`] }));
    assertEquals(statusOf(await readHead(peer)), status, String(origin));
    peer.close();
  }
});

rule("10.5", "a server can authenticate clients by their certificates", async () => {
  using _log = captureLog([]);
  const subjects: (string | undefined)[] = [];
  const callback = handlers({
    established: (_wsi, _user, tls) => void subjects.push(tls?.peerCertificate?.subject),
  });
  await using served = serve([{ name: "chat", callback }], {
    ...TLS,
    sslCaFilepath: made.ca.cert,
    options: { requireValidClientCert: true },
  });
  const socket = await openTls(served.network, { ...CA, identity: made.client });
  assertEquals(subjects, ["CN=client"]);
  for (const identity of [undefined, made.foreignClient, made.expiredClient]) {
    const came = await openTls(served.network, { ...CA, ...identity && { identity } })
      .then(() => "came", () => "refused");
    assertEquals(came, "refused");
  }
  assertEquals(subjects.length, 1);
  socket.peer.close();
});

rule("10.6", "servers and clients speak TLS to each other, of version 1.2 or 1.3", async () => {
  const [server, client] = [listening(), listening()];
  await using served = serve([server.protocol], { ...TLS, port: 443 });
  const context = served.client([client.protocol], TRUST);
  const wsi = context.clientConnect({ address: "localhost", port: 443, ssl: 1, protocol: "chat" });
  while (client.events.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assertEquals([client.events, server.events.at(-1)], [["established", SECRET], SECRET]);
  assertMatch(wsi.tls!.protocol, /^TLSv1\.[23]$/);
  wsi.close(1000);
  assertEquals((await server.closed).wasClean, true);
});
