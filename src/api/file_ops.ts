/** File access as a context sees it (`struct lws_plat_file_ops`). */

import type { Wsi } from "./wsi.ts";

/**
 * What is known of a file.
 *
 * @category Files and HTTP
 */
export interface FileStat {
  /** The file's length in bytes, from 0 on; with anything else the file can't be opened. */
  readonly length: number;
  /**
   * When its bytes were modified last, as {@linkcode Deno.FileInfo} has it: for `Last-Modified`, and for
   * an `ETag` where {@linkcode etag} is missing. Left out or null: not known.
   */
  readonly mtime?: Date | null;
  /**
   * Its entity tag, with its quotes: `"v1"`, or `W/"v1"` for a weak one (RFC 9110 section 8.8.3). It has to
   * change whenever the bytes do. One that is malformed is left out, with a line in the log.
   *
   * Default: made of the length and {@linkcode mtime}.
   */
  readonly etag?: string;
}

/**
 * A file that {@linkcode FileOps.open} opened.
 *
 * @category Files and HTTP
 */
export interface OpenFile<Handle = unknown> extends FileStat {
  /** Whatever the other operations need. */
  readonly handle: Handle;
}

/**
 * The file operations of a context (`struct lws_plat_file_ops`), all of which may be asynchronous.
 * Implemented by {@linkcode hostFileOps}, and by programs for virtual file systems and for access rights
 * by connection; called for `wsi.serveHttpFile`, and by programs through {@linkcode Context.fileOps}.
 *
 * @category Files and HTTP
 * @typeParam Handle What names an open file.
 */
export interface FileOps<Handle = unknown> {
  /** Opens a file; throws or rejects when that can't be done. */
  open(
    wsi: Wsi,
    path: string,
    flags: "read" | "readWrite",
  ): OpenFile<Handle> | Promise<OpenFile<Handle>>;
  /**
   * Says what is known of a file without opening it, so that a client that has it already is answered
   * 304 at little cost; throws or rejects like {@linkcode open}, above all where the connection may not
   * open the file. Once `open` alone is replaced, `stat` is not called any more.
   *
   * Default: the file is opened and closed again.
   */
  stat?(wsi: Wsi, path: string): FileStat | Promise<FileStat>;
  /** Closes it. */
  close(wsi: Wsi, handle: Handle): void | Promise<void>;
  /**
   * Moves by `offset` bytes, which may be negative, from where it stands; returns the new position. A file
   * for which it throws, or returns another one, is served whole where a range of it was asked for.
   */
  seekCur(wsi: Wsi, handle: Handle, offset: number): number | Promise<number>;
  /**
   * Reads into `buffer`; returns how many bytes, 0 at the end. A count that it has no room for is a read
   * that fails: the first one of a file is answered 500, any other cuts the connection, as the file's
   * end before its length does. The buffer is the connection's: it must be neither transferred nor
   * kept.
   */
  read(wsi: Wsi, handle: Handle, buffer: Uint8Array): number | Promise<number>;
  /** Writes from `data`; returns how many bytes. */
  write(wsi: Wsi, handle: Handle, data: Uint8Array): number | Promise<number>;
}

const operationsAtOnce = new WeakMap<object, object>();

/** Says how an asynchronous operation is done without waiting; returns the operation. */
export function alsoAtOnce<Operation extends object>(
  operation: Operation,
  atOnce: Operation,
): Operation {
  operationsAtOnce.set(operation, atOnce);
  return operation;
}

/**
 * The operation without waiting, where {@linkcode alsoAtOnce} has said how; else itself. It goes by the
 * function and not by its name, so that one that a program put in its place is never passed by.
 */
export function atOnce<Operation extends object>(operation: Operation): Operation {
  return (operationsAtOnce.get(operation) ?? operation) as Operation;
}

const statsOfOpens = new WeakMap<object, object>();

/**
 * Notes that `stat` of these operations goes with their `open`: a program may replace that one later, to
 * refuse files by connection, and what it refuses must not be answered from the other.
 */
export function pairStat(ops: FileOps): void {
  const { open, stat } = ops;
  if (stat !== undefined && !statsOfOpens.has(stat)) statsOfOpens.set(stat, open);
}

/** The `stat` that goes with the `open` of these operations, if there is one. */
export function statBeside(ops: FileOps): FileOps["stat"] {
  const { open, stat } = ops;
  return stat !== undefined && statsOfOpens.get(stat) === open ? stat : undefined;
}
