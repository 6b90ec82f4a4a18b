/** Calls on files that fail at random. */

import fs from "node:fs";
import type { Dice } from "./dice.ts";
import { systemError } from "./failing.ts";
import type { IsDue } from "./sockets.ts";

const NAMES: Readonly<Record<string, string>> = {
  EACCES: "PermissionDenied",
  ENOENT: "NotFound",
};

/** How a call fails: as it is made, by its promise, or by its last argument. */
type How = "throws" | "rejects" | "calls back";
/** Of each function with which codes; the first argument of those that are made by a path has it. */
type Table = Readonly<Record<string, readonly [How, ...string[]]>>;

const LOOKS = ["EIO", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "ENOENT", "ESTALE"];
const OPENS = ["EIO", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "ENOSPC"];
const BY_PATH: Table = {
  realPathSync: ["throws", ...LOOKS],
  realPath: ["rejects", ...LOOKS],
  statSync: ["throws", ...LOOKS],
  stat: ["rejects", ...LOOKS],
  lstatSync: ["throws", ...LOOKS],
  openSync: ["throws", ...OPENS],
  open: ["rejects", ...OPENS],
  readDir: ["throws", ...LOOKS],
  renameSync: ["throws", "EACCES", "EIO", "ENOSPC", "EXDEV"],
  removeSync: ["throws", "EACCES", "EIO"],
};
const OF_A_FILE: Table = {
  read: ["rejects", "EIO", "ENOMEM", "EISDIR"],
  readSync: ["throws", "EIO", "ENOMEM"],
  write: ["rejects", "ENOSPC", "EDQUOT", "EIO", "EFBIG"],
  seek: ["rejects", "EIO", "ESPIPE"],
  seekSync: ["throws", "EIO", "ESPIPE"],
  stat: ["rejects", "EIO"],
  statSync: ["throws", "EIO"],
};
const OF_NODE: Table = {
  openSync: ["throws", ...OPENS],
  read: ["calls back", "EIO", "ENOMEM"],
  readSync: ["throws", "EIO", "ENOMEM"],
};

type Call = (...args: unknown[]) => unknown;

/**
 * Has all calls on files that the library and the examples make fail when that is due, those by a path only below a
 * folder. What is closed is closed, and then fails. Reads and writes that don't fail are short now and then.
 */
export function failingFiles(dice: Dice, isDue: IsDue, folder: string): Disposable {
  const undo: (() => void)[] = [];
  const put = (owner: object, name: string, make: (real: Call) => Call) => {
    const before = Object.getOwnPropertyDescriptor(owner, name)!;
    const real = (owner as Record<string, Call>)[name]!;
    Object.defineProperty(owner, name, { value: make(real), configurable: true, writable: true });
    undo.push(() => Object.defineProperty(owner, name, before));
  };
  const errorOf = (what: string, codes: readonly string[]) => {
    const code = dice.pick(`${what}'s`, codes);
    return systemError(code, code, NAMES[code]);
  };
  const fail = (owner: object, prefix: string, table: Table, isIt: (first: unknown) => boolean) => {
    for (const [name, [how, ...codes]] of Object.entries(table)) {
      const what = `${prefix}.${name}`;
      put(owner, name, (real) =>
        function (this: unknown, ...args) {
          if (!isIt(args[0]) || !isDue(what, 0.05)) return Reflect.apply(real, this, args);
          const error = errorOf(what, codes);
          if (how === "throws") throw error;
          if (how === "rejects") return Promise.reject(error);
          queueMicrotask(() => (args.at(-1) as Call)(error));
        });
    }
  };
  const isBelow = (path: unknown) => typeof path === "string" && path.startsWith(folder);
  // The innermost first: a call that is short may fail as well.
  for (const name of ["read", "readSync", "write"]) {
    put(Deno.FsFile.prototype, name, (real) =>
      function (this: unknown, bytes) {
        const { length } = bytes as Uint8Array;
        const most = dice.roll(`${name} is short`) < 0.2 ? Math.ceil(length / 3) : length;
        return Reflect.apply(real, this, [(bytes as Uint8Array).subarray(0, most)]);
      });
  }
  put(fs, "read", (real) => (fd, bytes, at, length, ...rest) => {
    const isShort = dice.roll("fs.read is short") < 0.2;
    return real(fd, bytes, at, isShort ? Math.ceil(length as number / 3) : length, ...rest);
  });
  put(Deno.FsFile.prototype, "close", (real) =>
    function (this: unknown) {
      Reflect.apply(real, this, []);
      if (isDue("FsFile.close", 0.05)) throw errorOf("FsFile.close", ["EIO", "ENOSPC"]);
    });
  put(fs, "closeSync", (real) => (fd) => {
    real(fd);
    if (isDue("fs.closeSync", 0.05)) throw errorOf("fs.closeSync", ["EIO"]);
  });
  fail(Deno, "Deno", BY_PATH, isBelow);
  fail(Deno.FsFile.prototype, "FsFile", OF_A_FILE, () => true);
  fail(fs, "fs", OF_NODE, (first) => typeof first === "number" || isBelow(first));
  return {
    [Symbol.dispose]() {
      for (const each of undo.reverse()) each();
    },
  };
}
