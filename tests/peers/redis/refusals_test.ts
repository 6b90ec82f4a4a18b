/** Servers that can't be used, or not now: what is said of them, and that nothing of ours stays. */

import { assertEquals, assertRejects } from "@std/assert";
import { createContext, handlers, LwsError, type LwsErrorCode } from "../../../mod.ts";
import { redisBroker, type RedisBrokerOptions } from "../../../src/brokers/redis/mod.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { captureLog } from "../../support/recorder.ts";
import { message } from "../../unit/topics/played_subscriber.ts";
import { EndingClock, Node, until } from "./node.ts";
import { clusterPort } from "./redis_cluster.ts";
import { REDIS, startRedis } from "./redis_server.ts";

const NOTHING = { publication() {}, interrupted() {}, state() {} };
const KEPT = { isBinary: false, history: true };

/** Starts a broker and publishes by it. */
async function use(options: RedisBrokerOptions): Promise<void> {
  const clock = new EndingClock();
  const broker = redisBroker({ historySize: 10, ...options });
  try {
    await broker.start(NOTHING, clock);
    await broker.publish("t", new Uint8Array(1), KEPT);
  } finally {
    await broker[Symbol.asyncDispose]();
    clock.end();
  }
}

async function refuses(
  options: RedisBrokerOptions,
  code: LwsErrorCode,
  said: string,
): Promise<void> {
  const error = await assertRejects(() => use(options), LwsError, said);
  assertEquals(error.code, code, error.message);
}

REDIS.test("redis: users and passwords, in the URL or beside it, and what a user lacks", async () => {
  await using server = await startRedis();
  const { port, cli, url } = server;
  await cli("acl", "setuser", "some", "on", ">p@ss", "~*", "&*", "+@all", "-evalsha", "-eval");
  await cli("acl", "setuser", "all", "on", ">p@ss", "~*", "&*", "+@all");
  await cli("config", "set", "requirepass", "secret");
  await use({ url: `redis://:secret@127.0.0.1:${port}` });
  await use({ url, password: "secret" });
  await use({ url: `redis://all:p%40ss@127.0.0.1:${port}` });
  await use({ url, username: "all", password: "p@ss" });
  await refuses({ url }, "broker-unavailable", "asks for a password");
  await refuses({ url, password: "other" }, "broker-unavailable", "refuses the user's name");
  await refuses({ url, username: "some", password: "p@ss" }, "broker-unavailable", "'evalsha'");
});

REDIS.test("redis: a replica takes nothing, and one that becomes one is used again when it is none", async () => {
  using _log = captureLog();
  await using primary = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  await using server = await startRedis();
  const { cli, url } = server;
  await using node = new Node(redisBroker({ url, historySize: 10 }));
  const subscriber = await node.join("t");
  await node.publish("t", "1");
  await node.has(subscriber, "1");
  await cli("replicaof", "127.0.0.1", String(primary.port));
  await until(async () => /link_status:up/.test(await cli("info", "replication")), "it follows");
  await refuses({ url }, "broker-unavailable", "it is a replica");
  await assertRejects(() => node.hub.publish("t", message("lost")), LwsError, "it is a replica");
  await until(() => node.states.length === 1, "the program hears of it");
  await cli("replicaof", "no", "one");
  await node.publish("t", "2");
  await node.has(subscriber, "2");
  assertEquals(node.states, [false, true]);
});

REDIS.test("redis: a node of a cluster and a server of none are told from each other", async () => {
  await using server = await startRedis();
  await using node = await startRedis({ port: clusterPort(), args: ["--cluster-enabled", "yes"] });
  await refuses({ url: node.url }, "unsupported", "it is used with cluster: true");
  await refuses({ url: server.url, cluster: true }, "unsupported", "used without cluster: true");
  await refuses({ url: node.url, cluster: true }, "broker-unavailable", "see the whole cluster");
});

REDIS.test("redis: nothing listens, or says nothing, or speaks no Redis", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `redis://127.0.0.1:${silent.addr.port}`;
  await refuses({ url, connectTimeoutMs: 50 }, "broker-unavailable", "connectTimeoutMs (50)");
  await refuses({ url, cluster: true, connectTimeoutMs: 50 }, "broker-unavailable", "(50)");
  // The end does not wait for it.
  const clock = new EndingClock();
  const broker = redisBroker({ url, connectTimeoutMs: 600_000 });
  const started = assertRejects(() => broker.start(NOTHING, clock), LwsError);
  await silent.accept().then((conn) => conn.close());
  await Promise.all([started, broker[Symbol.asyncDispose]()]);
  clock.end();
  silent.close();
  await refuses({ url }, "broker-unavailable", `redis://127.0.0.1:${silent.addr.port}`);
});

REDIS.test("redis: over TLS, with an authority and a certificate of one's own; others are refused", async () => {
  await using folder = await temporaryFolder();
  const authority = await makeAuthority("tests");
  const own = await authority.issue({ name: "server", hosts: ["localhost"] });
  const client = await authority.issue({ name: "client", purpose: "client" });
  const at = (name: string) => `${folder.path}/${name}.pem`;
  await Deno.writeTextFile(at("ca"), authority.cert);
  await Deno.writeTextFile(at("cert"), own.cert);
  await Deno.writeTextFile(at("key"), own.key);
  const port = freePort();
  await using server = await startRedis({
    args: [
      ...["--tls-port", String(port), "--tls-ca-cert-file", at("ca"), "--tls-auth-clients", "no"],
      ...["--tls-cert-file", at("cert"), "--tls-key-file", at("key")],
    ],
  });
  const url = `rediss://localhost:${port}`;
  const caCerts = [authority.cert];
  await use({ url, tls: { caCerts } });
  await use({ url: `rediss://127.0.0.1:${port}`, tls: { caCerts, serverName: "localhost" } });
  await refuses({ url }, "broker-unavailable", url);
  await refuses({ url, tls: { caCerts, serverName: "other" } }, "broker-unavailable", url);
  await server.cli("config", "set", "tls-auth-clients", "yes");
  await use({ url, tls: { caCerts, ...client } });
  await refuses({ url, tls: { caCerts } }, "broker-unavailable", url);
});

REDIS.test("redis: a context that is destroyed with publications under way leaves nothing behind", async () => {
  using _log = captureLog();
  await using server = await startRedis();
  for (const waits of [false, true]) {
    const context = createContext({
      port: 0,
      iface: "127.0.0.1",
      broker: redisBroker({ url: server.url, historySize: 100 }),
      protocols: [{ name: "chat", callback: handlers({}) }],
    });
    if (waits) await context.publish("t", "first");
    const sent = Array.from({ length: 200 }, (_, i) => context.publish("t", String(i)));
    const results = Promise.allSettled(sent);
    await context.destroy();
    for (const each of await results) {
      if (each.status === "rejected") assertEquals(each.reason.code, "destroyed");
    }
  }
  await until(
    async () => /connected_clients:1\b/.test(await server.cli("info", "clients")),
    "gone",
  );
});
