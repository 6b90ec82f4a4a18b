/** Folders that a context serves by itself: what they are, and which one a request's path is in. */

import type { Mount } from "../api/creation_info.ts";
import type { Folder } from "../api/folder.ts";
import { isPlain } from "../base/check.ts";
import { isFieldValue } from "../core/http/syntax.ts";

/** A mount with everything checked and filled in. */
export interface CheckedMount {
  /** Without a slash at its end, and empty for the root. */
  readonly path: string;
  readonly folder: Folder;
  readonly index: string | undefined;
  readonly cacheControl: string | undefined;
  readonly listing: boolean;
  readonly dotfiles: boolean;
  readonly precompressed: readonly ("br" | "gz")[];
  readonly compression: boolean;
}

const MEMBERS: ReadonlySet<string> = new Set<keyof Mount>([
  "path",
  "folder",
  "index",
  "cacheControl",
  "listing",
  "dotfiles",
  "precompressed",
  "compression",
]);

type Complain = (field: string, value: unknown, allowed: string) => void;

/** The mount that a path is in: of several the one with the longest path. */
export function mountOf(mounts: readonly CheckedMount[], path: string): CheckedMount | undefined {
  return mounts.find((mount) =>
    path.startsWith(mount.path) &&
    (path.length === mount.path.length || path[mount.path.length] === "/")
  );
}

/**
 * Checks the option `mounts`; returns the longest paths first.
 *
 * @param open Opens a folder; throws a TypeError which says what is allowed.
 * @param compresses What a mount does that doesn't say so itself.
 */
export function checkMounts(
  given: unknown,
  open: (folder: string | URL) => Folder,
  compresses: boolean,
  problems: string[],
  complain: Complain,
): readonly CheckedMount[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) {
    complain("mounts", given, "an array of mounts");
    return [];
  }
  const paths = new Set<string>();
  const mounts: CheckedMount[] = [];
  for (const [index, entry] of given.entries()) {
    const field = `mounts[${index}]`;
    const before = problems.length;
    const refuse: Complain = (name, value, allowed) => complain(`${field}.${name}`, value, allowed);
    if (typeof entry !== "object" || entry === null) {
      complain(field, entry, "an object with a path and a folder");
      continue;
    }
    for (const member of isPlain(entry) ? Object.keys(entry) : []) {
      if (!MEMBERS.has(member)) problems.push(`${field}.${member} is no member of a mount`);
    }
    const mount = checkMount(entry, open, compresses, refuse);
    if (paths.has(mount.path)) refuse("path", entry.path, "a path used once");
    paths.add(mount.path);
    if (problems.length === before) mounts.push(mount as CheckedMount);
  }
  return mounts.sort((a, b) => b.path.length - a.path.length);
}

/** Its folder is missing when it was refused. */
function checkMount(
  mount: Partial<Mount>,
  open: (folder: string | URL) => Folder,
  compresses: boolean,
  refuse: Complain,
): Omit<CheckedMount, "folder"> & { readonly folder: Folder | undefined } {
  const path = checkPath(mount.path, refuse);
  const folder = checkFolder(mount.folder, open, refuse);
  const { index = "index.html", cacheControl, precompressed = [] } = mount;
  if (index !== false && !isFileName(index)) {
    refuse("index", index, "false, or the name of a file without its folder");
  }
  if (cacheControl !== undefined && !isDirective(cacheControl)) {
    refuse("cacheControl", cacheControl, 'a value of Cache-Control, such as "max-age=3600"');
  }
  for (const name of ["listing", "dotfiles", "compression"] as const) {
    const value: unknown = mount[name];
    if (value !== undefined && typeof value !== "boolean") refuse(name, value, "true or false");
  }
  if (!isListOfEndings(precompressed)) {
    refuse("precompressed", precompressed, '"br" and "gz" in an array, each once');
  }
  return {
    path,
    folder,
    index: index === false ? undefined : index,
    cacheControl,
    listing: mount.listing ?? false,
    dotfiles: mount.dotfiles ?? false,
    precompressed,
    compression: mount.compression ?? compresses,
  };
}

/** Returns the path without a slash at its end. */
function checkPath(path: unknown, refuse: Complain): string {
  const allowed = 'a path such as "/" or "/static": decoded, without %, ?, #, \\ or dot segments';
  if (typeof path !== "string" || !path.startsWith("/")) {
    refuse("path", path, allowed);
    return "";
  }
  const trimmed = path.endsWith("/") ? path.slice(0, -1) : path;
  const segments = trimmed.split("/").slice(1);
  // deno-lint-ignore no-control-regex -- no request has them in its path
  const isOdd = /[%?#\\\x00-\x1f\x7f]/.test(path) || !path.isWellFormed();
  if (isOdd || segments.some((each) => each === "" || each === "." || each === "..")) {
    refuse("path", path, allowed);
  }
  return trimmed;
}

function checkFolder(
  folder: unknown,
  open: (folder: string | URL) => Folder,
  refuse: Complain,
): Folder | undefined {
  const isUrl = folder instanceof URL && folder.protocol === "file:";
  if (!isUrl && (typeof folder !== "string" || folder === "" || folder.includes("\0"))) {
    refuse("folder", folder, "the path of a folder, or a file: URL");
    return undefined;
  }
  try {
    return open(folder);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    refuse("folder", String(folder), error.message);
  }
}

function isFileName(name: unknown): name is string {
  return typeof name === "string" && !/^\.{0,2}$/.test(name) && !/[\/\\\0]/.test(name);
}

function isDirective(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "" && isFieldValue(value);
}

function isListOfEndings(value: unknown): value is readonly ("br" | "gz")[] {
  return Array.isArray(value) && value.every((each) => each === "br" || each === "gz") &&
    new Set(value).size === value.length;
}
