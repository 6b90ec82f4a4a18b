/** Heads and bodies of HTTP messages at random, mostly as RFC 9112 has them. */

import type { Dice } from "../dice.ts";
import { latin1, textOf, wordsOf } from "../target.ts";

const NAMES = [
  "Host",
  "Content-Length",
  "Transfer-Encoding",
  "Connection",
  "Upgrade",
  "Expect",
  "X",
];
const VALUES = [
  "",
  "a",
  "0",
  "5",
  "chunked",
  "gzip, chunked",
  "close",
  "keep-alive, Upgrade",
  "websocket",
  "100-continue",
  '"q;,\\""',
  "a\tb",
  "\xfc",
  "18446744073709551616",
];

export const HTTP_WORDS = wordsOf(
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  ": ",
  " :",
  " ",
  "\t",
  "\0",
  "\x7f",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/2.0",
  "Host: a\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Upgrade: websocket\r\n",
  "0\r\n\r\n",
  "3\r\nabc\r\n",
  ";a=b",
  ';a="b"',
  "%2e",
  "%00",
  "//",
  "/../",
  "?",
  "#",
  "chunked",
);

/** Field lines; without those that frame a body, unless they are given. */
export function makeFields(dice: Dice, framing: readonly string[]): string[] {
  const lines = [...framing];
  for (let left = dice.small(5); left > 0; left--) {
    const name = dice.once(3) ? dice.pick(NAMES) : dice.pick(["X-A", "Accept", "Cookie", "a!#"]);
    const odd = dice.once(30) ? dice.pick([" ", "\t", "\0", "\x80", "("]) : "";
    const blank = dice.pick([" ", "", "\t ", "  "]);
    const line = `${name}${odd}:${blank}${dice.pick(VALUES)}${dice.once(5) ? " \t" : ""}`;
    lines.splice(dice.below(lines.length + 1), 0, dice.once(40) ? ` ${line}` : line);
  }
  return lines;
}

/** A body in chunks; a fault now and then. */
export function makeChunks(dice: Dice): Uint8Array {
  let text = "";
  for (let left = dice.small(5); left > 0; left--) {
    const data = dice.bytes(1 + dice.small(20));
    const size = data.length + (dice.once(30) ? 1 : 0);
    const digits = dice.once(6) ? size.toString(16).toUpperCase() : size.toString(16);
    const odd = dice.once(12) ? dice.pick(["g", "G", "/", ":", "@", "`", "_", "+", "0x", " "]) : "";
    const zeros = "0".repeat(dice.once(8) ? dice.small(18) : 0);
    text += `${zeros}${digits}${odd}${makeExtension(dice)}\r\n${textOf(data)}\r\n`;
  }
  const last = dice.once(20) ? dice.pick(["", "00", "x", "-0", "0x0", "10000000000000000"]) : "0";
  const trailers = dice.once(3) ? makeFields(dice, []).map((line) => `${line}\r\n`).join("") : "";
  return latin1(`${text}${last}${makeExtension(dice)}\r\n${trailers}\r\n`);
}

function makeExtension(dice: Dice): string {
  if (!dice.once(5)) return "";
  return dice.pick([
    ";a",
    ";a=b",
    ' ; a = "b\\"c;"',
    ";a;b;c=d",
    " ",
    ";",
    ";=",
    ';a="\r\n"',
    ";a=\n",
    "\t",
    ';a="b',
  ]);
}

export const TARGETS = [
  "/",
  "/a/b?c=d",
  "/%2e%2E/x",
  "//a//b/./../c",
  "*",
  "http://a/b?c",
  "http://a:80",
  "https://[::1]:443/x",
  "/a%zz",
  "/a#b",
  "/\xe4",
  "a:80",
  "/?%00",
  "/a b",
  "/%c3%a4%F0%9F%98%80",
  "/\\..\\a",
];

/** A message behind its start line. */
export function makeMessage(dice: Dice, startLine: string, host: readonly string[]): Uint8Array {
  const data = dice.bytes(dice.small(30));
  const kind = dice.below(4);
  const framing = kind === 0
    ? [`Content-Length: ${data.length + (dice.once(12) ? 1 : 0)}`]
    : kind === 1
    ? [
      `Transfer-Encoding: ${
        dice.once(12) ? dice.pick(["Chunked", "x, chunked", "chunked,"]) : "chunked"
      }`,
    ]
    : [];
  const body = kind === 0 ? data : kind === 1 ? makeChunks(dice) : new Uint8Array(0);
  const lines = [startLine, ...makeFields(dice, [...host, ...framing])];
  const end = dice.once(60) ? "\n" : "\r\n";
  return latin1(`${lines.join(end)}\r\n\r\n${textOf(body)}`);
}
