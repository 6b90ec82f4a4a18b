/** A server that speaks TLS: client certificates, service policies, other transports. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, type TlsInfo } from "../../../mod.ts";
import type { Network } from "../../../src/api/network.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, settle } from "../../support/serve.ts";
import { dialTls, openTls } from "../../support/tls_peer.ts";
import { CA, CLIENT, echo, made, TLS, TRUST, TRUST_ONLY } from "./server.ts";
import { overStacks } from "../../support/tls/stacks.ts";

// Client certificates.

const REQUIRED = { ...TLS, ...TRUST, options: { requireValidClientCert: true } };

const CLIENTS = {
  good: made.client,
  foreign: made.foreignClient,
  expired: made.expiredClient,
  "server's": made.localhost,
  none: undefined,
};

for (const [kind, identity] of Object.entries(CLIENTS)) {
  for (const verdict of [undefined, 0, "accept", 1, "throws"] as const) {
    const isShown = identity !== undefined;
    const isSilent = verdict === undefined || verdict === 0;
    const isLetIn = isShown && (verdict === "accept" || (isSilent && kind === "good"));
    const name = `${kind} certificate, a verification that says ${verdict ?? "nothing"}`;
    overStacks(`${name}: ${isLetIn ? "let in" : "dropped"}, unheard`, async (stack) => {
      using _log = captureLog([]);
      const trials: unknown[] = [];
      let info: TlsInfo | undefined;
      const recorder = record("echo", (wsi, reason, user, data) => {
        if (reason === "established") info = data;
        if (reason !== "opensslPerformClientCertVerification") return;
        trials.push([data.isTrusted, data.info.authorized, user.of]);
        assertEquals([wsi.isSsl, wsi.tls], [1, data.info]);
        assertStringIncludes(data.info.peerCertificate!.pem, "BEGIN CERTIFICATE");
        if (verdict === "throws") throw new Error("no verdict");
        if (verdict !== "accept") return verdict;
        data.accept();
      });
      await using served = stack.serve([recorder.protocol], REQUIRED);
      const { peer } = await dialTls(served.network, { ...CA, ...identity && { identity } });
      peer.send(handshake());
      if (isLetIn) {
        assertStringIncludes(await readHead(peer), " 101 ");
        assertEquals(info!.authorized, kind === "good");
      } else {
        assertEquals((await peer.readToEnd()).length, 0);
        await recorder.until("wsiDestroy");
        assertEquals(recorder.reasons.includes("filterProtocolConnection"), false);
      }
      assertEquals(trials, isShown ? [[kind === "good", kind === "good", "echo"]] : []);
      peer.close();
      await peer.closed;
    });
  }
}

for (const what of ["close", "hangup", "destroy"] as const) {
  overStacks(
    `${what} inside the verification ends the connection, whatever the verdict`,
    async (stack) => {
      using _log = captureLog([]);
      const recorder = record("echo", (wsi, reason, _user, data) => {
        if (reason !== "opensslPerformClientCertVerification") return;
        data.accept();
        if (what === "close") wsi.close();
        else if (what === "hangup") wsi.context.hangupOnClient(wsi.socketFd);
        else void wsi.context.destroy();
        return 0;
      });
      await using served = stack.serve([recorder.protocol], REQUIRED);
      const { peer } = await dialTls(served.network, { ...CA, identity: made.client });
      peer.send(handshake());
      assertEquals((await peer.readToEnd()).length, 0);
      peer.close();
      await peer.closed;
      await recorder.until("wsiDestroy");
      assertEquals(recorder.reasons.includes("filterProtocolConnection"), false);
    },
  );
}

overStacks(
  "without an authority for clients the log says so, and only the verification lets in",
  async (stack) => {
    using log = captureLog(["warn"]);
    let accepts = false;
    const recorder = record("echo", (_wsi, reason, _user, data) => {
      if (reason === "opensslPerformClientCertVerification" && accepts) data.accept();
    });
    await using served = stack.serve([recorder.protocol], {
      ...TLS,
      options: { requireValidClientCert: true },
    });
    assertMatch(log.lines.join(), /requireValidClientCert.*no authority.*sslCaFilepath/);
    const refused = await dialTls(served.network, { ...CA, identity: made.client });
    await refused.peer.readToEnd();
    refused.peer.close();
    accepts = true;
    const socket = await openTls(served.network, { ...CA, identity: made.client });
    socket.peer.close();
    await Promise.all([refused.peer.closed, socket.peer.closed]);
  },
);

overStacks(
  "peerCertNotRequired lets in none and bad ones, and a verification still says no",
  async (stack) => {
    using _log = captureLog([]);
    let verdict: number | undefined = undefined;
    const infos: (boolean | undefined)[] = [];
    const recorder = record("echo", (wsi, reason, _user, _data) => {
      if (reason === "established") infos.push(wsi.tls?.authorized);
      if (reason === "opensslPerformClientCertVerification") return verdict;
    });
    const options = { requireValidClientCert: true, peerCertNotRequired: true };
    await using served = stack.serve([recorder.protocol], { ...REQUIRED, options });
    for (const identity of [undefined, made.foreignClient, made.client]) {
      const socket = await openTls(served.network, { ...CA, ...identity && { identity } });
      socket.peer.close();
      await socket.peer.closed;
    }
    assertEquals(infos, [false, false, true]);
    verdict = 1;
    const { peer } = await dialTls(served.network, { ...CA, identity: made.client });
    await peer.readToEnd();
    peer.close();
    await peer.closed;
  },
);

// Other service policies.

for (const service of ["manual", "external"] as const) {
  overStacks(
    `${service}: verdicts and all else over TLS come within service only`,
    async (stack) => {
      let inService = false;
      const outside: string[] = [];
      const watch = (reason: string) => {
        const isInit = reason === "protocolInit" || reason === "protocolDestroy";
        const isSetUp = isInit || reason === "opensslLoadExtraServerVerifyCerts";
        if (!inService && !isSetUp && !/Poll/.test(reason)) outside.push(reason);
      };
      const server = record("echo", (wsi, reason, _user, data) => {
        watch(reason);
        if (reason === "receive") wsi.write(data, "text");
        if (reason === "opensslPerformClientCertVerification") data.accept();
      });
      const client = record("echo", (wsi, reason, _user, _data) => {
        // Asked in the call that connects.
        if (reason !== "opensslLoadExtraClientVerifyCerts") watch(reason);
        if (reason === "clientEstablished") wsi.write("hello");
      });
      await using served = stack.serve([server.protocol], { ...REQUIRED, service });
      const clients = served.client([client.protocol], {
        ...TRUST_ONLY,
        sslCertFilepath: made.foreignClient.cert,
        sslPrivateKeyFilepath: made.foreignClient.key,
        service,
      });
      clients.clientConnect(CLIENT);
      assertEquals(client.reasons.at(-1), "opensslLoadExtraClientVerifyCerts");
      while (!client.reasons.includes("clientReceive")) {
        await settle();
        // As `service` waits for the runtime, the word comes only once it begins.
        for (const context of [served.context, clients]) {
          const pollFds = [...Array(10).keys()].map((fd) => ({ fd, events: 5, revents: 0 }));
          await context.poll(pollFds, 0);
          inService = true;
          for (const pollFd of pollFds) context.serviceFd(pollFd);
          inService = false;
        }
      }
      assertEquals(outside, []);
      const verdictAt = server.reasons.indexOf("opensslPerformClientCertVerification");
      assert(verdictAt > 0 && verdictAt < server.reasons.indexOf("filterProtocolConnection"));
      inService = true;
    },
  );

  overStacks(`${service}: a peer that is gone before the verdict needs none`, async (stack) => {
    using _log = captureLog([]);
    const recorder = record("echo");
    await using served = stack.serve([recorder.protocol], { ...REQUIRED, service });
    const dialing = dialTls(served.network, { ...CA, identity: made.client });
    await settle();
    await served.context.service(0);
    const { peer } = await dialing;
    // Now the server's end of the handshake is through as well, and its verdict is due.
    for (let i = 0; i < 5; i++) await settle();
    await served.context.destroy();
    await peer.readToEnd();
    assertEquals(recorder.reasons.includes("opensslPerformClientCertVerification"), false);
    peer.close();
    await peer.closed;
  });

  overStacks(
    `${service}: a TLS client whose connection breaks before it is served fails, and ends`,
    async (stack) => {
      using _log = captureLog([]);
      const accepted = record("echo");
      await using served = stack.serve([accepted.protocol], TLS);
      let below: MemoryTransport | undefined;
      const network = stack.bring<Network>({
        listen: (target) => served.network.listen(target),
        connect: async (target, signal) => below = await served.network.connect(target, signal),
      });
      const client = record("echo");
      await using clients = createContext({
        port: CONTEXT_PORT_NO_LISTEN,
        network,
        service,
        ...PATIENT,
        ...TRUST_ONLY,
        protocols: [client.protocol],
      });
      const wsi = clients.clientConnect(CLIENT);
      while (wsi.isSsl === 0) await settle();
      below!.reset(new Error("a cable was pulled"));
      await settle();
      assertEquals(client.reasons.includes("clientConnectionError"), false);
      for (let i = 0; i < 20; i++) await clients.service(0);
      assertEquals(client.reasons.filter((each) => each === "clientConnectionError").length, 1);
      assertEquals(
        client.reasons.at(-1),
        service === "manual" ? "wsiDestroy" : client.reasons.at(-1),
      );
    },
  );
}

// Through something else.

overStacks(
  "a PROXY header in front of TLS gives the real address, and the limits count it",
  async (stack) => {
    const addresses: string[] = [];
    const recorder = record("echo", (wsi, reason, _user, _data) => {
      if (reason === "established") addresses.push(wsi.peerAddresses.ip);
    });
    await using served = stack.serve([recorder.protocol], { ...TLS, proxyProtocol: true });
    const preface = "PROXY TCP4 203.0.113.9 198.51.100.1 50000 443\r\n";
    const socket = await openTls(served.network, { ...CA, preface });
    assertEquals(addresses, ["203.0.113.9"]);
    socket.peer.close();
    await socket.peer.closed;
  },
);

overStacks("server names are told apart, also on a port for both kinds", async (stack) => {
  await using served = stack.serve([echo], {
    ...TLS,
    certificates: [made.example],
    options: { allowNonSslOnSslPort: true },
  });
  const subjects: (string | undefined)[] = [];
  for (const serverName of ["localhost", "example.test", "sub.example.test", "127.0.0.1", "::1"]) {
    const { peer, info } = await dialTls(served.network, { ...CA, serverName });
    subjects.push(info.peerCertificate?.subject);
    peer.close();
    await peer.closed;
  }
  assertEquals(subjects, [
    "CN=localhost",
    "CN=example.test",
    "CN=example.test",
    "CN=localhost",
    "CN=localhost",
  ]);
  await assertRejects(
    () => dialTls(served.network, { ...CA, serverName: "deep.sub.example.test" }),
    Error,
    "not for deep.sub.example.test",
  );
});

overStacks("100 open connections go on echoing while the certificate changes", async (stack) => {
  await using served = stack.serve([echo], TLS);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => openTls(served.network, CA)));
  const talk = async (round: string) => {
    sockets.forEach((socket, i) => socket.send({ opcode: 1, payload: `${round} ${i}` }));
    const answers = await Promise.all(sockets.map((socket) => socket.receiveText()));
    assertEquals(answers, sockets.map((_, i) => `${round} ${i}`));
  };
  await talk("before");
  sockets.forEach((socket) => socket.send({ opcode: 1, payload: "meanwhile" }));
  served.context.setCertificate(made.renewed);
  for (const socket of sockets) assertEquals(await socket.receiveText(), "meanwhile");
  await talk("after");
  const { peer, info } = await dialTls(served.network, CA);
  assertEquals(info.peerCertificate!.subject, "CN=renewed");
  peer.close();
  for (const socket of sockets) socket.peer.close();
  await Promise.all(sockets.map((socket) => socket.peer.closed));
});
