/** `openssl s_client` and `curl`, with a server that is made of our transports alone. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { TlsServer, type TlsServerOptions } from "../../../src/tls/server.ts";
import type { TlsTransport } from "../../../src/tls/transport.ts";
import { makeCertificates, type TestIdentity } from "../../support/certificates.ts";
import { CURL, OPENSSL, output } from "../peer.ts";
import { withFiles } from "../pem_files.ts";
import { temporaryFolder } from "../../support/folder.ts";

const certificates = await makeCertificates();

/** Answers each request with what it knows of the connection. */
function serve(options: Partial<TlsServerOptions> = {}) {
  const server = new TlsServer({ identity: certificates.localhost, ...options });
  const listener = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Promise<void>>();
  const accepting = (async () => {
    for (;;) {
      const inner = await listener.accept().catch(() => undefined);
      if (inner === undefined) return;
      const answered = server.secure(inner).done.then(answer, () => {});
      open.add(answered);
      answered.finally(() => open.delete(answered));
    }
  })();
  return {
    port: listener.address.port,
    server,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

function answer(transport: TlsTransport): Promise<void> {
  const { info } = transport;
  const body = [info.protocol, info.serverName, info.alpnProtocol, info.peerCertificate?.subject]
    .join(" ");
  const { promise, resolve } = Promise.withResolvers<void>();
  transport.start({
    onBytes(bytes) {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      transport.write(new TextEncoder().encode(head + body));
      return bytes.length;
    },
    onDrain: () => transport.close(),
    onEnd: () => transport.close(),
    onClose: () => resolve(),
  });
  return promise;
}

const ca = certificates.ca.cert;

function curl(port: number, ...args: string[]): Promise<string> {
  return withFiles(
    { ca },
    (paths) =>
      output(CURL.path, ["-sS", "--cacert", paths.ca!, ...args, `https://localhost:${port}/`]),
  );
}

/** What `s_client` printed, after it has asked for something. */
function openssl(port: number, identity: TestIdentity | undefined, ...args: string[]) {
  const files: Record<string, string> = {
    ca,
    ...identity && { cert: identity.cert, key: identity.key },
  };
  return withFiles(files, async (paths) => {
    const process = new Deno.Command(OPENSSL.path, {
      args: [
        ...["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", paths.ca!, "-ign_eof", ...args],
        ...identity ? ["-cert", paths.cert!, "-key", paths.key!] : [],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    // It may have ended by itself, refused.
    await writer.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")).catch(() => {});
    const { stdout, stderr } = await process.output();
    await writer.close().catch(() => {});
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  });
}

CURL.test("curl gets an answer over TLS 1.3 and over 1.2", async () => {
  await using served = serve();
  assertEquals(await curl(served.port, "--http1.1"), "TLSv1.3 localhost http/1.1 ");
  assertEquals(await curl(served.port, "--tls-max", "1.2"), "TLSv1.2 localhost http/1.1 ");
});

CURL.test("curl refuses a certificate for another name, and the server goes on", async () => {
  await using served = serve({ identity: certificates.example });
  assertStringIncludes((await curl(served.port).catch((error) => error)).message, "ended with 60");
  served.server.setCertificate(certificates.localhost);
  assertStringIncludes(await curl(served.port), "TLSv1.3");
});

OPENSSL.test("openssl verifies the certificate, agrees on http/1.1 and sees the orderly end", async () => {
  await using served = serve();
  const printed = await openssl(
    served.port,
    undefined,
    "-servername",
    "localhost",
    "-alpn",
    "h2,http/1.1",
  );
  assertStringIncludes(printed, "Verify return code: 0 (ok)");
  assertStringIncludes(printed, "ALPN protocol: http/1.1");
  assertStringIncludes(printed, "TLSv1.3 localhost http/1.1");
  assertEquals(printed.includes("unexpected eof"), false, printed);
});

OPENSSL.test("openssl is shown the certificate of the name it asks for", async () => {
  await using served = serve({ identities: [certificates.example] });
  for (
    const [name, subject] of [["www.example.test", "example.test"], ["elsewhere", "localhost"]]
  ) {
    const printed = await openssl(served.port, undefined, "-servername", name!);
    assertStringIncludes(printed, `subject=CN = ${subject}`);
  }
});

OPENSSL.test("openssl needs the right client certificate where one is required", async () => {
  await using served = serve({ ca: [ca], clientCertificate: "require" });
  const answered = async (identity: TestIdentity | undefined) =>
    (await openssl(served.port, identity)).includes("200 OK");
  assertEquals(await answered(certificates.client), true);
  assertEquals(await answered(undefined), false);
  assertEquals(await answered(certificates.foreignClient), false);
  assertEquals(await answered(certificates.expiredClient), false);
  assertStringIncludes(await openssl(served.port, certificates.client), "CN=client");
});

OPENSSL.test("openssl that knows no common protocol is told so by an alert", async () => {
  await using served = serve();
  assertStringIncludes(await openssl(served.port, undefined, "-alpn", "h2"), "alert");
  assertStringIncludes(await openssl(served.port, undefined), "200 OK");
});

/** Whether `s_client` was answered on the first port, and then on the second with the session of that. */
async function twice(
  ports: readonly [number, number],
  identity: TestIdentity,
  version: string,
): Promise<boolean[]> {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const session = `${folder}/session`;
  const first = await openssl(ports[0], identity, version, "-sess_out", session);
  const second = await openssl(ports[1], identity, version, "-sess_in", session);
  assertStringIncludes(second, "Reused, TLS");
  return [first, second].map((printed) => printed.includes("200 OK"));
}

for (const version of ["-tls1_3", "-tls1_2"]) {
  OPENSSL.test(`a session that openssl resumes is as good as its certificate was there (${version})`, async () => {
    await using served = serve({ ca: [ca], clientCertificate: "require" });
    const { port } = served;
    const { client, foreignClient } = certificates;
    assertEquals(await twice([port, port], client, version), [true, true]);
    // The runtime's tickets are good for all servers of a process.
    await using other = serve({ ca: [certificates.foreignCa.cert], clientCertificate: "require" });
    assertEquals(await twice([other.port, port], foreignClient, version), [true, false]);
  });
}
