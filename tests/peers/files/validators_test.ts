/** Preconditions of requests for a file (RFC 9110 section 13), with nginx's answers beside ours. */

import { assertEquals, assertMatch } from "@std/assert";
import { ask, bothServing, compare, MODIFIED, questions } from "./beside_nginx.ts";
import { NGINX } from "../peer.ts";

const target = "/page.txt";
const SITE = { files: { "page.txt": "one page of text" } };

const QUESTIONS = questions(
  target,
  `
200 no precondition is met
304 its own tag in If-None-Match is not modified
  If-None-Match: {etag}
304 If-None-Match compares weakly
  If-None-Match: W/{etag}
304 If-None-Match is a list, whose tags may have commas in them
  If-None-Match: "other", "a,b" , W/"c",{etag}, "last"
200 If-None-Match is a list of others
  If-None-Match: "other", W/"another"
304 If-None-Match is *
  If-None-Match: *
304 If-None-Match stands on two lines
  If-None-Match: "other"
  If-None-Match: {etag}
  nginx 400: a list may stand on several lines (RFC 9110 section 5.3); nginx keeps it as one
200 If-None-Match is no tag at all
  If-None-Match: other
304 If-Modified-Since is the very date
  If-Modified-Since: {lastModified}
304 If-Modified-Since is later
  If-Modified-Since: {after}
200 If-Modified-Since is earlier
  If-Modified-Since: {before}
200 If-Modified-Since is no date
  If-Modified-Since: yesterday
304 If-Modified-Since in RFC 850's form
  If-Modified-Since: Monday, 06-May-24 07:08:09 GMT
304 If-Modified-Since in asctime's form
  If-Modified-Since: Mon May  6 07:08:09 2024
200 If-None-Match comes before If-Modified-Since: another tag
  If-None-Match: "other"
  If-Modified-Since: {lastModified}
304 If-None-Match comes before If-Modified-Since: the same tag
  If-None-Match: {etag}
  If-Modified-Since: {before}
  nginx 200: If-Modified-Since is ignored beside If-None-Match (RFC 9110 section 13.1.3)
200 its own tag in If-Match goes on
  If-Match: "other", {etag}
200 If-Match is *
  If-Match: *
412 If-Match is another
  If-Match: "other"
412 If-Match compares strongly
  If-Match: W/{etag}
200 If-Unmodified-Since is the very date
  If-Unmodified-Since: {lastModified}
412 If-Unmodified-Since is earlier
  If-Unmodified-Since: {before}
200 If-Unmodified-Since is no date
  If-Unmodified-Since: yesterday
  nginx 412: a field that is no valid date is ignored (RFC 9110 section 13.1.4)
200 If-Match comes before If-Unmodified-Since
  If-Match: {etag}
  If-Unmodified-Since: {before}
  nginx 412: If-Unmodified-Since is ignored beside If-Match (RFC 9110 section 13.1.4)
412 If-Match comes before If-None-Match
  If-Match: "other"
  If-None-Match: {etag}
304 If-Match that is met leaves it to If-None-Match
  If-Match: {etag}
  If-None-Match: {etag}
404 preconditions of a file that is not there are nothing
  at /absent.txt
  If-Match: *
  If-None-Match: *
`,
);

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
