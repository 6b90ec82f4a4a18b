/** What stands at the side of each page: the order of the guide is that of its index. */

import { dirname, join } from "@std/path";
import MarkdownIt, { type Token } from "npm:markdown-it@15";
import { markdownPages, readText } from "./sources.ts";

/** A page at the side. */
export interface Entry {
  readonly title: string;
  readonly url: string;
}

/** Pages below a heading at the side. */
export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

const INDEX = "docs/guide/README.md";

const PROJECT: readonly Entry[] = [
  { title: "Changes", url: "changelog.html" },
  { title: "RFC 6455, rule by rule", url: "conformance.html" },
  { title: "Performance", url: "performance.html" },
  { title: "Measurements", url: "bench.html" },
  { title: "The threat model", url: "threat-model.html" },
  { title: "Under attack", url: "attacks.html" },
  { title: "Security", url: "security.html" },
  { title: "Architecture", url: "architecture.html" },
  { title: "Contributing", url: "contributing.html" },
];

const OVERVIEW: readonly Entry[] = [
  { title: "What it is", url: "index.html" },
  { title: "All pages of the guide", url: "guide/index.html" },
  { title: "Examples", url: "examples/index.html" },
];

const TABLES: readonly Entry[] = [
  { title: "Options", url: "options.html" },
  { title: "Reasons for a callback", url: "reasons.html" },
];

/** All groups; `modules` are the entry points of the API. What the guide's index lists stands there alone. */
export function navigation(modules: readonly Entry[]): Group[] {
  const guide = guideGroups();
  const listed = new Set(guide.flatMap(({ entries }) => entries.map(({ url }) => url)));
  const others = (entries: readonly Entry[]) => entries.filter(({ url }) => !listed.has(url));
  return [
    { title: "Overview", entries: OVERVIEW },
    ...guide,
    { title: "API", entries: [...others(TABLES), ...modules] },
    { title: "Project", entries: others(PROJECT) },
  ];
}

/** The groups of the guide's index: its headings, and the links below each to pages of ours. */
function guideGroups(): Group[] {
  const pages = markdownPages();
  const groups: { title: string; entries: Entry[] }[] = [];
  const seen = new Set<string>();
  const tokens = new MarkdownIt().parse(readText(INDEX), {});
  for (const [i, token] of tokens.entries()) {
    if (token.type === "heading_open" && token.tag === "h2") {
      groups.push({ title: tokens[i + 1]!.content, entries: [] });
    }
    for (const [at, child] of (token.children ?? []).entries()) {
      if (child.type !== "link_open") continue;
      const [path = ""] = String(child.attrGet("href")).split("#");
      const url = pages.get(join(dirname(INDEX), path));
      if (url === undefined || seen.has(url)) continue;
      seen.add(url);
      const title = linkText(token.children!, at + 1);
      groups.at(-1)?.entries.push({ title: title.charAt(0).toUpperCase() + title.slice(1), url });
    }
  }
  return groups.filter(({ entries }) => entries.length > 0);
}

function linkText(children: readonly Token[], from: number): string {
  const end = children.findIndex(({ type }, i) => i >= from && type === "link_close");
  return children.slice(from, end).map(({ content }) => content).join("");
}
