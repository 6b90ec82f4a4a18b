/** Markdown as pages: headings with GitHub's anchors, programs in colours, and the parts that a search finds. */

import GithubSlugger from "npm:github-slugger@2";
import MarkdownIt, { type Token } from "npm:markdown-it@15";
import { drawing } from "./drawing.ts";
import { highlighted } from "./highlight.ts";
import { escaped } from "./html.ts";
import type { Section } from "./page.ts";

type Markdown = InstanceType<typeof MarkdownIt>;

/** What a text is rendered with. */
export interface Rendering {
  /** Where a link leads on the site. */
  readonly resolve: (href: string) => string;
  /** Whether programs get colours and drawings are drawn; a search needs neither. */
  readonly hasColours?: boolean;
  /** Whether each row of a table below heads is found by itself: those of names, each with what is said of it. */
  readonly hasRows?: boolean;
}

/** What a text became. */
export interface Rendered {
  readonly html: string;
  /** The first heading of the first level. */
  readonly title: string;
  readonly sections: Section[];
}

/** The level of a row without an anchor of its own. */
export const ROW = -1;

const ROW_ANCHOR = /^<a id="([^"]+)">$/;

/** A whole file. */
export function renderMarkdown(text: string, rendering: Rendering): Rendered {
  const markdown = renderer(rendering);
  const tokens = markdown.parse(text, {});
  const slugger = new GithubSlugger();
  const rows: Section[] = rendering.hasRows === true ? rowsOf(tokens) : [];
  const sections: Section[] = [{ id: "", level: 1, heading: "", text: "", code: "" }];
  let title = "";
  for (const [i, token] of tokens.entries()) {
    if (token.type === "heading_open") {
      const heading = plain(tokens[i + 1]!);
      const id = slugger.slug(heading);
      token.attrSet("id", id);
      const level = Number(token.tag.slice(1));
      if (level === 1 && title === "") title = heading;
      sections.push({ id, level, heading, text: "", code: "" });
    } else if (token.type === "inline" && tokens[i - 1]?.type !== "heading_open") {
      const id = rowAnchor(token);
      if (id !== undefined) {
        sections.push({ id, level: 0, heading: plain(token), text: "", code: "" });
      }
      sections.at(-1)!.text += `${plain(token)} `;
    } else if (token.type === "fence" && token.info !== "mermaid") {
      sections.at(-1)!.code += `${token.content} `;
    } else if (token.type === "table_close") {
      // What follows a table with anchors belongs to the heading again.
      const above = sections.findLast(({ level }) => level > 0)!;
      if (above !== sections.at(-1)) sections.push({ ...above, text: "", code: "" });
    }
  }
  return {
    html: markdown.renderer.render(withoutEmptyHeads(tokens), markdown.options, {}),
    title,
    sections: [...merged(sections), ...rows],
  };
}

/** A comment in the code, whose headings and anchors count for nothing. */
export function renderComment(text: string, rendering: Rendering): string {
  const markdown = renderer(rendering);
  return markdown.render(text);
}

function renderer({ resolve, hasColours = true }: Rendering): Markdown {
  const markdown = new MarkdownIt({ html: true });
  const { rules } = markdown.renderer;
  rules.fence = (tokens, i) => {
    const { content, info } = tokens[i]!;
    if (info === "mermaid" && hasColours) return drawnBelow(tokens, i);
    return codeBlock(content, info.split(" ")[0]!, hasColours);
  };
  rules.code_inline = (tokens, i) => `<code>${breakable(tokens[i]!.content)}</code>`;
  rules.code_block = (tokens, i) => codeBlock(tokens[i]!.content, "", hasColours);
  rules.table_open = (tokens, i) => {
    const count = labelCells(tokens, i);
    // Where there is little room, each row of such a table becomes a list.
    const name = count < 3 || count > 6 ? "" : count < 5 ? ` class="stack"` : ` class="stack wide"`;
    return `<div class="table"><table${name}>\n`;
  };
  rules.table_close = () => `</table></div>\n`;
  rules.heading_open = (tokens, i) =>
    `<div class="heading"><${tokens[i]!.tag} id="${tokens[i]!.attrGet("id") ?? ""}">`;
  rules.heading_close = (tokens, i) => {
    const open = tokens[i - 2]!;
    const name = escaped(plain(tokens[i - 1]!));
    const link = open.tag === "h1" ? "" : anchorLink(String(open.attrGet("id")), name);
    return `</${open.tag}>${link}</div>\n`;
  };
  rules.link_open = (tokens, i, options, _env, self) => {
    const token = tokens[i]!;
    token.attrSet("href", resolve(String(token.attrGet("href"))));
    return self.renderToken(tokens, i, options);
  };
  rules.image = (tokens, i) => {
    const token = tokens[i]!;
    const source = resolve(String(token.attrGet("src")));
    return `<img src="${escaped(source)}" alt="${escaped(token.content)}" loading="lazy">`;
  };
  return markdown;
}

