/** Ranges of a file (RFC 9110 section 14), with nginx's answers beside ours. */

import { assertEquals, assertMatch } from "@std/assert";
import { ask, bothServing, compare, type Question, questions } from "./beside_nginx.ts";
import { CURL, NGINX, output } from "../peer.ts";

const target = "/digits.txt";
const LENGTH = 1000;
const CONTENT = Array.from({ length: LENGTH / 4 }, (_, i) => String(i).padStart(4, "0")).join("");
const SITE = { files: { "digits.txt": CONTENT, "empty.txt": "" } };

/** A question about one Range field. */
function ranged(
  name: string,
  range: string,
  status: number,
  more: Partial<Question> = {},
): Question {
  return { name: `${name} (${range})`, target, fields: () => [`Range: ${range}`], status, ...more };
}

/** `count` ranges of a byte each, which neither overlap nor touch. */
function scattered(count: number): string {
  return "bytes=" + Array.from({ length: count }, (_, i) => `${i * 3}-${i * 3}`).join(",");
}

const IGNORED = "a Range field that is not valid is ignored (RFC 9110 section 14.2)";
const JOINED = "ranges that overlap or touch are joined (RFC 9110 section 15.3.7.1)";

const QUESTIONS: readonly Question[] = [
  ranged("a single range", "bytes=0-9", 206),
  ranged("a single byte", "bytes=999-999", 206),
  ranged("all of it", "bytes=0-", 206),
  ranged("an open range", "bytes=990-", 206),
  ranged("a suffix", "bytes=-10", 206),
  ranged("a suffix that is longer than the file", "bytes=-5000", 206),
  ranged("an end behind the file's", "bytes=990-5000", 206),
  ranged("an end that no number holds", "bytes=990-99999999999999999999999999", 206, {
    unlike: {
      status: 416,
      because: "positions have any number of digits (RFC 9110 section 14.1.1)",
    },
  }),
  ranged("a unit in capitals", "Bytes=0-9", 206),
  ranged("several ranges", "bytes=0-9,20-29,990-", 206, {
    unlike: {
      fields: ["content-length"],
      body: true,
      because: "boundaries have lengths of their own",
    },
  }),
  ranged("blanks between ranges", "bytes=0-9 , 20-29", 206, {
    unlike: {
      fields: ["content-length"],
      body: true,
      because: "boundaries have lengths of their own",
    },
  }),
  ranged("ranges that overlap", "bytes=0-99,50-149", 206, {
    unlike: {
      fields: ["content-length", "content-range", "content-type"],
      body: true,
      because: JOINED,
    },
  }),
  ranged("ranges that touch", "bytes=0-99,100-149", 206, {
    unlike: {
      fields: ["content-length", "content-range", "content-type"],
      body: true,
      because: JOINED,
    },
  }),
  ranged("the same range twice as long as the file", "bytes=0-,0-", 206, {
    unlike: { status: 200, because: JOINED },
  }),
  ranged("one range of several is satisfiable", "bytes=5000-,0-9", 206),
  ranged("sixteen ranges", scattered(16), 206, {
    unlike: {
      fields: ["content-length"],
      body: true,
      because: "boundaries have lengths of their own",
    },
  }),
  ranged("a seventeenth range", scattered(17), 200, {
    unlike: {
      status: 206,
      because: "so many small parts cost more than the whole (RFC 9110 section 17.15)",
    },
  }),
  ranged("a start behind the end", "bytes=1000-", 416),
  ranged("a start and an end behind the file's", "bytes=5000-6000", 416),
  ranged("a suffix of nothing", "bytes=-0", 416),
  ranged("several, none of which is satisfiable", "bytes=1000-,5000-6000", 416),
  ranged("another unit", "lines=0-9", 200),
  ranged("a start behind its own end", "bytes=9-0", 200, {
    unlike: { status: 416, because: IGNORED },
  }),
  ranged("no number", "bytes=a-b", 200, { unlike: { status: 416, because: IGNORED } }),
  ranged("no dash", "bytes=5", 200, { unlike: { status: 416, because: IGNORED } }),
  ranged("no position at all", "bytes=-", 200, { unlike: { status: 416, because: IGNORED } }),
  ranged("a negative start", "bytes=--5", 200, { unlike: { status: 416, because: IGNORED } }),
  ranged("no range behind the unit", "bytes=", 200),
  ranged("one of several is malformed", "bytes=0-9,x", 200, {
    unlike: { status: 416, because: IGNORED },
  }),
  ...questions(
    target,
    `
416 a range of an empty file
  at /empty.txt
  Range: bytes=0-
  nginx 200: no byte of it can be at that position
200 a suffix of an empty file
  at /empty.txt
  Range: bytes=-5
404 a range of a file that is not there
  at /absent.txt
  Range: bytes=0-9
`,
  ),
];

