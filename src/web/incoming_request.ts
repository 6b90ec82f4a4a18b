/** The request of a connection, in the web's own types. */

import type { IncomingRequest } from "../api/http/incoming_request.ts";
import { allCookies } from "../core/http/cookies.ts";
import type { RequestHead } from "../core/http/head.ts";
import { normalPath, rawPathOf } from "../core/http/target.ts";

/** What of its connection a URL depends on. */
export interface UrlOrigin {
  readonly isSecure: boolean;
  /** A filter was told the path: the URL has no other one. */
  readonly isFiltered: boolean;
}

/** Where a request came from, and over what. */
export interface RequestOrigin extends UrlOrigin {
  readonly remoteAddress: string;
}

/** What the program gets to see of the head. Implemented by the header reader of a connection. */
export interface ShownHead {
  readonly head: Pick<RequestHead, "method" | "path" | "host" | "minorVersion">;
  /** The target as sent. */
  readonly rawUri: string;
  names(): readonly string[];
  values(name: string): readonly string[];
}

/** The parameters of a path, by their names. */
export type PathParams = Readonly<Record<string, string>>;

/** Those of a path that has none. */
export const NO_PARAMS: PathParams = Object.freeze(Object.create(null));

/** RFC 6761 section 6.4: a name that is none, and never will be. */
const NO_HOST = "unknown.invalid";

/** Scheme and authority of a target in absolute form, which `Host` agrees with. */
const ABSOLUTE = /^[a-z]+:\/\/[^/?]*/i;

/** Keeps the head, and makes the rest of it. */
export class ConnectionRequest implements IncomingRequest {
  readonly #shown: ShownHead;
  readonly #origin: RequestOrigin;
  #params: PathParams;
  #url: URL | undefined;
  #args: URLSearchParams | undefined;
  #headers: Headers | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;

  constructor(shown: ShownHead, origin: RequestOrigin, params: PathParams) {
    this.#shown = shown;
    this.#origin = origin;
    this.#params = params;
  }

  get method(): string {
    return this.#shown.head.method;
  }

  get url(): URL {
    return this.#url ??= new URL(urlOf(this.#shown, this.#origin));
  }

  get path(): string {
    return this.#shown.head.path;
  }

  get params(): PathParams {
    return this.#params;
  }

  get args(): URLSearchParams {
    return this.#args ??= new URLSearchParams(queryOf(this.#shown.rawUri));
  }

  get headers(): Headers {
    return this.#headers ??= new Headers(fieldsOf(this.#shown));
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies ??= allCookies(this.#shown.values("cookie"));
  }

  get httpVersion(): "1.0" | "1.1" {
    return this.#shown.head.minorVersion === 0 ? "1.0" : "1.1";
  }

  get remoteAddress(): string {
    return this.#origin.remoteAddress;
  }

  /** The path was matched after the program had asked for its request. */
  static fit(request: ConnectionRequest, params: PathParams): void {
    request.#params = params;
  }
}

/** What a request is for, as an absolute URL that can be parsed. */
export function urlOf(
  { head, rawUri }: ShownHead,
  { isSecure, isFiltered }: UrlOrigin,
): string {
  const scheme = isSecure ? "https" : "http";
  const rootedUri = rawUri.startsWith("/") ? rawUri : rooted(rawUri);
  const target = rawUri === "*" ? "" : normal(rootedUri, isFiltered);
  const url = `${scheme}://${head.host}${target}`;
  // What `Host` may be by RFC 3986 is more than a URL can have, such as 1.2.3.256.
  return head.host !== "" && URL.canParse(url) ? url : `${scheme}://${NO_HOST}${target}`;
}

/** The fields as a `Headers` takes them. */
export function fieldsOf(shown: ShownHead): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (const name of shown.names()) {
    const values = shown.values(name);
    if (name === "cookie") pairs.push([name, values.join("; ")]);
    else for (const value of values) pairs.push([name, value]);
  }
  return pairs;
}

/** With its path as a URL has it. */
function normal(target: string, isFiltered: boolean): string {
  const path = rawPathOf(target);
  return normalPath(path, isFiltered) + target.slice(path.length);
}

function rooted(absolute: string): string {
  const rest = absolute.replace(ABSOLUTE, "");
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? "" : target.slice(mark + 1);
}
