/** The members of the creation struct for TLS: what is refused, by which name, and what is loaded. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Context, ContextCreationInfo, PrivateKeyLoader, TrustLoader } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, LwsError } from "../../../mod.ts";
import { encryptKey, makeCertificates, makeSelfSigned } from "../../support/certificates.ts";
import { Child } from "../../support/child.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, type Served } from "../../support/serve.ts";
import { dialTls } from "../../support/tls_peer.ts";
import { overStacks, type TestedStack } from "../../support/tls/stacks.ts";

const made = await makeCertificates();
const nameless = await makeSelfSigned({ name: "" });
const { cert, key } = made.localhost;
const TLS = { sslCertFilepath: cert, sslPrivateKeyFilepath: key };
const CA = { ca: made.ca.cert };
const PASSPHRASE = "correct horse";
const encrypted = encryptKey(key, PASSPHRASE);
const GARBAGE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

type Info = Partial<ContextCreationInfo>;

function refusal(stack: TestedStack, info: Info): string {
  const error = assertThrows(() => stack.serve([record("p").protocol], info), LwsError);
  assertEquals(error.code, "invalid-option");
  return error.message;
}

const CLIENT_ONLY = { port: CONTEXT_PORT_NO_LISTEN };

const certified = (sslCertFilepath: unknown) => ({ ...TLS, sslCertFilepath });
const keyed = (sslPrivateKeyFilepath: string) => ({ ...TLS, sslPrivateKeyFilepath });
const listed = (...certificates: unknown[]) => ({ ...TLS, certificates });
const shown = ({ cert, key }: typeof made.expired) => ({
  sslCertFilepath: cert,
  sslPrivateKeyFilepath: key,
});

const WRONG: readonly (readonly [what: string, info: unknown, message: RegExp])[] = [
  ["a certificate that is no text", certified(5), /^sslCertFilepath is 5/],
  ["an empty certificate", certified(""), /sslCertFilepath/],
  ["a file that isn't there", certified("/none.pem"), /sslCertFilepath: .*none/],
  ["a file that is no PEM", certified("deno.json"), /sslCertFilepath: .*no -----/],
  ["a certificate that is none", certified(GARBAGE), /sslCertFilepath: .*parsed/],
  ["a key as the certificate", certified(key), /sslCertFilepath: .*CERTIFICATE/],
  ["a certificate as the key", keyed(cert), /sslPrivateKeyFilepath: /],
  ["an empty key", keyed(""), /sslPrivateKeyFilepath/],
  ["the key of another", keyed(made.renewed.key), /sslPrivateKeyFilepath: .*not the one/],
  ["a certificate that has expired", shown(made.expired), /sslCertFilepath: .*expired/],
  ["one that is not valid yet", shown(made.notYetValid), /sslCertFilepath: .*not valid before/],
  [
    "an expired one of a client",
    { ...CLIENT_ONLY, ...shown(made.expiredClient) },
    /sslCertFilepath: .*expired/,
  ],
  ["a key without a certificate", { sslPrivateKeyFilepath: key }, /sslPrivateKeyFilepath is "set"/],
  ["a passphrase alone", { sslPrivateKeyPassword: "secret" }, /sslPrivateKeyPassword is "set"/],
  ["a passphrase that is none", { ...TLS, sslPrivateKeyPassword: 5 }, /sslPrivateKeyPassword/],
  ["no passphrase where one is needed", keyed(encrypted), /sslPrivateKeyPassword: .*encrypted/],
  [
    "another passphrase",
    { ...TLS, sslPrivateKeyFilepath: encrypted, sslPrivateKeyPassword: "secret" },
    /sslPrivateKeyPassword: .*decrypt/,
  ],
  ["authorities that are no text", { sslCaFilepath: true }, /sslCaFilepath is true/],
  ["authorities that are none", { sslCaFilepath: GARBAGE }, /sslCaFilepath: .*parsed/],
  ["an authority's key", { sslCaFilepath: made.ca.key }, /sslCaFilepath: .*CERTIFICATE/],
  [
    "any list of ciphers by node:tls, an unknown cipher by OpenSSL",
    { ...TLS, sslCipherList: "HIGH:none" },
    /sslCipherList .*(fixed|has no "none")/,
  ],
  ["a TLS layer that is none", { providedClientTls: {} }, /providedClientTls .*a function/],
  ["certificates that are no list", { ...TLS, certificates: made.example }, /certificates .*array/],
  ["certificates of a client", { certificates: [made.example] }, /certificates .*sslCertFilepath/],
  ["no certificate in the list", listed(null), /certificates\[0\]\.cert/],
  ["one without a key in the list", listed(made.example, { cert }), /certificates\[1\]\.key/],
  [
    "the key of another in the list",
    listed(made.example, { cert, key: made.renewed.key }),
    /^certificates\[1\]\.key: .*not the one/,
  ],
  ["an expired one in the list", listed(made.expired), /^certificates\[0\]\.cert: .*expired/],
  [
    "a passphrase that is none in the list",
    listed({ ...made.example, passphrase: 5 }),
    /^certificates\[0\]\.passphrase/,
  ],
  [
    "no passphrase where one is needed in the list",
    listed({ cert, key: encrypted }),
    /^certificates\[0\]\.passphrase: .*encrypted/,
  ],
  [
    "server names that are none",
    listed({ ...made.example, serverNames: "example.test" }),
    /^certificates\[0\]\.serverNames/,
  ],
  [
    "an empty server name",
    listed({ ...made.example, serverNames: [""] }),
    /^certificates\[0\]\.serverNames/,
  ],
  ["one for no host", listed(nameless), /^certificates\[0\]\.serverNames must name/],
  ["an option that is none", { options: { tls: true } }, /options\.tls/],
  ["a switch that is none", { options: { disableOsCaCerts: 1 } }, /options\.disableOsCaCerts/],
  [
    "client certificates without TLS",
    { options: { requireValidClientCert: true } },
    /requireValidClientCert .*sslCertFilepath/,
  ],
  [
    "client certificates for clients",
    { ...CLIENT_ONLY, ...TLS, options: { requireValidClientCert: true } },
    /requireValidClientCert .*listen/,
  ],
  [
    "both kinds without TLS",
    { options: { allowNonSslOnSslPort: true } },
    /allowNonSslOnSslPort .*sslCertFilepath/,
  ],
  [
    "certificates that are asked for by nobody",
    { ...TLS, options: { peerCertNotRequired: true } },
    /peerCertNotRequired .*requireValidClientCert/,
  ],
];

for (const [what, info, message] of WRONG) {
  overStacks(`refused by name: ${what}`, (stack) => {
    assertMatch(refusal(stack, info as Info), message);
  });
}

overStacks("a passphrase never gets into a message", (stack) => {
  const secret = "my own secret";
  for (
    const info of [
      { sslPrivateKeyPassword: secret },
      { ...TLS, sslPrivateKeyFilepath: encrypted, sslPrivateKeyPassword: secret },
      { ...TLS, certificates: [{ cert, key: encrypted, passphrase: secret }] },
    ]
  ) assertEquals(refusal(stack, info).includes(secret), false);
});

overStacks("all that is wrong is told at once", (stack) => {
  const message = refusal(stack, {
    sslPrivateKeyFilepath: "",
    sslMaxVersion: "SSLv3" as never,
    sslCaFilepath: "",
  });
  for (const name of ["sslPrivateKeyFilepath", "sslMaxVersion", "sslCaFilepath"]) {
    assertMatch(message, new RegExp(name));
  }
});

overStacks("setCertificate refuses by name, and all stays as it was", async (stack) => {
  await using served = stack.serve([record("p").protocol], {
    ...TLS,
    certificates: [made.example],
  });
  const { context } = served;
  const cases: [unknown, unknown, RegExp][] = [
    [undefined, [], /^setCertificate: certificate must be an object/],
    [{ cert }, [], /^setCertificate: certificate\.key must be/],
    [{ cert: made.renewed.cert, key }, [], /^setCertificate: certificate\.key: .*not the one/],
    [made.expired, [], /^setCertificate: certificate\.cert: .*expired/],
    [made.renewed, made.example, /^setCertificate: others must be an array/],
    [made.renewed, [made.example, { cert: GARBAGE, key }], /^setCertificate: others\[1\]\.cert: /],
    [made.renewed, [nameless], /^setCertificate: others\[0\]\.serverNames/],
  ];
  for (const [certificate, others, message] of cases) {
    const error = assertThrows(
      () => context.setCertificate(certificate as never, others as never),
      LwsError,
    );
    assertEquals(error.code, "invalid-argument");
    assertMatch(error.message, message);
  }
  assertEquals(await subjectOf(served, "localhost"), "CN=localhost");
  assertEquals(await subjectOf(served, "example.test"), "CN=example.test");
  context.setCertificate(made.renewed);
  assertEquals(await subjectOf(served, "example.test").catch(() => "renewed"), "renewed");
  await context.destroy();
  assertEquals(stateOf(() => context.setCertificate(made.renewed)), "destroyed");
});

overStacks("setCertificate wants a context that listens with TLS", async (stack) => {
  for (const info of [{}, CLIENT_ONLY, { ...CLIENT_ONLY, ...TLS }]) {
    await using served = stack.serve([record("p").protocol], info);
    assertEquals(stateOf(() => served.context.setCertificate(made.renewed)), "invalid-state");
  }
});

overStacks("names of the program's own go before those of a certificate", async (stack) => {
  const certificates = [{ ...made.renewed, serverNames: ["Own.Test", "*.own.test"] }];
  await using served = stack.serve([record("p").protocol], { ...TLS, certificates });
  // The certificate is not for these names, but that is the client's to say.
  for (const name of ["own.test", "sub.own.test"]) {
    const error = await subjectOf(served, name).catch(String);
    assertMatch(error ?? "", /is for DNS:localhost.* not for /);
  }
  assertEquals(await subjectOf(served, "localhost"), "CN=localhost");
});

overStacks("an encrypted key opens with its passphrase, in a file as well", async (stack) => {
  const folder = await Deno.makeTempDir();
  try {
    const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem`, ca: `${folder}/ca.pem` };
    await Deno.writeTextFile(files.cert, cert);
    await Deno.writeTextFile(files.key, encrypted);
    await Deno.writeTextFile(files.ca, made.ca.cert);
    await using served = stack.serve([record("p").protocol], {
      sslCertFilepath: files.cert,
      sslPrivateKeyFilepath: files.key,
      sslPrivateKeyPassword: PASSPHRASE,
      sslCaFilepath: files.ca,
      certificates: [{ ...made.example, key: encryptKey(made.example.key, "x"), passphrase: "x" }],
    });
    // They were read at creation.
    await Deno.remove(folder, { recursive: true });
    assertEquals(await subjectOf(served, "localhost"), "CN=localhost");
    assertEquals(await subjectOf(served, "example.test"), "CN=example.test");
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
});

Deno.test(
  "a program that may not read files is told which one, and PEM text needs no permission",
  async () => {
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    await Deno.writeTextFile(file, made.ca.cert);
    try {
      await using child = new Child([], "tls/denied.ts", ["--allow-net"], [
        JSON.stringify({ sslCaFilepath: file }),
        JSON.stringify({ sslCertFilepath: file, sslPrivateKeyFilepath: key }),
        JSON.stringify({ sslCertFilepath: cert, sslPrivateKeyFilepath: file }),
        JSON.stringify({ ...TLS, port: 0, certificates: [{ cert: file, key }] }),
        JSON.stringify({ ...TLS, sslCaFilepath: made.ca.cert }),
      ]);
      const fields = [
        "sslCaFilepath",
        "sslCertFilepath",
        "sslPrivateKeyFilepath",
        "certificates\\[0\\].cert",
      ];
      for (const field of fields) {
        const line = await child.line();
        assertMatch(line, new RegExp(`^permission-denied: ${field}: .*--allow-read`));
      }
      assertEquals(await child.line(), "created");
    } finally {
      await Deno.remove(file);
    }
  },
);

// Keys and authorities from callbacks.

type Asked = "opensslContextRequiresPrivateKey" | "opensslLoadExtraServerVerifyCerts";

/** What creating comes to when the callback does so. */
function withLoader(
  stack: TestedStack,
  reason: Asked,
  use: (loader: never) => number | void,
  info: Info,
): Served {
  const recorder = record("p", (_wsi, called, user, data) => {
    if (called !== reason) return;
    assertEquals(user, undefined);
    return use(data as never);
  });
  return stack.serve([recorder.protocol], info);
}

