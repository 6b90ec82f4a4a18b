/** Awaited filters and requests over what carries them: TCP, TLS, the PROXY protocol, unix sockets. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createContext } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { dialAlone, handshake, readFrame, readHead, serve, settle } from "../../support/serve.ts";
import { thinking } from "../../support/thinking.ts";
import { dialTls } from "../../support/tls_peer.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";
import { temporaryFolder } from "../../support/folder.ts";

const made = await makeCertificates();
const TLS = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };
const encoder = new TextEncoder();
const LINE = "PROXY TCP4 203.0.113.9 198.51.100.1 50000 443\r\n";

/** Waits for what takes some turns of the runtime, and nothing else. */
async function until(satisfied: () => boolean): Promise<void> {
  while (!satisfied()) await new Promise((resolve) => setImmediate(resolve));
}

/** Thinks about everything that can be awaited before a message is echoed. */
const slow = named("slow", {
  async filterNetworkConnection() {
    await settle();
  },
  async filterHttpConnection() {
    await settle();
  },
  async filterProtocolConnection() {
    await settle();
  },
  async http() {
    await settle();
  },
  async httpBody() {
    await settle();
  },
  async httpBodyCompletion(wsi) {
    await settle();
    return reply(wsi, 200, "whole");
  },
  message: (wsi, _user, message) => void wsi.write(message),
});

for (const secure of [false, true]) {
  Deno.test(`over real TCP${secure ? " and TLS" : ""} bodies and WebSockets pass what is awaited`, async () => {
    await using context = createContext({ ...LOOPBACK, protocols: [slow], ...(secure ? TLS : {}) });
    const { port } = context;
    using client = Deno.createHttpClient({ caCerts: [made.ca.cert] });
    const body = "x".repeat(300_000);
    const response = await fetch(`http${secure ? "s" : ""}://localhost:${port}/`, {
      method: "POST",
      body,
      client,
    });
    assertStringIncludes(await response.text(), "whole");
    const conn = secure
      ? await Deno.connectTls({ hostname: "localhost", port, caCerts: [made.ca.cert] })
      : await Deno.connect({ hostname: "127.0.0.1", port });
    const message = frame({ opcode: 1, payload: "behind the handshake", key: KEY });
    await conn.write(concat(encoder.encode(handshake()), message));
    let text = "";
    const buffer = new Uint8Array(1024);
    while (!text.endsWith("behind the handshake")) {
      text += new TextDecoder("latin1").decode(buffer.subarray(0, (await conn.read(buffer))!));
    }
    conn.close();
  });
}

Deno.test("a client over TCP that goes while a filter thinks is noticed", async () => {
  const thinker = thinking("filterProtocolConnection");
  await using context = createContext({ ...LOOPBACK, protocols: [thinker.protocol] });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: context.port });
  await conn.write(encoder.encode(handshake()));
  await until(() => thinker.pending() === 1);
  conn.close();
  await until(() => thinker.reasons.at(-1) === "wsiDestroy");
  await thinker.decide(0);
});

Deno.test("a client over TLS that goes while a filter thinks is noticed", async () => {
  const thinker = thinking("filterProtocolConnection");
  await using served = serve([thinker.protocol], TLS);
  const { peer } = await dialTls(served.network, { ca: made.ca.cert });
  peer.send(handshake());
  await until(() => thinker.pending() === 1);
  peer.close();
  await until(() => thinker.reasons.at(-1) === "wsiDestroy");
  await thinker.decide(0);
});

Deno.test("TLS begins once filterNetworkConnection has decided, with what the client has said", async () => {
  const thinker = thinking("filterNetworkConnection");
  await using served = serve([thinker.protocol], TLS);
  const dialed = dialTls(served.network, { ca: made.ca.cert });
  await until(() => thinker.pending() === 1);
  await settle();
  assertEquals(thinker.reasons, []);
  await thinker.decide(0);
  const { peer } = await dialed;
  peer.send(handshake());
  assertStringIncludes(await readHead(peer), "101");
  peer.close();
});

Deno.test("behind the PROXY protocol a filter thinks about the peer that the header names", async () => {
  const addresses: string[] = [];
  const thinker = thinking(["filterNetworkConnection", "filterProtocolConnection"], {
    filterNetworkConnection: (wsi, fd) => {
      queueMicrotask(() => addresses.push(wsi.context.peerAddresses(fd as number).ip));
    },
    receive: (wsi, data) => void wsi.write(data as Uint8Array),
  });
  await using peer = await dialAlone([thinker.protocol], undefined, { proxyProtocol: true });
  const bytes = encoder.encode(LINE + handshake());
  peer.send(concat(bytes, frame({ opcode: 2, payload: "x", key: KEY })));
  await settle();
  assertEquals(addresses, ["203.0.113.9"]);
  await thinker.decide(0);
  await thinker.decide(0);
  assertStringIncludes(await readHead(peer), "101");
  assertEquals((await readFrame(peer)).payload, encoder.encode("x"));
});

Deno.test("over a unix socket a message behind the handshake waits for the filters", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const path = `${folder}/socket`;
  await using _context = createContext({ socketPath: path, ...PATIENT, protocols: [slow] });
  const conn = await Deno.connect({ transport: "unix", path });
  const message = frame({ opcode: 1, payload: "hello", key: KEY });
  await conn.write(concat(encoder.encode(handshake()), message));
  let text = "";
  const buffer = new Uint8Array(1024);
  while (!text.endsWith("hello")) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, (await conn.read(buffer))!));
  }
  conn.close();
});

Deno.test("adopt gives nothing while the filter thinks, and serves the connection afterwards", async () => {
  const thinker = thinking("filterNetworkConnection");
  await using context = createContext({ ...LOOPBACK, protocols: [thinker.protocol] });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [ours, theirs] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  assertEquals(context.adopt(theirs), undefined);
  await thinker.decide(0);
  assertEquals(thinker.reasons, ["wsiCreate", "serverNewClientInstantiated"]);
  ours.close();
});
