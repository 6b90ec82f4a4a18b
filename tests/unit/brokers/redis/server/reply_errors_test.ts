import { assertEquals } from "@std/assert";
import { LwsError } from "../../../../../mod.ts";
import { codeOf, unavailable } from "../../../../../src/brokers/redis/server/reply_errors.ts";

Deno.test("each error of a server is broker-unavailable, says what it means, and has what it said", () => {
  const said: Readonly<Record<string, string>> = {
    "LOADING Redis is loading the dataset in memory": "is loading its data",
    "READONLY You can't write against a read only replica.": "is a replica",
    "OOM command not allowed when used memory > 'maxmemory'.": "memory is full",
    "CLUSTERDOWN The cluster is down": "has no node",
    "NOAUTH Authentication required.": "asks for a password",
    "WRONGPASS invalid username-password pair": "refuses the user",
    "NOPERM User x has no permissions to run the 'evalsha' command": "does not let this user",
    "ERR unknown command": "redis://a:1: ERR unknown command",
  };
  for (const [message, meaning] of Object.entries(said)) {
    const cause = new Error(message);
    const error = unavailable("redis://a:1", cause);
    assertEquals(error.code, "broker-unavailable");
    assertEquals(error.cause, cause);
    for (const part of [meaning, message, "redis://a:1"]) {
      assertEquals(error.message.includes(part), true, error.message);
    }
  }
});

Deno.test("an error of this module stays what it is", () => {
  const error = new LwsError("permission-denied", "no");
  assertEquals(unavailable("redis://a:1", error), error);
});

Deno.test("the code of an error is its first word, if that is one", () => {
  const codes = ["NOSCRIPT No matching script", "Socket closed", "ERR x", "", "MOVED 1 a:1"];
  assertEquals(codes.map((each) => codeOf(new Error(each))), ["NOSCRIPT", "", "ERR", "", "MOVED"]);
});
