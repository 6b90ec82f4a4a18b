/** File access as a context sees it (`struct lws_plat_file_ops`). */

import type { Wsi } from "./wsi.ts";

/** A file that {@linkcode FileOps.open} opened. */
export interface OpenFile<Handle = unknown> {
  /** Whatever the other operations need. */
  readonly handle: Handle;
  /** The file's length in bytes, from 0 on; with anything else the file can't be opened. */
  readonly length: number;
}

/**
 * The file operations of a context, all of which may be asynchronous. Users replace them for virtual
 * file systems and for access rights by connection.
 *
 * @typeParam Handle What names an open file.
 */
export interface FileOps<Handle = unknown> {
  /** Opens a file; throws or rejects when that can't be done. */
  open(
    wsi: Wsi,
    path: string,
    flags: "read" | "readWrite",
  ): OpenFile<Handle> | Promise<OpenFile<Handle>>;
  /** Closes it. */
  close(wsi: Wsi, handle: Handle): void | Promise<void>;
  /** Moves by `offset` bytes from where it stands; returns the new position. */
  seekCur(wsi: Wsi, handle: Handle, offset: number): number | Promise<number>;
  /**
   * Reads into `buffer`; returns how many bytes, 0 at the end. A count that it has no room for cuts the
   * connection, as a read that fails does. The buffer is the connection's: it must not be transferred.
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
 * The operation without waiting, where somebody said how; else itself. It goes by the function and
 * not by its name, so that one that a program put in its place is never passed by.
 */
export function atOnce<Operation extends object>(operation: Operation): Operation {
  return (operationsAtOnce.get(operation) ?? operation) as Operation;
}
