/** The syntax of `Sec-WebSocket-Extensions` (RFC 6455 section 9.1). */

import { isBlank, isToken, isTokenByte } from "../http/syntax.ts";

/**
 * An element of `Sec-WebSocket-Extensions`: what a client offers, or what a server answers.
 *
 * @category Extensions
 */
export interface ExtensionOffer {
  /** The extension's name, such as `"permessage-deflate"`, in the case in which it came. */
  readonly name: string;
  /** In the order in which they came, repeated ones included. */
  readonly params: readonly ExtensionParam[];
}

/**
 * A parameter of an {@linkcode ExtensionOffer}.
 *
 * @category Extensions
 */
export interface ExtensionParam {
  /** The parameter's name, in the case in which it came. */
  readonly name: string;
  /** A token, without the quotes that it may have come in; `undefined` for a name alone. */
  readonly value: string | undefined;
}

/** The most extensions that a list may have, many times what any client offers. */
export const MAX_EXTENSIONS = 64;
/** The most parameters that all extensions of a list may have together. */
export const MAX_EXTENSION_PARAMS = 256;

/**
 * Reads a list of extensions, repeated field lines joined by commas; `undefined` when it is malformed,
 * or has more than {@linkcode MAX_EXTENSIONS} or {@linkcode MAX_EXTENSION_PARAMS}. A list without any,
 * as that of an absent field, is empty.
 *
 * The grammar is read with the rules of RFC 2616 that section 4.3 names: blanks may stand around the
 * separators, and empty elements count for nothing. Names and values are not judged, only kept, and in
 * their case: neither RFC 6455 nor RFC 7692 folds it.
 */
export function parseExtensions(value: string): ExtensionOffer[] | undefined {
  const scanner = new Scanner(value);
  const offers: ExtensionOffer[] = [];
  let paramsLeft = MAX_EXTENSION_PARAMS;
  while (scanner.skipToElement()) {
    if (offers.length === MAX_EXTENSIONS) return undefined;
    const name = scanner.token();
    if (name === "") return undefined;
    const params = scanParams(scanner, paramsLeft);
    if (params === undefined || !scanner.endsElement()) return undefined;
    paramsLeft -= params.length;
    offers.push({ name, params });
  }
  return offers;
}

/**
 * Writes an element of `Sec-WebSocket-Extensions`.
 *
 * @throws {TypeError} naming what is not a token and so could end the element or its line
 */
export function formatExtension(offer: ExtensionOffer): string {
  let text = checkedToken("the name of an extension", offer.name);
  for (const { name, value } of offer.params) {
    text += "; " + checkedToken("the name of a parameter", name);
    if (value !== undefined) text += "=" + checkedToken(`the value of ${name}`, value);
  }
  return text;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** What follows an extension's name: `*( ";" extension-param )`, `limit` of them at most. */
function scanParams(scanner: Scanner, limit: number): ExtensionParam[] | undefined {
  const params: ExtensionParam[] = [];
  while (scanner.skip(SEMICOLON)) {
    if (params.length === limit) return undefined;
    const name = scanner.token();
    if (name === "") return undefined;
    const value = scanner.skip(EQUALS) ? scanner.value() : undefined;
    if (value === "") return undefined;
    params.push({ name, value });
  }
  return params;
}

/** A place in a text, which only moves forward. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Skips `separator` and the blanks around it, if it comes next; if not, then blanks alone. */
  skip(separator: number): boolean {
    this.#skipBlanks();
    if (this.#code() !== separator) return false;
    this.#at++;
    this.#skipBlanks();
    return true;
  }

  /** Skips empty elements; whether there is another one. */
  skipToElement(): boolean {
    while (this.skip(COMMA));
    return this.#at < this.#text.length;
  }

  /** Whether a comma or nothing comes next. */
  endsElement(): boolean {
    return this.#at === this.#text.length || this.#code() === COMMA;
  }

  /** A token; empty when none comes next. */
  token(): string {
    const start = this.#at;
    while (isTokenByte[this.#code()] === 1) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** A token, or a quoted string that stands for one; empty when none comes next. */
  value(): string {
    return this.#code() === QUOTE ? this.#quotedToken() : this.token();
  }

  #quotedToken(): string {
    this.#at++;
    let text = "";
    while (this.#code() !== QUOTE) {
      if (this.#code() === BACKSLASH) this.#at++;
      // At the text's end there is no code, hence no byte of a token either.
      if (isTokenByte[this.#code()] !== 1) return "";
      text += this.#text[this.#at++];
    }
    this.#at++;
    return text;
  }

  #skipBlanks(): void {
    while (isBlank(this.#code())) this.#at++;
  }

  /** The next character; NaN at the end. */
  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }
}

function checkedToken(what: string, text: string): string {
  if (!isToken(text)) throw new TypeError(`${what} is not a token: ${JSON.stringify(text)}`);
  return text;
}
