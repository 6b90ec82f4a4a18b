/** Files in answer to requests, of which C sent what it could before its call returned. */

import { atOnce, type FileOps, type OpenFile } from "../../../api/file_ops.ts";
import type { Wsi } from "../../../api/wsi.ts";
import { fileOpsOf, fileTable, openBy } from "./file_table.ts";
import { O_RDONLY } from "../../constants/dec15.ts";
import type { lws_plat_file_ops } from "../../engine/structs.ts";
import { answerOf, type FileAnswer } from "../../../files/answer.ts";
import { openFailure } from "../../../transport/file_failure.ts";

/** The longest file that is sent at once, in bytes: longer ones would hold up other connections. */
const AT_ONCE = 64 * 1024;

/** A callback of the main API without the pairing of reasons and data. */
type LooseCallback = (wsi: Wsi, reason: string, user: unknown, data: unknown) => unknown;

/** The files of a context that a C call made. */
export class FileService {
  /** The file operations, whose entries the program may replace from its first callback on. */
  readonly table: lws_plat_file_ops;
  readonly fileOps: FileOps;
  readonly #host: FileOps;
  readonly #made: Readonly<lws_plat_file_ops>;
  /** What is open already, for the transfer that begins next. */
  readonly #opened = new WeakMap<Wsi, OpenFile | Promise<OpenFile>>();

  constructor(host: FileOps) {
    this.#host = host;
    this.table = fileTable(host);
    this.#made = { ...this.table };
    const operations = fileOpsOf(this.table, host);
    const { open } = operations;
    this.fileOps = Object.assign(operations, {
      open: (...given: Parameters<FileOps["open"]>) => {
        const opened = this.#opened.get(given[0]);
        this.#opened.delete(given[0]);
        return opened ?? open(...given);
      },
    });
  }

  /**
   * Serves a file. 1 when it has left whole, and `LWS_CALLBACK_HTTP_FILE_COMPLETION` has come; 0 when it
   * goes on; −1 when it can't be opened, which the peer is told, or there is no request to answer.
   */
  serve(
    wsi: Wsi,
    path: string,
    contentType: string,
    fields: readonly (readonly [string, string])[],
  ): number {
    if (wsi.method === "") return -1;
    let file: OpenFile | Promise<OpenFile>;
    try {
      file = this.#open(wsi, path);
    } catch (error) {
      // As the main API answers what it can't open.
      const status = openFailure(path, error);
      if (wsi.returnHttpStatus(status) === 0) wsi.httpTransactionCompleted();
      return -1;
    }
    if (!(file instanceof Promise) && this.#fits(wsi, file)) {
      const { method } = wsi;
      const field = (name: string) => wsi.hdrCopy(name);
      const answer = answerOf({ path, method, field, contentType, fields }, file, Date.now());
      // What is no whole file is left to the engine, which knows how.
      if (answer.status === 200) return this.#sendWhole(wsi, file, answer.fields);
    }
    this.#opened.set(wsi, file);
    try {
      return wsi.serveHttpFile(path, contentType, fields);
    } finally {
      // The answer was refused, so that no transfer closes the file.
      if (this.#opened.delete(wsi)) {
        void Promise.resolve(file).then(({ handle }) => this.table.close(wsi, handle), () => {});
      }
    }
  }

  #open(wsi: Wsi, path: string): OpenFile | Promise<OpenFile> {
    if (this.table.open === this.#made.open) return atOnce(this.#host.open)(wsi, path, "read");
    return openBy(this.table, wsi, path, O_RDONLY);
  }

  /** Whether a file can leave before the call returns, as far as it can be read without waiting. */
  #fits(wsi: Wsi, { length }: OpenFile): boolean {
    return length <= AT_ONCE && !wsi.sendPipeChoked && this.table.read === this.#made.read;
  }

  #sendWhole(wsi: Wsi, file: OpenFile, described: FileAnswer["fields"]): number {
    let bytes: Uint8Array;
    try {
      bytes = this.#read(wsi, file);
    } finally {
      void this.table.close(wsi, file.handle);
    }
    const fields = described.filter(([name]) => name !== "content-length");
    const framed = [["content-length", String(bytes.length)] as const, ...fields];
    if (wsi.writeHttpHeaders(200, framed) !== 0) return -1;
    if (bytes.length > 0 && wsi.write(bytes, "http") < 0) return -1;
    const { protocol } = wsi;
    (protocol.callback as LooseCallback)(wsi, "httpFileCompletion", wsi.user, undefined);
    wsi.httpTransactionCompleted();
    return 1;
  }

  /** All of a file; less when it has shrunk meanwhile. */
  #read(wsi: Wsi, { handle, length }: OpenFile): Uint8Array {
    const bytes = new Uint8Array(length);
    let end = 0;
    while (end < length) {
      const count = atOnce(this.#host.read)(wsi, handle, bytes.subarray(end));
      if (typeof count !== "number" || count <= 0) break;
      end += count;
    }
    return bytes.subarray(0, end);
  }
}
