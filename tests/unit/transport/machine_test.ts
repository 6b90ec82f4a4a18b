/** Giving up root's rights, in processes of their own. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { IdentityCalls } from "../../../src/transport/machine.ts";
import {
  dropPrivileges,
  hardLimitOf,
  readVariable,
  writeVariable,
} from "../../../src/transport/machine.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { Child, isInstalled } from "../../support/child.ts";

const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
const hasSetpriv = isInstalled("setpriv");
/** The user and group `nobody`; any number would do. */
const NOBODY = 65_534;

interface Options {
  readonly flags?: readonly string[];
  /** What starts the program, such as `setpriv`. */
  readonly command?: readonly string[];
}

// deno-lint-ignore no-explicit-any -- what a child prints
async function changed(args: readonly (number | string)[], options: Options = {}): Promise<any> {
  const { flags = ["--allow-all"], command = [] } = options;
  await using child = new Child(command, "unprivileged.ts", flags, args.map(String));
  return JSON.parse(await child.line());
}

function testAsRoot(name: string, needsSetpriv: boolean, fn: () => Promise<void>): void {
  const needs = `${isRoot ? "" : " (skipped: not root)"}`;
  Deno.test({ name: name + needs, ignore: !isRoot || (needsSetpriv && !hasSetpriv), fn });
}

testAsRoot(
  "a process that became nobody can't read root's file, and serves what it opened",
  false,
  async () => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "root's");
    await Deno.chmod(file, 0o600);
    await using child = new Child(
      [],
      "unprivileged.ts",
      ["--allow-all"],
      [String(NOBODY), String(NOBODY), file],
    );
    const { port, ids, before, after } = JSON.parse(await child.line());
    assertEquals(ids, [NOBODY, NOBODY]);
    assertEquals([before, after], ["root's", "PermissionDenied"]);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    assertEquals(await new Response(conn.readable).text(), "served");
    await Deno.remove(file);
  },
);

testAsRoot("the user alone can change, and the group alone", false, async () => {
  const file = await Deno.makeTempFile();
  assertEquals((await changed([-1, NOBODY, file])).ids, [0, NOBODY]);
  assertEquals((await changed([NOBODY, -1, file])).ids, [NOBODY, 0]);
  assertEquals((await changed([0, 0, file])).ids, [0, 0], "what is so already stays so");
  await Deno.remove(file);
});

testAsRoot("supplementary groups that the process keeps are told", true, async () => {
  const command = ["setpriv", "--groups", `4,${NOBODY},27`];
  const flags = ["--allow-sys", "--allow-read"];
  assertEquals(await changed([NOBODY, NOBODY], { command, flags }), [4, 27]);
  const without = ["setpriv", "--clear-groups"];
  assertEquals(await changed([NOBODY, NOBODY], { command: without, flags }), []);
});

testAsRoot(
  "where the C library may be called, supplementary groups are given up",
  true,
  async () => {
    const command = ["setpriv", "--groups", `4,${NOBODY},27`];
    for (const ids of [[NOBODY, NOBODY], [-1, NOBODY], [NOBODY, -1]]) {
      assertEquals(await changed(ids, { command }), []);
    }
  },
);

testAsRoot("who isn't root can't change, and it is said loudly", true, async () => {
  const command = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"];
  for (const [ids, name] of [[[-1, NOBODY], "uid"], [[NOBODY, -1], "gid"]] as const) {
    const error = await changed(ids, { command });
    assertEquals([error.name, error.code], ["LwsError", "permission-denied"]);
    assertStringIncludes(error.message, `can't change ${name} to ${NOBODY} (EPERM`);
  }
  assertEquals(await changed([1000, 1000], { command }), [], "what is so already stays so");
});

Deno.test("without the permission nothing changes, and there is no prompt", async () => {
  for (const flags of [[], ["--allow-read", "--allow-net"], ["--allow-sys=uid,gid"]]) {
    const error = await changed([NOBODY, NOBODY], { flags });
    assertEquals([error.name, error.code], ["LwsError", "permission-denied"]);
    assertStringIncludes(error.message, "--allow-sys");
  }
  assertEquals(await changed([-1, -1], { flags: [] }), [], "−1 leaves all as it is");
});

Deno.test("an id out of range is refused by name", () => {
  for (const id of [-2, 1.5, NaN, Infinity, 2 ** 32 - 1, 2 ** 32]) {
    const gid = assertThrows(() => dropPrivileges({ gid: id, uid: -1 }, {}), LwsError);
    assertEquals(gid.code, "invalid-option");
    assertStringIncludes(gid.message, `gid is ${id}`);
    assertThrows(() => dropPrivileges({ gid: -1, uid: id }, {}), LwsError, `uid is ${id}`);
  }
});

/** A process of the user and group 0 that notes what is changed. */
function fakeProcess(calls: string[], refuses = ""): IdentityCalls {
  const ids = { gid: 0, uid: 0 };
  const set = (name: "gid" | "uid") => (id: number) => {
    calls.push(`${name} ${id}`);
    if (name !== refuses) ids[name] = id;
  };
  return { getgid: () => ids.gid, getuid: () => ids.uid, setgid: set("gid"), setuid: set("uid") };
}

Deno.test("the group changes before the user, and the largest id is one", () => {
  const calls: string[] = [];
  assertEquals(dropPrivileges({ gid: 1, uid: 2 ** 32 - 2 }, fakeProcess(calls)), []);
  assertEquals(calls, ["gid 1", "uid 4294967294"]);
});

Deno.test("supplementary groups go before the rights that it takes", () => {
  const calls: string[] = [];
  const leaveGroups = () => void calls.push("groups");
  dropPrivileges({ gid: 1, uid: 2 }, { ...fakeProcess(calls), leaveGroups });
  assertEquals(calls, ["groups", "gid 1", "uid 2"]);
  dropPrivileges({ gid: -1, uid: -1 }, { ...fakeProcess(calls), leaveGroups });
  assertEquals(calls.length, 3, "−1 leaves all as it is");
});

Deno.test("a system without such ids, and a change that did nothing, are loud failures", () => {
  const calls: string[] = [];
  for (const missing of ["getgid", "getuid", "setgid", "setuid"]) {
    const { [missing as keyof IdentityCalls]: _, ...rest } = fakeProcess(calls);
    const error = assertThrows(() => dropPrivileges({ gid: 1, uid: 1 }, rest), LwsError);
    assertEquals([error.code, calls.length], ["invalid-state", 0]);
  }
  for (const name of ["gid", "uid"]) {
    assertThrows(
      () => dropPrivileges({ gid: 1, uid: 2 }, fakeProcess(calls, name)),
      LwsError,
      `${name} is 0 after it was changed to`,
    );
  }
});

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

Deno.test("the hard limit of descriptors is read from the kernel's table", () => {
  const table = (hard: string) =>
    "Limit                     Soft Limit           Hard Limit           Units     \n" +
    "Max processes             100                  200                  processes \n" +
    `Max open files            1024                 ${hard}               files     \n`;
  assertEquals(hardLimitOf(table("524288")), 524_288);
  for (const odd of ["unlimited", "0", "1.5"]) assertEquals(hardLimitOf(table(odd)), undefined);
  assertEquals(hardLimitOf("nothing of it"), undefined);
});
