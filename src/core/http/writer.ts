/** Writes heads of HTTP/1.1 messages; nothing that could break out of its line gets through. */

import { describeValue } from "../../base/check.ts";
import { statusText } from "./status.ts";
import { isFieldValue, isToken } from "./syntax.ts";

/** One field line to send: name and value. */
export type FieldLine = readonly [name: string, value: string];

/**
 * The head of a response: status line, fields and blank line, in Latin-1 (RFC 9112 section 4).
 *
 * @param status from 100 to 999
 * @param reason the registered phrase of the status by default
 * @throws {TypeError} naming what is at fault: a status or reason that can't stand in a status line,
 * a name that is no token, a value with CR, LF or any other character that a field can't have
 */
export function responseHead(
  status: number,
  fields: Iterable<FieldLine>,
  reason: string = statusText(status),
): Uint8Array {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new TypeError(`the status must be a whole number from 100 to 999, not ${status}`);
  }
  if (!isFieldValue(reason)) {
    throw new TypeError("the reason has a character that can't be sent");
  }
  return writeHead(`HTTP/1.1 ${status} ${reason}`, fields);
}

/**
 * The head that begins with `startLine`, which the caller has checked.
 *
 * @throws {TypeError} naming the field whose name or value can't be sent
 */
export function writeHead(startLine: string, fields: Iterable<FieldLine>): Uint8Array {
  let text = startLine + "\r\n";
  for (const field of fields) {
    checkField(field);
    text += `${field[0]}: ${field[1]}\r\n`;
  }
  return latin1Bytes(text + "\r\n");
}

/** @throws {TypeError} naming the field, if its name or value can't be sent */
export function checkField([name, value]: FieldLine): void {
  if (typeof name !== "string" || !isToken(name)) {
    throw new TypeError(`the header name ${describeValue(name)} is not a token`);
  }
  if (typeof value === "string" && isFieldValue(value)) return;
  throw new TypeError(`the value of the header ${name} has a character that can't be sent`);
}

const encoder = new TextEncoder();

/** The bytes of text whose characters are all of Latin-1, which heads are in (RFC 9110 section 5.5). */
export function latin1Bytes(text: string): Uint8Array {
  const { length } = text;
  const bytes = new Uint8Array(length);
  // The encoder is faster, and knows no Latin-1 but ASCII: of anything else not all has room.
  if (encoder.encodeInto(text, bytes).read === length) return bytes;
  for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
