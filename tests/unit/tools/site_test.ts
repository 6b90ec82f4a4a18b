/** The parts of the site: links, anchors, tables and types. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { typeHtml } from "../../../tools/site/api/types.ts";
import { lines } from "../../../tools/site/highlight.ts";
import { relativeUrl, textOf } from "../../../tools/site/html.ts";
import { brokenLinks, Links } from "../../../tools/site/links.ts";
import { renderMarkdown } from "../../../tools/site/markdown.ts";
import { navigation } from "../../../tools/site/navigation.ts";

const render = (text: string) => renderMarkdown(text, { resolve: (href) => `to:${href}` });

Deno.test("addresses are relative, so that the site may stand in any folder", () => {
  assertEquals(relativeUrl("guide/a.html", "guide/b.html#c"), "b.html#c");
  assertEquals(relativeUrl("api/lws/A.html", "guide/b.html"), "../../guide/b.html");
  assertEquals(relativeUrl("index.html", "api/lws/A.html"), "api/lws/A.html");
  assertEquals(relativeUrl("guide/a.html", "guide/a.html#b"), "#b");
});

Deno.test("links between files become links between pages, to sources and to pictures", () => {
  const links = new Links();
  const of = (href: string) => links.resolve("docs/guide/http.md", "guide/http.html", href);
  assertEquals(of("clients.md#redirects"), "clients.html#redirects");
  assertEquals(of("../options.md#option-port"), "../options.html#option-port");
  assertEquals(of("README.md"), "index.html");
  assertEquals(of("../../README.md"), "../index.html");
  assertEquals(of("../../examples/chat.ts"), "../source/examples/chat.ts.html");
  assertEquals(of("../../examples/chat/"), "../source/examples/chat/index.html");
  assertEquals(of("../demo.png"), "../assets/docs/demo.png");
  assertEquals(of("https://deno.com"), "https://deno.com");
  assertEquals(links.broken, []);
  of("missing.md");
  assertEquals(links.broken, ["docs/guide/http.md: docs/guide/missing.md is not there"]);
});

Deno.test("a link to a page or an anchor that is not there is found", () => {
  const pages = new Map([
    ["a.html", `<h1 id="x">a</h1><a href="b/c.html#y">c</a><a href="#x">x</a><img src="p.png">`],
    ["b/c.html", `<a href="../a.html#z">z</a><a href="../d.html">d</a><a href="https://e">e</a>`],
  ]);
  assertEquals(brokenLinks(pages, new Set(["p.png"])), [
    "a.html: b/c.html#y",
    "b/c.html: ../a.html#z",
    "b/c.html: ../d.html",
  ]);
});

Deno.test("headings have the anchors that they have on GitHub, and rows those that they name", () => {
  const { html, title, sections } = render(
    '# What is `x`, and how?\n\n## A\n\ntext\n\n## A\n\n| n | t |\n| - | - |\n| <a id="row"></a>`r` | about r |\n\nbelow\n',
  );
  assertEquals(title, "What is x, and how?");
  assertEquals(sections.map(({ id }) => id), ["what-is-x-and-how", "a", "a-1", "row"]);
  assertEquals(sections[3]!.text.trim(), "r about r");
  assertMatch(sections[2]!.text, /below/);
  assert(html.includes(`<h2 id="a-1">A</h2><a class="anchor" href="#a-1" aria-label="Link to A">`));
});

Deno.test("rows below heads are found by themselves, with an anchor each, where that is asked for", () => {
  const text =
    "# A\n\n| n | t |\n| - | - |\n| `a.b()` | one |\n| `a.b()` | two |\n| | three |\n\n|  |  |\n| - | - |\n| c | d |\n";
  const { html, sections } = renderMarkdown(text, { resolve: String, hasRows: true });
  const rows = sections.filter(({ id }) => id.startsWith("row-"));
  assertEquals(rows.map(({ id, heading, text }) => [id, heading, text]), [
    ["row-ab", "a.b()", "one"],
    ["row-ab-1", "a.b()", "two"],
  ]);
  for (const { id } of rows) assert(html.includes(`<tr id="${id}">`));
  assert(!render(text).html.includes("row-"));
});

Deno.test("long names in code may be broken where their parts meet, and flags stay whole", () => {
  const code = (text: string) => /<code>(.*)<\/code>/.exec(render(`\`${text}\``).html)![1];
  assertEquals(code("perMessageDeflate: x<y"), "per<wbr>Message<wbr>Deflate: x&lt;y");
  assertEquals(code("lws_get_context"), "lws_<wbr>get_<wbr>context");
  assertEquals(code("context.destroy()"), "context<wbr>.destroy()");
  assertEquals(code("--allow-sys=a"), `<span class="flag">--allow-sys</span>=a`);
  assertEquals(code("bufferAmount"), "bufferAmount");
  assertEquals(code("deno --allow-net x"), `deno <span class="flag">--allow-net</span> x`);
});

Deno.test("a table without heads has no empty ones, and links are rewritten", () => {
  const { html } = render("|  |  |\n| - | - |\n| [a](b.md) | c |\n");
  assert(!html.includes("<th"));
  assert(html.includes(`<a href="to:b.md">a</a>`));
});

Deno.test("drawings are SVG in the page's colours, each with a name and anchors of its own, and ask no other host", () => {
  const text =
    "## A & B\n\n```mermaid\nstateDiagram-v2\n  [*] --> ONE\n  ONE --> TWO: goes on\n```\n";
  const { html, sections } = render(`${text}\n${text}`);
  const pictures = [...html.matchAll(/<svg .*?<\/svg>/gs)].map(([svg]) => svg);
  assertEquals(pictures.length, 2);
  for (const svg of pictures) {
    assertMatch(svg, /^<svg [^>]*role="img" aria-label="Drawing: A &amp; B"/);
    for (const label of ["ONE", "TWO", "goes on"]) assert(svg.includes(`>${label}</text>`), label);
    assert(!/<style|\sstyle=|@import|#[0-9a-f]{6}/i.test(svg));
  }
  assertEquals(
    pictures.flatMap((svg) => svg.match(/https?:[^"]*/g)),
    Array(2).fill("http://www.w3.org/2000/svg"),
  );
  const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id!);
  assertEquals(ids.length, new Set(ids).size);
  for (const [, id] of html.matchAll(/url\(#([^)]*)\)/g)) assert(ids.includes(id!), id);
  assertEquals(sections.map(({ code }) => code), ["", ""]);
});

Deno.test("each line of highlighted code closes what it opens", () => {
  assertEquals(lines(`<span class="c">a\nb</span>c`), [
    `<span class="c">a</span>`,
    `<span class="c">b</span>c`,
  ]);
});

Deno.test("a type's names are links, and a long union is broken into lines", () => {
  const name = (typeName: string) => ({ kind: "typeRef" as const, value: { typeName } });
  const resolve = (each: string) => each === "Wsi" ? "Wsi.html" : undefined;
  assertEquals(
    typeHtml({ kind: "array", value: name("Wsi") }, resolve),
    `<a href="Wsi.html">Wsi</a>[]`,
  );
  const union = { kind: "union" as const, value: Array(20).fill(name("Wsi")) };
  assertEquals(textOf(typeHtml(union, resolve)).split("\n").length, 21);
});

Deno.test("the side has the guide's pages in the order of its index, each once", () => {
  const urls = navigation([]).flatMap(({ entries }) => entries.map(({ url }) => url));
  assertEquals(urls.length, new Set(urls).size);
  const titles = navigation([]).flatMap(({ entries }) => entries.map(({ title }) => title));
  assertEquals(titles.filter((title) => !/[\p{L}\p{N}]/u.test(title)), []);
  assert(urls.indexOf("guide/clients.html") < urls.indexOf("guide/tls.html"));
});
