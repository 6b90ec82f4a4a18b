/** Puts the script into pages. */

import { SCRIPT_PATH } from "./script.ts";

const TAG = new TextEncoder().encode(`<script src="${SCRIPT_PATH}"></script>\n`);
/** One character a byte, so that places in the text are places in the bytes. */
const latin1 = new TextDecoder("latin1");

/** What a browser asks for when it shows an answer as a page, by `Sec-Fetch-Dest`. */
const PAGES: ReadonlySet<string> = new Set(["document", "iframe", "frame"]);

/** Whether an answer becomes a page, as far as the request tells; browsers without the field don't. */
export function isForPage(fetchDest: string | undefined): boolean {
  return fetchDest === undefined || PAGES.has(fetchDest);
}

/** The page with the script before the end of its body, or at its own end. */
export function withScript(page: Uint8Array): Uint8Array {
  // In UTF-16, which such a page begins with, ASCII would be two bytes a letter.
  const isWide = page[0] === 0xfe && page[1] === 0xff || page[0] === 0xff && page[1] === 0xfe;
  if (isWide) return page;
  const end = latin1.decode(page).toLowerCase().lastIndexOf("</body");
  const at = end < 0 ? page.length : end;
  const whole = new Uint8Array(page.length + TAG.length);
  whole.set(page.subarray(0, at));
  whole.set(TAG, at);
  whole.set(page.subarray(at), at + TAG.length);
  return whole;
}
