/** `struct lws_plat_file_ops` as the file operations of the main API, and the other way round. */

import { atOnce, type FileOps, type OpenFile } from "../../../api/file_ops.ts";
import type { Wsi } from "../../../api/wsi.ts";
import { LWS_INVALID_FILE, O_RDONLY, O_RDWR } from "../../constants/dec15.ts";
import type { Box } from "../../engine/guards.ts";
import { box } from "../../engine/pointers.ts";
import type { lws_plat_file_ops, Soon } from "../../engine/structs.ts";

/** A table over file operations of the main API; what they can do without waiting it does so. */
export function fileTable(host: FileOps): lws_plat_file_ops {
  return {
    open(wsi, filename, filelen, flags) {
      const mode = flags === O_RDWR ? "readWrite" : "read";
      return outcome(
        () => atOnce(host.open)(wsi as Wsi, filename, mode),
        ({ handle, length }) => {
          filelen.value = length;
          return handle;
        },
        () => LWS_INVALID_FILE,
      );
    },
    close(wsi, fd) {
      return outcome(() => host.close(wsi as Wsi, fd), () => 0, () => -1);
    },
    seek_cur(wsi, fd, offset) {
      return outcome(() => atOnce(host.seekCur)(wsi as Wsi, fd, offset), (at) => at, () => -1);
    },
    read(wsi, fd, amount, buf, len) {
      const room = buf.subarray(0, len);
      return counted(amount, () => atOnce(host.read)(wsi as Wsi, fd, room));
    },
    write(wsi, fd, amount, buf, len) {
      const data = buf.subarray(0, len);
      return counted(amount, () => atOnce(host.write)(wsi as Wsi, fd, data));
    },
  };
}

/**
 * File operations that look into the table each time, as its entries may be replaced. Entries that a
 * program left as they were, and that would hold up other connections, are done by the host without
 * blocking.
 *
 * @param table A `fileTable` of `host`, as it was made.
 */
export function fileOpsOf(table: lws_plat_file_ops, host: FileOps): FileOps {
  const made = { ...table };
  return {
    open(wsi, path, flags) {
      if (table.open === made.open) return host.open(wsi, path, flags);
      return openBy(table, wsi, path, flags === "readWrite" ? O_RDWR : O_RDONLY);
    },
    async close(wsi, handle) {
      await table.close(wsi, handle);
    },
    async seekCur(wsi, handle, offset) {
      if (table.seek_cur === made.seek_cur) return host.seekCur(wsi, handle, offset);
      const position = await table.seek_cur(wsi, handle, offset);
      if (position < 0) throw new Error("seek_cur failed");
      return position;
    },
    async read(wsi, handle, buffer) {
      if (table.read === made.read) return host.read(wsi, handle, buffer);
      const amount = box(0);
      const result = await table.read(wsi, handle, amount, buffer, buffer.length);
      if (result !== 0) throw new Error("read failed");
      return amount.value;
    },
    async write(wsi, handle, data) {
      if (table.write === made.write) return host.write(wsi, handle, data);
      const amount = box(0);
      const result = await table.write(wsi, handle, amount, data, data.length);
      if (result !== 0) throw new Error("write failed");
      return amount.value;
    },
  };
}

/**
 * Opens a file by the table's entry, at once when that is done at once.
 *
 * @throws {Error} when it can't be opened.
 */
export function openBy(
  table: lws_plat_file_ops,
  wsi: Wsi,
  path: string,
  flags: number,
): Soon<OpenFile> {
  const length = box(0);
  const opened = (handle: unknown): OpenFile => {
    if (handle === LWS_INVALID_FILE) throw new Error(`${path} can't be opened`);
    return { handle, length: length.value };
  };
  const handle = table.open(wsi, path, length, flags);
  return handle instanceof Promise ? handle.then(opened) : opened(handle);
}

function counted(amount: Box<number>, transfer: () => Soon<number>): Soon<number> {
  return outcome(
    transfer,
    (count) => {
      amount.value = count;
      return 0;
    },
    () => {
      amount.value = 0;
      return -1;
    },
  );
}

/** What C would return of an operation: at once when it is done at once. */
function outcome<T, Result>(
  operation: () => Soon<T>,
  onDone: (value: T) => Result,
  onFailed: () => Result,
): Soon<Result> {
  try {
    const value = operation();
    return value instanceof Promise ? value.then(onDone).catch(onFailed) : onDone(value);
  } catch {
    return onFailed();
  }
}
