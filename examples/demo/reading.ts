/** What the page links to: its source and the guide, as pages to read. */

const SHELVES = new Map([
  ["source", new URL("./", import.meta.url)],
  ["guide", new URL("../../docs/guide/", import.meta.url)],
]);

/** `/source/mirror.ts`, `/guide/topics.md`: no name leads to another folder. */
const READABLE = /^\/(source|guide)\/([\w-]+\.(?:ts|md))$/;

const escapeHtml = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The page of a path, or `undefined` if there is none. */
export async function readingPage(path: string): Promise<string | undefined> {
  const [, shelf, name] = READABLE.exec(path) ?? [];
  if (shelf === undefined || name === undefined) return undefined;
  const text = await Deno.readTextFile(new URL(name, SHELVES.get(shelf))).catch(() => undefined);
  if (text === undefined) return undefined;
  const linked = escapeHtml(text)
    // What files of the folder are called in imports, and in links of Markdown.
    .replace(/&#34;\.\/([\w-]+\.ts)&#34;/g, '"<a href="$1">./$1</a>"')
    .replace(/\[([^\]]*)\]\(([\w-]+\.md)(?:#[\w-]*)?\)/g, '<a href="$2">$1</a>');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} – lws</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body class="reading">
<header class="masthead">
<img src="/favicon.svg" alt="" width="40" height="40">
<h1>${shelf} / ${name}</h1>
<nav><a href="/">The demo</a></nav>
</header>
<main><pre tabindex="0">${linked}</pre></main>
</body>
</html>
`;
}
