/** Foreign servers that our client talks to over TLS. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocket as WsClient, WebSocketServer } from "npm:ws@8.18.3";
import { makeCertificates } from "../../support/certificates.ts";
import { Child } from "../../support/child.ts";
import { connectTo, echoServer, talkTo } from "../echo.ts";
import { LWS_SERVER, NGINX, start, untilListening } from "../peer.ts";
import { withFiles } from "../pem_files.ts";
import { overStacks, type TestedStack } from "../../support/tls/stacks.ts";
import { freePort } from "../../support/free_port.ts";
import { temporaryFolder } from "../../support/folder.ts";

const { ca, localhost, example, client } = await makeCertificates();

/** Trusts our CA and nobody else. */
const TRUST = { sslCaFilepath: ca.cert, options: { disableOsCaCerts: true } };
const IDENTITY = { sslCertFilepath: client.cert, sslPrivateKeyFilepath: client.key };
const TARGET = { ssl: 1, serverName: "localhost" } as const;
/** How clients by a stack connect. */
const trusting = (stack: TestedStack) => ({ ...stack.sockets, ...TRUST });
const TLS = (stack: TestedStack) => ({ info: trusting(stack), target: TARGET });

/** Talks in a process whose runtime trusts our CA, and tells by whose TLS. */
async function talkByRuntime(port: number, sendsFragments: boolean): Promise<string> {
  return await withFiles({ trusted: ca.cert }, async ({ trusted }) => {
    await using child = new Child(
      ["env", `DENO_CERT=${trusted}`],
      "tls/runtime_talk.ts",
      ["-A"],
      [String(port), String(sendsFragments)],
    );
    return await child.line();
  });
}

/** A configuration of nginx: TLS on one port, what is behind it on another, all files in one folder. */
function nginxConfiguration(folder: string, cert: string, key: string, from: number, to: number) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  return `
    daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
    events { worker_connections 64; }
    http {
      access_log off; ${temporary}
      server {
        listen 127.0.0.1:${from} ssl;
        ssl_certificate ${cert}; ssl_certificate_key ${key};
        location / {
          proxy_pass http://127.0.0.1:${to};
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "upgrade";
          proxy_set_header Host $http_host;
        }
      }
    }`;
}

overStacks(
  "our client talks over TLS to nginx, behind which a server of ours is",
  async (stack) => {
    await using server = echoServer();
    const port = freePort();
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    await withFiles({ cert: localhost.cert, key: localhost.key }, async ({ cert, key }) => {
      const configuration = `${folder}/nginx.conf`;
      await Deno.writeTextFile(
        configuration,
        nginxConfiguration(folder, cert, key, port, server.context.port),
      );
      // Without a master, which would leave its worker behind when it is killed.
      const args = ["-p", folder, "-c", configuration, "-g", "master_process off;"];
      await using _nginx = start(NGINX.path, args);
      await untilListening(port);
      await talkTo(port, { sendsFragments: true }, TLS(stack));
      assertEquals(await talkByRuntime(port, true), "unknown");
    });
    assertEquals(await server.nextClose(), {
      code: 3001,
      reason: "done",
      wasClean: true,
      cause: "peer",
    });
    for (let i = 0; i < 4; i++) assertEquals((await server.nextClose()).wasClean, true);
    assertEquals(server.pongs, ["one", "two", "one", "two"]);
  },
  NGINX.test,
);

/** An echo server of npm:ws over TLS. */
async function wsServer(options: object) {
  const https = createServer(options);
  const server = new WebSocketServer({ server: https, maxPayload: 64 * 1024 * 1024 });
  server.on("connection", (socket: WsClient) => {
    socket.on("message", (data: Uint8Array, isBinary: boolean) => {
      const text = data.length < 100 && !isBinary ? new TextDecoder().decode(data) : "";
      const close = /^close (\d+) (.*)$/.exec(text);
      if (close !== null) socket.close(Number(close[1]), close[2]);
      else socket.send(data, { binary: isBinary });
    });
  });
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  return {
    port: (https.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => https.close(() => resolve()));
    },
  };
}

overStacks("our client talks to a server of npm:ws over TLS", async (stack) => {
  await using server = await wsServer(localhost);
  await talkTo(server.port, { sendsFragments: false }, TLS(stack));
});

Deno.test("our client talks to a server of npm:ws over the runtime's own TLS", async () => {
  await using server = await wsServer(localhost);
  assertEquals(await talkByRuntime(server.port, false), "unknown");
});

overStacks("our client shows a server of npm:ws its certificate", async (stack) => {
  const asking = { ...localhost, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
  await using server = await wsServer(asking);
  const lengths = [125, 65_536];
  await talkTo(server.port, { sendsFragments: false }, {
    info: { ...trusting(stack), ...IDENTITY },
    target: TARGET,
    lengths,
  });
  await assertRejects(() => connectTo(server.port, [], [], trusting(stack), TARGET));
});

overStacks(
  "our client does not talk to a server of npm:ws with another's certificate",
  async (stack) => {
    await using server = await wsServer(example);
    await assertRejects(
      () => connectTo(server.port, [], [], trusting(stack), TARGET),
      Error,
      "is for DNS:example.test, DNS:*.example.test, not for localhost",
    );
  },
);

overStacks("our client counts and draws with libwebsockets-test-server over TLS", async (stack) => {
  const port = freePort();
  await withFiles({ cert: localhost.cert, key: localhost.key }, async ({ cert, key }) => {
    const args = ["-p", String(port), "--ssl", "-C", cert, "-K", key];
    await using _server = start(LWS_SERVER.path, args);
    await untilListening(port);
    await using counter = await connectTo(
      port,
      ["dumb-increment-protocol"],
      [],
      trusting(stack),
      TARGET,
    );
    const first = Number(await counter.receive());
    for (let step = 1; step <= 10; step++) {
      assertEquals(Number(await counter.receive()), first + step);
    }
    await using painter = await connectTo(
      port,
      ["lws-mirror-protocol"],
      [],
      trusting(stack),
      TARGET,
    );
    for (const length of [1, 125, 126, 1_000, 4_000]) {
      const drawing = "d #ff0000 1 2 3 4;".repeat(300).slice(0, length);
      painter.wsi.write(drawing);
      assertEquals(await painter.receive(), drawing);
    }
    painter.wsi.close(3001, "done");
    assert((await painter.closed).wasClean);
    counter.wsi.write("closeme\n");
    assertEquals((await counter.closed).code, 1001);
  });
}, LWS_SERVER.test);