const withKey = (
  stack: TestedStack,
  use: (loader: PrivateKeyLoader) => number | void,
  info: Info = {},
) => withLoader(stack, "opensslContextRequiresPrivateKey", use, { sslCertFilepath: cert, ...info });

overStacks("a key from the callback counts, with a passphrase of either kind", async (stack) => {
  const ways: [(loader: PrivateKeyLoader) => void, Info][] = [
    [(loader) => loader.setPrivateKey(key), {}],
    [(loader) => loader.setPrivateKey(encrypted, PASSPHRASE), {}],
    [(loader) => loader.setPrivateKey(encrypted), { sslPrivateKeyPassword: PASSPHRASE }],
    [(loader) => {
      loader.setPrivateKey(made.renewed.key);
      loader.setPrivateKey(key);
    }, {}],
  ];
  for (const [use, info] of ways) {
    await using served = withKey(stack, use, info);
    assertEquals(await subjectOf(served, "localhost"), "CN=localhost");
  }
});

overStacks("without a usable key from the callback the creation fails, saying why", (stack) => {
  using _log = captureLog([]);
  let kept: PrivateKeyLoader | undefined;
  const ways: [(loader: PrivateKeyLoader) => number | void, RegExp][] = [
    [(loader) => void (kept = loader), /^sslPrivateKeyFilepath: .*has not given one/],
    [(loader) => {
      loader.setPrivateKey(key);
      return 1;
    }, /^sslPrivateKeyFilepath: .*has not given one/],
    [(loader) => {
      loader.setPrivateKey(key);
      throw new Error("oh");
    }, /^sslPrivateKeyFilepath: .*has not given one/],
    [(loader) => loader.setPrivateKey("/none.pem"), /RequiresPrivateKey: .*none\.pem/],
    [(loader) => loader.setPrivateKey(5 as never), /RequiresPrivateKey: setPrivateKey: pem is 5/],
    [(loader) => loader.setPrivateKey(key, 5 as never), /setPrivateKey: passphrase/],
    [(loader) => loader.setPrivateKey(made.renewed.key), /sslPrivateKeyFilepath: .*not the one/],
  ];
  for (const [use, message] of ways) {
    const error = assertThrows(() => withKey(stack, use), LwsError);
    assertEquals(error.code, "invalid-option");
    assertMatch(error.message, message);
  }
  assertEquals(stateOf(() => kept!.setPrivateKey(key)), "invalid-state");
});

