/** What programs do by OpenSSL's pointers, which callbacks lend over `epollNetwork({ tls: "openssl" })`. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  createContext,
  LwsError,
  type Protocol,
} from "../../../mod.ts";
import { bringTlsStack } from "../../../src/tls/stack.ts";
import { opensslStack } from "../../../src/transport/epoll/openssl/stack.ts";
import {
  loadVerifyLocations,
  toldAuthorities,
  trialOf,
  usePrivateKeyFile,
  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
  X509_V_OK,
} from "../../unit/transport/epoll/openssl/own_openssl.ts";
import { pemFiles } from "../../support/folder.ts";
import { captureLog } from "../../support/recorder.ts";
import { CountedOpenssl } from "../../unit/transport/epoll/openssl/counted.ts";
import { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { openLibc } from "../../../src/transport/epoll/libc.ts";
import { made, TLS, TRUST_ONLY } from "./server.ts";

const counted = new CountedOpenssl();
const network = new EpollNetwork(openLibc(), 1);
bringTlsStack(network, opensslStack(counted.openssl));
/** What the network itself holds. */
const AT_REST = counted.held;

const PEM = { ca: made.ca.cert, key: made.localhost.key, clientKey: made.client.key };

type Answer = (...given: Parameters<Protocol["callback"]>) => number | void;

const context = (info: Partial<ContextCreationInfo>, callback: Answer) =>
  createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    iface: "127.0.0.1",
    network,
    ...info,
    protocols: [{ name: "x", callback: (...given) => callback(...given) ?? 0 }],
  });

const server = (info: Partial<ContextCreationInfo>, callback: Answer) =>
  context({ ...TLS, ...info, port: 0 }, callback);

const ASKING = { options: { requireValidClientCert: true } };
const shown = ({ cert, key }: { cert: string; key: string }) => ({
  ...TRUST_ONLY,
  sslCertFilepath: cert,
  sslPrivateKeyFilepath: key,
});

/** Whether a server lets a client in. */
async function isLetIn(
  port: number,
  info: Partial<ContextCreationInfo> = TRUST_ONLY,
  more: Answer = () => {},
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  await using client = context(info, (...given) => {
    const [, reason] = given;
    if (reason === "clientEstablished" || reason === "clientConnectionError") {
      resolve(reason === "clientEstablished");
    }
    return more(...given);
  });
  client.clientConnect({ address: "127.0.0.1", host: "localhost", ssl: 1, port });
  return await promise;
}

/** Nothing of OpenSSL's is left behind a test. */
function testPointers(name: string, body: (files: typeof PEM) => Promise<void>): void {
  Deno.test(name, async () => {
    using pem = pemFiles(PEM);
    await body(pem.paths);
    await network.released();
    assertEquals(counted.held, AT_REST);
  });
}

testPointers(
  "an authority that a program loads vouches for clients, and is told to them",
  async (files) => {
    for (const loads of [true, false]) {
      using log = captureLog();
      await using own = server(ASKING, (_wsi, reason, _user, data) => {
        if (reason === "opensslPerformClientCertVerification") {
          assertEquals(toldAuthorities(data.ssl), loads ? 1 : 0);
        }
        if (reason !== "opensslLoadExtraServerVerifyCerts") return;
        if (loads) assert(loadVerifyLocations(data.sslCtx, files.ca));
      });
      assertEquals(await isLetIn(own.port, shown(made.client)), loads);
      assertEquals(await isLetIn(own.port, shown(made.foreignClient)), false);
      assertEquals(/no authority for clients/.test(log.lines.join("\n")), !loads);
    }
  },
);

testPointers(
  "each SSL_CTX is lent once, also those by host name and of a certificate that is changed",
  async () => {
    const lent: unknown[] = [];
    let loader: { readonly sslCtx?: object | undefined } | undefined;
    const info = { ...ASKING, sslCaFilepath: made.ca.cert, certificates: [made.example] };
    await using own = server(info, (_wsi, reason, _user, data) => {
      if (reason !== "opensslLoadExtraServerVerifyCerts") return;
      loader = data;
      lent.push(Deno.UnsafePointer.value(data.sslCtx as Deno.PointerObject));
    });
    assertEquals([lent.length, new Set(lent).size], [2, 2]);
    own.setCertificate(made.renewed);
    assertEquals(lent.length, 3);
    assertEquals(loader?.sslCtx, undefined, "the callback is over");
    assertEquals(await isLetIn(own.port, shown(made.client)), true);
  },
);

