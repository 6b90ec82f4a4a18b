import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type ExtensionOffer,
  formatExtension,
  MAX_EXTENSION_PARAMS,
  MAX_EXTENSIONS,
  parseExtensions,
} from "../../../../src/core/websocket/extension_header.ts";
import { isToken, splitList } from "../../../../src/core/http/syntax.ts";

/** An extension with parameters as `"name"` or `["name", "value"]`. */
function extension(name: string, ...params: (string | [string, string])[]): ExtensionOffer {
  return {
    name,
    params: params.map((param) =>
      typeof param === "string"
        ? { name: param, value: undefined }
        : { name: param[0], value: param[1] }
    ),
  };
}

function assertMalformed(value: string): void {
  assertEquals(parseExtensions(value), undefined, JSON.stringify(value.slice(0, 100)));
}

Deno.test("RFC 6455 section 9.1: extensions and parameters keep their order", () => {
  const table: [string, ExtensionOffer[]][] = [
    ["foo", [extension("foo")]],
    ["foo, bar; baz=2", [extension("foo"), extension("bar", ["baz", "2"])]],
    ["deflate-stream", [extension("deflate-stream")]],
    [
      "mux; max-channels=4; flow-control, deflate-stream",
      [extension("mux", ["max-channels", "4"], "flow-control"), extension("deflate-stream")],
    ],
    ["private-extension", [extension("private-extension")]],
    ["!#$%&'*+-.^_`|~; ~=^", [extension("!#$%&'*+-.^_`|~", ["~", "^"])]],
    ["a;b;c=1;d", [extension("a", "b", ["c", "1"], "d")]],
  ];
  for (const [value, offers] of table) assertEquals(parseExtensions(value), offers, value);
});

Deno.test("repeated extensions and repeated parameters are kept as they came", () => {
  assertEquals(parseExtensions("a, a; x, a"), [
    extension("a"),
    extension("a", "x"),
    extension("a"),
  ]);
  assertEquals(parseExtensions("a; x; x=1; x"), [extension("a", "x", ["x", "1"], "x")]);
});

Deno.test("the case of names and values is kept", () => {
  assertEquals(parseExtensions("Foo; BAR=Baz"), [extension("Foo", ["BAR", "Baz"])]);
});

Deno.test("RFC 6455 section 4.3: blanks may stand around every separator", () => {
  const offers = [extension("a", ["b", "c"], "d"), extension("e")];
  for (const blank of ["", " ", "\t", " \t "]) {
    const spaced = ["", "a", ";", "b", "=", "c", ";", "d", ",", "e", ""].join(blank);
    assertEquals(parseExtensions(spaced), offers, JSON.stringify(spaced));
    assertEquals(
      parseExtensions(`a${blank};${blank}b${blank}=${blank}"c"${blank};d,${blank}e`),
      offers,
    );
  }
});

Deno.test("RFC 9110 section 5.6.1.2: empty elements count for nothing", () => {
  assertEquals(parseExtensions(",a,, b ; c , ,"), [extension("a"), extension("b", "c")]);
  for (const none of ["", " ", "\t", ",", ", ", " , ,\t,"]) assertEquals(parseExtensions(none), []);
});

Deno.test("a quoted value is the token that it stands for", () => {
  const table: [string, string][] = [
    ['"10"', "10"],
    ['"\\1\\0"', "10"],
    ['"\\a\\b"', "ab"],
    ['"1\\0"', "10"],
    ['"!#$%&\'*+-.^_`|~"', "!#$%&'*+-.^_`|~"],
  ];
  for (const [quoted, token] of table) {
    assertEquals(parseExtensions(`a; b=${quoted}`), [extension("a", ["b", token])], quoted);
    assertEquals(parseExtensions(`a; b=${quoted}, c; d`), [
      extension("a", ["b", token]),
      extension("c", "d"),
    ]);
  }
});

Deno.test("RFC 6455 section 9.1: a quoted value that is no token is malformed", () => {
  const contents = [
    "",
    " ",
    "a b",
    "a,b",
    "a;b",
    "a=b",
    "\\",
    '\\"',
    "\\\\",
    "\\ ",
    "\t",
    "é",
    "\0",
  ];
  for (const content of contents) assertMalformed(`a; b="${content}"`);
});

Deno.test("a quoted string that does not end, or that something follows, is malformed", () => {
  for (const rest of ['"', '"a', '"\\', '"a\\', '"a\\"', '"a"b', '"a""b"', 'a"b"', '"a" b']) {
    assertMalformed(`a; b=${rest}`);
  }
  assertMalformed('a; b="c, d; e="f"');
});

