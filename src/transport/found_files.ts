/** Files that were found in a folder just now: opened so that nothing put in their place blocks the server. */

import fs from "node:fs";
import { alsoAtOnce, type FileOps, type OpenFile, pairStat } from "../api/file_ops.ts";
import { runtime } from "../base/runtime/runtime.ts";
import type { FileFacts } from "../base/runtime/types.ts";

/** An open file, and where its next byte is read. */
interface FoundHandle {
  readonly fd: number;
  position: number;
}

type Operations = FileOps<FoundHandle>;

/**
 * Opening a FIFO waits for its other end, and one may have come in the file's place since it was looked at:
 * that would be the end of all service. A link may have come as well. Windows has neither flag.
 */
const FLAGS = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0) |
  (fs.constants.O_NOFOLLOW ?? 0);

/** How often a file that is replaced meanwhile is opened again. */
const MOST_TRIES = 3;

/** Operations on regular files by their real paths, for reading alone. */
export function foundFileOps(): Operations {
  const ops: Operations = {
    open: (_wsi, path) => open(path),
    stat: (_wsi, path) => factsOf(runtime.lstatSync(path), path),
    close(_wsi, { fd }) {
      fs.closeSync(fd);
    },
    seekCur: (_wsi, handle, offset) => handle.position += offset,
    read: alsoAtOnce<Operations["read"]>(
      (_wsi, handle, buffer) =>
        new Promise((resolve, reject) => {
          fs.read(handle.fd, buffer, 0, buffer.length, handle.position, (error, count) => {
            if (error !== null) return reject(error);
            handle.position += count;
            resolve(count);
          });
        }),
      (_wsi, handle, buffer) => {
        const count = fs.readSync(handle.fd, buffer, 0, buffer.length, handle.position);
        handle.position += count;
        return count;
      },
    ),
    write: () => 0,
  };
  pairStat(ops);
  return ops;
}

/**
 * Opens a file that has the same name before and after: then it is the one that was opened. To ask the
 * descriptor takes this runtime ten times as long as to look at the name.
 */
function open(path: string): OpenFile<FoundHandle> {
  let before = factsOf(runtime.lstatSync(path), path);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const fd = fs.openSync(path, FLAGS);
    try {
      // Folders above it may have become links, too.
      if (runtime.realPathSync(path) !== path) throw new Error(`${path} is a link by now`);
      const after = factsOf(runtime.lstatSync(path), path);
      if (isSame(before, after)) {
        return { handle: { fd, position: 0 }, length: after.length, mtime: after.mtime };
      }
      before = after;
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
    fs.closeSync(fd);
  }
  throw new Error(`${path} is replaced again and again`);
}

interface Facts {
  readonly length: number;
  readonly mtime: Date | null;
  readonly device: number;
  readonly inode: number | null;
}

function factsOf(info: FileFacts, path: string): Facts {
  if (!info.isFile) throw new Error(`${path} is no regular file`);
  return { length: info.size, mtime: info.mtime, device: info.dev, inode: info.ino };
}

function isSame(a: Facts, b: Facts): boolean {
  return a.inode === b.inode && a.device === b.device && a.length === b.length &&
    a.mtime?.getTime() === b.mtime?.getTime();
}