const REQUIRED = { ...TLS, options: { requireValidClientCert: true } };

const withTrust = (stack: TestedStack, use: (loader: TrustLoader) => void, info: Info = REQUIRED) =>
  withLoader(stack, "opensslLoadExtraServerVerifyCerts", use, info);

overStacks(
  "authorities that the callback adds vouch for clients, from text and from a file",
  async (stack) => {
    using _log = captureLog([]);
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    await Deno.writeTextFile(file, made.foreignCa.cert);
    const isLetIn = async (served: Served, identity: { cert: string; key: string }) => {
      const { peer } = await dialTls(served.network, { ...CA, identity });
      peer.send(handshake());
      const answer = await Promise.race([readHead(peer), peer.readToEnd().then(() => "")])
        .catch(() => "");
      peer.close();
      await peer.closed;
      return answer.includes(" 101 ");
    };
    try {
      const ways: [(loader: TrustLoader) => void, Info, [boolean, boolean]][] = [
        [(loader) => loader.addCaCert(made.ca.cert), {}, [true, false]],
        [(loader) => loader.addCaFile(file), {}, [false, true]],
        [(loader) => loader.addCaFile(file), { sslCaFilepath: made.ca.cert }, [true, true]],
        [(loader) => loader.addCaCert(made.ca.cert + made.foreignCa.cert), {}, [true, true]],
        [() => {}, {}, [false, false]],
      ];
      for (const [use, info, expected] of ways) {
        await using served = withTrust(stack, use, { ...REQUIRED, ...info });
        assertEquals(await isLetIn(served, made.client), expected[0]);
        assertEquals(await isLetIn(served, made.foreignClient), expected[1]);
      }
    } finally {
      await Deno.remove(file);
    }
  },
);

