import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import type { TlsConnectOptions } from "../../../src/tls/client.ts";
import { LwsError, type LwsErrorCode } from "../../../src/base/errors.ts";
import type { ClientSide } from "../../../src/tls/stack.ts";
import { TransportDuplex } from "../../../src/tls/transport_duplex.ts";
import {
  encryptKey,
  makeAuthority,
  makeCertificates,
  makeSelfSigned,
  ODD_PEM,
  type TestIdentity,
} from "../../support/certificates.ts";
import { converse, secured, shakeHands } from "../../support/tls/handshakes.ts";
import { NODE, type TestedStack, TLS_STACKS } from "../../support/tls/stacks.ts";
import { Recorder } from "../../support/transport_contract.ts";
import { TLSSocket } from "node:tls";

const certificates = await makeCertificates();
const { localhost, ca, foreignCa } = certificates;
const trusting = { ca: [ca.cert], disableOsCaCerts: true };

for (const each of TLS_STACKS) await testOver(each);

async function testOver(stack: TestedStack): Promise<void> {
  const test = (name: string, body: () => Promise<void> | void) =>
    Deno.test(`${stack.name}: ${name}`, body);

  /** What a client makes of a server that shows anything. */
  async function judged(
    client: ClientSide,
    identity: TestIdentity,
    options: TlsConnectOptions = { serverName: "localhost" },
  ): Promise<LwsError | (1 | 2)> {
    const [near, far] = memoryPair();
    const duplex = new TransportDuplex(far);
    const socket = new TLSSocket(duplex, { isServer: true, ...identity });
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    socket.resume();
    duplex.begin();
    try {
      const transport = await client.secure(near, options).done;
      transport.close();
      return transport.info.isSsl;
    } catch (error) {
      if (error instanceof LwsError) return error;
      throw error;
    } finally {
      socket.destroy();
      await closed;
    }
  }

  type Shown = readonly [client: ClientSide, identity: TestIdentity, options?: TlsConnectOptions];

  function accepts(cases: Readonly<Record<string, Shown>>): void {
    for (const [name, [client, identity, options]] of Object.entries(cases)) {
      test(`a client accepts ${name}`, async () => {
        assertEquals(await judged(client, identity, options), options?.allowSelfSigned ? 2 : 1);
      });
    }
  }

  /** Refuses with a code and, in each case, a part of the message. */
  function refuses(code: LwsErrorCode, cases: Readonly<Record<string, [string, ...Shown]>>): void {
    for (const [name, [message, client, identity, options]] of Object.entries(cases)) {
      test(`a client refuses ${name}`, async () => {
        const verdict = await judged(client, identity, options);
        assert(verdict instanceof LwsError, `verdict ${verdict}`);
        assertEquals(verdict.code, code, verdict.message);
        assertStringIncludes(verdict.message, message);
      });
    }
  }

  const client = stack.client(trusting);
  const cautious = stack.client();
  const forgiving = { serverName: "localhost", allowSelfSigned: true };

  const { example, selfSigned } = certificates;
  const namedAs = (serverName: string) => ({ serverName });
  const followedBy = ({ cert }: TestIdentity) => ({
    cert: localhost.cert + cert,
    key: localhost.key,
  });
  const intermediate = await ca.delegate("Intermediate CA");
  const below = await intermediate.issue({ name: "below", hosts: ["localhost"] });
  const chain = { cert: below.cert + intermediate.cert, key: below.key };
  const issue = (name: string, ...hosts: string[]) => ca.issue({ name, hosts });
  /** An extended key usage for servers, as DER has it: what a subject may contain, and nobody vouches for. */
  const FOR_SERVERS =
    "\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
  const FOR_CLIENTS = { name: FOR_SERVERS, hosts: ["localhost"], purpose: "client" } as const;

  accepts({
    "a certificate for the name it asks for": [client, localhost],
    "a certificate for the address 127.0.0.1": [client, localhost, namedAs("127.0.0.1")],
    "a certificate for the address ::1": [client, localhost, namedAs("::1")],
    "a certificate for the address [::1]": [client, localhost, namedAs("[::1]")],
    "a wildcard": [client, example, namedAs("www.example.test")],
    "a name with the dot that ends it": [client, localhost, namedAs("localhost.")],
    "its own CA's certificate beside those of the system": [
      stack.client({ ca: [ca.cert] }),
      localhost,
    ],
    ...Object.fromEntries(
      Object.entries(ODD_PEM).map(([how, odd]) => [
        `one of several CAs, with ${how}`,
        [stack.client({ ca: [odd(ca.cert) + foreignCa.cert], disableOsCaCerts: true }), localhost],
      ]),
    ),
    "one of several CAs": [stack.client({ ca: [foreignCa.cert + ca.cert] }), localhost],
    "a self-signed certificate that is in its CA list": [
      stack.client({ ca: [selfSigned.cert], disableOsCaCerts: true }),
      selfSigned,
    ],
    "a proper certificate, told to forgive": [client, localhost, forgiving],
    "a self-signed certificate, told to forgive": [cautious, selfSigned, forgiving],
    "a self-signed certificate in the chain, told to forgive": [
      cautious,
      followedBy(ca),
      forgiving,
    ],
    "an intermediate CA's certificate": [client, chain],
    "a server's certificate whose subject reads like no key usage at all": [
      client,
      await issue("\x06\x03\x55\x1d\x25 of nothing", "localhost"),
    ],
    "a certificate whose subject reads like a list of names": [
      client,
      await issue("Smith, DNS: and sons", "localhost"),
    ],
  });

  test("a client takes no host that begins with a dot for all of a domain", async () => {
    await using outcome = await shakeHands(
      client,
      stack.server({ identity: example }),
      namedAs(".example.test"),
    );
    assertEquals((outcome.client as LwsError).code, "certificate-name-mismatch");
  });
  refuses("certificate-name-mismatch", {
    "a certificate for another name": [
      "is for DNS:example.test, DNS:*.example.test, not for localhost",
      client,
      example,
    ],
    "a certificate for another address": [
      "not for 127.0.0.2",
      client,
      localhost,
      namedAs("127.0.0.2"),
    ],
    "a wildcard for two labels": [
      "not for a.b.example.test",
      client,
      example,
      namedAs("a.b.example.test"),
    ],
    "a certificate with a name that would pass for two": [
      "a name that can't be one",
      client,
      await issue("x", "other.test, DNS:localhost"),
    ],
  });
  refuses("certificate-expired", {
    "an expired certificate": ["has expired on", client, certificates.expired],
    "an expired certificate of a CA it knows, told to forgive": [
      "",
      client,
      certificates.expired,
      forgiving,
    ],
    "an expired self-signed certificate that is in its CA list": [
      "",
      stack.client({ ca: [certificates.selfSignedExpired.cert] }),
      certificates.selfSignedExpired,
    ],
  });
  refuses("certificate-not-yet-valid", {
    "a certificate that is not valid yet": [
      "is not valid before",
      client,
      certificates.notYetValid,
    ],
  });
  refuses("certificate-unknown-issuer", {
    "a chain with a gap": ["CN=Intermediate CA", client, below],
    "an unknown CA's certificate": ["CN=Test CA", cautious, localhost],
    "another CA's certificate": ["CN=Test CA", stack.client({ ca: [foreignCa.cert] }), localhost],
    "any certificate, when nobody is trusted": [
      "CN=Test CA",
      stack.client({ disableOsCaCerts: true }),
      localhost,
    ],
    "a certificate whose issuer it doesn't see, told to forgive": [
      "",
      cautious,
      localhost,
      forgiving,
    ],
    "a chain in which nobody signed the certificate, told to forgive": [
      "",
      cautious,
      followedBy(foreignCa),
      forgiving,
    ],
  });
  refuses("certificate-self-signed", {
    "a self-signed certificate": ["CN=self-signed", client, selfSigned],
    "a self-signed certificate in the chain": ["CN=Test CA", cautious, followedBy(ca)],
    "a chain that ends in a CA of the right name with another key, told to forgive": [
      "CN=Test CA",
      cautious,
      followedBy(await makeAuthority("Test CA")),
      forgiving,
    ],
  });
  refuses("certificate-wrong-purpose", {
    "a client's certificate whose subject reads like a server's key usage": [
      "is not for servers",
      client,
      await ca.issue(FOR_CLIENTS),
    ],
    "a self-signed one whose subject reads like a server's key usage, told to forgive": [
      "is not for servers",
      cautious,
      await makeSelfSigned(FOR_CLIENTS),
      forgiving,
    ],
  });

  const unforgivable = [
    ["expired", certificates.selfSignedExpired, "certificate-expired"],
    ["not valid yet", certificates.selfSignedNotYetValid, "certificate-not-yet-valid"],
    ["for another name", certificates.selfSignedElsewhere, "certificate-name-mismatch"],
    ["for clients only", certificates.selfSignedForClients, "certificate-wrong-purpose"],
  ] as const;
  for (const [name, identity, code] of unforgivable) {
    const title = `a self-signed certificate ${name}, told to forgive`;
    refuses(code, { [title]: ["", cautious, identity, forgiving] });
  }

  test("one forgiven connection leaves the next one strict", async () => {
    assertEquals(await judged(cautious, certificates.selfSigned, forgiving), 2);
    const verdict = await judged(cautious, certificates.selfSigned);
    assert(verdict instanceof LwsError);
    assertEquals(verdict.code, "certificate-self-signed");
  });

  test("a client tells what it found", async () => {
    await using outcome = await shakeHands(client, stack.server({ identity: localhost }));
    const { info } = secured(outcome.client);
    assertEquals(info.protocol, "TLSv1.3");
    assertEquals(info.alpnProtocol, "http/1.1");
    assertEquals(info.serverName, "localhost");
    assertEquals(info.authorized, true);
    assertEquals(info.authorizationError, undefined);
    assertEquals(info.peerCertificate!.subjectAltName?.startsWith("DNS:localhost"), true);
    assertEquals(info.isSsl, 1);
  });

  test("a client shows its certificate, also one whose key is encrypted", async () => {
    const server = stack.server({
      identity: localhost,
      ca: [ca.cert],
      clientCertificate: "require",
    });
    const { cert, key } = certificates.client;
    const identity = { cert, key: encryptKey(key, "secret"), passphrase: "secret" };
    const outcome = await shakeHands(stack.client({ ...trusting, identity }), server);
    assertEquals(secured(outcome.server).info.authorized, true);
    await converse(outcome);
  });

  test("a client's certificate and CA list are checked when it is made", () => {
    for (
      const [options, field] of [
        [{ identity: certificates.expiredClient }, "sslCertFilepath"],
        [{ ca: ["nonsense"] }, "sslCaFilepath"],
      ] as const
    ) {
      const error = assertThrows(() => stack.client(options), LwsError);
      assertEquals(error.code, "invalid-option");
      assertStringIncludes(error.message, `${field}: `);
    }
  });

  test("a client that is answered in plain text fails and says so", async () => {
    const [near, far] = memoryPair();
    const peer = new Recorder(far);
    const { done } = client.secure(near, { serverName: "localhost" });
    await peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    assertEquals((await assertRejects(() => done, LwsError)).code, "tls-handshake-failed");
    peer.transport.close();
    await peer.until(() => peer.count("close") === 1);
  });

  test("a client whose server hangs up, breaks or is given up fails and says so", async () => {
    for (const how of ["close", "reset", "end", "give up"] as const) {
      const [near, far] = memoryPair();
      const peer = new Recorder(far);
      const handshake = client.secure(near, { serverName: "localhost" });
      if (how === "give up") handshake.close();
      else far[how]();
      const error = await assertRejects(() => handshake.done, LwsError);
      assertEquals(error.code, "connection-closed", how);
      far.close();
      await peer.until(() => peer.count("close") === 1);
    }
  });
}

Deno.test("node:tls: the chain, for which the runtime parses all authorities, is read once", async () => {
  const read = TLSSocket.prototype.getPeerCertificate;
  let times = 0;
  TLSSocket.prototype.getPeerCertificate = function (this: TLSSocket, isWhole?: boolean) {
    if (isWhole) times++;
    return read.call(this, isWhole);
  } as typeof read;
  try {
    const outcome = await shakeHands(NODE.client(trusting), NODE.server({ identity: localhost }));
    await converse(outcome);
    assertEquals(secured(outcome.client).info.peerCertificate?.pem, localhost.cert);
  } finally {
    TLSSocket.prototype.getPeerCertificate = read;
  }
  assertEquals(times, 1);
});
