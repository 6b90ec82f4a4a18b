/** TLS by the C names over OpenSSL: the loops, the list of ciphers, the bits, and the pointers of callbacks. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type Context,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  type Protocol,
  type Wsi,
} from "../../../mod.ts";
import { nov10 } from "../../../src/compat/mod.ts";
import { overNetwork } from "../../../src/compat/calls/over_network.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import { makeAuthority, makeSelfSigned, type TestIdentity } from "../../support/certificates.ts";
import { pemFiles } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { PATIENT } from "../../support/patience.ts";
import {
  loadVerifyLocations,
  trialOf,
  usePrivateKeyFile,
  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
  X509_V_OK,
} from "../../unit/transport/epoll/openssl/own_openssl.ts";
import { echoing, isSsl, loopback } from "../loopback.ts";
import {
  type Callback,
  DEC15,
  type Face,
  FACES,
  FEB11,
  logged,
  MAR13,
  on,
  withReason,
} from "../support.ts";

const network = epollNetwork({ tls: "openssl" });
const BLOCKING = { network, blocks: true } as const;
const LOOPS = [BLOCKING, { network, blocks: false }] as const;
const nameOf = ({ blocks }: { blocks: boolean }) => blocks ? "a loop that blocks" : "a loop";

const authority = await makeAuthority("Test CA");
const foreign = await makeAuthority("Foreign CA");
const hosts = ["localhost", "127.0.0.1"];
const server = await authority.issue({ name: "localhost", hosts });
const selfSigned = await makeSelfSigned({ name: "localhost", hosts });
const client = await authority.issue({ name: "client", purpose: "client" });
const stranger = await foreign.issue({ name: "stranger", purpose: "client" });

const certified = ({ cert, key }: TestIdentity) => ({
  ssl_cert_filepath: cert,
  ssl_private_key_filepath: key,
});
const TLS = certified(server);
/** Without the authorities of the system, which take a tenth of a second to read. */
const ONLY = { options: DEC15.api.LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS };
const CA = { ssl_ca_filepath: authority.cert };
const TRUST = { ...CA, ...ONLY };
const ASKED = "OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION";
const demands = (face: Face): number =>
  face.api.LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT;

for (const loop of LOOPS) {
  FACES.test(`TLS is spoken by both sides, from ${nameOf(loop)}`, async (face) => {
    const kinds: number[] = [];
    const callback = on("ESTABLISHED", (wsi) => void kinds.push(isSsl(wsi)));
    await using net = loopback(loop);
    const protocols = [echoing(face, callback)];
    const { port } = net.serve(face, { ...certified(selfSigned), protocols });
    // Its call to connect blocks as well, so that nothing else in this thread is served.
    const peer = face === FEB11 && loop.blocks ? MAR13 : face;
    assertEquals(await net.talk(peer, port, 2), { echoed: "hello", isSsl: 2 });
    assertEquals((await net.talk(peer, port, 1)).echoed, "", "nobody vouches for it");
    assertEquals((await net.talk(peer, port, 0)).echoed, "");
    assertEquals(kinds, [1]);
  });
}

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: ssl_cipher_list counts on both sides`, async () => {
    const seen: unknown[] = [];
    const callback: Callback = (wsi, reason) => {
      if (/ESTABLISHED$/.test(reason)) seen.push(wsi.tls?.cipher);
    };
    await using net = loopback(BLOCKING);
    const protocols = [echoing(face, callback)];
    const ciphers = (ssl_cipher_list: string) => ({ ssl_cipher_list });
    const asServer = ciphers("ECDHE-ECDSA-CHACHA20-POLY1305:!aNULL");
    const { port } = net.serve(face, { ...TLS, ...asServer, protocols });
    const old = { sslMaxVersion: "TLSv1.2", service: "manual", network } as const;
    const dropping: Protocol["callback"] = (...[, reason]) => /stablished$/.test(reason) ? -1 : 0;
    const bothAre = (count: number, other: Context) => () => {
      other.serviceSync(0);
      return seen.length === count;
    };
    {
      await using other = createContext({
        ...old,
        port: CONTEXT_PORT_NO_LISTEN,
        sslCaFilepath: authority.cert,
        protocols: [{ name: "echo", callback: dropping }],
      });
      other.clientConnect({ address: "127.0.0.1", host: "localhost", port, ssl: 1 });
      await net.until(bothAre(1, other));
    }
    {
      await using other = createContext({
        ...old,
        port: 0,
        iface: "127.0.0.1",
        sslCertFilepath: server.cert,
        sslPrivateKeyFilepath: server.key,
        protocols: [{ name: "echo", callback: dropping }],
      });
      const asClient = ciphers("RC4-MD5:RC4-SHA:ECDHE-ECDSA-AES256-GCM-SHA384:!DSS:!aNULL");
      const own = net.client(face, { ...CA, ...asClient, protocols });
      const target = ["127.0.0.1", other.port, 1, "/", "localhost", null, "echo", -1];
      face.call("client_connect", own, ...target);
      await net.until(bothAre(2, other));
    }
    assertEquals(seen, ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384"]);
  });
}

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: a list of ciphers that can't be is refused, and where it can be is said`, async () => {
    const create = (ssl_cipher_list: string) => () =>
      face.create({ ...TLS, port: freePort(), ssl_cipher_list, protocols: [echoing(face)] });
    for (
      const [list, why] of [
        ["AES128-SHA:NONESUCH", /ssl_cipher_list is .*; the library has no "NONESUCH"/],
        ["RC4-MD5:RC4-SHA", /ssl_cipher_list is "RC4-MD5:RC4-SHA"/],
      ] as const
    ) {
      const { result, lines } = logged(() => overNetwork(network, create(list)));
      assertEquals(result, null);
      assertMatch(lines.join("\n"), why);
    }
    const elsewhere = logged(create("HIGH"));
    assertEquals(elsewhere.result, null);
    assertMatch(
      elsewhere.lines.join("\n"),
      /ssl_cipher_list is "HIGH".*epollNetwork\({ tls: "openssl" }\)/,
    );
    const example = "RC4-MD5:RC4-SHA:AES128-SHA:AES256-SHA:HIGH:!DSS:!aNULL";
    const { result, lines } = logged(() => overNetwork(network, create(example), false));
    assertMatch(lines.join("\n"), /notice: ssl_cipher_list: there is no RC4-MD5, RC4-SHA any more/);
    await result!.destroy();
    await network.released!();
  });
}

