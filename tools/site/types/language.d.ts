/** A language of highlight.js. */
declare const language: object;
export default language;
