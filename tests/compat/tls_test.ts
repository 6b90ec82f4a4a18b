/** TLS by the C names, over sockets of the loopback interface. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as tls from "node:tls";
import type { PrivateKeyLoader, TlsInfo, TrustLoader, Wsi } from "../../mod.ts";
import { nov10 } from "../../src/compat/mod.ts";
import { encryptKey, makeAuthority, makeSelfSigned } from "../support/certificates.ts";
import type { TestIdentity } from "../support/certificates.ts";
import { pemFiles } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { PATIENT } from "../support/patience.ts";
import { echoing, isSsl, loopback } from "./loopback.ts";
import type { Callback, Face } from "./support.ts";
import { DEC15, FACES, logged, MAR13, on, withReason } from "./support.ts";

const authority = await makeAuthority("Test CA");
const foreign = await makeAuthority("Foreign CA");
const hosts = ["localhost", "127.0.0.1"];
const server = await authority.issue({ name: "localhost", hosts });
const selfSigned = await makeSelfSigned({ name: "localhost", hosts });
const elsewhere = await makeSelfSigned({ name: "elsewhere", hosts: ["elsewhere.test"] });
const client = await authority.issue({ name: "client", purpose: "client" });
const stranger = await foreign.issue({ name: "stranger", purpose: "client" });

/** The members for a certificate and its key. */
const certified = ({ cert, key }: TestIdentity) => ({
  ssl_cert_filepath: cert,
  ssl_private_key_filepath: key,
});
const TLS = certified(server);
const CA = { ssl_ca_filepath: authority.cert };
/** Without the authorities of the system, which take a tenth of a second to read. */
const ONLY = { options: DEC15.api.LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS };
const TRUST = { ...CA, ...ONLY };

/** In Deno 2.9, but not in its types. */
const { setDefaultCACertificates } = tls as unknown as {
  setDefaultCACertificates(certificates: readonly string[]): void;
};

const ASKED = "OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION";
const isNew = (face: Face) => face === DEC15;

for (const face of FACES) {
  Deno.test(`${face.name}: TLS is spoken with a certificate and its key, and ssl_connection 2 forgives one that is self-signed`, async () => {
    using pem = pemFiles({ cert: selfSigned.cert, key: selfSigned.key });
    const kinds: number[] = [];
    const callback = on("ESTABLISHED", (wsi) => void kinds.push(isSsl(wsi)));
    await using net = loopback();
    const { port } = net.serve(face, {
      ssl_cert_filepath: pem.paths.cert,
      ssl_private_key_filepath: pem.paths.key,
      protocols: [echoing(face, callback)],
    });
    assertEquals(await net.talk(face, port, 2), { echoed: "hello", isSsl: 2 });
    assertEquals((await net.talk(face, port, 1)).echoed, "");
    assertEquals((await net.talk(face, port, 0)).echoed, "");
    assertEquals(kinds, [1]);
  });

  Deno.test(`${face.name}: ssl_connection 2 does not forgive a certificate for another host`, async () => {
    await using net = loopback();
    const protocols = [echoing(face)];
    const { port } = net.serve(face, { ...certified(elsewhere), protocols });
    assertEquals((await net.talk(face, port, 2)).echoed, "");
  });

  Deno.test(`${face.name}: without a certificate there is no TLS, and ssl_connection 0 asks for none`, async () => {
    await using net = loopback();
    const { port } = net.serve(face, {
      ssl_cert_filepath: null,
      ssl_private_key_filepath: null,
      protocols: [echoing(face)],
    });
    assertEquals(await net.talk(face, port, 0), { echoed: "hello", isSsl: 0 });
    assertEquals((await net.talk(face, port, 2)).echoed, "");
  });

  Deno.test(`${face.name}: ESTABLISHED has ${isNew(face) ? "the TLS info" : "nothing"} in its in`, async () => {
    const seen: unknown[] = [];
    const callback = on("ESTABLISHED", (wsi, _user, input, len) => {
      const info = input as TlsInfo | null;
      seen.push(info !== null && info === wsi.tls, info?.serverName, len);
    });
    await using net = loopback();
    const { port } = net.serve(face, {
      ...certified(selfSigned),
      protocols: [echoing(face, callback)],
    });
    await net.talk(face, port, 2);
    assertEquals(seen, isNew(face) ? [true, "localhost", 0] : [false, undefined, 0]);
  });
}

