/** `openssl s_client`, with a context over the epoll network whose TLS is OpenSSL's. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type ContextCreationInfo, createContext } from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { OPENSSL } from "../peer.ts";

const { localhost } = await makeCertificates();
const network = epollNetwork({ tls: "openssl" });

function serve(info: Partial<ContextCreationInfo> = {}) {
  return createContext({
    port: 0,
    iface: "127.0.0.1",
    network,
    sslCertFilepath: localhost.cert,
    sslPrivateKeyFilepath: localhost.key,
    protocols: [{ name: "http", callback: () => 0 }],
    fetch: () => new Response("served"),
    ...info,
  });
}

/** What `s_client` prints that sends some lines. */
async function ask(port: number, lines: string, ...args: string[]): Promise<string> {
  const process = new Deno.Command(OPENSSL.path, {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines)).catch(() => {});
  const { stdout, stderr } = await process.output();
  await writer.close().catch(() => {});
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const isServed = (printed: string) => printed.includes("\r\nserved") || /^served/m.test(printed);

const versions: readonly [info: Partial<ContextCreationInfo>, args: string[], served: boolean][] = [
  [{}, ["-tls1_3"], true],
  [{}, ["-tls1_2"], true],
  [{}, ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false],
  [{ sslMinVersion: "TLSv1.3" }, ["-tls1_2"], false],
  [{ sslMaxVersion: "TLSv1.2" }, ["-tls1_3"], false],
  [{ sslCipherList: "ECDHE-ECDSA-AES128-GCM-SHA256" }, [
    "-tls1_2",
    "-cipher",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
  ], true],
  [{ sslCipherList: "ECDHE-ECDSA-AES128-GCM-SHA256" }, [
    "-tls1_2",
    "-cipher",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
  ], false],
  [
    { sslTls13Ciphers: "TLS_AES_128_GCM_SHA256" },
    ["-ciphersuites", "TLS_AES_128_GCM_SHA256"],
    true,
  ],
  [{ sslTls13Ciphers: "TLS_AES_128_GCM_SHA256" }, [
    "-tls1_3",
    "-ciphersuites",
    "TLS_AES_256_GCM_SHA384",
  ], false],
  [{ sslGroups: "P-384" }, ["-groups", "P-384"], true],
  [{ sslGroups: "P-384" }, ["-groups", "X25519"], false],
  // Without forward secrecy.
  [{}, ["-tls1_2", "-cipher", "kRSA"], false],
];
OPENSSL.test("openssl is served by the versions, ciphers and groups of the context, and no others", async () => {
  for (const [info, args, served] of versions) {
    await using context = serve(info);
    const printed = await ask(context.port, GET, "-ign_eof", ...args);
    assertEquals(isServed(printed), served, `${JSON.stringify(info)} ${args}: ${printed}`);
    if (!served) assertStringIncludes(printed, "alert");
  }
});

OPENSSL.test("openssl can't renegotiate", async () => {
  await using context = serve();
  const printed = await ask(context.port, "R\n", "-tls1_2");
  assertStringIncludes(printed, "no renegotiation");
});

for (const version of ["-tls1_2", "-tls1_3"]) {
  OPENSSL.test(`openssl resumes a session of this context, and of no other (${version})`, async () => {
    await using folder = await temporaryFolder();
    const session = `${folder.path}/session`;
    await using own = serve();
    await using other = serve();
    const first = await ask(own.port, GET, "-ign_eof", version, "-sess_out", session);
    const tickets = first.match(/New Session Ticket arrived/g)?.length ?? 0;
    assertEquals([isServed(first), tickets], [true, version === "-tls1_3" ? 1 : 0]);
    const again = await ask(own.port, GET, "-ign_eof", version, "-sess_in", session);
    assertEquals([isServed(again), /^Reused/m.test(again)], [true, true]);
    const elsewhere = await ask(other.port, GET, "-ign_eof", version, "-sess_in", session);
    assertEquals([isServed(elsewhere), /^Reused/m.test(elsewhere)], [true, false]);
  });
}
