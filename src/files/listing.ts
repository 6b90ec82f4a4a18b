/** The page that lists what is in a folder. */

import type { FolderContent, FolderEntry } from "../api/folder.ts";

/** How many entries a page has at most: each one costs a look at the disk. */
export const MOST_LISTED = 10_000;

/** Characters of a page, past which no entry is added: names may be long. */
const LONGEST_PAGE = 2 * 1024 * 1024;

const STYLE = "body{font-family:sans-serif;margin:2em}td,th{padding:.2em 1em;text-align:left}" +
  "td:nth-child(2){text-align:right}";

/** Of {@linkcode STYLE}, which alone the page may use; nothing in it runs or loads. */
const STYLE_HASH = "sha256-3z+1M3eP/MXkdoPiz5QItIOw3d5LFHNp/5JjQ0rEhqQ=";

/** The fields of the page, but for its length. */
export const LISTING_FIELDS: readonly (readonly [string, string])[] = [
  ["content-type", "text/html; charset=utf-8"],
  ["x-content-type-options", "nosniff"],
  [
    "content-security-policy",
    `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'; ` +
    "frame-ancestors 'none'",
  ],
];

/** Rows that are made in one go: some 0.5 ms. */
const ROWS_AT_A_TIME = 256;

/**
 * Makes a page with the content of a folder, which the last value is; between the others, which are
 * undefined, something else may be done.
 *
 * @param path The folder's path in the server, decoded, with a slash at its end.
 * @param hasParent Whether there is a folder above it, to go back to.
 */
export function* listingPage(
  path: string,
  content: FolderContent,
  hasParent: boolean,
): Generator<undefined, string> {
  const title = `Index of ${escapeHtml(path)}`;
  let page = "<!doctype html>\n" +
    '<html lang="en"><head><meta charset="utf-8">' +
    `<meta name="viewport" content="width=device-width"><title>${title}</title>` +
    `<style>${STYLE}</style></head>\n<body><h1>${title}</h1>\n` +
    "<table><thead><tr><th>Name</th><th>Size</th><th>Modified</th></tr></thead><tbody>\n";
  if (hasParent) page += '<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n';
  let { isWhole } = content;
  let rows = 0;
  for (const entry of content.entries) {
    if (!entry.name.isWellFormed()) continue;
    if (page.length > LONGEST_PAGE) {
      isWhole = false;
      break;
    }
    page += row(entry);
    if (++rows % ROWS_AT_A_TIME === 0) yield;
  }
  page += "</tbody></table>\n";
  if (!isWhole) page += "<p>There are more than are listed here.</p>\n";
  return page + "</body></html>\n";
}

function row({ name, isFolder, length, mtime }: FolderEntry): string {
  const slash = isFolder ? "/" : "";
  // Behind a dot segment no name can be taken for a scheme (RFC 3986 section 4.2).
  const href = `./${encodeURIComponent(name)}${slash}`;
  const size = isFolder ? "" : String(length);
  // A file system may have times that no Date can hold.
  const isKnown = mtime !== null && !Number.isNaN(mtime.getTime());
  const date = isKnown ? mtime.toISOString().slice(0, -":00.000Z".length).replace("T", " ") : "";
  return `<tr><td><a href="${escapeHtml(href)}">${escapeHtml(name)}${slash}</a></td>` +
    `<td>${size}</td><td>${date}</td></tr>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
