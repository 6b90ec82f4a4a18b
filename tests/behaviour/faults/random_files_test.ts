/**
 * Any call on a file fails now and then, under load, by a seed: what is served is right, or an error, or cut short; what
 * is stored is whole, or what was there before; and nothing is left.
 */

import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { upload } from "../../../examples/upload.ts";
import { createContext, hostFileOps, type Protocol } from "../../../mod.ts";
import { Dice, forSeeds } from "../../support/faults/dice.ts";
import { failingFiles } from "../../support/faults/files.ts";
import { withFiles } from "../../support/folder.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";

const CLIENTS = 6;
const REQUESTS = 12;

/** What is no text isn't compressed on the way. */
const LARGE = new Uint8Array(300_000).map((_, i) => i * 7);
const TEXT = new TextEncoder().encode("all that is written twice is written once. ".repeat(3000));
const SMALL = new TextEncoder().encode("small");
const FILES = {
  "large.bin": LARGE,
  "text.txt": TEXT,
  "small.txt": SMALL,
  "both.txt": TEXT,
  "both.txt.gz": new Uint8Array(gzipSync(TEXT)),
  "sub/a.txt": "a",
  "sub/b.txt": "b",
};

/** What is asked for, and what it is answered with where nothing fails. */
interface Asked {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The bodies of statuses that are right. */
  readonly right: Readonly<Record<number, Uint8Array>>;
}

const ranged = (path: string): Asked => ({
  path,
  headers: { range: "bytes=100000-299999" },
  // A file that can't be read from its middle is sent whole.
  right: { 206: LARGE.subarray(100_000), 200: LARGE },
});
const ASKED: readonly Asked[] = ["mount", "file"].flatMap((way): Asked[] => [
  { path: `/${way}/small.txt`, right: { 200: SMALL } },
  { path: `/${way}/large.bin`, right: { 200: LARGE } },
  { path: `/${way}/text.txt`, headers: { "accept-encoding": "gzip" }, right: { 200: TEXT } },
  { path: `/${way}/both.txt`, headers: { "accept-encoding": "gzip" }, right: { 200: TEXT } },
  {
    path: `/${way}/small.txt`,
    headers: { "if-modified-since": new Date(Date.now() + 60_000).toUTCString() },
    right: { 304: new Uint8Array(0), 200: SMALL },
  },
  ranged(`/${way}/large.bin`),
]);
const ERRORS = [404, 500, 503, 507];

/** Sends and gets files by one context. */
function filesAndUploads(uploads: string): Protocol {
  const storing = upload(uploads) as Protocol;
  return {
    ...storing,
    callback(wsi, reason, user, data) {
      if (reason !== "http" || wsi.method === "PUT") {
        return storing.callback(wsi, reason as "http", user, data as string);
      }
      const [, way, name] = /^\/(\w+)(\/.*)$/.exec(data as string)!;
      // What a mount doesn't find is the program's.
      return way === "file" ? wsi.serveHttpFile(name!) : wsi.respond(404);
    },
  };
}

/** Whether what came is what was asked for; throws when it is wrong. */
async function get(url: string, { path, headers = {}, right }: Asked): Promise<boolean> {
  let response: Response;
  let body: Uint8Array;
  try {
    response = await fetch(url + path, { headers });
    body = new Uint8Array(await response.arrayBuffer());
  } catch {
    return false;
  }
  const expected = right[response.status];
  if (expected === undefined) {
    assert(ERRORS.includes(response.status), `${path}: ${response.status}`);
    return false;
  }
  assert(equal(body, expected), `${path}: ${response.status} with ${body.length} bytes`);
  return true;
}

const equal = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, i) => byte === other[i]);

async function list(url: string): Promise<boolean> {
  const response = await fetch(`${url}/mount/sub/`);
  const page = await response.text();
  if (response.status === 200) return page.includes("a.txt") && page.includes("b.txt");
  assert(ERRORS.includes(response.status), `${response.status}`);
  return false;
}

/** What a client has stored by a name, as far as it knows. */
interface Stored {
  /** The one that was there, and is when the new one isn't told to be. */
  content: Uint8Array<ArrayBuffer> | undefined;
  /** Sent, and not answered. */
  unsure: Uint8Array<ArrayBuffer> | undefined;
}