Deno.test("dec15: blocking without OpenSSL returns -1 with TLS, and the log says what does it", async () => {
  const other = epollNetwork();
  const context = overNetwork(
    other,
    () => DEC15.create({ ...TLS, port: 0, protocols: [echoing(DEC15)] }),
  )!;
  const { result, lines } = logged(() => DEC15.call("service", context, 0));
  assertEquals(result, -1);
  assertMatch(
    lines.join("\n"),
    /lws_service: TLS without epollNetwork\({ tls: "openssl" }\) needs the runtime/,
  );
  await context.destroy();
  await other.released!();
});

Deno.test("feb11: a client of a context that blocks is connected over TLS, or null, when its call returns", async () => {
  const port = freePort();
  const kinds: number[] = [];
  const callback = on("CLIENT_ESTABLISHED", (wsi) => void kinds.push(isSsl(wsi)));
  const spec = { ...certified(selfSigned), port, protocols: [echoing(FEB11, callback)] };
  const context = overNetwork(network, () => FEB11.create(spec))!;
  const connect = (ssl: number) =>
    FEB11.call(
      "client_connect",
      context,
      "127.0.0.1",
      port,
      ssl,
      "/",
      "localhost",
      null,
      "echo",
      -1,
    );
  assertEquals((connect(2) as Wsi).isSsl, 2);
  assertEquals(connect(1), null);
  assertEquals(kinds, [2]);
  await context.destroy();
  await network.released!();
});

Deno.test("nov10: a server of the oldest generation speaks TLS over it, and serves by itself", async () => {
  const port = freePort();
  await using net = loopback();
  const echo: nov10.libwebsocket_callback = (wsi, reason, _user, data, len) => {
    if (reason !== nov10.LWS_CALLBACK_RECEIVE) return;
    nov10.libwebsocket_write(wsi, data as Uint8Array, len, nov10.LWS_WRITE_TEXT);
  };
  const create = () =>
    nov10.libwebsocket_create_server(port, echo, 13, 0, server.cert, server.key, -1, -1, PATIENT);
  {
    await using context = nov10.overNetwork(network, () => nov10.serverContext(create()), false)!;
    assertEquals(context.port, port);
    assertEquals(await net.talk(DEC15, port, 1, TRUST, null), { echoed: "hello", isSsl: 1 });
  }
  await network.released!();
});

Deno.test("dec15: the bits of TLS mean the same over OpenSSL", async () => {
  const {
    LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT: plainToo,
    LWS_SERVER_OPTION_PEER_CERT_NOT_REQUIRED: notRequired,
    LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME: nameless,
  } = DEC15.api;
  const verdicts: number[] = [];
  const callback: Callback = (_wsi, reason, _user, _input, len) => {
    if (reason !== ASKED) return 0;
    verdicts.push(len);
    return len === 1 ? 0 : 1;
  };
  await using net = loopback(BLOCKING);
  const serve = (options: number) =>
    net.serve(DEC15, { ...TLS, ...CA, options, protocols: [echoing(DEC15, callback)] }).port;
  const echoed = async (port: number, ssl: number, spec = {}) =>
    (await net.talk(DEC15, port, ssl, spec)).echoed;
  const both = serve(plainToo + nameless);
  assertEquals([await echoed(both, 0), await echoed(both, 1, TRUST)], ["hello", "hello"]);
  const asking = serve(demands(DEC15) + notRequired);
  assertEquals(await echoed(asking, 1, TRUST), "hello", "nothing shown, nothing to refuse");
  assertEquals(await echoed(asking, 1, { ...TRUST, ...certified(stranger) }), "");
  assertEquals(await echoed(serve(demands(DEC15)), 1, TRUST), "");
  assertEquals(verdicts, [0]);
  assertEquals(await echoed(both, 1, ONLY), "", "nobody is left to trust");
});

