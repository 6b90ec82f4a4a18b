/** All pages of the site, from the sources of the project. */

import { type ApiModule, apiModules, finder, ownSymbols } from "./api/model.ts";
import { type PackageConfig, readModules } from "./api/doc_json.ts";
import { modulePage } from "./api/module_page.ts";
import { symbolPage } from "./api/symbol_page.ts";
import type { Links } from "./links.ts";
import { renderMarkdown } from "./markdown.ts";
import type { Page, PageKind } from "./page.ts";
import { readText } from "./sources.ts";

/** Pages that come from Markdown. */
export function guidePages(links: Links, hasColours = true): Page[] {
  return [...links.pages].map(([path, url]) => {
    const resolve = (href: string) => links.resolve(path, url, href);
    const hasRows = path.startsWith("docs/guide/");
    const { html, title, sections } = renderMarkdown(readText(path), {
      resolve,
      hasColours,
      hasRows,
    });
    return { url, title, kind: kindOf(path), html, sections };
  });
}

/** Pages of the API. */
export async function apiPages(
  links: Links,
  config: PackageConfig,
): Promise<{ modules: ApiModule[]; pages: Page[] }> {
  const modules = apiModules(config, await readModules(config));
  const workshop = { links, find: finder(modules) };
  const pages = modules.flatMap((module) => [
    modulePage(module, workshop),
    ...ownSymbols(module).filter(({ isRow }) => !isRow).map((symbol) =>
      symbolPage(symbol, workshop)
    ),
  ]);
  return { modules, pages };
}

function kindOf(path: string): PageKind {
  if (/^docs\/(?:options|reasons)\.md$/.test(path)) return "reference";
  return /^(?:docs\/guide|examples|README)/.test(path) ? "guide" : "project";
}
