import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LwsError } from "@x/lws";
import { natsBroker, type NatsOptions } from "@x/lws/nats";
import { checkOptions } from "../../../../src/brokers/nats/options.ts";

/** The message with which these are refused. */
function refusal(options: unknown): string {
  const error = assertThrows(() => natsBroker(options as NatsOptions), LwsError);
  assertEquals(error.code, "invalid-argument");
  return error.message;
}

const PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----";

Deno.test("options have defaults, and servers a port", () => {
  const { servers, history, ...rest } = checkOptions({ servers: "nats.example" });
  assertEquals(servers, [{ hostname: "nats.example", port: 4222, isTls: false }]);
  assertEquals(history, {
    historySize: 0,
    historyTtlMs: 300_000,
    historyBytes: Infinity,
    idempotencyMs: 60_000,
  });
  assertEquals(rest, {
    prefix: "lws",
    replicas: 1,
    storage: "file",
    shards: 1,
    user: undefined,
    password: undefined,
    token: undefined,
    tls: {},
    connectTimeoutMs: 5_000,
  });
});

Deno.test("servers are hosts, with a port or without, over TLS if they say so", () => {
  const given = ["a", "b:1", "nats://c:2", "tls://d", "nats://[::1]:3", "tls://e:80/", "10.0.0.1"];
  const { servers } = checkOptions({ servers: given });
  assertEquals(servers.map(({ hostname, port, isTls }) => [hostname, port, isTls]), [
    ["a", 4222, false],
    ["b", 1, false],
    ["c", 2, false],
    ["d", 4222, true],
    ["::1", 3, false],
    ["e", 80, true],
    ["10.0.0.1", 4222, false],
  ]);
  assertEquals(checkOptions({ servers: "a", tls: true }).servers[0]!.isTls, true);
  assertEquals(checkOptions({ servers: "a", tls: { caCerts: [PEM] } }).servers[0]!.isTls, true);
});

Deno.test("an option that is wrong is refused by its name", () => {
  const cases: Record<string, unknown> = {
    "options is undefined": undefined,
    "servers is undefined": {},
    "servers is […]": { servers: [] },
    "servers[1] is 7": { servers: ["a", 7] },
    'servers is "ws://a"': { servers: "ws://a" },
    'servers is "a:99999"': { servers: "a:99999" },
    'servers is "a b"': { servers: "a b" },
    'servers is "a server with a login"': { servers: "nats://me:secret@a" },
    'servers is "tls://a"': { servers: "tls://a", tls: false },
    'prefix is ""': { servers: "a", prefix: "" },
    'prefix is "a.b"': { servers: "a", prefix: "a.b" },
    "replicas is 2": { servers: "a", replicas: 2 },
    'storage is "disk"': { servers: "a", storage: "disk" },
    "shards is 0": { servers: "a", shards: 0 },
    "shards is 65": { servers: "a", shards: 65 },
    "shards is Infinity": { servers: "a", shards: Infinity },
    "connectTimeoutMs is 0": { servers: "a", connectTimeoutMs: 0 },
    "password is undefined": { servers: "a", user: "me" },
    "user is undefined": { servers: "a", password: "secret" },
    'user is "me"': { servers: "a", user: "me", password: "x", token: "t" },
    'token is ""': { servers: "a", token: "" },
    "tls is 1": { servers: "a", tls: 1 },
    "tls.cert is {…}": { servers: "a", tls: { cert: "cert.pem" } },
    "tls is {…}": { servers: "a", tls: { cert: PEM } },
    "historySize is -1": { servers: "a", historySize: -1 },
    "historyBytes is 1000": { servers: "a", historyBytes: 1_000 },
    "historyTtlMs is 99": { servers: "a", historyTtlMs: 99 },
    "idempotencyMs is 99": { servers: "a", idempotencyMs: 99 },
    "idempotencyMs is 60001": { servers: "a", historyTtlMs: 60_000, idempotencyMs: 60_001 },
    "idempotencyMs is Infinity": { servers: "a", historyTtlMs: Infinity, idempotencyMs: Infinity },
  };
  for (const [start, options] of Object.entries(cases)) {
    assertStringIncludes(refusal(options), `natsBroker: ${start}; allowed: `);
  }
});

Deno.test("values at their limits are taken", () => {
  for (
    const options of [
      { prefix: "p".repeat(32), shards: 64, replicas: 5, storage: "memory", connectTimeoutMs: 1 },
      { historySize: Infinity, historyTtlMs: Infinity, historyBytes: Infinity },
      { historyTtlMs: 100, idempotencyMs: 100 },
      { idempotencyMs: 0 },
    ] as const
  ) checkOptions({ servers: "a", ...options });
  assertStringIncludes(refusal({ servers: "a", prefix: "p".repeat(33) }), "prefix");
});

Deno.test("a name that is wrong is told with the one that was meant, and no secret is shown", () => {
  assertStringIncludes(refusal({ servers: "a", historysize: 3 }), "did you mean historySize?");
  assertStringIncludes(refusal({ servers: "a", url: "b" }), "did you mean servers?");
  assertStringIncludes(refusal({ servers: "a", tls: { ca: PEM } }), "did you mean tls.caCerts?");
  for (const servers of ["nats://me:secret@a", "nats://me:secret@a/b", "me:secret@a b"]) {
    assertEquals(refusal({ servers }).includes("secret"), false);
  }
  assertEquals(refusal({ servers: "a", tls: { key: "secret" } }).includes("secret"), false);
  assertEquals(refusal({ servers: "a", pass: "secret" }).includes("secret"), false);
});

Deno.test("ids are known for no longer than history, unless that is asked for", () => {
  const { history } = checkOptions({ servers: "a", historyTtlMs: 1_000 });
  assertEquals(history.idempotencyMs, 1_000);
});
