/** The protocol of a server whose pages load themselves anew: pages with the script, and their WebSockets. */

import type { FileOps } from "../../api/file_ops.ts";
import type { Folder } from "../../api/folder.ts";
import type { Mount } from "../../api/creation_info.ts";
import type { Protocol } from "../../api/protocol.ts";
import type { Wsi } from "../../api/wsi.ts";
import { describeValue } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { messageOf } from "../../base/log.ts";
import { handlers } from "../../context/handlers.ts";
import { LISTING_FIELDS } from "../../files/listing.ts";
import { lookUp, type MountAnswer } from "../../files/lookup.ts";
import type { CheckedMount } from "../../files/mounts.ts";
import { foundFileOps } from "../../transport/found_files.ts";
import { hostFolder } from "../../transport/host_folder.ts";
import { isForPage, withScript } from "./page.ts";
import { RELOAD_PROTOCOL, SCRIPT, SCRIPT_PATH } from "./script.ts";

/** The topic of what is told to pages. */
export const CHANGES = "changes";

/** A longer page is served as it is. */
const LONGEST_PAGE = 8 * 1024 * 1024;

/** A page is another one each time it is put together, and has no name to be asked for again by. */
const PAGE_FIELDS = [["cache-control", "no-store"]] as const;

const SCRIPT_FIELDS = [
  ["content-type", "text/javascript; charset=utf-8"],
  ["cache-control", "no-cache"],
  ["x-content-type-options", "nosniff"],
] as const;

/**
 * Pages go out with the script in them; everything else the mount answers by itself.
 *
 * @throws {LwsError} `invalid-argument` when its folder can't be served
 */
export function reloadProtocol(mount: Mount): Protocol {
  const pages = mountForPages(mount);
  return {
    name: RELOAD_PROTOCOL,
    callback: handlers({
      filterHttpConnection(wsi, _user, path) {
        const isRead = wsi.method === "GET" || wsi.method === "HEAD";
        if (!isRead || !isForPage(wsi.hdrCopy("sec-fetch-dest"))) return 0;
        const request = { path, target: wsi.rawUri, uriArgs: "", acceptEncoding: undefined };
        const found = lookUp(pages, request);
        return "kind" in found ? answer(wsi, found) : found.then((late) => answer(wsi, late));
      },
      http(wsi, _user, path) {
        if (path === SCRIPT_PATH) return wsi.respond(200, SCRIPT, SCRIPT_FIELDS);
        return wsi.respond(404, "There is no such file.\n");
      },
      filterProtocolConnection: (wsi) => wsi.uri === SCRIPT_PATH ? 0 : 1,
      established: (wsi) => void wsi.subscribe(CHANGES),
    }),
  };
}

/** What the server's own mount becomes of it, as far as pages go. */
function mountForPages({ folder, listing = false }: Mount): CheckedMount {
  return {
    path: "",
    folder: opened(folder),
    index: "index.html",
    cacheControl: undefined,
    listing,
    dotfiles: false,
    precompressed: [],
    compression: false,
  };
}

function opened(folder: string | URL): Folder {
  try {
    return hostFolder(folder);
  } catch (cause) {
    const why = `FOLDER is ${describeValue(String(folder))}; allowed: ${messageOf(cause)}`;
    throw new LwsError("invalid-argument", why, { cause });
  }
}

function answer(wsi: Wsi, found: MountAnswer): 0 | Promise<0> {
  if (found.kind === "page") {
    wsi.respond(200, withScript(found.html), listingFields());
  } else if (found.kind === "file" && /^text\/html\b/.test(found.contentType)) {
    if (found.file.length <= LONGEST_PAGE) return answerPage(wsi, found);
  }
  return 0;
}

async function answerPage(
  wsi: Wsi,
  { file, contentType }: MountAnswer & { readonly kind: "file" },
): Promise<0> {
  let page: Uint8Array;
  try {
    page = await read(wsi, foundFileOps(), file.path);
  } catch {
    return 0; // It has just gone, or may not be read: the mount says so.
  }
  wsi.respond(200, withScript(page), [["content-type", contentType], ...PAGE_FIELDS]);
  return 0;
}

async function read<Handle>(wsi: Wsi, ops: FileOps<Handle>, path: string): Promise<Uint8Array> {
  const { handle, length } = await ops.open(wsi, path, "read");
  try {
    const page = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const count = await ops.read(wsi, handle, page.subarray(at));
      if (count === 0) break;
      at += count;
    }
    return page.subarray(0, at);
  } finally {
    await ops.close(wsi, handle);
  }
}

/** Those of a list, which lets nothing run: but the script. */
function listingFields(): (readonly [string, string])[] {
  return [
    ...LISTING_FIELDS.map(([name, value]) => {
      const isPolicy = name === "content-security-policy";
      const policy = `script-src 'self'; connect-src 'self'; ${value}`;
      return [name, isPolicy ? policy : value] as const;
    }),
    ...PAGE_FIELDS,
  ];
}
