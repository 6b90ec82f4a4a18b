/** The files of the site. */

import { join } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { documentHtml } from "./layout.ts";
import { brokenLinks, Links } from "./links.ts";
import { navigation } from "./navigation.ts";
import type { Page } from "./page.ts";
import { apiPages, guidePages } from "./pages.ts";
import { documentsOf } from "./search/documents.ts";
import { indexOf } from "./search/settings.ts";
import { sourcePages } from "./source_pages.ts";
import { ROOT } from "./sources.ts";

const HERE = "tools/site";

/** Writes the site into a folder, which is emptied before; returns how many pages there are. */
export async function writeSite(folder: string): Promise<number> {
  const links = new Links();
  const guide = guidePages(links);
  const { modules, pages: api } = await apiPages(links, config);
  links.source("LICENSE");
  const pages: Page[] = [...guide, ...api, ...sourcePages(links)];
  const groups = navigation(modules.map(({ specifier, url }) => ({ title: specifier, url })));
  const site = { name: config.name, version: config.version, groups };
  const documents = new Map(pages.map((page) => [page.url, documentHtml(page, site)]));
  const pictures = [...links.pictures].map((path) => `assets/${path}`);
  const others = new Set(["assets/style.css", "assets/site.js", "assets/icon.svg", ...pictures]);
  const broken = [...links.broken, ...brokenLinks(documents, others)];
  if (broken.length > 0) throw new Error(`links that lead nowhere:\n${broken.join("\n")}`);

  await emptied(folder);
  for (const [url, html] of documents) await write(join(folder, url), html);
  for (const path of links.pictures) {
    await write(join(folder, "assets", path), await Deno.readFile(join(ROOT, path)));
  }
  for (const name of ["style.css", "icon.svg"]) {
    await write(
      join(folder, "assets", name),
      await Deno.readFile(join(ROOT, HERE, "assets", name)),
    );
  }
  const index = JSON.stringify(indexOf(documentsOf(pages)));
  await write(join(folder, "assets/index.json"), index);
  await bundle(join(folder, "assets/site.js"));
  return pages.length;
}

/** A folder that holds something other than a site is left alone. */
async function emptied(folder: string): Promise<void> {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    if (names.length > 0 && !(names.includes("index.html") && names.includes("assets"))) {
      throw new Error(`${folder} has files in it that are no site: name another folder`);
    }
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function bundle(file: string): Promise<void> {
  const args = [
    "bundle",
    "--quiet",
    "--platform",
    "browser",
    "--minify",
    join(ROOT, HERE, "client/main.ts"),
  ];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args, "--output", file],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
}
