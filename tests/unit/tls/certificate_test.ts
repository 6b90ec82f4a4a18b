import { generateKeyPairSync } from "node:crypto";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../src/base/errors.ts";
import { refusalBy, type TlsField } from "../../../src/tls/refusal.ts";
import { checkIdentity, type TlsIdentity } from "../../../src/tls/certificate.ts";
import { parseCertificates, readPem } from "../../../src/tls/certificate.ts";
import { TlsServer } from "../../../src/tls/server.ts";
import { encryptKey, makeCertificates } from "../../support/certificates.ts";

const certificates = await makeCertificates();
const { localhost, ca } = certificates;

function assertFault(run: () => unknown, field: TlsField, message: RegExp): void {
  const error = assertThrows(run, LwsError);
  assertEquals(error.code, "invalid-option");
  assert(error.message.startsWith(`${field}: `), error.message);
  assert(message.test(error.message), error.message);
}

function refuses(field: TlsField, cases: Readonly<Record<string, [TlsIdentity, RegExp]>>): void {
  for (const [name, [identity, message]] of Object.entries(cases)) {
    Deno.test(`an identity is refused when ${name}`, () => {
      assertFault(() => checkIdentity(identity), field, message);
      assertFault(() => new TlsServer({ identity }), field, message);
      const identities = [identity];
      assertFault(() => new TlsServer({ identity: localhost, identities }), field, message);
    });
  }
}

const encrypted = { cert: localhost.cert, key: encryptKey(localhost.key, "open sesame") };
const BROKEN = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
const { expired, notYetValid } = certificates;
const withCert = (cert: string) => ({ ...localhost, cert });
const withKey = (key: string) => ({ ...localhost, key });

refuses("sslCertFilepath", {
  "its certificate is no PEM": [withCert("hello"), /BEGIN CERTIFICATE/],
  "its certificate can't be parsed": [
    withCert(localhost.cert + BROKEN),
    /certificate 2 can't be parsed/,
  ],
  "the CA's certificate comes first": [
    withCert(ca.cert + localhost.cert),
    /belongs to certificate 2 of the file; that one must come first/,
  ],
  "it has expired": [expired, /CN=expired has expired on 20/],
  "it is not valid yet": [notYetValid, /CN=not yet valid is not valid before 20/],
  "an intermediate certificate has expired": [
    withCert(localhost.cert + expired.cert),
    /CN=expired has expired/,
  ],
});
refuses("sslPrivateKeyFilepath", {
  "it has no key": [withKey(ca.cert), /no private key/],
  "its key can't be parsed": [
    withKey("-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n"),
    /can't be parsed/,
  ],
  "the key is another one's": [withKey(ca.key), /not the one of the certificate of CN=localhost/],
});
refuses("sslPrivateKeyPassword", {
  "a passphrase is missing": [encrypted, /is encrypted and needs one/],
  "the passphrase is wrong": [{ ...encrypted, passphrase: "open barley" }, /doesn't decrypt/],
});

Deno.test("an identity is good with the right passphrase, which a plain key ignores", () => {
  for (const identity of [encrypted, localhost]) {
    const checked = checkIdentity({ ...identity, passphrase: "open sesame" });
    assert(checked.key!.startsWith("-----BEGIN PRIVATE KEY-----"));
  }
});

Deno.test("a certificate is good until its last second, and from its first", () => {
  const [certificate] = parseCertificates(localhost.cert, "sslCertFilepath");
  const from = Date.parse(certificate!.validFrom);
  const to = Date.parse(certificate!.validTo);
  checkIdentity(localhost, from);
  checkIdentity(localhost, to);
  assertFault(() => checkIdentity(localhost, from - 1), "sslCertFilepath", /not valid before/);
  assertFault(() => checkIdentity(localhost, to + 1), "sslCertFilepath", /has expired/);
});

Deno.test("a key that TLS can't use is refused, and says which it can", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  assertFault(
    () => checkIdentity({ ...localhost, key }),
    "sslPrivateKeyFilepath",
    /secp256k1.*prime256v1/,
  );
});

Deno.test("an identity knows the host names of its certificate", () => {
  assertEquals(checkIdentity(certificates.example).hostNames, ["example.test", "*.example.test"]);
  assertEquals(checkIdentity(certificates.client).hostNames, ["client"]);
});

Deno.test("a CA list without a certificate is refused", () => {
  assertFault(
    () => new TlsServer({ identity: localhost, ca: [localhost.key] }),
    "sslCaFilepath",
    /BEGIN CERTIFICATE/,
  );
});

Deno.test("PEM is taken as text, or read from a file", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, localhost.cert);
    assertEquals(readPem(path, "sslCertFilepath"), localhost.cert);
    assertEquals(readPem(localhost.cert, "sslCertFilepath"), localhost.cert);
    Deno.writeTextFileSync(path, "nothing");
    assertFault(() => readPem(path, "sslCaFilepath"), "sslCaFilepath", /is not a PEM file/);
  } finally {
    Deno.removeSync(path);
  }
  assertFault(() => readPem(path, "sslCaFilepath"), "sslCaFilepath", /can't read .*No such file/);
});

Deno.test("an identity is refused by the names that it was given under", () => {
  const refusal = refusalBy("invalid-argument", (field) => `certificates[1]'s ${field}`);
  const identity = { ...localhost, key: "none", refusal };
  const error = assertThrows(() => new TlsServer({ identity }), LwsError);
  assertEquals(error.code, "invalid-argument");
  assert(error.message.startsWith("certificates[1]'s sslPrivateKeyFilepath: "), error.message);
});