FACES.test("a context that only connects shows its certificate to servers that ask", async (face) => {
  const { LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT: options } = DEC15.api;
  const subjects: string[] = [];
  const callback: Callback = (_wsi, reason, user) => {
    if (reason === ASKED) subjects.push(user.subject);
  };
  await using net = loopback();
  const protocols = [echoing(DEC15, callback)];
  const { port } = net.serve(DEC15, { ...certified(selfSigned), options, protocols });
  assertEquals((await net.talk(face, port, 2, certified(client))).echoed, "hello");
  assertEquals((await net.talk(face, port, 2)).echoed, "");
  assertEquals(subjects, ["CN=client"]);
});

Deno.test("dec15: is_ssl is a client's ssl_connection from the beginning", async () => {
  await using net = loopback();
  for (const ssl of [0, 1, 2]) {
    let isOver = false;
    const callback = on("CLIENT_CONNECTION_ERROR", (wsi) => {
      assertEquals(isSsl(wsi), ssl);
      isOver = true;
    });
    const context = net.client(DEC15, { protocols: [{ name: "any", callback }] });
    const target = ["127.0.0.1", freePort(), ssl, "/", "localhost", null, null, -1];
    assertEquals(isSsl(DEC15.call("client_connect", context, ...target) as Wsi), ssl);
    await net.until(() => isOver);
  }
});

for (const face of FACES.filter((each) => !isNew(each))) {
  Deno.test(`${face.name}: a certificate without its key fails the creation, and the log names the key`, () => {
    const { ssl_cert_filepath } = TLS;
    for (const port of [0, freePort()]) {
      const cert = logged(() =>
        face.create({ port, ssl_cert_filepath, protocols: [echoing(face)] })
      );
      assertEquals(cert.result, null);
      assertMatch(cert.lines.join("\n"), /create_context: ssl_private_key_filepath is null/);
    }
  });
}

FACES.test("a key without a certificate is ignored", async (face) => {
  await using net = loopback();
  const port = freePort();
  const { ssl_private_key_filepath } = TLS;
  const password = face === DEC15 ? { ssl_private_key_password: "secret" } : {};
  const files = { ssl_private_key_filepath, ...password };
  net.serve(face, { port, ...files, protocols: [echoing(face)] });
  assertEquals(await net.talk(face, port, 0, files), { echoed: "hello", isSsl: 0 });
  const nowhere = { ssl_private_key_filepath: "/nowhere/key.pem" };
  assertEquals((await net.talk(face, port, 0, nowhere)).echoed, "hello");
});

Deno.test("nov10: TLS is spoken with a certificate and its key, and a key alone is ignored", async () => {
  using pem = pemFiles({ cert: selfSigned.cert, key: selfSigned.key });
  const { cert, key } = pem.paths;
  const create = (given: string | null, itsKey: string | null) =>
    nov10.libwebsocket_create_server(port, callback, 13, 0, given, itsKey, -1, -1, PATIENT);
  const port = freePort();
  const callback: nov10.libwebsocket_callback = (wsi, reason, _user, data, len) => {
    if (reason !== nov10.LWS_CALLBACK_RECEIVE) return;
    nov10.libwebsocket_write(wsi, data as Uint8Array, len, nov10.LWS_WRITE_TEXT);
  };
  await using net = loopback();
  const { result, lines } = logged(() => create(cert, null));
  assertEquals(result, -1);
  assertMatch(lines.join("\n"), /create_server: ssl_private_key_filepath is null/);
  {
    await using _plain = nov10.serverContext(create(null, key))!;
    assertEquals(await net.talk(MAR13, port, 0, {}, null), { echoed: "hello", isSsl: 0 });
  }
  await using _context = nov10.serverContext(create(cert, key))!;
  assertEquals(await net.talk(MAR13, port, 2, {}, null), { echoed: "hello", isSsl: 2 });
});

