import { assert, assertEquals, assertFalse, assertInstanceOf } from "@std/assert";
import { HttpSyntaxError } from "../../../../src/core/http/syntax.ts";
import {
  decodeArguments,
  decodePath,
  effectivePort,
  hasPlainSlashes,
  isSameAuthority,
  normalPath,
  parseAuthority,
  parseTarget,
} from "../../../../src/core/http/target.ts";
import { assertRefused } from "../../../support/http_messages.ts";

Deno.test("RFC 9112 section 3.2.1: the origin form is a path with or without a query", () => {
  assertEquals(parseTarget("GET", "/a/b?c=%20&d?e"), {
    path: "/a/b",
    uriArgs: "c=%20&d?e",
    absolute: undefined,
  });
  assertEquals(parseTarget("GET", "/?").uriArgs, "");
  assertEquals(parseTarget("GET", "/").path, "/");
});

Deno.test("RFC 9112 section 3.2.2: the absolute form is taken for http and https", () => {
  assertEquals(parseTarget("GET", "HTTP://A.b:81/c?d"), {
    path: "/c",
    uriArgs: "d",
    absolute: { scheme: "http", authority: { host: "a.b", port: 81 } },
  });
  assertEquals(parseTarget("GET", "https://a").path, "/");
  const query = parseTarget("GET", "http://a?b/c");
  assertEquals([query.path, query.uriArgs], ["/", "b/c"]);
});

Deno.test("other schemes, bad authorities and userinfo are refused", () => {
  for (const target of ["ftp://a/", "ws://a/", "://a", "http:/a", "a:80", "a", "http//a"]) {
    assertRefused(() => parseTarget("GET", target), 400, "neither");
  }
  for (const target of ["http:///a", "http://u@a/", "http://u:p@a/", "http://a:b/", "http://[/"]) {
    assertRefused(() => parseTarget("GET", target), 400, "authority");
  }
});

Deno.test("RFC 9112 section 3.2.4: the asterisk form is for OPTIONS only", () => {
  assertEquals(parseTarget("OPTIONS", "*").path, "*");
  assertRefused(() => parseTarget("GET", "*"), 400, "OPTIONS");
});

Deno.test("a target has visible ASCII only, and no fragment", () => {
  for (const target of ["/\t", "/ ", "/\x7f", "/\xe9", "/\0"]) {
    assertRefused(() => parseTarget("GET", target), 400, "bad character");
  }
  assertRefused(() => parseTarget("GET", "/a#b"), 400, "fragment");
  assertRefused(() => parseTarget("GET", "/a?b#c"), 400, "fragment");
});

Deno.test("a path is percent-decoded once, as UTF-8", () => {
  assertEquals(decodePath("/a%20b"), "/a b");
  assertEquals(decodePath("/%C3%a9%e2%82%ac"), "/é€");
  assertEquals(decodePath("/%252e%252e/a"), "/%2e%2e/a");
  assertEquals(decodePath("/%EF%BB%BFa"), "/\ufeffa");
  assertEquals(decodePath("/+"), "/+");
});

Deno.test("arguments are decoded between their separators, leniently", () => {
  const decoded: [string, string[]][] = [
    ["", [""]],
    ["a=1&b", ["a=1", "b"]],
    ["a%26b&&%3d", ["a&b", "", "="]],
    ["a+b;c", ["a+b;c"]],
    ["%C3%A9%e9", ["\u00e9\ufffd"]],
    ["%&%1&%1g&%g1&%25%", ["%", "%1", "%1g", "%g1", "%%"]],
    ["%2541", ["%41"]],
  ];
  for (const [query, expected] of decoded) {
    assertEquals(decodeArguments(query).map(({ text }) => text), expected, query);
  }
});

Deno.test("an encoded NUL in the query is refused", () => {
  for (const target of ["/?%00", "/a?b=c%00d", "http://h?%00"]) {
    assertRefused(() => parseTarget("GET", target), 400);
  }
  assertEquals(parseTarget("GET", "/?%0").uriArgs, "%0");
});

Deno.test("a bad percent escape is refused", () => {
  for (const path of ["/%", "/%2", "/%g0", "/%0g", "/%%20", "/% 0", "/a%2/"]) {
    assertRefused(() => decodePath(path), 400, "escape");
  }
});

Deno.test("an escape that hides a control character is refused", () => {
  for (const path of ["/%00", "/a%00.txt", "/%0d%0a", "/%1f", "/%7f", "/%c2%80", "/%c2%9f"]) {
    assertRefused(() => decodePath(path), 400, "control");
  }
});

