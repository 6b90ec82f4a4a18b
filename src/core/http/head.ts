/** Heads of HTTP/1.1 messages: start line and header fields, in whatever pieces they come. */

import { checkFieldLine, type FieldName, HeaderFields } from "./fields.ts";
import { checkMethod, COMMON_METHODS, type Methods, unknownMethod } from "./methods.ts";
import {
  CR,
  HttpSyntaxError,
  isFieldByte,
  isTokenByte,
  latin1,
  LF,
  listHasToken,
  SP,
  trimmedSlice,
} from "./syntax.ts";
import { isSameAuthority, parseAuthority, parseTarget, type RequestTarget } from "./target.ts";

/** Bounds on a head. */
export interface HeadLimits {
  /** Bytes of the head, from its first to the end of the blank line. */
  readonly maxHeaderBytes: number;
  /** Field lines in it. */
  readonly maxHeaderFields: number;
}

/** The head of a request. */
export interface RequestHead {
  /** One of the methods that are taken, as sent. */
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** The target's path: percent-decoded once, without dot and empty segments; `*` for `OPTIONS *`. */
  readonly path: string;
  /** The target's query as sent, without its `?`; empty without one. */
  readonly uriArgs: string;
  /** 0 for HTTP/1.0; 1 for HTTP/1.1 and every later 1.x (RFC 9110 section 2.5). */
  readonly minorVersion: 0 | 1;
  /** The header fields. */
  readonly fields: HeaderFields;
  /** What `Host` says, or the target in absolute form; empty for an HTTP/1.0 request with neither. */
  readonly host: string;
}

/** The head of a response. */
export interface ResponseHead {
  /** The status code, from 100 to 999. */
  readonly status: number;
  /** The reason phrase; often empty, and without meaning. */
  readonly reason: string;
  /** 0 for HTTP/1.0; 1 for HTTP/1.1 and every later 1.x. */
  readonly minorVersion: 0 | 1;
  /** The header fields. */
  readonly fields: HeaderFields;
}

/** What a parser throws, and what it forgives. */
export interface HeadRules {
  /** The status of broken syntax. */
  readonly syntaxStatus: number;
  /** The status of a start line that alone is past the limit. */
  readonly longStartStatus: number;
  /** The status of a head past its limits. */
  readonly tooLargeStatus: number;
  /** How many empty lines may come before the start line. */
  readonly maxEmptyLines: number;
}

const decoder = new TextDecoder();

/** What both parsers do: find lines, hold the limits, gather fields. */
export abstract class HeadParser<Head> {
  readonly #limits: HeadLimits;
  readonly #rules: HeadRules;
  #head: Head | undefined;
  #hasStartLine = false;
  #emptyLines = 0;
  #lineStart = 0;
  #scanned = 0;
  /** All bytes so far or-ed, to know whether they are ASCII. */
  #bits = 0;
  /** Three numbers a field line: its start, its colon and its end. */
  #fieldLines: number[] = [];

  /** A parser for one message at a time. */
  constructor(limits: HeadLimits, rules: HeadRules) {
    this.#limits = limits;
    this.#rules = rules;
  }

