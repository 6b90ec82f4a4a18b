/** Answers that go out before the request's body was read, to clients and proxies that keep connections. */

import { assert, assertEquals } from "@std/assert";
import { type Context, createContext, handlers } from "../../mod.ts";
import { PATIENT } from "../support/patience.ts";
import { haproxy } from "./haproxy.ts";
import { HTTP_SETTINGS, nginx } from "./nginx.ts";
import { HAPROXY, NGINX, NODE, output, peerTest, scriptPath } from "./peer.ts";

const COUNT = 800;

/** Refuses every request at once, whatever it brings. */
function refusing(): Context & { readonly accepted: { count: number } } {
  const accepted = { count: 0 };
  const context = createContext({
    port: 0,
    iface: "127.0.0.1",
    ...PATIENT,
    protocols: [{
      name: "http",
      callback: handlers({
        filterNetworkConnection: () => void accepted.count++,
        http(wsi) {
          wsi.returnHttpStatus(403, "not you");
          return wsi.httpTransactionCompleted();
        },
      }),
    }],
  });
  return Object.assign(context, { accepted });
}

async function pool(way: "agent" | "fetch", port: number): Promise<Record<string, number>> {
  const printed = await output(NODE.path, [
    scriptPath("node/pool_client.mjs"),
    way,
    `http://127.0.0.1:${port}/`,
    String(COUNT),
  ]);
  return (JSON.parse(printed) as { outcomes: Record<string, number> }).outcomes;
}

for (const way of ["agent", "fetch"] as const) {
  const client = way === "agent" ? "Node's keep-alive agent" : "undici's pool";
  peerTest(
    `${client} sees no failure in ${COUNT} requests that are answered early`,
    NODE,
    async () => {
      await using server = refusing();
      assertEquals(await pool(way, server.port), { 403: COUNT });
      // What is short is read away, and its connection used again.
      assert(server.accepted.count < COUNT / 2, `${server.accepted.count} connections`);
    },
  );
}

peerTest(
  `nginx with keepalive sees no failure in ${COUNT} requests that are answered early`,
  NGINX,
  async () => {
    await using server = refusing();
    await using proxy = await nginx((port) =>
      `http {
  ${HTTP_SETTINGS}
  client_max_body_size 10m;
  upstream behind { server 127.0.0.1:${server.port}; keepalive 8; }
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
    assertEquals(await pool("agent", proxy.port), { 403: COUNT });
    assert(server.accepted.count < COUNT / 2, `${server.accepted.count} connections`);
  },
);

peerTest(
  `HAProxy with http-reuse always sees no failure in ${COUNT} requests that are answered early`,
  HAPROXY,
  async () => {
    await using server = refusing();
    await using proxy = await haproxy("http", `127.0.0.1:${server.port}`, "http-reuse always");
    assertEquals(await pool("agent", proxy.port), { 403: COUNT });
    assert(server.accepted.count < COUNT / 2, `${server.accepted.count} connections`);
  },
);
