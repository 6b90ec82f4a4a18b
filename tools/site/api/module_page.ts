/** The page of an entry point: what it is for, and all that it exports. */

import { escaped, relativeUrl } from "../html.ts";
import { anchorLink, breakable } from "../markdown.ts";
import type { Page, Section } from "../page.ts";
import { Comments, type Workshop } from "./comments.ts";
import { memberId } from "./members.ts";
import { type ApiModule, type ApiSymbol } from "./model.ts";
import { plainDoc } from "./symbol_page.ts";
import { typeHtml } from "./types.ts";

/** The page. */
export function modulePage(module: ApiModule, workshop: Workshop): Page {
  const { url, specifier, doc } = module;
  const comments = new Comments(workshop, { url, module, members: new Set() });
  const categories = Map.groupBy(module.names, ([, symbol]) => symbol.category);
  const sections: Section[] = [
    { id: "", level: 1, heading: specifier, text: plainDoc(doc), code: "" },
  ];
  const lists = [...categories].map(([category, names]) => {
    const id = category.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    sections.push({ id, level: 2, heading: category, text: "", code: "" });
    const rows = names.map(([name, symbol]) => {
      if (symbol.isRow && symbol.module === module) {
        sections.push({
          id: memberId(name),
          level: 0,
          heading: name,
          text: plainDoc(symbol.declarations[0]!.jsDoc),
          code: "",
        });
      }
      return row(name, symbol, module, comments);
    });
    return `<div class="heading"><h2 id="${id}">${escaped(category)}</h2>${
      anchorLink(id, escaped(category))
    }</div>` +
      `<div class="table"><table class="names"><tbody>${rows.join("")}</tbody></table></div>`;
  });
  const html = `<p class="kind">entry point</p><h1 class="name">${escaped(specifier)}</h1>${
    comments.whole(doc, 2)
  }${lists.join("\n")}`;
  return { url, title: specifier, kind: "reference", html, sections };
}

function row(name: string, symbol: ApiSymbol, module: ApiModule, comments: Comments): string {
  const { declarations: [first], isRow } = symbol;
  const isHere = isRow && symbol.module === module;
  const summary = comments.summary(first!.jsDoc ?? {});
  const shown = `<code>${breakable(name)}</code>`;
  if (!isHere) {
    return `<tr><td><a href="${
      relativeUrl(module.url, symbol.url)
    }">${shown}</a></td><td>${summary}</td></tr>`;
  }
  const type = first!.def.tsType === undefined
    ? ""
    : `<code class="type">${typeHtml(first!.def.tsType, comments.resolve)}</code> `;
  return `<tr id="${memberId(name)}"><td>${shown}</td><td>${type}${summary}</td></tr>`;
}
