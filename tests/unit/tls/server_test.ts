import { connect, type ConnectionOptions } from "node:tls";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { LwsError } from "../../../src/base/errors.ts";
import type { TlsInfo } from "../../../src/api/tls.ts";
import type { ServerSide } from "../../../src/tls/stack.ts";
import { TransportDuplex } from "../../../src/tls/transport_duplex.ts";
import { makeCertificates, ODD_PEM, type TestIdentity } from "../../support/certificates.ts";
import { converse, refused, secured, shakeHands } from "../../support/tls/handshakes.ts";
import { NODE, type TestedStack, TLS_STACKS } from "../../support/tls/stacks.ts";
import { Recorder } from "../../support/transport_contract.ts";

const certificates = await makeCertificates();
const { localhost, ca } = certificates;
const trusting = { ca: [ca.cert], disableOsCaCerts: true };

for (const each of TLS_STACKS) testOver(each);

function testOver(stack: TestedStack): void {
  const test = (name: string, body: () => Promise<void> | void) =>
    Deno.test(`${stack.name}: ${name}`, body);
  const client = stack.client(trusting);

  /** What a client finds of the server. */
  async function shown(server: ServerSide, serverName: string): Promise<string> {
    await using outcome = await shakeHands(client, server, { serverName });
    return secured(outcome.client).info.peerCertificate!.subject;
  }

  test("a server tells what the handshake agreed on, and that no certificate was asked for", async () => {
    const server = stack.server({ identity: localhost });
    await using outcome = await shakeHands(
      stack.client({ ...trusting, identity: certificates.client }),
      server,
    );
    assertEquals(secured(outcome.server).info, {
      protocol: "TLSv1.3",
      cipher: secured(outcome.server).info.cipher,
      alpnProtocol: "http/1.1",
      serverName: "localhost",
      authorized: false,
      authorizationError: undefined,
      peerCertificate: undefined,
      isSsl: 1,
    });
    assert(secured(outcome.server).info.cipher.startsWith("TLS_"));
  });

  for (const [how, odd] of Object.entries(ODD_PEM)) {
    test(`a server shows a certificate and its chain from a file with ${how}`, async () => {
      const between = await ca.delegate("between");
      const own = await between.issue({ name: "below", hosts: ["localhost"] });
      const server = stack.server({
        identity: { cert: odd(own.cert) + odd(between.cert), key: own.key },
      });
      assertEquals(await shown(server, "localhost"), "CN=below");
    });
  }

  test("a server shows the certificate that is for the name a client asks for", async () => {
    const other = await ca.issue({ name: "other", hosts: ["localhost", "a.b.example.test"] });
    const server = stack.server({
      identity: { ...other },
      identities: [certificates.example, { ...localhost, serverNames: ["LocalHost"] }],
    });
    assertEquals(await shown(server, "example.test"), "CN=example.test");
    assertEquals(await shown(server, "www.Example.test"), "CN=example.test");
    assertEquals(await shown(server, "localhost"), "CN=localhost");
    // A wildcard is for one label.
    assertEquals(await shown(server, "a.b.example.test"), "CN=other");
  });

  test("a client that names no host is shown the default certificate", async () => {
    const server = stack.server({ identity: localhost, identities: [certificates.example] });
    await using outcome = await shakeHands(client, server, { serverName: "127.0.0.1" });
    assertEquals(secured(outcome.client).info.peerCertificate!.subject, "CN=localhost");
    assertEquals(secured(outcome.server).info.serverName, undefined);
  });

  test("a certificate is swapped while connections are open, and none of them notices", async () => {
    const server = stack.server({ identity: localhost });
    const open = await Promise.all(Array.from({ length: 100 }, () => shakeHands(client, server)));
    server.setCertificate(certificates.renewed, [certificates.example]);
    assertEquals(await shown(server, "localhost"), "CN=renewed");
    assertEquals(await shown(server, "example.test"), "CN=example.test");
    for (const outcome of open) {
      assertEquals(secured(outcome.client).info.peerCertificate!.subject, "CN=localhost");
      await converse(outcome);
    }
  });

  test("a certificate that can't be used leaves the old one in place", async () => {
    const server = stack.server({ identity: localhost });
    assertThrows(() => server.setCertificate(certificates.expired), LwsError);
    assertThrows(
      () => server.setCertificate(certificates.renewed, [certificates.expired]),
      LwsError,
    );
    assertEquals(await shown(server, "localhost"), "CN=localhost");
  });

  /** What a server that looks at client certificates makes of a client, which shows anything. */
  async function judged(
    clientCertificate: "request" | "require",
    identity: TestIdentity | undefined,
    verifyClient?: (info: TlsInfo) => boolean,
  ): Promise<TlsInfo | LwsError> {
    const server = stack.server({ identity: localhost, ca: [ca.cert], clientCertificate });
    return await met(server, { ...identity }, verifyClient);
  }

  /** What a server makes of a client of the runtime's own. */
  async function met(
    server: ServerSide,
    options: ConnectionOptions,
    verifyClient?: (info: TlsInfo) => boolean,
  ): Promise<TlsInfo | LwsError> {
    const [near, far] = memoryPair();
    const duplex = new TransportDuplex(near);
    const socket = connect({ socket: duplex, rejectUnauthorized: false, ...options });
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    duplex.begin();
    try {
      const transport = await server.secure(far, { verifyClient }).done;
      transport.close();
      return transport.info;
    } catch (error) {
      if (error instanceof LwsError) return error;
      throw error;
    } finally {
      socket.destroy();
      await closed;
    }
  }

  for (
    const [offered, agreed] of [
      [["http/1.0"], "http/1.0"],
      [["h2", "http/1.0", "http/1.1"], "http/1.1"],
      [["h2"], "refused"],
    ] as const
  ) {
    test(`a client that offers ${offered.join(" and ")} by ALPN is ${agreed}`, async () => {
      const info = await met(stack.server({ identity: localhost }), {
        ALPNProtocols: [...offered],
      });
      assertEquals(info instanceof LwsError ? "refused" : info.alpnProtocol, agreed);
    });
  }

  test("a client whose certificate the CA signed is let in, and its certificate is told", async () => {
    const info = await judged("require", certificates.client) as TlsInfo;
    assertEquals(info.authorized, true);
    assertEquals(info.authorizationError, undefined);
    const certificate = info.peerCertificate!;
    assertEquals(certificate.subject, "CN=client");
    assertEquals(certificate.issuer, "CN=Test CA");
    assertEquals(certificate.pem.trim(), certificates.client.cert.trim());
    assertEquals(certificate.fingerprint256.length, 95);
    assert(
      certificate.validFrom.getTime() < Date.now() && Date.now() < certificate.validTo.getTime(),
    );
    assert(/^[\dA-F]+$/i.test(certificate.serialNumber));
  });

  const unwelcome = [
    ["without a certificate", undefined, "it showed none"],
    ["of a foreign CA", certificates.foreignClient, "nobody in the CA list signed it"],
    ["whose certificate has expired", certificates.expiredClient, "it has expired"],
    ["with a server's certificate", localhost, "it is not for clients"],
  ] as const;

  for (const [name, identity, reason] of unwelcome) {
    test(`a client ${name} is refused where a certificate is required`, async () => {
      const error = await judged("require", identity) as LwsError;
      assertEquals(error.code, "certificate-refused");
      assertStringIncludes(error.message, reason);
    });

    test(`a client ${name} is let in where one is requested, and the verdict told`, async () => {
      const info = await judged("request", identity) as TlsInfo;
      assertEquals(info.authorized, false);
      assertEquals(info.authorizationError, reason);
      assertEquals(info.peerCertificate === undefined, identity === undefined);
    });

    test(`a client ${name} is let in when the verification says so`, async () => {
      let seen: TlsInfo | undefined;
      const info = await judged("require", identity, (told) => {
        seen = told;
        return true;
      });
      assertEquals(info, seen!);
    });
  }

  test("a client with a good certificate is refused when the verification says so", async () => {
    for (const mode of ["require", "request"] as const) {
      const error = await judged(mode, certificates.client, () => false) as LwsError;
      assertEquals(error.code, "certificate-refused");
    }
  });

  test("a verification that throws refuses the client", async () => {
    const problem = new Error("database is down");
    const error = await judged("require", certificates.client, () => {
      throw problem;
    }) as LwsError;
    assertEquals(error.code, "tls-handshake-failed");
    assertEquals(error.cause, problem);
  });

  test("without a CA list nobody's certificate is good", async () => {
    const server = stack.server({ identity: localhost, clientCertificate: "require" });
    const withCertificate = stack.client({ ...trusting, identity: certificates.client });
    await using outcome = await shakeHands(withCertificate, server);
    assertEquals(refused(outcome.server).code, "certificate-refused");
  });

  test("a refused client is served no byte and finds the connection closed", async () => {
    const server = stack.server({
      identity: localhost,
      ca: [ca.cert],
      clientCertificate: "require",
    });
    await using outcome = await shakeHands(client, server);
    assertEquals(refused(outcome.server).code, "certificate-refused");
    // In TLS 1.3 a client is done before its certificate is looked at.
    const near = new Recorder(secured(outcome.client));
    await near.until(() => near.count("end") + near.count("close") > 0);
    assertEquals(near.takenLength, 0);
    near.transport.close();
    await near.until(() => near.count("close") === 1);
  });

  const HELLO = Uint8Array.fromHex("16030100");
  const garbage = {
    "plain HTTP": new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "zeros": new Uint8Array(5000),
    "a record that is longer than allowed": Uint8Array.fromHex("160301ffff" + "00".repeat(300)),
    "a handshake of nonsense": Uint8Array.fromHex("1603010005" + "0100000100"),
    "an alert": Uint8Array.fromHex("15030300020250"),
    "application data": Uint8Array.fromHex("1703030010" + "ab".repeat(16)),
  };

  const byName = { identity: localhost, identities: [certificates.example] };
  const kinds = Object.entries(garbage).flatMap(([name, bytes]) => [
    { name, bytes, options: { identity: localhost } },
    { name: `${name}, asked for a server name,`, bytes, options: byName },
  ]);
  for (const { name, bytes, options } of kinds) {
    test(`a handshake that begins with ${name} fails and closes its connection`, async () => {
      const server = stack.server(options);
      const [near, far] = memoryPair();
      const peer = new Recorder(near);
      const { done } = server.secure(far);
      await peer.write(bytes);
      const error = await done.then(() => undefined, (error) => error);
      assert(error instanceof LwsError);
      assertEquals(error.code, "tls-handshake-failed");
      await peer.until(() => peer.count("end") + peer.count("close") > 0);
      peer.transport.close();
      await peer.until(() => peer.count("close") === 1);
      assertEquals(await shown(server, "localhost"), "CN=localhost");
    });
  }

  test("half a handshake waits until its owner gives up", async () => {
    const server = stack.server({ identity: localhost });
    const [near, far] = memoryPair();
    const peer = new Recorder(near);
    const handshake = server.secure(far);
    await peer.write(HELLO);
    handshake.close();
    handshake.close();
    const error = await handshake.done.then(() => undefined, (error) => error);
    assertEquals(error.code, "connection-closed");
    await peer.until(() => peer.count("end") === 1);
    peer.transport.close();
    await peer.until(() => peer.count("close") === 1);
  });

  // How long it takes is the owner's concern elsewhere.
  if (stack === NODE) {
    test("half a handshake fails when its time is over", async () => {
      const server = stack.server({ identity: localhost, handshakeTimeoutMs: 1 });
      const [near, far] = memoryPair();
      const peer = new Recorder(near);
      const { done } = server.secure(far);
      // The runtime's own timer keeps nobody awake.
      const awake = setInterval(() => {}, 1000);
      const error = await done.then(() => undefined, (error) => error);
      clearInterval(awake);
      assertEquals(error.code, "tls-handshake-failed");
      assertStringIncludes(error.message, "timeout");
      await peer.until(() => peer.count("end") === 1);
      peer.transport.close();
      await peer.until(() => peer.count("close") === 1);
    });
  }

  test("half a handshake fails when the connection ends or breaks", async () => {
    const server = stack.server({ identity: localhost });
    const named = stack.server({ identity: localhost, identities: [certificates.example] });
    for (const each of [server, named]) {
      for (const how of ["end", "close", "reset"] as const) {
        const [near, far] = memoryPair();
        const peer = new Recorder(near);
        const { done } = each.secure(far);
        await peer.write(HELLO);
        near[how]();
        assert(await done.then(() => undefined, (error) => error) instanceof LwsError, how);
        near.close();
        await peer.until(() => peer.count("close") === 1);
      }
    }
  });

  test("a handshake whose failure nobody listens to harms nobody", async () => {
    const server = stack.server({ identity: localhost });
    const [near, far] = memoryPair();
    const peer = new Recorder(near);
    server.secure(far);
    near.reset();
    await peer.until(() => peer.count("close") === 1);
  });

  test("closing a handshake that is done leaves the connection alone", async () => {
    const server = stack.server({ identity: localhost });
    const [near, far] = memoryPair();
    const handshake = server.secure(far);
    const [clientEnd, serverEnd] = await Promise.all([
      client.secure(near, { serverName: "localhost" }).done,
      handshake.done,
    ]);
    handshake.close();
    await converse({
      client: clientEnd,
      server: serverEnd,
      below: [near, far],
      async [Symbol.asyncDispose]() {},
    });
  });

  test("damaged records break an established connection, with the reason, and no other", async () => {
    const server = stack.server({ identity: localhost });
    await using other = await shakeHands(client, server);
    const outcome = await shakeHands(client, server);
    const near = new Recorder(secured(outcome.client));
    const far = new Recorder(secured(outcome.server));
    // Under the client's feet: the server takes it for a record and can't decrypt it.
    outcome.below[0].write(Uint8Array.fromHex("1703030020" + "5a".repeat(32)));
    await far.until(() => far.count("close") === 1);
    assert(far.closeError instanceof Error);
    await near.until(() => near.count("end") + near.count("close") > 0);
    near.transport.close();
    await near.until(() => near.count("close") === 1);
    assertEquals(near.takenLength + far.takenLength, 0);
    await converse(other);
  });

  test("a connection that breaks before it is started tells so once it is", async () => {
    const server = stack.server({ identity: localhost });
    const outcome = await shakeHands(client, server);
    outcome.below[0].reset();
    await new Promise((resolve) => setImmediate(resolve));
    for (const end of [outcome.client, outcome.server]) {
      const recorder = new Recorder(secured(end));
      assertEquals(recorder.events, []);
      await recorder.until(() => recorder.count("close") === 1);
      assert(recorder.closeError instanceof Error);
    }
  });

  for (const words of ["", "hello"]) {
    test(`an end${words && " and a word"} that came with the handshake is told once it is started`, async () => {
      const [near, far] = memoryPair();
      near.hold();
      const serverEnd = stack.server({ identity: localhost }).secure(far).done;
      const clientEnd = client.secure(near, { serverName: "localhost" }).done;
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      while (near.undelivered === 0) await turn();
      // All that the client says from now on is one read.
      far.hold();
      near.release();
      const leaving = new Recorder(await clientEnd);
      if (words) await leaving.write(words);
      leaving.transport.end();
      for (let i = 0; i < 10; i++) await turn();
      far.release();
      const transport = await serverEnd;
      for (let i = 0; i < 10; i++) await turn();
      const left = new Recorder(transport);
      await left.until(() => left.count("end") === 1);
      assertEquals([left.text, left.events], [words, ["end"]]);
      for (const end of [left, leaving]) {
        end.transport.close();
        await end.until(() => end.count("close") === 1);
      }
    });
  }

  test("a handler that throws loses its connection, and only that", async () => {
    const server = stack.server({ identity: localhost });
    const outcome = await shakeHands(client, server);
    const near = new Recorder(secured(outcome.client));
    const far = new Recorder(secured(outcome.server));
    const problem = new Error("handler failed");
    far.take = () => {
      throw problem;
    };
    await near.write("boom");
    await far.until(() => far.count("close") === 1);
    assertEquals(far.closeError, problem);
    near.transport.close();
    await near.until(() => near.count("close") === 1);
  });

  test("a write drains once its last byte has gone down, not when it is encrypted", async () => {
    const outcome = await shakeHands(client, stack.server({ identity: localhost }));
    const sender = new Recorder(secured(outcome.client));
    const stopped = new Recorder(secured(outcome.server));
    stopped.keeps = false;
    stopped.transport.pause();
    // A little more than what the memory below holds.
    sender.transport.write(new Uint8Array(70_000));
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(sender.count("drain"), 0);
    stopped.transport.resume();
    await stopped.untilTaken(70_000);
    await sender.until(() => sender.count("drain") === 1);
    for (const end of [sender, stopped]) {
      end.transport.close();
      await end.until(() => end.count("close") === 1);
    }
  });

  for (const reader of ["server", "client"] as const) {
    test(`a ${reader} that stops reading stops the sender within 2 MiB`, async () => {
      const server = stack.server({ identity: localhost });
      const outcome = await shakeHands(client, server);
      const [from, to] = reader === "server"
        ? [secured(outcome.client), secured(outcome.server)]
        : [secured(outcome.server), secured(outcome.client)];
      const sender = new Recorder(from);
      const stopped = new Recorder(to);
      stopped.keeps = false;
      stopped.transport.pause();
      const piece = new Uint8Array(16 * 1024);
      let sent = 0;
      sender.whenDrained = () => {
        sent += piece.length;
        if (sent < 8 * 1024 * 1024) from.write(piece);
      };
      from.write(piece);
      // What is under way comes to rest: nothing moves in memory but in these turns.
      for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
      assertEquals(stopped.takenLength, 0);
      assert(sent <= 2 * 1024 * 1024, `${sent} bytes were sent`);
      stopped.transport.resume();
      await stopped.untilTaken(8 * 1024 * 1024);
      for (const end of [sender, stopped]) {
        end.transport.close();
        await end.until(() => end.count("close") === 1);
      }
    });
  }
}
