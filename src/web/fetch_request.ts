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
  /** Called when the program asks for the body in one piece. */
  readonly onWhole: () => void;
}

/** What puts the pieces of a body together. */
const WHOLE = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/** One that says when its body is put together, which the runtime does out of our sight. */
class BodyRequest extends Request {
  readonly #onWhole: () => void;

  constructor(url: string, init: RequestInit, onWhole: () => void) {
    super(url, init);
    this.#onWhole = onWhole;
  }

  static {
    for (const name of WHOLE) {
      const put: (() => Promise<unknown>) | undefined = Request.prototype[name];
      // Not every runtime has `bytes`.
      if (put === undefined) continue;
      const value = function (this: BodyRequest): Promise<unknown> {
        this.#onWhole();
        return put.call(this);
      };
      Object.defineProperty(this.prototype, name, { value, writable: true, configurable: true });
    }
  }
}

/** @param shown the head, with a method that is fetchable */
export function fetchRequest(
  shown: ShownHead,
  { isSecure, signal, body, onWhole }: FetchParts,
): Request {
  const init = { method: shown.head.method, headers: fieldsOf(shown), signal };
  const url = urlOf(shown, isSecure);
  if (body === undefined) return new Request(url, init);
  // The answer may be there before the body is.
  return new BodyRequest(url, { ...init, body, duplex: "half" } as RequestInit, onWhole);
}