Deno.test("overlong, cut and surrogate UTF-8 in escapes is refused", () => {
  for (const path of ["/%c0%ae", "/%e0%80%af", "/%ff", "/%c3", "/%ed%a0%80", "/%f4%90%80%80"]) {
    assertRefused(() => decodePath(path), 400, "UTF-8");
  }
});

Deno.test("RFC 3986 section 5.2.4: dot segments are reduced, never above the root", () => {
  const cases: [string, string][] = [
    ["/..", "/"],
    ["/.", "/"],
    ["/../../etc/passwd", "/etc/passwd"],
    ["/a/../b", "/b"],
    ["/a/./b", "/a/b"],
    ["/a/b/..", "/a/"],
    ["/a/b/.", "/a/b/"],
    ["/a/..", "/"],
    ["/a/.../b", "/a/.../b"],
    ["/.a/..b", "/.a/..b"],
    ["/a//b///c", "/a/b/c"],
    ["//", "/"],
    ["//a/", "/a/"],
    ["/a//../b", "/b"],
  ];
  for (const [path, reduced] of cases) assertEquals(decodePath(path), reduced, path);
});

Deno.test("encoded dots and slashes count as dots and slashes", () => {
  assertEquals(decodePath("/a/%2e%2e/b"), "/b");
  assertEquals(decodePath("/%2E./%2e%2E/b"), "/b");
  assertEquals(decodePath("/..%2f..%2Fetc"), "/etc");
  assertEquals(decodePath("/%2e%2e%2fetc"), "/etc");
});

Deno.test("a backslash is a character like others", () => {
  assertEquals(decodePath("/..\\..\\etc"), "/..\\..\\etc");
  assertEquals(decodePath("/..%5cetc"), "/..\\etc");
});

Deno.test("a path that is another one as part of a URL is refused, so that a filter is told what is dispatched on", () => {
  const refused = [
    "/admin/..%2flogin",
    "/admin/..%2Fpublic%2fx",
    "/admin//../public/x",
    "/admin/%2f/../public/x",
    "/a%2fb/../c",
    "/a%2f.%2fb",
    "/a%2f..",
    "http://a/admin/..%2flogin",
  ];
  for (const path of refused) assertRefused(() => parseTarget("GET", path), 400, "two ways");
  for (const path of ["/x\\..\\admin", "/\\", "http://a/b\\c?d"]) {
    assertRefused(() => parseTarget("GET", path), 400, "backslash");
  }
  assertEquals(parseTarget("GET", "/a?b\\c").uriArgs, "b\\c");
  const taken = {
    "/a%2fb/c": "/a/b/c",
    "/a%2f%2fb": "/a/b",
    "/a//b": "/a/b",
    "/x%5c..%5cy": "/x\\..\\y",
  };
  for (const [path, read] of Object.entries(taken)) {
    assertEquals(parseTarget("GET", path).path, read);
  }
});

Deno.test("dot segments go before anything is decoded, also behind a segment that begins with a dot", () => {
  const cases = {
    "/a/.b/../c": "/a/c",
    "/admin/.b/../../login": "/login",
    "/a/.b/%2e%2E/c/.": "/a/c/",
    "/a/..": "/",
    "/../..": "/",
    "/a//../b": "/a/b",
    "/a%2f../b/..c/...": "/a%2F../b/..c/...",
    "/": "/",
  };
  for (const [path, left] of Object.entries(cases)) assertEquals(normalPath(path), left);
});

const escaped = (text: string) =>
  [...text].map((it) => `%${it.charCodeAt(0).toString(16)}`).join("");

Deno.test("RFC 3986 section 6.2.2: escapes are upper case, and of no character that needs none", () => {
  assertEquals(normalPath(`/${escaped("AZaz09-._~")}`), "/AZaz09-._~");
  const others =
    "%2F%5C%25%20%3F%23%22%3C%3E%60%7B%7D%C3%A9%21%24%26%27%28%29%2A%2B%2C%3A%3B%3D%40%5B%5D%7C%5E";
  for (const each of [others, others.toLowerCase()]) {
    assertEquals(normalPath(`/${each}`), `/${others}`);
  }
  assertEquals(normalPath("/^@%2561"), "/^@%2561", "decoded once");
});

Deno.test("behind a filter a path has one form", () => {
  const plain = "AZaz09-._~!$&'()*+,:;=@[]|";
  assertEquals(normalPath(`/${escaped(plain)}`, true), `/${plain}`);
  const others = "/%2F%5C%25%20%3F%23%22%3C%3E%60%7B%7D%C3%A9%5E";
  for (const each of [others, others.toLowerCase()]) assertEquals(normalPath(each, true), others);
  assertEquals(normalPath("/^%2561", true), "/%5E%2561", "decoded once");
});

