/** Long files for readers that are slow, pause or leave, and files that change on their way. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { ask, type Both, bothServing, MODIFIED } from "./beside_nginx.ts";
import type { Limits } from "../../../mod.ts";
import { CURL, NGINX, output } from "../peer.ts";

/** More than the buffers of two sockets hold. */
const LONG = 32 * 1024 * 1024;
const target = "/long.bin";

/** Bytes that tell where they stand: each 64 KiB piece has a value of its own for a while. */
function content(length: number, salt = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 64 * 1024) {
    bytes.fill((at / (64 * 1024) + salt) % 251, at, at + 64 * 1024);
  }
  return bytes;
}

/** A download that is read as the test wants it. */
interface Download extends Disposable {
  /** The length that the head announced. */
  readonly announced: number;
  /** Reads on until `count` bytes of the body have come, or all there is; returns all that came so far. */
  upTo(count: number): Promise<Uint8Array>;
  /** How it ended; undefined as long as it did not. */
  readonly end: "closed" | "reset" | undefined;
}

async function download(port: number, path = target): Promise<Download> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET ${path} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n`;
  await conn.write(new TextEncoder().encode(request));
  const all = new Uint8Array(2 * LONG);
  let filled = 0;
  let end: "closed" | "reset" | undefined;
  async function readMore(): Promise<void> {
    try {
      const count = await conn.read(all.subarray(filled, filled + 256 * 1024));
      if (count === null) end = "closed";
      else filled += count;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      end = "reset";
    }
  }
  let head = "";
  while (!head.includes("\r\n\r\n") && end === undefined) {
    await readMore();
    head = new TextDecoder("latin1").decode(all.subarray(0, Math.min(filled, 4096)));
  }
  const start = head.indexOf("\r\n\r\n") + 4;
  return {
    announced: Number(/^content-length: *(\d+)/im.exec(head)![1]),
    async upTo(count) {
      while (filled - start < count && end === undefined) await readMore();
      return all.subarray(start, filled);
    },
    get end() {
      return end;
    },
    [Symbol.dispose]: () => conn.close(),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.length).equals(b);
}

const serving = (limits?: Partial<Limits>): Promise<Both> =>
  bothServing({ files: { "long.bin": content(LONG) }, ...limits && { limits } });

CURL.test("readers that are slow or pause for seconds get a file to its end", async () => {
  // With the default limits.
  await using both = await serving({});
  const slow = async () => {
    // Above what both sockets hold at once, and slow enough that their buffers stand full for long.
    const length = 10_000_000;
    await Deno.writeFile(`${both.folder}/slow.bin`, content(length));
    const file = `${both.folder}/slow.copy`;
    const report = await output(CURL.path, [
      ...["--silent", "--limit-rate", "400k", "--output", file],
      ...["--write-out", "%{http_code} %{size_download}"],
      `http://127.0.0.1:${both.ours}/slow.bin`,
    ]);
    assertEquals(report, `200 ${length}`);
    assert(isSame(await Deno.readFile(file), content(length)));
  };
  const pausing = async (port: number) => {
    using reader = await download(port);
    await reader.upTo(1_000_000);
    await pause(8_000);
    await reader.upTo(20_000_000);
    await pause(5_000);
    assert(isSame(await reader.upTo(Infinity), content(LONG)));
    assertEquals(reader.end, "closed");
  };
  await Promise.all([slow(), pausing(both.ours), pausing(both.nginx)]);
});

NGINX.test("a file that shrinks on its way does not look whole", async () => {
  for (const side of ["ours", "nginx"] as const) {
    await using both = await serving();
    using reader = await download(both[side]);
    await reader.upTo(1_000_000);
    await Deno.truncate(both.folder + target, 24 * 1024 * 1024);
    const { length } = await reader.upTo(Infinity);
    assertEquals(reader.announced, LONG);
    assert(length <= 24 * 1024 * 1024, `${side}: ${length}`);
    assertNotEquals(reader.end, undefined);
  }
});

NGINX.test("of a file that grows on its way as much comes as was announced", async () => {
  for (const side of ["ours", "nginx"] as const) {
    await using both = await serving();
    using reader = await download(both[side]);
    await reader.upTo(1_000_000);
    await Deno.writeFile(both.folder + target, new Uint8Array(1_000_000), { append: true });
    assert(isSame(await reader.upTo(Infinity), content(LONG)), side);
    assertEquals(reader.announced, LONG);
    const { field } = await ask(both[side], "HEAD", target);
    assertEquals(field("content-length"), String(LONG + 1_000_000));
  }
});

NGINX.test("a file that is replaced on its way comes as it was, and then as it is", async () => {
  for (const side of ["ours", "nginx"] as const) {
    await using both = await serving();
    const before = await ask(both[side], "HEAD", target);
    using reader = await download(both[side]);
    await reader.upTo(1_000_000);
    const fresh = content(LONG, 7);
    const later = new Date(MODIFIED.getTime() + 5000);
    await Deno.writeFile(`${both.folder}/fresh.bin`, fresh);
    await Deno.utime(`${both.folder}/fresh.bin`, later, later);
    await Deno.rename(`${both.folder}/fresh.bin`, both.folder + target);
    assert(isSame(await reader.upTo(Infinity), content(LONG)), side);
    using again = await download(both[side]);
    assert(isSame(await again.upTo(Infinity), fresh), side);
    const after = await ask(both[side], "HEAD", target);
    assertNotEquals(after.field("etag"), before.field("etag"));
  }
});

CURL.test("a file is closed when its reader leaves in the middle", async () => {
  await using both = await serving();
  const path = await Deno.realPath(both.folder + target);
  {
    using reader = await download(both.ours);
    await reader.upTo(1_000_000);
    // A read under way may have a descriptor of its own.
    while (openCount(path) !== 1) await pause(10);
  }
  while (openCount(path) > 0) await pause(10);
});

/** How often this process has a file open. */
function openCount(path: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  }).length;
}
