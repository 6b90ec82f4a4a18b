/**
 * The part of `@std/fs` that this project uses, over `node:fs`, for machines that cannot reach JSR.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** One file or folder that {@linkcode walkSync} met. */
export interface WalkEntry {
  path: string;
  name: string;
  isFile: boolean;
  isDirectory: boolean;
  isSymlink: boolean;
}

/** What {@linkcode walkSync} leaves out. */
export interface WalkOptions {
  /** Whether folders are yielded. @default {true} */
  includeDirs?: boolean;
  /** Yield only files with one of these endings, dot included. */
  exts?: string[];
}

/** Yields every file and folder below `root`, the root first, in the order of their names. */
export function* walkSync(root: string, options: WalkOptions = {}): IterableIterator<WalkEntry> {
  const { includeDirs = true, exts } = options;
  if (includeDirs) yield entryOf(root, root);
  for (const name of readdirSync(root).sort()) {
    const entry = entryOf(join(root, name), name);
    if (entry.isDirectory) yield* walkSync(entry.path, options);
    else if (exts === undefined || exts.some((ending) => name.endsWith(ending))) yield entry;
  }
}

function entryOf(path: string, name: string): WalkEntry {
  const stat = statSync(path);
  return {
    path,
    name,
    isFile: stat.isFile(),
    isDirectory: stat.isDirectory(),
    isSymlink: stat.isSymbolicLink(),
  };
}
