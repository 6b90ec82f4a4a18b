/** How the site is searched: the tool that makes the index and the page that reads it have to agree. */

import MiniSearch, { type Options, type Query, type SearchResult } from "npm:minisearch@7";

/** A part of a page, as the index has it. */
export interface Document {
  readonly id: number;
  readonly url: string;
  /** The page's title. */
  readonly page: string;
  readonly heading: string;
  readonly text: string;
  readonly code: string;
  /** What a hit is worth. */
  readonly weight: number;
  /** The beginning of the text. */
  readonly excerpt: string;
}

/** What a search gives back of a document. */
export type Hit = SearchResult & Pick<Document, "url" | "page" | "heading" | "excerpt">;

/** What a hit is worth that has some of the words alone, and one that has a part of the only name. */
const OF_SOME = 0.15;
const OF_PART = 0.01;

/** What more a hit is worth whose heading is what is asked for, as "History: …" is for "history". */
const OF_NAME = 2;

/** Words of questions that say nothing of what is asked for. */
const IDLE = new Set(
  ("a an and are as at be by can could did do does for from get has have how i if in is it its me my not of on " +
    "let one or our s should so that the their them there this to was we what when where which who why will with you your")
    .split(" "),
);

/** Words that mean the same to those who ask. */
const SAME: readonly (readonly string[])[] = [
  ["authenticate", "authentication", "authentification", "login", "auth", "jwt"],
  ["argument", "parameter", "query", "querystring"],
  ["disconnect", "close", "drop", "lost"],
  ["scale", "scaling", "scalable", "cluster"],
  ["forbidden", "403"],
  ["cors", "origin"],
  ["abnormal", "1006"],
  ["https", "wss", "ssl", "tls", "certificate"],
  ["room", "topic", "channel"],
  ["reconnect", "retry"],
  ["route", "path"],
  ["deploy", "deployment", "docker", "container"],
  ["ddos", "dos", "attack", "flood"],
  ["online", "presence"],
  ["ip", "address"],
  ["offline", "away", "missed"],
  ["mock", "fake", "test"],
  ["websocket", "socket"],
  ["heartbeat", "ping", "keepalive"],
  ["benchmark", "performance", "speed"],
];

const SYNONYMS = new Map(
  SAME.flatMap((group) => group.map((word) => [stem(word), group.map(stem)] as const)),
);

/** Words, and names whose parts are joined: `ws.terminate`, `LWS_PRE`. */
const NAME = /[\p{L}\p{N}]+(?:[._][\p{L}\p{N}]+)*/gu;

/** Names, their words, and the parts of those in camelCase. */
export function tokens(text: string): string[] {
  return (text.match(NAME) ?? []).flatMap((name) => {
    const words = name.split(/[._]/);
    const found = words.flatMap((word) => {
      const parts = word.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [];
      return parts.length > 1 ? [word, ...parts] : [word];
    });
    return words.length > 1 ? [name, ...found] : found;
  });
}

/** A word without what its grammar adds. */
export function stem(word: string): string {
  const lower = word.toLowerCase();
  const cut = lower.replace(/(?:ing|ed|es|s|e)$/, "");
  return cut.length < 3 || lower === "https" ? lower : cut;
}

/** The options of the index. */
export const OPTIONS: Options<Document> = {
  fields: ["heading", "page", "text", "code"],
  storeFields: ["url", "page", "heading", "excerpt", "weight"],
  tokenize: tokens,
  processTerm: (term) => IDLE.has(term.toLowerCase()) ? null : stem(term),
};

/** An index of documents. */
export function indexOf(documents: readonly Document[]): MiniSearch<Document> {
  const index = new MiniSearch<Document>(OPTIONS);
  index.addAll(documents);
  return index;
}

/** What a person finds: parts that have all the words, and those with some of them that fit much better. */
export function search(index: MiniSearch<Document>, text: string, limit = 12): Hit[] {
  const asked = (text.match(NAME) ?? []).filter((word) => !IDLE.has(word.toLowerCase()));
  if (asked.length === 0) return [];
  const queries = asked.map(wordQuery);
  const hits = new Map<number, Hit>();
  for (const hit of found(index, { combineWith: "OR", queries })) {
    hits.set(hit.id, { ...hit, score: hit.score * (asked.length > 1 ? OF_SOME : OF_PART) });
  }
  const named = nameOf(text);
  for (const hit of found(index, { combineWith: "AND", queries })) {
    const isNamed = nameOf(hit.heading.split(":")[0]!) === named;
    hits.set(hit.id, { ...hit, score: hit.score * (isNamed ? OF_NAME : 1) });
  }
  return [...hits.values()].sort((a, b) => b.score - a.score).slice(0, limit);
}

function found(index: MiniSearch<Document>, query: Query): Hit[] {
  return index.search(query, {
    boost: { heading: 5, page: 3, text: 1, code: 0.3 },
    prefix: (term) => term.length > 2,
    fuzzy: (term) => term.length > 4 && !/\d/.test(term) && !isThere(index, term) ? 0.2 : false,
    maxFuzzy: 2,
    weights: { prefix: 0.6, fuzzy: 0.25 },
    boostDocument: (_id, _term, stored) => Number(stored?.["weight"]),
  }) as Hit[];
}

/** What a heading is about, however it is written. */
function nameOf(text: string): string {
  return (text.match(NAME) ?? []).map(stem).join(" ");
}

/** Whether a word stands somewhere as it is; then it is no slip of the pen. */
function isThere(index: MiniSearch<Document>, term: string): boolean {
  const processTerm = (word: string) => word;
  return index.search(term, { tokenize: (word) => [word], processTerm }).length > 0;
}

function wordQuery(word: string): Query {
  const same = SYNONYMS.get(stem(word)) ?? [];
  const others = same.filter((each) => each !== stem(word));
  if (others.length === 0) return word;
  return {
    combineWith: "OR",
    queries: [word, {
      queries: others,
      combineWith: "OR",
      boostDocument: (_id, _term, stored) => 0.6 * Number(stored?.["weight"]),
      prefix: false,
      fuzzy: false,
    }],
  };
}
