import { assertEquals } from "@std/assert";
import { Child } from "../support/child.ts";

async function readIn(flags: readonly string[]): Promise<string[]> {
  const names = ["http_proxy", "https_proxy", "no_proxy"];
  const command = ["env", "-u", "no_proxy", "http_proxy=p:1", "https_proxy="];
  await using child = new Child(command, "environment_variables.ts", flags, names);
  const values: string[] = [];
  for (const _ of names) values.push(JSON.parse(await child.line()));
  return values;
}

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "a variable is read where that is granted, and nobody is asked otherwise",
  ignore,
  async fn() {
    assertEquals(await readIn(["--allow-env"]), ["p:1", "", "undefined"]);
    assertEquals(await readIn(["--allow-env=http_proxy,no_proxy"]), ["p:1", "null", "undefined"]);
    assertEquals(await readIn([]), ["null", "null", "null"]);
    assertEquals(await readIn(["--allow-env", "--deny-env=http_proxy"]), ["null", "", "undefined"]);
  },
});
