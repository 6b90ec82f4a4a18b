import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../../mod.ts";
import { readServerInfo } from "../../../../../src/brokers/redis/server/info.ts";

function info(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}`);
  return ["# Server", ...lines, "", "# Replication", ""].join("\r\n");
}

const SEVEN = { redis_version: "7.0.15", redis_mode: "standalone", run_id: "abc", role: "master" };

Deno.test("a server says its run, its mode and its role", () => {
  assertEquals(readServerInfo(info(SEVEN), "redis"), {
    runId: "abc",
    isCluster: false,
    isReplica: false,
  });
  const other = readServerInfo(info({ ...SEVEN, redis_mode: "cluster", role: "slave" }), "redis");
  assertEquals([other.isCluster, other.isReplica], [true, true]);
});

Deno.test("Redis from 7.0 and Valkey from 7.2 on will do, and those before are refused by name", () => {
  const valkey = (version: string) => ({
    redis_version: "7.2.4",
    server_name: "valkey",
    valkey_version: version,
  });
  for (
    const fields of [
      SEVEN,
      { redis_version: "7.0.0" },
      { redis_version: "10.1" },
      valkey("7.2.0"),
      valkey("8.0"),
    ]
  ) {
    readServerInfo(info(fields), "redis");
  }
  const refused: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ redis_version: "6.2.14" }, "Redis 6.2.14"],
    [valkey("7.1.9"), "Valkey 7.1.9"],
    [{}, "of no version"],
  ];
  for (const [fields, said] of refused) {
    const error = assertThrows(() => readServerInfo(info(fields), "redis://a:1"), LwsError, said);
    assertEquals(error.code, "unsupported");
    assertEquals(error.message.includes("redis://a:1"), true);
  }
});
