/** The option `compression`: files that are compressed on the way. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { createContext, type FileOps, handlers, LwsError, type Protocol } from "../../../mod.ts";
import { MOST_ENCODERS, SHORTEST_COMPRESSED } from "../../../src/files/compression.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { withMount } from "../../support/folder.ts";
import { fieldOf, get, request, statusOf } from "../../support/http.ts";
import { LoopClock } from "../../support/clocks/loop_clock.ts";
import { dialAlone, readHead, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const TEXT = Array.from({ length: 9_000 }, (_, i) => `line ${i} ${i * 7919 % 1013}\n`).join("");
const FILES = {
  "app.js": TEXT,
  "short.txt": "x".repeat(SHORTEST_COMPRESSED - 1),
  "least.txt": "x".repeat(SHORTEST_COMPRESSED),
  "photo.png": TEXT,
  "pre.js": TEXT,
  "pre.js.gz": "gzip",
};
const GZIP = "Accept-Encoding: gzip";

/** Reads one answer whose body ends by its length, its chunks, or with the connection. */
async function ask(served: Served, target: string, ...lines: string[]) {
  const peer = await served.dial(get(target, ...lines));
  const head = await readHead(peer);
  const isChunked = fieldOf(head, "transfer-encoding") === "chunked";
  const bytes = isChunked
    ? await readChunks(peer)
    : await peer.readBytes(Number(fieldOf(head, "content-length") ?? 0));
  peer.close();
  return { head, status: statusOf(head), field: (name: string) => fieldOf(head, name), bytes };
}

type Peer = Awaited<ReturnType<Served["dial"]>>;

async function readChunks(peer: Peer): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  while (true) {
    const line = new TextDecoder().decode(await peer.readUntil((unread) => unread.at(-1) === 10));
    const length = parseInt(line, 16);
    const chunk = await peer.readBytes(length + 2);
    if (length === 0) return await new Blob(pieces).bytes();
    pieces.push(chunk.slice(0, length));
  }
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("a text is compressed for who accepts it, in chunks, with a weak tag", () =>
  withMount(FILES, { compression: true }, async (served, folder) => {
    await Deno.utime(`${folder}/app.js`, 0, 1_700_000_000);
    const plain = await ask(served, "/app.js");
    assertEquals(textOf(plain.bytes), TEXT);
    assertEquals([plain.field("content-encoding"), plain.field("vary")], [
      undefined,
      "accept-encoding",
    ]);
    for (
      const [accept, coding] of [["gzip", "gzip"], ["br", "br"], ["gzip, deflate, br", "gzip"], [
        "gzip;q=0.5, br",
        "br",
      ]]
    ) {
      const coded = await ask(served, "/app.js", `Accept-Encoding: ${accept}`);
      assertEquals([coded.status, coded.field("content-encoding")], [200, coding]);
      assertEquals(coded.field("vary"), "accept-encoding");
      assertEquals(coded.field("content-length"), undefined);
      assertEquals(coded.field("content-type"), "text/javascript; charset=utf-8");
      assertEquals(coded.field("etag"), `W/${plain.field("etag")!.slice(0, -1)}-${coding}"`);
      assertEquals(coded.field("accept-ranges"), "none");
      const decoded = coding === "gzip"
        ? gunzipSync(coded.bytes)
        : brotliDecompressSync(coded.bytes);
      assertEquals(textOf(decoded), TEXT);
      assert(coded.bytes.length < TEXT.length / 2);
    }
  }));

Deno.test("Brotli has a window of 64 KiB, as its memory is its reader's to hold", () =>
  withMount(FILES, { compression: true }, async (served) => {
    const { bytes } = await ask(served, "/app.js", "Accept-Encoding: br");
    // RFC 7932 section 9.1: a first bit of 0 is WBITS 16.
    assertEquals(bytes[0]! & 1, 0);
  }));

Deno.test("it is off by default, and a mount's own option goes before the context's", async () => {
  const codingOf = async (served: Served) =>
    (await ask(served, "/app.js", GZIP)).field("content-encoding");
  await withMount(FILES, {}, async (served) => {
    const answer = await ask(served, "/app.js", GZIP);
    assertEquals([answer.field("content-encoding"), answer.field("vary")], [undefined, undefined]);
  });
  const info = { compression: true };
  await withMount(FILES, { info }, async (served) => assertEquals(await codingOf(served), "gzip"));
  await withMount(FILES, { info, compression: false }, async (served) => {
    assertEquals(await codingOf(served), undefined);
  });
  await withMount(
    FILES,
    { compression: undefined, info } as Record<string, unknown>,
    async (served) => {
      assertEquals(await codingOf(served), "gzip");
    },
  );
});

