import { assert, assertEquals } from "@std/assert";
import { LwsError } from "../../../../../src/base/errors.ts";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import { epollNetwork } from "../../../../../src/transport/epoll/mod.ts";
import { openOpenssl } from "../../../../../src/transport/epoll/openssl/library.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { Recorder } from "../../../../support/transport_contract.ts";
import { CountedOpenssl } from "./counted.ts";

const { localhost, example, ca, foreignCa, client: identity } = await makeCertificates();
const GARBAGE = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
/** The begin of a client hello. */
const HALF = Uint8Array.fromHex("160301007b0100007703");
const network = epollNetwork();

/** All that a table still holds when no side is left: the two pipes. */
const PIPES = { BIO_free: 2 };

Deno.test("thousands of handshakes that fail half-way leave nothing behind, and free nothing twice", async () => {
  const counted = new CountedOpenssl();
  const stack = opensslStack(counted.openssl);
  const trusted = { ca: [ca.cert], disableOsCaCerts: true };
  const server = stack.server(
    { identity: localhost, ca: [ca.cert], clientCertificate: "require" },
    {},
  );
  const sides = [
    stack.client({ ca: [foreignCa.cert], disableOsCaCerts: true }, {}),
    stack.client(trusted, {}),
    stack.client({ ...trusted, identity }, {}),
  ];
  const idle = counted.held;
  const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
  const verdicts: Record<string, number> = {};
  const fail = async (i: number) => {
    const [near, far] = await Promise.all([
      network.connect(listener.address, new AbortController().signal),
      listener.accept(),
    ]);
    const shaking = server.secure(far);
    const done = shaking.done.then((made) => (made.close(), "done"), (error) => error.code);
    // A round has some of each kind; those that need keys are dear.
    const kind = i % 100;
    if (kind < sides.length) {
      const made = sides[kind]!.secure(near, { serverName: "localhost" }).done;
      await made.then((each) => each.close(), () => {});
    } else {
      const peer = new Recorder(near);
      peer.send(kind % 3 === 0 ? GARBAGE : HALF);
      if (kind % 3 === 1) shaking.close();
      if (kind % 3 === 2) peer.transport.end();
      await peer.until(() => peer.count("end") + peer.count("close") > 0);
      peer.transport.close();
      await peer.until(() => peer.count("close") === 1);
    }
    const verdict = await done;
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  };
  for (let i = 0; i < 3_000; i++) await fail(i);
  listener.close();
  await network.released!();
  assert(verdicts["tls-handshake-failed"]! > 900 && verdicts["connection-closed"]! > 1900);
  // A client that trusts nobody here has said its part before it looks at the certificate.
  assertEquals([verdicts.done, verdicts["certificate-refused"]], [30, 60]);
  assertEquals(counted.held, idle);
  server.close!();
  for (const side of sides) side.close!();
  assertEquals(counted.held, PIPES);
});

Deno.test("a context that can't be made frees what it had, and one that is replaced is freed", async () => {
  const counted = new CountedOpenssl();
  const stack = opensslStack(counted.openssl);
  for (
    const make of [
      () => stack.server({ identity: localhost, identities: [example] }, { sslCipherList: "NONE" }),
      () => stack.server({ identity: localhost }, { sslGroups: "P-256:none" }),
      () => stack.check({ sslTls13Ciphers: "TLS_NONE" }),
    ]
  ) {
    try {
      make();
      throw new Error("it should have been refused");
    } catch (error) {
      assertEquals((error as LwsError).code, "invalid-option");
    }
  }
  assertEquals(counted.held, PIPES);
  const server = stack.server({ identity: localhost, identities: [example] }, {});
  assertEquals(counted.held, { ...PIPES, SSL_CTX_free: 2 });
  server.setCertificate(example);
  assertEquals(counted.held, { ...PIPES, SSL_CTX_free: 1 });
  // Two for the same names: only the last one is ever chosen.
  server.setCertificate(localhost, [example, example]);
  server.setCertificate(example);
  assertEquals(counted.held, { ...PIPES, SSL_CTX_free: 1 });
  server.close!();
  const [near, far] = memoryPair();
  const error = await server.secure(far).done.catch((each) => each);
  assertEquals(error.code, "tls-handshake-failed");
  near.close();
});

for (const fault of ["SSL_new", "BIO_write", "SSL_read", "SSL_write"] as const) {
  Deno.test(`a connection for which ${fault} fails ends, and nothing is left of it`, async () => {
    const counted = new CountedOpenssl();
    const stack = opensslStack(counted.openssl);
    const server = stack.server({ identity: localhost }, {});
    const side = opensslStack().client({ ca: [ca.cert], disableOsCaCerts: true }, {});
    const [near, far] = memoryPair();
    if (fault === "SSL_new") counted.next(fault, null);
    const [clientEnd, serverEnd] = await Promise.all([
      side.secure(near, { serverName: "localhost" }).done.catch((error) => error as LwsError),
      server.secure(far).done.catch((error) => error as LwsError),
    ]);
    if (serverEnd instanceof LwsError || clientEnd instanceof LwsError) {
      assertEquals(fault, "SSL_new");
    } else {
      const peer = new Recorder(clientEnd);
      const own = new Recorder(serverEnd);
      await peer.write("whole");
      await own.untilTaken(5);
      if (fault === "SSL_write") {
        counted.next(fault, -1);
        own.send(Uint8Array.of(1));
      } else {
        counted.next(fault, -1);
        await peer.write("broken");
      }
      await own.until(() => own.count("close") === 1);
      assert(own.closeError instanceof LwsError);
      peer.transport.close();
      await peer.until(() => peer.count("close") === 1);
    }
    near.close();
    side.close!();
    server.close!();
    assertEquals(counted.held, PIPES);
  });
}

Deno.test("what others leave in the queue of errors breaks no connection", async () => {
  const openssl = openOpenssl();
  const stack = opensslStack();
  const server = stack.server({ identity: localhost }, {});
  const side = stack.client({ ca: [ca.cert], disableOsCaCerts: true }, {});
  const [near, far] = memoryPair();
  const [clientEnd, serverEnd] = await Promise.all([
    side.secure(near, { serverName: "localhost" }).done,
    server.secure(far).done,
  ]);
  const peer = new Recorder(clientEnd);
  const own = new Recorder(serverEnd);
  const empty = openssl.BIO_new(openssl.BIO_s_mem());
  // Parts of a record are no failure, and the peer's end is a clean one.
  far.chop(7);
  for (const act of [() => peer.send(GARBAGE), () => peer.transport.end()]) {
    far.hold();
    act();
    assertEquals(openssl.PEM_read_bio_X509(empty, null, null, null), null);
    far.release();
    await own.until(() => own.taken.length === GARBAGE.length || own.count("close") > 0);
  }
  await own.until(() => own.count("end") + own.count("close") > 0);
  assertEquals([own.taken.length, own.count("end"), own.closeError], [
    GARBAGE.length,
    1,
    undefined,
  ]);
  openssl.BIO_free(empty);
  own.transport.close();
  peer.transport.close();
  await peer.until(() => peer.count("close") === 1);
  side.close!();
  server.close!();
});
