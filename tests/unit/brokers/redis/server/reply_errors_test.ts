import { assertEquals } from "@std/assert";
import { LwsError } from "../../../../../mod.ts";
import { codeOf, unavailable } from "../../../../../src/brokers/redis/server/reply_errors.ts";

const SERVER = { name: "redis://a:1", password: undefined };

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
    const error = unavailable(SERVER, cause);
    assertEquals(error.code, "broker-unavailable");
    assertEquals(error.cause, cause);
    for (const part of [meaning, message, "redis://a:1"]) {
      assertEquals(error.message.includes(part), true, error.message);
    }
  }
});

Deno.test("what a server repeats of a password is not repeated, and it has 200 characters", () => {
  const said = new Error(
    `ERR unknown command HELLO, with args: 3 AUTH u hunter2 \x9b${"a".repeat(300)}`,
  );
  const { message } = unavailable({ ...SERVER, password: "hunter2" }, said);
  const start = "redis://a:1: ERR unknown command HELLO, with args: 3 AUTH u ... \\u009baaa";
  assertEquals([message.slice(0, start.length), message.length], [start, 216]);
});

Deno.test("an error of this module stays what it is", () => {
  const error = new LwsError("permission-denied", "no");
  assertEquals(unavailable(SERVER, error), error);
});

Deno.test("the code of an error is its first word, if that is one", () => {
  const codes = ["NOSCRIPT No matching script", "Socket closed", "ERR x", "", "MOVED 1 a:1"];
  assertEquals(codes.map((each) => codeOf(new Error(each))), ["NOSCRIPT", "", "ERR", "", "MOVED"]);
});
