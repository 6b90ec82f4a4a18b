/** Text and addresses as HTML has them. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Text as it stands in an element or in a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ESCAPES[char]!);
}

/** What an element shows, of HTML that this tool has written. */
export function textOf(html: string): string {
  return html.replace(/<[^>]*>/g, "").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

/** The address of one page of the site as it stands on another; both from the site's root. */
export function relativeUrl(from: string, to: string): string {
  const [path = "", hash] = to.split("#");
  const end = hash === undefined ? "" : `#${hash}`;
  if (path === from && end !== "") return end;
  const parts = from.split("/").slice(0, -1);
  const target = path.split("/");
  let same = 0;
  while (same < parts.length && same < target.length - 1 && parts[same] === target[same]) same++;
  return [...parts.slice(same).map(() => ".."), ...target.slice(same)].join("/") + end;
}
