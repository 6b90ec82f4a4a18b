/** Files on their way: what happens when something else happens meanwhile. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type FileOps, hostFileOps, type Protocol, type Wsi } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { fieldOf, get, readRefusal, request, statusOf } from "../../support/http.ts";
import { captureLog, record, type Recorder } from "../../support/recorder.ts";
import type { Served } from "../../support/serve.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { temporaryFolder } from "../../support/folder.ts";

const LENGTH = 1_000_000;

/** File operations that stop where a test wants them to, and count what is open. */
class HeldFiles implements FileOps<{ position: number }> {
  opened = 0;
  closed = 0;
  reads = 0;
  largestUnsent = 0;
  /** Operations that wait until {@linkcode release}. */
  holds: "open" | "read" | undefined;
  #gate = Promise.withResolvers<void>();
  /** Fulfils when an operation waits. */
  readonly held = Promise.withResolvers<void>();

  release(): void {
    this.holds = undefined;
    this.#gate.resolve();
  }

  async #wait(operation: "open" | "read"): Promise<void> {
    if (this.holds !== operation) return;
    this.held.resolve();
    await this.#gate.promise;
  }

  async open(_wsi: Wsi, _path: string) {
    await this.#wait("open");
    this.opened++;
    return { handle: { position: 0 }, length: LENGTH };
  }
  close(): void {
    this.closed++;
  }
  seekCur(): number {
    throw new Error("nobody seeks");
  }
  async read(wsi: Wsi, handle: { position: number }, buffer: Uint8Array) {
    this.reads++;
    this.largestUnsent = Math.max(this.largestUnsent, wsi.unsentBytes);
    await this.#wait("read");
    for (let i = 0; i < buffer.length; i++) buffer[i] = handle.position + i;
    handle.position += buffer.length;
    return buffer.length;
  }
  write(): number {
    throw new Error("nobody writes");
  }
}

function isWhole(body: Uint8Array): boolean {
  return body.length === LENGTH && body.every((byte, i) => byte === (i & 255));
}

/** Serves every path as a file, and hands the connection to the test. */
function fileServer(): Recorder & { wsi: () => Wsi; protocol: Protocol<{ of: string }> } {
  let wsi!: Wsi;
  const recorder = record("files", (one, reason, _user, data) => {
    wsi = one;
    if (reason === "http") assertEquals(one.serveHttpFile(data), 0);
  });
  return { ...recorder, wsi: () => wsi };
}

Deno.test("a peer that does not read lets one piece of the file wait, and no more", async () => {
  const files = new HeldFiles();
  const { protocol, wsi, until } = fileServer();
  await using peer = await dialAlone([protocol], undefined, { fileOps: files });
  peer.transport.stopReading();
  peer.send(get("/a"));
  await settle();
  const { reads } = files;
  assert(reads <= 3, `${reads} reads though nobody takes them`);
  assert(wsi().unsentBytes <= 64 * 1024);
  peer.transport.startReading();
  assertEquals(fieldOf(await readHead(peer), "content-length"), String(LENGTH));
  assert(isWhole(await peer.readBytes(LENGTH)));
  await until("httpFileCompletion");
  assertEquals(files.largestUnsent, 0, "a piece is read once the one before has left");
  assertEquals([files.opened, files.closed], [1, 1]);
});

Deno.test("files that are asked for in one packet come in order, each once", async () => {
  const files = new HeldFiles();
  const { protocol, until } = fileServer();
  await using served = serve([protocol], { fileOps: files });
  const peer = await served.dial(get("/a") + request("HEAD", "/b") + get("/c"));
  await readHead(peer);
  assert(isWhole(await peer.readBytes(LENGTH)));
  assertEquals(fieldOf(await readHead(peer), "content-length"), String(LENGTH));
  await readHead(peer);
  assert(isWhole(await peer.readBytes(LENGTH)));
  await until("httpFileCompletion", 3);
  assertEquals([files.opened, files.closed], [3, 3]);
});

/** What may come between, and what the peer sees of it. */
const EVENTS: Record<string, (wsi: Wsi, peer: MemoryPeer, served: Served) => void> = {
  "the program closes": (wsi) => void wsi.close(),
  "the peer resets": (_wsi, peer) => peer.reset(),
  "its time is over": (wsi, _peer, { clock }) => {
    wsi.setTimeout("userReason", 1);
    clock.advance(1_100);
  },
};

