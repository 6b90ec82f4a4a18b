/** Where the links of the sources lead on the site. */

import { dirname, join } from "@std/path";
import { relativeUrl } from "./html.ts";
import { kindOf, markdownPages } from "./sources.ts";

const IMAGE = /\.(?:png|svg)$/;

/** Turns links between files into links between pages, and remembers which further files they need. */
export class Links {
  readonly #pages = markdownPages();
  /** Pictures to copy. */
  readonly pictures = new Set<string>();
  /** Files and folders that are shown as they are. */
  readonly shown = new Set<string>();
  /** Links that lead nowhere. */
  readonly broken: string[] = [];

  /** The Markdown files and their addresses. */
  get pages(): ReadonlyMap<string, string> {
    return this.#pages;
  }

  /** A link of the file `path`, whose page is `url`. */
  resolve(path: string, url: string, href: string): string {
    if (/^(?:[a-z]+:|#)/.test(href)) return href;
    const [file = "", hash] = href.split("#");
    const target = join(dirname(path), decodeURIComponent(file)).replace(/\/$/, "");
    return relativeUrl(url, `${this.#urlOf(target, path)}${hash === undefined ? "" : `#${hash}`}`);
  }

  /** The page that shows a file or a folder of the project as it is. */
  source(path: string): string {
    this.shown.add(path);
    return kindOf(path) === "folder" ? `source/${path}/index.html` : `source/${path}.html`;
  }

  #urlOf(target: string, from: string): string {
    const page = this.#pages.get(target);
    if (page !== undefined) return page;
    if (kindOf(target) === undefined) {
      this.broken.push(`${from}: ${target} is not there`);
      return target;
    }
    if (!IMAGE.test(target)) return this.source(target);
    this.pictures.add(target);
    return `assets/${target}`;
  }
}

/** Links of finished pages that lead to no page of the site, or to no anchor there. */
export function brokenLinks(
  pages: ReadonlyMap<string, string>,
  others: ReadonlySet<string>,
): string[] {
  const anchors = new Map<string, Set<string>>();
  for (const [url, html] of pages) {
    anchors.set(url, new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id!)));
  }
  const broken: string[] = [];
  for (const [url, html] of pages) {
    for (const [, href] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(href!)) continue;
      const [path = "", hash] = href!.split("#");
      const target = path === "" ? url : join(dirname(url), path);
      const known = anchors.get(target);
      if (
        known === undefined ? !others.has(target) : hash && !known.has(decodeURIComponent(hash))
      ) {
        broken.push(`${url}: ${href}`);
      }
    }
  }
  return broken;
}
