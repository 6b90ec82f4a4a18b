/** Messages for the tests of HTTP. */

import type { RequestHead } from "../../src/core/http/head.ts";
import { RequestHeadParser, ResponseHeadParser } from "../../src/core/http/head.ts";
import type { ResponseHead } from "../../src/core/http/head.ts";
import { HttpSyntaxError } from "../../src/core/http/syntax.ts";
import { assertThrows } from "@std/assert";

export const LIMITS = { maxHeaderBytes: 16 * 1024, maxHeaderFields: 100 };

/** The bytes of a text in Latin-1. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The text of bytes in Latin-1. */
export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The head of a request that the parser must accept. */
export function readRequest(text: string): RequestHead {
  const parser = new RequestHeadParser(LIMITS);
  if (parser.parse(bytesOf(text)) === 0) throw new Error(`incomplete: ${JSON.stringify(text)}`);
  return parser.head;
}

/** A request with the given lines between its request line and the blank one. */
export function requestWith(...lines: string[]): RequestHead {
  return readRequest(["POST / HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n"));
}

/** The head of a response that the parser must accept. */
export function readResponse(text: string): ResponseHead {
  const parser = new ResponseHeadParser(LIMITS);
  if (parser.parse(bytesOf(text)) === 0) throw new Error(`incomplete: ${JSON.stringify(text)}`);
  return parser.head;
}

/** Asserts that `run` throws an HttpSyntaxError with `status` that has `message` in its text. */
export function assertRefused(run: () => unknown, status: number, message = ""): void {
  const error = assertThrows(run, HttpSyntaxError, message);
  if (error.status !== status) {
    throw new Error(`status ${error.status} ("${error.message}") instead of ${status}`);
  }
}
