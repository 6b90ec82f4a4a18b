/**
 * Serves files that live in memory only: `GET /NAME` reads one, `POST /NAME` puts what it sends at the
 * end of one, and clients of other hosts may only read. All goes through the file operations of the
 * context, which a program can replace by its own: an archive, a database, a bucket.
 *
 *     deno run --allow-net examples/virtual_files.ts --port 7684
 *     curl --data-binary 'I was here.' http://127.0.0.1:7684/guests
 */

import { createContext, type FileOps, type FileStat, type Protocol, type Wsi } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** The longest file. */
const LARGEST = 1024 * 1024;

/** A file: its bytes, which grow as it is written, and when that was. */
interface MemoryFile {
  bytes: Uint8Array;
  mtime: Date;
}

/** An open file: where in it the next byte is read or written. */
interface Handle {
  readonly file: MemoryFile;
  readonly mayWrite: boolean;
  isOpen: boolean;
  position: number;
}

/** File operations on `files`, by path. */
export function memoryFiles(files: Map<string, MemoryFile>): FileOps<Handle> {
  return {
    open(wsi, path, flags) {
      const mayWrite = flags === "readWrite";
      if (mayWrite && !isLocal(wsi)) throw new Error(`${path}: only this host may write`);
      let file = files.get(path);
      if (file === undefined) {
        if (!mayWrite) throw new Error(`${path}: no such file`);
        file = { bytes: new Uint8Array(0), mtime: new Date() };
        files.set(path, file);
      }
      return { handle: { file, mayWrite, isOpen: true, position: 0 }, ...statOf(file) };
    },
    stat(_wsi, path) {
      const file = files.get(path);
      if (file === undefined) throw new Error(`${path}: no such file`);
      return statOf(file);
    },
    close(_wsi, handle) {
      handle.isOpen = false;
    },
    seekCur(_wsi, handle, offset) {
      mustBeOpen(handle);
      const position = handle.position + offset;
      if (position < 0) throw new RangeError("before the file's begin");
      handle.position = position;
      return position;
    },
    read(_wsi, handle, buffer) {
      mustBeOpen(handle);
      const { file, position } = handle;
      const piece = file.bytes.subarray(position, position + buffer.length);
      buffer.set(piece);
      handle.position += piece.length;
      return piece.length;
    },
    write(_wsi, handle, data) {
      mustBeOpen(handle);
      const { file, position } = handle;
      const end = position + data.length;
      if (!handle.mayWrite) throw new Error("opened for reading");
      if (end > LARGEST) throw new RangeError(`more than ${LARGEST} bytes`);
      if (end > file.bytes.length) {
        const grown = new Uint8Array(end);
        grown.set(file.bytes);
        file.bytes = grown;
      }
      file.bytes.set(data, position);
      file.mtime = new Date();
      handle.position = end;
      return data.length;
    },
  };
}

/** What a client's copy is compared with: the length and the time make an `ETag`. */
function statOf({ bytes, mtime }: MemoryFile): FileStat {
  return { length: bytes.length, mtime };
}

function mustBeOpen(handle: Handle): void {
  if (!handle.isOpen) throw new Error("the file is closed");
}

function isLocal(wsi: Wsi): boolean {
  return ["127.0.0.1", "::1"].includes(wsi.peerAddresses.ip);
}

/** Reads files of the context, and adds to them once the whole of a body has come. */
export const virtualFiles: Protocol<{ body: Uint8Array<ArrayBuffer>[] }> = {
  name: "virtual-files",
  perSessionData: () => ({ body: [] }),
  callback(wsi, reason, user, data) {
    switch (reason) {
      case "http":
        if (wsi.method === "GET" || wsi.method === "HEAD") return wsi.serveHttpFile(data);
        user.body = [];
        return wsi.method === "POST"
          ? undefined
          : wsi.respond(405, "GET or POST.", [["allow", "GET, HEAD, POST"]]);
      case "httpBody":
        // The view is only lent.
        user.body.push(new Uint8Array(data));
        return;
      case "httpBodyCompletion":
        if (wsi.method === "POST") void append(wsi, user.body);
        return;
    }
  },
};

async function append(wsi: Wsi, pieces: Uint8Array<ArrayBuffer>[]): Promise<void> {
  const { fileOps } = wsi.context;
  try {
    const { handle, length } = await fileOps.open(wsi, wsi.uri, "readWrite");
    try {
      await fileOps.seekCur(wsi, handle, length);
      // In one, so that what is too large leaves nothing behind.
      await fileOps.write(wsi, handle, await new Blob(pieces).bytes());
    } finally {
      await fileOps.close(wsi, handle);
    }
    wsi.respond(201, "Written.");
  } catch (error) {
    wsi.respond(403, error instanceof RangeError ? "It is too large." : "It may not be written.");
  }
}

if (import.meta.main) {
  const { options } = readOptions({ port: 7684, hostname: "127.0.0.1" });
  const hello = new TextEncoder().encode("Hello from memory.\n");
  await using context = orEnd(() =>
    createContext({
      port: options.port,
      iface: options.hostname,
      fileOps: memoryFiles(new Map([["/", { bytes: hello, mtime: new Date() }]])),
      maxBodySize: LARGEST,
      protocols: [virtualFiles],
    })
  );
  // deno-lint-ignore no-console -- a program's own output
  console.log(`serving http://${options.hostname}:${context.port}/`);
  await untilInterrupted();
}
