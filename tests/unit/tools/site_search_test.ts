/** The search of the site, without a browser: what is asked finds the part of a page that answers it. */

import { assert, assertEquals } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { Links } from "../../../tools/site/links.ts";
import { apiPages, guidePages } from "../../../tools/site/pages.ts";
import { documentsOf } from "../../../tools/site/search/documents.ts";
import { indexOf, search, stem, tokens } from "../../../tools/site/search/settings.ts";

const links = new Links();
const pages = [...guidePages(links, false), ...(await apiPages(links, config)).pages];
const index = indexOf(documentsOf(pages));
const first = (question: string) => search(index, question)[0]?.url ?? "";

/** Questions, and the addresses that may come first. */
const QUESTIONS: readonly [answer: RegExp, questions: readonly string[]][] = [
  [/^guide\/request\.html/, [
    "where are the URL's arguments",
    "query parameters",
    "url arguments",
    "how do I read the query string",
    "query string of a request",
  ]],
  [/^guide\/closes\.html/, [
    "why is my connection closed",
    "close code 1006",
    "1006",
    "connection closed unexpectedly",
    "why was my connection closed",
  ]],
  [/^guide\/login\.html/, [
    "how do I authenticate",
    "login cookie jwt",
    "authentication",
    "log in with a token",
    "session cookie",
  ]],
  [/^guide\/origins\.html/, [
    "why 403 from another origin",
    "403 origin",
    "cors",
    "allow other origins",
    "forbidden origin",
  ]],
  [/^guide\/(?:scale|workers)\.html/, [
    "how do I scale",
    "many cores",
    "many machines",
    "more than one machine",
    "use all cores",
  ]],
];

for (const [answer, questions] of QUESTIONS) {
  Deno.test(`"${questions[0]}", however it is asked, finds what answers it first`, () => {
    const found = questions.map((question) => [question, first(question)]);
    assertEquals(found.filter(([, url]) => !answer.test(url!)), []);
  });
}

Deno.test("an option, a reason and a name of the API are found by their names", () => {
  assertEquals(first("maxMessageSize"), "options.html#option-maxMessageSize");
  assertEquals(first("filterProtocolConnection"), "reasons.html#filterProtocolConnection");
  assertEquals(first("createContext"), "api/lws/createContext.html");
  assertEquals(first("wsi.setTimeout"), "api/lws/Wsi.html#setTimeout");
});

Deno.test("a slip of the pen is forgiven, and a question of idle words finds nothing", () => {
  assertEquals(first("conection closd"), first("connection closed"));
  assertEquals(search(index, "how do I"), []);
  assertEquals(search(index, ""), []);
});

Deno.test("names are found by their parts, and words without their endings", () => {
  assertEquals(tokens("maxMessageSize of TLS13"), [
    "maxMessageSize",
    "max",
    "Message",
    "Size",
    "of",
    "TLS13",
    "TLS",
    "13",
  ]);
  assertEquals(["closed", "closes", "closing", "close"].map(stem), Array(4).fill("clos"));
  assertEquals(stem("used"), "used");
});

Deno.test("no link of the sources leads to a file that is not there", () => {
  assertEquals(links.broken, []);
  assert(links.shown.has("examples/chat.ts"));
});
