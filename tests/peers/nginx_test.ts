/** nginx in front of a server of ours. */

import { assert, assertEquals } from "@std/assert";
import { assertSeen, CLIENT, goThrough } from "./front.ts";
import { HTTP_SETTINGS, nginx } from "./nginx.ts";
import { NGINX, NGINX_STREAM } from "./peer.ts";

/** A site whose requests all go to `upstream`. */
function site(upstream: string): (port: number) => string {
  return (port) =>
    `http {
  ${HTTP_SETTINGS}
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  upstream behind { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}`;
}

const STREAM = `load_module ${NGINX_STREAM.path};`;

NGINX.test("nginx passes WebSocket and HTTP, and X-Forwarded-For says whose", async () => {
  const seen = await goThrough(
    { trustProxy: ["127.0.0.1"] },
    ({ port }) => nginx(site(`127.0.0.1:${port}`)),
  );
  assertSeen(seen);
  assertEquals([...new Set(seen.filtered)], ["127.0.0.1"]);
  // It keeps its connections to us.
  assert(seen.filtered.length < seen.established.length + seen.requested.length);
});

NGINX.test("without trustProxy everybody behind nginx is nginx", async () => {
  const { established } = await goThrough({}, ({ port }) => nginx(site(`127.0.0.1:${port}`)));
  assertEquals(established, ["127.0.0.1", "127.0.0.1"]);
});

NGINX.test("nginx comes by a unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const socketPath = `${folder}/server`;
  const seen = await goThrough(
    { socketPath, socketMode: 0o600, trustProxy: ["unix:"] },
    () => nginx(site(`unix:${socketPath}`)),
  );
  assertSeen(seen);
  assertEquals([...new Set(seen.filtered)], [""]);
  await Deno.remove(folder, { recursive: true });
});

NGINX_STREAM.test("nginx passes connections with the PROXY protocol", async () => {
  const seen = await goThrough({ proxyProtocol: true }, (server) =>
    nginx(
      (port) =>
        `stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${server.port};
    proxy_protocol on;
  }
}`,
      STREAM,
    ));
  assertSeen(seen);
  // The first one came to see whether nginx listens.
  assertEquals([...new Set(seen.filtered.slice(-2))], [CLIENT]);
});
