/** What a mount has for a request. */

import type { FoundFile } from "../api/folder.ts";
import { line, log } from "../base/log.ts";
import type { FieldLine } from "../core/http/writer.ts";
import { type Listing, listingOf } from "./listings.ts";
import type { CheckedMount } from "./mounts.ts";
import { chooseVariant } from "./precompressed.ts";
import { mediaType } from "./types.ts";
import { type TurnBudget, UNLIMITED } from "../service/turn_budget.ts";

/** What of a request decides. */
export interface MountRequest {
  /** The path, decoded and without dot segments, which is in the mount. */
  readonly path: string;
  /** The target as it was sent. */
  readonly target: string;
  /** The query as it was sent, without its `?`. */
  readonly uriArgs: string;
  readonly acceptEncoding: string | undefined;
}

/** A file of a mount, and how it is served. */
export interface FileOfMount {
  readonly kind: "file";
  readonly file: FoundFile;
  readonly contentType: string;
  /** Whether it is compressed on the way, where that is worth it. */
  readonly isCompressed: boolean;
  readonly fields: readonly FieldLine[];
}

/** What a request is answered with. */
export type MountAnswer =
  | FileOfMount
  /** Nothing: the program may have something. */
  | { readonly kind: "none" }
  | { readonly kind: "redirect"; readonly location: string }
  | { readonly kind: "page"; readonly html: Uint8Array<ArrayBuffer> }
  /** The client accepts none of the forms that there are. */
  | { readonly kind: "unacceptable" }
  /** The system can't tell now, or can't read it, as for want of a descriptor. */
  | { readonly kind: "unavailable" };

const NONE: MountAnswer = { kind: "none" };
const UNAVAILABLE: MountAnswer = { kind: "unavailable" };

/**
 * An encoded slash, a backslash in either form, and `..` in any: a proxy or a file system may read such a
 * path otherwise, and none of them is in a link that a browser follows.
 */
const ODD_PATH = /%2f|%5c|\\|\/(\.|%2e)(\.|%2e)(?:\/|$)/i;

/** A segment that begins with a dot. */
const DOTFILE = /\/\./;

/** RFC 8615: what is there is meant to be found. */
const WELL_KNOWN = "/.well-known/";

/**
 * Looks in a mount for what a GET or HEAD asks for. Never throws or rejects; only a listing takes time.
 *
 * @param budget The turns of the event loop, in which a listing is made.
 */
export function lookUp(
  mount: CheckedMount,
  request: MountRequest,
  budget: TurnBudget = UNLIMITED,
): MountAnswer | Promise<MountAnswer> {
  const answer = find(mount, request, budget);
  log("debug", () => {
    const kind = "kind" in answer ? answer.kind : "page";
    const what = "file" in answer ? answer.file.path : kind;
    return line`mount ${mount.path || "/"}: ${request.path}: ${what}`;
  });
  return answer;
}

function find(
  mount: CheckedMount,
  request: MountRequest,
  budget: TurnBudget,
): MountAnswer | Promise<MountAnswer> {
  const { path } = request;
  const { folder, index } = mount;
  const name = path.slice(mount.path.length);
  if (ODD_PATH.test(request.target.split("?", 1)[0]!)) return NONE;
  if (!mount.dotfiles && hasDotfile(name, mount.path === "")) return NONE;
  if (!name.endsWith("/")) {
    const found = folder.find(name);
    if (found === undefined) return NONE;
    if (found.kind === "file") return fileAnswer(mount, name, found, request);
    if (found.kind === "unavailable") return UNAVAILABLE;
    return { kind: "redirect", location: locationOf(request) };
  }
  if (index !== undefined) {
    const found = folder.find(name + index);
    if (found?.kind === "file") return fileAnswer(mount, name + index, found, request);
    if (found?.kind === "unavailable") return UNAVAILABLE;
  }
  return mount.listing ? listing(mount, path, name, budget) : NONE;
}

function fileAnswer(
  mount: CheckedMount,
  name: string,
  file: FoundFile,
  { acceptEncoding }: MountRequest,
): MountAnswer {
  const { folder, precompressed, cacheControl, compression: isCompressed } = mount;
  let variant = chooseVariant(folder, name, file, precompressed, acceptEncoding);
  if (variant === undefined && isCompressed) variant = { file, coding: undefined, varies: true };
  if (variant === undefined) return { kind: "unacceptable" };
  const fields: FieldLine[] = [];
  if (cacheControl !== undefined) fields.push(["cache-control", cacheControl]);
  if (variant.coding !== undefined) fields.push(["content-encoding", variant.coding]);
  if (variant.varies) fields.push(["vary", "accept-encoding"]);
  return { kind: "file", file: variant.file, contentType: mediaType(name), isCompressed, fields };
}

function listing(
  mount: CheckedMount,
  path: string,
  name: string,
  budget: TurnBudget,
): Promise<MountAnswer> {
  return listingOf(mount, path, name, budget).then(answerWith);
}

function answerWith(listing: Listing): MountAnswer {
  if (listing === 404) return NONE;
  return listing === 503 ? UNAVAILABLE : { kind: "page", html: listing };
}

function hasDotfile(name: string, isRoot: boolean): boolean {
  const isWellKnown = isRoot && name.startsWith(WELL_KNOWN);
  return DOTFILE.test(isWellKnown ? name.slice(WELL_KNOWN.length - 1) : name);
}

/**
 * The same path with a slash. It is written anew from what was understood of it: neither can its begin be
 * taken for a host, nor is there anything in it that could end a line.
 */
function locationOf({ path, uriArgs }: MountRequest): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `${encoded}/${uriArgs === "" ? "" : `?${uriArgs}`}`;
}
