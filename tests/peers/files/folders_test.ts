/** What a mount makes of paths: index, slash, types, compressed forms, and what is never served; nginx beside. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Both, BothOptions, Question } from "./beside_nginx.ts";
import { ask, bothServing, compare } from "./beside_nginx.ts";
import { BASH, CURL, NGINX, output } from "../peer.ts";
import { temporaryFolder } from "../../support/folder.ts";

const SITE = {
  files: {
    "index.html": "<!doctype html><title>home</title>",
    "docs/index.html": "<!doctype html><title>docs</title>",
    "docs/page.html": "<!doctype html><title>page</title>",
    "a folder/index.html": "<!doctype html><title>a folder</title>",
    "bare/page.txt": "no index here",
    ".secret": "hidden",
    "docs/.git/config": "hidden as well",
    "named.d/file.txt": "a dot inside of a name is nothing special",
    "100%.txt": "a percent sign",
    "ünïcode.txt": "a name beyond ASCII",
  },
  mount: {},
};

/** nginx, told to do what a mount does by itself. */
const WITHOUT_DOTFILES = "location ~ /\\. { return 404; }";

const PATHS: readonly Question[] = [
  { name: "the root is its index", target: "/", status: 200 },
  { name: "the index by its name", target: "/index.html", status: 200 },
  { name: "a query is no part of the name", target: "/index.html?x=1", status: 200 },
  { name: "a folder is its index", target: "/docs/", status: 200 },
  { name: "a file in a folder", target: "/docs/page.html", status: 200 },
  { name: "a folder without its slash is sent there", target: "/docs", status: 301 },
  { name: "and takes its query along", target: "/docs?a=b&c=%20d", status: 301 },
  { name: "a name with a blank is encoded again", target: "/a%20folder", status: 301 },
  { name: "a name with a blank", target: "/a%20folder/", status: 200 },
  { name: "a percent sign", target: "/100%25.txt", status: 200 },
  { name: "a name beyond ASCII", target: "/%C3%BCn%C3%AFcode.txt", status: 200 },
  { name: "what isn't there", target: "/absent.html", status: 404 },
  { name: "a folder that isn't there", target: "/absent/", status: 404 },
  { name: "a file with a slash behind it", target: "/docs/page.html/", status: 404 },
  {
    name: "a folder without an index",
    target: "/bare/",
    status: 404,
    unlike: { status: 403, because: "404 tells nobody which folders there are" },
  },
  {
    name: "a file whose folder has a dot inside of its name",
    target: "/named.d/file.txt",
    status: 200,
  },
  { name: "a dotfile", target: "/.secret", status: 404 },
  { name: "a file in a folder that begins with a dot", target: "/docs/.git/config", status: 404 },
  { name: "a dotfile by an encoded dot", target: "/%2esecret", status: 404 },
  { name: "two slashes are one", target: "/docs//page.html", status: 200 },
  {
    name: "a method that is not for files",
    method: "DELETE",
    target: "/index.html",
    status: 405,
    unlike: { fields: ["allow"], because: "405 has an Allow field (RFC 9110 section 15.5.6)" },
  },
];

NGINX.test("paths of a mount are files, indexes, redirects or nothing", async () => {
  await using both = await bothServing({ ...SITE, nginx: WITHOUT_DOTFILES });
  await compare(both, PATHS);
  await compare(
    both,
    PATHS.filter(({ method }) => method === undefined).map((each) => ({ ...each, method: "HEAD" })),
  );
});

