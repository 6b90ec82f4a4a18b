/** Headers as users read them: field names and the library's pseudo tokens. */

import type { HeaderFields } from "./core/header_fields.ts";
import type { RequestHead, ResponseHead } from "./core/http_head.ts";
import type { HeaderSource } from "./phase.ts";
import { log } from "./log.ts";
import type { CheckedTokenLimits } from "./token_limits.ts";

/** What joins the lines of a repeated field. */
const JOINT = ", ";

/** Field names in any case, and pseudo tokens: names with a blank, which no field can have. */
abstract class Headers implements HeaderSource {
  readonly #fields: HeaderFields;
  /** Names whose values are longer than the context lets the program see, and how much it does. */
  #cut: Map<string, number> | undefined;

  constructor(fields: HeaderFields) {
    this.#fields = fields;
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
    const text = this.pseudo().get(name) ?? this.#fields.get(name);
    return this.#cut === undefined ? text : text?.slice(0, this.#cut.get(name));
  }

  totalLength(token: string): number {
    return this.get(token)?.length ?? 0;
  }

  fragment(token: string, n: number): string | undefined {
    const name = token.toLowerCase();
    if (name === "uri args") return this.get(name)?.split("&")[n];
    const pseudo = this.pseudo().get(name);
    const pieces = pseudo === undefined ? this.#fields.getAll(name) : [pseudo];
    const limit = this.#cut?.get(name);
    if (limit === undefined) return pieces[n];
    // Cut where the joined text is cut; what begins behind the cut is gone.
    let start = 0;
    for (let i = 0; i < n; i++) start += (pieces[i]?.length ?? 0) + JOINT.length;
    return start > 0 && start >= limit ? undefined : pieces[n]?.slice(0, limit - start);
  }

  snapshot(): Map<string, string> {
    const all = new Map<string, string>(this.pseudo());
    for (const [name] of this.#fields.entries()) all.set(name, this.#fields.get(name)!);
    for (const [name, limit] of this.#cut ?? []) all.set(name, all.get(name)!.slice(0, limit));
    return all;
  }

  /** Made when asked for: most handshakes are over before anyone asks. */
  protected abstract pseudo(): ReadonlyMap<string, string>;
}

/** The headers of a request on a server. */
export class RequestHeaders extends Headers {
  readonly #head: RequestHead;

  constructor(head: RequestHead) {
    super(head.fields);
    this.#head = head;
  }

  protected override pseudo(): ReadonlyMap<string, string> {
    const { method, path, uriArgs } = this.#head;
    const pseudo = new Map([[`${method.toLowerCase()} uri`, path]]);
    if (uriArgs !== "") pseudo.set("uri args", uriArgs);
    return pseudo;
  }
}

/** The headers of the answer to a client's handshake. */
export class ResponseHeaders extends Headers {
  readonly #head: ResponseHead;

  constructor(head: ResponseHead) {
    super(head.fields);
    this.#head = head;
  }

  protected override pseudo(): ReadonlyMap<string, string> {
    return new Map([["http status", `${this.#head.status} ${this.#head.reason}`]]);
  }
}