Deno.test("what the grammar does not allow is malformed as a whole", () => {
  const broken = [
    ";",
    "=",
    '"',
    '"a"',
    "a;",
    "a; ",
    "a;;b",
    "a;,b",
    "a; b;",
    "a; =",
    "a; =1",
    "a; b=",
    "a; b= ",
    "a; b=,c",
    "a; b=;c",
    "a; b==c",
    "a; b=c=d",
    "a=b",
    "a b",
    "a; b c",
    "a; b=c d",
    'a; "b"',
    'a; "b"=c',
    "a/b",
    "a; b/c",
    "a; b=c/d",
    "a; b=(c)",
    "a:b",
    "a; b=[1]",
    "{a}",
    "a@b",
    "a?",
    "a\\b",
    "<a>",
  ];
  for (const value of broken) {
    assertMalformed(value);
    assertMalformed(`fine, ${value}`);
    assertMalformed(`fine; x=1, ${value}, fine`);
    assertMalformed(`${value}, fine; x`);
  }
});

Deno.test("every character that is neither part of a token nor a separator is malformed everywhere", () => {
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    if (isToken(character) || ' \t,;="\\'.includes(character)) continue;
    for (const value of ["#", "a#", "#a", "a; #", "a; b#", "a; b=#", 'a; b="#"', "a #", "a,#"]) {
      assertMalformed(value.replace("#", () => character));
    }
  }
  for (
    const character of ["\u012c", "\u013b", "\u013d", "\u0161", "\uff0c", "\u{1f600}", "\ud800"]
  ) {
    // Cut to a byte, the first three would be the separators.
    assertMalformed(`a${character}b`);
  }
});

Deno.test("names of an object's own machinery are names like others", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
    const offers = parseExtensions(`${name}; ${name}=${name}; ${name}`);
    assertEquals(offers, [extension(name, [name, name], name)]);
    assertEquals(({} as Record<string, unknown>)["x"], undefined);
  }
});

Deno.test("64 extensions are read, 65 are malformed, and empty elements are not counted", () => {
  const list = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`).join(", ,");
  assertEquals(MAX_EXTENSIONS, 64);
  assertEquals(parseExtensions(list(64))?.length, 64);
  assertEquals(parseExtensions(`${list(64)}, ,`)?.length, 64);
  assertMalformed(list(65));
  assertMalformed(list(1000));
});

Deno.test("256 parameters in all are read, 257 are malformed, however they are spread", () => {
  assertEquals(MAX_EXTENSION_PARAMS, 256);
  const element = (params: number) => "a" + "; b=1".repeat(params);
  assertEquals(parseExtensions(element(256))?.[0]?.params.length, 256);
  assertMalformed(element(257));
  assertMalformed(element(100_000));
  const spread = (extensions: number, params: number) =>
    Array.from({ length: extensions }, () => element(params)).join(",");
  assertEquals(parseExtensions(spread(64, 4))?.at(-1)?.params.length, 4);
  assertEquals(parseExtensions(`${spread(51, 5)}, ${element(1)}, x`)?.length, 53);
  assertMalformed(`${spread(51, 5)}, ${element(2)}`);
  assertMalformed(`${spread(63, 4)}, ${element(5)}`);
});

Deno.test("values of a megabyte are read or refused", () => {
  const SIZE = 1_000_000;
  const token = "a".repeat(SIZE);
  assertEquals(parseExtensions(token)?.[0]?.name.length, SIZE);
  assertEquals(parseExtensions(`a; b="${token}"`)?.[0]?.params[0]?.value, token);
  assertEquals(parseExtensions(`a; b="${"\\a".repeat(SIZE)}"`)?.[0]?.params[0]?.value, token);
  assertEquals(parseExtensions(`a${" ".repeat(SIZE)}; b`), [extension("a", "b")]);
  for (const blank of [",", " ", "\t", ", "]) assertEquals(parseExtensions(blank.repeat(SIZE)), []);
  for (
    const piece of [
      '"',
      ";",
      "=",
      "\\",
      "a,",
      "a;",
      "a=",
      'a;b="',
      "a ",
      ' "',
      "a;b=c,",
      'a;b="c",',
    ]
  ) {
    assertMalformed(piece.repeat(SIZE));
  }
  assertMalformed(`a; b="${"a".repeat(SIZE)}`);
  assertMalformed(`a; b="${"\\".repeat(SIZE + 1)}`);
  assertMalformed(`a${" ".repeat(SIZE)}b`);
});

