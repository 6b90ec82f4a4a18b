/** Foreign programs that talk to our server over TLS. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Buffer } from "node:buffer";
import { WebSocket as WsClient } from "npm:ws@8.18.3";
import { type ContextCreationInfo, createContext } from "../../../mod.ts";
import { incrementProtocol } from "../../../examples/demo/increment.ts";
import { mirrorProtocol } from "../../../examples/demo/mirror.ts";
import { Presence, type Visitor } from "../../../examples/demo/presence.ts";
import { upload } from "../../../examples/upload.ts";
import { makeCertificates, type TestIdentity } from "../../support/certificates.ts";
import { conversation, newPage, withBrowser } from "../chromium.ts";
import { assertSame, bytesOf, connectTo, type EchoServer, echoServer } from "../echo.ts";
import { LENGTHS, textOf } from "../echo.ts";
import { CHROMIUM, CURL, LWS_CLIENT, NODE, OPENSSL, output } from "../peer.ts";
import { PYTHON, scriptPath, start } from "../peer.ts";
import { withFiles } from "../pem_files.ts";
import { overStacks } from "../../support/tls/stacks.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { temporaryFolder } from "../../support/folder.ts";

const { ca, localhost, client, foreignClient } = await makeCertificates();

const TLS = { sslCertFilepath: localhost.cert, sslPrivateKeyFilepath: localhost.key };
/** Only those with a certificate of ours. */
const STRICT: Partial<ContextCreationInfo> = {
  ...TLS,
  sslCaFilepath: ca.cert,
  options: { requireValidClientCert: true },
};

const pemsOf = ({ cert, key }: TestIdentity) => ({ ca: ca.cert, cert, key });
const DONE = { code: 3001, reason: "done", wasClean: true, cause: "peer" } as const;

/** How both connections of the scripts' conversation end, and what it has of control frames. */
async function checkConversation(server: EchoServer): Promise<void> {
  assertEquals(await server.nextClose(), DONE);
  assertEquals((await server.nextClose()).wasClean, true);
  assertEquals(server.pongs, ["one", "two"]);
}

function curl(cacert: string, ...args: string[]): Promise<string> {
  return output(CURL.path, ["-sS", "--max-time", "20", "--cacert", cacert, ...args]);
}

overStacks("curl gets pages over one TLS connection, and uploads", async (stack) => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await using context = createContext({
    ...LOOPBACK,
    ...stack.sockets,
    ...TLS,
    protocols: [upload(folder)],
  });
  const origin = `https://localhost:${context.port}`;
  await Deno.writeFile(`${folder}/source.bin`, bytesOf(5_000_000));
  await withFiles({ ca: ca.cert }, async (paths) => {
    const report = ["--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}\n"];
    const source = ["--upload-file", `${folder}/source.bin`];
    assertEquals(
      await curl(
        paths.ca,
        ...[...source, ...report, `${origin}/whole.bin`],
        ...["--next", "-sS", "--cacert", paths.ca, "--header", "Transfer-Encoding: chunked"],
        ...[...source, ...report, `${origin}/chunked.bin`],
      ),
      "201 1\n201 0\n",
    );
  });
  for (const name of ["whole.bin", "chunked.bin"]) {
    assertSame(await Deno.readFile(`${folder}/${name}`), bytesOf(5_000_000));
  }
}, CURL.test);

overStacks("curl trusts the certificate only with its CA", async (stack) => {
  await using server = echoServer([], { ...stack.sockets, ...TLS });
  const url = `https://localhost:${server.context.port}/`;
  await withFiles({ ca: ca.cert }, async (paths) => {
    assertStringIncludes(await curl(paths.ca, url), "This port speaks WebSocket.");
    await assertRejects(() => output(CURL.path, ["-sS", url]), Error, "ended with 60");
  });
}, CURL.test);

overStacks("curl needs a client certificate of the right CA", async (stack) => {
  await using server = echoServer([], { ...stack.sockets, ...STRICT });
  const url = `https://localhost:${server.context.port}/`;
  for (const [identity, isLetIn] of [[client, true], [foreignClient, false]] as const) {
    await withFiles(pemsOf(identity), async (paths) => {
      const asked = curl(paths.ca, "--cert", paths.cert, "--key", paths.key, url);
      if (isLetIn) assertStringIncludes(await asked, "WebSocket");
      else await assertRejects(() => asked);
      await assertRejects(() => curl(paths.ca, url));
    });
  }
}, CURL.test);

