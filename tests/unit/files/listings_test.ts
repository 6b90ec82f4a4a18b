/** Listings that are asked for at the same time: which are shared, which wait, and how they give way. */

import { assert, assertEquals } from "@std/assert";
import type { Folder, FolderContent } from "../../../src/api/folder.ts";
import { listingOf } from "../../../src/files/listings.ts";
import type { CheckedMount } from "../../../src/files/mounts.ts";
import { type TurnBudget, UNLIMITED } from "../../../src/service/turn_budget.ts";
import type { TurnTaker } from "../../../src/service/turns/order.ts";

/** A folder whose reads end when the test says so. */
class SlowFolder implements Folder {
  readonly path = "folder";
  /** Names by what ends their reads, in the order in which these began. */
  readonly reads = new Map<string, (content: FolderContent | 404 | 503) => void>();

  find(): undefined {}

  list(name: string): Promise<FolderContent | 404 | 503> {
    const { promise, resolve } = Promise.withResolvers<FolderContent | 404 | 503>();
    this.reads.set(name, resolve);
    return promise;
  }

  end(name: string, content: FolderContent | 404 | 503): void {
    this.reads.get(name)!(content);
    this.reads.delete(name);
  }
}

function mountOf(folder: Folder): CheckedMount {
  return {
    path: "",
    folder,
    index: undefined,
    cacheControl: undefined,
    listing: true,
    dotfiles: false,
    precompressed: [],
    compression: false,
  };
}

const contentOf = (length: number): FolderContent => ({
  entries: Array.from({ length }, (_, i) => (
    { name: `n${i}`, isFolder: false, length: 0, mtime: null }
  )),
  isWhole: true,
});

const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("who asks for a folder that is being listed shares the bytes, and later the next ones are made", async () => {
  const folder = new SlowFolder();
  const mount = mountOf(folder);
  const ask = () => listingOf(mount, "/a/", "/a/", UNLIMITED);
  const first = ask();
  const second = ask();
  folder.end("/a/", contentOf(1));
  const page = await first;
  assert(page instanceof Uint8Array);
  assert(page === await second);
  const later = ask();
  folder.end("/a/", 404);
  assertEquals(await later, 404);
});

Deno.test("two folders are read at once, and the others in the order in which they were asked for", async () => {
  const folder = new SlowFolder();
  const mount = mountOf(folder);
  const names = ["/1/", "/2/", "/3/", "/4/"];
  const all = names.map((name) => listingOf(mount, name, name, UNLIMITED));
  await settle();
  assertEquals([...folder.reads.keys()], ["/1/", "/2/"]);
  folder.end("/2/", 503);
  await settle();
  assertEquals([...folder.reads.keys()], ["/1/", "/3/"]);
  folder.end("/1/", 404);
  await settle();
  assertEquals([...folder.reads.keys()], ["/3/", "/4/"]);
  folder.end("/3/", 404);
  folder.end("/4/", 404);
  assertEquals(await Promise.all(all), [404, 503, 404, 404]);
});

Deno.test("a page of many rows waits for a turn behind each part of them", async () => {
  const takers: TurnTaker[] = [];
  const spent = {
    begin: () => true,
    mayGoOn: () => false,
    charge() {},
    lookAnew() {},
    wait: (taker: TurnTaker) => void takers.push(taker),
  } as unknown as TurnBudget;
  const folder = new SlowFolder();
  const listing = listingOf(mountOf(folder), "/", "/", spent);
  await settle();
  folder.end("/", contentOf(600));
  for (let turn = 0; turn < 2; turn++) {
    await settle();
    assertEquals(takers.length, 1);
    takers.pop()!.onTurn();
  }
  const page = new TextDecoder().decode(await listing as Uint8Array);
  assertEquals(page.match(/<tr><td>/g)!.length, 600);
  assertEquals(takers, []);
});
