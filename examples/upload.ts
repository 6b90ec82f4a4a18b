/**
 * Stores request bodies on disk: `curl -T FILE http://127.0.0.1:7683/NAME`. A disk that is slower
 * than the network stops the reading, so that memory stays small whatever is sent.
 *
 *     deno run --allow-net --allow-read --allow-write examples/upload.ts --folder /tmp/uploads
 */

import { createContext, type Protocol, type Wsi } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** Bytes that may wait for the disk before reading stops. */
const WAITING = 256 * 1024;

interface Upload {
  file: Deno.FsFile | undefined;
  /** What it has until it is whole, and what it is called then. */
  partial: string;
  path: string;
  waiting: Uint8Array[];
  waitingBytes: number;
  received: number;
  isWriting: boolean;
  isWhole: boolean;
  isGone: boolean;
}

const fresh = (): Upload => ({
  file: undefined,
  partial: "",
  path: "",
  waiting: [],
  waitingBytes: 0,
  received: 0,
  isWriting: false,
  isWhole: false,
  isGone: false,
});

/** A protocol that puts the body of `PUT /NAME` and `POST /NAME` into `folder`. */
export function upload(folder: string): Protocol<Upload> {
  return {
    name: "upload",
    perSessionData: fresh,
    callback(wsi, reason, user, data) {
      switch (reason) {
        case "http": {
          if (wsi.method !== "PUT" && wsi.method !== "POST") {
            return wsi.respond(405, "Send a file.", [["allow", "PUT, POST"]]);
          }
          const name = data.slice(1);
          if (!/^[\w-][\w.-]*$/.test(name)) return wsi.respond(400, "Not a file name.");
          try {
            user.path = `${folder}/${name}`;
            // It gets its name when all has come, so that no part of it is taken for the whole.
            user.partial = `${folder}/.${crypto.randomUUID()}`;
            user.file = Deno.openSync(user.partial, { write: true, createNew: true });
          } catch (error) {
            return wsi.respond(statusOf(error), "The file can't be written.");
          }
          return;
        }
        case "httpBody":
          // What comes behind a failure is read, so that the client gets to read the answer.
          if (user.file === undefined) return;
          // The view is only lent.
          user.waiting.push(data.slice());
          user.waitingBytes += data.length;
          user.received += data.length;
          if (user.waitingBytes >= WAITING) wsi.rxFlowControl(false);
          void drain(wsi, user);
          return;
        case "httpBodyCompletion":
          if (user.file === undefined) return;
          user.isWhole = true;
          void drain(wsi, user);
          return;
        case "closedHttp":
          user.isGone = true;
          user.waiting.length = 0;
          if (!user.isWriting) discard(user);
          return;
      }
    },
  };
}

/** Writes what waits, one piece after the other, and answers when all has come. */
async function drain(wsi: Wsi, user: Upload): Promise<void> {
  const { file } = user;
  if (user.isWriting || file === undefined) return;
  user.isWriting = true;
  try {
    for (let piece = user.waiting.shift(); piece !== undefined; piece = user.waiting.shift()) {
      for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
      user.waitingBytes -= piece.length;
      if (user.waitingBytes < WAITING) wsi.rxFlowControl(true);
    }
    if (user.isGone) return discard(user);
    if (!user.isWhole) return;
    file.close();
    user.file = undefined;
    Deno.renameSync(user.partial, user.path);
    const { received } = user;
    Object.assign(user, fresh());
    wsi.respond(201, `Stored ${received} bytes.`);
  } catch (error) {
    discard(user);
    wsi.rxFlowControl(true);
    if (!user.isGone) wsi.respond(statusOf(error), "The file could not be written.");
  } finally {
    user.isWriting = false;
  }
}

/** RFC 4918 section 11.5: 507 is for a disk that is full. */
function statusOf(error: unknown): 500 | 507 {
  return ["ENOSPC", "EDQUOT"].includes((error as { code?: string }).code ?? "") ? 507 : 500;
}

/** Nothing is left of what did not become whole. */
function discard(user: Upload): void {
  const { file, partial } = user;
  if (partial === "") return;
  Object.assign(user, { ...fresh(), isGone: user.isGone });
  try {
    file?.close();
  } catch { /* It is closed. */ }
  try {
    Deno.removeSync(partial);
  } catch { /* It is gone. */ }
}

if (import.meta.main) {
  const { options } = readOptions({ port: 7683, hostname: "127.0.0.1", folder: "." });
  await using context = orEnd(() =>
    createContext({
      port: options.port,
      iface: options.hostname,
      protocols: [upload(options.folder)],
      maxBodySize: 1024 * 1024 * 1024,
    })
  );
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on http://${options.hostname}:${context.port}/NAME`);
  await untilInterrupted();
}
