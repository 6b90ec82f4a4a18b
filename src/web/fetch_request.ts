/** A request as `fetch` of a program gets it. */

import { fieldsOf, type ShownHead, urlOf, type UrlOrigin } from "./incoming_request.ts";
import type { LazyAbort } from "./lazy_abort.ts";
import { lazyRequest, type RequestSource } from "./lazy_request.ts";

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
  readonly origin: UrlOrigin;
  /** Has the signal. */
  readonly abort: LazyAbort;
  /** Undefined for a request without one. */
  readonly body: GatheredBody | undefined;
}

/** A body that wants to know when the program asks for it in one piece. Implemented by IncomingBody. */
export interface GatheredBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  gather(): void;
}

/** What puts the pieces of a body together. */
const WHOLE = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

const BODY = Symbol("body");

/** One that says when its body is put together, which the runtime does out of our sight. */
class BodyRequest extends Request {
  /** Not private, as the request may be behind a Proxy, or what others inherit from. */
  declare readonly [BODY]: GatheredBody;

  constructor(url: string, init: RequestInit, body: GatheredBody) {
    super(url, init);
    Object.defineProperty(this, BODY, { value: body });
  }

  static {
    for (const name of WHOLE) {
      const put: (() => Promise<unknown>) | undefined = Request.prototype[name];
      // Not every runtime has `bytes`.
      if (put === undefined) continue;
      const value = function (this: BodyRequest): Promise<unknown> {
        this[BODY].gather();
        return put.call(this);
      };
      Object.defineProperty(this.prototype, name, { value, writable: true, configurable: true });
    }
  }
}

/** What a `Request` is made of, found when it is asked for. A program may keep it for longer than the connection lives. */
class HeadSource implements RequestSource {
  readonly #shown: ShownHead;
  readonly #origin: UrlOrigin;
  readonly #abort: LazyAbort;

  constructor(shown: ShownHead, { origin, abort }: FetchParts) {
    this.#shown = shown;
    this.#origin = origin;
    this.#abort = abort;
  }

  get method(): string {
    return this.#shown.head.method;
  }

  get url(): string {
    return urlOf(this.#shown, this.#origin);
  }

  get headers(): [name: string, value: string][] {
    return fieldsOf(this.#shown);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
}

/** @param shown the head, with a method that is fetchable */
export function fetchRequest(shown: ShownHead, parts: FetchParts): Request {
  const source = new HeadSource(shown, parts);
  const { body } = parts;
  if (body === undefined) return lazyRequest(source);
  const { method, url, headers, signal } = source;
  // The answer may be there before the body is.
  const init = { method, headers, signal, body: body.stream, duplex: "half" } as RequestInit;
  return new BodyRequest(url, init, body);
}
