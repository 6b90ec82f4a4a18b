/** Files of the project as they are, with an anchor for each line. */

import { highlighted, lines } from "./highlight.ts";
import { escaped, relativeUrl } from "./html.ts";
import type { Links } from "./links.ts";
import type { Page } from "./page.ts";
import { kindOf, namesIn, readText } from "./sources.ts";

/** The pages of what is linked to; what a folder has is linked to as well. */
export function sourcePages(links: Links): Page[] {
  const pages: Page[] = [];
  // A set that grows while it is gone through is gone through to its end.
  for (const path of links.shown) {
    const url = links.source(path);
    const html = kindOf(path) === "folder" ? folderHtml(path, url, links) : fileHtml(path);
    pages.push({
      url,
      title: path,
      kind: "source",
      html: `<p class="kind">source</p><h1 class="path">${escaped(path)}</h1>${html}`,
      sections: [],
    });
  }
  return pages;
}

function folderHtml(path: string, url: string, links: Links): string {
  const names = namesIn(path).map((name) => {
    const target = links.source(`${path}/${name.replace(/\/$/, "")}`);
    return `<li><a href="${relativeUrl(url, target)}">${escaped(name)}</a></li>`;
  });
  return `<ul>${names.join("")}</ul>`;
}

function fileHtml(path: string): string {
  const language = path.slice(path.lastIndexOf(".") + 1);
  const shown = lines(highlighted(readText(path).trimEnd(), language));
  return `<div class="code numbered"><pre><code>${
    shown.map((line, i) => `<span id="L${i + 1}">${line}\n</span>`).join("")
  }</code></pre></div>`;
}
