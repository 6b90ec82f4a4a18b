/** The default file operations: the host's own files. */

import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { FileOps, OpenFile } from "./file_ops.ts";

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
    async open(_wsi, path, flags): Promise<OpenFile<Deno.FsFile>> {
      const name = await locate(folder, path);
      // Opening a FIFO waits for its other end, so the kind is asked for first.
      if (!(await Deno.stat(name)).isFile) throw new Error(`${path} is no regular file`);
      const handle = await Deno.open(name, { read: true, write: flags === "readWrite" });
      try {
        const { isFile, size } = await handle.stat();
        if (!isFile) throw new Error(`${path} is no regular file`);
        return { handle, length: size };
      } catch (error) {
        handle.close();
        throw error;
      }
    },
    close(_wsi, handle) {
      handle.close();
    },
    seekCur: (_wsi, handle, offset) => handle.seek(offset, Deno.SeekMode.Current),
    read: async (_wsi, handle, buffer) => (await handle.read(buffer)) ?? 0,
    write: (_wsi, handle, data) => handle.write(data),
  };
}

async function locate(folder: string | undefined, path: string): Promise<string> {
  if (path.includes("\0")) throw new Error("the path has a NUL");
  if (path.split(/[\\/]/).includes("..")) throw new Error(`${path} has a ".." segment`);
  if (folder === undefined) return path;
  const name = await Deno.realPath(join(folder, path));
  const below = relative(await Deno.realPath(folder), name);
  if (below.startsWith(`..${sep}`) || below === ".." || isAbsolute(below)) {
    throw new Error(`${path} leads out of ${folder}`);
  }
  return name;
}