testPointers(
  "a key that a program sets is the server's, and one that isn't fails the creation",
  async (files) => {
    const keyless = { sslPrivateKeyFilepath: null };
    const asked =
      (set: (sslCtx: unknown) => number | void): Answer => (_wsi, reason, _user, data) => {
        if (reason === "opensslContextRequiresPrivateKey") return set(data.sslCtx);
      };
    await using own = server(keyless, asked((each) => void usePrivateKeyFile(each, files.key)));
    assertEquals(await isLetIn(own.port), true);
    const refused: ((sslCtx: unknown) => number | void)[] = [
      () => {},
      (each) => void usePrivateKeyFile(each, files.clientKey),
      (each) => usePrivateKeyFile(each, files.key) ? 1 : 0,
    ];
    for (const set of refused) {
      const error = assertThrows(() => server(keyless, asked(set)), LwsError);
      assertEquals(error.code, "invalid-option");
      assertStringIncludes(error.message, "sslPrivateKeyFilepath");
    }
    await using given = server(keyless, (_wsi, reason, _user, data) => {
      if (reason === "opensslContextRequiresPrivateKey") data.setPrivateKey(made.localhost.key);
    });
    assertEquals(await isLetIn(given.port), true, "PEM text is as good");
  },
);

testPointers("a program sees why a certificate is bad, and overrules that both ways", async () => {
  const seen: unknown[] = [];
  let overrules = false;
  await using own = server(
    { ...ASKING, sslCaFilepath: made.ca.cert },
    (_wsi, reason, _user, data) => {
      if (reason !== "opensslPerformClientCertVerification") return;
      const { error, isOf } = trialOf(data.x509StoreCtx, data.ssl);
      seen.push(error, isOf, data.isTrusted);
      queueMicrotask(() => seen.push(data.ssl ?? data.x509StoreCtx ?? "nothing"));
      if (error === X509_V_OK) return overrules ? 1 : 0;
      if (overrules) data.accept();
    },
  );
  const outcomes: boolean[] = [];
  for (overrules of [false, true]) {
    for (const identity of [made.client, made.foreignClient]) {
      outcomes.push(await isLetIn(own.port, shown(identity)));
    }
  }
  assertEquals(outcomes, [true, false, false, true]);
  const once = [X509_V_OK, true, true, "nothing"];
  const twice = [X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, false, "nothing"];
  assertEquals(seen, [...once, ...twice, ...once, ...twice]);
});

testPointers(
  "a connection that is closed while its pointers are lent keeps them until then",
  async () => {
    let error = -1;
    await using own = server(
      { ...ASKING, sslCaFilepath: made.ca.cert },
      (wsi, reason, _user, data) => {
        if (reason !== "opensslPerformClientCertVerification") return;
        const { ssl, x509StoreCtx } = data;
        wsi.context.hangupOnClient(wsi.socketFd);
        error = trialOf(x509StoreCtx, ssl).error;
      },
    );
    assertEquals(await isLetIn(own.port, shown(made.client)), false);
    assertEquals(error, X509_V_OK);
  },
);

testPointers(
  "a context that only connects lends its own: for authorities, and for its key",
  async (files) => {
    await using own = server({ ...ASKING, sslCaFilepath: made.ca.cert }, () => {});
    const only = { options: TRUST_ONLY.options };
    const lent: string[] = [];
    const keyless = { ...only, sslCertFilepath: made.client.cert };
    const isIn = await isLetIn(own.port, keyless, (_wsi, reason, _user, data) => {
      if (reason === "opensslLoadExtraClientVerifyCerts") {
        assert(loadVerifyLocations(data.sslCtx, files.ca));
        lent.push(reason);
      }
      if (reason === "opensslContextRequiresPrivateKey") {
        assert(usePrivateKeyFile(data.sslCtx, files.clientKey));
        lent.push(reason);
      }
    });
    assertEquals([isIn, ...lent], [
      true,
      "opensslLoadExtraClientVerifyCerts",
      "opensslContextRequiresPrivateKey",
    ]);
    assertEquals(
      await isLetIn(own.port, { ...shown(made.client), ...only, sslCaFilepath: null }),
      false,
    );
  },
);
