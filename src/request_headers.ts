/** Headers as users read them: field names and the library's pseudo tokens. */

import type { RequestHead, ResponseHead } from "./core/http_head.ts";
import { decodeArguments } from "./core/request_target.ts";
import type { HeaderSource } from "./phase.ts";
import { log } from "./log.ts";
import type { CheckedTokenLimits } from "./token_limits.ts";

/** What joins the lines of a repeated field. */
const JOINT = ", ";
/** The arguments of a request's URI, and what joins them. */
const URI_ARGS = "uri args";
const URI_ARGS_JOINT = "&";
/** The version of HTTP, which stands in the head's first line and is no header. */
const VERSION = "http";

/** Field names in any case, and pseudo tokens: names with a blank, which no field can have. */
abstract class Headers<Head extends RequestHead | ResponseHead> implements HeaderSource {
  protected readonly head: Head;
  /** Names whose values are longer than the context lets the program see, and how much it does. */
  #cut: Map<string, number> | undefined;

  constructor(head: Head) {
    this.head = head;
  }

  /**
   * Cuts what is longer than its limit, with a line in the log. The handshake reads the fields
   * themselves, which stay whole.
   */
  limit(limits: CheckedTokenLimits, socketFd: number): this {
    if (limits === undefined) return this;
    for (const [name, limit] of limits) {
      const length = this.get(name)?.length ?? 0;
      if (length <= limit) continue;
      this.#cut ??= new Map();
      this.#cut.set(name, limit);
      log("warn", () => `connection ${socketFd}: header ${name} is cut from ${length} to ${limit}`);
    }
    return this;
  }

  get(token: string): string | undefined {
    const name = token.toLowerCase();
    if (name === VERSION) return this.#version;
    const text = this.pseudo().get(name) ?? this.head.fields.get(name);
    return this.#cut === undefined ? text : text?.slice(0, this.#cut.get(name));
  }

  totalLength(token: string): number {
    return this.get(token)?.length ?? 0;
  }

  fragment(token: string, n: number): string | undefined {
    const name = token.toLowerCase();
    const pieces = this.pieces(name);
    const limit = this.#cut?.get(name);
    if (limit === undefined) return pieces[n];
    const joint = name === URI_ARGS ? URI_ARGS_JOINT : JOINT;
    // Cut where the joined text is cut; what begins behind the cut is gone.
    let start = 0;
    for (let i = 0; i < n; i++) start += (pieces[i]?.length ?? 0) + joint.length;
    return start > 0 && start >= limit ? undefined : pieces[n]?.slice(0, limit - start);
  }

  snapshot(): Map<string, string> {
    const { fields } = this.head;
    const all = new Map<string, string>(this.pseudo());
    for (const [name] of fields.entries()) all.set(name, fields.get(name)!);
    for (const [name, limit] of this.#cut ?? []) all.set(name, all.get(name)!.slice(0, limit));
    return all;
  }

  /** What {@linkcode fragment} counts, by a name in lower case. */
  protected pieces(name: string): readonly string[] {
    if (name === VERSION) return [this.#version];
    const pseudo = this.pseudo().get(name);
    return pseudo === undefined ? this.head.fields.getAll(name) : [pseudo];
  }

  get #version(): string {
    return `HTTP/1.${this.head.minorVersion}`;
  }

  /** Made when asked for: most handshakes are over before anyone asks. */
  protected abstract pseudo(): ReadonlyMap<string, string>;
}

/** The headers of a request on a server. */
export class RequestHeaders extends Headers<RequestHead> {
  protected override pieces(name: string): readonly string[] {
    const { uriArgs } = this.head;
    if (name !== URI_ARGS || uriArgs === "") return super.pieces(name);
    return decodeArguments(uriArgs);
  }

  protected override pseudo(): ReadonlyMap<string, string> {
    const { method, path, uriArgs } = this.head;
    const pseudo = new Map([[`${method.toLowerCase()} uri`, path]]);
    if (uriArgs !== "") pseudo.set(URI_ARGS, decodeArguments(uriArgs).join(URI_ARGS_JOINT));
    return pseudo;
  }
}

/** The headers of the answer to a client's handshake. */
export class ResponseHeaders extends Headers<ResponseHead> {
  readonly #body: string;

  /** @param body what is shown of the answer's body */
  constructor(head: ResponseHead, body: string) {
    super(head);
    this.#body = body;
  }

  protected override pseudo(): ReadonlyMap<string, string> {
    const { status, reason } = this.head;
    const pseudo = new Map([["http status", `${status} ${reason}`.trimEnd()]]);
    if (this.#body !== "") pseudo.set("http body", this.#body);
    return pseudo;
  }
}