Deno.test("RFC 6455 section 9.1: an extension is written as it is read", () => {
  const table: [ExtensionOffer, string][] = [
    [extension("a"), "a"],
    [extension("a", "b"), "a; b"],
    [extension("a", ["b", "10"], "c", "c"), "a; b=10; c; c"],
    [extension("__proto__", ["__proto__", "__proto__"]), "__proto__; __proto__=__proto__"],
  ];
  for (const [offer, text] of table) {
    assertEquals(formatExtension(offer), text);
    assertEquals(parseExtensions(text), [offer]);
  }
});

Deno.test("what is not a token is not written", () => {
  for (const bad of ["", " ", "a b", "a,b", "a;b", "a=b", '"a"', "a\r\nB: c", "é", "\0"]) {
    const inName = () => formatExtension(extension(bad));
    const inParam = () => formatExtension(extension("a", bad));
    const inValue = () => formatExtension(extension("a", ["b", bad]));
    assertThrows(inName, TypeError, `the name of an extension is not a token: ${quoted(bad)}`);
    assertThrows(inParam, TypeError, `the name of a parameter is not a token: ${quoted(bad)}`);
    assertThrows(inValue, TypeError, `the value of b is not a token: ${quoted(bad)}`);
  }
});

Deno.test("whatever comes is read as the grammar of RFC 6455 section 9.1 says, and nothing throws", () => {
  const random = seeded(7);
  const counts = { read: 0, malformed: 0 };
  for (let i = 0; i < 60_000; i++) {
    const value = garbage(random);
    const offers = parseExtensions(value);
    assertEquals(offers, readByGrammar(value), JSON.stringify(value));
    counts[offers === undefined ? "malformed" : "read"]++;
    if (offers === undefined) continue;
    assertEquals(parseExtensions(offers.map(formatExtension).join(", ")), offers);
  }
  // Both happen often enough to mean something.
  assert(counts.read > 5000 && counts.malformed > 5000, JSON.stringify(counts));
});

Deno.test("a list cut anywhere, or with any one character changed, is read by the grammar, too", () => {
  const whole = 'permessage-deflate; server_max_window_bits="1\\0"; x , y;z=1,\tq';
  for (let at = 0; at <= whole.length; at++) {
    const values = [whole.slice(0, at), whole.slice(at)];
    for (const character of ' \t,;="\\a\0é') {
      values.push(whole.slice(0, at) + character + whole.slice(at + 1));
      values.push(whole.slice(0, at) + character + whole.slice(at));
    }
    for (const value of values) {
      assertEquals(parseExtensions(value), readByGrammar(value), JSON.stringify(value));
    }
  }
});

const quoted = (text: string) => JSON.stringify(text);

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED_TOKEN = `"(?:\\\\?[!#$%&'*+\\-.^_\`|~0-9A-Za-z])+"`;
const PARAM = `[ \\t]*;[ \\t]*(${TOKEN})(?:[ \\t]*=[ \\t]*(${TOKEN}|${QUOTED_TOKEN}))?`;
const ELEMENT = new RegExp(`^(${TOKEN})((?:${PARAM})*)$`);

/** The same by regular expressions, for short values. */
function readByGrammar(value: string): ExtensionOffer[] | undefined {
  const offers: ExtensionOffer[] = [];
  for (const element of splitList(value)) {
    const match = ELEMENT.exec(element);
    if (match === null) return undefined;
    const params = [...match[2]!.matchAll(new RegExp(PARAM, "g"))].map((param) => ({
      name: param[1]!,
      value: param[2]?.replace(/^"|"$|\\/g, ""),
    }));
    offers.push({ name: match[1]!, params });
  }
  return offers;
}

const PIECES = [
  ...'abc,;= \t"\\\r\0é€',
  ", ",
  "; ",
  "a",
  "a; b",
  "a; b=c",
  'a; b="c"',
  'd="\\1\\0"',
  "permessage-deflate",
  "; server_max_window_bits=10",
  "__proto__",
];

/** Up to 12 pieces, among which those of lists are frequent. */
function garbage(random: () => number): string {
  let value = "";
  for (let i = Math.floor(random() * 12); i > 0; i--) {
    value += PIECES[Math.floor(random() * PIECES.length)];
  }
  return value;
}

/** Numbers from 0 to 1, the same ones for the same seed (Numerical Recipes' constants). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
