import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../../mod.ts";
import { checkNetPermission } from "../../../../../src/brokers/redis/server/permission.ts";

Deno.test({
  name: "a server that may not be reached is named, with the flag that is missing",
  permissions: { net: ["127.0.0.1:6379"] },
  fn() {
    checkNetPermission("127.0.0.1", 6379);
    for (
      const [host, port, named] of [["10.0.0.1", 6379, "10.0.0.1:6379"], [
        "::1",
        1,
        "[::1]:1",
      ]] as const
    ) {
      const error = assertThrows(
        () => checkNetPermission(host, port),
        LwsError,
        `--allow-net=${named}`,
      );
      assertEquals(error.code, "permission-denied");
    }
  },
});
