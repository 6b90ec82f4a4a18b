/** The default file operations: the host's own files. */

import { fromFileUrl, isAbsolute, join, relative, resolve, SEPARATOR } from "@std/path";
import {
  alsoAtOnce,
  type FileOps,
  type FileStat,
  type OpenFile,
  pairStat,
} from "../api/file_ops.ts";
import { refuseArgument } from "../base/check.ts";
import { runtime } from "../base/runtime/runtime.ts";
import type { HostFile, HostFileFacts } from "../base/runtime/types.ts";

/**
 * Choices of {@linkcode hostFileOps}.
 *
 * @category Files and HTTP
 */
export interface HostFileOptions {
  /**
   * Whether files and folders below the root whose names begin with a dot are opened, such as `.git` and
   * `.env`. Without a root all are.
   *
   * Default: `false`.
   */
  readonly dotfiles?: boolean;
}

/**
 * File operations on the host's files. Regular files only: no folder, device or FIFO is opened, nor
 * any path with a `..` segment or a NUL.
 *
 * Files are looked up, opened and read without waiting: to wait for what the host mostly has in memory takes
 * many times as long. Once a read of a file has taken longer than half a millisecond, as a disk's does, its other
 * reads are waited for. Where a file system may hang, as one on a network, wrap the operations, as in
 * `open: (wsi, path, flags) => ops.open(wsi, path, flags)`, and `read` likewise; then they are waited for, and
 * other connections go on. So do where other programs may put a FIFO in a file's place just when it is opened;
 * mounts never wait for one.
 *
 * @category Files and HTTP
 * @param root When given, paths are below this folder, with or without a leading slash, and symbolic
 *   links can't lead out of it; a program that may write in that folder, though, can put a link in a file's
 *   place between the look and the opening, and mounts leave less time for that. When left out, paths are
 *   the program's own and are opened as they are: give a root when any part of a path comes from a peer.
 * @throws {LwsError} `invalid-argument` when the root is neither a path nor a `file:` URL, or `dotfiles` no
 *   boolean.
 *
 * Needs `--allow-read` for the files. A file that may not be read fails to open.
 *
 * @example
 * ```ts
 * import { createContext, handlers, hostFileOps } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   fileOps: hostFileOps(new URL("./public/", import.meta.url)),
 *   protocols: [{
 *     name: "http",
 *     callback: handlers({
 *       http: (wsi, _user, path) => wsi.serveHttpFile(path === "/" ? "/index.html" : path),
 *     }),
 *   }],
 * });
 * ```
 */
export function hostFileOps(
  root?: string | URL,
  options: HostFileOptions = {},
): FileOps<HostFile> {
  if (typeof options !== "object" || options === null) {
    refuseArgument("hostFileOps", "options", options, "an object");
  }
  const { dotfiles = false } = options;
  if (typeof dotfiles !== "boolean") {
    refuseArgument("hostFileOps", "dotfiles", dotfiles, "true or false");
  }
  return operationsOn({ folder: root === undefined ? undefined : pathOf(root), dotfiles });
}

function pathOf(root: string | URL): string {
  if (typeof root === "string") return resolve(root);
  if (root instanceof URL && root.protocol === "file:") return resolve(fromFileUrl(root));
  refuseArgument("hostFileOps", "root", root, "a path, or a file: URL");
}

function operationsOn(place: Place): FileOps<HostFile> {
  const ops: FileOps<HostFile> = {
    open: alsoAtOnce<Operations["open"]>(
      (_wsi, path, flags) => open(place, path, flags),
      (_wsi, path, flags) => openSync(place, path, flags),
    ),
    stat: alsoAtOnce<NonNullable<Operations["stat"]>>(
      async (_wsi, path) => factsOf(await runtime.stat(await nameOf(place, path)), path),
      (_wsi, path) => factsOf(runtime.statSync(nameOfSync(place, path)), path),
    ),
    close(_wsi, handle) {
      handle.close();
    },
    seekCur: alsoAtOnce<Operations["seekCur"]>(
      (_wsi, handle, offset) => handle.seek(offset, FROM_HERE),
      (_wsi, handle, offset) => handle.seekSync(offset, FROM_HERE),
    ),
    read: alsoAtOnce<Operations["read"]>(
      async (_wsi, handle, buffer) => (await handle.read(buffer)) ?? 0,
      (_wsi, handle, buffer) => handle.readSync(buffer) ?? 0,
    ),
    write: alsoAtOnce<Operations["write"]>(
      (_wsi, handle, data) => handle.write(data),
      (_wsi, handle, data) => handle.writeSync(data),
    ),
  };
  pairStat(ops);
  return ops;
}

/** `SEEK_CUR` of C. */
const FROM_HERE = 1;

type Operations = FileOps<HostFile>;

/** Which files there are. */
interface Place {
  /** The folder that they are below; undefined for those of the whole host. */
  readonly folder: string | undefined;
  readonly dotfiles: boolean;
}

async function open(
  place: Place,
  path: string,
  flags: "read" | "readWrite",
): Promise<OpenFile<HostFile>> {
  const name = await nameOf(place, path);
  // Opening a FIFO waits for its other end, so the kind is asked for first.
  factsOf(await runtime.stat(name), path);
  const handle = await runtime.open(name, { read: true, write: flags === "readWrite" });
  try {
    return { handle, ...factsOf(await handle.stat(), path) };
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** As {@linkcode open}, without waiting. */
function openSync(
  place: Place,
  path: string,
  flags: "read" | "readWrite",
): OpenFile<HostFile> {
  const name = nameOfSync(place, path);
  factsOf(runtime.statSync(name), path);
  const handle = runtime.openSync(name, { read: true, write: flags === "readWrite" });
  try {
    return { handle, ...factsOf(handle.statSync(), path) };
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** The name by which the host knows `path`; without symbolic links where there is a folder. */
async function nameOf(place: Place, path: string): Promise<string> {
  checkPath(place, path);
  const { folder } = place;
  if (folder === undefined) return path;
  return below(await runtime.realPath(folder), await runtime.realPath(join(folder, path)), path);
}

/** As {@linkcode nameOf}, without waiting. */
function nameOfSync(place: Place, path: string): string {
  checkPath(place, path);
  const { folder } = place;
  if (folder === undefined) return path;
  return below(runtime.realPathSync(folder), runtime.realPathSync(join(folder, path)), path);
}

function checkPath({ folder, dotfiles }: Place, path: string): void {
  if (path.includes("\0")) throw new Error("the path has a NUL");
  // Most paths have no segment that begins with a dot.
  if (!/(^|[\\/])\./.test(path)) return;
  for (const segment of path.split(/[\\/]/)) {
    if (segment === "..") throw new Error(`${path} has a ".." segment`);
    if (folder !== undefined && !dotfiles && segment.startsWith(".") && segment !== ".") {
      throw new Error(`${path} names a dotfile`);
    }
  }
}

/** What is known of what has to be a regular file. */
function factsOf({ isFile, size, mtime }: HostFileFacts, path: string): FileStat {
  if (!isFile) throw new Error(`${path} is no regular file`);
  return { length: size, mtime };
}

/** `name`, which has to be below `folder`; both are without symbolic links. */
function below(folder: string, name: string, path: string): string {
  if (name.startsWith(folder) && name[folder.length] === SEPARATOR) return name;
  const rest = relative(folder, name);
  if (rest.startsWith(`..${SEPARATOR}`) || rest === ".." || isAbsolute(rest)) {
    throw new Error(`${path} leads out of ${folder}`);
  }
  return name;
}
