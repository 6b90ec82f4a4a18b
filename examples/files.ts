/**
 * Serves a folder, and a WebSocket beside it on the same port that tells the path of each file which
 * changes: a page that is being worked on can load itself anew.
 *
 *     deno run --allow-net --allow-read examples/files.ts --folder . --port 7686
 *     curl -i http://127.0.0.1:7686/README.md
 */

import { type Context, createContext, handlers, type Protocol } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** The protocol of the news; clients need not say anything. */
const news: Protocol = {
  name: "changes",
  callback: handlers({
    broadcast: (wsi, _user, path) => void wsi.write(path, "text"),
  }),
};

/** A context that serves `folder`, compressed where that is accepted, with a page for each folder without an index. */
export function serveFolder(folder: string, port: number, hostname: string): Context {
  return createContext({
    port,
    iface: hostname,
    protocols: [news],
    compression: true,
    mounts: [{
      path: "/",
      folder,
      listing: true,
      precompressed: ["br", "gz"],
      // Asked for again each time, and answered 304 mostly.
      cacheControl: "no-cache",
    }],
  });
}

/** Tells all clients, until the watcher is closed. */
export async function tellChanges(
  context: Context,
  folder: string,
  watcher: Deno.FsWatcher,
): Promise<void> {
  const root = await Deno.realPath(folder);
  for await (const { kind, paths } of watcher) {
    if (kind === "access") continue;
    for (const path of paths) {
      context.broadcast(news, path.startsWith(root) ? path.slice(root.length) : path);
    }
  }
}

if (import.meta.main) {
  const { options } = readOptions({ port: 7686, hostname: "127.0.0.1", folder: "." });
  const { folder, port, hostname } = options;
  await using context = orEnd(() => serveFolder(folder, port, hostname));
  using watcher = Deno.watchFs(options.folder);
  void tellChanges(context, options.folder, watcher);
  // deno-lint-ignore no-console -- a program's own output
  console.log(`serving http://${options.hostname}:${context.port}/`);
  await untilInterrupted();
}
