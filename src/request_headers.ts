/** Headers as users read them: field names and the library's pseudo tokens. */

import type { HeaderFields } from "./core/header_fields.ts";
import type { RequestHead, ResponseHead } from "./core/http_head.ts";
import type { HeaderSource } from "./connection.ts";

/**
 * Field names in any case, and pseudo tokens: names with a blank, which no field can have.
 */
class Headers implements HeaderSource {
  readonly #fields: HeaderFields;
  readonly #pseudo: ReadonlyMap<string, string>;

  constructor(fields: HeaderFields, pseudo: ReadonlyMap<string, string>) {
    this.#fields = fields;
    this.#pseudo = pseudo;
  }

  get(token: string): string | undefined {
    const name = token.toLowerCase();
    return this.#pseudo.get(name) ?? this.#fields.get(name);
  }

  totalLength(token: string): number {
    const name = token.toLowerCase();
    return this.#pseudo.get(name)?.length ?? this.#fields.totalLength(name);
  }

  snapshot(): Map<string, string> {
    const all = new Map<string, string>(this.#pseudo);
    for (const [name] of this.#fields.entries()) all.set(name, this.#fields.get(name)!);
    return all;
  }
}

/** The headers of a request on a server. */
export class RequestHeaders extends Headers {
  constructor(head: RequestHead) {
    const pseudo = new Map([[`${head.method.toLowerCase()} uri`, head.path]]);
    if (head.uriArgs !== "") pseudo.set("uri args", head.uriArgs);
    super(head.fields, pseudo);
  }
}

/** The headers of the answer to a client's handshake. */
export class ResponseHeaders extends Headers {
  constructor(head: ResponseHead) {
    super(head.fields, new Map([["http status", `${head.status} ${head.reason}`]]));
  }
}
