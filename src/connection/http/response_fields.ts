/** The fields of answers, as programs give them and as they must be. */

import { bytesOf } from "../../base/bytes.ts";
import { isPlain, refuseArgument } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log } from "../../base/log.ts";
import type { Connection } from "../connection.ts";
import { isStream } from "./streamed_body.ts";
import { type AnswerFraming, NEEDED_FIELDS } from "../../core/http/body/response_framing.ts";
import { statusText } from "../../core/http/status.ts";
import { equalsIgnoreCase } from "../../core/http/syntax.ts";
import { type FieldLine, responseHead } from "../../core/http/writer.ts";

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/** Fields as a program gives them. */
export type Fields = Iterable<readonly [string, string]>;

/** The statuses of which a context's log was told that a field is missing. */
const toldOwners = new WeakMap<object, Set<number>>();

export function has(fields: readonly FieldLine[], name: string): boolean {
  return fields.some(([each]) => equalsIgnoreCase(each, name));
}

/** The given fields, behind those of `own` that are not among them. */
export function defaults(own: readonly FieldLine[], given: readonly FieldLine[]): FieldLine[] {
  const names = given.map(([name]) => String(name).toLowerCase());
  return [...own.filter(([name]) => !names.includes(name)), ...given];
}

/** @throws {TypeError} naming the field that can't be sent, or not before an answer */
export function interimHead(status: number, fields: readonly FieldLine[]): Uint8Array {
  const head = responseHead(status, fields);
  // RFC 9110 section 8.6, RFC 9112 section 6.1.
  for (const name of ["content-length", "transfer-encoding", "connection"]) {
    if (has(fields, name)) throw new TypeError(`${name} can't stand in a ${status}`);
  }
  return head;
}

export function checkStatus(call: string, name: string, code: number): void {
  if (Number.isInteger(code) && code >= 200 && code <= 599) return;
  refuseArgument(call, name, code, "a whole number from 200 to 599");
}

export function fieldsOf(call: string, headers: Fields, name = "headers"): FieldLine[] {
  const allowed = "pairs of a name and a value";
  if (typeof headers?.[Symbol.iterator] !== "function" || typeof headers === "string") {
    refuseArgument(call, name, headers, allowed);
  }
  const fields = [...headers];
  const stray = fields.find((each) => !Array.isArray(each));
  if (stray !== undefined) refuseArgument(call, name, stray, allowed);
  return fields;
}

/** Runs what writes fields; one that can't be sent becomes the error that programs are told of. */
export function checkFields<T>(call: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new LwsError("invalid-argument", `${call}: ${cause.message}`, { cause });
  }
}

/** Refuses what would be bad fields of a file now, and not when it is open. */
export function checkFieldsOfFile(
  contentType: string | undefined,
  fields: readonly FieldLine[],
  frame: (fields: readonly FieldLine[]) => unknown,
): void {
  checkFields("serveHttpFile", () => {
    frame([["content-length", "0"], ["content-type", contentType ?? "x/x"], ...fields]);
    if (has(fields, "content-range")) {
      throw new TypeError("content-range is said by the library, which reads the request's Range");
    }
  });
}

/** Tells of a field that the answer must have, and that can't be made up here; once a context. */
export function noteMissing(
  { owner, uri }: Connection,
  method: string,
  status: number,
  fields: readonly FieldLine[],
): void {
  const needed = NEEDED_FIELDS.get(status);
  if (needed === undefined || has(fields, needed)) return;
  const told = toldOf(owner);
  if (told.has(status)) return;
  told.add(status);
  log(
    "notice",
    () => line`the ${status} to ${method} ${uri} has no ${needed}, which RFC 9110 asks for`,
  );
}

/** What `respond` says of a body by itself. */
export function fieldsFor(
  status: number,
  body: unknown,
  { length }: Uint8Array,
  given: readonly FieldLine[],
): FieldLine[] {
  const own: FieldLine[] = [];
  if (status === 204 || status === 205 || status === 304) return own;
  if (!isStream(body)) own.push(["content-length", String(length)]);
  if (body === undefined || body === null || has(given, "content-type")) return own;
  const type = typeof body === "string" ? "text/plain; charset=utf-8" : "application/octet-stream";
  own.push(["content-type", type]);
  return own;
}

/** The small page that shows a status, and its fields; some statuses have none (RFC 9110 section 15). */
export function pageOf(
  status: number,
  html: string | undefined,
  given: readonly FieldLine[],
): { readonly body: Uint8Array; readonly fields: readonly FieldLine[] } {
  if (status === 204 || status === 205 || status === 304) return { body: NO_BYTES, fields: given };
  const body = encoder.encode(
    `<!doctype html><html><body><h1>${status}</h1>${html ?? statusText(status)}</body></html>`,
  );
  const own: FieldLine[] = [
    ["content-type", "text/html; charset=utf-8"],
    ["x-content-type-options", "nosniff"],
  ];
  const length = ["content-length", String(body.length)] as const;
  return { body, fields: [length, ...defaults(own, given)] };
}

/**
 * The bytes of a body that is no stream.
 *
 * @throws {LwsError} `invalid-argument` when it is neither text nor bytes
 */
export function bytesOfBody(body: unknown): Uint8Array {
  if (body === undefined || body === null) return NO_BYTES;
  const isObject = typeof body === "object" && !Array.isArray(body) && !isPlain(body);
  if (isObject || typeof body === "string") return bytesOf("respond: body", body);
  const allowed = "a text (of an object: JSON.stringify's), bytes, or a stream of them";
  refuseArgument("respond", "body", body, allowed);
}

/** @throws {LwsError} `invalid-argument` when `respond` can't send this body behind its head */
export function checkBody(
  status: number,
  body: unknown,
  { length }: Uint8Array,
  framing: AnswerFraming,
): void {
  if (framing.kind === "none" && (isStream(body) || length > 0)) {
    refuseArgument("respond", "body", body, `none with ${status}`);
  }
  if (isStream(body) || framing.kind !== "length" || framing.length === length) return;
  const what = `content-length is ${framing.length}, and body has ${length} bytes`;
  throw new LwsError("invalid-argument", `respond: ${what}`);
}

function toldOf(owner: object): Set<number> {
  const told = toldOwners.get(owner) ?? new Set();
  toldOwners.set(owner, told);
  return told;
}
