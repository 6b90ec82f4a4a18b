import { assertEquals, assertThrows } from "@std/assert";
import { createContext } from "../../../../../mod.ts";
import { LwsError } from "../../../../../src/base/errors.ts";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import type { TlsTuning } from "../../../../../src/tls/stack.ts";
import { epollNetwork } from "../../../../../src/transport/epoll/mod.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { temporaryFolder } from "../../../../support/folder.ts";

const { localhost, ca } = await makeCertificates();
const stack = opensslStack();
const network = epollNetwork({ tls: "openssl" });

const refused: readonly [tuning: Record<string, unknown>, message: RegExp][] = [
  [{ sslCipherList: "ECDHE+AESGCM:AES129" }, /sslCipherList is .*no "AES129"/],
  [{ sslCipherList: "" }, /sslCipherList is ""/],
  [{ sslCipherList: "AESGCM:!AESGCM" }, /sslCipherList is .*leaves a cipher/],
  [{ sslCipherList: 5 }, /sslCipherList is 5/],
  [{ sslTls13Ciphers: "TLS_AES_128_GCM_SHA256:TLS_NONE" }, /sslTls13Ciphers is .*"TLS_NONE"/],
  [{ sslGroups: "X25519:P-999" }, /sslGroups is .*"P-999"/],
  [{ sslMinVersion: "TLSv1.1" }, /sslMinVersion is "TLSv1.1"; allowed: "TLSv1.2" or "TLSv1.3"/],
  [{ sslMaxVersion: "" }, /sslMaxVersion is ""/],
  [{ sslMinVersion: "TLSv1.3", sslMaxVersion: "TLSv1.2" }, /sslMaxVersion is "TLSv1.2"/],
];
for (const [tuning, message] of refused) {
  Deno.test(`${JSON.stringify(tuning)} is refused at creation, by name`, () => {
    const error = assertThrows(
      () => createContext({ port: -1, protocols: [], network, ...tuning }),
      LwsError,
    );
    assertEquals(
      [error.code, message.test(error.message)],
      ["invalid-option", true],
      error.message,
    );
  });
}

for (
  const name of ["sslCipherList", "sslTls13Ciphers", "sslMinVersion", "sslMaxVersion", "sslGroups"]
) {
  Deno.test(`${name} is refused over another network, with a word on where it works`, () => {
    const error = assertThrows(
      () => createContext({ port: -1, protocols: [], network: epollNetwork(), [name]: "TLSv1.3" }),
      LwsError,
    );
    assertEquals(/epollNetwork\(\{ tls: "openssl" \}\) takes/.test(error.message), true);
    assertEquals(error.message.startsWith(`${name} is "TLSv1.3"`), true);
  });
}

/** What both sides agree on. */
async function agreed(server: TlsTuning, client: TlsTuning): Promise<string> {
  const [near, far] = memoryPair();
  const ends = await Promise.all([
    stack.client({ ca: [ca.cert], disableOsCaCerts: true }, client)
      .secure(near, { serverName: "localhost" }).done.catch((error) => error as LwsError),
    stack.server({ identity: localhost }, server).secure(far).done.catch((error) => error),
  ]);
  for (const end of ends) if (!(end instanceof LwsError)) end.close();
  const [end] = ends;
  return end instanceof LwsError ? end.code : `${end.info.protocol} ${end.info.cipher}`;
}

const CHACHA = "ECDHE-ECDSA-CHACHA20-POLY1305";
const pairs: readonly [server: TlsTuning, client: TlsTuning, agreed: string][] = [
  [{}, {}, "TLSv1.3 TLS_AES_256_GCM_SHA384"],
  [{ sslMaxVersion: "TLSv1.2" }, {}, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"],
  [{ sslMaxVersion: "TLSv1.2" }, { sslMinVersion: "TLSv1.3" }, "tls-handshake-failed"],
  [{ sslMaxVersion: "TLSv1.2", sslCipherList: CHACHA }, {}, `TLSv1.2 ${CHACHA}`],
  [
    { sslCipherList: "HIGH:!aNULL:!RC4" },
    { sslMaxVersion: "TLSv1.2", sslCipherList: CHACHA },
    `TLSv1.2 ${CHACHA}`,
  ],
  [
    { sslMaxVersion: "TLSv1.2", sslCipherList: CHACHA },
    { sslCipherList: "AESGCM" },
    "tls-handshake-failed",
  ],
  [{ sslTls13Ciphers: "TLS_AES_128_GCM_SHA256" }, {}, "TLSv1.3 TLS_AES_128_GCM_SHA256"],
  [{ sslGroups: "P-384" }, { sslGroups: "X25519:P-384" }, "TLSv1.3 TLS_AES_256_GCM_SHA384"],
  [{ sslGroups: "P-384" }, { sslGroups: "X25519" }, "tls-handshake-failed"],
];
for (const [server, client, what] of pairs) {
  Deno.test(`${JSON.stringify(server)} and ${JSON.stringify(client)} agree on ${what}`, async () => {
    assertEquals(await agreed(server, client), what);
  });
}

/** What is agreed on where `openssl.cnf` says a thing: a client's words, one for each tuning. */
async function agreedBy(rule: string, tunings: readonly TlsTuning[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/openssl.cnf`;
  await Deno.writeTextFile(
    file,
    `openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n${rule}\n`,
  );
  const src = (path: string) => import.meta.resolve(`../../../../../src/${path}`);
  const code = `import { opensslStack } from "${src("transport/epoll/openssl/stack.ts")}";
    import { memoryPair } from "${src("testing/memory_transport.ts")}";
    const [identity, ca, tunings] = JSON.parse(Deno.args[0]);
    const stack = opensslStack();
    const server = stack.server({ identity }, {});
    for (const tuning of tunings) {
      const [near, far] = memoryPair();
      const client = stack.client({ ca: [ca], disableOsCaCerts: true }, tuning);
      const ends = [client.secure(near, { serverName: "localhost" }).done, server.secure(far).done];
      const [made] = await Promise.allSettled(ends);
      console.log(made.value?.info.protocol ?? "none", made.value?.info.cipher ?? "none");
    }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "--allow-ffi"],
      ...[`data:text/typescript,${encodeURIComponent(code)}`],
      JSON.stringify([localhost, ca.cert, tunings]),
    ],
    env: { OPENSSL_CONF: file },
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("openssl.cnf may be stricter than the defaults, and no laxer; members go before it", async () => {
  const [older, newer] = [{ sslMaxVersion: "TLSv1.2" }, {}] as const;
  const [strict, lax, chosen] = await Promise.all([
    agreedBy("MinProtocol = TLSv1.3", [older, newer]),
    agreedBy("MinProtocol = TLSv1\nMaxProtocol = TLSv1.2", [newer]),
    agreedBy("Ciphersuites = TLS_AES_128_GCM_SHA256", [
      newer,
      { sslTls13Ciphers: "TLS_AES_256_GCM_SHA384" },
    ]),
  ]);
  assertEquals(strict, ["none none", "TLSv1.3 TLS_AES_256_GCM_SHA384"]);
  assertEquals(lax, ["TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"]);
  // The server has been told nothing else, so that the client's choice is none of its own.
  assertEquals(chosen, ["TLSv1.3 TLS_AES_128_GCM_SHA256", "none none"]);
});
