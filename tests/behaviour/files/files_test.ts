/** `serveHttpFile`, on the host's files and on files of the program's own. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type FileOps, hostFileOps } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, readResponse, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { temporaryFolder } from "../../support/folder.ts";

const files = named("files", { http: (wsi, _user, path) => wsi.serveHttpFile(path) });

const status = (head: string) => Number(head.split(" ")[1]);

/** A folder with some files, and a server of it; beside the folder lies `secret.txt`. */
async function withFolder(
  run: (served: Served, folder: string) => Promise<void>,
  protocol = files,
): Promise<void> {
  await using temporary = await temporaryFolder();
  const base = temporary.path;
  const folder = `${base}/public`;
  await Deno.mkdir(`${folder}/sub`, { recursive: true });
  await Deno.writeTextFile(`${base}/secret.txt`, "secret");
  await Deno.writeTextFile(`${folder}/hello.txt`, "hello");
  await Deno.writeTextFile(`${folder}/empty.html`, "");
  await Deno.writeTextFile(`${folder}/sub/page.html`, "<p>");
  await Deno.writeTextFile(`${folder}/a b.js`, "1");
  await using served = serve([protocol], { fileOps: hostFileOps(folder) });
  await run(served, folder);
}

async function get(served: Served, target: string, method = "GET") {
  const peer = await served.dial(`${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const response = await readResponse(peer);
  peer.close();
  return response;
}

Deno.test("a file is served with its type and length", () =>
  withFolder(async (served) => {
    for (
      const [target, type, body] of [
        ["/hello.txt", "text/plain; charset=utf-8", "hello"],
        ["/empty.html", "text/html; charset=utf-8", ""],
        ["/sub/page.html", "text/html; charset=utf-8", "<p>"],
        ["/a%20b.js", "text/javascript; charset=utf-8", "1"],
      ] as const
    ) {
      const response = await get(served, target);
      assertEquals(status(response.head), 200);
      assertStringIncludes(response.head, `content-type: ${type}\r\n`);
      assertStringIncludes(response.head, `content-length: ${body.length}\r\n`);
      assertEquals(response.body, body);
    }
  }));

Deno.test("HEAD gets a file's head alone, and the connection goes on", () =>
  withFolder(async (served) => {
    const peer = await served.dial("HEAD /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    assertStringIncludes(await readHead(peer), "content-length: 5\r\n");
    peer.send("GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals((await readResponse(peer)).body, "hello");
  }));

Deno.test("httpFileCompletion follows a file, and then the next request", async () => {
  const recorder = record("files", { http: (wsi, _user, data) => wsi.serveHttpFile(data) });
  await withFolder(async (served) => {
    const peer = await served.dial();
    for (let i = 1; i <= 3; i++) {
      peer.send("GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n");
      assertEquals((await readResponse(peer)).body, "hello");
      await recorder.until("httpFileCompletion", i);
    }
  }, recorder.protocol);
});

for (
  const target of [
    "/missing.txt",
    "/sub",
    "/",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%5csecret.txt",
    "/sub/%2e%2e%5c..%5csecret.txt",
    "/hello.txt/../../secret.txt",
    "/hello.txt/",
    "/hello.txt%2f",
    "/..;/secret.txt",
    "/.../secret.txt",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/file:///etc/passwd",
    "/c:/secret.txt",
    "/%5c%5chost%5csecret.txt",
    "/~/secret.txt",
    "/link.txt",
    "/linked/secret.txt",
  ]
) {
  Deno.test(`${target} is answered 404, and nothing outside the folder is read`, () =>
    withFolder(async (served, folder) => {
      await Deno.symlink(`${folder}/../secret.txt`, `${folder}/link.txt`);
      await Deno.symlink(`${folder}/..`, `${folder}/linked`);
      const { head, body } = await get(served, target);
      assertEquals(status(head), 404);
      assert(!body.includes("secret"));
    }));
}

Deno.test("an encoded slash beside dots is refused before a folder is looked into", () =>
  withFolder(async (served) => {
    for (const target of ["/sub/..%2f..%2fsecret.txt", "/%2e%2e%2fsecret.txt"]) {
      const { head, body } = await get(served, target);
      assertEquals([status(head), body.includes("secret")], [400, false], target);
    }
  }));

Deno.test("a symbolic link that stays in the folder is followed", () =>
  withFolder(async (served, folder) => {
    await Deno.symlink(`${folder}/hello.txt`, `${folder}/sub/link.txt`);
    assertEquals((await get(served, "/sub/link.txt")).body, "hello");
  }));

Deno.test("a FIFO and a device are answered 404, without waiting for them", () =>
  withFolder(async (served, folder) => {
    await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    assertEquals(status((await get(served, "/fifo")).head), 404);
    await using devices = serve([files], { fileOps: hostFileOps("/dev") });
    assertEquals(status((await get(devices, "/null")).head), 404);
  }));

Deno.test("a path without a root may not climb, and is opened as it is", async () => {
  const name = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(name, "mine");
    const own = named("own", {
      http: (wsi, _user, path) =>
        wsi.serveHttpFile(path === "/up" ? `/tmp/../tmp${name}` : name, "text/plain"),
    });
    await using served = serve([own]);
    assertEquals((await get(served, "/")).body, "mine");
    assertEquals(status((await get(served, "/up")).head), 404);
  } finally {
    await Deno.remove(name);
  }
});

Deno.test("a file of several MiB comes whole to a slow reader, a piece at a time", () =>
  withFolder(async (served, folder) => {
    const content = new Uint8Array(3_000_001).map((_, i) => i * 7);
    await Deno.writeFile(`${folder}/big.bin`, content);
    const peer = await served.dial();
    peer.transport.peer.chop(50_000);
    peer.transport.stopReading();
    peer.send("GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    await settle();
    assert(
      peer.transport.undelivered < 300_000,
      "a peer that does not read stops the reading of the file",
    );
    peer.transport.startReading();
    await readHead(peer);
    assertEquals(await peer.readBytes(content.length), content);
  }));

/** Files that only the program knows. */
function virtual(contents: Record<string, Uint8Array>) {
  const open = new Set<object>();
  let onRead: () => void = () => {};
  const ops: FileOps<{ bytes: Uint8Array; position: number }> = {
    open(_wsi, path) {
      const bytes = contents[path];
      if (bytes === undefined) throw new Error("no such file");
      const handle = { bytes, position: 0 };
      open.add(handle);
      return { handle, length: bytes.length };
    },
    close(_wsi, handle) {
      open.delete(handle);
    },
    seekCur: (_wsi, handle, offset) => handle.position += offset,
    read(_wsi, handle, buffer) {
      onRead();
      const piece = handle.bytes.subarray(handle.position, handle.position + buffer.length);
      buffer.set(piece);
      handle.position += piece.length;
      return piece.length;
    },
    write: () => 0,
  };
  return { ops, open, onRead: (run: () => void) => onRead = run };
}

Deno.test("file operations of the program's own serve files that no disk has", async () => {
  const { ops, open } = virtual({ "/a.txt": new TextEncoder().encode("virtual") });
  await using served = serve([files], { fileOps: ops });
  assertEquals((await get(served, "/a.txt")).body, "virtual");
  assertEquals(status((await get(served, "/b.txt")).head), 404);
  await settle();
  assertEquals(open.size, 0);
});

Deno.test("a file that is shorter than it said cuts its connection, and is closed", async () => {
  using log = captureLog();
  const { ops, open } = virtual({ "/a.bin": new Uint8Array(200_000) });
  const lying: FileOps = {
    ...ops as FileOps,
    async open(wsi, path, flags) {
      const file = await ops.open(wsi, path, flags);
      return { handle: file.handle, length: file.length + 1 };
    },
  };
  await using served = serve([files], { fileOps: lying });
  const peer = await served.dial("GET /a.bin HTTP/1.1\r\nHost: x\r\n\r\n");
  await readHead(peer);
  assertEquals((await peer.readToEnd()).length, 200_000);
  await settle();
  assertEquals(open.size, 0);
  assertStringIncludes(log.lines.join(), "1 bytes early");
});

Deno.test("a reset in the middle of a file closes the file", async () => {
  const { ops, open, onRead } = virtual({ "/a.bin": new Uint8Array(1_000_000) });
  const recorder = record("files", { http: (wsi, _user, data) => wsi.serveHttpFile(data) });
  await using served = serve([recorder.protocol], { fileOps: ops });
  const peer = await served.dial();
  let reads = 0;
  onRead(() => ++reads === 3 && peer.reset());
  peer.send("GET /a.bin HTTP/1.1\r\nHost: x\r\n\r\n");
  await recorder.until("closedHttp");
  await settle();
  assertEquals(open.size, 0);
  assert(!recorder.reasons.includes("httpFileCompletion"));
});

Deno.test("a non-zero return after serveHttpFile closes once the file has left", async () => {
  const { ops } = virtual({ "/a.txt": new TextEncoder().encode("all of it") });
  const recorder = record("files", (wsi, reason, _user, data) => {
    if (reason !== "http") return;
    wsi.serveHttpFile(data);
    return 1;
  });
  await using served = serve([recorder.protocol], { fileOps: ops });
  const peer = await served.dial("GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await readResponse(peer)).body, "all of it");
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("an entry of context.fileOps may be wrapped, for access rights by connection", async () => {
  using _log = captureLog([]);
  await withFolder(async (served) => {
    const { fileOps } = served.context;
    const open = fileOps.open.bind(fileOps);
    fileOps.open = (wsi, path, flags) => {
      if (wsi.hdrCopy("authorization") !== "Basic eDp5") throw new Error(`${path}: not for you`);
      return open(wsi, path, flags);
    };
    assertEquals(status((await get(served, "/hello.txt")).head), 404);
    const peer = await served.dial(
      "GET /hello.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n",
    );
    const { head, body } = await readResponse(peer);
    assertEquals([status(head), body], [200, "hello"]);
    peer.close();
  });
});

Deno.test("context.fileOps is the table that was given, and a host's one by default", async () => {
  const given = hostFileOps("/nowhere");
  await using served = serve([files], { fileOps: given });
  assert(served.context.fileOps === given);
  await using other = serve([files]);
  const names: (keyof FileOps)[] = ["open", "close", "seekCur", "read", "write"];
  for (const name of names) assertEquals(typeof other.context.fileOps[name], "function");
});
