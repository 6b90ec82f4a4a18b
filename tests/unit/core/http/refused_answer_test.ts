/** What is kept of an answer that refuses (RFC 9112 section 6.3). */

import { assertEquals } from "@std/assert";
import { ResponseHeadParser } from "../../../../src/core/http/head.ts";
import { REFUSAL_BODY_BYTES, RefusedAnswer } from "../../../../src/core/http/refused_answer.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function answerOf(...lines: string[]): RefusedAnswer {
  const parser = new ResponseHeadParser({ maxHeaderBytes: 1000, maxHeaderFields: 10 });
  const [status = "401 Unauthorized"] = lines.splice(0, 1);
  parser.parse(bytesOf([`HTTP/1.1 ${status}`, ...lines, "\r\n"].join("\r\n")));
  return new RefusedAnswer(parser.head);
}

/** The body, and whether more is waited for, after each of the pieces. */
function after(answer: RefusedAnswer, ...pieces: string[]): (string | boolean)[] {
  for (const piece of pieces) answer.take(bytesOf(piece));
  return [answer.body, answer.isComplete];
}

Deno.test("a body with a length is read up to that, in whatever pieces it comes", () => {
  const answer = answerOf("401 No", "Content-Length: 5");
  assertEquals(after(answer), ["", false]);
  assertEquals(after(answer, "he", "l"), ["hel", false]);
  assertEquals(after(answer, "lo, and more"), ["hello", true]);
  assertEquals(after(answerOf("401 No", "Content-Length: 0"), "x"), ["", true]);
});

Deno.test("a chunked body is decoded, and read up to its last chunk", () => {
  const answer = answerOf("401 No", "Transfer-Encoding: chunked");
  assertEquals(after(answer, "3;a=b\r\nhel"), ["hel", false]);
  assertEquals(after(answer, "\r\n2\r\nlo\r\n0\r\nX: y\r\n"), ["hello", false]);
  assertEquals(after(answer, "\r\n"), ["hello", true]);
});

Deno.test("a body up to the end is waited for where the end is announced, and else is what came along", () => {
  const announced = answerOf("401 No", "Connection: close");
  assertEquals(after(announced, "hel", "lo"), ["hello", false]);
  const other = answerOf("401 No");
  assertEquals(after(other), ["", true]);
  assertEquals(after(other, "hello"), ["hello", true]);
  const unknown = answerOf("401 No", "Connection: close", "Transfer-Encoding: gzip");
  assertEquals(after(unknown, "raw"), ["raw", false]);
});

Deno.test("no more than 4 KiB are kept, and not waited for any longer", () => {
  const long = "x".repeat(REFUSAL_BODY_BYTES - 1);
  for (
    const [framing, before] of [
      ["Content-Length: 1000000", ""],
      ["Connection: close", ""],
      ["Transfer-Encoding: chunked", "ffffff\r\n"],
    ] as const
  ) {
    const answer = answerOf("401 No", framing);
    assertEquals(after(answer, before, long), [long, false]);
    assertEquals(after(answer, "yz"), [`${long}y`, true]);
    assertEquals(after(answer, "more"), [`${long}y`, true]);
  }
});

Deno.test("a character that is cut is left out, and one that is none is replaced", () => {
  const answer = answerOf("401 No", "Connection: close");
  answer.take(Uint8Array.of(0xc3));
  assertEquals(answer.body, "");
  answer.take(Uint8Array.of(0xa9, 0xff));
  assertEquals(answer.body, "é\ufffd");
  const cut = answerOf("401 No", "Connection: close");
  assertEquals(after(cut, "x".repeat(4095), "é"), ["x".repeat(4095), true]);
});

Deno.test("some statuses have no body, and what can't be understood is none", () => {
  for (const status of ["101 x", "204 x", "304 x"]) {
    assertEquals(after(answerOf(status, "Content-Length: 5"), "hello"), ["", true]);
  }
  assertEquals(after(answerOf("401 No", "Content-Length: x"), "hello"), ["", true]);
  const broken = answerOf("401 No", "Transfer-Encoding: chunked");
  assertEquals(after(broken, "2\r\nhe\r\nnonsense"), ["he", true]);
});