const IF_RANGE = questions(
  target,
  `
206 If-Range with its own tag
  Range: bytes=0-9
  If-Range: {etag}
200 If-Range with another tag
  Range: bytes=0-9
  If-Range: "other"
200 If-Range with a weak tag, which never does
  Range: bytes=0-9
  If-Range: W/{etag}
206 If-Range with its own date
  Range: bytes=0-9
  If-Range: {lastModified}
200 If-Range with an earlier date
  Range: bytes=0-9
  If-Range: {before}
200 If-Range with a later date, which is another one
  Range: bytes=0-9
  If-Range: {after}
200 If-Range that fails makes a range that can't be satisfied the whole
  Range: bytes=5000-
  If-Range: "other"
200 If-Range without a range
  If-Range: "other"
304 a precondition that is not met comes before the range
  Range: bytes=0-9
  If-None-Match: {etag}
412 a precondition that fails comes before a range that can't be satisfied
  Range: bytes=5000-
  If-Match: "other"
`,
);

NGINX.test("ranges are answered as RFC 9110 section 14 has them", async () => {
  await using both = await bothServing(SITE);
  await compare(both, QUESTIONS);
});

NGINX.test("If-Range decides between a part and the whole", async () => {
  await using both = await bothServing(SITE);
  await compare(both, IF_RANGE);
});

NGINX.test("HEAD has no ranges, as RFC 9110 section 14.2 defines them for GET alone", async () => {
  await using both = await bothServing(SITE);
  const because = "Range is defined for GET alone (RFC 9110 section 14.2)";
  await compare(both, [
    {
      ...ranged("a range", "bytes=0-9", 200, { unlike: { status: 206, because } }),
      method: "HEAD",
    },
    {
      ...ranged("not satisfiable", "bytes=5000-", 200, { unlike: { status: 416, because } }),
      method: "HEAD",
    },
  ]);
});

NGINX.test("each part of several says its own type and range, and the length is true", async () => {
  await using both = await bothServing(SITE);
  for (const port of [both.ours, both.nginx]) {
    const { status, field, body } = await ask(port, "GET", target, ["Range: bytes=0-3,8-11,-4"]);
    assertEquals(status, 206);
    assertEquals(Number(field("content-length")), body.length);
    assertEquals(field("content-range"), undefined);
    const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(field("content-type")!)!;
    const [preamble, ...parts] = body.split(`--${boundary}`);
    assertEquals(preamble!.trim(), "");
    assertEquals(parts.pop(), "--\r\n");
    assertEquals(parts.map((part) => part.split("\r\n\r\n")[1]), [
      "0000\r\n",
      "0002\r\n",
      "0249\r\n",
    ]);
    const heads = parts.map((part) => part.split("\r\n\r\n")[0]!.toLowerCase());
    ["0-3", "8-11", "996-999"].forEach((range, i) => {
      assertMatch(heads[i]!, /\r\ncontent-type: text\/plain; charset=utf-8\b/);
      assertMatch(heads[i]!, new RegExp(`\r\ncontent-range: bytes ${range}/1000\\b`));
    });
  }
});

NGINX.test("a 416 says how long the file is", async () => {
  await using both = await bothServing(SITE);
  for (const port of [both.ours, both.nginx]) {
    const { status, field } = await ask(port, "GET", target, ["Range: bytes=1000-"]);
    assertEquals([status, field("content-range")], [416, `bytes */${LENGTH}`]);
  }
});

CURL.test("curl takes a download up where it was left", async () => {
  await using both = await bothServing(SITE);
  for (const port of [both.ours, both.nginx]) {
    const part = `${both.folder}/part`;
    await Deno.writeTextFile(part, CONTENT.slice(0, 333));
    const report = await output(CURL.path, [
      ...["--silent", "--continue-at", "-", "--output", part],
      ...["--write-out", "%{http_code} %{size_download}", `http://127.0.0.1:${port}${target}`],
    ]);
    assertEquals(report, "206 667");
    assertEquals(await Deno.readTextFile(part), CONTENT);
  }
});
