/** Which files of the project are pages of the site, and where. */

import { fromFileUrl, join, relative } from "@std/path";

/** The project's folder. */
export const ROOT: string = fromFileUrl(new URL("../../", import.meta.url));

/** Pages that stand for themselves; those of `docs` follow. */
const ALONE: Readonly<Record<string, string>> = {
  "README.md": "index.html",
  "examples/README.md": "examples/index.html",
  "bench/README.md": "bench.html",
  "CHANGELOG.md": "changelog.html",
  "ARCHITECTURE.md": "architecture.html",
  "CONTRIBUTING.md": "contributing.html",
  "SECURITY.md": "security.html",
};

/** The Markdown files of the site, each with its address. */
export function markdownPages(): Map<string, string> {
  const pages = new Map(Object.entries(ALONE));
  for (const path of filesBelow("docs")) {
    if (!path.endsWith(".md")) continue;
    pages.set(
      path,
      path.slice("docs/".length).replace(/README\.md$/, "index.md").replace(/md$/, "html"),
    );
  }
  return pages;
}

/** The text of a file of the project. */
export function readText(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

/** What a path of the project is; undefined for nothing. */
export function kindOf(path: string): "file" | "folder" | undefined {
  try {
    return Deno.statSync(join(ROOT, path)).isDirectory ? "folder" : "file";
  } catch {
    return undefined;
  }
}

/** The names in a folder of the project, folders with a slash at their end. */
export function namesIn(path: string): string[] {
  return [...Deno.readDirSync(join(ROOT, path))]
    .filter(({ name }) => !name.startsWith("."))
    .map(({ name, isDirectory }) => isDirectory ? `${name}/` : name).toSorted();
}

function filesBelow(folder: string): string[] {
  return namesIn(folder).flatMap((name) =>
    name.endsWith("/") ? filesBelow(join(folder, name.slice(0, -1))) : [join(folder, name)]
  ).map((path) => relative(".", path));
}
