/** What the site uses of highlight.js, whose own types bring the DOM's into the whole project. */

interface Highlighter {
  getLanguage(name: string): object | undefined;
  registerLanguage(name: string, language: object): void;
  highlight(
    code: string,
    options: { language: string; ignoreIllegals: boolean },
  ): { readonly value: string };
}

declare const highlighter: Highlighter;
export default highlighter;
