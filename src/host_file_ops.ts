/** The default file operations: the host's own files. */

import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { alsoAtOnce, type FileOps, type OpenFile } from "./file_ops.ts";

/**
 * File operations on the host's files. Regular files only: no folder, device or FIFO is opened, nor
 * any path with a `..` segment or a NUL.
 *
 * @param root When given, paths are below this folder, with or without a leading slash, and symbolic
 *   links can't lead out of it. When left out, paths are the program's own and are opened as they
 *   are: give a root when any part of a path comes from a peer.
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
export function hostFileOps(root?: string | URL): FileOps<Deno.FsFile> {
  const folder = root === undefined
    ? undefined
    : resolve(root instanceof URL ? fileURLToPath(root) : root);
  return {
    open: alsoAtOnce<Operations["open"]>(
      (_wsi, path, flags) => open(folder, path, flags),
      (_wsi, path, flags) => openSync(folder, path, flags),
    ),
    close(_wsi, handle) {
      handle.close();
    },
    seekCur: alsoAtOnce<Operations["seekCur"]>(
      (_wsi, handle, offset) => handle.seek(offset, Deno.SeekMode.Current),
      (_wsi, handle, offset) => handle.seekSync(offset, Deno.SeekMode.Current),
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
}

type Operations = FileOps<Deno.FsFile>;

async function open(
  folder: string | undefined,
  path: string,
  flags: "read" | "readWrite",
): Promise<OpenFile<Deno.FsFile>> {
  checkPath(path);
  const name = folder === undefined
    ? path
    : below(await Deno.realPath(folder), await Deno.realPath(join(folder, path)), path);
  // Opening a FIFO waits for its other end, so the kind is asked for first.
  checkKind(await Deno.stat(name), path);
  const handle = await Deno.open(name, { read: true, write: flags === "readWrite" });
  try {
    return { handle, length: checkKind(await handle.stat(), path) };
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** As {@linkcode open}, without waiting. */
function openSync(
  folder: string | undefined,
  path: string,
  flags: "read" | "readWrite",
): OpenFile<Deno.FsFile> {
  checkPath(path);
  const name = folder === undefined
    ? path
    : below(Deno.realPathSync(folder), Deno.realPathSync(join(folder, path)), path);
  checkKind(Deno.statSync(name), path);
  const handle = Deno.openSync(name, { read: true, write: flags === "readWrite" });
  try {
    return { handle, length: checkKind(handle.statSync(), path) };
  } catch (error) {
    handle.close();
    throw error;
  }
}

function checkPath(path: string): void {
  if (path.includes("\0")) throw new Error("the path has a NUL");
  if (path.split(/[\\/]/).includes("..")) throw new Error(`${path} has a ".." segment`);
}

/** The length of what has to be a regular file. */
function checkKind({ isFile, size }: Deno.FileInfo, path: string): number {
  if (!isFile) throw new Error(`${path} is no regular file`);
  return size;
}

/** `name`, which has to be below `folder`; both are without symbolic links. */
function below(folder: string, name: string, path: string): string {
  const rest = relative(folder, name);
  if (rest.startsWith(`..${sep}`) || rest === ".." || isAbsolute(rest)) {
    throw new Error(`${path} leads out of ${folder}`);
  }
  return name;
}
