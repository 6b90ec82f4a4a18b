/** What all pages have around their content. */

import { escaped, relativeUrl } from "./html.ts";
import type { Group } from "./navigation.ts";
import type { Page } from "./page.ts";

/** What is the same on all pages. */
export interface Site {
  readonly name: string;
  readonly version: string;
  readonly groups: readonly Group[];
}

/** Before anything is painted: the choice of light or dark, and that there is a script. */
const EARLY = `document.documentElement.classList.add("js");` +
  `try{const t=localStorage.getItem("theme");if(t)document.documentElement.dataset.theme=t}catch{}`;

const SUN =
  `<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="4"/><path d="M12 2v3M12 19v3M2 12h3M19 12h3M4.9 4.9 7 7M17 17l2.1 2.1M4.9 19.1 7 17M17 7l2.1-2.1"/></svg>`;
const BARS =
  `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h16M4 12h16M4 17h16"/></svg>`;

/** A whole document. */
export function documentHtml(page: Page, site: Site): string {
  const to = (url: string) => relativeUrl(page.url, url);
  const isStart = page.url === "index.html";
  const title = isStart
    ? `${site.name}: HTTP and WebSocket on one port`
    : `${page.title} · ${site.name}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<meta name="description" content="${escaped(descriptionOf(page))}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${to("assets/icon.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="${to("assets/style.css")}">
<script>${EARLY}</script>
<script type="module" src="${to("assets/site.js")}"></script>
</head>
<body class="${isStart ? "start" : page.kind}" data-root="${
    to("index.html").replace(/index\.html$/, "")
  }">
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<button type="button" class="menu icon" aria-expanded="false" aria-controls="side" aria-label="Menu">${BARS}</button>
<a class="brand" href="${to("index.html")}"><span>@x/</span>lws</a>
<span class="version">${escaped(site.version)}</span>
<div class="search" role="search">
<input type="search" id="search" placeholder="Search" aria-label="Search the guide and the API" aria-keyshortcuts="/" role="combobox" aria-expanded="false" aria-controls="hits" aria-autocomplete="list" autocomplete="off" autocapitalize="off" spellcheck="false">
<kbd aria-hidden="true">/</kbd>
<div id="hits" role="listbox" aria-label="Hits" hidden></div>
<p class="quiet" role="status" aria-live="polite"></p>
</div>
<nav class="links" aria-label="Main"><a href="${to("guide/index.html")}">Guide</a><a href="${
    to(`api/lws/index.html`)
  }">API</a><a href="${to("examples/index.html")}">Examples</a></nav>
<button type="button" class="theme icon" aria-label="Light or dark">${SUN}</button>
</header>
<div class="frame">
${sideHtml(page, site.groups)}
<main id="content" tabindex="-1">
${isStart ? startHtml(page.html, site, to) : `<article>${page.html}</article>`}
${neighboursHtml(page, site.groups)}
</main>
${tocHtml(page)}
</div>
<footer><p>${escaped(site.name)} ${escaped(site.version)} · <a href="${
    to("source/LICENSE.html")
  }">MIT</a> · <a href="${to("changelog.html")}">Changes</a> · <a href="${
    to("security.html")
  }">Security</a> · <a href="${to("contributing.html")}">Contributing</a></p></footer>
</body>
</html>
`;
}

function sideHtml(page: Page, groups: readonly Group[]): string {
  const lists = groups.map(({ title, entries }) => {
    const items = entries.map(({ title, url }) => {
      const isHere = url === page.url;
      const isAbove = url.startsWith("api/") &&
        page.url.startsWith(url.replace(/index\.html$/, ""));
      const mark = isHere ? ` aria-current="page"` : isAbove ? ` aria-current="true"` : "";
      return `<li><a href="${relativeUrl(page.url, url)}"${mark}>${escaped(title)}</a></li>`;
    });
    return `<p class="group">${escaped(title)}</p><ul>${items.join("")}</ul>`;
  });
  return `<nav class="side" id="side" aria-label="Pages">${lists.join("\n")}</nav>`;
}

/** The README's beginning, large, with the groups of the guide below. */
function startHtml(html: string, { groups }: Site, to: (url: string) => string): string {
  const end = html.indexOf(`<div class="heading"><h2`);
  const hero = html.slice(0, end).replace(`loading="lazy"`, `fetchpriority="high"`);
  const at = hero.indexOf("<p><img");
  const [words, picture] = at < 0 ? [hero, ""] : [hero.slice(0, at), hero.slice(at)];
  const cards = groups.filter(({ entries }) =>
    entries.some(({ url }) => url.startsWith("guide/") && !url.endsWith("index.html"))
  )
    .map(({ title, entries }) => {
      const items = entries.map((each) =>
        `<li><a href="${to(each.url)}">${escaped(each.title)}</a></li>`
      );
      return `<div class="card"><h3>${escaped(title)}</h3><ul>${items.join("")}</ul></div>`;
    });
  return `<div class="hero"><div>${words}
<p class="actions"><a class="button first" href="${
    to("guide/index.html")
  }">Read the guide</a><a class="button" href="${
    to("api/lws/index.html")
  }">API</a><a class="button" href="${to("examples/index.html")}">Examples</a></p></div>
${picture}</div>
<article>${html.slice(end)}</article>
<section class="cards" aria-labelledby="whole-guide"><h2 id="whole-guide">The guide at a glance</h2><div>${
    cards.join("")
  }</div></section>`;
}

function neighboursHtml(page: Page, groups: readonly Group[]): string {
  const entries = groups.flatMap((group) => group.entries).filter(({ url }) =>
    url.startsWith("guide/")
  );
  const at = entries.findIndex(({ url }) => url === page.url);
  if (at < 0) return "";
  const link = (index: number, rel: string, text: string) => {
    const entry = entries[index];
    if (entry === undefined) return "<span></span>";
    return `<a rel="${rel}" href="${relativeUrl(page.url, entry.url)}"><small>${text}</small>${
      escaped(entry.title)
    }</a>`;
  };
  return `<nav class="neighbours" aria-label="Before and after">${link(at - 1, "prev", "Before")}${
    link(at + 1, "next", "Next")
  }</nav>`;
}

function tocHtml({ sections, url }: Page): string {
  const shown = sections.filter(({ level, id }) => id !== "" && (level === 2 || level === 3));
  if (shown.length < 2 || url === "index.html") return "";
  const items = shown.map(({ id, level, heading }) => {
    // Of `Wsi.write` in the list of Wsi, the name of the member.
    const name = url.startsWith("api/") ? heading.slice(heading.lastIndexOf(".") + 1) : heading;
    return `<li class="level-${level}"><a href="#${id}">${escaped(name)}</a></li>`;
  });
  return `<nav class="toc" aria-label="On this page"><p class="group">On this page</p><ul>${
    items.join("")
  }</ul></nav>`;
}

function descriptionOf({ sections, title }: Page): string {
  const text = sections.find((section) => section.text.trim() !== "")?.text ?? title;
  return text.replace(/\s+/g, " ").trim().slice(0, 200);
}
