/** A request as `fetch` of a program gets it. */

import { fieldsOf, type ShownHead, urlOf } from "./incoming_request.ts";

/** What no `Request` can have (Fetch standard, section 2.2.1), in any case. */
const FORBIDDEN = /^(?:CONNECT|TRACE|TRACK)$/i;

/** Whether a `Request` can have that method. */
export function isFetchable(method: string): boolean {
  return !FORBIDDEN.test(method);
}

/** What can't have a body, in any case, which a `Request` puts right (section 2.2.1). */
const BODILESS = /^(?:GET|HEAD)$/i;

/** Whether a `Request` of that method can have a body. */
export function takesBody(method: string): boolean {
  return !BODILESS.test(method);
}

/** What a request has beside its head. */
export interface FetchParts {
  readonly isSecure: boolean;
  readonly signal: AbortSignal;
  /** Undefined for a request without one. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
}

/** @param shown the head, with a method that is fetchable */
export function fetchRequest(shown: ShownHead, { isSecure, signal, body }: FetchParts): Request {
  const init = { method: shown.head.method, headers: fieldsOf(shown), signal };
  const url = urlOf(shown, isSecure);
  // The answer may be there before the body is.
  return new Request(
    url,
    body === undefined ? init : { ...init, body, duplex: "half" } as RequestInit,
  );
}
