/** The documents of the search: a part of a page each. */

import { ROW } from "../markdown.ts";
import type { Page, PageKind, Section } from "../page.ts";
import type { Document } from "./settings.ts";

const EXCERPT = 160;

const WEIGHTS: Readonly<Record<PageKind, number>> = {
  guide: 1,
  reference: 0.35,
  project: 0.35,
  source: 0,
};

/** A page's beginning says what all of it is about, and a row is one name with what is said of it. */
const BY_LEVEL: Readonly<Record<number, number>> = { [ROW]: 0.5, 0: 1.5, 1: 1.2 };

/** The documents of all pages but sources. */
export function documentsOf(pages: readonly Page[]): Document[] {
  return pages.filter(({ kind }) => kind !== "source").flatMap((page) =>
    page.sections.filter(({ heading, text }) => (heading + text).trim() !== "").map((section) =>
      [page, section] as const
    )
  ).map(([page, section], id) => documentOf(id, page, section));
}

function documentOf(id: number, { url, title, kind }: Page, section: Section): Document {
  const text = section.text.replace(/\s+/g, " ").trim();
  return {
    id,
    url: section.id === "" ? url : `${url}#${section.id}`,
    page: title,
    heading: section.heading === "" ? title : section.heading,
    text,
    code: section.code,
    weight: WEIGHTS[kind] * (BY_LEVEL[section.level] ?? 1),
    excerpt: text.length > EXCERPT ? `${text.slice(0, text.lastIndexOf(" ", EXCERPT))} …` : text,
  };
}