overStacks(
  "garbage is no authority, and nothing is added once the callback is over",
  async (stack) => {
    using _log = captureLog([]);
    const codes: string[] = [];
    let kept: TrustLoader | undefined;
    await using _served = withTrust(stack, (loader) => {
      kept = loader;
      for (
        const use of [
          () => loader.addCaCert(GARBAGE),
          () => loader.addCaCert(made.ca.key),
          () => loader.addCaCert(5 as never),
          () => loader.addCaFile("/none.pem"),
          () => loader.addCaFile(""),
        ]
      ) codes.push(messageOf(use));
    });
    assertMatch(codes[0]!, /^invalid-argument addCaCert: pem: .*parsed/);
    assertMatch(codes[1]!, /^invalid-argument addCaCert: pem: .*CERTIFICATE/);
    assertMatch(codes[2]!, /^invalid-argument addCaCert: pem is 5/);
    assertMatch(codes[3]!, /^invalid-argument addCaFile: path: .*none\.pem/);
    assertMatch(codes[4]!, /^invalid-argument addCaFile: path /);
    assertEquals(stateOf(() => kept!.addCaCert(made.ca.cert)), "invalid-state");
  },
);

overStacks("nobody is asked for authorities of clients where none are wanted", async (stack) => {
  const recorder = record("p");
  await using _plain = stack.serve([recorder.protocol]);
  await using _served = stack.serve([recorder.protocol], TLS);
  assertEquals(recorder.reasons, ["protocolInit", "protocolInit"]);
});

