/**
 * What tests ask of Deno, for Node and Bun: `tests/runtimes/build` imports it in front of each module of theirs. What
 * is missing here is Deno's own, and so are the tests that need it.
 */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { inspect } from "node:util";
import { asDeno, nodeErrors } from "../../src/base/runtime/node_errors.ts";
import { nodeRuntime } from "../../src/base/runtime/node.ts";
import { connectByNode, connectUnixByNode, listenByNode } from "../../src/transport/node_stream.ts";
import { listenUnixByNode, type NodeStream } from "../../src/transport/node_stream.ts";
import type { StreamConn, StreamListener } from "../../src/api/network.ts";

type Run = () => void | Promise<void>;

/** A test that waits for its turn. */
export interface Test {
  readonly name: string;
  readonly ignore?: boolean;
  /** Only Deno can do with less. */
  readonly permissions?: unknown;
  readonly fn: Run;
}

/** The tests of the modules that have been imported since this was emptied. */
export const tests: Test[] = [];

function test(name: string | Test, fn?: Run): void {
  tests.push(typeof name === "string" ? { name, fn: fn! } : name);
}

/** Those that the library doesn't know as well. */
const standInErrors = { ...nodeErrors, BadResource: class extends Error {} };

interface Place {
  readonly transport?: "unix";
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: string;
  readonly signal?: AbortSignal;
}

/** A connection as Deno has it: with its descriptor's end, and streams. */
function full(conn: NodeStream, place?: Place): StreamConn {
  const { localAddr, remoteAddr } = conn;
  const transport = place?.path === undefined ? "tcp" : "unix";
  return Object.assign(conn, {
    localAddr: { transport, ...localAddr as object },
    remoteAddr: { transport, ...remoteAddr as object },
    readable: new ReadableStream<Uint8Array>({
      async pull(controller) {
        const piece = new Uint8Array(16_384);
        const count = await conn.read(piece);
        if (count !== null) return controller.enqueue(piece.subarray(0, count));
        // As Deno's stream does: the peer would wait for this end otherwise.
        conn.close();
        controller.close();
      },
      cancel: () => conn.close(),
    }, { highWaterMark: 0 }),
    writable: new WritableStream<Uint8Array>({
      async write(piece) {
        for (let at = 0; at < piece.length;) at += await conn.write(piece.subarray(at));
      },
      close: () => conn.close(),
      abort: () => conn.close(),
    }),
    [Symbol.dispose]: () => conn.close(),
  });
}

async function connect(place: Place): Promise<StreamConn> {
  const { hostname = "127.0.0.1", port = 0, signal = new AbortController().signal } = place;
  try {
    return full(
      place.path === undefined
        ? await connectByNode({ address: hostname, port, source: undefined, family: 0 }, signal)
        : await connectUnixByNode(place.path, signal),
      place,
    );
  } catch (error) {
    throw asDeno(error);
  }
}

function listen(place: Place): StreamListener & Disposable & AsyncIterable<StreamConn> {
  const listener = place.path === undefined
    ? listenByNode(place.hostname ?? "0.0.0.0", place.port ?? 0)
    : listenUnixByNode(place.path);
  const accept = async () => full(await listener.accept() as NodeStream, place);
  let isClosed = false;
  const close = () => {
    if (isClosed) throw new standInErrors.BadResource("it is closed");
    isClosed = true;
    listener.close();
  };
  return {
    addr: { transport: place.path === undefined ? "tcp" : "unix", ...listener.addr as object },
    accept,
    close,
    [Symbol.dispose]: () => listener.close(),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const conn = await accept().catch(() => undefined);
        if (conn === undefined) return;
        yield conn;
      }
    },
  };
}

interface Options {
  readonly prefix?: string;
  readonly suffix?: string;
}

function makeTempDirSync({ prefix = "" }: Options = {}): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), prefix));
}

function makeTempFileSync({ suffix = "" }: Options = {}): string {
  const file = path.join(os.tmpdir(), `${crypto.randomUUID()}${suffix}`);
  fs.writeFileSync(file, "");
  return file;
}

function* readDirSync(folder: string) {
  for (const each of fs.readdirSync(folder, { withFileTypes: true })) {
    yield { name: each.name, isFile: each.isFile(), isDirectory: each.isDirectory() };
  }
}

/** Failures as Deno has them. */
function known<Args extends unknown[], T>(work: (...args: Args) => T): (...args: Args) => T {
  return (...args) => {
    try {
      return work(...args);
    } catch (error) {
      throw asDeno(error);
    }
  };
}

/** The same for both ways to call it: by a promise, and by `…Sync`. */
function later<Args extends unknown[], T>(
  work: (...args: Args) => T,
): (...args: Args) => Promise<T> {
  return (...args) => new Promise((resolve) => resolve(known(work)(...args)));
}

const removeSync = (file: string | URL, { recursive = false }: { recursive?: boolean } = {}) =>
  fs.lstatSync(file).isDirectory() && !recursive
    ? fs.rmdirSync(file)
    : fs.rmSync(file, { recursive });
const writeFileSync = (
  file: string | URL,
  data: string | Uint8Array,
  { append = false }: { append?: boolean } = {},
) => fs.writeFileSync(file, data, { flag: append ? "a" : "w" });
const readTextFileSync = (file: string | URL) => fs.readFileSync(file, "utf8");

/** By the names that Deno has for it. */
export const Deno = {
  test,
  connect,
  listen,
  inspect,
  build: nodeRuntime.build,
  env: nodeRuntime.env,
  errors: standInErrors,
  hostname: os.hostname,
  memoryUsage: () => process.memoryUsage(),
  networkInterfaces: nodeRuntime.networkInterfaces,
  uid: () => process.getuid!(),
  umask: nodeRuntime.umask,
  chmod: later(fs.chmodSync),
  lstatSync: known(fs.lstatSync),
  makeTempDir: later(makeTempDirSync),
  makeTempDirSync,
  makeTempFile: later(makeTempFileSync),
  makeTempFileSync,
  mkdir: later(fs.mkdirSync),
  mkdirSync: known(fs.mkdirSync),
  open: nodeRuntime.open,
  openSync: nodeRuntime.openSync,
  readDirSync,
  readFile: later((file: string | URL) => new Uint8Array(fs.readFileSync(file))),
  readLinkSync: known(fs.readlinkSync),
  readTextFile: later(readTextFileSync),
  readTextFileSync: known(readTextFileSync),
  realPath: later(fs.realpathSync.native),
  remove: later(removeSync),
  removeSync: known(removeSync),
  rename: later(fs.renameSync),
  renameSync: known(fs.renameSync),
  stat: nodeRuntime.stat,
  statSync: nodeRuntime.statSync,
  symlink: later(fs.symlinkSync),
  symlinkSync: known(fs.symlinkSync),
  truncate: later(fs.truncateSync),
  utime: later(fs.utimesSync),
  utimeSync: known(fs.utimesSync),
  writeFile: later(writeFileSync),
  writeFileSync: known(writeFileSync),
  writeTextFile: later(writeFileSync),
  writeTextFileSync: known(writeFileSync),
};
