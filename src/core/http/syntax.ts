/** The small rules of RFC 9110 section 5.6 and RFC 9112 that every HTTP parser and writer shares. */

/** The limits that a message may be past. */
export type HttpLimit = "maxHeaderBytes" | "maxHeaderFields" | "maxBodySize";

/** A message that breaks HTTP's rules; its sender is answered with `status`, and the connection closed. */
export class HttpSyntaxError extends Error {
  /** The class's name. */
  override readonly name = "HttpSyntaxError";
  /** The status to answer a request with; 0 for a response, which has no answer. */
  readonly status: number;
  /** Which limit it is past, if that is what is wrong. */
  readonly limit: HttpLimit | undefined;

  /** `message` says what was wrong, for the log; it never repeats what the peer sent. */
  constructor(status: number, message: string, limit?: HttpLimit) {
    super(message);
    this.status = status;
    this.limit = limit;
  }
}

/** The bytes with a meaning of their own to HTTP. */
export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

/** 1 for each byte that a token may have (RFC 9110 section 5.6.2). */
export const isTokenByte: Readonly<Uint8Array> = /* @__PURE__ */ tableOf(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
);

/** 1 for each byte that a field value may have: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5). */
export const isFieldByte: Readonly<Uint8Array> = /* @__PURE__ */ (() => {
  const table = new Uint8Array(256).fill(1, SP);
  table[HTAB] = 1;
  table[0x7f] = 0;
  return table;
})();

/** A table of 256 bytes with a 1 for each character of `characters`. */
export function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

/** Whether every character of `text` has a 1 in `table`; true for no characters. */
export function consistsOf(table: Readonly<Uint8Array>, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    // Past the table's end is a character that no byte has.
    if (table[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/** Whether `text` is a token (RFC 9110 section 5.6.2): a method, field name or protocol name. */
export function isToken(text: string): boolean {
  return text.length > 0 && consistsOf(isTokenByte, text);
}

/** Whether `text` may go out as a field value; CR, LF and NUL, above all, may not. */
export function isFieldValue(text: string): boolean {
  return consistsOf(isFieldByte, text);
}

/** Whether `text` has visible ASCII characters only, without a blank; true for no characters. */
export function isVisibleAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= SP || code >= 0x7f) return false;
  }
  return true;
}

/** Cuts SP and HTAB off both ends of `text` (OWS, RFC 9110 section 5.6.3), and nothing else. */
export function trimBlanks(text: string): string {
  return trimmedSlice(text, 0, text.length);
}

/** The same of a part of `text`. */
export function trimmedSlice(text: string, start: number, end: number): string {
  let first = start;
  let last = end;
  while (first < last && isBlank(text.charCodeAt(first))) first++;
  while (last > first && isBlank(text.charCodeAt(last - 1))) last--;
  return first === 0 && last === text.length ? text : text.slice(first, last);
}

/** Whether a character or byte is SP or HTAB. */
export function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

/**
 * The elements of a comma list (RFC 9110 section 5.6.1), or the parameters of one behind its first, trimmed. A
 * separator inside a quoted string does not part; empty elements are dropped, as section 5.6.1.2 asks of recipients.
 *
 * @param most behind so many the rest is left alone
 */
export function splitList(
  value: string,
  separator: "," | ";" = ",",
  most = Number.POSITIVE_INFINITY,
): string[] {
  const elements: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i <= value.length; i++) {
    const character = i < value.length ? value[i] : separator;
    if (isQuoted && i < value.length) {
      if (character === "\\") i++;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') {
      isQuoted = true;
    } else if (character === separator) {
      pushTrimmed(elements, value.slice(start, i));
      if (elements.length === most) return elements;
      start = i + 1;
    }
  }
  // A quoted pair that the value's end cuts short steps over the end.
  if (start < value.length) pushTrimmed(elements, value.slice(start));
  return elements;
}

/** Reads 1*DIGIT up to 2^53 − 1; −1 for anything else, as RFC 9110 section 8.6 warns to. */
export function parseLength(text: string): number {
  if (text.length === 0) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}

/** RFC 9110 section 12.4.2: `0`, `0.5` … `1.000`; undefined for what is no weight. */
export function parseWeight(text: string): number | undefined {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : undefined;
}

/** Whether two texts are equal but for the case of ASCII letters. */
export function equalsIgnoreCase(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (lowerCode(a.charCodeAt(i)) !== lowerCode(b.charCodeAt(i))) return false;
  }
  return true;
}

/** Whether the comma list `value` has the element `token`, in any case. */
export function listHasToken(value: string, token: string): boolean {
  // Most lists have one element.
  if (!value.includes(",")) return equalsIgnoreCase(trimBlanks(value), token);
  return splitList(value).some((element) => equalsIgnoreCase(element, token));
}

/** The bytes from `start` to `end` as Latin-1, one character each, which loses nothing. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  // Several a call are twice as fast as one, for the short texts that come here.
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function lowerCode(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
}

function pushTrimmed(elements: string[], text: string): void {
  const element = trimBlanks(text);
  if (element.length > 0) elements.push(element);
}