for (const [event, happen] of Object.entries(EVENTS)) {
  for (const operation of ["open", "read"] as const) {
    Deno.test(`when ${event} during ${operation}, the file is closed once, and no promise escapes`, async () => {
      using log = captureLog();
      const files = new HeldFiles();
      files.holds = operation;
      const { protocol, reasons, until, wsi } = fileServer();
      await using served = serve([protocol], { fileOps: files });
      const peer = await served.dial(get("/a") + get("/b"));
      await files.held.promise;
      happen(wsi(), peer, served);
      await settle();
      files.release();
      await settle();
      peer.close();
      await until("wsiDestroy");
      assertEquals([files.opened, files.closed], [1, 1]);
      assert(!reasons.includes("httpFileCompletion"));
      assertEquals(reasons.filter((reason) => reason === "http").length, 1);
      assertEquals(log.lines, []);
    });
  }
}

Deno.test("destroy lets a file under way leave, and then closes", async () => {
  const files = new HeldFiles();
  files.holds = "read";
  const { protocol, until } = fileServer();
  await using served = serve([protocol], { fileOps: files });
  const peer = await served.dial(get("/a"));
  await files.held.promise;
  const destroyed = served.context.destroy();
  files.release();
  await readHead(peer);
  assert(isWhole(await peer.readBytes(LENGTH)));
  await until("httpFileCompletion");
  assertEquals((await peer.readToEnd()).length, 0);
  peer.close();
  await destroyed;
  assertEquals([files.opened, files.closed], [1, 1]);
});

