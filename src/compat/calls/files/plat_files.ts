/** The `lws_plat_file_` calls: files by the table of a context, done when the call returns, as in C. */

import type { Context } from "../../../api/context.ts";
import type { Wsi } from "../../../api/wsi.ts";
import { LwsError } from "../../../base/errors.ts";
import { fileTable } from "./file_table.ts";
import { LWS_INVALID_FILE, O_RDONLY, O_RDWR } from "../../constants/dec15.ts";
import { attempt } from "../../engine/attempt.ts";
import {
  type Box,
  refuse,
  theBox,
  theBytes,
  theConnection,
  theContext,
  theText,
  theWhole,
} from "../../engine/guards.ts";
import { bytesAt } from "../../engine/pointers.ts";
import { servedOf } from "../../engine/served.ts";
import type { lws_plat_file_ops, Soon } from "../../engine/structs.ts";

/**
 * The file operations of a context, whose entries may be replaced. Those of a context that the main API
 * made are replaced in its `fileOps`.
 */
export function fileTableOf(context: Context): lws_plat_file_ops {
  return attempt("lws_get_fops", null as unknown as lws_plat_file_ops, () => tableOf(context));
}

/** As {@linkcode fileTableOf}; throws when it is no context. */
export function tableOf(context: Context): lws_plat_file_ops {
  return servedOf(theContext(context))?.files.table ?? fileTable(context.fileOps);
}

/**
 * Opens a file by the context's table, which is the host's files unless the program has replaced its
 * entries; needs `--allow-read` for it, and `--allow-write` to write. The program has to close it, by
 * `lws_plat_file_close`.
 *
 * @param filelen Set to the length of the file, in bytes.
 * @param flags `O_RDONLY` or `O_RDWR`.
 * @returns The file, or `LWS_INVALID_FILE`.
 */
export function openFile(
  wsi: Wsi,
  filename: string,
  filelen: Box<number>,
  flags: number,
): unknown {
  return attempt<unknown>("lws_plat_file_open", LWS_INVALID_FILE, () => {
    const table = tableOf(theConnection(wsi).context);
    theText("filename", filename);
    theBox("filelen", filelen);
    if (flags !== O_RDONLY && flags !== O_RDWR) refuse("flags", flags, "O_RDONLY or O_RDWR");
    return done("open", table.open(wsi, filename, filelen, flags), (fd) => {
      // The call has failed by then, so that the program has no handle to close.
      if (fd !== LWS_INVALID_FILE) return table.close(wsi, fd);
    });
  });
}

/** Closes a file by the context's table. 0, or −1 when that failed. */
export function closeFile(wsi: Wsi, fd: unknown): number {
  return attempt(
    "lws_plat_file_close",
    -1,
    () => done("close", tableOf(theConnection(wsi).context).close(wsi, fd)) ?? 0,
  );
}

/** Moves in a file by the context's table; the position, or −1. */
export function seekFile(wsi: Wsi, fd: unknown, offset_from_cur_pos: number): number {
  return attempt("lws_plat_file_seek_cur", -1, () => {
    const table = tableOf(theConnection(wsi).context);
    theWhole("offset_from_cur_pos", offset_from_cur_pos, Number.MIN_SAFE_INTEGER);
    return done("seek_cur", table.seek_cur(wsi, fd, offset_from_cur_pos));
  });
}

/**
 * Reads at most `len` bytes by the context's table, and sets how many; 0 bytes are the end. Returns 0,
 * or −1 when that failed.
 */
export function readFile(
  wsi: Wsi,
  fd: unknown,
  amount: Box<number>,
  buf: Uint8Array,
  len: number,
): number {
  return transfer("read", wsi, fd, amount, buf, len);
}

/** Writes at most `len` bytes by the context's table, and sets how many. 0, or −1 when that failed. */
export function writeFile(
  wsi: Wsi,
  fd: unknown,
  amount: Box<number>,
  buf: Uint8Array,
  len: number,
): number {
  return transfer("write", wsi, fd, amount, buf, len);
}

function transfer(
  entry: "read" | "write",
  wsi: Wsi,
  fd: unknown,
  amount: Box<number>,
  buf: Uint8Array,
  len: number,
): number {
  return attempt(`lws_plat_file_${entry}`, -1, () => {
    const table = tableOf(theConnection(wsi).context);
    theBox("amount", amount);
    bytesAt(theBytes("buf", buf), len);
    return done(entry, table[entry](wsi, fd, amount, buf, len));
  });
}

/**
 * What an entry returned, which no call can wait for.
 *
 * @param undo For what a promise brings too late.
 */
function done<T>(
  entry: keyof lws_plat_file_ops,
  value: Soon<T>,
  undo: (value: T) => unknown = () => {},
): T {
  if (!(value instanceof Promise)) return value;
  // The failure is told below, whatever becomes of it.
  value.then(undo).catch(() => {});
  throw new LwsError(
    "invalid-state",
    `${entry} of the context's file operations returned a promise, which can't be waited for; ` +
      "serve the file with lws_serve_http_file, or have it return the value",
  );
}
