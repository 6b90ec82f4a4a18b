/** A disk that fails, or is full, beneath what is served and what is stored. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import { upload } from "../../../examples/upload.ts";
import { createContext, hostFileOps } from "../../../mod.ts";
import { failing, systemError } from "../../support/faults/failing.ts";
import { temporaryFolder, withFiles } from "../../support/folder.ts";
import { named } from "../../support/named.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";

const failed = () => systemError("EIO", "Input/output error");
const full = () => systemError("ENOSPC", "No space left on device");
const none = () => systemError("EMFILE", "Too many open files");
const denied = () => systemError("EACCES", "Permission denied", "PermissionDenied");

const LARGE = new Uint8Array(1_000_000).map((_, i) => i * 7);

/** The statuses of each of these paths. */
async function statuses(url: string, ...paths: readonly string[]): Promise<number[]> {
  const all: number[] = [];
  for (const path of paths) {
    const response = await fetch(url + path);
    await response.arrayBuffer();
    all.push(response.status);
  }
  return all;
}

for (
  const [call, error, status] of [
    ["realPathSync", failed, 503],
    ["realPathSync", none, 503],
    ["statSync", failed, 503],
    ["statSync", denied, 404],
    ["lstatSync", failed, 503],
    ["lstatSync", none, 503],
    ["readDir", failed, 503],
    ["readDir", none, 503],
    ["readDir", denied, 404],
    ["stat", failed, 200],
  ] as const
) {
  Deno.test(`${call} that fails with "${error().message}" beneath a mount is answered ${status}, and the next request is not`, () =>
    withFiles({ "a.txt": "a", "sub/b.txt": "b" }, async (folder) => {
      using _log = captureLog([]);
      await using server = createContext({
        ...LOOPBACK,
        protocols: [],
        mounts: [{ path: "/", folder, listing: true }],
      });
      const url = `http://127.0.0.1:${server.port}`;
      const path = call === "readDir" || call === "stat" ? "/sub/" : "/a.txt";
      using fault = failing(Deno, call, { error });
      assertEquals([await statuses(url, path), fault.failed], [[status], 1]);
      assertEquals(await statuses(url, path, "/a.txt"), [200, 200]);
    }));
}

for (
  const [call, error, path, status] of [
    ["openSync", none, "/a.txt", 503],
    ["openSync", failed, "/a.txt", 503],
    ["readSync", failed, "/a.txt", 500],
    ["closeSync", failed, "/a.txt", 200],
  ] as const
) {
  Deno.test(`${call} of a mount's file that fails with "${error().message}" is answered ${status}`, () =>
    withFiles({ "a.txt": "a" }, async (folder) => {
      using _log = captureLog([]);
      await using server = createContext({
        ...LOOPBACK,
        protocols: [],
        mounts: [{ path: "/", folder }],
      });
      const url = `http://127.0.0.1:${server.port}`;
      const close = fs.closeSync;
      using fault = failing(fs, call, {
        error,
        isIt: ([fd]) => (call === "closeSync" && close(fd as number), true),
      });
      assertEquals([await statuses(url, path), fault.failed], [[status], 1]);
    }));
}

async function servesLarge(run: (url: string) => Promise<void>): Promise<void> {
  await withFiles({ "large.bin": LARGE, "a.txt": "a" }, async (folder) => {
    using _log = captureLog([]);
    await using server = createContext({
      ...LOOPBACK,
      fileOps: hostFileOps(folder),
      protocols: [named("http", { http: (wsi, _user, path) => wsi.serveHttpFile(path) })],
    });
    await run(`http://127.0.0.1:${server.port}`);
  });
}

for (const [call, error, status] of [["openSync", none, 503], ["openSync", failed, 503]] as const) {
  Deno.test(`${call} that fails with "${error().message}" is answered ${status}`, () =>
    servesLarge(async (url) => {
      using _fault = failing(Deno, call, { error });
      assertEquals(await statuses(url, "/large.bin", "/large.bin"), [status, 200]);
    }));
}

for (const at of [1, 2, 3]) {
  Deno.test(`read ${at} of a file that fails never makes an answer that looks whole`, () =>
    servesLarge(async (url) => {
      using fault = failing(Deno.FsFile.prototype, "readSync", { at, error: failed });
      const response = await fetch(`${url}/large.bin`);
      if (at === 1) {
        assertEquals(response.status, 500);
        await response.body?.cancel();
      } else {
        assertEquals(response.headers.get("content-length"), `${LARGE.length}`);
        await assertRejects(() => response.arrayBuffer());
      }
      assertEquals(fault.failed, 1);
      const next = await fetch(`${url}/large.bin`);
      assertEquals(new Uint8Array(await next.arrayBuffer()), LARGE);
    }));
}

Deno.test("a seek that fails has the file served whole, and a read that fails 500", () =>
  servesLarge(async (url) => {
    const headers = { range: "bytes=100-199" };
    {
      using _fault = failing(Deno.FsFile.prototype, "seekSync", { error: failed });
      const whole = await fetch(`${url}/large.bin`, { headers });
      assertEquals([whole.status, (await whole.arrayBuffer()).byteLength], [200, LARGE.length]);
    }
    using _fault = failing(Deno.FsFile.prototype, "readSync", { error: failed });
    assertEquals(await statuses(url, "/a.txt", "/a.txt"), [500, 200]);
  }));

for (
  const [what, owner, call, at, error, status] of [
    ["open", Deno, "openSync", 1, none, 500],
    ["open on a full disk", Deno, "openSync", 1, full, 507],
    ["first write", Deno.FsFile.prototype, "write", 1, full, 507],
    ["write in the middle", Deno.FsFile.prototype, "write", 3, full, 507],
    ["write on a disk that fails", Deno.FsFile.prototype, "write", 2, failed, 500],
    ["rename", Deno, "renameSync", 1, denied, 500],
  ] as const
) {
  Deno.test(`an upload whose ${what} fails is told so, leaves nothing, and others go on`, async () => {
    using _log = captureLog([]);
    await using folder = await temporaryFolder();
    await using server = createContext({
      ...LOOPBACK,
      protocols: [upload(folder.path)],
      maxBodySize: 2 * LARGE.length,
    });
    const url = `http://127.0.0.1:${server.port}`;
    const put = (name: string) => fetch(`${url}/${name}`, { method: "PUT", body: LARGE });
    assertEquals(await (await put("before")).text(), `Stored ${LARGE.length} bytes.`);
    {
      using fault = failing(owner as typeof Deno, call as "openSync", { at, error });
      const response = await put("before");
      assertEquals(response.status, status);
      assertStringIncludes(await response.text(), "be written");
      assertEquals(fault.failed, 1);
    }
    assertEquals(await (await put("behind")).text(), `Stored ${LARGE.length} bytes.`);
    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
    assertEquals(names, ["before", "behind"]);
    for (const name of names) {
      assertEquals(await Deno.readFile(`${folder.path}/${name}`), LARGE, "what was there is whole");
    }
  });
}
