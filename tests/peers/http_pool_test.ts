/** Pools of connections, of clients and of proxies, whose requests are answered before their bodies are read. */

import { assertEquals } from "@std/assert";
import { type Context, createContext } from "../../mod.ts";
import { LOOPBACK } from "../support/patience.ts";
import type { Front } from "./front.ts";
import { haproxy } from "./haproxy.ts";
import { HTTP_SETTINGS, nginx } from "./nginx.ts";
import { HAPROXY, NGINX, NODE, output, scriptPath } from "./peer.ts";
import { named } from "../support/named.ts";

const COUNT = 800;
const CONCURRENCY = 8;
/** What the answer doesn't wait for: read away by the server, and too long for that. */
const LENGTHS = { "short bodies": 20_000, "bodies past maxDrainBytes": 1_000_000 };

/** Refuses all that is posted, as soon as its head is there. */
function refusing(): Context {
  return createContext({
    ...LOOPBACK,
    protocols: [named("http", {
      http(wsi) {
        wsi.returnHttpStatus(401);
        return wsi.httpTransactionCompleted();
      },
    })],
  });
}

/** Posts by a client of its own process, and counts the outcomes. */
async function postAll(program: string, args: string[], port: number, length: number) {
  const url = `http://127.0.0.1:${port}`;
  return JSON.parse(
    await output(program, [...args, url, ...[COUNT, length, CONCURRENCY].map(String)]),
  );
}

/** By undici's pool. */
function postByUndici(port: number, length: number): Promise<unknown> {
  const args = ["run", "--quiet", "--allow-net", "--allow-env", scriptPath("node/pool_posts.mjs")];
  return postAll(Deno.execPath(), args, port, length);
}

/** nginx, which keeps its connections to the server behind it. */
function nginxBefore(server: Context): Promise<Front> {
  return nginx((port) =>
    `http {
  ${HTTP_SETTINGS}
  client_max_body_size 4m;
  upstream behind { server 127.0.0.1:${server.port} max_fails=0; keepalive ${CONCURRENCY}; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}`
  );
}

/** HAProxy, whose clients share its connections to the server behind it. */
function haproxyBefore(server: Context): Promise<Front> {
  return haproxy("http", `127.0.0.1:${server.port}`, "http-reuse always");
}

const PROXIES = [["nginx", NGINX, nginxBefore], ["HAProxy", HAPROXY, haproxyBefore]] as const;

for (const [what, length] of Object.entries(LENGTHS)) {
  NODE.test(`Node's keep-alive agent sees no failure behind early answers to ${what}`, async () => {
    await using server = refusing();
    const args = [scriptPath("node/keep_alive_posts.mjs")];
    assertEquals(await postAll(NODE.path, args, server.port, length), { 401: COUNT });
  });

  Deno.test(`undici's pool sees no failure behind early answers to ${what}`, async () => {
    await using server = refusing();
    assertEquals(await postByUndici(server.port, length), { 401: COUNT });
  });

  for (const [name, program, inFront] of PROXIES) {
    program.test(`${name} passes early answers to ${what} without a failure`, async () => {
      await using server = refusing();
      await using proxy = await inFront(server);
      assertEquals(await postByUndici(proxy.port, length), { 401: COUNT });
    });
  }
}
