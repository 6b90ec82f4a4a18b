/** How the body of an answer is framed (RFC 9112 section 6), and the fields of its head that say so. */

import { equalsIgnoreCase, parseLength, splitList, trimBlanks } from "../syntax.ts";
import { checkField, type FieldLine } from "../writer.ts";

/** How a client knows where the body ends. */
export type AnswerFraming =
  /** There is none (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5). */
  | { readonly kind: "none"; readonly status: number }
  | { readonly kind: "length"; readonly length: number }
  /** In chunks that the library makes. */
  | { readonly kind: "chunked" }
  /** In chunks that the program makes, as its head said `transfer-encoding`. */
  | { readonly kind: "ownChunks" }
  /** With the connection. */
  | { readonly kind: "close" }
  /** The program's head is none that can be read, or one of another protocol. */
  | { readonly kind: "unknown" };

/** What an answer's framing depends on beside its own head. */
export interface AnsweredRequest {
  readonly method: string;
  readonly minorVersion: 0 | 1;
  /** What the client is told that the connection is kept for, if it has asked. */
  readonly keepAliveSeconds?: number | undefined;
}

/** What a head says of its message's framing. */
export interface HeadFraming {
  readonly framing: AnswerFraming;
  /** Whether the connection ends with this answer. */
  readonly closes: boolean;
}

/** A head that can be sent. */
export interface FramedHead extends HeadFraming {
  readonly fields: readonly FieldLine[];
}

/** What the fields of a head say. */
interface Facts {
  readonly length: number | undefined;
  readonly isChunked: boolean;
  readonly hasDate: boolean;
  readonly hasKeepAlive: boolean;
  readonly hasUpgrade: boolean;
  /** What `connection` names, but for `close` and `keep-alive`. */
  readonly options: readonly string[];
  readonly closes: boolean;
  readonly keepsAlive: boolean;
}

/**
 * The fields of a head that the library writes: those of the program, and what frames the body, unless
 * the program's do.
 *
 * @param closes Whether the connection ends with this answer, whatever the program's fields say.
 * @param date What the head says if the program gives no `date`.
 * @throws {TypeError} naming the field that can't be sent, or contradicts another one, the status or the
 * version of the request.
 */
export function frameHead(
  request: AnsweredRequest,
  closes: boolean,
  status: number,
  given: readonly FieldLine[],
  date: string,
): FramedHead {
  for (const field of given) checkField(field);
  const facts = readFacts(given);
  const framing = framingOf(request, status, facts);
  const ends = closes || facts.closes || framing.kind === "close";

  // RFC 9110 sections 8.6 and 15.3.6: a 204 says no length, and a 205 that it is 0.
  const saysOwnLength = status !== 204 && status !== 205;
  const fields = given.filter(([name]) => {
    const lower = name.toLowerCase();
    if (lower === "connection" || (lower === "keep-alive" && ends)) return false;
    return saysOwnLength || lower !== "content-length";
  });
  if (!facts.hasDate) fields.unshift(["date", date]);
  if (status === 205) fields.push(["content-length", "0"]);
  if (framing.kind === "chunked" && request.method !== "HEAD") {
    fields.push(["transfer-encoding", "chunked"]);
  }
  const options = [...facts.options];
  // RFC 9110 section 7.8: the two go together.
  if (facts.hasUpgrade && !options.some((each) => equalsIgnoreCase(each, "upgrade"))) {
    options.push("upgrade");
  }
  if (ends) options.push("close");
  else if (
    request.minorVersion === 0 || facts.keepsAlive || request.keepAliveSeconds !== undefined
  ) {
    options.push("keep-alive");
  }
  if (options.length > 0) fields.push(["connection", options.join(", ")]);
  // RFC 2068 section 19.7.1.1; it goes with the option of the same name.
  if (request.keepAliveSeconds !== undefined && !ends && !facts.hasKeepAlive) {
    fields.push(["keep-alive", `timeout=${request.keepAliveSeconds}`]);
  }
  return { fields, framing, closes: ends };
}

/**
 * What the head says that a program wrote by itself.
 *
 * @param fields Their names are in lower case.
 * @throws {TypeError} as {@linkcode frameHead}
 */