  /** The head, once `parse` has returned its length. */
  get head(): Head {
    if (this.#head === undefined) throw new Error("the head is not complete yet");
    return this.#head;
  }

  /**
   * Reads on. `bytes` begins with the message's first byte on every call; what an earlier call has
   * scanned is not scanned again. Returns how many bytes the head takes with its blank line, or 0
   * when it needs more. Throws {@linkcode HttpSyntaxError} as soon as the bytes can't become a head
   * within the limits; the parser is of no use then until {@linkcode reset}.
   */
  parse(bytes: Uint8Array): number {
    const end = Math.min(bytes.length, this.#limits.maxHeaderBytes);
    let at = this.#scanned;
    let bits = this.#bits;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      bits |= byte;
      if (isFieldByte[byte] === 1) continue;
      if (byte === CR && at + 1 === end) break;
      // What is wrong first counts, as it does where the line comes in several reads.
      const endsLine = byte === CR && bytes[at + 1] === LF;
      if (!endsLine && !this.#hasStartLine) this.checkStart(bytes, this.#lineStart, at);
      if (byte !== CR) throw this.#badByte(byte);
      // RFC 9112 section 2.2 lets a recipient take CR for a blank, and LF for CRLF; where two
      // recipients differ in that, requests get smuggled.
      if (bytes[at + 1] !== LF) throw new HttpSyntaxError(this.#rules.syntaxStatus, "a bare CR");
      const isLast = this.#takeLine(bytes, this.#lineStart, at, bits < 0x80);
      at++;
      this.#lineStart = at + 1;
      if (isLast) {
        this.#head = this.finish(this.#readFields(bytes, at, bits < 0x80));
        return at + 1;
      }
    }
    this.#scanned = at;
    this.#bits = bits;
    if (!this.#hasStartLine) this.checkStart(bytes, this.#lineStart, at);
    if (bytes.length > this.#limits.maxHeaderBytes) throw this.#tooLong();
    return 0;
  }

  /** Makes the parser ready for the next message. */
  reset(): void {
    this.#head = undefined;
    this.#hasStartLine = false;
    this.#emptyLines = 0;
    this.#lineStart = 0;
    this.#scanned = 0;
    this.#bits = 0;
    this.#fieldLines = [];
  }

  /** Throws if an incomplete start line is hopeless; takes constant time. */
  protected abstract checkStart(bytes: Uint8Array, start: number, end: number): void;
  /** Reads a whole start line. */
  protected abstract takeStartLine(line: string): void;
  /** Makes the head of the start line and these. */
  protected abstract finish(fields: HeaderFields): Head;

  #takeLine(bytes: Uint8Array, start: number, end: number, isAscii: boolean): boolean {
    if (!this.#hasStartLine) {
      if (start === end && this.#emptyLines < this.#rules.maxEmptyLines) {
        this.#emptyLines++;
        return false;
      }
      this.checkStart(bytes, start, end);
      this.takeStartLine(textOf(bytes, start, end, isAscii));
      this.#hasStartLine = true;
      return false;
    }
    if (start === end) return true;
    if (this.#fieldLines.length === 3 * this.#limits.maxHeaderFields) {
      throw new HttpSyntaxError(
        this.#rules.tooLargeStatus,
        "too many header fields",
        "maxHeaderFields",
      );
    }
    const colon = checkFieldLine(bytes, start, end, this.#rules.syntaxStatus);
    this.#fieldLines.push(start, colon, end);
    return false;
  }

  /** The whole head becomes one text, of which names and values are cheap slices. */
  #readFields(bytes: Uint8Array, end: number, isAscii: boolean): HeaderFields {
    const fields = new HeaderFields();
    const text = textOf(bytes, 0, end, isAscii);
    const lower = text.toLowerCase();
    const lines = this.#fieldLines;
    for (let i = 0; i < lines.length; i += 3) {
      const colon = lines[i + 1]!;
      fields.addLower(
        lower.slice(lines[i], colon) as FieldName,
        trimmedSlice(text, colon + 1, lines[i + 2]!),
      );
    }
    return fields;
  }

  #badByte(byte: number): HttpSyntaxError {
    const message = byte === LF ? "a line ends in a bare LF" : "a control character in the head";
    return new HttpSyntaxError(this.#rules.syntaxStatus, message);
  }

  #tooLong(): HttpSyntaxError {
    return this.#hasStartLine
      ? new HttpSyntaxError(this.#rules.tooLargeStatus, "the head is too long", "maxHeaderBytes")
      : new HttpSyntaxError(
        this.#rules.longStartStatus,
        "the start line is too long",
        "maxHeaderBytes",
      );
  }
}

const REQUEST_RULES: HeadRules = {
  syntaxStatus: 400,
  // RFC 9112 section 3 has a status of its own for a target that is too long.
  longStartStatus: 414,
  tooLargeStatus: 431,
  // RFC 9112 section 2.2: old clients sent a CRLF too many behind a body, at times two.
  maxEmptyLines: 2,
};

const RESPONSE_RULES: HeadRules = {
  syntaxStatus: 0,
  longStartStatus: 0,
  tooLargeStatus: 0,
  maxEmptyLines: 0,
};

/** Parses the head of a request (RFC 9112 sections 2 to 5). */
export class RequestHeadParser extends HeadParser<RequestHead> {
  readonly #methods: Methods;
  #method = "";
  #target = "";
  #parsedTarget: RequestTarget | undefined;
  #minorVersion: 0 | 1 = 1;

  /** A parser for one request at a time. */
  constructor(limits: HeadLimits, methods: Methods = COMMON_METHODS) {
    super(limits, REQUEST_RULES);
    this.#methods = methods;
  }

  /** As {@linkcode HeadParser} says. */
  protected override checkStart(bytes: Uint8Array, start: number, end: number): void {
    const { longest } = this.#methods;
    let at = start;
    while (at < end && at - start <= longest && isTokenByte[bytes[at]!] === 1) at++;
    if (at === end && at - start <= longest) return;
    if (at === start) throw new HttpSyntaxError(400, "this is not HTTP");
    if (at - start > longest) throw unknownMethod();
    if (bytes[at] !== SP) throw new HttpSyntaxError(400, "a bad character in the method");
    checkMethod(latin1(bytes, start, at), this.#methods);
  }

  /** Reads a request line. */
  protected override takeStartLine(line: string): void {
    const methodEnd = line.indexOf(" ");
    const targetEnd = line.indexOf(" ", methodEnd + 1);
    // checkStart has seen to it that there is a method, and something behind it.
    if (targetEnd < 0) throw new HttpSyntaxError(400, "an incomplete request line");
    if (targetEnd === methodEnd + 1 || line.includes(" ", targetEnd + 1)) {
      throw new HttpSyntaxError(400, "more blanks than two in the request line");
    }
    this.#method = line.slice(0, methodEnd);
    this.#minorVersion = parseVersion(line.slice(targetEnd + 1));
    this.#target = line.slice(methodEnd + 1, targetEnd);
    this.#parsedTarget = parseTarget(this.#method, this.#target);
  }

  /** Makes the head. */
  protected override finish(fields: HeaderFields): RequestHead {
    const { path, uriArgs } = this.#parsedTarget!;
    return {
      method: this.#method,
      target: this.#target,
      path,
      uriArgs,
      minorVersion: this.#minorVersion,
      fields,
      host: this.#host(fields),
    };
  }

  /** RFC 9112 section 3.2. */
  #host(fields: HeaderFields): string {
    const lines = fields.count("host");
    if (lines > 1) throw new HttpSyntaxError(400, "more than one Host");
    const host = fields.get("host");
    const absolute = this.#parsedTarget!.absolute;
    if (host === undefined) {
      if (this.#minorVersion === 1) throw new HttpSyntaxError(400, "Host is missing");
      if (absolute === undefined) return "";
      const { host: name, port } = absolute.authority;
      return port === undefined ? name : `${name}:${port}`;
    }
    // A client whose URI has no authority sends an empty one, but an http URI always has a host: RFC 9110
    // section 4.2.1 wants one without to be rejected.
    if (host === "") throw new HttpSyntaxError(400, "Host is empty");
    const authority = parseAuthority(host);
    if (authority === undefined) throw new HttpSyntaxError(400, "a bad Host");
    if (absolute === undefined) return host;
    // Section 3.2.2 lets the target win, which would fool a program or proxy that trusts Host.
    if (!isSameAuthority(authority, absolute.authority, absolute.scheme)) {
      throw new HttpSyntaxError(400, "Host and target disagree");
    }
    return host;
  }
}

const VERSION_PREFIX = "HTTP/1.";
/** Behind `HTTP/1.1 200 `. */
const REASON_START = 13;

/** Parses the head of a response (RFC 9112 sections 2, 4 and 5); its errors have the status 0. */
export class ResponseHeadParser extends HeadParser<ResponseHead> {
  #status = 0;
  #reason = "";
  #minorVersion: 0 | 1 = 1;

  /** A parser for one response at a time. */
  constructor(limits: HeadLimits) {
    super(limits, RESPONSE_RULES);
  }

  /** As {@linkcode HeadParser} says. */
  protected override checkStart(bytes: Uint8Array, start: number, end: number): void {
    const length = Math.min(end - start, VERSION_PREFIX.length);
    const text = latin1(bytes, start, start + length);
    if (!VERSION_PREFIX.startsWith(text)) {
      throw new HttpSyntaxError(0, "the answer is not HTTP/1.1");
    }
  }

  /**
   * Reads a status line. RFC 9112 section 4 wants a blank behind the code, also where no reason follows. Servers leave it
   * out, and all common clients take that.
   */
  protected override takeStartLine(line: string): void {
    const status = line.slice(9, 12);
    if (
      !isDigit(line, 7) || line[8] !== " " || (line[12] ?? " ") !== " " || !isStatusCode(status)
    ) {
      throw new HttpSyntaxError(0, "a bad status line");
    }
    this.#minorVersion = line[7] === "0" ? 0 : 1;
    this.#status = Number(status);
    this.#reason = line.slice(REASON_START);
  }

  /** Makes the head. */
  protected override finish(fields: HeaderFields): ResponseHead {
    return {
      status: this.#status,
      reason: this.#reason,
      minorVersion: this.#minorVersion,
      fields,
    };
  }
}

/** Whether the connection outlives the exchange, as far as the request says (RFC 9112 section 9.3). */
export function keepsAlive(head: RequestHead): boolean {
  const connection = head.fields.get("connection") ?? "";
  if (listHasToken(connection, "close")) return false;
  return head.minorVersion === 1 || listHasToken(connection, "keep-alive");
}

/**
 * Whether the client sends `Connection: keep-alive`, and so wants to be told for how long, by `Keep-Alive`;
 * in HTTP/1.1 the field is needless, as connections persist by default (RFC 9112 section 9.3).
 */
export function asksForKeepAlive(head: RequestHead): boolean {
  return listHasToken(head.fields.get("connection") ?? "", "keep-alive") && keepsAlive(head);
}

/** A part of a head as text; the decoder is faster, and knows no Latin-1 but ASCII. */
function textOf(bytes: Uint8Array, start: number, end: number, isAscii: boolean): string {
  return isAscii ? decoder.decode(bytes.subarray(start, end)) : latin1(bytes, start, end);
}

/** RFC 9112 section 2.3; a later 1.x is answered as 1.1. */
function parseVersion(text: string): 0 | 1 {
  const isVersion = text.length === 8 && text.startsWith("HTTP/") && isDigit(text, 5) &&
    text[6] === "." && isDigit(text, 7);
  if (!isVersion) throw new HttpSyntaxError(400, "a bad HTTP version");
  if (text[5] !== "1") throw new HttpSyntaxError(505, "an HTTP version other than 1.x");
  return text[7] === "0" ? 0 : 1;
}

/** Three digits from 100 on. */
function isStatusCode(text: string): boolean {
  return isDigit(text, 0) && isDigit(text, 1) && isDigit(text, 2) && text[0] !== "0";
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}
