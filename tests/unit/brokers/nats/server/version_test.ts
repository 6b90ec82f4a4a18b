import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "@x/lws";
import { judgeVersion } from "../../../../../src/brokers/nats/server/version.ts";

Deno.test("a server before 2.9 is refused, and one before 2.10 is warned about", () => {
  for (const version of ["1.4.1", "2.8.4", "v2.0.0"]) {
    const error = assertThrows(() => judgeVersion(version), LwsError, version);
    assertEquals(error.code, "unsupported");
  }
  for (const version of ["2.9.0", "2.9.10", "v2.9.25", "2.9.0-beta.1"]) {
    assertEquals(judgeVersion(version).warning?.includes(version), true, version);
  }
  for (const version of ["2.10.0", "2.11.4", "2.12.0-RC.1", "3.0.0", "v10.2.1"]) {
    assertEquals(judgeVersion(version), {}, version);
  }
});

Deno.test("what is no version is refused", () => {
  for (const version of ["", "nats", "two.nine"]) {
    assertThrows(() => judgeVersion(version), LwsError);
  }
});