overStacks(
  "a client asks once for authorities, at its first TLS connection, and trusts them",
  async (stack) => {
    const server = record("p");
    await using served = stack.serve([server.protocol], TLS);
    const client = record("p", (wsi, reason, _user, data) => {
      if (reason === "opensslLoadExtraClientVerifyCerts") {
        data.addCaCert(made.ca.cert);
        // From inside as well.
        context.clientConnect(target);
      }
      if (reason === "clientEstablished") wsi.close(1000);
    });
    const context: Context = served.client([client.protocol], {
      options: { disableOsCaCerts: true },
    });
    const target = { address: "localhost", port: 80, ssl: 1 } as const;
    context.clientConnect(target);
    context.clientConnect(target);
    assertEquals(client.reasons, ["protocolInit", "opensslLoadExtraClientVerifyCerts"]);
    await client.until("closed", 2);
    const asked = client.reasons.filter((each) => each === "opensslLoadExtraClientVerifyCerts");
    assertEquals(asked.length, 1);
  },
);

async function subjectOf(served: Served, serverName: string): Promise<string | undefined> {
  const { peer, info } = await dialTls(served.network, { ...CA, serverName });
  peer.close();
  await peer.closed;
  return info.peerCertificate?.subject;
}

function messageOf(use: () => void): string {
  const { code, message } = assertThrows(use, LwsError);
  return `${code} ${message}`;
}

function stateOf(use: () => void): string {
  return assertThrows(use, LwsError).code;
}
