/** A response's head that a program builds by itself (`lws_add_http_header_…`). */

import { refuseArgument } from "../../base/check.ts";
import { httpDate } from "../../base/date.ts";
import { LwsError } from "../../base/errors.ts";
import { HEADER_TOKENS, type HeaderToken, isHeaderName, TOKEN_NAMES } from "./header_tokens.ts";
import { statusText } from "./status.ts";
import { equalsIgnoreCase, isFieldValue, isToken } from "./syntax.ts";

/** The longest block, if the program does not say: the C examples' buffers are of this size. */
const DEFAULT_SIZE = 4096;
/** "HTTP/1.1 200 " and two line ends: nothing smaller can be finalized. */
const SMALLEST_SIZE = 17;
/** The blank line that ends every head (RFC 9112 section 2.1). */
const END_LENGTH = 2;

/**
 * The head of a response in a buffer of a fixed size: a status, fields, and the bytes for
 * `wsi.write(bytes, "httpHeaders")`. What does not fit is left out, and the call says so by
 * returning 1, as in C; the room for the blank line at the end is always kept. `date` is added by
 * {@linkcode finalize} where it fits, unless the program has added one; nothing else is, so that a body needs
 * its {@linkcode addContentLength}, or an end of the connection.
 *
 * @category Files and HTTP
 * @example
 * ```ts
 * import { handlers, HttpHeaderBlock } from "@x/lws";
 *
 * const callback = handlers({
 *   http(wsi) {
 *     const head = new HttpHeaderBlock(512);
 *     head.addStatus(200);
 *     head.addByToken("content-type", "text/plain");
 *     if (head.addByName("x-note", "made by hand") !== 0) console.log("no room for the note");
 *     head.addContentLength(5);
 *     wsi.write(head.finalize(), "httpHeaders");
 *     wsi.write("hello", "httpFinal");
 *   },
 * });
 * ```
 */
export class HttpHeaderBlock {
  readonly #maxBytes: number;
  #text = "";
  #isFinal = false;
  #hasDate = false;

  /**
   * Makes an empty block.
   *
   * @param maxBytes The most bytes that it may take, blank line included; from 17 on. Default: 4,096.
   * @throws {LwsError} `invalid-argument` when it is no such number.
   */
  constructor(maxBytes: number = DEFAULT_SIZE) {
    if (!Number.isInteger(maxBytes) || maxBytes < SMALLEST_SIZE) {
      refuse("maxBytes", maxBytes, `a whole number from ${SMALLEST_SIZE} on`);
    }
    this.#maxBytes = maxBytes;
  }

  /** Bytes so far, without the blank line at the end. */
  get length(): number {
    return this.#text.length;
  }

  /**
   * Begins the block with a status line.
   *
   * @param code 200 to 599.
   * @param reason Default: the registered phrase.
   * @returns 0, or 1 when it does not fit.
   * @throws {LwsError} `invalid-argument` for another code, or a reason with a control character;
   *   `invalid-state` when the block has begun already.
   */
  addStatus(code: number, reason: string = statusText(code)): number {
    if (!Number.isInteger(code) || code < 200 || code > 599) {
      refuse("code", code, "a whole number from 200 to 599");
    }
    if (typeof reason !== "string" || !isFieldValue(reason)) {
      refuse("reason", reason, "text without control characters");
    }
    if (this.#text !== "") throw badState("the block has its status already");
    return this.#add(`HTTP/1.1 ${code} ${reason}\r\n`);
  }

  /**
   * Adds a field.
   *
   * @param name A token of RFC 9110, with or without the colon that {@linkcode tokenToString} gives.
   * @param value Text without line breaks and other control characters.
   * @returns 0, or 1 when it does not fit.
   * @throws {LwsError} `invalid-argument` for another name or value; `invalid-state` before
   *   {@linkcode addStatus} or after {@linkcode finalize}.
   */
  addByName(name: string, value: string): number {
    const bare = typeof name === "string" && name.endsWith(":") ? name.slice(0, -1) : name;
    if (typeof bare !== "string" || !isToken(bare)) refuse("name", name, "a token of RFC 9110");
    if (typeof value !== "string" || !isFieldValue(value)) {
      refuse(`value of ${bare}`, value, "text without control characters");
    }
    if (this.#text === "") throw badState("addStatus comes first");
    const result = this.#add(`${bare}: ${value}\r\n`);
    if (result === 0 && equalsIgnoreCase(bare, "date")) this.#hasDate = true;
    return result;
  }

  /**
   * Adds a field by its token.
   *
   * @param token One of {@linkcode HEADER_TOKENS} that is a field, or its index there.
   * @returns 0, or 1 when it does not fit.
   * @throws {LwsError} as {@linkcode addByName}, and `invalid-argument` for what is no field's token.
   */
  addByToken(token: HeaderToken | number, value: string): number {
    const name = typeof token === "number" ? HEADER_TOKENS[token] : token;
    const isField = TOKEN_NAMES.has(name as HeaderToken) && isHeaderName(name as HeaderToken) &&
      isToken(name as HeaderToken);
    if (!isField) refuse("token", token, "one of HEADER_TOKENS that is a field, or its index");
    return this.addByName(name as HeaderToken, value);
  }

  /**
   * Adds `content-length`.
   *
   * @param length Bytes of the body, from 0 on.
   * @returns 0, or 1 when it does not fit.
   * @throws {LwsError} as {@linkcode addByName}, and `invalid-argument` for another length.
   */
  addContentLength(length: number): number {
    if (!Number.isSafeInteger(length) || length < 0) {
      refuse("length", length, "a whole number from 0 on");
    }
    return this.addByName("content-length", String(length));
  }

  /**
   * Ends the block with the blank line, and before it with `date` (RFC 9110 section 6.6.1) if it has none
   * and there is room: 37 bytes.
   *
   * @returns The bytes of the whole head, for `wsi.write(bytes, "httpHeaders")`.
   * @throws {LwsError} `invalid-state` before {@linkcode addStatus}, or when it was called before.
   */
  finalize(): Uint8Array<ArrayBuffer> {
    if (this.#text === "") throw badState("addStatus comes first");
    this.#checkOpen();
    if (!this.#hasDate) this.#add(`date: ${httpDate()}\r\n`);
    this.#isFinal = true;
    const text = `${this.#text}\r\n`;
    const bytes = new Uint8Array(text.length);
    // Checked above to be Latin-1, which is what a head is (RFC 9110 section 5.5).
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  #add(line: string): number {
    this.#checkOpen();
    if (this.#text.length + line.length + END_LENGTH > this.#maxBytes) return 1;
    this.#text += line;
    return 0;
  }

  #checkOpen(): void {
    if (this.#isFinal) throw badState("the block is final");
  }
}

function badState(what: string): LwsError {
  return new LwsError("invalid-state", `HttpHeaderBlock: ${what}`);
}

function refuse(name: string, value: unknown, allowed: string): never {
  refuseArgument("HttpHeaderBlock", name, value, allowed);
}
