/** The search of the site, without a browser: what is asked finds the part of a page that answers it. */

import { assert, assertEquals } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { brokenLinks, Links } from "../../../tools/site/links.ts";
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

/** Words that those who come from elsewhere type, and what they may find first. */
const WORDS: Readonly<Record<string, RegExp>> = {
  // What a chat needs.
  "history": /^guide\/topics\.html#history/,
  "missed messages": /^guide\/topics\.html#history/,
  "last 50 messages": /^guide\/rooms\.html#who-comes-late/,
  "typing": /^guide\/rooms\.html#typing/,
  "typing indicator": /^guide\/rooms\.html#typing/,
  "who is online": /^guide\/topics\.html#presence/,
  "private message": /^guide\/rooms\.html/,
  "broadcast": /^guide\/rooms\.html/,
  "publish": /^guide\/topics\.html/,
  "kick user": /^guide\/login\.html/,
  // `ws`
  "noServer": /^guide\/from-ws\.html#row/,
  "terminate": /^guide\/from-ws\.html#row/,
  "verifyClient": /^guide\/from-ws\.html#row/,
  "handleUpgrade": /^api\/node\/handleUpgrade\.html/,
  "clientTracking": /^guide\/from-ws\.html#row/,
  "wss.clients": /^guide\/from-ws\.html#row/,
  "isAlive": /^guide\/from-ws\.html#row/,
  "maxPayload": /^guide\/from-ws\.html#row/,
  "perMessageDeflate threshold": /^guide\/extensions\.html/,
  "permessage-deflate": /^guide\/extensions\.html/,
  "bufferedAmount": /^guide\/backpressure\.html/,
  "binaryType": /^(?:api\/websocket|guide\/protocols)/,
  // Bun, uWebSockets.js, Socket.IO
  "ws.data": /^guide\/from-bun\.html#row/,
  "server.publish": /^guide\/from-bun\.html#row/,
  "cork": /^guide\/from-bun\.html#row/,
  "maxPayloadLength": /^guide\/from-bun\.html#row/,
  "getUserData": /^guide\/from-bun\.html#row/,
  "maxBackpressure": /^guide\/from-bun\.html#row/,
  "sendPingsAutomatically": /^guide\/from-bun\.html#row/,
  "io.emit": /^guide\/from-socketio\.html#row/,
  "acknowledgements": /^guide\/from-socketio\.html#row/,
  "sticky sessions": /^guide\/from-socketio\.html#row/,
  "middleware": /^guide\/from-socketio\.html#row/,
  // libwebsockets
  "LWS_PRE": /^guide\/from-libwebsockets\.html/,
  "lws_callback_on_writable": /^api\/compat\/lws_callback_on_writable\.html$/,
  "lws_service": /^api\/compat\/index\.html#lws_service$/,
  "lws_write": /^api\/compat\/index\.html#lws_write$/,
  "LWS_CALLBACK_ESTABLISHED": /^api\/compat\/index\.html#LWS_CALLBACK_ESTABLISHED$/,
  "ESTABLISHED": /^reasons\.html#established$/,
  "user_space": /^guide\/from-libwebsockets\.html#row/,
  "ssl_cert_filepath": /^guide\/from-libwebsockets\.html#row/,
  "external poll loop": /^guide\/service\.html#external/,
  // A server that runs
  "how many connections": /^guide\/scale\.html#how-many-connections/,
  "max payload": /^guide\/(?:limits|from-bun)\.html/,
  "ping interval": /^guide\/heartbeat\.html/,
  "keep alive": /^guide\/heartbeat\.html/,
  "backpressure drain": /^guide\/backpressure\.html/,
  "reason codes": /^guide\/closes\.html/,
  "1009": /^guide\/closes\.html#row-1009/,
  "subprotocol": /^guide\/protocols\.html/,
  "remote address": /^guide\/request\.html/,
  "behind nginx": /^guide\/proxies\.html/,
  "x-forwarded-for": /^guide\/proxies\.html/,
  "cors": /^guide\/origins\.html/,
  "cookies": /^guide\/(?:login|request)\.html/,
  "graceful shutdown": /^guide\/draining\.html/,
  "docker": /^guide\/draining\.html/,
  "hot reload certificate": /^guide\/tls\.html/,
  "let's encrypt": /^guide\/tls\.html/,
  "unix socket": /^guide\/machine\.html/,
  "port 0": /^(?:guide\/permissions\.html#row-port-0|options\.html#option-port)/,
  "rate limit": /^guide\/rates\.html/,
  "heap out of memory": /^guide\/rates\.html#memory/,
  "EMFILE": /^guide\/limits\.html/,
  "ECONNREFUSED": /^guide\/errors\.html/,
  "connection refused": /^guide\/errors\.html/,
  "address in use": /^guide\/errors\.html/,
  "uncaught exception": /^guide\/errors\.html/,
  "logging": /^guide\/metrics\.html#logging/,
  "prometheus": /^guide\/metrics\.html/,
  "worker threads": /^guide\/workers\.html/,
  // HTTP
  "Node": /^guide\/node\.html/,
  "Express": /^guide\/http\.html#hono/,
  "Hono": /^guide\/http\.html#hono/,
  "HTTP/2": /^guide\/http\.html#http2/,
  "SSE": /^guide\/streams\.html#server-sent-events/,
  "upload file": /^guide\/streams\.html#upload/,
  "etag": /^guide\/files\.html/,
  "gzip": /^guide\/files\.html/,
  "range requests": /^guide\/files\.html/,
  "single page app": /^guide\/files\.html/,
  "mock": /^guide\/testing\.html/,
};

Deno.test("what users of other libraries call it finds the page that answers them first", () => {
  const found = Object.keys(WORDS).map((words) => [words, first(words)] as const);
  assertEquals(found.filter(([words, url]) => !WORDS[words]!.test(url)), []);
});

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
  assertEquals(tokens("ws.sendTo, lws_pre."), [
    "ws.sendTo",
    "ws",
    "sendTo",
    "send",
    "To",
    "lws_pre",
    "lws",
    "pre",
  ]);
  assertEquals(["closed", "closes", "closing", "close"].map(stem), Array(4).fill("clos"));
  assertEquals(stem("used"), "used");
});

Deno.test("no link of the sources leads to a file or an anchor that is not there", () => {
  assertEquals(links.broken, []);
  const others = [...links.shown].map((path) => links.source(path));
  const pictures = [...links.pictures].map((path) => `assets/${path}`);
  const htmls = new Map(pages.map(({ url, html }) => [url, html]));
  assertEquals(brokenLinks(htmls, new Set([...others, ...pictures])), []);
  assert(links.shown.has("examples/chat.ts"));
});
