/** When the bytes of a file are waited for. */

import { assertEquals, assertRejects } from "@std/assert";
import { alsoAtOnce, type FileOps } from "../../../src/api/file_ops.ts";
import type { Wsi } from "../../../src/api/wsi.ts";
import { OpenFiles } from "../../../src/files/open_files.ts";
import { FileSource } from "../../../src/files/source.ts";

const openFiles = new OpenFiles(Infinity);

/** Operations on a file without an end; reading at once takes as long as `tookMs` says of each read. */
function opsOf(tookMs: (read: number) => number, told: string[]): FileOps {
  return {
    open: () => ({ handle: 1, length: 1_000_000, mtime: null }),
    close() {},
    seekCur: () => 0,
    read: alsoAtOnce<FileOps["read"]>(
      (_wsi, _handle, buffer) => {
        told.push("waited");
        return Promise.resolve(buffer.length);
      },
      (_wsi, _handle, buffer) => {
        const end = performance.now() + tookMs(told.length);
        while (performance.now() < end);
        told.push("at once");
        return buffer.length;
      },
    ),
    write: () => 0,
  };
}

Deno.test("behind a read that took longer than one from memory takes, the others of the file are waited for", async () => {
  const told: string[] = [];
  const ops = opsOf((read) => read === 0 ? 2 : 0, told);
  const access = { wsi: {} as Wsi, ops, path: "a", openFiles };
  const room = new Uint8Array(100);
  const slow = await FileSource.open(access);
  for (let i = 0; i < 3; i++) assertEquals(await slow.read(room), 100);
  assertEquals(told, ["at once", "waited", "waited"]);
  const other = await FileSource.open(access);
  await other.read(room);
  assertEquals(told.at(-1), "at once", "another file may be in memory");
});

Deno.test("behind one that came at once the next ones come so, too", async () => {
  const wsi = {} as Wsi;
  const seen = new Set<string>();
  // A pause of the process looks like a disk, but hardly in each of a hundred reads.
  for (let tries = 0; tries < 100 && !seen.has("at once,at once"); tries++) {
    const told: string[] = [];
    const source = await FileSource.open({ wsi, ops: opsOf(() => 0, told), path: "a", openFiles });
    for (let i = 0; i < 2; i++) await source.read(new Uint8Array(100));
    seen.add(told.join());
  }
  assertEquals([...seen].at(-1), "at once,at once");
});

Deno.test("of as many files as may be open the next one is refused, until one is closed or fails to open", async () => {
  const openFiles = new OpenFiles(1);
  const ops = opsOf(() => 0, []);
  const access = { wsi: {} as Wsi, ops, path: "a", openFiles };
  const first = await FileSource.open(access);
  await assertRejects(() => FileSource.open(access), Error, "as many files as");
  await first.close();
  await first.close();
  const failing = { ...ops, open: () => Promise.reject(new Error("gone")) };
  await assertRejects(() => FileSource.open({ ...access, ops: failing }), Error, "gone");
  const second = await FileSource.open(access);
  await assertRejects(() => FileSource.open(access), Error, "as many files as");
  await second.close();
});
