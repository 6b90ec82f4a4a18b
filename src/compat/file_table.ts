/** `struct lws_plat_file_ops` as the file operations of the main API, and the other way round. */

import type { Context } from "../context.ts";
import type { FileOps } from "../file_ops.ts";
import type { Wsi } from "../wsi.ts";
import { LWS_INVALID_FILE, O_RDONLY, O_RDWR } from "./constants/dec15.ts";
import { attempt, attemptSoon } from "./attempt.ts";
import {
  refuse,
  theBox,
  theBytes,
  theConnection,
  theContext,
  theText,
  theWhole,
} from "./guards.ts";
import { type Box, box, bytesAt } from "./pointers.ts";
import { servedOf } from "./served.ts";
import type { lws_plat_file_ops } from "./structs.ts";

/**
 * The file operations of a context, whose entries may be replaced. Those of a context that the main API
 * made are replaced in its `fileOps`.
 */
export function fileTableOf(context: Context): lws_plat_file_ops {
  return attempt("lws_get_fops", null as unknown as lws_plat_file_ops, () => tableOf(context));
}

function tableOf(context: Context): lws_plat_file_ops {
  return servedOf(theContext(context))?.fileTable ?? fileTable(context.fileOps);
}

/** Why the library's own `open` failed last, which C has no way to say. */
const failures = new WeakMap<Wsi, unknown>();

/** A table over file operations of the main API. */
export function fileTable(host: FileOps): lws_plat_file_ops {
  return {
    async open(wsi, filename, filelen, flags) {
      try {
        const mode = flags === O_RDWR ? "readWrite" : "read";
        const { handle, length } = await host.open(wsi as Wsi, filename, mode);
        filelen.value = length;
        return handle;
      } catch (error) {
        failures.set(wsi as Wsi, error);
        return LWS_INVALID_FILE;
      }
    },
    async close(wsi, fd) {
      await host.close(wsi as Wsi, fd);
      return 0;
    },
    async seek_cur(wsi, fd, offset) {
      try {
        return await host.seekCur(wsi as Wsi, fd, offset);
      } catch {
        return -1;
      }
    },
    async read(wsi, fd, amount, buf, len) {
      return await counted(amount, () => host.read(wsi as Wsi, fd, buf.subarray(0, len)));
    },
    async write(wsi, fd, amount, buf, len) {
      return await counted(amount, () => host.write(wsi as Wsi, fd, buf.subarray(0, len)));
    },
  };
}

/** File operations that look into the table each time, as its entries may be replaced. */
export function fileOpsOf(table: lws_plat_file_ops): FileOps {
  return {
    async open(wsi, path, flags) {
      const length = box(0);
      const mode = flags === "readWrite" ? O_RDWR : O_RDONLY;
      failures.delete(wsi as Wsi);
      const handle = await table.open(wsi, path, length, mode);
      if (handle === LWS_INVALID_FILE) {
        throw new Error(`${path} can't be opened`, { cause: failures.get(wsi as Wsi) });
      }
      return { handle, length: length.value };
    },
    async close(wsi, handle) {
      await table.close(wsi, handle);
    },
    async seekCur(wsi, handle, offset) {
      const position = await table.seek_cur(wsi, handle, offset);
      if (position < 0) throw new Error("seek_cur failed");
      return position;
    },
    async read(wsi, handle, buffer) {
      const amount = box(0);
      const result = await table.read(wsi, handle, amount, buffer, buffer.length);
      if (result !== 0) throw new Error("read failed");
      return amount.value;
    },
    async write(wsi, handle, data) {
      const amount = box(0);
      const result = await table.write(wsi, handle, amount, data, data.length);
      if (result !== 0) throw new Error("write failed");
      return amount.value;
    },
  };
}

/** Opens a file by the context's table; its length goes to `filelen`. */
export async function openFile(
  wsi: Wsi,
  filename: string,
  filelen: Box<number>,
  flags: number,
): Promise<unknown> {
  return await attemptSoon<unknown>("lws_plat_file_open", LWS_INVALID_FILE, () => {
    const table = tableOf(theConnection(wsi).context);
    theText("filename", filename);
    theBox("filelen", filelen);
    if (flags !== O_RDONLY && flags !== O_RDWR) refuse("flags", flags, "O_RDONLY or O_RDWR");
    return table.open(wsi, filename, filelen, flags);
  });
}

/** Closes a file by the context's table. */
export async function closeFile(wsi: Wsi, fd: unknown): Promise<number> {
  return await attemptSoon(
    "lws_plat_file_close",
    -1,
    async () => await tableOf(theConnection(wsi).context).close(wsi, fd) ?? 0,
  );
}

/** Moves in a file by the context's table; the position, or −1. */
export async function seekFile(
  wsi: Wsi,
  fd: unknown,
  offset_from_cur_pos: number,
): Promise<number> {
  return await attemptSoon("lws_plat_file_seek_cur", -1, () => {
    const table = tableOf(theConnection(wsi).context);
    theWhole("offset_from_cur_pos", offset_from_cur_pos, Number.MIN_SAFE_INTEGER);
    return table.seek_cur(wsi, fd, offset_from_cur_pos);
  });
}

/** Reads at most `len` bytes by the context's table, and sets how many. 0, or −1. */
export async function readFile(
  wsi: Wsi,
  fd: unknown,
  amount: Box<number>,
  buf: Uint8Array,
  len: number,
): Promise<number> {
  return await attemptSoon("lws_plat_file_read", -1, () => {
    const table = tableOf(theConnection(wsi).context);
    checkTransfer(amount, buf, len);
    return table.read(wsi, fd, amount, buf, len);
  });
}

/** Writes at most `len` bytes by the context's table, and sets how many. 0, or −1. */
export async function writeFile(
  wsi: Wsi,
  fd: unknown,
  amount: Box<number>,
  buf: Uint8Array,
  len: number,
): Promise<number> {
  return await attemptSoon("lws_plat_file_write", -1, () => {
    const table = tableOf(theConnection(wsi).context);
    checkTransfer(amount, buf, len);
    return table.write(wsi, fd, amount, buf, len);
  });
}

function checkTransfer(amount: Box<number>, buf: Uint8Array, len: number): void {
  theBox("amount", amount);
  bytesAt(theBytes("buf", buf), len);
}

async function counted(
  amount: Box<number>,
  transfer: () => number | Promise<number>,
): Promise<number> {
  try {
    amount.value = await transfer();
    return 0;
  } catch {
    amount.value = 0;
    return -1;
  }
}
