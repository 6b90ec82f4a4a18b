/** What Node has in place of Deno's functions says the same as they do. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { nodeRuntime } from "../../../../src/base/runtime/node.ts";
import { nodeErrors } from "../../../../src/base/runtime/node_errors.ts";
import type { Runtime } from "../../../../src/base/runtime/types.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const BOTH: readonly Runtime[] = [nodeRuntime, Deno];

Deno.test("a file is told of, read, written and moved about in as by Deno", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a.txt`;
  for (const runtime of BOTH) {
    Deno.writeTextFileSync(path, "hello world");
    using closing = new DisposableStack();
    const file = await runtime.open(path, { read: true, write: true });
    closing.defer(() => file.close());
    const buffer = new Uint8Array(4);
    assertEquals([await file.read(buffer), file.readSync(buffer)], [4, 4]);
    assertEquals(new TextDecoder().decode(buffer), "o wo");
    assertEquals(await file.seek(-6, 1), 2);
    assertEquals(file.writeSync(new TextEncoder().encode("LLO")), 3);
    assertEquals(await file.write(new TextEncoder().encode("!")), 1);
    assertThrows(() => file.seekSync(-100, 1));
    assertEquals(file.seekSync(100, 1), 106);
    assertEquals([await file.read(buffer), file.readSync(buffer)], [null, null]);
    const { isFile, size } = await file.stat();
    assertEquals({ isFile, size }, { isFile: true, size: 11 });
    assertEquals(runtime.readTextFileSync(path), "heLLO!world");
  }
});

Deno.test("files and folders are the same, and what is missing is NotFound", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  Deno.writeTextFileSync(`${path}/a.txt`, "abc");
  Deno.symlinkSync(`${path}/a.txt`, `${path}/link`);
  const facts = async (runtime: Runtime) => {
    const all = [
      runtime.statSync(path),
      await runtime.stat(`${path}/link`),
      runtime.lstatSync(`${path}/link`),
    ];
    const names = (await Array.fromAsync(runtime.readDir(path))).map(({ name }) => name);
    return [
      all.map(({ isFile, isDirectory, size, mtime, ino, dev }) =>
        JSON.stringify([isFile, isDirectory, size, mtime, ino, dev])
      ),
      names.sort(),
      runtime.realPathSync(`${path}/link`),
      await runtime.realPath(`${path}/link`),
    ];
  };
  assertEquals(await facts(nodeRuntime), await facts(Deno));
  const missing = `${path}/b.txt`;
  for (const { statSync, lstatSync, realPathSync, readTextFileSync, removeSync } of BOTH) {
    for (const call of [statSync, lstatSync, realPathSync, readTextFileSync, removeSync]) {
      assertEquals(assertThrows(() => call(missing), Error).name, "NotFound");
    }
  }
  const error = await assertRejects(() => nodeRuntime.stat(missing), nodeErrors.NotFound);
  assertEquals((error as { code?: string }).code, "ENOENT");
  await assertRejects(() => nodeRuntime.realPath(missing), nodeErrors.NotFound);
  await assertRejects(
    () => nodeRuntime.open(missing, { read: true, write: false }),
    nodeErrors.NotFound,
  );
});

Deno.test("the machine is the same, and all is granted but calling C", () => {
  assertEquals(nodeRuntime.hostname(), Deno.hostname());
  assertEquals(nodeRuntime.build.os, Deno.build.os);
  assertEquals(
    new Set(nodeRuntime.networkInterfaces().map(({ name, address }) => `${name} ${address}`)),
    new Set(Deno.networkInterfaces().map(({ name, address }) => `${name} ${address}`)),
  );
  nodeRuntime.env.set("LWS_NODE_TEST", "1");
  assertEquals(Deno.env.get("LWS_NODE_TEST"), "1");
  nodeRuntime.env.delete("LWS_NODE_TEST");
  assertEquals(nodeRuntime.env.get("LWS_NODE_TEST"), undefined);
  assertEquals(nodeRuntime.permissions.querySync({ name: "net" }).state, "granted");
  assertEquals(nodeRuntime.permissions.querySync({ name: "ffi" }).state, "denied");
});