/** The link beside a heading, to the heading. */
export function anchorLink(id: string, name: string): string {
  return `<a class="anchor" href="#${id}" aria-label="Link to ${name}">#</a>`;
}

/** A program, with what the script needs to put a button to it. */
export function codeBlock(code: string, language: string, hasColours = true): string {
  const shown = hasColours ? highlighted(code.trimEnd(), language) : escaped(code);
  return `<div class="code"><pre><code>${shown}</code></pre></div>\n`;
}

/** Code whose names may be broken where their parts meet, so that it fits into a table; a command's flags stay whole. */
export function breakable(code: string): string {
  return code.split(" ").map((word) => {
    if (word.startsWith("-")) {
      return escaped(word).replace(/^-[\w-]+/, `<span class="flag">$&</span>`);
    }
    if (word.length <= 12) return escaped(word);
    return escaped(word).replace(/_|[a-z](?=[A-Z])|\w(?=\.[a-z])/g, "$&<wbr>");
  }).join(" ");
}

/** What inline text says, without its markup. */
function plain(inline: Token): string {
  return (inline.children ?? []).map((child) => {
    if (child.type === "softbreak" || child.type === "hardbreak") return " ";
    if (child.type === "image") return child.content;
    return child.type === "text" || child.type === "code_inline" ? child.content : "";
  }).join("");
}

function rowAnchor(inline: Token): string | undefined {
  const first = inline.children?.[0];
  return first?.type === "html_inline" ? ROW_ANCHOR.exec(first.content)?.[1] : undefined;
}

/** A drawing is named by the heading above it. */
function drawnBelow(tokens: Token[], at: number): string {
  const above = tokens.findLastIndex(({ type }, i) => i < at && type === "heading_open");
  const heading = above < 0 ? "" : `: ${plain(tokens[above + 1]!)}`;
  return drawing(tokens[at]!.content, `drawing-${at}`, `Drawing${heading}`);
}

/** Gives each row of a table that has heads an anchor, unless it has one. */
function rowsOf(tokens: readonly Token[]): Section[] {
  const slugger = new GithubSlugger();
  const rows: Section[] = [];
  let hasHeads = false;
  for (const [i, token] of tokens.entries()) {
    if (token.type === "thead_open") hasHeads = false;
    if (token.type === "th_open") hasHeads ||= tokens[i + 1]!.content !== "";
    if (token.type !== "td_open" || tokens[i - 1]!.type !== "tr_open" || !hasHeads) continue;
    const heading = plain(tokens[i + 1]!);
    if (heading === "" || rowAnchor(tokens[i + 1]!) !== undefined) continue;
    const id = `row-${slugger.slug(heading)}`;
    tokens[i - 1]!.attrSet("id", id);
    const end = tokens.findIndex(({ type }, at) => at > i && type === "tr_close");
    const others = tokens.slice(i + 2, end).filter(({ type }) => type === "inline");
    rows.push({ id, level: ROW, heading, text: others.map(plain).join(" "), code: "" });
  }
  return rows;
}

/** Tells each cell of a table its column's head; returns how many columns there are. */
function labelCells(tokens: Token[], from: number): number {
  const heads: string[] = [];
  let column = 0;
  for (let i = from; tokens[i]!.type !== "table_close"; i++) {
    const { type } = tokens[i]!;
    if (type === "th_open") heads.push(plain(tokens[i + 1]!));
    if (type === "tr_open") column = 0;
    if (type === "td_open") tokens[i]!.attrSet("data-head", heads[column++] ?? "");
  }
  return heads.length;
}

/** A table without heads has an empty row of them in Markdown. */
function withoutEmptyHeads(tokens: Token[]): Token[] {
  const kept: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]!.type === "thead_open") {
      const end = tokens.findIndex((token, at) => at > i && token.type === "thead_close");
      const isEmpty = tokens.slice(i, end).every((token) =>
        token.type !== "inline" || token.content === ""
      );
      if (isEmpty) {
        i = end;
        continue;
      }
    }
    kept.push(tokens[i]!);
  }
  return kept;
}

/** Parts of the same anchor are one. */
function merged(sections: readonly Section[]): Section[] {
  const byId = new Map<string, Section>();
  for (const section of sections) {
    const known = byId.get(section.id);
    if (known === undefined) byId.set(section.id, section);
    else {
      known.text += section.text;
      known.code += section.code;
    }
  }
  return [...byId.values()].filter(({ heading, text }) => heading !== "" || text.trim() !== "");
}
