/** Docstrings as HTML: their Markdown, their links to names, and their tags. */

import { fromFileUrl, relative } from "@std/path";
import { escaped, relativeUrl } from "../html.ts";
import type { Links } from "../links.ts";
import { renderComment } from "../markdown.ts";
import { ROOT } from "../sources.ts";
import type { JsDoc, Location, Tag } from "./doc_json.ts";
import { memberId, ownerOf } from "./members.ts";
import type { ApiModule, ApiSymbol } from "./model.ts";
import type { Resolve } from "./types.ts";

/** What the pages of the API are made with. */
export interface Workshop {
  readonly links: Links;
  readonly find: (name: string, module: ApiModule) => ApiSymbol | undefined;
}

/** A page in the making. */
export interface Place {
  readonly url: string;
  readonly module: ApiModule;
  /** The names of the members on the page. */
  readonly members: ReadonlySet<string>;
}

const LINK = /\{@link(?:code|plain)?\s+([^}\s|]+)(?:[\s|]+([^}]*))?\}/g;
const TITLE = /^(?!```)[^\n]+\n/;

/** Renders docstrings for one page. */
export class Comments {
  readonly #workshop: Workshop;
  readonly #place: Place;

  constructor(workshop: Workshop, place: Place) {
    this.#workshop = workshop;
    this.#place = place;
  }

  /** Where a name leads from this page. */
  readonly resolve: Resolve = (name) => {
    const { find } = this.#workshop;
    const { module, url, members } = this.#place;
    const [first = "", member] = name.split(".");
    const symbol = find(first, module);
    if (symbol === undefined) return members.has(name) ? `#${memberId(name)}` : undefined;
    if (member === undefined || symbol.isRow) return relativeUrl(url, symbol.url);
    const owner = ownerOf(symbol, member, find);
    const target = owner === undefined ? symbol.url : `${owner.url}#${memberId(member)}`;
    return relativeUrl(url, target);
  };

  /** Text of a docstring. */
  text(doc: string | undefined): string {
    if (doc === undefined || doc === "") return "";
    const markdown = doc.replace(LINK, (_, name: string, text: string | undefined) => {
      const shown = text === undefined || text === "" ? `\`${name}\`` : text;
      const url = /^https?:/.test(name) ? name : this.resolve(name);
      return url === undefined ? shown : `[${shown}](${url})`;
    });
    return renderComment(markdown, { resolve: (href) => href });
  }

  /** The first paragraph, for a list of names. */
  summary({ doc = "" }: JsDoc): string {
    return this.text(doc.split("\n\n")[0]).replace(/^<p>|<\/p>\s*$/g, "");
  }

  /** A link to the line at which something is declared. */
  source({ filename, line }: Location): string {
    const path = relative(ROOT, fromFileUrl(filename));
    const url = relativeUrl(this.#place.url, `${this.#workshop.links.source(path)}#L${line}`);
    return `<a class="line" href="${url}">${escaped(path)}</a>`;
  }

  /** All that a docstring has; `level` is that of the headings. */
  whole(doc: JsDoc | undefined, level: 2 | 4): string {
    const tags = doc?.tags ?? [];
    const of = (kind: string) => tags.filter((tag) => tag.kind === kind);
    return [
      this.text(doc?.doc),
      ...of("deprecated").map(({ doc }) =>
        `<p class="deprecated"><strong>Deprecated.</strong></p>${this.text(doc)}`
      ),
      this.#list(
        "Type parameters",
        level,
        of("template"),
        ({ name }) => `<code>${escaped(name ?? "")}</code>`,
      ),
      this.#list(
        "Parameters",
        level,
        of("param"),
        ({ name }) => `<code>${escaped(name ?? "")}</code>`,
      ),
      this.#list("Returns", level, of("return"), () => ""),
      this.#list("Throws", level, of("throws"), ({ tsType }) => this.#error(tsType?.repr ?? "")),
      ...of("default").map(({ doc }) => `<p>Default: ${this.text(doc)}</p>`),
      ...of("example").map(({ doc = "" }) => this.#example(doc, level)),
    ].join("");
  }

  #list(title: string, level: 2 | 4, tags: Tag[], nameOf: (tag: Tag) => string): string {
    if (tags.length === 0) return "";
    const rows = tags.map((tag) => {
      const name = nameOf(tag);
      return `${name === "" ? "" : `<dt>${name}</dt>`}<dd>${this.text(tag.doc)}</dd>`;
    });
    const list = rows[0]!.startsWith("<dt>")
      ? `<dl>${rows.join("")}</dl>`
      : tags.map((tag) => this.text(tag.doc)).join("");
    return `<h${level} class="part">${title}</h${level}>${list}`;
  }

  #error(name: string): string {
    const url = this.resolve(name);
    const code = `<code>${escaped(name)}</code>`;
    return url === undefined ? code : `<a href="${url}">${code}</a>`;
  }

  #example(doc: string, level: 2 | 4): string {
    const title = TITLE.exec(doc)?.[0].trim();
    const text = title === undefined ? doc : doc.slice(doc.indexOf("\n") + 1);
    return `<h${level} class="part">Example${
      title === undefined ? "" : `: ${escaped(title)}`
    }</h${level}>${this.text(text)}`;
  }
}
