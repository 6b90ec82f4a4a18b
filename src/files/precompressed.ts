/** Files that lie beside others in a compressed form. */

import type { Folder, FoundFile } from "../api/folder.ts";
import { acceptedCodings, type ContentCoding } from "../core/http/accept_encoding.ts";

/** The endings of names, and the content codings that they mean (RFC 1952, RFC 7932). */
const CODINGS = { br: "br", gz: "gzip" } as const satisfies Record<string, ContentCoding>;

/** What of a file is sent. */
export interface Variant {
  readonly file: FoundFile;
  /** What it is compressed with; undefined for the file itself. */
  readonly coding: ContentCoding | undefined;
  /** Whether others would be sent to other clients, which caches have to know. */
  readonly varies: boolean;
}

/**
 * Chooses between a file and its compressed forms; undefined when the client accepts none of them.
 *
 * @param name The file's name in `folder`.
 * @param endings Which forms there may be, the most wanted first.
 * @param acceptEncoding The field of the request.
 */
export function chooseVariant(
  folder: Folder,
  name: string,
  file: FoundFile,
  endings: readonly ("br" | "gz")[],
  acceptEncoding: string | undefined,
): Variant | undefined {
  if (endings.length === 0) return { file, coding: undefined, varies: false };
  const offered = endings.map((ending) => CODINGS[ending]);
  const { codings, acceptsIdentity } = acceptedCodings(acceptEncoding, offered);
  const wanted = [...codings, ...offered.filter((coding) => !codings.includes(coding))];
  for (const [index, coding] of wanted.entries()) {
    const ending = endings[offered.indexOf(coding)]!;
    const form = folder.find(`${name}.${ending}`);
    if (form?.kind !== "file") continue;
    if (index < codings.length) return { file: form, coding, varies: true };
    return acceptsIdentity ? { file, coding: undefined, varies: true } : undefined;
  }
  // RFC 9110 section 12.5.3 leaves it to the server to answer with what there is.
  return { file, coding: undefined, varies: false };
}