NGINX.test("a redirect names a path and no host, whatever the request says", async () => {
  await using both = await bothServing(SITE);
  await Deno.mkdir(`${both.folder}/evil.test`);
  for (
    const [target, location] of [
      ["/docs", "/docs/"],
      ["//docs", "/docs/"],
      ["/docs?x=%0d%0aSet-Cookie:a=b", "/docs/?x=%0d%0aSet-Cookie:a=b"],
      ["/%64ocs", "/docs/"],
      ["//evil.test", "/evil.test/"],
      ["/docs/..//evil.test", undefined],
      ["/%2fevil.test", undefined],
      ["/\\evil.test", undefined],
      ["/%5cevil.test", undefined],
      ["/docs%0d%0aSet-Cookie:%20a=b", undefined],
    ] as const
  ) {
    const { status, field } = await ask(both.ours, "GET", target, ["X-Forwarded-Host: evil.test"]);
    assertEquals(field("location"), location, target);
    assert(status === 301 || status >= 400, `${target}: ${status}`);
    assertEquals(field("set-cookie"), undefined);
  }
});

/** Nothing of a folder but what is below it, and no way around its rules. */
const FORBIDDEN = [
  "/../outside.txt",
  "/docs/../../outside.txt",
  "/%2e%2e/outside.txt",
  "/..%2foutside.txt",
  "/..%5coutside.txt",
  "/.%2e/outside.txt",
  "/docs/%2e%2e/%2e%2e/outside.txt",
  "/....//outside.txt",
  "/index.html%00.txt",
  "/link_out.txt",
  "/link_to_folder/outside.txt",
  "/chain.txt",
  "/pipe",
  "/.secret",
  "/docs/.git/config",
];

CURL.test("nothing leads out of a mount, and pipes and dotfiles are not in it", async () => {
  await using both = await bothServing({ ...SITE, nginx: WITHOUT_DOTFILES });
  await using temporary = await temporaryFolder();
  const outside = temporary.path;
  await Deno.writeTextFile(`${outside}/outside.txt`, "of no concern to anybody");
  await Deno.symlink(`${outside}/outside.txt`, `${both.folder}/link_out.txt`);
  await Deno.symlink(outside, `${both.folder}/link_to_folder`);
  await Deno.symlink("link_out.txt", `${both.folder}/chain.txt`);
  await Deno.symlink("docs/page.html", `${both.folder}/link_in.html`);
  await output(BASH.path, ["-c", 'mkfifo "$1"', "bash", `${both.folder}/pipe`]);
  for (const target of FORBIDDEN) {
    const url = `http://127.0.0.1:${both.ours}${target}`;
    const args = ["--silent", "--path-as-is", "--max-time", "20", "--write-out", "\n%{http_code}"];
    const [body, status] = (await output(CURL.path, [...args, url])).split(/\n(?=\d+$)/);
    assert(/^40[034]$/.test(status!), `${target}: ${status}`);
    assert(!/concern|hidden/.test(body!), `${target}: ${body}`);
  }
  // A link that stays inside is a file like any other.
  const { status, body } = await ask(both.ours, "GET", "/link_in.html");
  assertEquals([status, body], [200, SITE.files["docs/page.html"]]);
  await compare(both, [{ name: "a link inside", target: "/link_in.html", status: 200 }]);
  await compare(both, [{ name: "a pipe", target: "/pipe", status: 404 }]);
});

const SHEET = "main { color: green }\n".repeat(100);
const COMPRESSED = {
  files: {
    "app.css": SHEET,
    "app.css.gz": gzipSync(SHEET),
    "only.css": SHEET,
    "docs/index.html": SHEET,
    "docs/index.html.gz": gzipSync(SHEET),
  },
  nginx: "gzip_static on; gzip_vary on; gzip_http_version 1.0;",
  mount: { precompressed: ["gz"] },
} satisfies BothOptions;