Deno.test("slashes are plain that part segments alone", () => {
  for (const path of ["/", "/a", "/a/", "/a/../b", "/%2e%2e/a", "/%252f"]) {
    assertEquals(hasPlainSlashes(path), true, path);
  }
  for (const path of ["//", "//a", "/a//b", "/a//", "/a%2fb", "/%2F", "/a/..//b"]) {
    assertEquals(hasPlainSlashes(path), false, path);
  }
});

Deno.test("whatever a path is made of, those with plain slashes that are read alike have the same URL behind a filter", () => {
  const pieces = [
    "/",
    ".",
    "%2e",
    "a",
    "%61",
    "%5e",
    "^",
    "%5B",
    "[",
    "%25",
    "%3f",
    "%C3%A9",
    "%c3%a9",
  ];
  const urls = new Map<string, string>();
  let same = 0;
  for (let n = 0; n < pieces.length ** 5; n++) {
    let path = "/";
    for (let rest = n; rest > 0; rest = Math.floor(rest / pieces.length)) {
      path += pieces[rest % pieces.length];
    }
    // It is refused, as `..` takes another segment away for each.
    if (!hasPlainSlashes(path) || /\/\/+(?:\.|%2e){2}/.test(path)) continue;
    const read = parseTarget("GET", path).path;
    const { pathname } = new URL(`http://h${normalPath(path, true)}`);
    const known = urls.get(read);
    if (known === undefined) urls.set(read, pathname);
    else if (known === pathname) same++;
    else assertEquals(pathname, known, `${path}, read as ${read}`);
  }
  assertEquals(same > 100_000, true, `${same}`);
});

Deno.test("whatever a path is made of, it is refused or the one that a URL has", () => {
  const pieces = ["/", ".", "%2e", "%2F", "a", "%5c"];
  let taken = 0;
  for (let length = 0; length <= 6; length++) {
    for (let n = 0; n < pieces.length ** length; n++) {
      let path = "/";
      for (let i = 0, rest = n; i < length; i++, rest = Math.floor(rest / pieces.length)) {
        path += pieces[rest % pieces.length];
      }
      let read;
      try {
        read = parseTarget("GET", path).path;
      } catch (error) {
        assertInstanceOf(error, HttpSyntaxError, path);
        continue;
      }
      taken++;
      const url = new URL(`http://h${normalPath(path)}`);
      const inUrl = decodeURIComponent(url.pathname);
      // Node 22 leaves what is behind a segment that begins with a dot.
      if (!/\/\.[^/%]/.test(path)) {
        const { pathname } = new URL(`http://h${path}`);
        assertEquals(pathname.replaceAll("%2e", ".").replaceAll("%5c", "%5C"), url.pathname, path);
      }
      assertEquals(read, inUrl.replace(/\/{2,}/g, "/"), path);
    }
  }
  assertEquals(taken > 10_000, true, `${taken}`);
});

Deno.test("an authority is a name or address with or without a port", () => {
  assertEquals(parseAuthority("Example.COM"), { host: "example.com", port: undefined });
  assertEquals(parseAuthority("a:80"), { host: "a", port: 80 });
  assertEquals(parseAuthority("a:"), { host: "a", port: undefined });
  assertEquals(parseAuthority("127.0.0.1:65535"), { host: "127.0.0.1", port: 65535 });
  assertEquals(parseAuthority("[::1]"), { host: "[::1]", port: undefined });
  assertEquals(parseAuthority("[FE80::1]:8080"), { host: "[fe80::1]", port: 8080 });
});

Deno.test("what is no authority is refused", () => {
  const wrong = ["", ":80", "a b", "a,b", "a/b", "a@b", "a:b:1", "a:65536", "a:+1", "a: 1", "a:1 "];
  wrong.push(
    "[::1",
    "[]",
    "[::1]x",
    "[::g]",
    "::1",
    "a%00",
    "\xe9",
    "a?b",
    "a#b",
    "a\\b",
    "[a]b:1",
  );
  for (const text of wrong) assertEquals(parseAuthority(text), undefined, JSON.stringify(text));
});

Deno.test("a missing port is the scheme's", () => {
  const bare = parseAuthority("a")!;
  for (const [scheme, port] of [["http", 80], ["https", 443], ["ws", 80], ["wss", 443]] as const) {
    assertEquals(effectivePort(bare, scheme), port);
    assert(isSameAuthority(bare, { host: "a", port }, scheme));
  }
  assertEquals(effectivePort(bare, "app"), undefined);
  assertFalse(isSameAuthority(bare, { host: "a", port: 443 }, "http"));
  assertFalse(isSameAuthority(bare, { host: "b", port: undefined }, "http"));
});
