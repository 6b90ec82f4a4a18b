/** Folders of the host, for mounts. */

import { fromFileUrl, join, resolve, SEPARATOR } from "@std/path";
import type { Folder, FolderContent, FolderEntry, Found } from "../api/folder.ts";
import { openFailure } from "./file_failure.ts";
import { runtime } from "../base/runtime/runtime.ts";

/** How many entries of a folder are looked at, at a time. */
const AT_A_TIME = 32;

/**
 * A folder that is there now.
 *
 * @throws {TypeError} which says what is wrong with it, as a list of what is allowed does.
 */
export function hostFolder(folder: string | URL): Folder {
  try {
    const path = resolve(folder instanceof URL ? fromFileUrl(folder) : folder);
    const root = runtime.realPathSync(path);
    if (runtime.statSync(root).isDirectory) return new HostFolder(path, root);
  } catch (cause) {
    const isHidden = cause instanceof runtime.errors.NotCapable;
    throw new TypeError(`a folder that ${isHidden ? "--allow-read covers" : "is there"}`, {
      cause,
    });
  }
  throw new TypeError("a folder, and no file");
}

class HostFolder implements Folder {
  readonly path: string;
  /** Where it really is. A link that is turned round moves it. */
  #root: string;

  constructor(path: string, root: string) {
    this.path = path;
    this.#root = root;
  }

  find(name: string): Found {
    try {
      return this.#find(name);
    } catch (error) {
      const status = openFailure(join(this.path, name), error);
      return status === 503 ? { kind: "unavailable" } : undefined;
    }
  }

  async list(
    name: string,
    most: number,
    isShown: (name: string) => boolean,
    inTurn: () => Promise<void>,
  ): Promise<FolderContent | 404 | 503> {
    try {
      const folder = this.#real(name);
      const names: string[] = [];
      let isWhole = true;
      for await (const entry of runtime.readDir(folder)) {
        if (!isShown(entry.name)) continue;
        isWhole = names.length < most;
        if (!isWhole) break;
        names.push(entry.name);
      }
      return { entries: await this.#entries(name, names.sort(), inTurn), isWhole };
    } catch (error) {
      return openFailure(join(this.path, name), error);
    }
  }

  async #entries(
    folder: string,
    names: readonly string[],
    inTurn: () => Promise<void>,
  ): Promise<FolderEntry[]> {
    const entries: FolderEntry[] = [];
    for (let at = 0; at < names.length; at += AT_A_TIME) {
      await inTurn();
      const some = names.slice(at, at + AT_A_TIME);
      const found = await Promise.all(some.map((name) => this.#entry(`${folder}/${name}`, name)));
      entries.push(...found.filter((each) => each !== undefined));
    }
    return entries;
  }

  /** What can't be served isn't shown either: links that lead out, devices, what has gone meanwhile. */
  async #entry(path: string, name: string): Promise<FolderEntry | undefined> {
    try {
      const { isFile, isDirectory, size, mtime } = await runtime.stat(this.#real(path));
      if (!isFile && !isDirectory) return undefined;
      return { name, isFolder: isDirectory, length: isFile ? size : 0, mtime };
    } catch {
      return undefined;
    }
  }

  #find(name: string): Found {
    // To wait for what the host does at once would take many times as long as the work itself.
    const path = this.#real(name);
    const { isFile, isDirectory, size, mtime } = runtime.statSync(path);
    if (isFile) return { kind: "file", path, length: size, mtime };
    if (isDirectory) return { kind: "folder" };
    throw new Error("neither a regular file nor a folder");
  }

  /** The path of `name` without symbolic links. @throws when it isn't there, or leads out */
  #real(name: string): string {
    const path = runtime.realPathSync(join(this.path, name));
    if (isBelow(this.#root, path)) return path;
    this.#root = runtime.realPathSync(this.path);
    if (isBelow(this.#root, path)) return path;
    throw new Error("a symbolic link leads out of the folder");
  }
}

/** Both are without symbolic links. */
function isBelow(folder: string, path: string): boolean {
  const start = folder.endsWith(SEPARATOR) ? folder : folder + SEPARATOR;
  return path === folder || path.startsWith(start);
}