async function put(url: string, name: string, stored: Stored, body: Uint8Array<ArrayBuffer>) {
  try {
    const response = await fetch(`${url}/${name}`, { method: "PUT", body });
    const text = await response.text();
    if (response.status !== 201) {
      assert([500, 507].includes(response.status), `${response.status}`);
      return false;
    }
    assertEquals(text, `Stored ${body.length} bytes.`);
    stored.content = body;
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") throw error;
    stored.unsure = body;
    return false;
  }
}

async function run(seed: number): Promise<void> {
  using _log = captureLog([]);
  const dice = new Dice(seed);
  await withFiles(FILES, async (folder) => {
    folder = Deno.realPathSync(folder);
    const uploads = `${folder}/../uploads`;
    Deno.mkdirSync(uploads);
    const echo = record("echo", { receive: (wsi, _user, data) => void wsi.write(data, "text") });
    const server = createContext({
      ...LOOPBACK,
      fileOps: hostFileOps(folder),
      protocols: [filesAndUploads(uploads), echo.protocol],
      mounts: [{ path: "/mount", folder, listing: true, precompressed: ["gz"], compression: true }],
    });
    const url = `http://127.0.0.1:${server.port}`;
    const socket = new WebSocket(url.replace("http", "ws"), "echo");
    await new Promise((resolve) => socket.onopen = resolve);
    let faults = 0;
    let failedRemovals = 0;
    let unlisted = 0;
    let isOver = false;
    const well = new Promise<void>((resolve, reject) => {
      socket.onmessage = () => isOver ? socket.close() : socket.send("well");
      socket.onclose = ({ wasClean }) =>
        wasClean ? resolve() : reject(new Error("an echo is lost"));
      socket.send("well");
    });
    const stored = new Map<string, Stored>();
    const client = async (name: string) => {
      const own: Stored = { content: undefined, unsure: undefined };
      stored.set(name, own);
      let wrong = 0;
      for (let i = 0; i < REQUESTS; i++) {
        const kind = dice.roll(`client ${name}`);
        const size = Math.floor(dice.roll(`size ${name}`) * 400_000);
        if (kind < 0.1) {
          // What several ask for at a time is made once, and one fault is all of theirs.
          if (!await list(url)) unlisted++;
          continue;
        }
        const isRight = kind < 0.4
          ? await put(url, name, own, LARGE.subarray(0, size).map((byte) => byte ^ i))
          : await get(url, dice.pick(`path ${name}`, ASKED));
        if (!isRight) wrong++;
      }
      return wrong;
    };
    const names = Array.from({ length: CLIENTS }, (_, i) => `client${i}`);
    let wrong = 0;
    {
      using _faults = failingFiles(dice, (name, odds) => {
        if (dice.roll(name) >= odds) return false;
        if (name === "Deno.removeSync") failedRemovals++;
        faults++;
        return true;
      }, Deno.realPathSync(`${folder}/..`));
      const counts = await Promise.all(names.map(client));
      wrong = counts.reduce((sum, each) => sum + each, 0);
    }
    assert(wrong <= faults, `${wrong} answers fail by ${faults} faults`);
    assert(unlisted <= CLIENTS * faults, `${unlisted} lists fail by ${faults} faults`);
    for (const each of ASKED) assert(await get(url, each), `${each.path}: all is well again`);
    assert(await list(url));
    isOver = true;
    await well;
    await server.destroy();
    assertEquals(server.stats().servers.now, 0);
    for (const [name, { content, unsure }] of stored) {
      const there = await Deno.readFile(`${uploads}/${name}`).catch(() => undefined);
      const isThere = (it: Uint8Array | undefined) =>
        it === undefined ? there === undefined : there !== undefined && equal(there, it);
      assert(isThere(content) || (unsure && isThere(unsure)), `${name} is stored in part`);
    }
    const parts = [...Deno.readDirSync(uploads)].filter(({ name }) => name.startsWith("."));
    assert(parts.length <= failedRemovals, `${parts.length} parts, ${failedRemovals} kept`);
    assertEquals(openBelow(folder), []);
    assertEquals(echo.reasons.filter((each) => each === "closed").length, 1);
  });
}

/** Files of a folder that this process has open. */
function openBelow(folder: string): string[] {
  if (Deno.build.os !== "linux") return [];
  const open: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      open.push(Deno.readLinkSync(`/proc/self/fd/${name}`));
    } catch { /* That of this very look. */ }
  }
  return open.filter((path) => path.startsWith(Deno.realPathSync(`${folder}/..`)));
}

forSeeds("faults of files at random", [1, 3], run);
