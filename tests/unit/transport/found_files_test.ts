/** Files of mounts: what comes in their place between the look and the opening. */

import { assertEquals, assertThrows } from "@std/assert";
import type { Wsi } from "../../../mod.ts";
import { atOnce, type OpenFile } from "../../../src/api/file_ops.ts";
import { foundFileOps } from "../../../src/transport/found_files.ts";

const ops = foundFileOps();
const WSI = {} as Wsi;
type Found = Parameters<typeof ops.close>[1];
const open = (path: string) => ops.open(WSI, path, "read") as OpenFile<Found>;

/** Runs `run` with a file whose place is taken when it was looked at for the `nth` time. */
async function withSwap(
  nth: number,
  make: (path: string, folder: string) => void,
  run: (path: string) => void,
) {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const path = `${folder}/a.txt`;
  Deno.writeTextFileSync(path, "a file");
  make(`${folder}/other`, folder);
  const { lstatSync } = Deno;
  let looks = 0;
  Deno.lstatSync = (each) => {
    const info = lstatSync(each);
    if (++looks === nth) Deno.renameSync(`${folder}/other`, path);
    return info;
  };
  try {
    run(path);
  } finally {
    Deno.lstatSync = lstatSync;
    await Deno.remove(folder, { recursive: true });
  }
}

/** How many descriptors of this process are of a file; others may come and go, as of tests beside this one. */
function descriptors(path: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  }).length;
}

Deno.test("a FIFO in the file's place is neither waited for nor served", () =>
  withSwap(
    1,
    (path) => void new Deno.Command("mkfifo", { args: [path] }).outputSync(),
    (path) => {
      assertThrows(() => open(path), Error, "no regular file");
      assertEquals(descriptors(path), 0);
    },
  ));

Deno.test("a link in the file's place is not followed", () =>
  withSwap(1, (path) => Deno.symlinkSync("/etc/passwd", path), (path) => {
    assertThrows(() => open(path));
    assertEquals(descriptors("/etc/passwd"), 0);
  }));

Deno.test("a file that is replaced while it is opened is the new one, with what is known of that", () =>
  withSwap(1, (path) => Deno.writeTextFileSync(path, "another file"), (path) => {
    const { handle, length } = open(path);
    assertEquals(length, 12);
    const buffer = new Uint8Array(20);
    assertEquals(foundText(handle, buffer), "another file");
    void ops.close(WSI, handle);
  }));

Deno.test("what is found is read from where it stands, with and without waiting", () =>
  withSwap(9, (path) => Deno.writeTextFileSync(path, ""), (path) => {
    const { handle } = open(path);
    assertEquals(ops.seekCur(WSI, handle, 2), 2);
    assertEquals(foundText(handle, new Uint8Array(3)), "fil");
    assertEquals(foundText(handle, new Uint8Array(9)), "e");
    assertEquals(foundText(handle, new Uint8Array(9)), "");
    void ops.close(WSI, handle);
  }));

Deno.test("reading with waiting goes on where the last read ended", async () => {
  const path = await Deno.realPath(await Deno.makeTempFile());
  await Deno.writeTextFile(path, "a file");
  const { handle } = open(path);
  const buffer = new Uint8Array(4);
  assertEquals(await ops.read(WSI, handle, buffer), 4);
  assertEquals(await ops.read(WSI, handle, buffer), 2);
  assertEquals(await ops.read(WSI, handle, buffer), 0);
  await ops.close(WSI, handle);
  await Deno.remove(path);
});

function foundText(handle: Found, buffer: Uint8Array): string {
  const count = atOnce(ops.read)(WSI, handle, buffer) as number;
  return new TextDecoder().decode(buffer.subarray(0, count));
}
