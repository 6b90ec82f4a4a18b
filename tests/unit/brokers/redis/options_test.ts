import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../mod.ts";
import { checkOptions, type RedisBrokerOptions } from "../../../../src/brokers/redis/options.ts";
import { redisBroker } from "../../../../src/brokers/redis/mod.ts";

function target(options: RedisBrokerOptions) {
  return checkOptions(options).targets[0]!;
}

Deno.test("a URL says all of a server, and options what it does not", () => {
  const { connectTimeoutMs, tls, ...rest } = target({
    url: "redis://u%40:p%2F@example.org:7000/3",
  });
  assertEquals(rest, {
    name: "redis://example.org:7000",
    host: "example.org",
    port: 7000,
    username: "u@",
    password: "p/",
    database: 3,
  });
  assertEquals([connectTimeoutMs, tls], [5_000, undefined]);
  const bare = target({ url: "rediss://[::1]", username: "a", password: "b", database: 4 });
  assertEquals([bare.host, bare.port, bare.username, bare.password, bare.database, bare.tls], [
    "::1",
    6379,
    "a",
    "b",
    4,
    {},
  ]);
  const both = target({ url: "redis://u:p@h/1", username: "a", password: "b", database: 4 });
  assertEquals([both.username, both.password, both.database], ["u", "p", 1]);
});

Deno.test("a broker keeps what its options say", () => {
  const { prefix, restartKeepsEpoch, history } = checkOptions({ url: "redis://h", historySize: 7 });
  assertEquals([prefix, restartKeepsEpoch, history.historySize], ["lws", false, 7]);
  assertEquals(redisBroker({ url: "redis://h", historySize: 1 }).keepsHistory, true);
  assertEquals(redisBroker({ url: "redis://h" }).keepsHistory, false);
});

Deno.test("options are refused by name, at each limit and one past it", () => {
  const url = "redis://h";
  const right: readonly RedisBrokerOptions[] = [
    { url, prefix: "a".repeat(64) },
    { url, database: 1_000_000 },
    { url, cluster: true, database: 0 },
    { url: "redis://h/1000000" },
    { url, connectTimeoutMs: 1 },
    { url, connectTimeoutMs: 600_000 },
    { url: Array.from({ length: 1_000 }, (_, i) => `redis://h${i}`) },
    { url: ["redis://h", "redis://h:6380", "redis://h/1"] },
    { url: "rediss://h", tls: { caCerts: ["a"], cert: "b", key: "c", serverName: "d" } },
  ];
  for (const each of right) checkOptions(each);
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, "options is undefined"],
    [{}, "url is undefined"],
    [{ url: "" }, 'url is ""'],
    [{ url: "http://h" }, 'url is "http://h"; allowed: redis://host:port'],
    [{ url: "redis:///1" }, "url is"],
    [{ url: "redis://h?db=1" }, "without ? and #"],
    [{ url: "redis://h/a" }, "whose path is a whole number"],
    [{ url: "redis://h/1000001" }, "whose path is a whole number"],
    [{ url: "redis://%zz@h" }, "encoded by %"],
    [{ url: [] }, "url is […]"],
    [{ url: Array.from({ length: 1_001 }, (_, i) => `redis://h${i}`) }, "a list of 1 to 1000 URLs"],
    [{ url: ["redis://h", 7] }, "url[1] is 7"],
    [{ url: ["redis://h", "redis://p@h:6379/0"] }, "url[1] is"],
    [{ url, prefix: "" }, "prefix"],
    [{ url, prefix: "a".repeat(65) }, "prefix"],
    [{ url, prefix: "a:b" }, "prefix"],
    [{ url, cluster: 1 }, "cluster is 1"],
    [{ url, cluster: true, database: 1 }, "database is 1"],
    [{ url: [url, "redis://h/2"], cluster: true }, "database is 2; allowed: 0"],
    [{ url, restartKeepsEpoch: 1 }, "restartKeepsEpoch is 1"],
    [{ url, username: "" }, "username"],
    [{ url, password: 7 }, "password is"],
    [{ url, database: -1 }, "database is -1"],
    [{ url, database: 1_000_001 }, "database is 1000001"],
    [{ url, connectTimeoutMs: 0 }, "connectTimeoutMs is 0"],
    [{ url, connectTimeoutMs: 600_001 }, "connectTimeoutMs is 600001"],
    [{ url, tls: {} }, "tls is {…}; allowed: only with a URL that begins with rediss:"],
    [{ url: "rediss://h", tls: true }, "tls is true"],
    [{ url: "rediss://h", tls: { caCert: [] } }, "did you mean tls.caCerts?"],
    [{ url: "rediss://h", tls: { caCerts: "a" } }, "tls.caCerts"],
    [{ url: "rediss://h", tls: { cert: "a" } }, "tls.key"],
    [{ url: "rediss://h", tls: { serverName: "" } }, "tls.serverName"],
    [{ url, historySize: -1 }, "historySize is -1"],
    [{ url, historysize: 1 }, "did you mean historySize?"],
  ];
  for (const [options, said] of wrong) {
    const error = assertThrows(() => redisBroker(options as RedisBrokerOptions), LwsError, said);
    assertEquals(error.code, "invalid-argument");
    assertEquals(error.message.startsWith("redisBroker: "), true);
  }
});

Deno.test("no password is in an error", () => {
  for (
    const url of ["http://u:secret@h", "redis://u:secret@h?x", "redis://u:secret@h/x", "u:secret@h"]
  ) {
    const error = assertThrows(() => redisBroker({ url }), LwsError);
    assertEquals(error.message.includes("secret"), false, error.message);
  }
  for (const odd of [{ passwrod: "secret" }, { tls: { kye: "secret" } }]) {
    const options = { url: "rediss://h", ...odd } as RedisBrokerOptions;
    const error = assertThrows(() => redisBroker(options), LwsError, "there is no");
    assertEquals(error.message.includes("secret"), false, error.message);
  }
  const error = assertThrows(
    () => redisBroker({ url: "redis://h", password: ["secret"] as unknown as string }),
    LwsError,
  );
  assertEquals(error.message.includes("secret"), false, error.message);
});