NGINX.test("a compressed form is sent to those who accept it, and caches are told", async () => {
  await using both = await bothServing(COMPRESSED);
  const accept = (value: string) => () => [`Accept-Encoding: ${value}`];
  const parts = { fields: ["accept-ranges"], because: "a compressed form has parts, too" };
  const question = (name: string, fields?: Question["fields"], more: Partial<Question> = {}) => ({
    name,
    target: "/app.css",
    status: 200,
    ...fields && { fields },
    ...more,
  });
  const WEIGHTS = "weights are compared (RFC 9110 section 12.5.3)";
  await compare(both, [
    question("gzip is accepted", accept("gzip"), { unlike: parts }),
    question("gzip among others", accept("deflate, gzip;q=0.8, br"), { unlike: parts }),
    question("gzip in capitals", accept("GZIP"), { unlike: parts }),
    question("nothing is said"),
    question("gzip is refused", accept("gzip;q=0")),
    question("only others", accept("zstd, deflate")),
    question("the plain form is wanted more", accept("gzip;q=0.5, identity;q=1"), {
      unlike: {
        fields: ["content-encoding", "content-length", "accept-ranges"],
        body: true,
        because: WEIGHTS,
      },
    }),
    question("anything", accept("*"), {
      unlike: {
        fields: ["content-encoding", "content-length"],
        body: true,
        because: "* is every coding that is not named (RFC 9110 section 12.5.3)",
      },
    }),
    question("there is no compressed form", accept("gzip"), { target: "/only.css" }),
    question("an index has one too", accept("gzip"), { target: "/docs/", unlike: parts }),
    question("HEAD says the same", accept("gzip"), { method: "HEAD", unlike: parts }),
    question(
      "a part of the compressed form",
      () => ["Accept-Encoding: gzip", "Range: bytes=0-9"],
      { status: 206, unlike: { status: 200, because: parts.because } },
    ),
  ]);
});

NGINX.test("a compressed form has a tag of its own, and its 304 says Vary", async () => {
  await using both = await bothServing(COMPRESSED);
  const plain = await ask(both.ours, "GET", "/app.css");
  const gzip = ["Accept-Encoding: gzip"];
  const packed = await ask(both.ours, "GET", "/app.css", gzip);
  assertEquals(plain.body, SHEET);
  assert(plain.field("etag") !== packed.field("etag"));
  const known = await ask(both.ours, "GET", "/app.css", [
    ...gzip,
    `If-None-Match: ${packed.field("etag")}`,
  ]);
  assertEquals([known.status, known.field("vary")?.toLowerCase()], [304, "accept-encoding"]);
  const other = await ask(both.ours, "GET", "/app.css", [`If-None-Match: ${packed.field("etag")}`]);
  assertEquals([other.status, other.body], [200, SHEET]);
});

CURL.test("curl unpacks a compressed form", async () => {
  await using both = await bothServing(COMPRESSED);
  const url = `http://127.0.0.1:${both.ours}/app.css`;
  const headers = await output(CURL.path, ["--silent", "--compressed", "--head", url]);
  assertStringIncludes(headers.toLowerCase(), "content-encoding: gzip");
  assertEquals(await output(CURL.path, ["--silent", "--compressed", url]), SHEET);
});

NGINX.test("texts are compressed on their way as by nginx, and ranges are not", async () => {
  await using both = await bothServing({
    files: { "app.css": SHEET, "short.css": "a {}", "app.bin": SHEET },
    nginx: "gzip on; gzip_types text/css; gzip_min_length 1024; gzip_vary on;",
    compression: true,
    mount: {},
  });
  for (const port of [both.ours, both.nginx]) {
    const fields = ["Accept-Encoding: gzip"];
    const packed = await ask(port, "GET", "/app.css", fields);
    assertEquals(packed.field("content-encoding"), "gzip");
    assertEquals(packed.field("vary")?.toLowerCase(), "accept-encoding");
    assert(packed.body.length < SHEET.length / 4, `${packed.body.length} bytes`);
    const bytes = Uint8Array.from(packed.body, (each) => each.charCodeAt(0));
    assertEquals(gunzipSync(bytes).toString(), SHEET);
    const plain = await ask(port, "GET", "/app.css");
    assertEquals([plain.field("content-encoding"), plain.body], [undefined, SHEET]);
    assertEquals(plain.field("vary")?.toLowerCase(), "accept-encoding");
    // Two forms under one strong tag would be put together from parts of both.
    assert(plain.field("etag") !== packed.field("etag"));
    const known = [...fields, `If-None-Match: ${packed.field("etag")}`];
    assertEquals((await ask(port, "GET", "/app.css", known)).status, 304);
    for (const target of ["/short.css", "/app.bin"]) {
      assertEquals((await ask(port, "GET", target, fields)).field("content-encoding"), undefined);
    }
  }
  const part = await ask(both.ours, "GET", "/app.css", [
    "Accept-Encoding: gzip",
    "Range: bytes=0-9",
  ]);
  assertEquals([part.status, part.body], [206, SHEET.slice(0, 10)]);
  assertEquals(part.field("content-encoding"), undefined);
});