overStacks("openssl s_client carries a WebSocket's bytes, with TLS 1.3 and 1.2", async (stack) => {
  await using server = echoServer([], { ...stack.sockets, ...STRICT });
  for (const version of ["-tls1_3", "-tls1_2"]) {
    await withFiles(pemsOf(client), async (paths) => {
      const process = new Deno.Command(OPENSSL.path, {
        args: [
          ...["s_client", "-quiet", "-verify_return_error", "-CAfile", paths.ca, version],
          ...["-cert", paths.cert, "-key", paths.key, "-servername", "localhost"],
          ...["-connect", `127.0.0.1:${server.context.port}`],
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const writer = process.stdin.getWriter();
      await writer.write(new TextEncoder().encode(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ));
      // "close 3001 done", masked with zeros.
      const command = new TextEncoder().encode("close 3001 done");
      await writer.write(new Uint8Array([0x81, 0x80 | command.length, 0, 0, 0, 0, ...command]));
      let printed = "";
      for await (const bytes of process.stdout) {
        printed += String.fromCharCode(...bytes);
        // The server's close frame is answered by one without a code.
        if (printed.endsWith("done")) {
          await writer.write(new Uint8Array([0x88, 0x80, 0, 0, 0, 0])).catch(() => {});
        }
      }
      await writer.close().catch(() => {});
      await process.status;
      assertStringIncludes(printed, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
      // 3001 is 0x0bb9.
      assertStringIncludes(printed, "\r\n\r\n\x88\x06\x0b\xb9done");
    });
    assertEquals((await server.nextClose()).wasClean, true);
  }
}, OPENSSL.test);

overStacks(
  "Chromium's WebSocket talks to our server over TLS, and comes to no certificate that it doesn't know",
  async (stack) => {
    await using server = echoServer([], { ...stack.sockets, ...TLS });
    await withBrowser(async (browser) => {
      const page = await newPage(browser, { ignoreHTTPSErrors: true });
      await page.goto(`https://localhost:${server.context.port}/`);
      const report = await page.evaluate(conversation, LENGTHS);
      assertEquals(report, ["closed 3001 done true", "closed 4001 bye true"]);
      const strict = await newPage(browser);
      const coming = () => strict.goto(`https://localhost:${server.context.port}/`);
      await assertRejects(coming, Error, "ERR_CERT_AUTHORITY_INVALID");
    });
    await checkConversation(server);
  },
  CHROMIUM.test,
);

overStacks("Node's own WebSocket talks to our server over TLS", async (stack) => {
  await using server = echoServer([], { ...stack.sockets, ...TLS });
  await withFiles({ ca: ca.cert }, async (paths) => {
    const args = ["--no-warnings", "--experimental-websocket", scriptPath("node/echo_client.mjs")];
    const env = { NODE_EXTRA_CA_CERTS: paths.ca };
    const printed = await output(NODE.path, [...args, server.url], env);
    assertStringIncludes(printed, "closed 3001 ");
    assertStringIncludes(printed, "closed 4001 bye true");
  });
  await checkConversation(server);
}, NODE.test);

overStacks("a client of python3-websockets talks to our server over TLS", async (stack) => {
  await using server = echoServer([], { ...stack.sockets, ...TLS });
  await withFiles({ ca: ca.cert }, async (paths) => {
    const args = [scriptPath("python/echo_client.py"), server.url];
    const printed = await output(PYTHON.path, args, { SSL_CERT_FILE: paths.ca });
    assertEquals(printed, "closed 3001\nclosed 4001 bye\n");
  });
  await checkConversation(server);
  assertEquals(server.pings, ["one", "two"]);
}, PYTHON.test);

overStacks(
  "a client of npm:ws talks to our server over TLS, and shows its certificate",
  async (stack) => {
    await using server = echoServer([], { ...stack.sockets, ...STRICT });
    const connect = async (options: object) => {
      const url = server.url.replace("127.0.0.1", "localhost");
      const socket = new WsClient(url, { ca: ca.cert, maxPayload: 64 * 1024 * 1024, ...options });
      await new Promise<void>((resolve, reject) => {
        socket.once("open", () => resolve());
        socket.once("error", reject);
      });
      return socket;
    };
    const socket = await connect(client);
    for (const length of LENGTHS) {
      for (const message of [textOf(length), bytesOf(length)]) {
        const echoed = new Promise<string | Uint8Array>((resolve) =>
          socket.once("message", (data: Buffer, isBinary: boolean) => {
            resolve(isBinary ? new Uint8Array(data) : data.toString());
          })
        );
        socket.send(message);
        assertSame(await echoed, message);
      }
    }
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.close(3001, "done");
    assertEquals(await closed, 3001);
    assertEquals(await server.nextClose(), DONE);
    await assertRejects(() => connect({}));
    await assertRejects(() => connect(foreignClient));
  },
);

overStacks("libwebsockets-test-client counts and draws over TLS", async (stack) => {
  const presence = new Presence();
  await using context = createContext({
    ...LOOPBACK,
    ...stack.sockets,
    ...STRICT,
    // What it says it comes from, over TLS as well.
    allowedOrigins: ["http://127.0.0.1"],
    protocols: [incrementProtocol(presence), mirrorProtocol(presence)],
  });
  const info = {
    ...stack.sockets,
    sslCertFilepath: client.cert,
    sslPrivateKeyFilepath: client.key,
    sslCaFilepath: ca.cert,
    options: { disableOsCaCerts: true },
  };
  await using mirror = await connectTo(context.port, ["lws-mirror-protocol"], [], info, { ssl: 1 });
  await withFiles(pemsOf(client), async (paths) => {
    await using _client = start(LWS_CLIENT.path, [
      ...["127.0.0.1", `--port=${context.port}`, "--longlived", "--ssl"],
      ...[`--ssl-ca=${paths.ca}`, `--ssl-cert=${paths.cert}`, `--ssl-key=${paths.key}`],
    ]);
    for (let i = 0; i < 20; i++) {
      const circle = await mirror.receive() as string;
      assert(/^c #[0-9a-f]{6} \d+ \d+ \d+;/i.test(circle), circle);
    }
    const visitors = presence.list() as Visitor[];
    assertEquals(visitors.map(({ protocol }) => protocol).sort(), [
      "dumb-increment-protocol",
      "lws-mirror-protocol",
      "lws-mirror-protocol",
    ]);
  });
}, LWS_CLIENT.test);
