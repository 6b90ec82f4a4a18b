/** Programs in colours: classes, which the style sheet gives their colours. */

// @ts-types="./types/highlighter.d.ts"
import hljs from "npm:highlight.js@11/lib/common";
// @ts-types="./types/language.d.ts"
import dockerfile from "npm:highlight.js@11/lib/languages/dockerfile";
// @ts-types="./types/language.d.ts"
import nginx from "npm:highlight.js@11/lib/languages/nginx";
import { escaped } from "./html.ts";

hljs.registerLanguage("dockerfile", dockerfile);
hljs.registerLanguage("nginx", nginx);

/** Code as HTML; as it is, where the language is none that is known. */
export function highlighted(code: string, language: string): string {
  if (hljs.getLanguage(language) === undefined) return escaped(code);
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}

/** Highlighted code line by line, each of which closes what it opens. */
export function lines(html: string): string[] {
  let open: string[] = [];
  return html.split("\n").map((line) => {
    const before = open.join("");
    for (const [tag] of line.matchAll(/<span [^>]*>|<\/span>/g)) {
      if (tag === "</span>") open = open.slice(0, -1);
      else open = [...open, tag];
    }
    return before + line + "</span>".repeat(open.length);
  });
}