export function readHeadFraming(
  request: AnsweredRequest,
  status: number,
  minorVersion: 0 | 1,
  fields: Iterable<FieldLine>,
): HeadFraming {
  const facts = readFacts(fields);
  if (minorVersion === 0 && facts.isChunked) throw new TypeError(NO_CHUNKS_IN_1_0);
  const framing = framingOf(request, status, facts);
  if (framing.kind === "none" || framing.kind === "length" || framing.kind === "ownChunks") {
    return { framing, closes: facts.closes };
  }
  // Without a length the client waits for the end, but there is no body behind the head for HEAD.
  const isOpenEnded = request.method !== "HEAD";
  return { framing: { kind: "close" }, closes: facts.closes || isOpenEnded };
}

/** The field that an answer of a status must have (RFC 9110 section 15), where the program alone knows it. */
export const NEEDED_FIELDS: ReadonlyMap<number, string> = new Map([
  [301, "location"],
  [302, "location"],
  [303, "location"],
  [307, "location"],
  [308, "location"],
  [401, "www-authenticate"],
  [405, "allow"],
  [407, "proxy-authenticate"],
]);

const NO_CHUNKS_IN_1_0 = "transfer-encoding can't be sent to a client of HTTP/1.0";

function readFacts(fields: Iterable<FieldLine>): Facts {
  let length: number | undefined;
  let codings: string | undefined;
  let hasDate = false;
  let hasKeepAlive = false;
  let hasUpgrade = false;
  let closes = false;
  let keepsAlive = false;
  const options: string[] = [];
  for (const [name, value] of fields) {
    switch (name.toLowerCase()) {
      case "content-length":
        if (length !== undefined) throw new TypeError("there are two of content-length");
        length = parseLength(trimBlanks(value));
        if (length < 0) {
          throw new TypeError(
            `content-length is ${JSON.stringify(value)}; allowed: a whole number from 0 on`,
          );
        }
        break;
      case "transfer-encoding":
        codings = codings === undefined ? value : `${codings}, ${value}`;
        break;
      case "date":
        if (hasDate) throw new TypeError("there are two of date");
        hasDate = true;
        break;
      case "keep-alive":
        hasKeepAlive = true;
        break;
      case "upgrade":
        hasUpgrade = true;
        break;
      case "connection":
        for (const option of splitList(value)) {
          const lower = option.toLowerCase();
          if (lower === "close") closes = true;
          else if (lower === "keep-alive") keepsAlive = true;
          else options.push(option);
        }
    }
  }
  const isChunked = codings !== undefined;
  if (codings !== undefined) checkCodings(codings);
  if (isChunked && length !== undefined) {
    throw new TypeError("content-length stands beside transfer-encoding");
  }
  return { length, isChunked, hasDate, hasKeepAlive, hasUpgrade, options, closes, keepsAlive };
}

/** RFC 9112 section 6.1: `chunked` is the last one, and comes once. */
function checkCodings(value: string): void {
  const codings = splitList(value).map((coding) => coding.toLowerCase());
  if (codings.indexOf("chunked") === codings.length - 1 && codings.length > 0) return;
  throw new TypeError(
    `transfer-encoding is ${JSON.stringify(value)}; allowed: a list with chunked at its end`,
  );
}

function framingOf(
  { method, minorVersion }: AnsweredRequest,
  status: number,
  { length, isChunked }: Facts,
): AnswerFraming {
  if (isChunked && minorVersion === 0) throw new TypeError(NO_CHUNKS_IN_1_0);
  if (status === 204 || status === 205) {
    if (isChunked || (length ?? 0) > 0) {
      const field = isChunked ? "transfer-encoding" : `content-length: ${length}`;
      throw new TypeError(`${field} can't stand in a ${status}, which has no body`);
    }
    return { kind: "none", status };
  }
  if (status === 304) return { kind: "none", status };
  if (length !== undefined) return { kind: "length", length };
  if (isChunked) return { kind: "ownChunks" };
  // An answer to HEAD ends with its head, whatever would frame the body.
  return minorVersion === 1 || method === "HEAD" ? { kind: "chunked" } : { kind: "close" };
}
