/** Preconditions of requests for a file (RFC 9110 section 13), with nginx's answers beside ours. */

import { assertEquals, assertMatch } from "@std/assert";
import { ask, bothServing, compare, MODIFIED, type Question } from "./beside_nginx.ts";
import { NGINX } from "../peer.ts";

const BEFORE = new Date(MODIFIED.getTime() - 60_000).toUTCString();
const AFTER = new Date(MODIFIED.getTime() + 60_000).toUTCString();
const target = "/page.txt";
const SITE = { files: { "page.txt": "one page of text" } };

const QUESTIONS: readonly Question[] = [
  { name: "no precondition is met", target, status: 200 },
  {
    name: "its own tag in If-None-Match is not modified",
    target,
    fields: ({ etag }) => [`If-None-Match: ${etag}`],
    status: 304,
  },
  {
    name: "If-None-Match compares weakly",
    target,
    fields: ({ etag }) => [`If-None-Match: W/${etag}`],
    status: 304,
  },
  {
    name: "If-None-Match is a list, whose tags may have commas in them",
    target,
    fields: ({ etag }) => [`If-None-Match: "other", "a,b" , W/"c",${etag}, "last"`],
    status: 304,
  },
  {
    name: "If-None-Match is a list of others",
    target,
    fields: () => ['If-None-Match: "other", W/"another"'],
    status: 200,
  },
  { name: "If-None-Match is *", target, fields: () => ["If-None-Match: *"], status: 304 },
  {
    name: "If-None-Match stands on two lines",
    target,
    fields: ({ etag }) => ['If-None-Match: "other"', `If-None-Match: ${etag}`],
    status: 304,
    unlike: {
      status: 400,
      because: "a list may stand on several lines (RFC 9110 section 5.3); nginx keeps it as one",
    },
  },
  {
    name: "If-None-Match is no tag at all",
    target,
    fields: () => ["If-None-Match: other"],
    status: 200,
  },
  {
    name: "If-Modified-Since is the very date",
    target,
    fields: ({ lastModified }) => [`If-Modified-Since: ${lastModified}`],
    status: 304,
  },
  {
    name: "If-Modified-Since is later",
    target,
    fields: () => [`If-Modified-Since: ${AFTER}`],
    status: 304,
  },
  {
    name: "If-Modified-Since is earlier",
    target,
    fields: () => [`If-Modified-Since: ${BEFORE}`],
    status: 200,
  },
  {
    name: "If-Modified-Since is no date",
    target,
    fields: () => ["If-Modified-Since: yesterday"],
    status: 200,
  },
  {
    name: "If-Modified-Since in RFC 850's form",
    target,
    fields: () => ["If-Modified-Since: Monday, 06-May-24 07:08:09 GMT"],
    status: 304,
  },
  {
    name: "If-Modified-Since in asctime's form",
    target,
    fields: () => ["If-Modified-Since: Mon May  6 07:08:09 2024"],
    status: 304,
  },
  {
    name: "If-None-Match comes before If-Modified-Since: another tag",
    target,
    fields: ({ lastModified }) => ['If-None-Match: "other"', `If-Modified-Since: ${lastModified}`],
    status: 200,
  },
  {
    name: "If-None-Match comes before If-Modified-Since: the same tag",
    target,
    fields: ({ etag }) => [`If-None-Match: ${etag}`, `If-Modified-Since: ${BEFORE}`],
    status: 304,
    unlike: {
      status: 200,
      because: "If-Modified-Since is ignored beside If-None-Match (RFC 9110 section 13.1.3)",
    },
  },
  {
    name: "its own tag in If-Match goes on",
    target,
    fields: ({ etag }) => [`If-Match: "other", ${etag}`],
    status: 200,
  },
  { name: "If-Match is *", target, fields: () => ["If-Match: *"], status: 200 },
  { name: "If-Match is another", target, fields: () => ['If-Match: "other"'], status: 412 },
  {
    name: "If-Match compares strongly",
    target,
    fields: ({ etag }) => [`If-Match: W/${etag}`],
    status: 412,
  },
  {
    name: "If-Unmodified-Since is the very date",
    target,
    fields: ({ lastModified }) => [`If-Unmodified-Since: ${lastModified}`],
    status: 200,
  },
  {
    name: "If-Unmodified-Since is earlier",
    target,
    fields: () => [`If-Unmodified-Since: ${BEFORE}`],
    status: 412,
  },
  {
    name: "If-Unmodified-Since is no date",
    target,
    fields: () => ["If-Unmodified-Since: yesterday"],
    status: 200,
    unlike: {
      status: 412,
      because: "a field that is no valid date is ignored (RFC 9110 section 13.1.4)",
    },
  },
  {
    name: "If-Match comes before If-Unmodified-Since",
    target,
    fields: ({ etag }) => [`If-Match: ${etag}`, `If-Unmodified-Since: ${BEFORE}`],
    status: 200,
    unlike: {
      status: 412,
      because: "If-Unmodified-Since is ignored beside If-Match (RFC 9110 section 13.1.4)",
    },
  },
  {
    name: "If-Match comes before If-None-Match",
    target,
    fields: ({ etag }) => ['If-Match: "other"', `If-None-Match: ${etag}`],
    status: 412,
  },
  {
    name: "If-Match that is met leaves it to If-None-Match",
    target,
    fields: ({ etag }) => [`If-Match: ${etag}`, `If-None-Match: ${etag}`],
    status: 304,
  },
  {
    name: "preconditions of a file that is not there are nothing",
    target: "/absent.txt",
    fields: () => ["If-Match: *", "If-None-Match: *"],
    status: 404,
  },
];

NGINX.test("preconditions of GET are judged in the order of RFC 9110 section 13.2.2", async () => {
  await using both = await bothServing(SITE);
  await compare(both, QUESTIONS);
});

NGINX.test("preconditions of HEAD are those of GET", async () => {
  await using both = await bothServing(SITE);
  await compare(both, QUESTIONS.map((each) => ({ ...each, method: "HEAD" })));
});

NGINX.test("a file has a strong tag and its date, and a 304 says the tag again, with no body", async () => {
  await using both = await bothServing(SITE);
  for (const port of [both.ours, both.nginx]) {
    const whole = await ask(port, "GET", target);
    assertMatch(whole.field("etag")!, /^"[!#-~]+"$/);
    assertEquals(whole.field("last-modified"), MODIFIED.toUTCString());
    const known = await ask(port, "GET", target, [`If-None-Match: ${whole.field("etag")}`]);
    assertEquals([known.status, known.body], [304, ""]);
    assertEquals(known.field("etag"), whole.field("etag"));
    assertEquals(known.field("content-length"), undefined);
    assertEquals(known.field("content-type"), undefined);
  }
});

NGINX.test("a file that was modified has another tag, and one of the same length too", async () => {
  await using both = await bothServing(SITE);
  for (const port of [both.ours, both.nginx]) {
    const before = await ask(port, "HEAD", target);
    const later = new Date(MODIFIED.getTime() + 1000);
    await Deno.writeTextFile(both.folder + target, "ONE PAGE OF TEXT");
    await Deno.utime(both.folder + target, later, later);
    const after = await ask(port, "GET", target, [`If-None-Match: ${before.field("etag")}`]);
    assertEquals([after.status, after.body], [200, "ONE PAGE OF TEXT"]);
    assertEquals(after.field("last-modified"), later.toUTCString());
    await Deno.utime(both.folder + target, MODIFIED, MODIFIED);
  }
});
