import { assertEquals } from "@std/assert";
import { readVariable, writeVariable } from "../../../src/transport/machine.ts";
import { Child } from "../../support/child.ts";

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

Deno.test("a variable is set for what is started from then on, and removed", async () => {
  const name = "LWS_TEST_VARIABLE";
  const told = async () => {
    const args = ["eval", "--quiet", `console.log(Deno.env.get("${name}"))`];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  assertEquals(writeVariable(name, "kept"), true);
  assertEquals([readVariable(name), await told()], ["kept", "kept"]);
  assertEquals(writeVariable(name, undefined), true);
  assertEquals([readVariable(name), await told()], [undefined, "undefined"]);
});

Deno.test({
  name: "a variable is not set where that is not granted",
  permissions: { env: ["LWS_TEST_OTHER"] },
  fn() {
    assertEquals(writeVariable("LWS_TEST_VARIABLE", "kept"), false);
    assertEquals(readVariable("LWS_TEST_VARIABLE"), null);
  },
});
