/** The runtime's part that Node and Bun have in modules of their own. Neither has permissions like Deno's. */

import fs from "node:fs";
import os from "node:os";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { asDeno, nodeErrors } from "./node_errors.ts";
import type { FileFacts, HostFile, OpenFlags, Runtime } from "./types.ts";

const SYSTEMS: Readonly<Record<string, string>> = { win32: "windows" };

/** Deno's functions by those of Node. The C library is called by Deno alone, and the mask set by no worker. */
export const nodeRuntime: Runtime = {
  build: { os: SYSTEMS[process.platform] ?? process.platform },
  env: {
    get: (name) => process.env[name],
    set: (name, value) => void (process.env[name] = value),
    delete: (name) => void delete process.env[name],
  },
  errors: nodeErrors,
  permissions: {
    querySync: ({ name, kind }) => ({
      state: name === "ffi" || (kind === "umask" && !isMainThread) ? "denied" : "granted",
    }),
  },
  chmodSync: (path, mode) => known(() => fs.chmodSync(path, mode)),
  hostname: () => os.hostname(),
  lstatSync: (path) => known(() => factsOf(fs.lstatSync(path))),
  memoryUsage: () => process.memoryUsage(),
  networkInterfaces: () =>
    Object.entries(os.networkInterfaces()).flatMap(([name, all]) =>
      (all ?? []).map(({ family, address }) => ({ name, family, address }))
    ),
  open: (path, flags) => new Promise((resolve) => resolve(new NodeFile(path, flags))),
  openSync: (path, flags) => new NodeFile(path, flags),
  async *readDir(path) {
    const folder = await knownLater(fs.promises.opendir(path));
    for await (const { name } of folder) yield { name };
  },
  readTextFileSync: (path) => known(() => fs.readFileSync(path, "utf8")),
  realPath: (path) => knownLater(fs.promises.realpath(path)),
  realPathSync: (path) => known(() => fs.realpathSync.native(path)),
  // Timers are objects here.
  refTimer: (timer) => void (timer as unknown as Unreferable).ref(),
  removeSync: (path) => known(() => fs.unlinkSync(path)),
  stat: async (path) => factsOf(await knownLater(fs.promises.stat(path))),
  statSync: (path) => known(() => factsOf(fs.statSync(path))),
  umask: (mask) => process.umask(mask),
  unrefTimer: (timer) => void (timer as unknown as Unreferable).unref(),
};

interface Unreferable {
  ref(): unknown;
  unref(): unknown;
}

/** Read and written at a position of its own. */
class NodeFile implements HostFile {
  readonly #fd: number;
  #position = 0;

  constructor(path: string, { write }: OpenFlags) {
    this.#fd = known(() => fs.openSync(path, write ? "r+" : "r"));
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, buffer, 0, buffer.length, this.#position, (error, count) => {
        if (error) return reject(error);
        resolve(this.#moved(count) || null);
      });
    });
  }

  readSync(buffer: Uint8Array): number | null {
    return this.#moved(fs.readSync(this.#fd, buffer, 0, buffer.length, this.#position)) || null;
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#fd, data, 0, data.length, this.#position, (error, count) => {
        if (error) return reject(error);
        resolve(this.#moved(count));
      });
    });
  }

  writeSync(data: Uint8Array): number {
    return this.#moved(fs.writeSync(this.#fd, data, 0, data.length, this.#position));
  }

  seek(offset: number): Promise<number> {
    return Promise.resolve(this.seekSync(offset));
  }

  seekSync(offset: number): number {
    if (this.#position + offset < 0) throw new RangeError("there is nothing in front of a file");
    return this.#position += offset;
  }

  stat(): Promise<FileFacts> {
    return Promise.resolve(this.statSync());
  }

  statSync(): FileFacts {
    return factsOf(fs.fstatSync(this.#fd));
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  #moved(count: number): number {
    this.#position += count;
    return count;
  }
}

function factsOf(stats: fs.Stats): FileFacts {
  return {
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
    isSocket: stats.isSocket(),
    size: stats.size,
    mtime: stats.mtime,
    dev: stats.dev,
    ino: stats.ino,
  };
}

function known<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asDeno(error);
  }
}

function knownLater<T>(work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    throw asDeno(error);
  });
}