NGINX.test("a listing has what nginx's has, and no dotfiles", async () => {
  await using both = await bothServing({
    files: { "list/a b.txt": "a", 'list/<i>"&.txt': "b", "list/c/index.html": "c", "list/.d": "d" },
    nginx: "autoindex on;",
    mount: { listing: true },
  });
  const [ours, theirs] = await Promise.all([both.ours, both.nginx].map(async (port) => {
    const { status, body } = await ask(port, "GET", "/list/");
    assertEquals(status, 200);
    const links = [...body.matchAll(/<a href="([^"]*)"/g)].map(([, link]) => link!);
    return links.map((link) => decodeURIComponent(link.replace(/^\.\//, ""))).sort();
  }));
  assertEquals(ours, ["../", '<i>"&.txt', "a b.txt", "c/"]);
  assertEquals(theirs, ours);
});

/**
 * Ours and nginx 1.22's, where they are not the same: ours are IANA's where it has one, and say more where
 * nginx says `application/octet-stream`.
 */
const OTHER_TYPES: Readonly<Record<string, string>> = {
  bmp: "image/bmp | image/x-ms-bmp",
  deb: "application/x-debian-package | application/octet-stream",
  dll: "application/x-msdownload | application/octet-stream",
  dmg: "application/x-apple-diskimage | application/octet-stream",
  exe: "application/x-msdos-program | application/octet-stream",
  ico: "image/vnd.microsoft.icon | image/x-icon",
  iso: "application/x-iso9660-image | application/octet-stream",
  js: "text/javascript | application/javascript",
  m4a: "audio/mp4 | audio/x-m4a",
  msi: "application/x-msdownload | application/octet-stream",
  pdb: "application/vnd.palm | application/x-pilot",
  prc: "model/prc | application/x-pilot",
  ra: "audio/x-pn-realaudio | audio/x-realaudio",
  rar: "application/vnd.rar | application/x-rar-compressed",
  ts: "text/typescript | video/mp2t",
  xml: "application/xml | text/xml",
};

NGINX.test("types are those of nginx, but where ours are IANA's or say more", async () => {
  const endings = await nginxEndings();
  await using both = await bothServing({
    files: Object.fromEntries(endings.map((ending) => [`file.${ending}`, "x"])),
    mount: {},
  });
  const other: Record<string, string> = {};
  let same = 0;
  for (const ending of endings) {
    const [ours, theirs] = await typesOf(both, `/file.${ending}`);
    if (ours === theirs) same++;
    else other[ending] = `${ours} | ${theirs}`;
  }
  assertEquals(other, OTHER_TYPES);
  assert(same >= 40, `${same}`);
});

/** Without parameters. */
async function typesOf({ ours, nginx }: Both, target: string): Promise<string[]> {
  return await Promise.all([ours, nginx].map(async (port) => {
    const { field } = await ask(port, "HEAD", target);
    return field("content-type")!.split(";")[0]!;
  }));
}

/** All that nginx knows. */
async function nginxEndings(): Promise<string[]> {
  const table = await Deno.readTextFile("/etc/nginx/mime.types");
  return [...table.matchAll(/^\s+\S+\/\S+\s+([^;]+);/gm)]
    .flatMap(([, endings]) => endings!.trim().split(/\s+/));
}
