/** Headers as users read them: field names and the library's pseudo tokens. */

import type { HeaderFields } from "./core/header_fields.ts";
import type { RequestHead, ResponseHead } from "./core/http_head.ts";
import type { HeaderSource } from "./connection.ts";

/** Field names in any case, and pseudo tokens: names with a blank, which no field can have. */
abstract class Headers implements HeaderSource {
  readonly #fields: HeaderFields;

  constructor(fields: HeaderFields) {
    this.#fields = fields;
  }

  get(token: string): string | undefined {
    const name = token.toLowerCase();
    return this.pseudo().get(name) ?? this.#fields.get(name);
  }

  totalLength(token: string): number {
    return this.get(token)?.length ?? 0;
  }

  snapshot(): Map<string, string> {
    const all = new Map<string, string>(this.pseudo());
    for (const [name] of this.#fields.entries()) all.set(name, this.#fields.get(name)!);
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
