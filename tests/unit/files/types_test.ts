import { assertEquals } from "@std/assert";
import { isCompressible, mediaType } from "../../../src/files/types.ts";

const TEXT = "charset=utf-8";

/** What nginx and Deno's file server both know; where their names for it differ, the table decides. */
const KNOWN: Record<string, string> = {
  html: `text/html; ${TEXT}`,
  htm: `text/html; ${TEXT}`,
  shtml: `text/html; ${TEXT}`,
  css: `text/css; ${TEXT}`,
  js: `text/javascript; ${TEXT}`,
  mjs: `text/javascript; ${TEXT}`,
  json: `application/json; ${TEXT}`,
  map: `application/json; ${TEXT}`,
  webmanifest: `application/manifest+json; ${TEXT}`,
  txt: `text/plain; ${TEXT}`,
  md: `text/markdown; ${TEXT}`,
  csv: `text/csv; ${TEXT}`,
  ics: `text/calendar; ${TEXT}`,
  mml: `text/mathml; ${TEXT}`,
  jad: `text/vnd.sun.j2me.app-descriptor; ${TEXT}`,
  wml: `text/vnd.wap.wml; ${TEXT}`,
  htc: `text/x-component; ${TEXT}`,
  xml: "application/xml",
  atom: "application/atom+xml",
  rss: "application/rss+xml",
  xhtml: "application/xhtml+xml",
  xspf: "application/xspf+xml",
  kml: "application/vnd.google-earth.kml+xml",
  kmz: "application/vnd.google-earth.kmz",
  svg: "image/svg+xml",
  svgz: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  tif: "image/tiff",
  tiff: "image/tiff",
  ico: "image/vnd.microsoft.icon",
  bmp: "image/bmp",
  wbmp: "image/vnd.wap.wbmp",
  jng: "image/x-jng",
  woff: "font/woff",
  woff2: "font/woff2",
  ttf: "font/ttf",
  otf: "font/otf",
  eot: "application/vnd.ms-fontobject",
  wasm: "application/wasm",
  pdf: "application/pdf",
  ps: "application/postscript",
  rtf: "application/rtf",
  zip: "application/zip",
  gz: "application/gzip",
  "7z": "application/x-7z-compressed",
  rar: "application/vnd.rar",
  tar: "application/x-tar",
  jar: "application/java-archive",
  doc: "application/msword",
  xls: "application/vnd.ms-excel",
  ppt: "application/vnd.ms-powerpoint",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  odt: "application/vnd.oasis.opendocument.text",
  ods: "application/vnd.oasis.opendocument.spreadsheet",
  odp: "application/vnd.oasis.opendocument.presentation",
  m3u8: "application/vnd.apple.mpegurl",
  bin: "application/octet-stream",
  iso: "application/x-iso9660-image",
  mid: "audio/midi",
  mp3: "audio/mpeg",
  ogg: "audio/ogg",
  m4a: "audio/mp4",
  "3gp": "video/3gpp",
  mp4: "video/mp4",
  mpg: "video/mpeg",
  mov: "video/quicktime",
  webm: "video/webm",
  avi: "video/x-msvideo",
  m4v: "video/x-m4v",
  wmv: "video/x-ms-wmv",
};

Deno.test("the types that nginx and Deno's file server both know are known", () => {
  for (const [ending, type] of Object.entries(KNOWN)) {
    assertEquals(mediaType(`/a/b.c.${ending}`), type);
    assertEquals(mediaType(`x.${ending.toUpperCase()}`), type);
  }
});

Deno.test("sources in TypeScript are text, and streams of MPEG by an ending of their own are video", () => {
  for (const ending of ["ts", "mts", "cts", "TS"]) {
    assertEquals(mediaType(`/a.d.${ending}`), `text/typescript; ${TEXT}`);
  }
  assertEquals(mediaType("a.tsx"), `text/tsx; ${TEXT}`);
  assertEquals(isCompressible(mediaType("a.ts")), true);
  assertEquals(mediaType("a.m2ts"), "video/mp2t");
});

Deno.test("a name without an ending, or with an unknown one, is of no known type", () => {
  for (const path of ["/", "", "/html", "/a.html/b", "/a.", "/a.nothing", "/a.__proto__", "/a. "]) {
    assertEquals(mediaType(path), "application/octet-stream", path);
  }
});

Deno.test("text, scripts, JSON, XML and code compress; what is compressed already doesn't", () => {
  for (const ending of ["html", "css", "js", "json", "svg", "xml", "rss", "wasm", "map", "ttf"]) {
    assertEquals(isCompressible(mediaType(`x.${ending}`)), true, ending);
  }
  for (const ending of ["png", "jpg", "mp4", "zip", "gz", "woff2", "pdf", "bin", "docx"]) {
    assertEquals(isCompressible(mediaType(`x.${ending}`)), false, ending);
  }
  assertEquals(isCompressible("TEXT/X ; charset=x"), true);
  assertEquals(isCompressible("application/ld+json"), true);
});
