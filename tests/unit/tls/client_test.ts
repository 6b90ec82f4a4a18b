import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { TlsClient, type TlsConnectOptions } from "../../../src/tls/client.ts";
import { LwsError, type LwsErrorCode } from "../../../src/base/errors.ts";
import { TlsServer } from "../../../src/tls/server.ts";
import { TransportDuplex } from "../../../src/tls/transport_duplex.ts";
import {
  encryptKey,
  makeAuthority,
  makeCertificates,
  makeSelfSigned,
  type TestIdentity,
} from "../../support/certificates.ts";
import { converse, secured, shakeHands } from "../../support/tls.ts";
import { Recorder } from "../../support/transport_contract.ts";
import { TLSSocket } from "node:tls";

const certificates = await makeCertificates();
const { localhost, ca, foreignCa } = certificates;
const trusting = { ca: [ca.cert], disableOsCaCerts: true };

/** What a client makes of a server that shows anything. */
async function judged(
  client: TlsClient,
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

function accepts(
  name: string,
  client: TlsClient,
  identity: TestIdentity,
  options: TlsConnectOptions = { serverName: "localhost" },
): void {
  Deno.test(`a client accepts ${name}`, async () => {
    assertEquals(await judged(client, identity, options), options.allowSelfSigned ? 2 : 1);
  });
}

function refuses(
  name: string,
  client: TlsClient,
  identity: TestIdentity,
  code: LwsErrorCode,
  message: string,
  options: TlsConnectOptions = { serverName: "localhost" },
): void {
  Deno.test(`a client refuses ${name}`, async () => {
    const verdict = await judged(client, identity, options);
    assert(verdict instanceof LwsError, `verdict ${verdict}`);
    assertEquals(verdict.code, code, verdict.message);
    assertStringIncludes(verdict.message, message);
  });
}

const client = new TlsClient(trusting);
const cautious = new TlsClient();
const forgiving = { serverName: "localhost", allowSelfSigned: true };

accepts("a certificate for the name it asks for", client, localhost);
for (const serverName of ["127.0.0.1", "::1", "[::1]"]) {
  accepts(`a certificate for the address ${serverName}`, client, localhost, { serverName });
}
accepts("a wildcard", client, certificates.example, { serverName: "www.example.test" });
accepts(
  "its own CA's certificate beside those of the system",
  new TlsClient({ ca: [ca.cert] }),
  localhost,
);
accepts("one of several CAs", new TlsClient({ ca: [foreignCa.cert + ca.cert] }), localhost);
accepts(
  "a self-signed certificate that is in its CA list",
  new TlsClient({ ca: [certificates.selfSigned.cert], disableOsCaCerts: true }),
  certificates.selfSigned,
);
accepts("a proper certificate, told to forgive", client, localhost, forgiving);
accepts("a self-signed certificate, told to forgive", cautious, certificates.selfSigned, forgiving);
accepts(
  "a self-signed certificate in the chain, told to forgive",
  cautious,
  { cert: localhost.cert + ca.cert, key: localhost.key },
  forgiving,
);

const intermediate = await ca.delegate("Intermediate CA");
const below = await intermediate.issue({ name: "below", hosts: ["localhost"] });
accepts("an intermediate CA's certificate", client, {
  cert: below.cert + intermediate.cert,
  key: below.key,
});
refuses("a chain with a gap", client, below, "certificate-unknown-issuer", "CN=Intermediate CA");

refuses(
  "a certificate for another name",
  client,
  certificates.example,
  "certificate-name-mismatch",
  "is for DNS:example.test, DNS:*.example.test, not for localhost",
);
refuses(
  "a certificate for another address",
  client,
  localhost,
  "certificate-name-mismatch",
  "not for 127.0.0.2",
  { serverName: "127.0.0.2" },
);
refuses(
  "a wildcard for two labels",
  client,
  certificates.example,
  "certificate-name-mismatch",
  "not for a.b.example.test",
  { serverName: "a.b.example.test" },
);
refuses(
  "an expired certificate",
  client,
  certificates.expired,
  "certificate-expired",
  "has expired on",
);
refuses(
  "a certificate that is not valid yet",
  client,
  certificates.notYetValid,
  "certificate-not-yet-valid",
  "is not valid before",
);
refuses(
  "an unknown CA's certificate",
  cautious,
  localhost,
  "certificate-unknown-issuer",
  "CN=Test CA",
);
refuses(
  "another CA's certificate",
  new TlsClient({ ca: [foreignCa.cert] }),
  localhost,
  "certificate-unknown-issuer",
  "CN=Test CA",
);
refuses(
  "any certificate, when nobody is trusted",
  new TlsClient({ disableOsCaCerts: true }),
  localhost,
  "certificate-unknown-issuer",
  "CN=Test CA",
);
refuses(
  "a self-signed certificate",
  client,
  certificates.selfSigned,
  "certificate-self-signed",
  "CN=self-signed",
);
refuses(
  "a self-signed certificate in the chain",
  cautious,
  { cert: localhost.cert + ca.cert, key: localhost.key },
  "certificate-self-signed",
  "CN=Test CA",
);

const unforgivable = [
  ["expired", certificates.selfSignedExpired, "certificate-expired"],
  ["not valid yet", certificates.selfSignedNotYetValid, "certificate-not-yet-valid"],
  ["for another name", certificates.selfSignedElsewhere, "certificate-name-mismatch"],
  ["for clients only", certificates.selfSignedForClients, "certificate-wrong-purpose"],
] as const;
for (const [name, identity, code] of unforgivable) {
  refuses(
    `a self-signed certificate ${name}, told to forgive`,
    cautious,
    identity,
    code,
    "",
    forgiving,
  );
}
/** An extended key usage for servers, as DER has it: what a subject may contain, and nobody vouches for. */
const FOR_SERVERS = "\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
refuses(
  "a client's certificate whose subject reads like a server's key usage",
  client,
  await ca.issue({ name: FOR_SERVERS, hosts: ["localhost"], purpose: "client" }),
  "certificate-wrong-purpose",
  "is not for servers",
);
refuses(
  "a self-signed one whose subject reads like a server's key usage, told to forgive",
  cautious,
  await makeSelfSigned({ name: FOR_SERVERS, hosts: ["localhost"], purpose: "client" }),
  "certificate-wrong-purpose",
  "is not for servers",
  forgiving,
);
accepts(
  "a server's certificate whose subject reads like no key usage at all",
  client,
  await ca.issue({ name: "\x06\x03\x55\x1d\x25 of nothing", hosts: ["localhost"] }),
);
accepts(
  "a certificate whose subject reads like a list of names",
  client,
  await ca.issue({ name: "Smith, DNS: and sons", hosts: ["localhost"] }),
);
refuses(
  "a certificate with a name that would pass for two",
  client,
  await ca.issue({ name: "x", hosts: ["other.test, DNS:localhost"] }),
  "certificate-name-mismatch",
  "a name that can't be one",
);
refuses(
  "an expired certificate of a CA it knows, told to forgive",
  client,
  certificates.expired,
  "certificate-expired",
  "",
  forgiving,
);
refuses(
  "a certificate whose issuer it doesn't see, told to forgive",
  cautious,
  localhost,
  "certificate-unknown-issuer",
  "",
  forgiving,
);
refuses(
  "a chain in which nobody signed the certificate, told to forgive",
  cautious,
  { cert: localhost.cert + foreignCa.cert, key: localhost.key },
  "certificate-unknown-issuer",
  "",
  forgiving,
);
const impostor = await makeAuthority("Test CA");
refuses(
  "a chain that ends in a CA of the right name with another key, told to forgive",
  cautious,
  { cert: localhost.cert + impostor.cert, key: localhost.key },
  "certificate-self-signed",
  "CN=Test CA",
  forgiving,
);
refuses(
  "an expired self-signed certificate that is in its CA list",
  new TlsClient({ ca: [certificates.selfSignedExpired.cert] }),
  certificates.selfSignedExpired,
  "certificate-expired",
  "",
);

Deno.test("one forgiven connection leaves the next one strict", async () => {
  assertEquals(await judged(cautious, certificates.selfSigned, forgiving), 2);
  const verdict = await judged(cautious, certificates.selfSigned);
  assert(verdict instanceof LwsError);
  assertEquals(verdict.code, "certificate-self-signed");
});

Deno.test("a client tells what it found", async () => {
  await using outcome = await shakeHands(client, new TlsServer({ identity: localhost }));
  const { info } = secured(outcome.client);
  assertEquals(info.protocol, "TLSv1.3");
  assertEquals(info.alpnProtocol, "http/1.1");
  assertEquals(info.serverName, "localhost");
  assertEquals(info.authorized, true);
  assertEquals(info.authorizationError, undefined);
  assertEquals(info.peerCertificate!.subjectAltName?.startsWith("DNS:localhost"), true);
  assertEquals(info.isSsl, 1);
});

Deno.test("a client shows its certificate, also one whose key is encrypted", async () => {
  const server = new TlsServer({
    identity: localhost,
    ca: [ca.cert],
    clientCertificate: "require",
  });
  const { cert, key } = certificates.client;
  const identity = { cert, key: encryptKey(key, "secret"), passphrase: "secret" };
  const outcome = await shakeHands(new TlsClient({ ...trusting, identity }), server);
  assertEquals(secured(outcome.server).info.authorized, true);
  await converse(outcome);
});

Deno.test("a client's certificate and CA list are checked when it is made", () => {
  for (
    const [options, field] of [
      [{ identity: certificates.expiredClient }, "sslCertFilepath"],
      [{ ca: ["nonsense"] }, "sslCaFilepath"],
    ] as const
  ) {
    const error = assertThrows(() => new TlsClient(options), LwsError);
    assertEquals(error.code, "invalid-option");
    assertStringIncludes(error.message, `${field}: `);
  }
});

Deno.test("a client that is answered in plain text fails and says so", async () => {
  const [near, far] = memoryPair();
  const peer = new Recorder(far);
  const { done } = client.secure(near, { serverName: "localhost" });
  await peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  assertEquals((await assertRejects(() => done, LwsError)).code, "tls-handshake-failed");
  peer.transport.close();
  await peer.until(() => peer.count("close") === 1);
});

Deno.test("a client whose server hangs up, breaks or is given up fails and says so", async () => {
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
