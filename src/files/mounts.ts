/** Folders that a context serves by itself: what they are, and which one a request's path is in. */

import type { Mount } from "../api/creation_info.ts";
import type { Folder } from "../api/folder.ts";
import { isPlain } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { checkAll, type Checked, flag, type Inquiry, type Rule } from "../base/option_rules.ts";
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

/** What the check of a mount is told beside it. */
interface MountEnvironment {
  /** Opens a folder; throws a TypeError which says what is allowed. */
  readonly open: (folder: string | URL) => Folder;
  /** What a mount does that doesn't say so itself. */
  readonly compresses: boolean;
}

type Ask = Inquiry<MountEnvironment>;

const COMPRESSION = flag("Whether files of this mount are compressed on the way.");

/** The rules of the members of a mount. */
export const MOUNT_RULES = {
  path: {
    kind: "text",
    allowed: 'a path such as "/" or "/static": decoded, without %, ?, #, \\ or dot segments',
    default: "none",
    about: "Where in the server's paths the folder is.",
    check: checkPath,
  },
  folder: {
    kind: "text",
    allowed: "the path of a folder, or a file: URL",
    default: "none",
    about: "The folder, which has to be there.",
    check: checkFolder,
  },
  index: {
    kind: "text",
    allowed: "false, or the name of a file without its folder",
    default: '`"index.html"`',
    about: "What a folder is answered with, if it has a file of that name.",
    check(value = "index.html", ask: Ask): string | undefined {
      if (value === false) return undefined;
      if (!isFileName(value)) ask.refuse(value);
      return value as string;
    },
  },
  cacheControl: {
    kind: "text",
    allowed: 'a value of Cache-Control, such as "max-age=3600"',
    default: "none is sent",
    about: "The `Cache-Control` of the files.",
    check(value, ask: Ask): string | undefined {
      if (value !== undefined && !isDirective(value)) ask.refuse(value);
      return value as string | undefined;
    },
  },
  listing: flag("Whether a folder without an index is answered with a list of what is in it."),
  dotfiles: flag("Whether names that begin with a dot are served and listed."),
  compression: {
    ...COMPRESSION,
    default: "what the context's option says",
    check(value, ask: Ask): boolean {
      return value === undefined ? ask.info.compresses : COMPRESSION.check(value, ask);
    },
  },
  precompressed: {
    kind: "list",
    allowed: '"br" and "gz" in an array, each once',
    default: "`[]`",
    about: "Which files are there compressed already: `app.js.gz` beside `app.js`.",
    check(value = [], ask: Ask): readonly ("br" | "gz")[] {
      if (!isListOfEndings(value)) ask.refuse(value);
      return value as readonly ("br" | "gz")[];
    },
  },
} satisfies Record<keyof Mount, Rule<unknown, MountEnvironment>>;

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
  ask: Inquiry<unknown>,
): readonly CheckedMount[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) {
    ask.refuse(given);
    return [];
  }
  const { problems } = ask;
  const paths = new Set<string>();
  const mounts: CheckedMount[] = [];
  for (const [index, entry] of given.entries()) {
    const part = `[${index}]`;
    const before = problems.length;
    if (typeof entry !== "object" || entry === null) {
      ask.refusePart(part, entry, "an object with a path and a folder");
      continue;
    }
    const prefix = `${ask.field}${part}.`;
    for (const member of isPlain(entry) ? Object.keys(entry) : []) {
      if (Object.hasOwn(MOUNT_RULES, member)) continue;
      problems.push(
        `${prefix}${member} is no member of a mount${didYouMean(member, Object.keys(MOUNT_RULES))}`,
      );
    }
    const mount = checkAll(MOUNT_RULES, entry, { info: { open, compresses }, problems, prefix });
    if (paths.has(mount.path)) ask.refusePart(`${part}.path`, entry.path, "a path used once");
    paths.add(mount.path);
    if (problems.length === before) mounts.push(completed(mount));
  }
  return mounts.sort((a, b) => b.path.length - a.path.length);
}

/** Nothing was wrong with it, so that it has a folder. */
function completed(mount: Checked<typeof MOUNT_RULES>): CheckedMount {
  return { ...mount, folder: mount.folder! };
}

/** Returns the path without a slash at its end. */
function checkPath(path: unknown, ask: Ask): string {
  if (typeof path !== "string" || !path.startsWith("/")) {
    ask.refuse(path);
    return "";
  }
  const trimmed = path.endsWith("/") ? path.slice(0, -1) : path;
  const segments = trimmed.split("/").slice(1);
  // deno-lint-ignore no-control-regex -- no request has them in its path
  const isOdd = /[%?#\\\x00-\x1f\x7f]/.test(path) || !path.isWellFormed();
  if (isOdd || segments.some((each) => each === "" || each === "." || each === "..")) {
    ask.refuse(path);
  }
  return trimmed;
}

function checkFolder(folder: unknown, ask: Ask): Folder | undefined {
  const isUrl = folder instanceof URL && folder.protocol === "file:";
  if (!isUrl && (typeof folder !== "string" || folder === "" || folder.includes("\0"))) {
    ask.refuse(folder);
    return undefined;
  }
  try {
    return ask.info.open(folder);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    ask.refuse(String(folder), error.message);
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
