/** What a page of the site is. */

/** A part of a page below a heading, or a row of a table that has an anchor: what a search finds. */
export interface Section {
  /** Its anchor; empty for what stands in front of the first one. */
  readonly id: string;
  /** The heading's level; 0 of a row with an anchor of its own, -1 of another one. */
  readonly level: number;
  readonly heading: string;
  /** What it says, without markup. */
  text: string;
  /** The words of its programs. */
  code: string;
}

/** How much a hit on a page is worth: the guide is what most questions are about. */
export type PageKind = "guide" | "reference" | "project" | "source";

/** A page, without what all of them have around it. */
export interface Page {
  /** Its address from the site's root. */
  readonly url: string;
  readonly title: string;
  readonly kind: PageKind;
  /** The content. */
  readonly html: string;
  /** Of the search, and of the list beside the content. */
  readonly sections: readonly Section[];
}