// The pointers of callbacks.

const PEM = { authority: authority.cert, key: server.key, clientKey: client.key };

for (const face of withReason(ASKED)) {
  const options = demands(face);

  Deno.test(`${face.name}: LOAD_EXTRA_SERVER_VERIFY_CERTS has the SSL_CTX`, async () => {
    using pem = pemFiles(PEM);
    const verdicts: number[] = [];
    let loads = true;
    const callback: Callback = (_wsi, reason, user, input, len) => {
      if (reason === "OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS") {
        assertEquals([input, len], [null, 0]);
        if (loads) assert(loadVerifyLocations(user, pem.paths.authority));
      }
      if (reason !== ASKED) return 0;
      verdicts.push(len);
      return len === 1 ? 0 : 1;
    };
    await using net = loopback(BLOCKING);
    for (loads of [true, false]) {
      const { port } = net.serve(face, { ...TLS, options, protocols: [echoing(face, callback)] });
      const { echoed } = await net.talk(DEC15, port, 1, { ...TRUST, ...certified(client) });
      assertEquals(echoed, loads ? "hello" : "");
    }
    assertEquals(verdicts, [1, 0]);
  });

  Deno.test(`${face.name}: PERFORM_CLIENT_CERT_VERIFICATION has X509_STORE_CTX and SSL, and the last word`, async () => {
    using pem = pemFiles(PEM);
    const seen: unknown[] = [];
    let overrules = false;
    const callback: Callback = (_wsi, reason, user, input, len) => {
      if (reason === "OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS") {
        loadVerifyLocations(user, pem.paths.authority);
      }
      if (reason !== ASKED) return 0;
      const { error, isOf } = trialOf(user, input);
      seen.push(error, isOf, len);
      return (error === X509_V_OK) !== overrules ? 0 : 1;
    };
    await using net = loopback(BLOCKING);
    const { port } = net.serve(face, { ...TLS, options, protocols: [echoing(face, callback)] });
    const echoes: string[] = [];
    for (overrules of [false, true]) {
      for (const identity of [client, stranger]) {
        const { echoed } = await net.talk(DEC15, port, 1, { ...TRUST, ...certified(identity) });
        echoes.push(echoed);
      }
    }
    assertEquals(echoes, ["hello", "", "", "hello"]);
    const once = [X509_V_OK, true, 1];
    const unknown = [X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, 0];
    assertEquals(seen, [...once, ...unknown, ...once, ...unknown]);
  });

  Deno.test(`${face.name}: LOAD_EXTRA_CLIENT_VERIFY_CERTS has the client's SSL_CTX`, async () => {
    using pem = pemFiles(PEM);
    const callback = on("OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS", (_wsi, user) => {
      assert(loadVerifyLocations(user, pem.paths.authority));
    });
    await using net = loopback(BLOCKING);
    const { port } = net.serve(face, { ...TLS, protocols: [echoing(face)] });
    assertEquals(await net.talk(face, port, 1, { protocols: [{ name: "any", callback }] }), {
      echoed: "hello",
      isSsl: 1,
    });
    assertEquals((await net.talk(face, port, 1)).echoed, "");
  });
}

Deno.test(`dec15: CONTEXT_REQUIRES_PRIVATE_KEY has the SSL_CTX, which gets the key`, async () => {
  using pem = pemFiles(PEM);
  let path: string = pem.paths.key;
  let result = 0;
  const callback = on("OPENSSL_CONTEXT_REQUIRES_PRIVATE_KEY", (_wsi, user) => {
    usePrivateKeyFile(user, path);
    return result;
  });
  const spec = { ssl_cert_filepath: server.cert, protocols: [echoing(DEC15, callback)] };
  await using net = loopback(BLOCKING);
  const { port } = net.serve(DEC15, spec);
  assertEquals((await net.talk(DEC15, port, 1, TRUST)).echoed, "hello");
  for ([path, result] of [[pem.paths.key, 1], [pem.paths.clientKey, 0]] as const) {
    const create = () => DEC15.create({ ...spec, port: freePort() });
    const refused = logged(() => overNetwork(network, create));
    assertEquals(refused.result, null);
    assertMatch(refused.lines.join("\n"), /err: lws_create_context: .*ssl_private_key_filepath/);
  }
});