Deno.test("what is short, or of another type, or compressed already is sent as it is", () =>
  withMount(FILES, { compression: true, precompressed: ["gz"] }, async (served) => {
    for (
      const [target, coding, vary] of [
        ["/short.txt", undefined, undefined],
        ["/least.txt", "gzip", "accept-encoding"],
        ["/photo.png", undefined, undefined],
        ["/pre.js.gz", undefined, undefined],
      ]
    ) {
      const { field } = await ask(served, target!, GZIP);
      assertEquals([field("content-encoding"), field("vary")], [coding, vary], target);
    }
    const pre = await ask(served, "/pre.js", GZIP);
    assertEquals([textOf(pre.bytes), pre.field("content-encoding")], ["gzip", "gzip"]);
    // What isn't there beforehand is made.
    const br = await ask(served, "/pre.js", "Accept-Encoding: br, identity;q=0");
    assertEquals([br.status, br.field("content-encoding")], [200, "br"]);
    assertEquals(textOf(brotliDecompressSync(br.bytes)), TEXT);
  }));

Deno.test("a range is one of the file as it is, and who refuses that gets the whole, compressed", () =>
  withMount(FILES, { compression: true }, async (served) => {
    const part = await ask(served, "/app.js", GZIP, "Range: bytes=0-9");
    assertEquals([part.status, textOf(part.bytes)], [206, TEXT.slice(0, 10)]);
    assertEquals([part.field("content-encoding"), part.field("vary")], [
      undefined,
      "accept-encoding",
    ]);
    const whole = await ask(
      served,
      "/app.js",
      "Accept-Encoding: gzip, identity;q=0",
      "Range: bytes=0-9",
    );
    assertEquals([whole.status, whole.field("content-encoding")], [200, "gzip"]);
    assertEquals(textOf(gunzipSync(whole.bytes)), TEXT);
    assertEquals((await ask(served, "/app.js", GZIP, "Range: bytes=999999-")).status, 416);
  }));

Deno.test("the tag of a compressed answer is good for a 304, also in the strong form", () =>
  withMount(FILES, { compression: true }, async (served, folder) => {
    await Deno.utime(`${folder}/app.js`, 0, 1_700_000_000);
    const tag = (await ask(served, "/app.js", GZIP)).field("etag")!;
    for (const each of [tag, tag.slice(2), `"x", ${tag}`]) {
      const answer = await ask(served, "/app.js", GZIP, `If-None-Match: ${each}`);
      assertEquals([answer.status, answer.field("etag")], [304, tag]);
      assertEquals([answer.field("vary"), answer.field("content-encoding")], [
        "accept-encoding",
        undefined,
      ]);
    }
  }));

Deno.test("the tag of the file as it is, is none of its compressed form", () =>
  withMount(FILES, { compression: true }, async (served, folder) => {
    await Deno.utime(`${folder}/app.js`, 0, 1_700_000_000);
    const known = `If-None-Match: ${(await ask(served, "/app.js")).field("etag")}`;
    assertEquals((await ask(served, "/app.js", known)).status, 304);
    assertEquals((await ask(served, "/app.js", GZIP, known)).status, 200);
  }));

