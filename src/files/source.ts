/** One open file, read by operations that may be the program's own and may return anything. */

import { atOnce, type FileOps, type FileStat, type OpenFile, statBeside } from "../api/file_ops.ts";
import type { Wsi } from "../api/wsi.ts";
import { lengthOf } from "../base/bytes.ts";
import { describeValue } from "../base/check.ts";
import { describeFailure, line, log } from "../base/log.ts";
import type { OpenFiles } from "./open_files.ts";

/** A read of a piece takes some 20 µs where the host has it in memory, and a disk's some 0.1 to 10 ms. */
const MOST_IN_MEMORY_MS = 0.5;

/** What a file is read by. */
export interface FileAccess {
  /** The connection that asks for the file. */
  readonly wsi: Wsi;
  readonly ops: FileOps;
  /** As the operations understand it. */
  readonly path: string;
  /** Among which it counts while it is open. */
  readonly openFiles: OpenFiles;
}

/**
 * What is known of a file that is not opened for it; undefined where only opening it tells.
 *
 * @throws whatever keeps it from being opened, too
 */
export async function statOf({ wsi, ops, path }: FileAccess): Promise<FileStat | undefined> {
  const stat = statBeside(ops);
  if (stat === undefined) return undefined;
  const known = await atOnce(stat).call(ops, wsi, path);
  checkCount("stat", "length", known.length, Number.MAX_SAFE_INTEGER);
  return known;
}

/** A file that is open, and where in it the next byte is read. */
export class FileSource {
  readonly stat: OpenFile;
  readonly #access: FileAccess;
  #position = 0;
  /** Whether a read took so long that what follows is hardly in the host's memory. */
  #isFetched = false;
  #isOpen = true;

  /** @throws what the operation does, for a length that is none, or when as many as may be are open. */
  static async open(
    access: FileAccess,
    opened?: OpenFile | Promise<OpenFile>,
  ): Promise<FileSource> {
    const { openFiles } = access;
    if (opened === undefined && openFiles.isFull) throw new TooManyFiles();
    openFiles.add();
    let file: OpenFile;
    try {
      file = await (opened ?? FileSource.#openFile(access));
    } catch (error) {
      openFiles.remove();
      throw error;
    }
    const source = new FileSource(access, file);
    try {
      checkCount("open", "length", file.length, Number.MAX_SAFE_INTEGER);
    } catch (error) {
      void source.close();
      throw error;
    }
    return source;
  }

  static #openFile({ wsi, ops, path }: FileAccess): OpenFile | Promise<OpenFile> {
    // To wait for what the host does at once would take many times as long as the work itself.
    return atOnce(ops.open).call(ops, wsi, path, "read");
  }

  private constructor(access: FileAccess, stat: OpenFile) {
    this.#access = access;
    this.stat = stat;
  }

  /** Whether reading is the host's own, which fills as much of a buffer as it says. */
  get isHosts(): boolean {
    const { read } = this.#access.ops;
    return atOnce(read) !== read;
  }

  /** Has the next byte read at `position`. @throws when it does not get there */
  async moveTo(position: number): Promise<void> {
    if (position === this.#position) return;
    const { wsi, ops } = this.#access;
    const offset = position - this.#position;
    const reached = await atOnce(ops.seekCur).call(ops, wsi, this.stat.handle, offset);
    if (reached !== position) {
      throw new TypeError(`seekCur returned ${describeValue(reached)} in place of ${position}`);
    }
    this.#position = position;
  }

  /**
   * Fills `room`, or a part of it; returns how many bytes, 0 at the file's end. What the host has in memory is
   * read without waiting; others go on while a thread reads what it fetches from a disk.
   *
   * @throws what the operation does, or for a count that is none
   */
  async read(room: Uint8Array): Promise<number> {
    const { wsi, ops } = this.#access;
    const operation = this.#isFetched ? ops.read : atOnce(ops.read);
    const start = performance.now();
    const reading = operation.call(ops, wsi, this.stat.handle, room);
    this.#isFetched ||= performance.now() - start > MOST_IN_MEMORY_MS;
    const count = await reading;
    // Nothing is left of a buffer that was transferred.
    checkCount("read", "the count", count, lengthOf(room));
    this.#position += count;
    return count;
  }

  /** Closes it, once; a failure is logged. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { wsi, ops, path, openFiles } = this.#access;
    try {
      await ops.close(wsi, this.stat.handle);
    } catch (error) {
      log("warn", () => line`${path}: ${describeFailure(error)}`);
    } finally {
      openFiles.remove();
    }
  }
}

/** Answered as the system's own failure would be, before new connections are what there is no descriptor for. */
class TooManyFiles extends Error {
  readonly code = "EMFILE";

  constructor() {
    super("as many files as this context may have open are being sent");
  }
}

/** @throws {TypeError} which says what was returned, and what is allowed */
function checkCount(operation: string, what: string, value: unknown, most: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  throw new TypeError(
    `${what} that ${operation} returned is ${
      describeValue(value)
    }; allowed: a whole number from 0 to ${most}`,
  );
}