// The creation struct.

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: ssl_ca_filepath vouches for servers`, async () => {
    using pem = pemFiles({ ca: authority.cert });
    await using net = loopback();
    const { port } = net.serve(face, { ...TLS, protocols: [echoing(face)] });
    const ca = { ssl_ca_filepath: pem.paths.ca };
    assertEquals(await net.talk(face, port, 1, ca), { echoed: "hello", isSsl: 1 });
    assertEquals((await net.talk(face, port, 1)).echoed, "");
    assertEquals((await net.talk(face, port, 2)).echoed, "", "its chain is not whole");
  });

  Deno.test(`${face.name}: ssl_ca_filepath vouches for clients as well`, async () => {
    const { LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT: options } = face.api;
    const verdicts: number[] = [];
    const callback: Callback = (_wsi, reason, _user, _input, len) => {
      if (reason === ASKED) verdicts.push(len);
    };
    await using net = loopback();
    const { port } = net.serve(face, {
      ...TLS,
      ...CA,
      options,
      protocols: [echoing(face, callback)],
    });
    for (const identity of [client, stranger]) {
      await net.talk(face, port, 1, { ...CA, ...certified(identity) });
    }
    assertEquals(verdicts, [1, 0]);
  });

  Deno.test(`${face.name}: ssl_cipher_list may be null or DEFAULT, and is refused by name otherwise`, async () => {
    for (const ssl_cipher_list of [null, "DEFAULT"]) {
      await using net = loopback();
      const { port } = net.serve(face, { ...TLS, ssl_cipher_list, protocols: [echoing(face)] });
      assertEquals((await net.talk(face, port, 1, CA)).echoed, "hello");
    }
    const { result, lines } = logged(() =>
      face.create({ ...TLS, ssl_cipher_list: "HIGH:!aNULL", protocols: [echoing(face)] })
    );
    assertEquals(result, null);
    assertMatch(lines.join("\n"), /create_context: .*ssl_cipher_list is "HIGH:!aNULL"/);
  });
}

Deno.test("dec15: ssl_private_key_password opens an encrypted key, and another one fails the creation", async () => {
  using pem = pemFiles({ key: encryptKey(server.key, "open sesame") });
  const members = { ...TLS, ssl_private_key_filepath: pem.paths.key };
  await using net = loopback();
  const { port } = net.serve(DEC15, {
    ...members,
    ssl_private_key_password: "open sesame",
    protocols: [echoing(DEC15)],
  });
  assertEquals((await net.talk(DEC15, port, 1, TRUST)).echoed, "hello");
  for (const ssl_private_key_password of ["open barley", null]) {
    const spec = { ...members, port: 0, ssl_private_key_password, protocols: [echoing(DEC15)] };
    const { result, lines } = logged(() => DEC15.create(spec));
    assertEquals(result, null);
    assertMatch(lines.join("\n"), /lws_create_context: .*ssl_private_key_(password|filepath)/);
  }
});

Deno.test("dec15: provided_client_ssl_ctx makes the TLS of clients", async () => {
  const asked: unknown[] = [];
  await using net = loopback();
  const { port } = net.serve(DEC15, { ...TLS, protocols: [echoing(DEC15)] });
  const talk = await net.talk(DEC15, port, 1, {
    async provided_client_ssl_ctx(hostname: string, target: number, conn: Deno.Conn) {
      asked.push(hostname, target);
      conn.close();
      const caCerts = [authority.cert];
      return await Deno.connectTls({ hostname: "127.0.0.1", port: target, caCerts });
    },
  });
  assertEquals(talk, { echoed: "hello", isSsl: 1 });
  assertEquals(asked, ["localhost", port]);
});

Deno.test("dec15: bit 8 takes plain HTTP on a TLS port, and is of no consequence on a plain one", async () => {
  const { LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT: options } = DEC15.api;
  const kinds: number[] = [];
  const protocols = [
    echoing(DEC15, (wsi, reason) => void (reason === "ESTABLISHED" && kinds.push(isSsl(wsi)))),
  ];
  await using net = loopback();
  const { port } = net.serve(DEC15, { ...TLS, options, protocols });
  assertEquals((await net.talk(DEC15, port, 1, TRUST)).echoed, "hello");
  assertEquals((await net.talk(DEC15, port, 0)).echoed, "hello");
  assertEquals(kinds, [1, 0]);
  const plain = net.serve(DEC15, { options, protocols });
  assertEquals((await net.talk(DEC15, plain.port, 0)).echoed, "hello");
});

Deno.test("dec15: bit 32 leaves out IPv6", () => {
  const { LWS_SERVER_OPTION_DISABLE_IPV6: options } = DEC15.api;
  const spec = { port: 0, iface: "::1", options, protocols: [echoing(DEC15)] };
  const { result, lines } = logged(() => DEC15.create(spec));
  assertEquals(result, null);
  assertStringIncludes(lines.join("\n"), "disableIpv6");
});

Deno.test("dec15: bit 64 leaves nobody to trust but ssl_ca_filepath", async () => {
  const { LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS: options } = DEC15.api;
  const before = tls.getCACertificates("default");
  setDefaultCACertificates([authority.cert]);
  try {
    await using net = loopback();
    const { port } = net.serve(DEC15, { ...TLS, protocols: [echoing(DEC15)] });
    const other = { ssl_ca_filepath: foreign.cert };
    assertEquals((await net.talk(DEC15, port, 1, other)).echoed, "hello");
    assertEquals((await net.talk(DEC15, port, 1, { ...other, options })).echoed, "");
    assertEquals((await net.talk(DEC15, port, 1, { ...CA, options })).echoed, "hello");
  } finally {
    setDefaultCACertificates(before);
  }
});

// Reasons.

for (const face of withReason("OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS")) {
  Deno.test(`${face.name}: LOAD_EXTRA_CLIENT_VERIFY_CERTS gives what takes authorities that vouch for servers`, async () => {
    using pem = pemFiles({ foreign: foreign.cert, authority: authority.cert });
    const calls: unknown[] = [];
    const callback: Callback = (wsi, reason, user: TrustLoader, input, len) => {
      if (reason !== "OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS") return;
      calls.push(input, len, wsi.context.port);
      user.addCaCert(foreign.cert);
      user.addCaFile(pem.paths.authority);
      return 1;
    };
    await using net = loopback();
    const { port } = net.serve(face, { ...TLS, protocols: [echoing(face)] });
    assertEquals(await net.talk(face, port, 1, { protocols: [{ name: "any", callback }] }), {
      echoed: "hello",
      isSsl: 1,
    });
    assertEquals(calls, [null, 0, -1]);
    calls.length = 0;
    await net.talk(face, port, 0, { protocols: [{ name: "any", callback }] });
    assertEquals(calls, [], "no TLS, no need");
  });
}

for (const face of withReason(ASKED)) {
  const { LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT: options } = face.api;

  Deno.test(`${face.name}: LOAD_EXTRA_SERVER_VERIFY_CERTS gives what takes authorities that vouch for clients`, async () => {
    const calls: unknown[] = [];
    const verdicts: number[] = [];
    const callback: Callback = (_wsi, reason, user: TrustLoader, input, len) => {
      if (reason === ASKED) verdicts.push(len);
      if (reason !== "OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS") return 0;
      calls.push(input, len);
      user.addCaCert(authority.cert);
      return 1;
    };
    await using net = loopback();
    const protocols = [echoing(face, callback), {
      name: "two",
      callback: () => void calls.push(2),
    }];
    net.serve(face, { ...TLS, protocols: [protocols[0]!] });
    assertEquals(calls, [], "nobody is asked for a certificate");
    const { port } = net.serve(face, { ...TLS, options, protocols: [protocols[0]!] });
    assertEquals(calls, [null, 0]);
    await net.talk(DEC15, port, 1, { ...TRUST, ...certified(client) });
    await net.talk(DEC15, port, 1, { ...TRUST, ...certified(stranger) });
    assertEquals(verdicts, [1, 0]);
  });

  Deno.test(`${face.name}: PERFORM_CLIENT_CERT_VERIFICATION has the certificate, the TLS info and the verdict, and the last word`, async () => {
    const seen: unknown[] = [];
    let overrules = false;
    const callback: Callback = (wsi: Wsi, reason, user, input, len) => {
      if (reason === "OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS") user.addCaCert(authority.cert);
      if (reason !== ASKED) return 0;
      const { subject, pem } = user as { subject: string; pem: string };
      const info = input as TlsInfo;
      assert(!wsi.isClient && pem.includes("BEGIN CERTIFICATE"));
      assertEquals(info.peerCertificate, user);
      seen.push(subject, info.authorized, len);
      return (len === 1) !== overrules ? 0 : 1;
    };
    const strange: unknown[] = [];
    const elsewhere: Callback = (_wsi, reason) => {
      if (/OPENSSL/.test(reason)) strange.push(reason);
    };
    await using net = loopback();
    const protocols = [{ name: "first", callback }, echoing(face, elsewhere)];
    const { port } = net.serve(face, { ...TLS, options, protocols });
    const echoes: string[] = [];
    for (overrules of [false, true]) {
      for (const identity of [client, stranger]) {
        const { echoed } = await net.talk(DEC15, port, 1, { ...TRUST, ...certified(identity) });
        echoes.push(echoed);
      }
    }
    assertEquals(echoes, ["hello", "", "", "hello"]);
    const once = ["CN=client", true, 1, "CN=stranger", false, 0];
    assertEquals(seen, [...once, ...once]);
    assertEquals(strange, [], "the first protocol is asked, and nobody else");
  });
}

Deno.test("dec15: bit 128 lets in who has no certificate, and is of no consequence without bit 2", async () => {
  const { api } = DEC15;
  const asks = api.LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT;
  const spares = api.LWS_SERVER_OPTION_PEER_CERT_NOT_REQUIRED;
  const verdicts: number[] = [];
  const callback: Callback = (_wsi, reason, _user, _input, len) => {
    if (reason !== ASKED) return 0;
    verdicts.push(len);
    return len === 1 ? 0 : 1;
  };
  await using net = loopback();
  for (const [options, expected] of [[asks + spares, [0]], [spares, []], [asks, [0]]] as const) {
    const protocols = [echoing(DEC15, callback)];
    const { port } = net.serve(DEC15, { ...TLS, options, protocols });
    const none = await net.talk(DEC15, port, 1, TRUST);
    assertEquals(none.echoed, options === asks ? "" : "hello", `${options}`);
    const foreigner = await net.talk(DEC15, port, 1, { ...TRUST, ...certified(stranger) });
    assertEquals(foreigner.echoed, options === spares ? "hello" : "", `${options}`);
    assertEquals(verdicts.splice(0), [...expected]);
  }
});

for (const face of withReason(ASKED)) {
  Deno.test(`${face.name}: certificates of clients are not demanded without TLS, which is refused by name`, () => {
    const { LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT: options } = face.api;
    const { result, lines } = logged(() =>
      face.create({ port: freePort(), options, protocols: [echoing(face)] })
    );
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT");
  });
}

Deno.test("dec15: CONTEXT_REQUIRES_PRIVATE_KEY gives what takes the key of a certificate alone", async () => {
  using pem = pemFiles({ key: encryptKey(server.key, "open sesame") });
  const calls: unknown[] = [];
  const asking =
    (give: (user: PrivateKeyLoader) => number | void): Callback =>
    (_wsi, reason, user, input, len) => {
      if (reason !== "OPENSSL_CONTEXT_REQUIRES_PRIVATE_KEY") return 0;
      calls.push(input, len);
      return give(user);
    };
  const spec = { ssl_cert_filepath: server.cert, port: 0, iface: "127.0.0.1" };
  const protocols = [
    echoing(DEC15, asking((user) => user.setPrivateKey(pem.paths.key, "open sesame"))),
    { name: "two", callback: asking(() => 1) },
  ];
  await using net = loopback();
  const { port } = net.serve(DEC15, { ...spec, protocols });
  assertEquals(calls, [null, 0]);
  assertEquals((await net.talk(DEC15, port, 1, TRUST)).echoed, "hello");

  const fails: ((user: PrivateKeyLoader) => number | void)[] = [
    () => 0,
    (user) => {
      user.setPrivateKey(server.key);
      return 1;
    },
    (user) => user.setPrivateKey(client.key),
  ];
  for (const give of fails) {
    const { result, lines } = logged(() =>
      DEC15.create({ ...spec, protocols: [echoing(DEC15, asking(give))] })
    );
    assertEquals(result, null);
    assertMatch(lines.join("\n"), /err: lws_create_context: .*ssl_private_key_filepath/);
  }
});