Deno.test("HEAD has the fields of a compressed answer, and neither a body nor a length", () =>
  withMount(FILES, { compression: true }, async (served) => {
    const peer = await served.dial();
    for (let i = 0; i < 2; i++) {
      peer.send(request("HEAD", "/app.js", GZIP));
      const head = await readHead(peer);
      assertEquals([statusOf(head), fieldOf(head, "content-encoding")], [200, "gzip"]);
      assertEquals(fieldOf(head, "content-length"), undefined);
      assertMatch(fieldOf(head, "etag")!, /^W\//);
    }
  }));

Deno.test("on HTTP/1.0 a compressed body ends with the connection", () =>
  withMount(FILES, { compression: true }, async (served) => {
    const peer = await served.dial(
      `GET /app.js HTTP/1.0\r\nConnection: keep-alive\r\n${GZIP}\r\n\r\n`,
    );
    const head = await readHead(peer);
    assertEquals(fieldOf(head, "transfer-encoding"), undefined);
    assertEquals(fieldOf(head, "connection"), "close");
    assertEquals(textOf(gunzipSync(await peer.readToEnd())), TEXT);
  }));

Deno.test("the connection goes on behind a compressed answer, pipelined ones included", () =>
  withMount(FILES, { compression: true }, async (served) => {
    const peer = await served.dial(
      get("/app.js", GZIP) + get("/least.txt", GZIP) + get("/short.txt", GZIP),
    );
    for (const name of ["app.js", "least.txt"] as const) {
      await readHead(peer);
      assertEquals(textOf(gunzipSync(await readChunks(peer))), FILES[name]);
    }
    assertEquals(statusOf(await readHead(peer)), 200);
  }));

/** Serves a file of a length that a test says, and counts what is open and read of it. */
function countedFile(length: number, endsAt = length) {
  const counts = { open: 0, read: 0 };
  const ops: FileOps<{ position: number }> = {
    open() {
      counts.open++;
      return { handle: { position: 0 }, length };
    },
    close() {
      counts.open--;
    },
    seekCur: (_wsi, handle, offset) => handle.position += offset,
    read(_wsi, handle, buffer) {
      const count = Math.min(buffer.length, endsAt - handle.position);
      // Nothing that compresses well, so that much has to leave.
      for (let at = 0; at < count; at += 65_536) {
        crypto.getRandomValues(buffer.subarray(at, Math.min(count, at + 65_536)));
      }
      handle.position += count;
      counts.read += count;
      return count;
    },
    write: () => 0,
  };
  return { counts, ops };
}

const program = (headers: [string, string][] = []): Protocol =>
  named("http", { http: (wsi, _user, path) => wsi.serveHttpFile(path, undefined, headers) });

Deno.test("serveHttpFile compresses as well, but for what the program says is not to be transformed", async () => {
  for (
    const [headers, coding, vary] of [
      [[], "gzip", "accept-encoding"],
      [[["cache-control", "max-age=60"]], "gzip", "accept-encoding"],
      [[["Cache-Control", "public, no-transform"]], undefined, undefined],
      [[["Content-Encoding", "zstd"]], "zstd", undefined],
      [[["Vary", "Cookie"]], "gzip", "Cookie, accept-encoding"],
      [[["Vary", "*"]], "gzip", "*"],
      [[["content-type", "image/png"]], undefined, undefined],
    ] as [[string, string][], string | undefined, string | undefined][]
  ) {
    const { ops } = countedFile(5_000);
    await using served = serve([program(headers)], { fileOps: ops, compression: true });
    const { field } = await ask(served, "/x.txt", GZIP);
    assertEquals([field("content-encoding"), field("vary")], [coding, vary]);
  }
});

Deno.test("a reader that stops stops the reading, and its going closes the file", async () => {
  const { counts, ops } = countedFile(64 * 1024 * 1024);
  await using peer = await dialAlone([program()], undefined, { fileOps: ops, compression: true });
  peer.transport.stopReading();
  peer.send(get("/x.txt", GZIP));
  await settle();
  await settle();
  assertEquals(counts.open, 1);
  assert(counts.read < 1024 * 1024, `${counts.read} bytes were read ahead`);
  peer.reset();
  // The compressor has a thread of its own, which may be longer than some turns of a loop.
  for (let i = 0; i < 1000 && counts.open > 0; i++) await settle();
  assertEquals(counts.open, 0);
});

Deno.test("a file that ends early breaks the connection, and has no last chunk", async () => {
  const { counts, ops } = countedFile(1024 * 1024, 512 * 1024);
  await using served = serve([program()], { fileOps: ops, compression: true });
  const peer = await served.dial(get("/x.txt", GZIP));
  await readHead(peer);
  // The peer is told by a reset, which loses what it has not read.
  const rest = await peer.readToEnd().catch(() => new Uint8Array(0));
  assert(!textOf(rest.slice(-7)).endsWith("0\r\n\r\n"));
  assertEquals(counts.open, 0);
});

Deno.test(`${MOST_ENCODERS} answers are compressed at a time, the next one leaves as it is`, async () => {
  const { ops } = countedFile(8 * 1024 * 1024);
  await using served = serve([program()], { fileOps: ops, compression: true });
  const peers: Peer[] = [];
  const begin = async () => {
    const peer = await served.dial();
    peers.push(peer);
    peer.send(get("/x.txt", GZIP));
    const head = await readHead(peer);
    peer.transport.stopReading();
    return fieldOf(head, "content-encoding");
  };
  for (let i = 0; i < MOST_ENCODERS; i++) assertEquals(await begin(), "gzip");
  assertEquals(await begin(), undefined);
  peers[0]!.reset();
  await settle();
  assertEquals(await begin(), "gzip");
  for (const peer of peers) peer.reset();
});

Deno.test("compressing stops when the time of a turn of the loop is used up, and goes on turn by turn", async () => {
  const SLICE = 16 * 1024;
  const clock = new LoopClock();
  const { counts, ops } = countedFile(20 * SLICE);
  // From one look at it to the next a slice is compressed.
  clock.now = () => clock.time++;
  const served = serve([program()], { fileOps: ops, compression: true, clock });
  const peers = [await served.dial(), await served.dial()];
  for (const peer of peers) peer.send(get("/x.txt", GZIP));
  await settle();
  const readBefore = [0, counts.read];
  while (readBefore.at(-1)! < 40 * SLICE && readBefore.length < 1000) {
    await clock.comeRound();
    readBefore.push(counts.read);
  }
  assertEquals(readBefore.at(-1), 40 * SLICE);
  const steps = readBefore.map((read, i) => (read - (readBefore[i - 1] ?? 0)) / SLICE);
  // Of each reader one slice may have been read that is compressed in the next turn.
  assertEquals(steps.every((step) => step <= 7), true, steps.join(" "));
  for (let i = 0; i < 3; i++) await clock.comeRound();
  for (const peer of peers) assertEquals(statusOf(await readHead(peer)), 200);
  for (const peer of peers) peer.reset();
  const ended = served.context.destroy();
  await clock.comeRound();
  await ended;
});

Deno.test("compression is true or false", () => {
  const protocols = [{ name: "x", callback: handlers({}) }];
  const info = { port: 80, network: new MemoryNetwork(), protocols };
  try {
    createContext({ ...info, compression: "gzip" as unknown as boolean });
  } catch (error) {
    assert(error instanceof LwsError);
    assertStringIncludes(error.message, 'compression is "gzip"; allowed: true or false');
    return;
  }
  throw new Error("it was taken");
});
