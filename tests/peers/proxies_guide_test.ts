/** The configurations of docs/guide/proxies.md, run as they stand there but for their ports. */

import { assert, assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import type { Context, ContextCreationInfo } from "../../mod.ts";
import { assertSeen, CLIENT, type Front, front, goThrough, type Seen } from "./front.ts";
import { HTTP_SETTINGS, nginx } from "./nginx.ts";
import { HAPROXY, NGINX } from "./peer.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/guide/proxies.md", import.meta.url));

/** The page's only block in that language. */
function block(language: string): string {
  const blocks = PAGE.split(`\`\`\`${language}\n`).slice(1);
  assertEquals(blocks.length, 1, language);
  return blocks[0]!.slice(0, blocks[0]!.indexOf("```"));
}

/** `text` with another one in a place that has to be there, once. */
function replaced(text: string, place: string, other: string): string {
  assertEquals(text.split(place).length, 2, place);
  return text.replace(place, other);
}

/** What the page gives to `createContext`, on any free port. */
async function options(): Promise<Partial<ContextCreationInfo>> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/options.ts`;
  await Deno.writeTextFile(path, block("ts"));
  const { behindProxy } = await import(toFileUrl(path).href);
  await Deno.remove(folder, { recursive: true });
  assertEquals(behindProxy.port, 7681);
  return { ...behindProxy, port: 0 };
}

function site(server: Context): Promise<Front> {
  const text = replaced(
    block("nginx"),
    "server 127.0.0.1:7681;",
    `server 127.0.0.1:${server.port};`,
  );
  return nginx((port) =>
    `http {
  ${HTTP_SETTINGS}
  ${replaced(text, "listen 80;", `listen 127.0.0.1:${port};`)}
}`
  );
}

/** Starts HAProxy with the page's file, in which `more` is put behind the server. */
function haproxy(server: Context, edit = (text: string) => text): Promise<Front> {
  const text = replaced(
    block("haproxy"),
    "server one 127.0.0.1:7681",
    `server one 127.0.0.1:${server.port}`,
  );
  return front({
    program: HAPROXY,
    config: (port) => edit(replaced(text, "bind :80", `bind 127.0.0.1:${port}`)),
    args: (file) => ["-db", "-q", "-f", file],
  });
}

/** That requests went over connections that were there. */
function assertKept({ filtered, established, requested }: Seen): void {
  assert(filtered.length < established.length + requested.length, `${filtered.length} connections`);
}

NGINX.test("the guide's nginx passes WebSocket and HTTP, keeps connections and says whose they are", async () => {
  const seen = await goThrough(await options(), site);
  assertSeen(seen);
  assertKept(seen);
});

HAPROXY.test("the guide's HAProxy passes WebSocket and HTTP, keeps connections and says whose they are", async () => {
  const seen = await goThrough(await options(), haproxy);
  assertSeen(seen);
  assertKept(seen);
});

HAPROXY.test("the guide's HAProxy says whose connections are with the PROXY protocol as well", async () => {
  const { trustProxy, ...others } = await options();
  assertEquals(trustProxy, ["127.0.0.1"]);
  const seen = await goThrough(
    { ...others, proxyProtocol: true },
    (server) =>
      haproxy(server, (text) => {
        const own = `server one 127.0.0.1:${server.port}`;
        assert(PAGE.includes("server one 127.0.0.1:7681 send-proxy-v2"));
        return replaced(replaced(text, "option forwardfor", ""), own, `${own} send-proxy-v2`);
      }),
  );
  assertSeen(seen);
  assertEquals(seen.filtered.includes(CLIENT), true);
});
