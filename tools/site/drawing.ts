/** Drawings in Mermaid's language as SVG within the page: no script, no other host, the colours of the style sheet. */

import { renderMermaidSVG } from "npm:beautiful-mermaid@1";
import { escaped } from "./html.ts";

/** A drawing whose anchors begin with `id`; `title` is what it is for those who don't see it. */
export function drawing(text: string, id: string, title: string): string {
  const svg = renderMermaidSVG(text, { transparent: true })
    // The library's style asks another host for a font, and has colours of its own.
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/^<svg (.*?) style="[^"]*"/, `<svg $1 role="img" aria-label="${escaped(title)}"`)
    .replace(/(id="|url\(#)(arrowhead)/g, `$1${id}-$2`);
  return `<div class="drawing">${svg}</div>\n`;
}