Deno.test("destroy gives a file that nobody reads closeTimeoutMs, and no longer", async () => {
  const files = new HeldFiles();
  const { protocol } = fileServer();
  const served = serve([protocol], { fileOps: files, closeTimeoutMs: 5_000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get("/a"));
  await settle();
  const destroyed = served.context.destroy();
  await settle();
  assertEquals(files.closed, 0);
  served.clock.advance(5_016);
  await destroyed;
  await settle();
  assertEquals([files.opened, files.closed], [1, 1]);
  peer.close();
});

Deno.test("a file that stays unread is given up after sendTimeoutMs", async () => {
  const files = new HeldFiles();
  const { protocol, until } = fileServer();
  await using served = serve([protocol], { fileOps: files, sendTimeoutMs: 5_000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(get("/a"));
  await settle();
  served.clock.advance(5_016);
  await until("wsiDestroy");
  assertEquals([files.opened, files.closed], [1, 1]);
});

Deno.test("a file in answer to a request whose body has not come closes behind it if that is long", async () => {
  const files = new HeldFiles();
  const { protocol, until } = fileServer();
  await using served = serve([protocol], { fileOps: files });
  const peer = await served.dial(request("POST", "/a", "Content-Length: 300000") + "abc");
  assertEquals(fieldOf(await readHead(peer), "connection"), "close");
  assert(isWhole(await peer.readBytes(LENGTH)));
  assertEquals((await peer.readToEnd()).length, 0);
  await until("httpFileCompletion");
});

const OPEN_FAULTS: Record<string, FileOps["open"]> = {
  throws() {
    throw new Error("on purpose");
  },
  rejects: () => Promise.reject(new Error("on purpose")),
};

for (const [fault, open] of Object.entries(OPEN_FAULTS)) {
  Deno.test(`a file whose open ${fault} is answered 404, and the next one is served`, async () => {
    using log = captureLog();
    const { protocol } = fileServer();
    await using served = serve([protocol], { fileOps: Object.assign(new HeldFiles(), { open }) });
    const peer = await served.dial(get("/a") + get("/a"));
    for (let i = 0; i < 2; i++) assertEquals(statusOf((await readResponse(peer)).head), 404);
    assertEquals(log.lines, []);
    peer.close();
  });
}

const READ_FAULTS: Record<string, [read: FileOps["read"], line: string]> = {
  "throws": [
    () => {
      throw new Error("on purpose");
    },
    "warn: /a: Error: on purpose",
  ],
  "rejects": [() => Promise.reject(new Error("on purpose")), "warn: /a: Error: on purpose"],
  "counts with a bigint": [() => 7n as never, "warn: /a: TypeError: the count"],
  "counts to NaN": [() => NaN, "returned is NaN"],
  "counts what is no number": [() => "7" as never, 'returned is "7"'],
  "counts more than it was given": [() => 70_000, "returned is 70000"],
  "takes the buffer away": [
    (_wsi, _handle, buffer) => {
      (buffer.buffer as ArrayBuffer).transfer();
      return 7;
    },
    "returned is 7; allowed: a whole number from 0 to 0",
  ],
  "brings nothing": [() => 0, "bytes early"],
};

/** Files, one read of which is broken. */
function failingAt(which: number, broken: FileOps["read"]) {
  const files = new HeldFiles();
  const read = files.read.bind(files);
  let reads = 0;
  const fileOps: FileOps = Object.assign(files, {
    read: (...given: Parameters<typeof read>) =>
      ++reads === which ? broken(...given) : read(...given),
  } as Partial<FileOps>) as never;
  return { files, fileOps };
}

for (const [fault, [broken, line]] of Object.entries(READ_FAULTS)) {
  Deno.test(`a file whose first read ${fault} is answered 500, and the next one is served`, async () => {
    using log = captureLog();
    const { files, fileOps } = failingAt(1, broken);
    const { protocol, reasons } = fileServer();
    await using peer = await dialAlone([protocol], get("/a"), { fileOps });
    assertEquals(statusOf((await readResponse(peer)).head), 500);
    assertEquals([files.closed, reasons.includes("httpFileCompletion")], [1, false]);
    peer.send(get("/b"));
    assertEquals(statusOf(await readHead(peer)), 200);
    assert(isWhole(await peer.readBytes(LENGTH)));
    assertEquals([files.opened, files.closed], [2, 2]);
    assertStringIncludes(log.lines.join("\n"), line);
    peer.close();
  });

  Deno.test(`a file whose later read ${fault} cuts its connection`, async () => {
    using log = captureLog();
    const { files, fileOps } = failingAt(2, broken);
    const { protocol, until } = fileServer();
    await using peer = await dialAlone([protocol], get("/a") + get("/b"), { fileOps });
    assertEquals(fieldOf(await readHead(peer), "content-length"), String(LENGTH));
    assertEquals((await peer.readToEnd()).length, 64 * 1024);
    assertEquals([files.opened, files.closed], [1, 1]);
    assertStringIncludes(log.lines.join("\n"), line);
    peer.close();
    await until("wsiDestroy");
  });
}

Deno.test("a file whose length is none is answered 404, and closed", async () => {
  for (const length of [NaN, -1, 1.5, Infinity, "7", 7n, undefined]) {
    const files = new HeldFiles();
    const { protocol } = fileServer();
    const fileOps = Object.assign(files, { open: () => ({ handle: {}, length }) }) as never;
    await using peer = await dialAlone([protocol], get("/a"), { fileOps });
    assertEquals(statusOf((await readResponse(peer)).head), 404, String(length));
    assertEquals(files.closed, 1, String(length));
    peer.close();
  }
});

Deno.test("a read buffer that is taken away before service costs its connection alone", async () => {
  using log = captureLog();
  let buffer: Uint8Array | undefined;
  const { protocol } = fileServer();
  const fileOps = Object.assign(new HeldFiles(), {
    read: (_wsi: Wsi, _handle: unknown, room: Uint8Array) => (buffer = room).length,
  }) as never;
  await using served = serve([protocol], { fileOps, service: "manual" });
  const peer = await served.dial(get("/a"));
  while (buffer === undefined) {
    await served.context.service(0);
    await settle();
  }
  (buffer.buffer as ArrayBuffer).transfer();
  for (let i = 0; i < 5; i++) {
    await served.context.service(0);
    await settle();
  }
  assertEquals(statusOf((await readResponse(peer)).head), 500);
  assertStringIncludes(log.lines.join("\n"), "the buffer of a read was transferred");
  peer.close();
});

Deno.test("a close that fails is logged, and the next request is served", async () => {
  using log = captureLog();
  const files = new HeldFiles();
  files.close = () => {
    throw new Error("on purpose");
  };
  const { protocol } = fileServer();
  await using served = serve([protocol], { fileOps: files });
  const peer = await served.dial(request("HEAD", "/a") + request("HEAD", "/b"));
  for (let i = 0; i < 2; i++) assertEquals(statusOf(await readHead(peer)), 200);
  await settle();
  assertEquals(log.lines.length, 2);
  assertStringIncludes(log.lines[0]!, "warn: /a: Error: on purpose");
});

Deno.test("an answer takes one file, and no other bytes", async () => {
  const results: number[] = [];
  const files = new HeldFiles();
  const recorder = record("files", (wsi, reason, _user, data) => {
    if (reason !== "http") return;
    results.push(wsi.serveHttpFile(data), wsi.serveHttpFile(data), wsi.write("x", "http"));
    results.push(wsi.returnHttpStatus(200), wsi.writeHttpHeaders(200, []));
  });
  await using peer = await dialAlone([recorder.protocol], get("/a"), { fileOps: files });
  await readHead(peer);
  assert(isWhole(await peer.readBytes(LENGTH)));
  assertEquals(results, [0, -1, -1, 1, -1]);
});

Deno.test("a callback that throws in httpFileCompletion costs its connection, behind the file", async () => {
  using log = captureLog();
  const recorder = record("files", (wsi, reason, _user, data) => {
    if (reason === "http") wsi.serveHttpFile(data);
    if (reason === "httpFileCompletion") throw new Error("on purpose");
  });
  await using served = serve([recorder.protocol], { fileOps: new HeldFiles() });
  const peer = await served.dial(get("/a") + get("/b"));
  await readHead(peer);
  assert(isWhole(await peer.readBytes(LENGTH)));
  assertEquals((await peer.readToEnd()).length, 0);
  assertEquals(log.lines.length, 1);
});

Deno.test("a file on the disk that shrinks while it is served cuts its connection", async () => {
  using log = captureLog();
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await Deno.writeFile(`${folder}/a`, new Uint8Array(LENGTH));
  const { protocol, until } = fileServer();
  await using peer = await dialAlone([protocol], undefined, { fileOps: hostFileOps(folder) });
  const half = 500_000;
  peer.send(get("/a"));
  await readHead(peer);
  peer.transport.stopReading();
  await Deno.truncate(`${folder}/a`, half);
  peer.transport.startReading();
  const got = (await peer.readToEnd()).length;
  assert(got >= half && got < LENGTH, `${got} bytes came`);
  peer.close();
  await until("wsiDestroy");
  assertStringIncludes(log.lines.join("\n"), "bytes early");
});

Deno.test("what the program may not read fails to open, whatever the path tries", async () => {
  await using temporary = await temporaryFolder();
  const base = temporary.path;
  await Deno.mkdir(`${base}/public/sub`, { recursive: true });
  await Deno.writeTextFile(`${base}/secret`, "secret");
  await Deno.writeTextFile(`${base}/public/inside`, "inside");
  await Deno.writeTextFile(`${base}/public/sub/..inside`, "inside");
  // A folder whose name only begins like the one that is served.
  await Deno.mkdir(`${base}/public-not`);
  await Deno.writeTextFile(`${base}/public-not/secret`, "secret");
  await Deno.symlink(`${base}/public-not`, `${base}/public/folder-link`);
  await Deno.symlink("../../secret", `${base}/public/sub/link`);
  await Deno.symlink("/dev/zero", `${base}/public/zero`);
  const ops = hostFileOps(`${base}/public`, { dotfiles: true });
  const wsi = undefined as unknown as Wsi;
  const wrong = [
    "../secret",
    "/../secret",
    "/sub/../../secret",
    "/sub/../inside",
    "..\\secret",
    "/sub\\..\\..\\secret",
    "/folder-link/secret",
    "/sub/link",
    "/zero",
    "/sub",
    "/",
    "",
    "/inside\0",
    "/absent",
    "/inside/",
    `${base}/secret`,
  ];
  for (const path of wrong) {
    let isOpen = true;
    try {
      ops.close(wsi, (await ops.open(wsi, path, "read")).handle);
    } catch {
      isOpen = false;
    }
    assert(!isOpen, JSON.stringify(path));
  }
  for (const path of ["/inside", "inside", "//inside", "/sub/./..inside"]) {
    const { handle, length } = await ops.open(wsi, path, "read");
    assertEquals(length, 6);
    const buffer = new Uint8Array(3);
    assertEquals(await ops.seekCur(wsi, handle, 2), 2);
    assertEquals(await ops.read(wsi, handle, buffer), 3);
    assertEquals(new TextDecoder().decode(buffer), "sid");
    assertEquals(await ops.read(wsi, handle, buffer), 1);
    assertEquals(await ops.read(wsi, handle, buffer), 0);
    await ops.close(wsi, handle);
  }
});

Deno.test("a request that can't be served by a file gets its refusal at once", async () => {
  const { protocol } = fileServer();
  await using served = serve([protocol], { fileOps: new HeldFiles() });
  for (const target of ["/%00", "/a%00.txt", "/%c0%ae%c0%ae/a", "/%2", "/%zz"]) {
    assertEquals((await readRefusal(await served.dial(get(target)))).status, 400, target);
  }
});
