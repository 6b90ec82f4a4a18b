/** Certificates that tests make for themselves. */

import { createPrivateKey } from "node:crypto";
import * as x509 from "npm:@peculiar/x509@1.14.0";

x509.cryptoProvider.set(crypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const EXTENDED_KEY_USAGE = { client: "1.3.6.1.5.5.7.3.2", server: "1.3.6.1.5.5.7.3.1" } as const;

/** A certificate with its key, as PEM text. */
export interface TestIdentity {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is to say. */
export interface CertificateOptions {
  /** The common name, any text. */
  readonly name: string;
  /** Host names and IP addresses. */
  readonly hosts?: readonly string[];
  /** What for; `ca` signs others. @default {"server"} */
  readonly purpose?: "server" | "client" | "ca";
  /** Days from now. @default {-1} */
  readonly fromDays?: number;
  /** Days from now. @default {30} */
  readonly toDays?: number;
}

/** Somebody who signs certificates. */
export interface Authority extends TestIdentity {
  /** Makes a key, and a certificate for it. */
  issue(options: CertificateOptions): Promise<TestIdentity>;
  /** Makes an authority that this one vouches for. */
  delegate(name: string): Promise<Authority>;
}

/** Makes an authority that nobody vouches for. */
export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await makeKeys();
  return authorityOf(await sign({ name, purpose: "ca" }, keys, undefined), keys);
}

/** Makes a certificate that its own key signs. */
export async function makeSelfSigned(options: CertificateOptions): Promise<TestIdentity> {
  const keys = await makeKeys();
  return identityOf(await sign(options, keys, undefined), keys);
}

/** Encrypts a private key with a passphrase. */
export function encryptKey(key: string, passphrase: string): string {
  return createPrivateKey(key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase,
  }) as string;
}

/** What the check of a PEM text takes, and a reader of lines would pass over without a word. */
export const ODD_PEM: Readonly<Record<string, (pem: string) => string>> = {
  "a byte order mark": (pem) => `\ufeff${pem}`,
  "a begin amid a line": (pem) => `subject=CN ${pem}`,
  "empty lines between": (pem) => pem.replaceAll("\n", "\n\n"),
  "no end of its last line": (pem) => pem.trimEnd(),
};

/** All that the tests of TLS need; made once for each test module that asks. */
export async function makeCertificates() {
  const [ca, foreignCa] = await Promise.all([
    makeAuthority("Test CA"),
    makeAuthority("Foreign CA"),
  ]);
  const hosts = ["localhost", "127.0.0.1", "::1"];
  const issued = {
    localhost: ca.issue({ name: "localhost", hosts }),
    /** The same names once more, with another key. */
    renewed: ca.issue({ name: "renewed", hosts }),
    example: ca.issue({ name: "example.test", hosts: ["example.test", "*.example.test"] }),
    expired: ca.issue({ name: "expired", hosts, fromDays: -10, toDays: -1 }),
    notYetValid: ca.issue({ name: "not yet valid", hosts, fromDays: 1 }),
    client: ca.issue({ name: "client", purpose: "client" }),
    foreignClient: foreignCa.issue({ name: "foreign client", purpose: "client" }),
    expiredClient: ca.issue({ name: "old client", purpose: "client", fromDays: -10, toDays: -1 }),
    selfSigned: makeSelfSigned({ name: "self-signed", hosts }),
    selfSignedExpired: makeSelfSigned({ name: "self-signed", hosts, fromDays: -10, toDays: -1 }),
    selfSignedNotYetValid: makeSelfSigned({ name: "self-signed", hosts, fromDays: 1 }),
    selfSignedElsewhere: makeSelfSigned({ name: "self-signed", hosts: ["elsewhere.test"] }),
    selfSignedForClients: makeSelfSigned({ name: "self-signed", hosts, purpose: "client" }),
  };
  const names = Object.keys(issued) as (keyof typeof issued)[];
  const identities = await Promise.all(Object.values(issued));
  const made = Object.fromEntries(names.map((name, i) => [name, identities[i]!])) as Record<
    keyof typeof issued,
    TestIdentity
  >;
  return { ca, foreignCa, ...made };
}

/** What {@linkcode makeCertificates} makes. */
export type TestCertificates = Awaited<ReturnType<typeof makeCertificates>>;

type Keys = CryptoKeyPair;

interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly keys: Keys;
}

function makeKeys(): Promise<Keys> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<Keys>;
}

async function authorityOf(certificate: x509.X509Certificate, keys: Keys): Promise<Authority> {
  const issuer = { certificate, keys };
  return {
    ...await identityOf(certificate, keys),
    async issue(options) {
      const ownKeys = await makeKeys();
      return identityOf(await sign(options, ownKeys, issuer), ownKeys);
    },
    async delegate(name) {
      const ownKeys = await makeKeys();
      return authorityOf(await sign({ name, purpose: "ca" }, ownKeys, issuer), ownKeys);
    },
  };
}

async function identityOf(certificate: x509.X509Certificate, keys: Keys): Promise<TestIdentity> {
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: certificate.toString("pem") + "\n",
    key: x509.PemConverter.encode(key, "PRIVATE KEY") + "\n",
  };
}

function sign(
  options: CertificateOptions,
  keys: Keys,
  issuer: Issuer | undefined,
): Promise<x509.X509Certificate> {
  const { name, hosts = [], purpose = "server", fromDays = -1, toDays = 30 } = options;
  // Not as a text, in which some bytes would mean something.
  const subject = new x509.Name([{ CN: [{ utf8String: name }] }]);
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(purpose === "ca", undefined, true),
    purpose === "ca"
      ? new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)
      : new x509.ExtendedKeyUsageExtension([EXTENDED_KEY_USAGE[purpose]]),
  ];
  if (hosts.length > 0) {
    extensions.push(
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({
          type: /^[\d.]+$|^[\da-f.]*:[\da-f:.]*$/i.test(host) ? "ip" as const : "dns" as const,
          value: host,
        })),
      ),
    );
  }
  return x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer?.certificate.subjectName ?? subject,
    notBefore: new Date(Date.now() + fromDays * DAY_MS),
    notAfter: new Date(Date.now() + toDays * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    extensions,
  });
}
