/** Files by the `lws_plat_file_` calls, which are done when they return, as in C. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { box } from "../../src/compat/engine/pointers.ts";
import { dec15 } from "../../src/compat/mod.ts";
import { createContext, type FileOps, hostFileOps, type Wsi } from "../../mod.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { PATIENT } from "../support/patience.ts";
import { handshake, readHead, readResponse } from "../support/serve.ts";
import { type Callback, DEC15, logged, on, rig } from "./support.ts";
import { named } from "../support/named.ts";

const {
  lws_add_http_header_content_length,
  lws_add_http_header_status,
  lws_callback_on_writable,
  lws_finalize_http_header,
  lws_get_fops,
  lws_http_transaction_completed,
  LWS_INVALID_FILE,
  lws_plat_file_close,
  lws_plat_file_open,
  lws_plat_file_read,
  lws_plat_file_seek_cur,
  lws_plat_file_write,
  lws_send_pipe_choked,
  lws_serve_http_file,
  lws_write,
  LWS_WRITE_HTTP,
  LWS_WRITE_HTTP_HEADERS,
  O_RDONLY,
  O_RDWR,
} = dec15;

const GET = "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** A file that is removed behind the test. */
function file(content: Uint8Array | string): Disposable & { path: string } {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** A server, and one of its connections, on which nothing is asked for. */
async function connected() {
  let wsi: Wsi | undefined;
  const server = rig(DEC15, {
    protocols: [{
      name: "talk",
      callback(each, reason) {
        if (reason === "ESTABLISHED") wsi = each;
      },
    }],
  });
  await server.open({ protocol: "talk" });
  await server.until(() => wsi !== undefined);
  return { server, wsi: wsi! };
}

Deno.test("dec15: a file is opened, read, moved in, written and closed in the turn of one callback", async () => {
  const { server, wsi } = await connected();
  await using _server = server;
  using kept = file("0123456789");
  const [length, amount] = [box(-1), box(-1)];
  const buf = new Uint8Array(6);
  const fd = lws_plat_file_open(wsi, kept.path, length, O_RDWR);
  assert(fd !== LWS_INVALID_FILE);
  assertEquals(length.value, 10);
  assertEquals(lws_plat_file_read(wsi, fd, amount, buf, 4), 0);
  assertEquals([amount.value, ...buf], [4, 48, 49, 50, 51, 0, 0]);
  assertEquals(lws_plat_file_seek_cur(wsi, fd, -3), 1);
  assertEquals(lws_plat_file_write(wsi, fd, amount, new TextEncoder().encode("abcd"), 2), 0);
  assertEquals(amount.value, 2);
  assertEquals(lws_plat_file_seek_cur(wsi, fd, 6), 9);
  assertEquals(lws_plat_file_read(wsi, fd, amount, buf, 6), 0);
  assertEquals([amount.value, buf[0]], [1, 57]);
  assertEquals(lws_plat_file_read(wsi, fd, amount, buf, 6), 0);
  assertEquals(amount.value, 0);
  assertEquals(lws_plat_file_close(wsi, fd), 0);
  assertEquals(Deno.readTextFileSync(kept.path), "0ab3456789");
});

Deno.test("dec15: files that can't be opened, moved in, or are closed already give what C gave", async () => {
  const { server, wsi } = await connected();
  await using _server = server;
  using kept = file("0123456789");
  const [length, amount] = [box(-1), box(-1)];
  const buf = new Uint8Array(6);
  const folder = kept.path.replace(/\/[^/]*$/, "");
  for (const path of [`${kept.path}.none`, folder, "/dev/null", `${folder}/../etc/passwd`]) {
    assertEquals(lws_plat_file_open(wsi, path, length, O_RDONLY), LWS_INVALID_FILE, path);
    assertEquals(length.value, -1);
  }
  const fd = lws_plat_file_open(wsi, kept.path, length, O_RDONLY);
  assertEquals(lws_plat_file_write(wsi, fd, amount, buf, 6), -1);
  assertEquals(amount.value, 0);
  assertEquals(lws_plat_file_seek_cur(wsi, fd, -1), -1);
  assertEquals(lws_plat_file_close(wsi, fd), 0);
  amount.value = 5;
  assertEquals(lws_plat_file_read(wsi, fd, amount, buf, 6), -1);
  assertEquals(amount.value, 0);
  assertEquals(lws_plat_file_seek_cur(wsi, fd, 0), -1);
  assertEquals(lws_plat_file_close(wsi, fd), -1);
});

Deno.test("dec15: a file of a MiB is sent by hand, a piece with each writeable callback, and the next request follows", async () => {
  const content = new Uint8Array(1024 * 1024).map((_, i) => i % 251);
  using kept = file(content);
  const PIECE = 4096;
  let fd: unknown = LWS_INVALID_FILE;
  let writeables = 0;
  const close = (wsi: Wsi) => {
    if (fd === LWS_INVALID_FILE) return;
    assertEquals(lws_plat_file_close(wsi, fd), 0);
    fd = LWS_INVALID_FILE;
  };
  const callback: Callback = (wsi, reason) => {
    if (reason === "HTTP") {
      const buffer = new Uint8Array(256);
      const p = box(buffer);
      const end = buffer.subarray(256);
      const length = box(0);
      fd = lws_plat_file_open(wsi, kept.path, length, O_RDONLY);
      if (fd === LWS_INVALID_FILE) return -1;
      if (lws_add_http_header_status(wsi, 200, p, end) !== 0) return 1;
      if (lws_add_http_header_content_length(wsi, length.value, p, end) !== 0) return 1;
      if (lws_finalize_http_header(wsi, p, end) !== 0) return 1;
      const n = p.value.byteOffset;
      if (lws_write(wsi, buffer, n, LWS_WRITE_HTTP_HEADERS) < 0) return -1;
      lws_callback_on_writable(wsi);
      return 0;
    }
    if (reason === "HTTP_WRITEABLE") {
      writeables++;
      const buffer = new Uint8Array(PIECE);
      const amount = box(0);
      do {
        if (lws_plat_file_read(wsi, fd, amount, buffer, PIECE) < 0) return -1;
        if (amount.value === 0) {
          close(wsi);
          return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;
        }
        const m = lws_write(wsi, buffer, amount.value, LWS_WRITE_HTTP);
        if (m < 0) return -1;
        if (m !== amount.value && lws_plat_file_seek_cur(wsi, fd, m - amount.value) < 0) return -1;
      } while (lws_send_pipe_choked(wsi) === 0);
      lws_callback_on_writable(wsi);
    }
    if (reason === "CLOSED_HTTP") close(wsi);
    return 0;
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial();
  for (let round = 0; round < 2; round++) {
    peer.send(GET);
    assertStringIncludes(await server.pump(readHead(peer)), "HTTP/1.1 200");
    assertEquals(await server.pump(peer.readBytes(content.length)), content);
  }
  assert(writeables > 2);
  // A peer that goes in the middle leaves no file open.
  peer.send(GET);
  await server.until(() => fd !== LWS_INVALID_FILE);
  peer.close();
  await server.until(() => fd === LWS_INVALID_FILE);
});

Deno.test("dec15: the calls use entries that the program has put in place of the host's", async () => {
  const { server, wsi } = await connected();
  await using _server = server;
  const table = lws_get_fops(server.context);
  const calls: unknown[][] = [];
  table.open = (_wsi, filename, filelen, flags) => {
    calls.push(["open", filename, flags]);
    filelen.value = 3;
    return 77;
  };
  table.read = (_wsi, fd, amount, buf, len) => {
    calls.push(["read", fd, len]);
    buf[0] = 9;
    amount.value = 1;
    return 0;
  };
  table.seek_cur = (_wsi, fd, offset) => (calls.push(["seek_cur", fd, offset]), 5);
  table.write = (_wsi, fd, amount, _buf, len) => {
    calls.push(["write", fd, len]);
    amount.value = len;
    return 0;
  };
  table.close = (_wsi, fd) => void calls.push(["close", fd]);
  const [length, amount] = [box(0), box(0)];
  const buf = new Uint8Array(4);
  assertEquals(lws_plat_file_open(wsi, "/virtual", length, O_RDONLY), 77);
  assertEquals(length.value, 3);
  assertEquals(lws_plat_file_read(wsi, 77, amount, buf, 4), 0);
  assertEquals([amount.value, buf[0]], [1, 9]);
  assertEquals(lws_plat_file_seek_cur(wsi, 77, -2), 5);
  assertEquals(lws_plat_file_write(wsi, 77, amount, buf, 2), 0);
  assertEquals(lws_plat_file_close(wsi, 77), 0);
  assertEquals(calls, [
    ["open", "/virtual", O_RDONLY],
    ["read", 77, 4],
    ["seek_cur", 77, -2],
    ["write", 77, 2],
    ["close", 77],
  ]);
});

Deno.test("dec15: an entry that returns a promise fails its call by name, and what it opened is closed", async () => {
  const { server, wsi } = await connected();
  await using _server = server;
  const table = lws_get_fops(server.context);
  using kept = file("0123456789");
  const closed = Promise.withResolvers<unknown>();
  const { open, close } = table;
  // deno-lint-ignore require-await -- what is tried is the promise
  table.open = async (...given) => open(...given);
  table.close = (given, fd) => {
    closed.resolve(fd);
    return close(given, fd);
  };
  table.seek_cur = () => Promise.resolve(0);
  table.read = () => Promise.reject(new Error("nobody hears this"));
  table.write = () => Promise.resolve(0);
  const amount = box(0);
  const buf = new Uint8Array(4);
  const calls = {
    open: () => lws_plat_file_open(wsi, kept.path, box(0), O_RDONLY),
    seek_cur: () => lws_plat_file_seek_cur(wsi, 0, 0),
    read: () => lws_plat_file_read(wsi, 0, amount, buf, 4),
    write: () => lws_plat_file_write(wsi, 0, amount, buf, 4),
  };
  for (const [entry, call] of Object.entries(calls)) {
    const { result, lines } = logged(call);
    assertEquals(result, -1, entry);
    assertStringIncludes(
      lines.join("\n"),
      `err: lws_plat_file_${entry}: ${entry} of the context's file operations returned a promise`,
    );
  }
  // The sanitizers would see the file otherwise.
  assert(await closed.promise instanceof Deno.FsFile);
  table.close = () => Promise.resolve(0);
  const { result, lines } = logged(() => lws_plat_file_close(wsi, 0));
  assertEquals(result, -1);
  assertStringIncludes(lines.join("\n"), "lws_plat_file_close: close of the context's");
});

Deno.test("dec15: lws_serve_http_file leaves the turn to others while it reads what the program did not replace", async () => {
  using kept = file("0123456789");
  const callback = on("HTTP", (wsi) => lws_serve_http_file(wsi, kept.path, "text/plain", null, 0));
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const { fileOps } = server.context;
  const opened = fileOps.open(undefined as never, kept.path, "read");
  assert(opened instanceof Promise);
  const { handle } = await opened;
  // What waits would hold everybody up.
  Object.defineProperty(handle, "readSync", { value: undefined });
  const read = fileOps.read(undefined as never, handle, new Uint8Array(4));
  assert(read instanceof Promise);
  assertEquals(await read, 4);
  await fileOps.close(undefined as never, handle);
  const peer = await server.dial(GET);
  assertEquals((await server.pump(readResponse(peer))).body, "0123456789");
  peer.close();
});

/** A connection to a context of the main API with file operations. */
async function connectedTo(fileOps: FileOps) {
  const network = new MemoryNetwork();
  const established = Promise.withResolvers<Wsi>();
  const protocols = [named("talk", { established: (wsi) => void established.resolve(wsi) })];
  const context = createContext({ port: 80, network, ...PATIENT, fileOps, protocols });
  const peer = await network.dial(80);
  peer.send(handshake({ protocol: "talk" }));
  const wsi = await established.promise;
  return {
    wsi,
    async [Symbol.asyncDispose]() {
      peer.close();
      await context.destroy();
    },
  };
}

Deno.test("a context of the main API has the calls as well, and hostFileOps keeps to its folder", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.mkdirSync(`${folder}/public`);
  Deno.writeTextFileSync(`${folder}/public/page`, "page");
  Deno.writeTextFileSync(`${folder}/secret`, "secret");
  Deno.symlinkSync(`${folder}/secret`, `${folder}/public/link`);
  try {
    await using connection = await connectedTo(hostFileOps(`${folder}/public`));
    const { wsi } = connection;
    const length = box(0);
    for (const path of ["/link", "/../secret", `${folder}/secret`, "/a\0b", "/none"]) {
      assertEquals(lws_plat_file_open(wsi, path, length, O_RDONLY), LWS_INVALID_FILE, path);
    }
    const fd = lws_plat_file_open(wsi, "/page", length, O_RDONLY);
    assertEquals(length.value, 4);
    const [amount, buf] = [box(0), new Uint8Array(9)];
    assertEquals(lws_plat_file_read(wsi, fd, amount, buf, 9), 0);
    assertEquals(amount.value, 4);
    assertEquals(lws_plat_file_close(wsi, fd), 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a program's own open is never passed by, however like the host's its table is", async () => {
  using kept = file("0123456789");
  const host = hostFileOps();
  const mine: FileOps = {
    ...host as FileOps,
    open(_wsi, path) {
      throw new Error(`${path}: not for you`);
    },
  };
  await using connection = await connectedTo(mine);
  assertEquals(lws_plat_file_open(connection.wsi, kept.path, box(0), O_RDONLY), LWS_INVALID_FILE);
});
